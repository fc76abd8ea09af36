import type { WebhookRequest, WebhookResponse } from './webhook';

/** What can go wrong with status callbacks on their way (contracts/twilio.md sections 8, 10 and 12). */
export interface CallbackFaults {
  /** Every callback is delivered twice. */
  duplicate?: boolean;
  /** Neighbours change places: each second callback overtakes the one before it. */
  outOfOrder?: boolean;
}

/** One delivered callback, as kept for the report. */
export interface DeliveredCallback {
  url: string;
  fields: WebhookRequest['fields'];
  /** HTTP status of the answer, 0 if there was none. */
  status: number;
  /** In ms since the call was answered. */
  atMs: number;
}

/** How long an overtaken callback waits for the one that overtakes it, in ms. */
const OVERTAKEN_MS = 300;

/**
 * Delivers the status callbacks of one call. They are requests of their own and say nothing of the order in which they arrive;
 * without faults each waits for the one before it.
 */
export class Callbacks {
  private last: Promise<void> = Promise.resolve();
  private held: { request: WebhookRequest; timer: NodeJS.Timeout } | undefined;

  constructor(
    private readonly faults: CallbackFaults,
    private readonly sendWebhook: (request: WebhookRequest) => Promise<WebhookResponse>,
    private readonly delivered: (request: WebhookRequest, status: number) => void,
  ) {}

  send(request: WebhookRequest): void {
    if (!this.faults.outOfOrder) return this.enqueue(request);
    if (this.held) {
      this.enqueue(request);
      return this.releaseHeld();
    }
    this.held = { request, timer: setTimeout(() => this.releaseHeld(), OVERTAKEN_MS) };
  }

  /** Resolves when all callbacks sent so far were answered or given up. */
  async settled(): Promise<void> {
    this.releaseHeld();
    await this.last;
  }

  private releaseHeld(): void {
    const held = this.held;
    if (!held) return;
    clearTimeout(held.timer);
    this.held = undefined;
    this.enqueue(held.request);
  }

  private enqueue(request: WebhookRequest): void {
    for (let copies = this.faults.duplicate ? 2 : 1; copies > 0; copies--) {
      this.last = this.last.then(() => this.deliver(request));
    }
  }

  private async deliver(request: WebhookRequest): Promise<void> {
    try {
      this.delivered(request, (await this.sendWebhook(request)).status);
    } catch {
      this.delivered(request, 0);
    }
  }
}
