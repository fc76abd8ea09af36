import { QUIET, VOICE, loudness } from './loudness';
import { BYTES_PER_MS, FRAME_BYTES } from '../mulaw';
import { AudioLog } from './audio-log';
import { join } from './connection';
import type { TimedWord } from './connection';
import type { StreamMap } from './stream-map';
import type { Turn } from './turn';

/** So much that was not sent yet waits at most, bytes: the oldest goes first, and is counted. */
const MAX_WAITING = 10_000 * BYTES_PER_MS;
/** So much that was sent and not understood yet is kept, bytes: half a minute of talk without a pause. */
const MAX_UNSETTLED = 30_000 * BYTES_PER_MS;
/** Silence is sent again only so long before a voice, bytes. */
const LEAD_IN = 300 * BYTES_PER_MS;
const FRAME = FRAME_BYTES;

/** A provisional word of a lost connection, with its bytes in the log. */
interface LostWord {
  text: string;
  start: number;
  end: number;
}

/**
 * What the caller said and nobody has understood for good yet: kept until it is settled, with a cursor at what is to be
 * sent next. It knows where there is voice in it.
 */
export class Backlog {
  readonly log = new AudioLog(MAX_UNSETTLED + MAX_WAITING);
  /** The next byte of the log to be sent. */
  sent = 0;
  /** Bytes of the caller's audio that could not be sent in time. */
  droppedBytes = 0;
  /** When the caller's voice was last heard, ms of the call's clock. */
  voiceAt = 0;
  /** The end of that voice, byte of the log. */
  private voiceEnd = 0;
  private maxWaiting = MAX_WAITING;
  /** Words of a lost connection: kept if their audio does not last. */
  private rest: LostWord[] = [];

  /** Bytes that wait to be sent. */
  get waiting(): number {
    return this.log.end - this.sent;
  }

  /** Takes a frame that arrived at `atMs`. @returns how loud it is */
  append(audio: Uint8Array, atMs: number): number {
    this.log.append(audio, atMs);
    const level = loudness(audio);
    if (level >= VOICE) {
      this.voiceEnd = this.log.end;
      this.voiceAt = atMs;
    }
    return level;
  }

  /**
   * Keeps within the limits.
   * @param map of the connection that is open, if one is
   * @param hopeless true where nothing can be sent any more: then nothing is counted
   */
  bound(map: StreamMap | undefined, hopeless: boolean): void {
    const { log } = this;
    const next = Math.max(this.sent, log.start, log.end - this.maxWaiting);
    if (next > this.sent) {
      if (!hopeless) this.droppedBytes += next - this.sent;
      this.sent = next;
      map?.jump(next);
      if (!map) log.trim(next);
    }
    if (this.sent - log.start > MAX_UNSETTLED) log.trim(this.sent - MAX_UNSETTLED);
  }

  /** All that waited has been sent: from now on the usual limit holds. */
  caughtUp(): void {
    this.maxWaiting = MAX_WAITING;
  }

  /** Nothing before this byte need be sent again. */
  settle(pos: number): void {
    this.log.trim(Math.min(pos, this.sent));
  }

  /** A connection was lost: all from this byte on is to be sent again, beyond what may wait otherwise. */
  rewind(pos: number, rest: LostWord[]): void {
    this.settle(pos);
    this.rest = rest;
    this.sent = this.log.start;
    this.maxWaiting = MAX_WAITING + this.waiting;
  }

  /** Where a new connection begins: at what the last one had not understood, without the silence before it. */
  begin(turn: Turn): void {
    const { log } = this;
    let from = log.start;
    // Audio that no longer exists cannot be understood again: of its words the provisional form is better than none.
    for (const word of this.rest) {
      if (word.start >= from) break;
      turn.keep(word.text, log.clockAt(word.end));
      from = Math.min(Math.max(from, word.end), log.end);
    }
    this.rest = [];
    let voice = from;
    while (voice < log.end && loudness(log.read(voice, Math.min(FRAME, log.end - voice))) < QUIET) voice += FRAME;
    this.sent = Math.max(from, Math.min(voice, log.end) - LEAD_IN);
  }

  /** The words of a lost connection that nobody will hear again. */
  takeRest(): string {
    const text = join(...this.rest.map((word) => word.text));
    this.rest = [];
    return text;
  }

  /** True if what was not understood yet holds so many ms of voice. */
  hasVoice(ms: number): boolean {
    if (this.voiceEnd <= this.log.start) return false;
    let voiced = 0;
    for (let pos = this.log.start; pos + FRAME <= this.voiceEnd && voiced < ms; pos += FRAME) {
      if (loudness(this.log.read(pos, FRAME)) >= VOICE) voiced += 20;
    }
    return voiced >= ms;
  }

  /** True if nobody speaks in so many bytes from the next one to be sent on. */
  quietAhead(bytes: number): boolean {
    for (let at = 0; at <= bytes; at += FRAME) {
      if (loudness(this.log.read(this.sent + at, FRAME)) >= QUIET) return false;
    }
    return true;
  }

  /** The first byte of voice within a stretch, else its end. */
  voiceFrom(pos: number, upTo: number): number {
    const end = Math.min(upTo, this.log.end);
    for (let at = Math.max(pos, this.log.start); at + FRAME <= end; at += FRAME) {
      if (loudness(this.log.read(at, FRAME)) >= VOICE) return at;
    }
    return upTo;
  }

  /** The end of the last voice within a stretch, else its beginning. */
  voiceUpTo(from: number, pos: number): number {
    const start = Math.max(from, this.log.start);
    for (let at = Math.min(pos, this.log.end) - FRAME; at >= start; at -= FRAME) {
      if (loudness(this.log.read(at, FRAME)) >= VOICE) return at + FRAME;
    }
    return from;
  }
}

/** Where the words of a lost connection lie in the log. */
export function placed(words: readonly TimedWord[], map: StreamMap): LostWord[] {
  return words.map(({ text, startMs, endMs }) => ({ text, start: map.posAt(startMs), end: map.posAt(endMs) }));
}
