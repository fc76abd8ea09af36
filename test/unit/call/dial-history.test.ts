import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { DialHistory } from '../../../nodes/call/dial/history';

const MINUTE = 60_000;

describe('the history of what was dialled', () => {
  it('refuses the 11th call to a number within any hour, and no other number suffers', () => {
    let now = 0;
    const history = new DialHistory(() => now);
    for (let i = 0; i < 10; i++) {
      now = i * MINUTE;
      assert.equal(history.take('+442079460321', 10), 'right');
    }
    assert.equal(history.take('+442079460321', 10), 'too-often');
    assert.equal(history.take('+442079460322', 10), 'right');
    // The hour slides: when the first call is an hour old there is room for one, and for one only.
    now = 60 * MINUTE - 1;
    assert.equal(history.take('+442079460321', 10), 'too-often');
    now = 60 * MINUTE;
    assert.equal(history.take('+442079460321', 10), 'right');
    assert.equal(history.take('+442079460321', 10), 'too-often');
    now = 61 * MINUTE;
    assert.equal(history.take('+442079460321', 10), 'right');
  });

  it('counts calls and not attempts: who is refused does not wait for longer', () => {
    let now = 0;
    const history = new DialHistory(() => now);
    assert.equal(history.take('a', 1), 'right');
    for (let i = 0; i < 100; i++) assert.equal(history.take('a', 1), 'too-often');
    now = 60 * MINUTE;
    assert.equal(history.take('a', 1), 'right');
  });

  it('has each node its own limit on the one count', () => {
    const history = new DialHistory(() => 0);
    for (let i = 0; i < 3; i++) assert.equal(history.take('a', 10), 'right');
    assert.equal(history.take('a', 3), 'too-often');
    assert.equal(history.take('a', 4), 'right');
  });

  it('holds 100,000 calls and then refuses, until the first are an hour old', () => {
    let now = 0;
    const history = new DialHistory(() => now);
    for (let i = 0; i < 100_000; i++) assert.equal(history.take(`+${i}`, 10), 'right');
    assert.equal(history.take('+new', 10), 'too-many');
    assert.equal(history.size, 100_000);
    now = 60 * MINUTE;
    assert.equal(history.take('+new', 10), 'right');
    assert.equal(history.size, 1);
  });

  it('keeps nothing of numbers that are no longer counted', () => {
    let now = 0;
    const history = new DialHistory(() => now, 50);
    for (let i = 0; i < 10_000; i++) {
      now += 2 * MINUTE;
      assert.equal(history.take(`+${i}`, 1), 'right');
      assert.ok(history.size <= 30);
    }
  });
});
