import { EventEmitter, once } from 'node:events';
import type { Faults } from '../faults';
import type { Resolve } from '../phone/address';
import type { RingOptions as CommonRing, SimulatedCarrier } from '../phone/carrier';
import { exchange as send, type HttpAnswer, type OutgoingRequest } from '../phone/http-request';
import { scriptOf, type LineBehaviour } from '../phone/line';
import type { NetworkOptions } from '../phone/network';
import { Ticker } from '../phone/ticker';
import { Archive } from './archive';
import { Call } from './call';
import type { CallFaults, CallOptions, Exchange, LineCall } from './call-options';
import { newCall } from './dial';
import type { Body } from './fields';
import { newId } from './ids';
import { RestApi } from './rest';
import { SigningKey } from './signing';
import { Storage } from './storage';

/** How the phone company is set up. Plain data. */
export interface TelnyxOptions {
  /** The bearer key that the REST API expects; default: a new one. */
  apiKey?: string;
  /** Any text, for a key pair that is always the same; default: a new key pair. */
  signingSeed?: string;
  /** The Call Control application, which a dial must name. */
  connectionId?: string;
  /** Where webhooks of a dial go that gives no `webhook_url`. */
  webhookUrl?: string;
  /** Where public host names lead to on this machine. */
  resolve?: Resolve;
  /** Distance to the application, for all that a call does not say otherwise. */
  network?: NetworkOptions;
  /** How many calls are kept after their end, so that the REST API still knows them; default 2,000. */
  rememberedCalls?: number;
}

/** An incoming call at Telnyx. Plain data. */
export interface RingOptions
  extends CommonRing, CallFaults, Pick<CallOptions, 'failoverUrl' | 'webhookRetryMs' | 'ringTimeoutMs' | 'fields'> {}

/**
 * Telnyx on loopback: Call Control with signed webhooks and REST commands, media streams in real time, and people who call. As strict as the real
 * one; what an application does wrong is in the `findings` of the call's report, under Telnyx's own error codes.
 */
export class TelnyxCompany extends EventEmitter<{ call: [call: Call] }> implements SimulatedCarrier<RingOptions, Call> {
  readonly apiKey: string;
  readonly connectionId: string;
  readonly signingKey: SigningKey;
  readonly rest: RestApi;
  /** Where the files of recordings lie: another host than the API's. */
  readonly storage = new Storage();
  /** All calls that are remembered, by their `call_control_id`. */
  readonly calls = new Map<string, Call>();

  private readonly ticker = new Ticker();
  private readonly lines = new Map<string, LineBehaviour<LineCall>>();
  private readonly exchange: Exchange;
  private readonly stopping = new AbortController();
  private requests = 0;

  constructor(private readonly options: TelnyxOptions = {}) {
    super();
    this.apiKey = options.apiKey ?? `KEY${newId()}`;
    this.connectionId = options.connectionId ?? '2301454981230001234';
    this.signingKey = new SigningKey(options.signingSeed);
    const network = options.network ?? {};
    const userId = newId();
    const archive = new Archive(userId, this.storage);
    this.rest = new RestApi(this.apiKey, network, {
      find: (id) => this.calls.get(id),
      dial: (body) => this.dial(body),
      archive,
    });
    this.exchange = {
      connectionId: this.connectionId,
      userId,
      archive,
      key: this.signingKey,
      resolve: options.resolve ?? {},
      network,
      ticker: this.ticker,
      signal: this.stopping.signal,
      line: (number) => this.lines.get(number) ?? {},
      request: (request) => this.request(request),
    };
  }

  /** Base URL of the REST API, with its version: what an account node has as `baseUrl`. */
  get url(): string {
    return this.rest.url;
  }

  /** Base64 of the 32 raw bytes: what an account node has as its public key. */
  get publicKey(): string {
    return this.signingKey.publicKey;
  }

  /** Faults of the REST API; see faults.ts. */
  get faults(): Faults {
    return this.rest.faults;
  }

  /** What is open now. After a test all of it must be 0. */
  get open(): { calls: number; sockets: number; requests: number } {
    const calls = [...this.calls.values()];
    return {
      calls: calls.filter((call) => !call.isOver).length,
      sockets: calls.reduce((sum, call) => sum + call.openSockets, 0),
      requests: this.requests,
    };
  }

  async start(port = 0): Promise<this> {
    await Promise.all([this.rest.start(port), this.storage.start()]);
    return this;
  }

  async stop(): Promise<void> {
    const calls = [...this.calls.values()];
    for (const call of calls) call.end('completed', 'phone-company', 'the phone company stopped');
    this.stopping.abort();
    await Promise.all(calls.map((call) => call.ended));
    await Promise.all([this.rest.close(), this.storage.close()]);
  }

  setLine(number: string, behaviour: LineBehaviour<LineCall>): void {
    this.lines.set(number, behaviour);
  }

  /** Somebody calls the application. */
  ring(options: RingOptions): Call {
    const { from = '+442079460321', to = '+14155550142', ...rest } = options;
    return this.place({ ...rest, from, to, direction: 'incoming' });
  }

  async nextCall(): Promise<Call> {
    const [call] = (await once(this, 'call')) as [Call];
    return call;
  }

  private dial(body: Body): Call {
    const { connectionId } = this;
    const { options, unknown } = newCall(body, { connectionId, webhookUrl: this.options.webhookUrl });
    const line = this.exchange.line(options.to);
    const { call } = line;
    const script = scriptOf(line);
    const placed = this.place({ ...call, ...options, ...(script ? { script } : {}) });
    for (const field of unknown) placed.finding('warning', 0, `dial: nobody knows the field "${field}"`);
    return placed;
  }

  private place(options: CallOptions): Call {
    const call = new Call(options, this.exchange);
    this.calls.set(call.callControlId, call);
    this.forgetOldCalls();
    this.emit('call', call);
    call.begin();
    return call;
  }

  private forgetOldCalls(): void {
    if (this.calls.size <= (this.options.rememberedCalls ?? 2_000)) return;
    for (const [id, call] of this.calls) {
      if (!call.isOver) continue;
      this.calls.delete(id);
      return;
    }
  }

  private async request(request: OutgoingRequest): Promise<HttpAnswer> {
    this.requests++;
    try {
      return await send(request);
    } finally {
      this.requests--;
    }
  }
}
