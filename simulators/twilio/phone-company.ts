import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Faults } from '../faults';
import type { Resolve } from '../phone/address';
import { Call } from './call';
import type { CallFaults, CallOptions, Exchange, LineCall, StatusCallback } from './call-options';
import type { RingOptions as CommonRing, SimulatedCarrier } from '../phone/carrier';
import { newSid } from './ids';
import { scriptOf, type LineBehaviour } from '../phone/line';
import type { NetworkOptions } from '../phone/network';
import { RestApi } from './rest';
import { callRoutes } from './rest-calls';
import { recordingRoutes } from './rest-recordings';
import { transcriptionRoutes } from './rest-transcriptions';
import type { FormFields, UpgradeSignature, WebhookSignature } from './signatures';
import { Ticker } from '../phone/ticker';
import { sendWebhook, type WebhookMethod, type WebhookRequest, type WebhookResponse } from './webhook';

/** How the phone company is set up. */
export interface PhoneCompanyOptions {
  /** Default: a new one. */
  accountSid?: string;
  /** Signs the webhooks and opens the REST API. Default: a new one. */
  authToken?: string;
  /** A second way into the REST API, `SK...` and its secret. */
  apiKeySid?: string;
  apiKeySecret?: string;
  /** Where public host names lead to on this machine. */
  resolve?: Resolve;
  /** Distance to the application, for all that a call does not say otherwise. */
  network?: NetworkOptions;
  /** How many calls are kept after their end, so that the REST API still knows them; default 2,000. */
  rememberedCalls?: number;
}

/** An incoming call at Twilio. Plain data. */
export interface RingOptions extends CommonRing, CallFaults {
  /** How the Voice URL of the number is requested. */
  method?: WebhookMethod;
  /** Further fields of the webhooks, e.g. `{ ForwardedFrom: '+1...' }`. */
  fields?: FormFields;
  fallbackUrl?: string;
  statusCallback?: StatusCallback;
  signature?: { webhook?: WebhookSignature; upgrade?: UpgradeSignature };
}

/**
 * Twilio on loopback: a REST API, signed webhooks, media streams in real time, and people who call. As strict as the real one; what an
 * application does wrong is in the `findings` of the call's report, under Twilio's own error codes.
 */
export class PhoneCompany extends EventEmitter<{ call: [call: Call] }> implements SimulatedCarrier<RingOptions, Call> {
  readonly accountSid: string;
  readonly authToken: string;
  readonly rest: RestApi;
  /** All calls that are remembered, by their sid. */
  readonly calls = new Map<string, Call>();

  private readonly ticker = new Ticker();
  private readonly lines = new Map<string, LineBehaviour<LineCall>>();
  private readonly exchange: Exchange;
  private readonly server: http.Server;
  private readonly rememberedCalls: number;
  private readonly stopping = new AbortController();
  private requests = 0;

  constructor(options: PhoneCompanyOptions = {}) {
    super();
    this.accountSid = options.accountSid ?? newSid('AC');
    this.authToken = options.authToken ?? newSid('AC').slice(2);
    this.rememberedCalls = options.rememberedCalls ?? 2_000;
    const network = options.network ?? {};
    const restUrl = (): string => this.url;
    this.exchange = {
      accountSid: this.accountSid,
      authToken: this.authToken,
      resolve: options.resolve ?? {},
      network,
      ticker: this.ticker,
      signal: this.stopping.signal,
      get url() {
        return restUrl();
      },
      line: (number) => this.lines.get(number) ?? {},
      request: (request) => this.request(request),
    };
    this.rest = new RestApi(
      {
        accountSid: this.accountSid,
        authToken: this.authToken,
        apiKeySid: options.apiKeySid,
        apiKeySecret: options.apiKeySecret,
      },
      network,
    );
    const host = {
      accountSid: this.accountSid,
      find: (callSid: string): Call | undefined => this.calls.get(callSid),
      list: (): Call[] => [...this.calls.values()].reverse(),
    };
    const place = (call: CallOptions): Call => {
      const line = this.exchange.line(call.to);
      return this.place({ ...line.call, ...call, script: scriptOf(line) });
    };
    this.rest.add(...callRoutes({ ...host, place }), ...recordingRoutes(host), ...transcriptionRoutes(host));
    this.server = http.createServer((request, response) => {
      this.rest.handle(request, response).catch((error: unknown) => {
        response.writeHead(500, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ code: 20500, message: String(error), status: 500 }));
      });
    });
  }

  /** Base URL of the REST API, without the path: what an account node has as `baseUrl`. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
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

  /** Listens on loopback; port 0: any. */
  async start(port = 0): Promise<this> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  /** Ends all calls and closes everything. */
  async stop(): Promise<void> {
    const calls = [...this.calls.values()];
    for (const call of calls) call.end('completed', 'phone-company', 'the phone company stopped');
    this.stopping.abort();
    await Promise.all(calls.map((call) => call.ended));
    if (!this.server.listening) return;
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /** Sets what happens when a number, a client or a conference is called. */
  setLine(number: string, behaviour: LineBehaviour<LineCall>): void {
    this.lines.set(number, behaviour);
  }

  /** Somebody calls the application. */
  ring(options: RingOptions): Call {
    const { webhookUrl, method = 'POST', from = '+442079460321', to = '+14155550142', fallbackUrl, ...rest } = options;
    return this.place({
      ...rest,
      direction: 'inbound',
      from,
      to,
      document: { url: webhookUrl, method, first: true },
      ...(fallbackUrl ? { fallback: { url: fallbackUrl, method: 'POST' } } : {}),
    });
  }

  /** Resolves with the next call that begins, e.g. one that the application places. */
  async nextCall(): Promise<Call> {
    const [call] = (await once(this, 'call')) as [Call];
    return call;
  }

  private place(options: CallOptions): Call {
    const call = new Call(options, this.exchange);
    this.calls.set(call.callSid, call);
    this.forgetOldCalls();
    this.emit('call', call);
    call.begin();
    return call;
  }

  private forgetOldCalls(): void {
    if (this.calls.size <= this.rememberedCalls) return;
    for (const [callSid, call] of this.calls) {
      if (!call.isOver) continue;
      this.calls.delete(callSid);
      return;
    }
  }

  private async request(request: WebhookRequest): Promise<WebhookResponse> {
    this.requests++;
    try {
      const signal = request.signal ? AbortSignal.any([request.signal, this.stopping.signal]) : this.stopping.signal;
      return await sendWebhook({ ...request, signal });
    } finally {
      this.requests--;
    }
  }
}
