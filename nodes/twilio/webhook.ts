/**
 * Twilio's signed requests: is it Twilio's, and what does it say? (contracts/twilio.md, sections 2 and 4; the official
 * library's `lib/webhooks/webhooks.js` accepts the same forms of the URL, but knows not all of those that are signed.)
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { parse, stringify } from 'node:querystring';

/** A request as it came, before anything of it is believed. */
export interface SignedRequest {
  method: string;
  /** As Twilio requested it: the public URL, path and query. */
  url: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  rawBody: Buffer;
}

/** `missing` is answered with 400 (an upgrade: 401), `wrong` with 403. */
export type Verdict = 'right' | 'wrong' | 'missing';

/** Checks a webhook: form POST, GET, or JSON with `bodySHA256`. */
export function checkWebhook(authToken: string, request: SignedRequest): Verdict {
  const signature = signatureOf(request);
  if (signature === undefined) return 'missing';
  const hash = queryOf(request.url).get('bodySHA256');
  let fields: Fields = new Map();
  if (request.method !== 'GET' && hash !== null) {
    if (!isHashOf(hash, request.rawBody)) return 'wrong';
  } else if (request.method !== 'GET') {
    // A body that is neither a form nor hashed is not signed: anybody could have written it.
    if (request.rawBody.length > 0 && !isForm(request)) return 'wrong';
    fields = collect(new URLSearchParams(request.rawBody.toString('utf8')));
  }
  return matches(authToken, signature, urlForms(request.url), fields) ? 'right' : 'wrong';
}

/**
 * Checks the upgrade of a media stream: the `wss://` URL as it stood in the TwiML, without parameters; some stacks sign it
 * with a slash at its end, with the port, or both (section 4.5).
 */
export function checkUpgrade(authToken: string, request: Pick<SignedRequest, 'url' | 'headers'>): Verdict {
  const signature = signatureOf(request);
  if (signature === undefined) return 'missing';
  const forms = urlForms(request.url);
  const slashed = forms.map((url) => (url.endsWith('/') ? url.slice(0, -1) : `${url}/`));
  return matches(authToken, signature, [...forms, ...slashed], new Map()) ? 'right' : 'wrong';
}

/**
 * The parameters of a request whose signature is right: of the query, and before those, of the form or JSON body. Of one
 * that came several times the first; values that are no text become JSON.
 */
export function readParams(request: SignedRequest): Record<string, string> {
  const params = new Map<string, string>();
  const add = (pairs: Iterable<[string, string]>): void => {
    const seen = new Set<string>();
    for (const [name, value] of pairs) {
      if (!seen.has(name)) params.set(name, value);
      seen.add(name);
    }
  };
  add(queryOf(request.url));
  params.delete('bodySHA256');
  if (request.method !== 'GET' && request.rawBody.length > 0) {
    const text = request.rawBody.toString('utf8');
    add(isForm(request) ? new URLSearchParams(text) : jsonPairs(text));
  }
  return Object.fromEntries(params);
}

/** Form fields by name; a field may come several times. */
type Fields = Map<string, string[]>;

function signatureOf({ headers }: Pick<SignedRequest, 'headers'>): string | undefined {
  const value = headers['x-twilio-signature'];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isForm({ headers }: SignedRequest): boolean {
  return String(headers['content-type'] ?? '').toLowerCase().startsWith('application/x-www-form-urlencoded'); // prettier-ignore
}

function queryOf(url: string): URLSearchParams {
  const start = url.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : url.slice(start + 1));
}

function collect(pairs: Iterable<[string, string]>): Fields {
  const fields: Fields = new Map();
  for (const [name, value] of pairs) {
    const known = fields.get(name);
    if (known) known.push(value);
    else fields.set(name, [value]);
  }
  return fields;
}

function* jsonPairs(text: string): Generator<[string, string]> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  for (const [name, each] of Object.entries(value)) {
    if (each !== null && each !== undefined) yield [name, typeof each === 'string' ? each : JSON.stringify(each)];
  }
}

/** An empty body hashes as `{}` in the official library. */
function isHashOf(hash: string, body: Buffer): boolean {
  const sha = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex');
  return same(hash, sha(body)) || (body.length === 0 && same(hash, sha('{}')));
}

function matches(authToken: string, signature: string, urls: Iterable<string>, fields: Fields): boolean {
  let tail = '';
  for (const name of [...fields.keys()].sort()) {
    for (const value of [...new Set(fields.get(name))].sort()) tail += name + value;
  }
  const hmac = (url: string): string => createHmac('sha1', authToken).update(url + tail, 'utf8').digest('base64'); // prettier-ignore
  for (const url of new Set(urls)) if (same(signature, hmac(url))) return true;
  return false;
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/**
 * All forms of a URL that Twilio is known to sign (section 4.4): without port, with the standard one (the library adds `:80`
 * to `wss:` too), without user and password, normalised, with the query as Node's old `querystring` writes it.
 */
function urlForms(url: string): string[] {
  const forms = new Set<string>();
  for (const base of [url, normalised(url)]) {
    for (const one of [base, withOldQuery(base)]) {
      const parts = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*@)?(\[[^\]]*\]|[^:/?#]*)(:\d*)?(.*)$/is.exec(one);
      forms.add(one);
      if (!parts) continue;
      const [, scheme = '', user = '', host = '', port = '', rest = ''] = parts;
      // A port of its own is never exchanged for a standard one.
      const standard =
        port !== '' ? [] : /^https:/i.test(scheme) ? [':443'] : /^wss:/i.test(scheme) ? [':443', ':80'] : [':80'];
      for (const given of new Set([user, ''])) {
        for (const each of [port, '', ...standard]) forms.add(scheme + given + host + each + rest);
      }
    }
  }
  return [...forms];
}

function normalised(url: string): string {
  return URL.canParse(url) ? new URL(url).toString() : url;
}

function withOldQuery(url: string): string {
  const start = url.indexOf('?');
  if (start < 0 || start === url.length - 1) return url;
  return `${url.slice(0, start)}?${stringify(parse(url.slice(start + 1)))}`;
}
