import type { Timing, UtteranceInfo, Word } from '../message';
import { BYTES_PER_MS } from '../mulaw';
import { hashOf } from '../recent';
import { PieceOrder } from './order';
import type { TextPiece } from './order';

/** The longest text of one utterance, characters: half an hour. Beyond, the rest is left out. */
export const MAX_CHARACTERS = 30_000;
/** Audio of a stretch that waits for the one before it, bytes: ten minutes. Beyond, the rest is left out. */
const MAX_WAITING_BYTES = 600_000 * BYTES_PER_MS;
/** Pieces known again when they come by another TTS; beyond, the oldest is forgotten. */
const PIECES_REMEMBERED = 256;

/** What an utterance is, whichever TTS speaks it. */
export type SpokenInfo = Pick<UtteranceInfo, 'id' | 'kind' | 'interruptible'>;

/** A piece of an utterance's audio whose turn has come; `seq` and the words' times count from the start of the utterance. */
export interface AudioPiece {
  seq: number;
  chunk: Buffer;
  words: Word[];
  done: boolean;
}

/** A stretch of one utterance, spoken by one TTS: all of it, unless the flow changes the TTS on the way. */
export interface Stretch {
  /** Speaks one more piece of text, in order. */
  say(text: string): void;
  /** That was all the text of this stretch. */
  end(): void;
  send(piece: AudioPiece): void;
  /** The utterance is given up. Safe to call again. */
  cancel(): void;
}

/** A TTS node in one call. */
export interface Voice {
  /** Begins a stretch; nothing of it is spoken before its first text. */
  begin(relay: Relay): Stretch;
  /** Text goes into the utterance, in order, before it is spoken. */
  written(relay: Relay, text: string, cut: boolean): void;
}

interface OrderedPiece extends TextPiece {
  voice: Voice;
}

interface Part {
  voice: Voice;
  stretch: Stretch;
  /** The utterance ends with it. */
  last: boolean;
  /** Set once its audio is all there; by `failed` to what is to be done about that when its turn has come. */
  over: (() => void) | undefined;
  bytes: number;
  waiting: { chunk: Buffer; words: Word[] }[];
  waitingBytes: number;
}

const nothing = (): void => undefined;

/**
 * One utterance on its way through the TTS nodes of a call: a Switch node may lead its first words to one and the next to
 * another. The pieces of text have one order, whoever gets them; each run of pieces for one TTS is a stretch. Stretches are
 * made at the same time and sent one after another, with one count of pieces of audio, and of time, from the first to the
 * last: behind the TTS nodes it is one utterance as any other.
 */
export class Relay {
  readonly timing: Timing = {};
  /** The last piece of text has been given to a TTS. */
  written = false;
  private readonly order: PieceOrder<OrderedPiece>;
  private parts: Part[] = [];
  private readonly taken = new Map<number, Voice>();
  private seq = 0;
  private bytesBefore = 0;
  private characters = 0;
  /** How the text so far ends. */
  private tail = '';
  private disposed = false;

  /**
   * @param onWritten told when the last piece of text has been given
   * @param onOver told once, when all its audio has been sent or it is given up
   */
  constructor(
    readonly info: SpokenInfo,
    private readonly onWritten: () => void,
    private readonly onOver: () => void,
  ) {
    this.order = new PieceOrder((text, done, { voice }) => this.give(voice, text, done));
  }

  /**
   * Takes a piece of text that has come to a TTS.
   * @returns `again` for one that another TTS has taken (both stand on a forked wire): it is spoken once
   */
  add(voice: Voice, piece: TextPiece): 'taken' | 'late' | 'after-end' | 'again' {
    const key = hashOf([String(piece.seq), piece.text]);
    const taker = this.taken.get(key);
    if (taker && taker !== voice) return 'again';
    this.taken.set(key, voice);
    if (this.taken.size > PIECES_REMEMBERED) this.taken.delete(this.taken.keys().next().value ?? 0);
    return this.order.add({ ...piece, voice });
  }

  /** True once any of its audio has been sent: some of it may still be on its way. */
  get sent(): boolean {
    return this.seq > 0;
  }

  /** True if nothing stands before this stretch: what comes of it is sent. */
  isNext(stretch: Stretch): boolean {
    return this.parts[0]?.stretch === stretch;
  }

  /** True until its audio is all there, or it is given up. */
  awaits(stretch: Stretch): boolean {
    const part = this.part(stretch);
    return part !== undefined && part.over === undefined;
  }

  /** Audio has been made: raw mu-law 8 kHz; words in ms from the start of the stretch. */
  audio(stretch: Stretch, chunk: Buffer, words: Word[]): void {
    const part = this.part(stretch);
    if (!part || part.over) return;
    if (part === this.parts[0]) this.send(part, chunk, words);
    else if (part.waitingBytes + chunk.length <= MAX_WAITING_BYTES) {
      part.waiting.push({ chunk, words });
      part.waitingBytes += chunk.length;
    }
  }

  /** A stretch has all its audio. */
  done(stretch: Stretch): void {
    this.finish(stretch, nothing);
  }

  /** A stretch cannot be spoken. @param consequence what is to be done when all that is before it has been sent */
  failed(stretch: Stretch, consequence: () => void): void {
    this.finish(stretch, consequence);
  }

  /** A TTS node is gone: what it has not sent is lost, and what others speak goes on. */
  leave(voice: Voice): void {
    for (const part of this.parts.filter((one) => one.voice === voice)) {
      part.stretch.cancel();
      part.waiting = [];
      part.over ??= nothing;
    }
    this.advance();
  }

  /** Nothing more of it is spoken, by any TTS. Safe to call again. */
  giveUp(): void {
    if (this.disposed) return;
    const { parts } = this;
    this.dispose();
    for (const { stretch } of parts) stretch.cancel();
  }

  private give(voice: Voice, piece: string, done: boolean): void {
    const text = this.fit(voice, piece);
    if (done) {
      this.written = true;
      this.onWritten();
    }
    const stretch = this.stretchOf(voice, done);
    if (text !== '') stretch.say(text);
    // Saying may have failed, and the utterance be gone.
    if (done && this.awaits(stretch)) stretch.end();
  }

  private fit(voice: Voice, piece: string): string {
    const joined = needsSpace(this.tail, piece) ? ` ${piece}` : piece;
    const text = joined.slice(0, Math.max(0, MAX_CHARACTERS - this.characters));
    this.characters += text.length;
    if (text !== '') this.tail = text.slice(-4);
    voice.written(this, text, text.length < joined.length);
    return text;
  }

  /** The stretch that goes on, or a new one where another TTS takes over: then the one before it is all there is of it. */
  private stretchOf(voice: Voice, last: boolean): Stretch {
    const present = this.parts[this.parts.length - 1];
    if (present?.voice === voice && !present.over) {
      present.last = last;
      return present.stretch;
    }
    const stretch = voice.begin(this);
    this.parts.push({ voice, stretch, last, over: undefined, bytes: 0, waiting: [], waitingBytes: 0 });
    if (present && !present.over) present.stretch.end();
    return stretch;
  }

  private part(stretch: Stretch): Part | undefined {
    const head = this.parts[0];
    if (head?.stretch === stretch) return head;
    return this.parts.find((part) => part.stretch === stretch);
  }

  private finish(stretch: Stretch, consequence: () => void): void {
    const part = this.part(stretch);
    if (!part || part.over) return;
    part.over = consequence;
    this.advance();
  }

  /** Sends what waits behind a stretch that is over. */
  private advance(): void {
    for (let head = this.parts[0]; head && !this.disposed; head = this.parts[0]) {
      for (const { chunk, words } of head.waiting.splice(0)) this.send(head, chunk, words);
      if (!head.over) return;
      this.parts.shift();
      this.bytesBefore += head.bytes;
      head.over();
      if (!head.last || this.disposed) continue;
      head.stretch.send({ seq: this.seq++, chunk: Buffer.alloc(0), words: [], done: true });
      this.dispose();
    }
  }

  private send(part: Part, chunk: Buffer, words: Word[]): void {
    const beforeMs = Math.round(this.bytesBefore / BYTES_PER_MS);
    part.bytes += chunk.length;
    const shifted =
      beforeMs === 0
        ? words
        : words.map(({ text, startMs, endMs }) => ({ text, startMs: startMs + beforeMs, endMs: endMs + beforeMs }));
    part.stretch.send({ seq: this.seq++, chunk, words: shifted, done: false });
  }

  private dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.parts = [];
    this.order.dispose();
    this.onOver();
  }
}

/** Sentences that lost the space between them on their way: a translator answers without it. */
function needsSpace(before: string, after: string): boolean {
  return /\p{Ll}[.!?…]["')\]]?$/u.test(before) && /^["'(]?\p{Lu}/u.test(after);
}
