import { join } from './connection';
import type { TimedWord, Unfinished } from './connection';

/** Words that lie so far back are no longer changed by what follows, ms. */
const SETTLED_AFTER_MS = 600;
/** Between words with less of a pause than this, a cut would leave a piece of one on both sides, ms. */
const CLEAN_GAP_MS = 20;

/** Where to take up a turn on a new socket. */
export interface Cut {
  /** Words that need not be listened to again. */
  text: string;
  /** From here the audio is sent again, ms of the lost socket's stream. */
  fromMs: number;
  /** When the last of `text` ended, if its time is known. */
  endMs: number | undefined;
  /** Words after the cut: of use only if their audio is gone. */
  rest: TimedWord[];
}

/**
 * Cuts what a lost socket had understood at the last clean pause between words that will not change any more: the less
 * is sent again the sooner the conversation is in real time again, and no word may be lost or doubled by the cut.
 */
export function cut(unfinished: Unfinished): Cut {
  const { words, heardMs } = unfinished;
  let count = 0;
  let fromMs = unfinished.fromMs;
  for (let i = 0; i + 1 < words.length; i++) {
    const [word, next] = [words[i], words[i + 1]];
    if (!word || !next || word.endMs > heardMs - SETTLED_AFTER_MS) break;
    if (next.startMs - word.endMs < CLEAN_GAP_MS) continue;
    count = i + 1;
    fromMs = (word.endMs + next.startMs) / 2;
  }
  return {
    text: join(unfinished.text, ...words.slice(0, count).map((word) => word.text)),
    fromMs,
    endMs: words[count - 1]?.endMs,
    rest: words.slice(count),
  };
}

/** All that was understood, provisional words too. */
export function all(unfinished: Unfinished): string {
  return join(unfinished.text, ...unfinished.words.map((word) => word.text));
}
