/** The last few of something, by key: for knowing again what comes a second time. */
export class RecentKeys {
  private readonly keys = new Set<string>();
  /** In the order of their coming, as a ring: the set alone would be slow to tell its oldest. */
  private readonly ring: string[] = [];
  private next = 0;

  /** @param limit how many are remembered; the oldest is forgotten first */
  constructor(private readonly limit: number) {}

  /** Remembers a key. @returns false if it was known already. */
  add(key: string): boolean {
    if (this.keys.has(key)) return false;
    this.keys.add(key);
    const oldest = this.ring[this.next];
    if (oldest !== undefined) this.keys.delete(oldest);
    this.ring[this.next] = key;
    this.next = (this.next + 1) % this.limit;
    return true;
  }

  has(key: string): boolean {
    return this.keys.has(key);
  }
}

/** How many numbers may be missing behind the highest before the lowest of them is given up. */
const MAX_AHEAD = 64;

/** Which numbers of a sequence have come: nearly always the next one, so that is all that is kept. */
export class SeqTracker {
  private next = 0;
  /** Numbers that came before their turn. */
  private ahead: Set<number> | undefined;

  /** @returns false for a number that has come before */
  isNew(seq: number): boolean {
    if (seq === this.next) {
      this.next++;
      while (this.ahead?.delete(this.next)) this.next++;
      return true;
    }
    if (seq < this.next || this.ahead?.has(seq)) return false;
    (this.ahead ??= new Set()).add(seq);
    if (this.ahead.size > MAX_AHEAD) {
      this.next = Math.min(...this.ahead);
      while (this.ahead.delete(this.next)) this.next++;
    }
    return true;
  }
}
