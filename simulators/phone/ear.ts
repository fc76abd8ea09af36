import { BYTES_PER_MS, FRAME_BYTES, WordDecoder, isSilent, silence, type HeardWord as DecodedWord } from '../audio';
import { TICK_MS } from './ticker';

/** Who speaks to the caller: the application's stream, the carrier's own voice (Say), or the party of a Dial. */
export type VoiceSource = 'stream' | 'carrier' | 'callee';

/** One word in the caller's ear. Times in ms; `atMs` counts from the answering of the call on the phone's playback clock. */
export interface HeardWord {
  text: string;
  atMs: number;
  /** How much of the word was heard. */
  heardMs: number;
  /** How long the whole word is. */
  totalMs: number;
  /** Above 0: the beginning of the word was missing. */
  fromMs: number;
  /** Above 0: something else was heard inside the word. */
  brokenMs: number;
  /** Its end was not heard, and will not be. */
  cut: boolean;
  source: VoiceSource;
}

/** A shorter silence is a pause between two words, not the end of speech, in ms. */
export const STRETCH_GAP_MS = 100;

/** The silence of the line: one frame. */
export const SILENT_FRAME = silence(FRAME_BYTES / BYTES_PER_MS);

/** The caller's ear: hears 20 ms at a time, knows words from the bytes alone. */
export class Ear {
  /** Time heard so far, in ms. */
  nowMs = 0;
  /** When the last voiced frame ended; -1: none yet. */
  soundEndedMs = -1;
  /** When the present or last stretch of sound began; -1: none yet. */
  soundBeganMs = -1;
  /** Was the last frame voiced? */
  voiced = false;
  private readonly decoder = new WordDecoder();
  private readonly sources: VoiceSource[] = [];
  private source: VoiceSource = 'stream';
  private ended = false;

  constructor(told: (word: HeardWord) => void) {
    this.decoder.onWord = (word) => {
      this.sources.push(this.source);
      told(this.toHeard(word, this.sources.length - 1));
    };
  }

  /** Number of words begun. */
  get wordCount(): number {
    return this.sources.length;
  }

  /** The words begun from the given index on, as they stand now. */
  words(from = 0): HeardWord[] {
    return this.decoder.words.slice(from).map((word, i) => this.toHeard(word, from + i));
  }

  /** Text of one word, without copying. */
  textAt(index: number): string {
    return this.decoder.words[index]?.text ?? '';
  }

  /** Hears the next 20 ms; `undefined` is silence. */
  hear(frame: Buffer | undefined, source: VoiceSource): void {
    this.source = source;
    this.voiced = frame !== undefined && !isSilent(frame);
    this.decoder.push(frame ?? SILENT_FRAME);
    if (this.voiced) {
      if (this.soundEndedMs < 0 || this.nowMs - this.soundEndedMs >= STRETCH_GAP_MS) this.soundBeganMs = this.nowMs;
      this.soundEndedMs = this.nowMs + TICK_MS;
    }
    this.nowMs += TICK_MS;
  }

  /** The line is dead. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.decoder.end();
  }

  private toHeard(word: DecodedWord, index: number): HeardWord {
    const { text, offsetMs, heardMs, totalMs, fromMs, brokenMs } = word;
    // The last word may be in the middle of being spoken, unless its time is over.
    const over =
      this.ended || index < this.sources.length - 1 || this.nowMs > offsetMs + totalMs - fromMs + brokenMs + TICK_MS;
    const source = this.sources[index] ?? this.source;
    return {
      text,
      atMs: offsetMs,
      heardMs,
      totalMs,
      fromMs,
      brokenMs,
      cut: over && heardMs < totalMs - fromMs,
      source,
    };
  }
}
