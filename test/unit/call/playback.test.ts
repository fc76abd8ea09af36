import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import type { Carrier } from '../../../nodes/call/carrier';
import type { CarrierControl } from '../../../nodes/call/carrier/control';
import type { PlaybackReport, UtteranceInfo } from '../../../nodes/call/message';
import { Playback } from '../../../nodes/call/playback';

/** A phone line whose clock the test moves: plays 8 bytes a millisecond and echoes marks, as a carrier does. */
class Line implements Carrier {
  readonly name = 'test';
  connected = true;
  readonly control = {} as CarrierControl;
  time = 0;
  /** Every frame that reached the caller's ear: the first byte of each 20 ms. */
  readonly heard: number[] = [];
  clears = 0;
  echoing = true;
  private buffer: number[] = [];
  private position = 0;
  private marks: { name: string; at: number }[] = [];
  private queued = 0;
  playback!: Playback;

  play(audio: Buffer, mark?: string): void {
    assert.equal(audio.length % 160, 0, 'whole frames only');
    this.queued += audio.length;
    for (let i = 0; i < audio.length; i += 160) this.buffer.push(audio[i] ?? 0);
    if (mark !== undefined) this.mark(mark);
  }

  mark(name: string): void {
    this.marks.push({ name, at: this.queued });
  }

  clear(): void {
    this.clears++;
    this.buffer = [];
    this.queued = this.position;
    for (const mark of this.marks.splice(0)) if (this.echoing) this.playback.echo(mark.name);
  }

  /** Time passes; the caller listens. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 20) {
      this.time += 20;
      const frame = this.buffer.shift();
      if (frame !== undefined) {
        this.heard.push(frame);
        this.position += 160;
      }
      while (this.marks[0] && this.marks[0].at <= this.position) {
        const mark = this.marks.shift();
        if (mark && this.echoing) this.playback.echo(mark.name);
      }
    }
  }

  hangUp(): Promise<void> {
    return Promise.resolve();
  }
  say(): Promise<void> {
    return Promise.resolve();
  }
  dispose(): void {
    this.connected = false;
  }
}

const WORD_MS = 200;

/** A word of the test's language: 200 ms of one byte value, so that the ear can tell which it was. */
function speech(first: number, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.alloc(WORD_MS * 8, first + i)));
}

function words(names: string[]): { text: string; startMs: number; endMs: number }[] {
  return names.map((text, i) => ({ text, startMs: i * WORD_MS, endMs: i * WORD_MS + 160 }));
}

function utterance(id: string, more: Partial<UtteranceInfo> = {}): UtteranceInfo {
  return { id, by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true, ...more };
}

describe('playback: what the caller has heard', () => {
  let line: Line;
  let playback: Playback;
  let reports: { topic: string; id: string; report: PlaybackReport }[];

  beforeEach(() => {
    line = new Line();
    reports = [];
    playback = new Playback({
      carrier: line,
      now: () => line.time,
      report: (topic, info, report) => reports.push({ topic, id: info.id, report }),
    });
    line.playback = playback;
  });

  const topics = (): string[] => reports.map(({ topic, id }) => `${topic.slice(9)} ${id}`);

  it('tells start and end of an utterance that is heard out', () => {
    playback.addText('a', 'one two three', 'tts');
    playback.addAudio(utterance('a'), speech(1, 3), words(['one', 'two', 'three']), 'tts');
    assert.deepEqual(topics(), ['started a']);
    line.pass(600);
    assert.deepEqual(topics(), ['started a', 'finished a']);
    assert.deepEqual(reports[1]?.report, { heardMs: 600, heardText: 'one two three' });
    assert.equal(playback.busy, false);
  });

  it('sends a mark with every 200 ms and one at the end', () => {
    const marks: string[] = [];
    line.mark = (name) => marks.push(name);
    playback.addAudio(utterance('a'), Buffer.alloc(1600 * 2 + 400, 7), [], 'tts');
    assert.deepEqual(marks, ['a:0:1600', 'a:0:3200', 'a:0:3600']);
  });

  it('the caller interrupts: history holds the words that had begun, and nothing is heard after the clear', () => {
    playback.addAudio(utterance('a'), speech(1, 10), words(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']), 'tts');
    line.pass(700);
    playback.interrupt(undefined, 'caller');
    const before = line.heard.length;
    line.pass(1000);
    assert.equal(line.heard.length, before);
    assert.deepEqual(reports.at(-1), {
      topic: 'playback.interrupted',
      id: 'a',
      report: { heardMs: 700, heardText: 'a b c d', reason: 'caller' },
    });
  });

  it('the echoes that a clear lets loose do not count as heard', () => {
    playback.addAudio(utterance('a'), speech(1, 10), words(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']), 'tts');
    line.pass(100);
    playback.interrupt(['a'], 'caller');
    assert.equal(playback.record('a')?.heardText, 'a');
  });

  it('nothing played, nothing heard', () => {
    playback.openUtterance(utterance('a'), 'agent');
    playback.addText('a', 'never said', 'writer');
    playback.interrupt(undefined, 'caller');
    assert.deepEqual(reports.at(-1)?.report, { heardMs: 0, heardText: '', reason: 'caller' });
    assert.equal(line.clears, 0, 'nothing was at the carrier: no clear');
  });

  it('utterances are spoken one after another in the order of opening, however their audio comes', () => {
    playback.openUtterance(utterance('a'), 'agent');
    playback.openUtterance(utterance('b'), 'agent');
    playback.addAudio(utterance('b'), speech(20, 2), [], 'tts');
    line.pass(200);
    assert.equal(line.heard.length, 0, 'b waits for a');
    playback.addAudio(utterance('a', { done: false }), speech(1, 1), [], 'tts');
    line.pass(100);
    playback.addAudio(utterance('a', { seq: 1 }), speech(2, 1), [], 'tts');
    line.pass(800);
    assert.deepEqual([...new Set(line.heard)], [1, 2, 20, 21]);
    assert.deepEqual(topics(), ['started a', 'finished a', 'started b', 'finished b']);
  });

  it('a protected notice queued behind a cut reply is heard in full', () => {
    playback.addAudio(utterance('reply'), speech(1, 5), [], 'tts');
    playback.addAudio(utterance('notice', { kind: 'notice', interruptible: false }), speech(50, 3), [], 'tts');
    line.pass(300);
    playback.interrupt(undefined, 'caller');
    line.pass(2000);
    const notice = line.heard.filter((frame) => frame >= 50);
    assert.equal(notice.length, 30);
    assert.equal(line.heard.filter((frame) => frame < 50).length, 15);
    assert.deepEqual(topics(), ['started reply', 'interrupted reply', 'started notice', 'finished notice']);
  });

  it('a protected notice that is being heard goes on when the reply behind it is given up', () => {
    playback.addAudio(utterance('notice', { interruptible: false }), speech(50, 3), [], 'tts');
    playback.addAudio(utterance('reply'), speech(1, 5), [], 'tts');
    line.pass(300);
    playback.interrupt(undefined, 'caller');
    line.pass(2000);
    assert.deepEqual([...new Set(line.heard)], [50, 51, 52]);
    assert.equal(line.heard.length, 30);
  });

  it('pause and resume: goes on from the word where it stopped, nothing twice', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    playback.addAudio(utterance('a'), speech(1, 5), words(names), 'tts');
    line.pass(460); // 60 ms into the third word
    playback.pause(['a']);
    const atPause = line.heard.length;
    line.pass(500);
    assert.equal(line.heard.length, atPause, 'silent while paused');
    playback.resume();
    line.pass(2000);
    const after = line.heard.slice(atPause);
    assert.deepEqual([...new Set(after)], [3, 4, 5], 'from the start of the cut word');
    assert.equal(after.filter((frame) => frame === 3).length, 10);
    assert.deepEqual(topics(), ['started a', 'finished a']);
  });

  it('a word heard out before the pause is not said again', () => {
    playback.addAudio(utterance('a'), speech(1, 3), words(['a', 'b', 'c']), 'tts');
    line.pass(380);
    playback.pause();
    playback.resume();
    line.pass(1000);
    assert.equal(line.heard.filter((frame) => frame === 2).length, 10, 'its gap goes on, the word does not');
    assert.equal(line.heard.filter((frame) => frame === 3).length, 10);
  });

  it('a pause meant for an earlier reply does not mute the next', () => {
    playback.addAudio(utterance('b'), speech(1, 3), [], 'tts');
    playback.pause(['a']);
    line.pass(600);
    assert.equal(line.heard.length, 30);
  });

  it('late audio of a given-up utterance counts for nothing', () => {
    playback.addAudio(utterance('a', { done: false }), speech(1, 1), [], 'tts');
    playback.interrupt(['a'], 'caller');
    assert.equal(playback.addAudio(utterance('a', { seq: 1 }), speech(2, 1), [], 'tts'), false);
    assert.equal(playback.addAudio(utterance('unborn', {}), speech(2, 1), [], 'tts'), true);
    playback.interrupt(['never seen'], 'caller');
    assert.equal(playback.openUtterance(utterance('never seen'), 'agent'), false);
  });

  it('a piece that comes twice is played once', () => {
    playback.addAudio(utterance('a', { done: false }), speech(1, 1), [], 'tts');
    playback.addAudio(utterance('a', { done: false }), speech(1, 1), [], 'tts');
    playback.addAudio(utterance('a', { seq: 1 }), Buffer.alloc(0), [], 'tts');
    line.pass(1000);
    assert.equal(line.heard.length, 10);
  });

  it('pieces of odd length are joined into whole frames; only the end is padded', () => {
    const audio = speech(1, 3);
    for (let at = 0, seq = 0; at < audio.length; at += 137, seq++) {
      const done = at + 137 >= audio.length;
      playback.addAudio(utterance('a', { seq, done }), audio.subarray(at, at + 137), [], 'tts');
    }
    line.pass(1000);
    assert.deepEqual(line.heard, [
      ...Array<number>(10).fill(1),
      ...Array<number>(10).fill(2),
      ...Array<number>(10).fill(3),
    ]);
    assert.equal(reports.at(-1)?.report.heardMs, 600);
  });

  it('without timestamps, the words go in proportion', () => {
    playback.addText('a', 'x', 'tts');
    playback.openUtterance(utterance('a'), 'agent');
    playback.addText('a', 'four words of text', 'tts');
    playback.addAudio(utterance('a'), speech(1, 4), [], 'tts');
    line.pass(380);
    playback.interrupt(undefined, 'caller');
    assert.equal(playback.record('a')?.heardText, 'four words');
  });

  it('the end is told after the last audio has been heard: the utterance is finished at once', () => {
    playback.addAudio(utterance('a', { done: false }), speech(1, 1), [], 'tts');
    line.pass(400);
    assert.deepEqual(topics(), ['started a']);
    playback.addAudio(utterance('a', { seq: 1 }), Buffer.alloc(0), [], 'tts');
    assert.deepEqual(topics(), ['started a', 'finished a']);
  });

  it('a TTS that fails in the middle: what came is heard, then it is closed as failed', () => {
    playback.addAudio(utterance('a', { done: false }), speech(1, 2), words(['one', 'two']), 'tts');
    playback.addText('a', 'one two three four', 'tts');
    playback.fail('a', 'tts-failed');
    line.pass(1000);
    assert.deepEqual(reports.at(-1)?.report, { heardMs: 400, heardText: 'one two', reason: 'tts-failed' });
  });

  it('lost echoes: the clock is believed in the end', () => {
    line.echoing = false;
    playback.addAudio(utterance('a'), speech(1, 2), [], 'tts');
    line.pass(1000);
    playback.tick();
    assert.deepEqual(topics(), ['started a']);
    line.pass(3000);
    playback.tick();
    assert.deepEqual(topics(), ['started a', 'finished a']);
  });

  it('an utterance that gets no audio is given up, and the next is spoken', () => {
    playback.openUtterance(utterance('mute'), 'agent');
    playback.addAudio(utterance('b'), speech(1, 1), [], 'tts');
    line.pass(6100);
    playback.tick();
    line.pass(1000);
    assert.deepEqual(topics(), ['interrupted mute', 'started b', 'finished b']);
    assert.equal(reports[0]?.report.reason, 'timeout');
  });

  it('the stream is lost and comes back: goes on from the first unheard frame', () => {
    playback.addAudio(utterance('a'), speech(1, 5), [], 'tts');
    line.pass(500);
    line.connected = false;
    playback.streamLost();
    line.clear();
    line.pass(300);
    line.connected = true;
    playback.streamOpened();
    line.pass(2000);
    assert.equal(line.heard.length, 50);
    assert.deepEqual(topics(), ['started a', 'finished a']);
  });

  it('the call ends in the middle: the tail is credited by the clock', () => {
    line.echoing = false;
    playback.addAudio(utterance('a'), speech(1, 5), words(['a', 'b', 'c', 'd', 'e']), 'tts');
    line.pass(500);
    playback.end();
    assert.deepEqual(reports.at(-1)?.report, { heardMs: 500, heardText: 'a b c', reason: 'call-ended' });
  });
});
