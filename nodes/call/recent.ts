/** The last few of something, by key: for knowing again what comes a second time. */
export class RecentKeys {
  private readonly keys = new Set<string>();

  /** @param limit how many are remembered; the oldest is forgotten first */
  constructor(private readonly limit: number) {}

  /** Remembers a key. @returns false if it was known already. */
  add(key: string): boolean {
    if (this.keys.has(key)) return false;
    this.keys.add(key);
    if (this.keys.size > this.limit) {
      const oldest = this.keys.values().next();
      if (!oldest.done) this.keys.delete(oldest.value);
    }
    return true;
  }

  has(key: string): boolean {
    return this.keys.has(key);
  }
}
