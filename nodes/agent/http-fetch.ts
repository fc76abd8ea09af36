import http from 'node:http';
import https from 'node:https';

/** Connections are kept for the next turn: a caller listens and thinks for longer than the 4 s that Node's fetch keeps them. */
const KEEP_MS = 60_000;
const agentOptions = {
  keepAlive: true,
  keepAliveMsecs: 10_000,
  maxSockets: Infinity,
  maxFreeSockets: 32,
  timeout: KEEP_MS,
};
const agents = { 'http:': new http.Agent(agentOptions), 'https:': new https.Agent(agentOptions) };

/** What the SDK looks at of an answer. The body is a Node stream, as with node-fetch: it is an async iterable all the same. */
class HttpResponse {
  readonly status: number;
  readonly statusText: string;
  readonly ok: boolean;
  readonly headers: Headers;
  readonly redirected = false;
  readonly type = 'default';

  constructor(
    readonly url: string,
    readonly body: http.IncomingMessage,
  ) {
    this.status = body.statusCode ?? 0;
    this.statusText = body.statusMessage ?? '';
    this.ok = this.status >= 200 && this.status < 300;
    this.headers = new Headers();
    for (const [name, value] of Object.entries(body.headers)) {
      if (value !== undefined) this.headers.set(name, Array.isArray(value) ? value.join(', ') : value);
    }
  }

  async text(): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.body as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
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
  const headers = Object.fromEntries(new Headers(init.headers).entries());
  const body = typeof init.body === 'string' ? init.body : undefined;
  if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body));
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const attempt = (last: boolean): void => {
      const request = (secure ? https : http).request(
        url,
        {
          method: init.method ?? 'GET',
          headers,
          agent: agents[secure ? 'https:' : 'http:'],
          ...(init.signal && { signal: init.signal }),
        },
        (answer) => {
          // The SDK reads the parts of a `Response` that `HttpResponse` has, and no others.
          resolve(new HttpResponse(url.href, answer) as unknown as Response);
        },
      );
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
