import type { Word } from '../message';

/** How long a piece that is missing is waited for (as MESSAGES, rule 7, has it for text), ms. */
const MISSING_MS = 500;
/** How many pieces wait at most; at the limit the missing one is given up at once. */
const MAX_WAITING = 64;

/** A piece of one utterance's audio; `seq` counts from 0. */
export interface WaitingAudio {
  seq: number;
  audio: Buffer;
  words: readonly Word[];
  /** True on the last piece. */
  done: boolean;
}

/**
 * Puts the pieces of one utterance's audio in the order of `seq`, for they may come by wires of different lengths (of two
 * TTS nodes that share an utterance one may have another node behind it), or from HTTP requests that overtake each other.
 * Nearly always the next one comes, and nothing is kept. It has no clock of its own.
 */
export class AudioOrder {
  private next = 0;
  private waiting: Map<number, WaitingAudio> | undefined;
  private since = 0;

  /** True for the piece whose turn has come: it is counted, and no other of this seq is taken. */
  isNext(seq: number): boolean {
    if (seq !== this.next) return false;
    this.next++;
    return true;
  }

  /** Keeps a piece that came before its turn. @param now ms @returns false for one that has come before */
  keep(piece: WaitingAudio, now: number): boolean {
    if (piece.seq < this.next || this.waiting?.has(piece.seq)) return false;
    this.waiting ??= new Map();
    if (this.waiting.size === 0) this.since = now;
    this.waiting.set(piece.seq, piece);
    if (this.waiting.size > MAX_WAITING) this.since = -Infinity;
    return true;
  }

  /** The piece that waited and whose turn has come. */
  take(): WaitingAudio | undefined {
    const piece = this.waiting?.get(this.next);
    if (piece) this.waiting?.delete(this.next++);
    return piece;
  }

  /** Gives up what is missing, if it has been waited for long enough. @returns true if something waits behind it */
  skip(now: number): boolean {
    if (!this.waiting || this.waiting.size === 0 || now - this.since < MISSING_MS) return false;
    this.next = Math.min(...this.waiting.keys());
    this.since = now;
    return true;
  }
}
