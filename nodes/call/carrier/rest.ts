import { ProviderError } from '../errors';

/** Longer than this a caller does not wait either, ms. */
const TIMEOUT_MS = 5_000;
/** No answer of a carrier's comes near this, bytes; of a longer one only the status counts. */
const MAX_BODY_BYTES = 1_048_576;

/** One request to a carrier's REST API. */
export interface RestRequest {
  /** Who is asked: names the errors. */
  provider: string;
  url: string;
  method: 'GET' | 'POST' | 'DELETE';
  headers: Record<string, string>;
  body?: string | URLSearchParams;
  signal?: AbortSignal | undefined;
  /** Default 5 s. */
  timeoutMs?: number;
  /** What an answer other than 2xx means. */
  refusal(status: number, body: Record<string, unknown>): ProviderError;
}

/**
 * Asks a carrier's REST API, by plain fetch: the official clients make their URLs themselves, so that no proxy or simulator
 * can stand in, and keep sockets open that would outlive their call.
 * @returns the JSON object that was answered; empty for anything else, or more than 1 MB
 * @throws ProviderError: refused, timeout, or what `refusal` makes of the answer
 */
export async function askRest(request: RestRequest): Promise<Record<string, unknown>> {
  const { provider, signal, timeoutMs = TIMEOUT_MS } = request;
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    stop();
  }, timeoutMs);
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    const response = await fetch(request.url, {
      method: request.method,
      signal: abort.signal,
      redirect: 'error',
      // No socket is kept: it would outlive the call, and be stale when the next one needs it.
      headers: { ...request.headers, connection: 'close' },
      ...(request.body !== undefined && { body: request.body }),
    });
    const body = readObject(await textOf(response));
    if (response.ok) return body;
    throw request.refusal(response.status, body);
  } catch (err) {
    if (err instanceof ProviderError) throw err;
    if (late) throw new ProviderError(provider, 'timeout', `the REST API did not answer within ${timeoutMs / 1000} s`);
    throw new ProviderError(provider, 'refused', `the REST API could not be reached (${reasonOf(err)})`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/** The body, if it is not too long: the rest is left unread, and its connection closed. */
async function textOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > MAX_BODY_BYTES) return '';
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function readObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told by the status alone.
  }
  return {};
}

/** fetch hides what happened in `cause`. */
function reasonOf(err: unknown): string {
  const cause = err instanceof Error ? (err.cause ?? err) : err;
  if (cause instanceof Error) return (cause as NodeJS.ErrnoException).code ?? cause.message;
  return String(cause);
}
