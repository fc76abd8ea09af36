/** What stands for words and keys that nobody may see. */
export const MASKED = '[private]';

/** The caller's voice and its words do not end in the same moment: so much around a private stretch is private too, ms. */
const MARGIN_MS = 300;

/**
 * When a call is private: what the caller says and keys in meanwhile stands nowhere, neither on a wire nor in a log nor in the
 * history. Words come later than they were said; so the last private stretch is remembered, on the call's clock.
 */
export class Privacy {
  private from: number | undefined;
  private to = -Infinity;

  /** @param now ms on the call's clock */
  constructor(private readonly now: () => number) {}

  get on(): boolean {
    return this.from !== undefined && this.to === Infinity;
  }

  set(on: boolean): void {
    if (on === this.on) return;
    if (on) {
      // A stretch that has just ended and this one are one.
      if (this.from === undefined || this.to < this.now() - 60_000) this.from = this.now();
      this.to = Infinity;
    } else {
      this.to = this.now();
    }
  }

  /**
   * Is something private that the caller said from here to there?
   * @param startedAt ms on the call's clock; undefined where nobody knows: then its end decides
   * @param endedAt where it has not ended, now
   */
  covers(startedAt: number | undefined, endedAt: number): boolean {
    if (this.from === undefined) return false;
    return endedAt + MARGIN_MS >= this.from && (startedAt ?? endedAt) - MARGIN_MS <= this.to;
  }
}
