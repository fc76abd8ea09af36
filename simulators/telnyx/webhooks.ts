import { Callbacks, type CallbackFaults } from '../phone/callbacks';
import type { HttpAnswer, OutgoingRequest } from '../phone/http-request';
import type { NetworkOptions } from '../phone/network';
import type { Resolve } from '../phone/address';
import { microseconds, newId } from './ids';
import type { SigningKey, WebhookSignature } from './signing';

/** How long Telnyx waits for the answer to a webhook unless the application's setting says otherwise, in ms. */
export const WEBHOOK_TIMEOUT_MS = 5_000;
/** How often a webhook is tried at each URL. */
export const ATTEMPTS = 3;
/** Pause before the next try, in ms; the real one is longer and not documented. */
const RETRY_MS = 500;
const BODY_LIMIT_BYTES = 65_536;

/** What can go wrong with webhooks; order and single delivery are promised by nobody (contracts/telnyx.md section 3.1). */
export interface WebhookFaults extends CallbackFaults {
  /** Events of these types come so many ms late, e.g. `{ 'call.answered': 400 }`. */
  late?: Record<string, number>;
}

/** One delivery of an event, as kept for the report. */
export interface DeliveredWebhook {
  /** The same for each delivery of the same event. */
  id: string;
  eventType: string;
  payload: Readonly<Record<string, unknown>>;
  url: string;
  attempt: number;
  /** HTTP status of the answer, 0 if there was none. */
  status: number;
  atMs: number;
}

/** How and where to the webhooks of a call go. */
export interface WebhookOptions {
  url: string;
  failoverUrl?: string;
  timeoutMs?: number;
  retryMs?: number;
  signature?: WebhookSignature;
  faults?: WebhookFaults;
  network: NetworkOptions;
  resolve: Resolve;
  key: SigningKey;
  /** Sends a request and counts it as open while it lasts. */
  request(request: OutgoingRequest): Promise<HttpAnswer>;
  /** ms since the call was offered. */
  now(): number;
  /** The phone company closes down. */
  signal: AbortSignal;
}

interface Event {
  id: string;
  eventType: string;
  occurredAt: string;
  payload: Readonly<Record<string, unknown>>;
  url: string;
}

/** The webhooks of one call: signed, tried again until they are answered with 200, at the second URL if the first gives none. */
export class Webhooks {
  readonly delivered: DeliveredWebhook[] = [];
  private readonly callbacks: Callbacks<Event>;
  private readonly retries = new Set<Promise<void>>();
  private url: string;

  /** `refused` is told of each answer that is not 200: its status, 0 if there was none. */
  constructor(
    private readonly options: WebhookOptions,
    private readonly refused: (eventType: string, status: number) => void,
  ) {
    this.url = options.url;
    this.callbacks = new Callbacks(options.faults ?? {}, (event) => this.deliver(event));
  }

  /** Field `webhook_url` of a command: later events go there. */
  redirect(url: string): void {
    this.url = url;
  }

  send(eventType: string, payload: Readonly<Record<string, unknown>>): void {
    const event = { id: newId(), eventType, occurredAt: microseconds(), payload, url: this.url };
    const late = this.options.faults?.late?.[eventType];
    if (late === undefined) return this.callbacks.send(event);
    this.track(this.pause(late).then(() => this.deliver(event)));
  }

  /** Resolves when each event has been answered or given up. */
  async settled(): Promise<void> {
    await this.callbacks.settled();
    while (this.retries.size > 0) await Promise.all(this.retries);
  }

  /** The first try: the next event waits for its answer, but not for further tries. */
  private async deliver(event: Event): Promise<void> {
    if (!(await this.attempt(event, event.url, 1))) this.track(this.tryAgain(event));
  }

  private async tryAgain(event: Event): Promise<void> {
    const { url } = event;
    const { failoverUrl, retryMs = RETRY_MS, signal } = this.options;
    const places = failoverUrl === undefined ? [url] : [url, failoverUrl];
    for (let n = 1; n < ATTEMPTS * places.length && !signal.aborted; n++) {
      await this.pause(retryMs);
      const place = places[Math.floor(n / ATTEMPTS)];
      if (signal.aborted || place === undefined || (await this.attempt(event, place, n + 1))) return;
    }
  }

  private async attempt(event: Event, url: string, attempt: number): Promise<boolean> {
    const { id, eventType, occurredAt, payload } = event;
    const data = { record_type: 'event', event_type: eventType, id, occurred_at: occurredAt, payload };
    const body = JSON.stringify({ data, meta: { attempt, delivered_to: url } });
    const { key, signature, timeoutMs = WEBHOOK_TIMEOUT_MS, network, resolve, signal } = this.options;
    const status = await this.options
      .request({
        url,
        method: 'POST',
        headers: {
          'user-agent': 'telnyx-webhooks',
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...key.headers(body, signature),
        },
        body,
        network,
        resolve,
        timeoutMs,
        bodyLimitBytes: BODY_LIMIT_BYTES,
        signal,
      })
      .then(
        (answer) => answer.status,
        () => 0,
      );
    this.delivered.push({ id, eventType, payload, url, attempt, status, atMs: this.options.now() });
    if (status !== 200 && !signal.aborted) this.refused(eventType, status);
    return status === 200;
  }

  private track(work: Promise<void>): void {
    this.retries.add(work);
    void work.finally(() => this.retries.delete(work));
  }

  private pause(ms: number): Promise<void> {
    const { signal } = this.options;
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      if (signal.aborted) finish();
      else signal.addEventListener('abort', finish);
    });
  }
}
