import { AudioStore } from './audio-store';
import { heardText, resumeAt } from './heard-text';
import type { PlaybackEnd, UtteranceInfo, UtteranceKind, Word } from '../message';
import { BYTES_PER_MS, FRAME_BYTES } from '../mulaw';
import { AudioOrder } from './audio-order';

/** What is kept at most of one utterance that the caller has not heard: ten minutes, which is also what carriers buffer. */
const MAX_UNHEARD_BYTES = 600_000 * BYTES_PER_MS;
/** Heard audio is let go with this delay: a resume goes back to the start of a word, as far as was known then. */
const KEPT_BEHIND_BYTES = 200 * BYTES_PER_MS;

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

/** One open utterance: its audio as far as it must be kept, its text, and how far it was sent and heard (bytes from its start). */
export class UtteranceLine {
  /** Sent since the carrier was last cleared, up to here. */
  sent = 0;
  heard = 0;
  /** No more audio will come. */
  complete = false;
  started = false;
  /** The TTS gave it up: what is there is heard out, then it is closed for this reason. */
  failed: PlaybackEnd | undefined;
  lastActivity: number;
  private readonly audio = new AudioStore();
  /** The furthest ever heard; `heard` steps back at a resume. */
  private heardMost = 0;
  private readonly words: Word[] = [];
  private written = '';
  private spoken = '';
  private readonly order = new AudioOrder();

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

  /** Audio that has come, bytes. */
  get received(): number {
    return this.audio.length;
  }

  /** Nothing of it is left to be heard. */
  get heardOut(): boolean {
    return this.complete && this.heard >= this.received;
  }

  addText(text: string, by: 'writer' | 'tts'): void {
    if (by === 'tts') this.spoken += text;
    else this.written += text;
    this.record.text = this.spoken === '' ? this.written : this.spoken;
  }

  /**
   * Takes a piece of audio; beyond ten unheard minutes the rest is left out. One whose turn has not come waits for those
   * before it.
   * @param done true with the last piece
   * @returns false if this seq came before
   */
  addAudio(seq: number, audio: Buffer, words: readonly Word[], done: boolean, now: number): boolean {
    if (!this.order.isNext(seq)) return this.order.keep({ seq, audio, words, done }, now);
    this.append(audio, words, done);
    this.appendWaiting();
    return true;
  }

  /** What is missing has not come in time: what came after it goes on. @returns true if there was such a thing */
  skipMissing(now: number): boolean {
    return this.order.skip(now) && this.appendWaiting();
  }

  /** The TTS gives it up: what is there is heard out. */
  fail(reason: PlaybackEnd): void {
    while (this.order.skip(Infinity)) this.appendWaiting();
    this.failed = reason;
    this.complete = true;
  }

  private appendWaiting(): boolean {
    let appended = false;
    for (let piece = this.order.take(); piece && !this.complete; piece = this.order.take()) {
      this.append(piece.audio, piece.words, piece.done);
      appended = true;
    }
    return appended;
  }

  private append(audio: Buffer, words: readonly Word[], done: boolean): void {
    if (words.length > 0) this.words.push(...words);
    const room = MAX_UNHEARD_BYTES - (this.received - this.heard);
    this.audio.append(audio.length > room ? audio.subarray(0, Math.max(0, room)) : audio);
    if (done) this.complete = true;
  }

  /** The next `bytes` to send, with silence behind them; valid until the next change. */
  nextToSend(bytes: number, padding: number): Buffer {
    return this.audio.read(this.sent, bytes, padding);
  }

  /** The caller has heard it up to here. */
  hear(upTo: number): void {
    if (upTo <= this.heard) return;
    this.heard = upTo;
    if (upTo > this.heardMost) this.heardMost = upTo;
    this.letGo();
  }

  /** The carrier was cleared: what was sent and not heard will be sent again, in whole frames. */
  cleared(): void {
    if (this.sent > this.heard) this.sent = Math.max(this.audio.start, this.heard - (this.heard % FRAME_BYTES));
  }

  /** Goes back (or on) to where a resume begins: the start of the word that was cut. */
  rewind(): void {
    const at = Math.round(resumeAt(this.words, this.heard / BYTES_PER_MS) * BYTES_PER_MS);
    this.sent = Math.max(this.audio.start, Math.min(at, this.received));
    this.heard = Math.min(this.heard, this.sent);
  }

  /** Brings the record up to date: what has been heard by now. */
  describe(): PlaybackRecord {
    const { record } = this;
    record.heardMs = Math.floor(this.heardMost / BYTES_PER_MS);
    record.heardText = heardText(
      {
        text: record.text,
        words: this.words,
        receivedMs: Math.floor(this.received / BYTES_PER_MS),
        complete: this.complete && this.failed === undefined,
      },
      record.heardMs,
    );
    return record;
  }

  /** It is closed: its audio is let go. */
  drop(): void {
    this.audio.drop();
  }

  /** Frees what was heard, but for the word that a resume would begin with. */
  private letGo(): void {
    const resume = resumeAt(this.words, this.heard / BYTES_PER_MS) * BYTES_PER_MS;
    this.audio.trim(Math.min(this.heard, resume) - KEPT_BEHIND_BYTES);
  }
}
