/** The clock looks so often, ms; what comes less late than NOISE_MS is any machine's everyday. */
const TICK_MS = 50;
const NOISE_MS = 100;

/**
 * How long a busy machine let this process stand still. A limit in seconds is about our nodes; a machine of two cores on which a dozen
 * processes work can take a process off for seconds, and what it then says late is not their doing.
 */
export class Standstill {
  private readonly stalls: { at: number; ms: number }[] = [];
  private timer?: NodeJS.Timeout;

  /** Looks at the clock from now on, until it is stopped. */
  start(): this {
    let last = performance.now();
    this.timer = setInterval(() => {
      const at = performance.now();
      this.note(at, at - last - TICK_MS);
      last = at;
    }, TICK_MS);
    return this;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** The longest, ms, that the process stood still within any span of so many ms: what a deadline of that length may be late by. */
  within(spanMs: number): number {
    let longest = 0;
    for (const { at } of this.stalls) {
      const span = this.stalls.filter((x) => x.at <= at && x.at > at - spanMs);
      longest = Math.max(
        longest,
        span.reduce((sum, { ms }) => sum + ms, 0),
      );
    }
    return Math.round(longest);
  }

  private note(at: number, ms: number): void {
    if (ms >= NOISE_MS) this.stalls.push({ at, ms });
  }
}
