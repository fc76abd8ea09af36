/** Where a key's press is told. */
export type Source = 'socket' | 'webhook';

/** The two reports of one press lie no further apart, ms: a webhook is sent again for some time where it was not answered. */
const TOGETHER_MS = 30_000;
/** Presses that were told by one source only, remembered: the oldest is forgotten first. */
const MAX_PENDING = 64;

/**
 * The keys of the phone: each press is told twice, on the media socket and by webhook, in any order and at any distance, and
 * counts once. A report is taken for the second one of a press that the other source told and nobody has matched yet.
 */
export class KeyPresses {
  private pending: { digit: string; source: Source; at: number }[] = [];

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** @returns true for a press that is new */
  isNew(digit: string, source: Source): boolean {
    const now = this.now();
    this.pending = this.pending.filter(({ at }) => now - at <= TOGETHER_MS);
    const match = this.pending.findIndex((one) => one.digit === digit && one.source !== source);
    if (match >= 0) {
      this.pending.splice(match, 1);
      return false;
    }
    this.pending.push({ digit, source, at: now });
    if (this.pending.length > MAX_PENDING) this.pending.shift();
    return true;
  }
}
