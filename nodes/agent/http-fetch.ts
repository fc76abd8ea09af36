import http from 'node:http';
import https from 'node:https';
import { asError } from '../call/errors';
import { HttpBody } from './http-body';

/** Connections are kept for the next turn: a caller listens and thinks for longer than the 4 s that Node's fetch keeps them. */
const KEEP_MS = 60_000;
/** A body that is read as a whole is an error's: of a longer one the first so many bytes tell enough. */
const MAX_TEXT_BYTES = 65_536;
const agentOptions = {
  keepAlive: true,
  keepAliveMsecs: 10_000,
  maxSockets: Infinity,
  maxFreeSockets: 32,
  timeout: KEEP_MS,
};
/** For tests too: an agent tells when a connection is free again. */
export const agents = { 'http:': new http.Agent(agentOptions), 'https:': new https.Agent(agentOptions) };

/** What the SDK looks at of an answer. The body is an async iterable and no web stream, as with node-fetch. */
class HttpResponse {
  readonly status: number;
  readonly statusText: string;
  readonly ok: boolean;
  readonly headers: Headers;
  readonly redirected = false;
  readonly type = 'default';
  readonly body: HttpBody;

  constructor(
    readonly url: string,
    message: http.IncomingMessage,
  ) {
    this.status = message.statusCode ?? 0;
    this.statusText = message.statusMessage ?? '';
    this.ok = this.status >= 200 && this.status < 300;
    this.body = new HttpBody(message);
    this.headers = new Headers();
    for (const [name, value] of Object.entries(message.headers)) {
      if (value !== undefined) this.headers.set(name, Array.isArray(value) ? value.join(', ') : value);
    }
  }

  /** The body as far as it is read: leaving the loop closes the connection of a longer one. */
  async text(): Promise<string> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_TEXT_BYTES) break;
    }
    return Buffer.concat(chunks).toString('utf8', 0, Math.min(size, MAX_TEXT_BYTES));
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text()) as unknown;
  }
}

/**
 * `fetch` for the SDK, over Node's own HTTP client: keeps connections from turn to turn, which spares each a handshake, and
 * reads a stream without the cost of web streams. Follows no redirects.
 * @throws the network's error (`code` as Node names it), or an AbortError
 */
export function httpFetch(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input);
  // As a flat list they go out as they are; Node keeps a table of others for as long as the request lasts.
  const headers = ['host', url.host];
  const given = init.headers instanceof Headers ? init.headers : new Headers(init.headers);
  given.forEach((value, name) => headers.push(name, value));
  // Let go when the answer comes: conversations grow, and answers last.
  let body = typeof init.body === 'string' ? init.body : undefined;
  if (body !== undefined) headers.push('content-length', String(Buffer.byteLength(body)));
  const secure = url.protocol === 'https:';
  const { signal } = init;
  return new Promise((resolve, reject) => {
    const attempt = (last: boolean): void => {
      if (signal?.aborted) return reject(asError(signal.reason));
      const options = { method: init.method ?? 'GET', headers, agent: agents[secure ? 'https:' : 'http:'] };
      const request = (secure ? https : http).request(url, options, (answer) => {
        body = undefined;
        // The SDK reads the parts of a `Response` that `HttpResponse` has, and no others.
        resolve(new HttpResponse(url.href, answer) as unknown as Response);
      });
      // By hand: Node's own `signal` option watches the whole stream, at the cost of all else that a request is.
      const abort = (): void => void request.destroy(asError(signal?.reason));
      signal?.addEventListener('abort', abort);
      request.on('close', () => signal?.removeEventListener('abort', abort));
      request.on('error', (err: NodeJS.ErrnoException) => {
        // A kept connection that the server had closed in the same moment: nothing was lost, a fresh one will do.
        if (!last && request.reusedSocket && err.code === 'ECONNRESET') attempt(true);
        else reject(err);
      });
      request.end(body);
    };
    attempt(false);
  });
}
