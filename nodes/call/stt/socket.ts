import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { ClientOptions, RawData } from 'ws';
import { ProviderError, asError } from '../errors';

/** An answer to the handshake must come within so long, ms. */
const HANDSHAKE_MS = 5_000;
/** The rest of a refusal's body must come within so long, ms. */
const BODY_MS = 1_000;
const MAX_BODY = 16_384;
/** The largest message that a provider is let send, bytes. */
const MAX_MESSAGE = 512 * 1024;
/** A close that we began is waited for so long, ms. */
const CLOSE_MS = 1_000;

/** An HTTP status in place of the handshake. */
export interface Refusal {
  status: number;
  headers: IncomingHttpHeaders;
  /** The first 16 kB. */
  body: string;
  /** After how many ms the provider asks to be tried again. */
  retryAfterMs: number | undefined;
}

/** How a provider words its errors. */
export interface SttErrors {
  /** Named in errors. */
  provider: string;
  refusal(refusal: Refusal): ProviderError;
  /** The socket was closed in mid-stream. */
  closed(code: number, reason: string): ProviderError;
}

/** What a socket tells; after `lost` nothing more. */
export interface SocketEvents {
  opened(): void;
  /** A text message; undefined for a binary one. */
  message(text: string | undefined): void;
  lost(error: ProviderError): void;
}

/** One WebSocket to a provider of speech-to-text, from handshake to end; whatever goes wrong arrives once, as `lost`. */
export class SttSocket {
  private readonly ws: WebSocket | undefined;
  private over = false;
  private opened = false;
  private failure: ProviderError | undefined;
  private bodyTimer: NodeJS.Timeout | undefined;

  constructor(
    url: string,
    headers: Record<string, string>,
    private readonly errors: SttErrors,
    private readonly events: SocketEvents,
  ) {
    try {
      // The types do not know closeTimeout yet.
      const options: ClientOptions & { closeTimeout: number } = {
        headers,
        perMessageDeflate: false,
        // What is no UTF-8 is no JSON of theirs either, and is found there.
        skipUTF8Validation: true,
        maxPayload: MAX_MESSAGE,
        handshakeTimeout: HANDSHAKE_MS,
        closeTimeout: CLOSE_MS,
        followRedirects: false,
      };
      this.ws = new WebSocket(url, options);
    } catch (err) {
      // A URL or header that no socket can have. Told later, as whoever made this does not hold it yet.
      const words = `the connection cannot be made (${asError(err).message})`;
      const error = new ProviderError(errors.provider, 'settings', words);
      queueMicrotask(() => this.lose(error));
      return;
    }
    this.ws.on('open', () => {
      this.opened = true;
      if (!this.over) this.events.opened();
    });
    this.ws.on('message', (data, isBinary) => {
      if (!this.over) this.events.message(isBinary ? undefined : asText(data));
    });
    this.ws.on('unexpected-response', (_request, response) => this.refused(response));
    // `close` always follows, and until the very end ws may find one more error: this handler stays.
    this.ws.on('error', (err) => (this.failure ??= networkError(errors.provider, err, this.opened)));
    this.ws.on('close', (code, reason) => this.lose(this.failure ?? errors.closed(code, reason.toString('utf8'))));
  }

  /** Bytes that the network has not taken yet. */
  get waiting(): number {
    return this.ws?.bufferedAmount ?? 0;
  }

  /** Bytes as a binary frame (never an empty one), a string as a text frame. */
  send(data: Uint8Array | string): void {
    if (this.ws?.readyState === WebSocket.OPEN && data.length > 0) this.ws.send(data);
  }

  /** A WebSocket ping: traffic for whatever closes idle connections on the way. */
  ping(): void {
    if (this.ws?.readyState === WebSocket.OPEN) this.ws.ping();
  }

  /** Says goodbye and closes politely, within a second; nothing more is told. */
  close(): void {
    this.end();
    if (this.ws?.readyState === WebSocket.OPEN) this.ws.close(1000);
    else this.ws?.terminate();
  }

  /** Gone at once; nothing more is told. */
  terminate(): void {
    this.end();
    this.ws?.terminate();
  }

  private end(): void {
    this.over = true;
    clearTimeout(this.bodyTimer);
  }

  private lose(error: ProviderError): void {
    if (this.over) return;
    this.terminate();
    this.events.lost(error);
  }

  /** An HTTP status in place of the handshake: header and body say why. */
  private refused(response: IncomingMessage): void {
    const { statusCode: status = 0, headers } = response;
    let body = '';
    const tell = (): void => {
      this.lose(this.errors.refusal({ status, headers, body, retryAfterMs: retryAfter(headers) }));
    };
    this.bodyTimer = setTimeout(tell, BODY_MS);
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      if (body.length < MAX_BODY) body += text;
    });
    response.on('end', tell);
    response.on('error', tell);
  }
}

function asText(data: RawData): string {
  return Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.concat(data as Buffer[]).toString('utf8');
}

/** What a refusal's JSON body says, or whatever a proxy in between has to say. */
export function refusalText(body: string): string {
  const [, message] = /"(?:err_msg|message|reason|error)"\s*:\s*"([^"]+)"/.exec(body) ?? [];
  return message ?? body.replace(/<[^>]*>|\s+/g, ' ').trim();
}

/** In ms where it is given so, else in seconds. */
function retryAfter(headers: IncomingHttpHeaders): number | undefined {
  const ms = Number(headers['retry-after-ms'] ?? NaN);
  if (ms >= 0) return ms;
  const seconds = Number(headers['retry-after'] ?? NaN);
  return seconds >= 0 ? seconds * 1000 : undefined;
}

/** The network failed, before or after the handshake. */
function networkError(provider: string, err: Error, opened: boolean): ProviderError {
  const code = (err as NodeJS.ErrnoException).code;
  const more = code === undefined ? {} : { code };
  if (/handshake has timed out/.test(err.message)) {
    return new ProviderError(provider, 'timeout', 'the connection was not answered', more);
  }
  if (
    code?.startsWith('WS_ERR_') ||
    code?.startsWith('HPE_') ||
    /^(Unexpected server|Invalid Sec-)/.test(err.message)
  ) {
    return new ProviderError(provider, 'protocol', `no proper WebSocket (${err.message})`, more);
  }
  if (opened) return new ProviderError(provider, 'closed', `the connection broke (${err.message})`, more);
  return new ProviderError(provider, 'refused', `no connection (${err.message || code || 'unknown'})`, more);
}
