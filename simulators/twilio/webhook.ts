import http from 'node:http';
import { addressOf, type Resolve } from './address';
import { oneWayMs, wait, type NetworkOptions } from './network';
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
export interface WebhookResponse {
  status: number;
  contentType: string;
  body: string;
  /** From sending to the whole answer, in ms. */
  tookMs: number;
}

/** The application gave no usable HTTP answer; the code is Twilio's. */
export class WebhookError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** Sends one signed webhook. Rejects with a WebhookError if no whole answer comes; any HTTP status is an answer. */
export async function sendWebhook(request: WebhookRequest): Promise<WebhookResponse> {
  const startedAt = performance.now();
  const { url, body, contentType, signature } = compose(request);
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new WebhookError(11100, `Invalid URL: ${url}`);
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') throw new WebhookError(11100, `Invalid URL: ${url}`);
  const address = addressOf(parsed, request.resolve);
  if (!address) throw new WebhookError(11210, `The simulator knows no address for ${parsed.host}`);
  await wait(oneWayMs(request.network), request.signal);
  if (request.signal?.aborted) throw new WebhookError(11200, `The phone company stopped before requesting ${url}`);
  const answer = await exchange(request, parsed, address, body, {
    host: parsed.host,
    'user-agent': 'TwilioProxy/1.1',
    accept: '*/*',
    'x-forwarded-proto': parsed.protocol.slice(0, -1),
    'i-twilio-idempotency-token': request.idempotencyToken,
    'x-twilio-signature': signature,
    'content-type': contentType,
    'content-length': body === undefined ? undefined : Buffer.byteLength(body),
    authorization: parsed.username
      ? `Basic ${Buffer.from(`${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`).toString('base64')}`
      : undefined,
  });
  await wait(oneWayMs(request.network), request.signal);
  return { ...answer, tookMs: performance.now() - startedAt };
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

function exchange(
  request: WebhookRequest,
  url: URL,
  address: { host: string; port: number },
  body: string | undefined,
  headers: http.OutgoingHttpHeaders,
): Promise<Omit<WebhookResponse, 'tookMs'>> {
  const timeoutMs = request.timeoutMs ?? WEBHOOK_TIMEOUT_MS;
  const present = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
  return new Promise((resolve, reject) => {
    const fail = (code: number, message: string): void => {
      clearTimeout(timer);
      reject(new WebhookError(code, message));
      outgoing.destroy();
    };
    const outgoing = http.request(
      {
        ...address,
        path: url.pathname + url.search,
        method: request.method === 'GET' ? 'GET' : 'POST',
        headers: present,
        agent: false,
        signal: request.signal,
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > BODY_LIMIT_BYTES) return fail(11750, `The answer of ${request.url} is larger than 64 kB`);
          chunks.push(chunk);
        });
        response.on('error', () => fail(11200, `The answer of ${request.url} broke off`));
        response.on('end', () => {
          clearTimeout(timer);
          const contentType = response.headers['content-type'] ?? '';
          resolve({ status: response.statusCode ?? 0, contentType, body: Buffer.concat(chunks).toString('utf8') });
        });
      },
    );
    const timer = setTimeout(() => fail(11200, `No answer of ${request.url} within ${timeoutMs} ms`), timeoutMs);
    outgoing.on('error', (error) => fail(11205, `HTTP connection failure for ${request.url}: ${error.message}`));
    outgoing.end(body);
  });
}
