import type { Backlog } from './backlog';
import type { Outage } from './outage';

/** The caller has finished and gets no answer: so long after his voice he is told, ms (of 6 s until something must be heard). */
const CALLER_WAITS_MS = 4_000;
const MAX_APOLOGIES = 5;
/** Less voice than this is a click, more may be a word, ms. */
export const WORD_MS = 120;

/** Says when the caller must be told that he is not heard: not twice for the same words, and five times in a call at most. */
export class Apologies {
  private count = 0;
  private at = -1;

  /** True if the caller must be told now. @param open true if a connection stands */
  isDue(now: number, outage: Outage | undefined, open: boolean, backlog: Backlog): boolean {
    if ((open && !outage) || this.count >= MAX_APOLOGIES) return false;
    const { voiceAt } = backlog;
    const waits = now - voiceAt >= CALLER_WAITS_MS && voiceAt > this.at && backlog.hasVoice(WORD_MS);
    return waits || (outage?.isLong(now) === true && this.at < outage.since && !open);
  }

  /** He is told. @returns false if that has been done often enough */
  make(now: number): boolean {
    if (this.count >= MAX_APOLOGIES) return false;
    this.at = now;
    this.count++;
    return true;
  }
}
