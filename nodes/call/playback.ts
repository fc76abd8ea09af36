import type { Carrier } from './carrier';
import type { PlaybackEnd, PlaybackReport, UtteranceInfo, Word } from './message';
import { BYTES_PER_MS, FRAME_BYTES } from './mulaw';
import { Timeline } from './playback/timeline';
import { UtteranceLine } from './playback/utterance-line';
import type { PlaybackRecord } from './playback/utterance-line';

export type { PlaybackRecord } from './playback/utterance-line';

/** A mark goes out with every 200 ms of audio (CALLS, section 3). */
const MARK_BYTES = 200 * BYTES_PER_MS;
/** An utterance at the head of the queue that gets neither text nor audio for so long is given up: never silence. */
const STALLED_MS = 6_000;
/** An echo that is overdue by so much was lost: the clock is believed then. */
const LOST_ECHO_MS = 3_000;
/** A pause that nobody ends is ended: a flow that forgot `reply.resume` must not mute the call. */
const MAX_PAUSE_MS = 15_000;
/** How many utterances of a call wait to be heard, or are being heard; further ones are closed at once, unheard. */
const MAX_OPEN = 100;
/** How many closed utterances are remembered with what was heard of them. */
const MAX_RECORDS = 1_000;

/** What the playback reports, and to whom: the call passes it to the carrier's in-node, which puts it on the wire. */
export type PlaybackTopic = 'playback.started' | 'playback.finished' | 'playback.interrupted';

/** What playback needs of its call. */
export interface PlaybackHost {
  readonly carrier: Carrier;
  /** A clock in ms that never jumps. */
  now(): number;
  report(topic: PlaybackTopic, utterance: UtteranceInfo, report: PlaybackReport, record: PlaybackRecord): void;
}

/**
 * The utterances of one call, in the order of opening, and what the caller has heard of each.
 *
 * Audio goes to the carrier as soon as its turn has come, faster than it is heard; the carrier buffers it. What the
 * caller has heard is known by the echoes of marks, and between echoes by the clock. Whatever was sent and not yet heard
 * is kept, for a `clear` throws away all that the carrier holds, also what was not meant.
 */
export class Playback {
  private lines: UtteranceLine[] = [];
  private readonly records = new Map<string, PlaybackRecord>();
  private readonly timeline: Timeline;
  private pausedSince: number | undefined;
  private readonly waiting: (() => void)[] = [];
  private ended = false;
  /** While set nothing is opened, but by this node: why what is opened is closed at once. */
  private resting: { reason: PlaybackEnd; but: string | undefined } | undefined;
  private holding = false;

  constructor(private readonly host: PlaybackHost) {
    this.timeline = new Timeline(() => host.now());
  }

  /** True while any utterance is open: the agent has not finished speaking. */
  get busy(): boolean {
    return this.lines.length > 0;
  }

  get paused(): boolean {
    return this.pausedSince !== undefined;
  }

  /** Ids of the open utterances, in the order in which they are spoken. */
  get open(): readonly PlaybackRecord[] {
    return this.lines.map((line) => line.record);
  }

  /** What became of an utterance of this call, if it was ever opened. While it is open, `heard*` are as of now. */
  record(id: string): PlaybackRecord | undefined {
    const line = this.line(id);
    if (line) {
      this.catchUp();
      line.describe();
    }
    return this.records.get(id);
  }

  /** True for an utterance that was given up: nothing of it may be spoken any more, however late it comes. */
  isDead(id: string): boolean {
    if (this.ended) return true;
    // What is open has a line.
    const line = this.line(id);
    return line ? line.failed !== undefined : this.records.has(id);
  }

  /**
   * Opens an utterance: takes its place in the queue. Opening one again changes nothing.
   * @returns false if it is closed: already, or at once (`timeout`) because too many are open
   */
  openUtterance(info: Pick<UtteranceInfo, 'id' | 'kind' | 'interruptible'>, openedBy: string): boolean {
    if (this.isDead(info.id)) return false;
    if (this.records.has(info.id)) return true;
    const record: PlaybackRecord = {
      id: info.id,
      kind: info.kind,
      interruptible: info.interruptible,
      openedBy,
      state: 'open',
      text: '',
      heardText: '',
      heardMs: 0,
    };
    this.records.set(info.id, record);
    if (this.records.size > MAX_RECORDS) this.forgetOldest();
    const line = new UtteranceLine(record, this.host.now());
    const refusal = this.lines.length >= MAX_OPEN ? 'timeout' : this.restingFor(openedBy);
    if (refusal !== undefined) {
      this.close(line, refusal);
      return false;
    }
    this.lines.push(line);
    return true;
  }

  /**
   * Notes a piece of the text that an utterance is to say; the pieces are joined as they are. What the TTS was given
   * counts, for a flow may have changed it on the way; what was written stands in where a TTS tells nothing.
   */
  addText(id: string, text: string, by: 'writer' | 'tts'): void {
    const line = this.line(id);
    if (!line) return;
    line.addText(text, by);
    line.lastActivity = this.host.now();
  }

  /**
   * Takes a piece of an utterance's audio: raw mu-law 8 kHz of any length, with or after it the words' times.
   * A piece that came before (utterance and seq) is ignored, and so is whatever is late.
   * @returns false if the piece was not taken.
   */
  addAudio(info: UtteranceInfo, audio: Buffer, words: readonly Word[], openedBy: string): boolean {
    let line = this.line(info.id);
    if (!line || line.failed !== undefined) {
      if (!this.openUtterance(info, openedBy)) return false;
      line = this.line(info.id);
    }
    const now = this.host.now();
    if (!line || line.complete || !line.addAudio(info.seq, audio, words, info.done, now)) return false;
    line.lastActivity = now;
    this.pump();
    return true;
  }

  /**
   * The TTS gives up an utterance: what is there is heard out, then it is closed as interrupted.
   * @param reason `tts-failed` or `timeout`
   */
  fail(id: string, reason: PlaybackEnd): void {
    const line = this.line(id);
    if (!line || line.complete) return;
    line.fail(reason);
    this.pump();
  }

  /**
   * Falls silent, but keeps everything: the carrier is cleared, TTS and model run on.
   * @param ids only if one of these is being spoken; a pause that comes late must not mute the next reply
   */
  pause(ids?: readonly string[]): void {
    const head = this.lines[0];
    if (this.paused || !head || (ids && !ids.includes(head.record.id))) return;
    this.catchUp();
    this.pausedSince = this.host.now();
    if (this.timeline.sent > this.timeline.heard) this.clear();
  }

  /** Goes on from the last word begun. */
  resume(): void {
    if (!this.paused) return;
    this.pausedSince = undefined;
    const line = this.lines[0];
    if (line && line.sent > 0) line.rewind();
    this.pump();
  }

  /**
   * Gives utterances up: those named, or without names all that may be interrupted.
   * Nothing of them is heard after this; what was not given up is sent again from its first unheard frame.
   */
  interrupt(ids: readonly string[] | undefined, reason: PlaybackEnd): void {
    const named = ids && new Set(ids);
    const targets = this.lines.filter((line) => (named ? named.has(line.record.id) : line.record.interruptible));
    if (named) for (const id of named) if (!this.records.has(id)) this.buryUnborn(id, reason);
    if (targets.length === 0) return;
    this.catchUp();
    const atCarrier = targets.some((line) => line.sent > line.heard);
    this.pausedSince = undefined;
    this.lines = this.lines.filter((line) => !targets.includes(line));
    if (atCarrier) this.clear();
    // What had been heard out, though its echo is still on the way, was not cut.
    for (const line of targets) this.close(line, line.heardOut ? line.failed : reason);
    this.pump();
    this.announce();
  }

  /**
   * Nothing more is spoken until `wake`: what is open is given up, protected or not, and what is opened is closed at once.
   * @param but id of a node whose utterances are spoken all the same
   */
  rest(reason: PlaybackEnd, but?: string): void {
    this.resting = { reason, but };
    const ids = this.lines.filter(({ record }) => record.openedBy !== but).map(({ record }) => record.id);
    if (ids.length > 0) this.interrupt(ids, reason);
  }

  wake(): void {
    this.resting = undefined;
  }

  /** Holds back all that is to be heard, until `release`: it is not known yet who listens. */
  hold(): void {
    this.holding = true;
  }

  release(): void {
    if (!this.holding) return;
    this.holding = false;
    this.pump();
  }

  /** The carrier's echo of a mark. One of an earlier generation proves nothing: a clear echoes all marks at once. */
  echo(name: string): void {
    if (this.timeline.echo(name)) this.settle();
  }

  /** The media stream is gone, and with it all that the carrier held. */
  streamLost(): void {
    this.catchUp();
    this.newGeneration();
  }

  /** A media stream is open (again): what was not heard is sent from its first unheard frame. */
  streamOpened(): void {
    this.newGeneration();
    this.pump();
  }

  /** Housekeeping, a few times a second: lost echoes, stalled utterances, forgotten pauses. */
  tick(): void {
    const now = this.host.now();
    let missed = false;
    for (const line of this.lines) if (line.skipMissing(now)) missed = true;
    if (missed) this.pump();
    const head = this.lines[0];
    if (!head) return;
    if (this.pausedSince !== undefined) {
      if (now - this.pausedSince > MAX_PAUSE_MS) this.resume();
      return;
    }
    if (this.holding || !this.host.carrier.connected) return;
    const { dryAt, sent, heard } = this.timeline;
    if (sent > heard && now > dryAt + LOST_ECHO_MS) {
      this.timeline.hearAll();
      this.settle();
    } else if (!head.complete && now > Math.max(head.lastActivity, dryAt) + STALLED_MS) {
      this.fail(head.record.id, 'timeout');
    }
  }

  /** Resolves when no utterance is open, or after `timeoutMs`. */
  async whenQuiet(timeoutMs: number): Promise<void> {
    if (!this.busy) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** The call is over: the tail that was sent and not echoed is credited by the clock, and everything is closed. */
  end(): void {
    if (this.ended) return;
    this.catchUp();
    const lines = this.lines;
    this.lines = [];
    for (const line of lines) this.close(line, 'call-ended');
    this.ended = true;
    this.timeline.restart();
  }

  private restingFor(openedBy: string): PlaybackEnd | undefined {
    const { resting } = this;
    return resting && resting.but !== openedBy ? resting.reason : undefined;
  }

  private line(id: string): UtteranceLine | undefined {
    const head = this.lines[0];
    if (head?.record.id === id) return head;
    return this.lines.find((line) => line.record.id === id);
  }

  /** Credits what the caller has heard by now, by the clock. */
  private catchUp(): void {
    this.timeline.hear(this.timeline.position());
  }

  /** Sends what may be sent: the lines in their order, the next only when the one before it is complete. */
  private pump(): void {
    if (this.ended || this.paused || this.holding || !this.host.carrier.connected) return;
    for (const line of this.lines) {
      this.send(line);
      if (!line.complete) break;
    }
    this.settle();
  }

  private send(line: UtteranceLine): void {
    const { carrier } = this.host;
    const { timeline } = this;
    while (line.sent < line.received) {
      const left = line.received - line.sent;
      const upTo = Math.min(left, MARK_BYTES - timeline.sinceMark);
      const last = line.complete && left <= upTo;
      const bytes = last ? left : upTo - (upTo % FRAME_BYTES);
      if (bytes === 0) return;
      const padding = last ? (FRAME_BYTES - (bytes % FRAME_BYTES)) % FRAME_BYTES : 0;
      const audio = line.nextToSend(bytes, padding);
      timeline.add(line, bytes, padding);
      line.sent += bytes;
      const end = line.complete && line.sent >= line.received;
      carrier.play(audio, end || timeline.sinceMark >= MARK_BYTES ? timeline.mark(line) : undefined);
      this.announce();
    }
    // An echo must tell of the end. (The end may be told after the last frame went out.)
    if (line.complete && line.received > line.heard && !timeline.markedToTheEnd) carrier.mark(timeline.mark(line));
  }

  /** Closes the lines that were heard to their end. Only an echo proves that (or, long after, the clock). */
  private settle(): void {
    for (let head = this.lines[0]; head; head = this.lines[0]) {
      if (!head.heardOut || head.sent < head.received || this.timeline.awaits(head)) return;
      this.lines.shift();
      this.close(head, head.failed);
      this.announce();
    }
  }

  /** Tells that the line at the head has begun to be heard. */
  private announce(): void {
    const head = this.lines[0];
    if (!head || head.started || head.sent === 0) return;
    head.started = true;
    this.host.report('playback.started', head.info, { heardMs: 0, heardText: '' }, head.record);
  }

  private clear(): void {
    // First, so that the echoes that the clear lets loose are of a generation gone by.
    this.newGeneration();
    this.host.carrier.clear();
  }

  private newGeneration(): void {
    this.timeline.restart();
    for (const line of this.lines) line.cleared();
  }

  private close(line: UtteranceLine, reason: PlaybackEnd | undefined): void {
    const record = line.describe();
    line.drop();
    record.state = reason === undefined ? 'finished' : 'interrupted';
    const report: PlaybackReport = { heardMs: record.heardMs, heardText: record.heardText };
    if (reason !== undefined) {
      record.reason = reason;
      report.reason = reason;
    }
    const topic = record.state === 'finished' ? 'playback.finished' : 'playback.interrupted';
    this.host.report(topic, line.info, report, record);
    if (!this.busy) for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Given up before anything of it came this way: remembered, so that nothing of it is spoken when it does. */
  private buryUnborn(id: string, reason: PlaybackEnd): void {
    this.records.set(id, {
      id,
      kind: 'reply',
      interruptible: true,
      openedBy: '',
      state: 'interrupted',
      text: '',
      heardText: '',
      heardMs: 0,
      reason,
    });
    if (this.records.size > MAX_RECORDS) this.forgetOldest();
  }

  private forgetOldest(): void {
    for (const [id, record] of this.records) {
      if (record.state === 'open') continue;
      this.records.delete(id);
      return;
    }
  }
}
