import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** How much of a refusal's body is read, bytes, and how long it is waited for, ms. */
const MAX_BODY_BYTES = 4_096;
const BODY_MS = 300;

/** An HTTP answer in place of a WebSocket's handshake. */
export interface RefusedUpgrade {
  status: number;
  /** JSON where it is that, else the text. */
  body: unknown;
  /** After how long the answer asks to be tried again. */
  retryAfterMs: number | undefined;
}

/** Reads the answer that `ws` gives with `unexpected-response`; tells once, in any case, and then ends the request. */
export function readRefusedUpgrade(
  request: ClientRequest,
  response: IncomingMessage,
  tell: (refused: RefusedUpgrade) => void,
): void {
  const parts: Buffer[] = [];
  let size = 0;
  let told = false;
  const done = (): void => {
    if (told) return;
    told = true;
    clearTimeout(timer);
    const body = parse(Buffer.concat(parts).toString('utf8'));
    tell({ status: response.statusCode ?? 500, body, retryAfterMs: retryAfter(response.headers) });
    request.destroy();
  };
  const timer = setTimeout(done, BODY_MS);
  response.on('data', (part: Buffer) => {
    parts.push(part);
    size += part.length;
    if (size > MAX_BODY_BYTES) done();
  });
  for (const event of ['end', 'error', 'close']) response.on(event, done);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** `retry-after-ms`, or `retry-after` in seconds, as ms. */
function retryAfter(headers: IncomingHttpHeaders): number | undefined {
  const ms = Number(headers['retry-after-ms'] ?? NaN);
  if (Number.isFinite(ms)) return Math.max(0, ms);
  const seconds = Number(headers['retry-after'] ?? NaN);
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : undefined;
}
