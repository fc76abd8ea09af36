import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { Privacy } from '../../../nodes/call/privacy';

describe('a private stretch of a call', () => {
  let now: number;
  let privacy: Privacy;
  const at = (ms: number, on: boolean): void => {
    now = ms;
    privacy.set(on);
  };

  beforeEach(() => {
    now = 0;
    privacy = new Privacy(() => now);
  });

  it('covers nothing before it has ever begun', () => {
    assert.equal(privacy.on, false);
    assert.equal(privacy.covers(undefined, 1_000), false);
  });

  it('covers what was said in it, also when the words come after its end', () => {
    at(10_000, true);
    assert.equal(privacy.on, true);
    at(20_000, false);
    assert.equal(privacy.on, false);
    assert.equal(privacy.covers(12_000, 15_000), true);
  });

  it('covers what reaches into it from either side, or over it', () => {
    at(10_000, true);
    at(20_000, false);
    assert.equal(privacy.covers(8_000, 12_000), true, 'begun before');
    assert.equal(privacy.covers(18_000, 25_000), true, 'ended after');
    assert.equal(privacy.covers(5_000, 30_000), true, 'around');
  });

  it('0.3 s on both sides are private too, and no more', () => {
    at(10_000, true);
    at(20_000, false);
    assert.equal(privacy.covers(9_000, 9_700), true);
    assert.equal(privacy.covers(9_000, 9_699), false);
    assert.equal(privacy.covers(20_300, 21_000), true);
    assert.equal(privacy.covers(20_301, 21_000), false);
  });

  it('where nobody knows when it began, its end decides', () => {
    at(10_000, true);
    assert.equal(privacy.covers(undefined, 9_000), false);
    assert.equal(privacy.covers(undefined, 500_000), true, 'for as long as it lasts');
    at(500_000, false);
    assert.equal(privacy.covers(undefined, 500_100), true);
    assert.equal(privacy.covers(undefined, 501_000), false);
  });

  it('two within a minute are one: words of the first may still come', () => {
    at(10_000, true);
    at(20_000, false);
    at(79_000, true);
    at(80_000, false);
    assert.equal(privacy.covers(12_000, 15_000), true);
  });

  it('after more than a minute the first one is forgotten', () => {
    at(10_000, true);
    at(20_000, false);
    at(80_001, true);
    assert.equal(privacy.covers(12_000, 15_000), false);
    assert.equal(privacy.covers(81_000, 82_000), true);
  });

  it('asking for what is so already changes nothing', () => {
    at(10_000, true);
    at(15_000, true);
    assert.equal(privacy.covers(11_000, 12_000), true);
    at(20_000, false);
    at(30_000, false);
    assert.equal(privacy.covers(25_000, 26_000), false);
  });
});
