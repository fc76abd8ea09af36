import type { ProviderError } from '../errors';

/** Within this, a lost connection is tried again quickly; after it, slowly, for as long as the call lives. ms */
const QUICK_MS = 10_000;
const SLOWLY_MS = 10_000;
/** Before the first, second, ... further attempt, ms. */
const DELAYS = [0, 250, 500, 1_000, 2_000];

/** The time from the loss of a connection until one stands again: when to try, and what has been said of it. */
export class Outage {
  attempts = 0;
  /** When to try next, ms of the caller's clock; Infinity: not before the settings change. */
  nextAt = 0;
  private lastError: ProviderError | undefined;

  constructor(readonly since: number) {}

  /** The error that the last attempt ended with. */
  get error(): ProviderError | undefined {
    return this.lastError;
  }

  /** True where trying again is useless. */
  get hopeless(): boolean {
    return this.nextAt === Infinity;
  }

  /** @returns true if Catch should hear of it: the first error, and one after which there is no hope */
  failed(error: ProviderError, now: number): boolean {
    const worthTelling = !this.lastError || (!error.retryable && this.lastError.retryable);
    this.lastError = error;
    if (!error.retryable) this.nextAt = Infinity;
    else if (now - this.since >= QUICK_MS) this.nextAt = now + SLOWLY_MS;
    else {
      const delay = DELAYS[Math.min(this.attempts, DELAYS.length - 1)] ?? 0;
      // Spread, as a provider's restart loses the sockets of all calls at once.
      const wait = Math.min(Math.max(delay * (0.8 + Math.random() * 0.4), error.retryAfterMs ?? 0), SLOWLY_MS);
      this.nextAt = now + wait;
    }
    this.attempts++;
    return worthTelling;
  }

  /** True when it has lasted so long, or is so hopeless, that the caller must be told. */
  isLong(now: number): boolean {
    return this.hopeless || now - this.since >= QUICK_MS;
  }
}
