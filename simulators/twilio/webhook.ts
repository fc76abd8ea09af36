import type { Resolve } from '../phone/address';
import { HttpTroubleError, exchange, type HttpAnswer, type HttpTrouble } from '../phone/http-request';
import type { NetworkOptions } from '../phone/network';
import { signForm, signGet, signJson, type FormFields, type WebhookSignature } from './signatures';

/** Twilio waits this long for an answer (contracts/twilio.md section 2). */
export const WEBHOOK_TIMEOUT_MS = 15_000;
/** TwiML may have 64 kB (error 11750). */
export const BODY_LIMIT_BYTES = 65_536;

/** How the request is made: a form, a query, or a JSON body with `bodySHA256`. */
export type WebhookMethod = 'POST' | 'GET' | 'JSON';

/** All that one request to the application needs. */
export interface WebhookRequest {
  url: string;
  method: WebhookMethod;
  fields: FormFields;
  authToken: string;
  signature?: WebhookSignature;
  idempotencyToken?: string;
  resolve: Resolve;
  network: NetworkOptions;
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** What the application answered. */
export type WebhookResponse = HttpAnswer;

/** The application gave no usable HTTP answer; the code is Twilio's. */
export class WebhookError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** Twilio's codes for a request without a whole answer (contracts/twilio.md section 7). */
const CODES: Record<HttpTrouble, number> = {
  'bad-url': 11100,
  'no-address': 11210,
  stopped: 11200,
  'time-out': 11200,
  'too-large': 11750,
  connection: 11205,
};

/** Sends one signed webhook. Rejects with a WebhookError if no whole answer comes; any HTTP status is an answer. */
export async function sendWebhook(request: WebhookRequest): Promise<WebhookResponse> {
  const { url, body, contentType, signature } = compose(request);
  const { resolve, network, signal, timeoutMs = WEBHOOK_TIMEOUT_MS } = request;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const headers = {
    'user-agent': 'TwilioProxy/1.1',
    accept: '*/*',
    'i-twilio-idempotency-token': request.idempotencyToken,
    'x-twilio-signature': signature,
    'content-type': contentType,
    'content-length': body === undefined ? undefined : Buffer.byteLength(body),
    authorization: parsed?.username
      ? `Basic ${Buffer.from(`${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`).toString('base64')}`
      : undefined,
  };
  const method = request.method === 'GET' ? 'GET' : 'POST';
  try {
    const limits = { timeoutMs, bodyLimitBytes: BODY_LIMIT_BYTES };
    return await exchange({ url, method, headers, body, resolve, network, signal, ...limits });
  } catch (error) {
    if (error instanceof HttpTroubleError) throw new WebhookError(CODES[error.trouble], error.message);
    throw error;
  }
}

/** URL, body and signature, as Twilio makes them for each kind of request. */
function compose(request: WebhookRequest): { url: string; body?: string; contentType?: string; signature?: string } {
  const { fields, authToken, signature: variant } = request;
  const url = request.url.replace(/#.*$/, '');
  if (request.method === 'JSON') {
    const body = JSON.stringify(fields);
    return { ...signJson(authToken, url, body, variant), body, contentType: 'application/json' };
  }
  const form = encode(fields);
  if (request.method === 'GET') {
    const full = `${url}${url.includes('?') ? '&' : '?'}${form}`;
    return { url: full, signature: signGet(authToken, full, variant) };
  }
  const contentType = 'application/x-www-form-urlencoded; charset=UTF-8';
  return { url, body: form, contentType, signature: signForm(authToken, url, fields, variant) };
}

function encode(fields: FormFields): string {
  const pairs = Object.entries(fields).flatMap(([key, value]) =>
    [value].flat().map((each): [string, string] => [key, each]),
  );
  return new URLSearchParams(pairs).toString();
}
