import { randomUUID } from 'node:crypto';
import type { Call } from './call';
import type { CallOptions, Exchange } from './call-options';
import { Callbacks } from '../phone/callbacks';
import type { Findings } from '../phone/findings';
import { rfc2822 } from './ids';
import type { DeliveredCallback, TwimlDocument } from './report';
import type { FormFields } from './signatures';
import type { NextDocument, StreamRequest } from './verbs';
import { WebhookError, type WebhookMethod, type WebhookRequest, type WebhookResponse } from './webhook';

const API_VERSION = '2010-04-01';

/** All that one call asks the application and tells it by HTTP, and what came of it. */
export class CallRequests {
  readonly twiml: TwimlDocument[] = [];
  readonly callbacks: DeliveredCallback[] = [];
  private readonly sender: Callbacks<WebhookRequest>;
  private progress = 0;

  constructor(
    private readonly call: Call,
    private readonly options: CallOptions,
    private readonly exchange: Exchange,
    private readonly findings: Findings,
  ) {
    this.sender = new Callbacks(options.callbacks ?? {}, (request) => this.deliver(request));
  }

  /** Resolves when all callbacks are delivered or given up. */
  settled(): Promise<void> {
    return this.sender.settled();
  }

  /** Asks the application for TwiML. Rejects with a WebhookError where there is none to be had. */
  async fetch(
    next: Extract<NextDocument, { url: string }>,
    signal: AbortSignal,
  ): Promise<{ text: string; base: string }> {
    const request = this.webhook(next.url, next.method, { ...this.fields(), ...next.fields }, signal);
    const duplicated = next.first ? this.options.duplicateWebhook : undefined;
    const wanted = this.exchangeTwiml(request, duplicated === 'use-last');
    if (!duplicated) return { text: await wanted, base: next.url };
    const other = this.exchangeTwiml(request, duplicated === 'use-first');
    const [first, last] = await Promise.allSettled([wanted, other]);
    const used = duplicated === 'use-first' ? first : last;
    if (used.status === 'rejected') throw used.reason;
    return { text: used.value, base: next.url };
  }

  private async exchangeTwiml(request: WebhookRequest, duplicate: boolean): Promise<string> {
    const { url } = request;
    let response: WebhookResponse;
    try {
      response = await this.exchange.request(request);
    } catch (error) {
      if (!this.call.isOver) this.logTwiml({ url, status: 0, body: '', tookMs: 0, duplicate });
      throw error;
    }
    const { status, contentType, body, tookMs } = response;
    this.logTwiml({ url, status, body, tookMs: Math.round(tookMs), duplicate });
    if (status === 204) return '<Response/>';
    if (status !== 200) throw new WebhookError(11200, `HTTP retrieval failure: ${url} answered ${status}`);
    if (!/^(text|application)\/xml\s*(;|$)/i.test(contentType)) {
      throw new WebhookError(12300, `Invalid Content-Type "${contentType}" of ${url}`);
    }
    return body;
  }

  /** The fields that every webhook of a call has (contracts/twilio.md section 2). */
  private fields(): FormFields {
    const { callSid, from, to, status, answeredBy } = this.call;
    const { direction, detection, fields } = this.options;
    return {
      AccountSid: this.exchange.accountSid,
      ApiVersion: API_VERSION,
      CallSid: callSid,
      CallStatus: status,
      Called: to,
      Caller: from,
      Direction: direction,
      From: from,
      To: to,
      ...(answeredBy !== undefined && !detection?.async ? { AnsweredBy: answeredBy } : {}),
      ...fields,
    };
  }

  private webhook(url: string, method: WebhookMethod, fields: FormFields, signal?: AbortSignal): WebhookRequest {
    return {
      url,
      method,
      fields,
      signal,
      authToken: this.exchange.authToken,
      signature: this.options.signature?.webhook,
      idempotencyToken: randomUUID(),
      resolve: this.exchange.resolve,
      network: this.options.network ?? this.exchange.network,
      timeoutMs: this.options.webhookTimeoutMs,
    };
  }

  /** Tells the application something, when it can be; `short` leaves out what only voice webhooks have. */
  callback(url: string, method: 'GET' | 'POST', fields: FormFields, short = false): void {
    const own: FormFields = { AccountSid: this.exchange.accountSid, CallSid: this.call.callSid };
    this.sender.send(
      this.webhook(url, method, short ? { ...own, ...fields } : { ...own, ApiVersion: API_VERSION, ...fields }),
    );
  }

  /** Tells of a stream's beginning and end, where that is asked for (contracts/twilio.md section 8). */
  streamReporter(
    { statusCallback, statusCallbackMethod, name }: StreamRequest,
    streamSid: string,
  ): (event: string, more?: FormFields) => void {
    return (event, more = {}) => {
      if (!statusCallback) return;
      const Timestamp = new Date().toISOString();
      const fields = { StreamSid: streamSid, StreamName: name ?? streamSid, StreamEvent: event, Timestamp };
      this.callback(statusCallback, statusCallbackMethod, { ...fields, ...more }, true);
    };
  }

  /** Requests a document after the end of the call: nobody carries it out. */
  farewell(url: string, method: WebhookMethod, fields: FormFields): void {
    this.sender.send(this.webhook(url, method, { ...this.fields(), ...fields }));
  }

  /** Reports the progress of the call, if the application wants to know of it. */
  reportStatus(event: 'initiated' | 'ringing' | 'answered' | 'completed'): void {
    const callback = this.options.statusCallback;
    if (!callback || !(callback.events ?? ['completed']).includes(event)) return;
    const seconds = Math.ceil(this.call.durationMs / 1000);
    this.callback(callback.url, callback.method ?? 'POST', {
      ...this.fields(),
      Timestamp: rfc2822(new Date()),
      CallbackSource: 'call-progress-events',
      SequenceNumber: String(this.progress++),
      ...(event === 'completed' ? { CallDuration: String(seconds), Duration: String(Math.ceil(seconds / 60)) } : {}),
    });
  }

  /** Keeps a document that was carried out or refused. */
  logTwiml(document: Omit<TwimlDocument, 'atMs'>): void {
    // Kept from the offering on, as it is not known yet when the call will be answered.
    this.twiml.push({ ...document, atMs: this.call.sinceOffered() });
  }

  private async deliver(request: WebhookRequest): Promise<void> {
    const status = await this.exchange.request(request).then(
      (answer) => answer.status,
      () => 0,
    );
    this.callbacks.push({ url: request.url, fields: request.fields, status, atMs: this.call.sinceOffered() });
    if (status < 200 || status >= 300)
      this.findings.warning(15003, `Warning response ${status} of the callback URL ${request.url}`);
  }
}
