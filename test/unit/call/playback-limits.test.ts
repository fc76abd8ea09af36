/** The limits of what is kept of the agent's speech, each at its edge. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import type { Carrier } from '../../../nodes/call/carrier';
import type { CarrierControl } from '../../../nodes/call/carrier/control';
import { Clips } from '../../../nodes/call/tts/clips';
import type { PlaybackReport, UtteranceInfo } from '../../../nodes/call/message';
import { Playback } from '../../../nodes/call/playback';

const TEN_MINUTES = 600_000 * 8;

describe('the limits of playback', () => {
  let playback: Playback;
  let carrier: Carrier & { connected: boolean };
  let now: number;
  let playedBytes: number;
  let marks: string[];
  let reports: { topic: string; id: string; report: PlaybackReport }[];

  beforeEach(() => {
    [now, playedBytes, marks, reports] = [0, 0, [], []];
    carrier = {
      name: 'test',
      connected: true,
      control: {} as CarrierControl,
      play: (audio, mark) => {
        playedBytes += audio.length;
        if (mark !== undefined) marks.push(mark);
      },
      mark: (name) => marks.push(name),
      clear: () => undefined,
      hangUp: () => Promise.resolve(),
      say: () => Promise.resolve(),
      dispose: () => undefined,
    };
    playback = new Playback({
      carrier,
      now: () => now,
      report: (topic, info, report) => reports.push({ topic, id: info.id, report }),
    });
  });

  const utterance = (id: string, seq = 0, done = true): UtteranceInfo => ({
    ...{ id, by: 'agent', kind: 'reply', seq, done, interruptible: true },
  });

  it('ten minutes of one utterance wait to be heard; the rest is left out', () => {
    for (const [id, bytes] of [
      ['full', TEN_MINUTES],
      ['over', TEN_MINUTES + 160],
    ] as const) {
      playedBytes = 0;
      playback.addAudio(utterance(id), Buffer.alloc(bytes), [], 'tts');
      assert.equal(playedBytes, TEN_MINUTES, id);
      playback.interrupt([id], 'caller');
    }
  });

  it('what was heard makes room for more', () => {
    playback.addAudio(utterance('long', 0, false), Buffer.alloc(TEN_MINUTES), [], 'tts');
    now = 60_000;
    for (const mark of marks.slice(0, 5)) playback.echo(mark);
    playback.addAudio(utterance('long', 1, false), Buffer.alloc(16_000), [], 'tts');
    assert.equal(playedBytes, TEN_MINUTES + 8_000);
  });

  it('a hundred utterances wait to be heard; the next is closed at once, unheard, until there is room', () => {
    for (let i = 0; i < 100; i++) assert.equal(playback.openUtterance(utterance(`u${i}`), 'agent'), true);
    assert.deepEqual(reports, []);
    assert.equal(playback.openUtterance(utterance('over'), 'agent'), false);
    assert.deepEqual(reports, [
      { topic: 'playback.interrupted', id: 'over', report: { heardMs: 0, heardText: '', reason: 'timeout' } },
    ]);
    assert.ok(playback.isDead('over'));
    assert.equal(playback.openUtterance(utterance('u7'), 'tts'), true, 'one that is open stays so');
    playback.interrupt(['u0'], 'caller');
    assert.equal(playback.openUtterance(utterance('again'), 'agent'), true);
  });

  it('a pause that nobody ends is ended after 15 s', () => {
    playback.addAudio(utterance('one'), Buffer.alloc(16_000), [], 'tts');
    playback.pause();
    const before = playedBytes;
    now = 15_000;
    playback.tick();
    assert.ok(playback.paused);
    assert.equal(playedBytes, before);
    now = 15_001;
    playback.tick();
    assert.ok(!playback.paused);
    assert.ok(playedBytes > before);
  });

  it('of a thousand closed utterances it is known what was heard; of one more, the oldest is forgotten', () => {
    const say = (i: number): void => {
      playback.openUtterance(utterance(`u${i}`), 'agent');
      playback.interrupt([`u${i}`], 'caller');
    };
    for (let i = 0; i < 1_000; i++) say(i);
    assert.equal(playback.record('u0')?.state, 'interrupted');
    say(1_000);
    assert.equal(playback.record('u0'), undefined);
    assert.equal(playback.record('u1')?.state, 'interrupted');
    assert.equal(playback.record('u1000')?.state, 'interrupted');
    // The open one is never the one that is forgotten.
    playback.openUtterance(utterance('open'), 'agent');
    for (let i = 0; i < 1_100; i++) say(2_000 + i);
    assert.equal(playback.record('open')?.state, 'open');
  });
});

describe('a clip of the apology', () => {
  it('is kept up to 30 s, and not if it is longer or empty', () => {
    const clips = new Clips();
    for (const [key, bytes, kept] of [
      ['full', 240_000, true],
      ['over', 240_001, false],
      ['empty', 0, false],
    ] as const) {
      assert.ok(clips.begin(key));
      clips.keep(key, { audio: Buffer.alloc(bytes), words: [] });
      assert.equal(clips.get(key) !== undefined, kept, key);
      // What was not kept may be made again.
      assert.equal(clips.begin(key), !kept, key);
    }
  });
});
