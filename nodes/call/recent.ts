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

/**
 * The last few of something, known again by a hash of 53 bits: nothing is kept of what is remembered, where strings that
 * live for a second each would keep the garbage collector at work. (One in 10^13 new ones is taken for an old one.)
 */
export class RecentHashes {
  private hashes: Float64Array | undefined;
  private next = 0;

  /** @param limit how many are remembered; the oldest is forgotten first */
  constructor(private readonly limit: number) {}

  /** Remembers what these texts stand for together. @returns false if it was known already */
  add(...texts: [string, ...string[]]): boolean {
    const hash = hashOf(texts);
    const hashes = (this.hashes ??= new Float64Array(this.limit));
    if (hashes.includes(hash)) return false;
    hashes[this.next] = hash;
    this.next = (this.next + 1) % this.limit;
    return true;
  }
}

/** A hash from 1 to 2^53: two hashes of 32 and 21 bits (FNV-1a, and the same with another prime), with a mark between the texts. */
export function hashOf(texts: readonly string[]): number {
  let low = 0x811c9dc5;
  let high = 0x9dc5811c;
  for (const text of texts) {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      low = Math.imul(low ^ code, 0x01000193);
      high = Math.imul(high ^ code, 0x85ebca6b);
    }
    low = Math.imul(low ^ 0x10000, 0x01000193);
    high = Math.imul(high ^ 0x10000, 0x85ebca6b);
  }
  // The low bits of a product know only the low bits of its factors: the higher half is folded in.
  low ^= low >>> 15;
  high ^= high >>> 13;
  return (high >>> 11) * 0x1_0000_0000 + (low >>> 0) + 1;
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
