/** The first replacement comes at once; the one after it waits so long, ms, and each further one twice as long. */
const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 60_000;
/** After so long without a failure all is as it was at first, ms. */
const CALM_MS = 60_000;

/** How soon a worker that failed is replaced: at once, then after 1 s, 2 s, 4 s and so on, at most a minute. */
export class Restarts {
  private failures = 0;
  /** When the last replacement was due: a wait is no calm. */
  private dueAt = -Infinity;

  /** @param now ms, never jumps */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** One has failed. @returns after how long another may take its place, ms */
  failed(): number {
    const now = this.now();
    if (now - this.dueAt >= CALM_MS) this.failures = 0;
    const wait = this.failures === 0 ? 0 : Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.failures - 1));
    this.failures++;
    this.dueAt = now + wait;
    return wait;
  }
}
