import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Ears } from '../../../nodes/call/stt/ears';
import type { Place } from '../../../nodes/call/stt/ears';

describe('The ears of a call', () => {
  function stage() {
    const ears = new Ears();
    const told: string[] = [];
    const left: string[] = [];
    const hurried: string[] = [];
    let now = 1;
    const open = (name: string): Place & { say: (what: string) => void } => {
      const ear = {
        leave: () => {
          left.push(name);
          place.leaves();
        },
        hurry: () => hurried.push(name),
      };
      const place = ears.open(ear, now);
      return Object.assign(place, { say: (what: string) => place.tell(() => told.push(`${name}: ${what}`)) });
    };
    /** Frames that reach these ears, 20 ms apart. */
    const frames = (count: number, ...hearing: Place[]): void => {
      for (let i = 0; i < count; i++) {
        now += 20;
        for (const place of hearing) place.heard(now);
      }
    };
    return { ears, told, left, hurried, open, frames };
  }

  it('one that misses 100 ms of what another hears is told to finish, once', () => {
    const { open, frames, left } = stage();
    const ann = open('ann');
    frames(50, ann);
    const bob = open('bob');
    frames(4, bob);
    assert.deepEqual(left, []);
    frames(10, bob);
    assert.deepEqual(left, ['ann']);
  });

  it('on a forked wire all hear, and none is told to finish', () => {
    const { open, frames, left } = stage();
    const [ann, bob, eve] = [open('ann'), open('bob'), open('eve')];
    frames(200, ann, bob, eve);
    assert.deepEqual(left, []);
    frames(20, ann, bob);
    assert.deepEqual(left, ['eve']);
  });

  it('that nobody hears anything (the caller is on hold) is no reason to finish', () => {
    const { open, frames, left } = stage();
    const [ann, bob] = [open('ann'), open('bob')];
    frames(5, ann, bob);
    frames(500);
    frames(2, ann);
    assert.deepEqual(left, []);
    frames(50, bob, ann);
    assert.deepEqual(left, []);
  });

  it('what was said first is told first', () => {
    const { open, frames, told } = stage();
    const ann = open('ann');
    ann.say('begins');
    const bob = open('bob');
    frames(10, bob);
    const eve = open('eve');
    frames(10, eve);
    eve.say('three');
    bob.say('two');
    bob.done();
    assert.deepEqual(told, ['ann: begins']);
    ann.say('one');
    ann.done();
    assert.deepEqual(told, ['ann: begins', 'ann: one', 'bob: two', 'eve: three']);
    eve.say('four');
    assert.equal(told.at(-1), 'eve: four');
  });

  it('tells when the last word of all is said', () => {
    const { ears, open, frames, told } = stage();
    const ann = open('ann');
    const bob = open('bob');
    frames(10, bob);
    bob.say('two');
    ears.whenDone(() => told.push('the end'));
    bob.done();
    ann.say('one');
    ann.done();
    assert.deepEqual(told, ['ann: one', 'bob: two', 'the end']);
    ears.whenDone(() => told.push('at once'));
    assert.equal(told.at(-1), 'at once');
  });

  it('has a limit: of nine that have last words to say, the oldest must hurry', () => {
    const { open, hurried } = stage();
    const places = Array.from({ length: 9 }, (_, i) => open(`ear ${i}`));
    for (const place of places.slice(0, 8)) place.leaves();
    assert.deepEqual(hurried, []);
    places[8]?.leaves();
    assert.deepEqual(hurried, ['ear 0']);
  });
});
