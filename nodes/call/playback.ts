import type { Carrier } from './carrier';
import { heardText, resumeAt } from './heard-text';
import type { PlaybackEnd, PlaybackReport, UtteranceInfo, UtteranceKind, Word } from './message';

/** mu-law at 8 kHz: 8 bytes are a millisecond, 160 bytes the 20 ms frame of a phone line. */
const BYTES_PER_MS = 8;
const FRAME_BYTES = 160;
/** A mark goes out with every 200 ms of audio (CALLS, section 3). */
const MARK_BYTES = 1600;
const SILENCE = 0xff;

/** What is kept at most of one utterance that the caller has not heard: ten minutes, which is also what carriers buffer. */
const MAX_UNHEARD_BYTES = 600_000 * BYTES_PER_MS;
/** An utterance at the head of the queue that gets neither text nor audio for so long is given up: never silence. */
const STALLED_MS = 6_000;
/** An echo that is overdue by so much was lost: the clock is believed then. */
const LOST_ECHO_MS = 3_000;
/** A pause that nobody ends is ended: a flow that forgot `reply.resume` must not mute the call. */
const MAX_PAUSE_MS = 15_000;
/** How many closed utterances are remembered with what was heard of them. */
const MAX_RECORDS = 1_000;

/** What the playback reports, and to whom: the call passes it to the carrier's in-node, which puts it on the wire. */
export type PlaybackTopic = 'playback.started' | 'playback.finished' | 'playback.interrupted';

/** What became of an utterance, as plain data; the agent's history is made of it. */
export interface PlaybackRecord {
  id: string;
  kind: UtteranceKind;
  interruptible: boolean;
  /** Id of the node that opened it. */
  openedBy: string;
  state: 'open' | 'finished' | 'interrupted';
  /** The text given to the TTS. */
  text: string;
  heardText: string;
  heardMs: number;
  reason?: PlaybackEnd;
}

/** What playback needs of its call. */
export interface PlaybackHost {
  readonly carrier: Carrier;
  /** A clock in ms that never jumps. */
  now(): number;
  report(topic: PlaybackTopic, utterance: UtteranceInfo, report: PlaybackReport, record: PlaybackRecord): void;
}

/** One utterance, while it is open. Offsets are bytes from its start. */
class Line {
  /** Audio from `keptFrom` on. What was heard is let go, but for the word that a resume would begin with. */
  chunks: Buffer[] = [];
  keptFrom = 0;
  received = 0;
  /** Sent in the present generation, up to here. */
  sent = 0;
  heard = 0;
  /** The furthest ever heard; `heard` steps back at a resume. */
  heardMost = 0;
  words: Word[] = [];
  written = '';
  spoken = '';
  complete = false;
  started = false;
  failed: PlaybackEnd | undefined;
  seqs = new Set<number>();
  lastActivity: number;

  constructor(
    readonly record: PlaybackRecord,
    now: number,
  ) {
    this.lastActivity = now;
  }

  get info(): UtteranceInfo {
    const { id, kind, interruptible } = this.record;
    return { id, by: 'agent', kind, seq: 0, done: true, interruptible };
  }
}

/** A stretch of one line on the carrier's timeline of this generation. */
interface Segment {
  line: Line;
  lineOffset: number;
  at: number;
  bytes: number;
}

/**
 * The utterances of one call, in the order of opening, and what the caller has heard of each.
 *
 * Audio goes to the carrier as soon as its turn has come, faster than it is heard; the carrier buffers it. What the
 * caller has heard is known by the echoes of marks, and between echoes by the clock. Whatever was sent and not yet heard
 * is kept, for a `clear` throws away all that the carrier holds, also what was not meant.
 */
export class Playback {
  private lines: Line[] = [];
  private readonly records = new Map<string, PlaybackRecord>();
  private generation = 0;
  /** The carrier's timeline since the last clear: bytes sent, marks not yet echoed. */
  private sent = 0;
  private segments: Segment[] = [];
  private marks: { name: string; at: number }[] = [];
  private sinceMark = 0;
  /** At `anchorTime` the caller was at `anchorAt` of the timeline. */
  private anchorAt = 0;
  private anchorTime = 0;
  private heardUpTo = 0;
  private pausedSince: number | undefined;
  private readonly waiting: (() => void)[] = [];
  private ended = false;

  constructor(private readonly host: PlaybackHost) {}

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
      this.hear(this.position());
      this.describe(line);
    }
    return this.records.get(id);
  }

  /** True for an utterance that was given up: nothing of it may be spoken any more, however late it comes. */
  isDead(id: string): boolean {
    if (this.ended) return true;
    const record = this.records.get(id);
    return record !== undefined && (record.state !== 'open' || this.line(id)?.failed !== undefined);
  }

  /**
   * Opens an utterance: takes its place in the queue. Opening one again changes nothing.
   * @returns false if it is closed already.
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
    this.lines.push(new Line(record, this.host.now()));
    return true;
  }

  /**
   * Notes a piece of the text that an utterance is to say; the pieces are joined as they are. What the TTS was given
   * counts, for a flow may have changed it on the way; what was written stands in where a TTS tells nothing.
   */
  addText(id: string, text: string, by: 'writer' | 'tts'): void {
    const line = this.line(id);
    if (!line) return;
    if (by === 'tts') line.spoken += text;
    else line.written += text;
    line.record.text = line.spoken === '' ? line.written : line.spoken;
    line.lastActivity = this.host.now();
  }

  /**
   * Takes a piece of an utterance's audio: raw mu-law 8 kHz of any length, with or after it the words' times.
   * A piece that came before (utterance and seq) is ignored, and so is whatever is late.
   * @returns false if the piece was not taken.
   */
  addAudio(info: UtteranceInfo, audio: Buffer, words: readonly Word[], openedBy: string): boolean {
    if (!this.openUtterance(info, openedBy)) return false;
    const line = this.line(info.id);
    if (!line || line.complete) return false;
    if (line.seqs.has(info.seq)) return false;
    line.seqs.add(info.seq);
    if (line.seqs.size > 64) line.seqs.delete(line.seqs.values().next().value ?? 0);
    if (words.length > 0) line.words.push(...words);
    const room = MAX_UNHEARD_BYTES - (line.received - line.heard);
    const piece = audio.length > room ? audio.subarray(0, Math.max(0, room)) : audio;
    if (piece.length > 0) {
      line.chunks.push(piece);
      line.received += piece.length;
    }
    line.lastActivity = this.host.now();
    if (info.done) line.complete = true;
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
    line.failed = reason;
    line.complete = true;
    this.pump();
  }

  /**
   * Falls silent, but keeps everything: the carrier is cleared, TTS and model run on.
   * @param ids only if one of these is being spoken; a pause that comes late must not mute the next reply
   */
  pause(ids?: readonly string[]): void {
    const head = this.lines[0];
    if (this.paused || !head || (ids && !ids.includes(head.record.id))) return;
    this.hear(this.position());
    this.pausedSince = this.host.now();
    if (this.sent > this.heardUpTo) this.clear();
  }

  /** Goes on from the last word begun. */
  resume(): void {
    if (!this.paused) return;
    this.pausedSince = undefined;
    const line = this.lines[0];
    if (line && line.sent > 0) {
      const at = Math.round(resumeAt(line.words, line.heard / BYTES_PER_MS) * BYTES_PER_MS);
      this.rewind(line, Math.max(line.keptFrom, Math.min(at, line.received)));
    }
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
    this.hear(this.position());
    const atCarrier = targets.some((line) => line.sent > line.heard);
    this.pausedSince = undefined;
    this.lines = this.lines.filter((line) => !targets.includes(line));
    if (atCarrier) this.clear();
    // What had been heard out, though its echo is still on the way, was not cut.
    for (const line of targets) this.close(line, line.complete && line.heard >= line.received ? line.failed : reason);
    this.pump();
    this.announce();
  }

  /** The carrier's echo of a mark. One of an earlier generation proves nothing: a clear echoes all marks at once. */
  echo(name: string): void {
    const index = this.marks.findIndex((mark) => mark.name === name);
    const mark = this.marks[index];
    if (!mark) return;
    this.marks.splice(0, index + 1);
    this.anchorAt = mark.at;
    this.anchorTime = this.host.now();
    this.hear(mark.at);
    this.settle();
  }

  /** The media stream is gone, and with it all that the carrier held. */
  streamLost(): void {
    this.hear(this.position());
    this.newGeneration();
  }

  /** A media stream is open (again): what was not heard is sent from its first unheard frame. */
  streamOpened(): void {
    this.newGeneration();
    this.pump();
  }

  /** Housekeeping, a few times a second: lost echoes, stalled utterances, forgotten pauses. */
  tick(): void {
    const head = this.lines[0];
    if (!head) return;
    const now = this.host.now();
    if (this.pausedSince !== undefined) {
      if (now - this.pausedSince > MAX_PAUSE_MS) this.resume();
      return;
    }
    if (!this.host.carrier.connected) return;
    const dryAt = this.anchorTime + (this.sent - this.anchorAt) / BYTES_PER_MS;
    if (this.sent > this.heardUpTo && now > dryAt + LOST_ECHO_MS) {
      this.marks = [];
      this.hear(this.sent);
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
    this.hear(this.position());
    const lines = this.lines;
    this.lines = [];
    for (const line of lines) this.close(line, 'call-ended');
    this.ended = true;
    this.segments = [];
    this.marks = [];
  }

  private line(id: string): Line | undefined {
    return this.lines.find((line) => line.record.id === id);
  }

  /** Sends what may be sent: the lines in their order, the next only when the one before it is complete. */
  private pump(): void {
    if (this.ended || this.paused || !this.host.carrier.connected) return;
    for (const line of this.lines) {
      this.send(line);
      if (!line.complete) break;
    }
    this.settle();
  }

  /** Closes the lines that were heard to their end. Only an echo proves that (or, long after, the clock). */
  private settle(): void {
    for (let head = this.lines[0]; head; head = this.lines[0]) {
      const { id } = head.record;
      if (!head.complete || head.heard < head.received || head.sent < head.received) return;
      if (this.marks.some((mark) => mark.name.startsWith(`${id}:`))) return;
      this.lines.shift();
      this.close(head, head.failed);
      this.announce();
    }
  }

  private send(line: Line): void {
    const { carrier } = this.host;
    while (line.sent < line.received) {
      const upTo = Math.min(line.received - line.sent, MARK_BYTES - this.sinceMark);
      const whole = upTo - (upTo % FRAME_BYTES);
      const last = line.complete && line.received - line.sent <= upTo;
      if (whole === 0 && !last) return;
      const bytes = last ? line.received - line.sent : whole;
      this.play(line, bytes, last ? (FRAME_BYTES - (bytes % FRAME_BYTES)) % FRAME_BYTES : 0);
      if (this.sinceMark >= MARK_BYTES || (line.complete && line.sent >= line.received)) {
        const name = `${line.record.id}:${this.generation}:${line.sent}`;
        this.sinceMark = 0;
        this.marks.push({ name, at: this.sent });
        carrier.mark(name);
      }
    }
    // The end may be told after the last frame went out: its echo closes the line.
    if (line.complete && line.received > line.heard && this.marks.at(-1)?.at !== this.sent && this.sent > 0) {
      const name = `${line.record.id}:${this.generation}:${line.sent}:end`;
      this.sinceMark = 0;
      this.marks.push({ name, at: this.sent });
      carrier.mark(name);
    }
  }

  private play(line: Line, bytes: number, padding: number): void {
    if (this.position() >= this.sent) {
      this.anchorAt = this.sent;
      this.anchorTime = this.host.now();
    }
    const audio = this.slice(line, line.sent, bytes, padding);
    const last = this.segments.at(-1);
    if (
      last &&
      last.line === line &&
      last.at + last.bytes === this.sent &&
      last.lineOffset + last.bytes === line.sent
    ) {
      last.bytes += bytes;
    } else {
      this.segments.push({ line, lineOffset: line.sent, at: this.sent, bytes });
    }
    line.sent += bytes;
    this.sent += bytes + padding;
    this.sinceMark += bytes + padding;
    this.host.carrier.play(audio);
    this.announce();
  }

  /** Tells that the line at the head has begun to be heard. */
  private announce(): void {
    const head = this.lines[0];
    if (!head || head.started || head.sent === 0) return;
    head.started = true;
    this.host.report('playback.started', head.info, { heardMs: 0, heardText: '' }, head.record);
  }

  private slice(line: Line, from: number, bytes: number, padding: number): Buffer {
    let offset = line.keptFrom;
    let first = 0;
    // A line's newest audio is what is sent: look from the end.
    for (let i = line.chunks.length - 1, end = line.received; i >= 0; i--) {
      const size = line.chunks[i]?.length ?? 0;
      if (end - size <= from) {
        first = i;
        offset = end - size;
        break;
      }
      end -= size;
    }
    const chunk = line.chunks[first];
    const start = from - offset;
    if (chunk && padding === 0 && start + bytes <= chunk.length) {
      return start === 0 && bytes === chunk.length ? chunk : chunk.subarray(start, start + bytes);
    }
    const audio = Buffer.alloc(bytes + padding, SILENCE);
    let filled = 0;
    for (let i = first; i < line.chunks.length && filled < bytes; i++) {
      const source = line.chunks[i];
      if (!source) break;
      const skip = i === first ? start : 0;
      filled += source.copy(audio, filled, skip, Math.min(source.length, skip + bytes - filled));
    }
    return audio;
  }

  /** Where on the timeline the caller is by the clock, never beyond what was sent. */
  private position(): number {
    if (!this.host.carrier.connected && this.sent === 0) return 0;
    const byClock = this.anchorAt + (this.host.now() - this.anchorTime) * BYTES_PER_MS;
    return Math.max(this.heardUpTo, Math.min(this.sent, Math.floor(byClock)));
  }

  /** The caller has heard the timeline up to `at`. */
  private hear(at: number): void {
    if (at <= this.heardUpTo) return;
    this.heardUpTo = at;
    while (this.segments.length > 0) {
      const segment = this.segments[0];
      if (!segment || segment.at >= at) break;
      const covered = Math.min(segment.bytes, at - segment.at);
      const { line } = segment;
      line.heard = Math.max(line.heard, segment.lineOffset + covered);
      line.heardMost = Math.max(line.heardMost, line.heard);
      this.letGo(line);
      if (covered < segment.bytes) break;
      // The last stretch of a line that is still growing stays, so that it can be extended.
      if (this.segments.length === 1 && !line.complete) break;
      this.segments.shift();
    }
  }

  /** Frees what was heard, but for the word that a resume would begin with. */
  private letGo(line: Line): void {
    const keep = Math.min(line.heard, resumeAt(line.words, line.heard / BYTES_PER_MS) * BYTES_PER_MS) - MARK_BYTES;
    for (let chunk = line.chunks[0]; chunk && line.keptFrom + chunk.length <= keep; chunk = line.chunks[0]) {
      line.chunks.shift();
      line.keptFrom += chunk.length;
    }
  }

  private clear(): void {
    // First, so that the echoes that the clear lets loose are of a generation gone by.
    this.newGeneration();
    this.host.carrier.clear();
  }

  /** A new timeline: what was sent and not heard will be sent again, in frames that are whole. */
  private newGeneration(): void {
    this.generation++;
    this.sent = 0;
    this.heardUpTo = 0;
    this.anchorAt = 0;
    this.sinceMark = 0;
    this.segments = [];
    this.marks = [];
    for (const line of this.lines) {
      if (line.sent > line.heard) line.sent = Math.max(line.keptFrom, line.heard - (line.heard % FRAME_BYTES));
    }
  }

  private rewind(line: Line, to: number): void {
    line.sent = to;
    line.heard = Math.min(line.heard, to);
  }

  private describe(line: Line): void {
    const { record } = line;
    const heardMs = Math.floor(line.heardMost / BYTES_PER_MS);
    record.heardMs = heardMs;
    record.heardText = heardText(
      {
        text: record.text,
        words: line.words,
        receivedMs: Math.floor(line.received / BYTES_PER_MS),
        complete: line.complete && line.failed === undefined,
      },
      heardMs,
    );
  }

  private close(line: Line, reason: PlaybackEnd | undefined): void {
    this.describe(line);
    const { record } = line;
    record.state = reason === undefined ? 'finished' : 'interrupted';
    const report: PlaybackReport = { heardMs: record.heardMs, heardText: record.heardText };
    if (reason !== undefined) {
      record.reason = reason;
      report.reason = reason;
    }
    line.chunks = [];
    this.host.report(
      record.state === 'finished' ? 'playback.finished' : 'playback.interrupted',
      line.info,
      report,
      record,
    );
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
