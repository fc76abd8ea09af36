import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import {
  decideTurn,
  interruptedByWords,
  isBlocked,
  pausedBySpeech,
  PauseWatch,
} from '../../../nodes/agent/turn-taking';
import type { OpenUtterance } from '../../../nodes/agent/turn-taking';

const utterance = (more: Partial<OpenUtterance> = {}): OpenUtterance => ({
  id: 'u1',
  kind: 'reply',
  interruptible: true,
  heard: true,
  mine: true,
  ...more,
});
const words = { mode: 'words', words: 3 } as const;

describe('Barge-in', () => {
  it("the caller's first words stop all that may be stopped", () => {
    const open = [utterance(), utterance({ id: 'u2', heard: false }), utterance({ id: 'u3', interruptible: false })];
    assert.deepEqual(interruptedByWords(open, 'wait', words), ['u1', 'u2']);
  });
  it('words before anything was heard stop nothing', () => {
    assert.deepEqual(interruptedByWords([utterance({ heard: false })], 'and also', words), []);
  });
  it('what is no word stops nothing', () => assert.deepEqual(interruptedByWords([utterance()], ' ... ', words), []));
  it('after so many words', () => {
    const count = { mode: 'count', words: 3 } as const;
    assert.deepEqual(interruptedByWords([utterance()], 'yes, right', count), []);
    assert.deepEqual(interruptedByWords([utterance()], "no that's wrong", count), ['u1']);
  });
  it('never', () => assert.deepEqual(interruptedByWords([utterance()], 'a b c d', { mode: 'never', words: 1 }), []));
  it('the voice alone pauses only in its own mode, and only what may be interrupted', () => {
    const speech = { mode: 'speech', words: 3 } as const;
    assert.deepEqual(pausedBySpeech([utterance()], speech), ['u1']);
    assert.deepEqual(pausedBySpeech([utterance({ interruptible: false })], speech), []);
    assert.deepEqual(pausedBySpeech([utterance({ heard: false })], speech), []);
    assert.deepEqual(pausedBySpeech([utterance()], words), []);
  });
});

describe('A finished turn of the caller', () => {
  it('joins a reply that was not heard', () => assert.equal(decideTurn([utterance({ heard: false })], true), 'join'));
  it('waits for what must be heard out', () => {
    assert.equal(decideTurn([utterance({ interruptible: false, mine: false })], false), 'wait');
    assert.equal(decideTurn([utterance({ kind: 'greeting', heard: false })], false), 'wait');
  });
  it('is answered when nothing is in the way', () => {
    assert.equal(decideTurn([], false), 'answer');
    assert.equal(isBlocked([utterance({ mine: false, heard: false })]), false);
  });
});

describe('Pause and resume', () => {
  it('a cough: on again 2 s after the voice fell silent', () => {
    const watch = new PauseWatch();
    assert.deepEqual(watch.speechStarted(['u1'], 1000), { pause: ['u1'] });
    watch.speechStopped(1300);
    assert.equal(watch.dueAt, 3300);
    assert.equal(watch.expire(3299), undefined);
    assert.deepEqual(watch.expire(3300), { resume: ['u1'] });
    assert.equal(watch.dueAt, undefined);
  });
  it('on again 4 s after the voice began, if nobody says that it stopped', () => {
    const watch = new PauseWatch();
    watch.speechStarted(['u1'], 0);
    assert.deepEqual(watch.expire(4000), { resume: ['u1'] });
  });
  it('words: no resume', () => {
    const watch = new PauseWatch();
    watch.speechStarted(['u1'], 0);
    watch.settled();
    assert.equal(watch.expire(9000), undefined);
  });
  it('a second sound keeps the pause and waits anew', () => {
    const watch = new PauseWatch();
    watch.speechStarted(['u1'], 0);
    watch.speechStopped(100);
    assert.equal(watch.speechStarted(['u1'], 1500), undefined);
    assert.equal(watch.dueAt, 5500);
  });
});
