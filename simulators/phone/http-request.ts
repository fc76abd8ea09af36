import http from 'node:http';
import { addressOf, type Resolve } from './address';
import { oneWayMs, wait, type NetworkOptions } from './network';

/** One HTTP request of a phone company to the application. */
export interface OutgoingRequest {
  /** As the public knows it; where it leads to on this machine is in `resolve`. */
  url: string;
  method: 'GET' | 'POST';
  /** Those that are undefined are left out. `host` and `x-forwarded-proto` come by themselves. */
  headers: http.OutgoingHttpHeaders;
  body: string | undefined;
  resolve: Resolve;
  network: NetworkOptions;
  /** Until the whole answer is there, in ms. */
  timeoutMs: number;
  /** A longer answer is refused. */
  bodyLimitBytes: number;
  signal: AbortSignal | undefined;
}

/** What the application answered. */
export interface HttpAnswer {
  status: number;
  contentType: string;
  body: string;
  /** From sending to the whole answer, in ms. */
  tookMs: number;
}

/** Why there is no answer. */
export type HttpTrouble = 'bad-url' | 'no-address' | 'stopped' | 'time-out' | 'too-large' | 'connection';

/** No whole answer came. Each carrier has codes of its own for the reasons. */
export class HttpTroubleError extends Error {
  constructor(
    readonly trouble: HttpTrouble,
    message: string,
  ) {
    super(message);
  }
}

/** Sends it, over the simulated distance. Rejects with an HttpTroubleError if no whole answer comes; any HTTP status is an answer. */
export async function exchange(request: OutgoingRequest): Promise<HttpAnswer> {
  const startedAt = performance.now();
  const { url, network, signal } = request;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw new HttpTroubleError('bad-url', `Invalid URL: ${url}`);
  }
  const address = addressOf(parsed, request.resolve);
  if (!address) throw new HttpTroubleError('no-address', `The simulator knows no address for ${parsed.host}`);
  await wait(oneWayMs(network), signal);
  if (signal?.aborted) throw new HttpTroubleError('stopped', `The phone company stopped before requesting ${url}`);
  const answer = await send(request, parsed, address);
  await wait(oneWayMs(network), signal);
  return { ...answer, tookMs: performance.now() - startedAt };
}

function send(
  request: OutgoingRequest,
  url: URL,
  address: { host: string; port: number },
): Promise<Omit<HttpAnswer, 'tookMs'>> {
  const { method, body, signal, timeoutMs, bodyLimitBytes } = request;
  const wanted = { host: url.host, 'x-forwarded-proto': url.protocol.slice(0, -1), ...request.headers };
  const headers = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
  return new Promise((resolve, reject) => {
    const fail = (trouble: HttpTrouble, message: string): void => {
      clearTimeout(timer);
      reject(new HttpTroubleError(trouble, message));
      outgoing.destroy();
    };
    const outgoing = http.request(
      { ...address, path: url.pathname + url.search, method, headers, agent: false, signal },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > bodyLimitBytes) {
            return fail('too-large', `The answer of ${request.url} is larger than ${bodyLimitBytes / 1024} kB`);
          }
          chunks.push(chunk);
        });
        response.on('error', () => fail('connection', `The answer of ${request.url} broke off`));
        response.on('end', () => {
          clearTimeout(timer);
          const contentType = response.headers['content-type'] ?? '';
          resolve({ status: response.statusCode ?? 0, contentType, body: Buffer.concat(chunks).toString('utf8') });
        });
      },
    );
    const timer = setTimeout(() => fail('time-out', `No answer of ${request.url} within ${timeoutMs} ms`), timeoutMs);
    outgoing.on('error', (error) => fail('connection', `HTTP connection failure for ${request.url}: ${error.message}`));
    outgoing.end(body);
  });
}
