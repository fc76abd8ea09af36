/** What can go wrong with a carrier's reports on their way (contracts/twilio.md sections 8, 10, 12; contracts/telnyx.md section 3.1). */
export interface CallbackFaults {
  /** Every report is delivered twice. */
  duplicate?: boolean;
  /** Neighbours change places: each second report overtakes the one before it. */
  outOfOrder?: boolean;
}

/** How long an overtaken report waits for the one that overtakes it, in ms. */
const OVERTAKEN_MS = 300;

/**
 * Delivers the reports on one call. They are requests of their own and say nothing of the order in which they arrive; without
 * faults each waits for the one before it.
 */
export class Callbacks<Request> {
  private last: Promise<void> = Promise.resolve();
  private held: { request: Request; timer: NodeJS.Timeout } | undefined;

  /** `deliver` resolves when the next one may go; it never rejects. */
  constructor(
    private readonly faults: CallbackFaults,
    private readonly deliver: (request: Request) => Promise<void>,
  ) {}

  send(request: Request): void {
    if (!this.faults.outOfOrder) return this.enqueue(request);
    if (this.held) {
      this.enqueue(request);
      return this.releaseHeld();
    }
    this.held = { request, timer: setTimeout(() => this.releaseHeld(), OVERTAKEN_MS) };
  }

  /** Resolves when all reports sent so far were answered or given up. */
  async settled(): Promise<void> {
    let last: Promise<void> | undefined;
    while (this.held || last !== this.last) {
      this.releaseHeld();
      last = this.last;
      await last;
    }
  }

  private releaseHeld(): void {
    const held = this.held;
    if (!held) return;
    clearTimeout(held.timer);
    this.held = undefined;
    this.enqueue(held.request);
  }

  private enqueue(request: Request): void {
    for (let copies = this.faults.duplicate ? 2 : 1; copies > 0; copies--) {
      this.last = this.last.then(() => this.deliver(request));
    }
  }
}
