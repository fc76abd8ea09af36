import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import type { PlaybackReport, UtteranceInfo } from '../../../nodes/call/message';
import { LoneCall } from './lone-call';

const AUDIO = Buffer.alloc(1_600, 1);

describe('an agent that must not be heard', () => {
  let lone: LoneCall;
  const info = (id: string, more: Partial<UtteranceInfo> = {}): UtteranceInfo => ({
    ...{ id, by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true },
    ...more,
  });
  const told = (): string[] =>
    lone.events
      .filter(({ topic }) => topic.startsWith('playback.'))
      .map(({ topic, utterance, payload }) =>
        `${topic.slice(9)} ${utterance?.id} ${(payload as PlaybackReport).reason ?? ''}`.trim(),
      );

  beforeEach(() => {
    lone = new LoneCall().begin();
  });

  describe('at rest', () => {
    it('what is open is given up, what is protected too, and what is opened is closed at once', () => {
      const { playback } = lone.call;
      playback.addAudio(info('a', { interruptible: false }), AUDIO, [], 'tts');
      playback.openUtterance(info('b'), 'agent');
      playback.rest('away');
      assert.deepEqual(told(), ['started a', 'interrupted a away', 'interrupted b away']);
      assert.equal(playback.openUtterance(info('c'), 'agent'), false);
      assert.equal(playback.addAudio(info('d'), AUDIO, [], 'tts'), false);
      assert.deepEqual(told().slice(3), ['interrupted c away', 'interrupted d away']);
      assert.equal(playback.busy, false);
    });

    it('but for the words of one node', () => {
      const { playback } = lone.call;
      playback.openUtterance(info('mine'), 'in');
      playback.openUtterance(info('other'), 'agent');
      playback.rest('machine', 'in');
      assert.deepEqual(told(), ['interrupted other machine']);
      assert.equal(playback.addAudio(info('mine'), AUDIO, [], 'in'), true);
      lone.hearAll();
      assert.equal(told().at(-1), 'finished mine');
    });

    it('awake, it speaks again, but nothing of what was given up', () => {
      const { playback } = lone.call;
      playback.addAudio(info('a', { done: false }), AUDIO, [], 'tts');
      playback.rest('away');
      playback.wake();
      assert.equal(playback.addAudio(info('a', { seq: 1 }), AUDIO, [], 'tts'), false);
      assert.equal(playback.addAudio(info('b'), AUDIO, [], 'tts'), true);
      lone.hearAll();
      assert.equal(told().at(-1), 'finished b');
    });
  });

  describe('held back', () => {
    it('nothing goes to the carrier, and all of it does when it is released', () => {
      const { playback } = lone.call;
      playback.hold();
      playback.addAudio(info('a'), AUDIO, [], 'tts');
      assert.deepEqual([lone.carrier.played.length, told()], [0, []]);
      playback.release();
      assert.equal(Buffer.concat(lone.carrier.played).length, AUDIO.length);
      lone.hearAll();
      assert.deepEqual(told(), ['started a', 'finished a']);
    });

    it('what was cut meanwhile was never heard', () => {
      const { playback } = lone.call;
      playback.hold();
      playback.addAudio(info('a'), AUDIO, [], 'tts');
      playback.interrupt(undefined, 'machine');
      playback.release();
      assert.deepEqual([lone.carrier.played.length, told()], [0, ['interrupted a machine']]);
    });

    it('a pause that ends, and a new stream, let nothing through', () => {
      const { playback } = lone.call;
      playback.hold();
      playback.addAudio(info('a'), AUDIO, [], 'tts');
      playback.pause();
      playback.resume();
      playback.streamOpened();
      playback.tick();
      assert.deepEqual([lone.carrier.played.length, told()], [0, []]);
    });
  });
});

describe('a call whose caller is put through', () => {
  it('is away once, and live again with the next stream', () => {
    const lone = new LoneCall().begin();
    lone.call.leave('+15559999');
    lone.call.leave('+15559999');
    assert.deepEqual(lone.topics(), ['call.started', 'call.away']);
    assert.deepEqual(lone.events[1]?.payload, { to: '+15559999' });
    assert.equal(lone.call.state, 'away');
    lone.call.streamOpened();
    assert.equal(lone.call.state, 'live');
    assert.equal(lone.call.playback.openUtterance({ id: 'a', kind: 'reply', interruptible: true }, 'agent'), true);
  });

  it('one that has not begun does not leave', () => {
    const lone = new LoneCall();
    lone.call.leave('+15559999');
    assert.equal(lone.call.state, 'offered');
    assert.deepEqual(lone.topics(), []);
  });
});

describe('when the agent has finished speaking', () => {
  let lone: LoneCall;
  let silent: boolean;
  const turns = async (count: number): Promise<void> => {
    for (; count > 0; count--) await new Promise((resolve) => setImmediate(resolve));
  };
  const wait = (ms = 10_000): void => {
    void lone.call.whenSilent(ms).then(() => (silent = true));
  };
  const open = (id: string): boolean =>
    lone.call.playback.openUtterance({ id, kind: 'reply', interruptible: true }, 'n');

  beforeEach(() => {
    lone = new LoneCall().begin();
    silent = false;
  });

  it('is at once where nobody speaks or thinks, when what is on the wires has arrived', async () => {
    wait();
    await turns(3);
    assert.equal(silent, false, 'a reply may be on its way');
    await turns(10);
    assert.equal(silent, true);
  });

  it('waits for a reply that is being made, for its utterance, and for what follows in the same breath', async () => {
    lone.call.compose('agent', true);
    wait();
    await turns(20);
    assert.equal(silent, false, 'thinking');
    open('a');
    lone.call.compose('agent', false);
    await turns(20);
    assert.equal(silent, false, 'speaking');
    lone.call.playback.addAudio(
      { id: 'a', by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true },
      AUDIO,
      [],
      'n',
    );
    lone.hearAll();
    open('b');
    await turns(20);
    assert.equal(silent, false, 'and goes on');
    lone.call.playback.interrupt(undefined, 'caller');
    await turns(20);
    assert.equal(silent, true);
  });

  it('waits for each of two agents', async () => {
    lone.call.compose('one', true);
    lone.call.compose('two', true);
    wait();
    lone.call.compose('one', false);
    await turns(20);
    assert.equal(silent, false);
    lone.call.compose('two', false);
    await turns(20);
    assert.equal(silent, true);
  });

  it('does not wait for longer than it may, nor beyond the end of the call', async () => {
    lone.call.compose('agent', true);
    const before = performance.now();
    await lone.call.whenSilent(60);
    assert.ok(performance.now() - before >= 55);
    open('a');
    wait();
    await turns(20);
    assert.equal(silent, false);
    lone.call.end('caller-hangup');
    await turns(20);
    assert.equal(silent, true);
  });
});
