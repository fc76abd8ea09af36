import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { ClientOptions, RawData } from 'ws';
import { ProviderError, asError } from '../call/errors';
import { closed, networkError, refusal } from './listen-error';

/** An answer to the handshake must come within so long, ms. */
const HANDSHAKE_MS = 5_000;
/** The rest of a refusal's body must come within so long, ms. */
const BODY_MS = 1_000;
const MAX_BODY = 16_384;
/** The largest message that Deepgram is let send, bytes. */
const MAX_MESSAGE = 512 * 1024;
/** A close that we began is waited for so long, ms. */
const CLOSE_MS = 1_000;

/** What a socket tells; after `lost` nothing more. */
export interface SocketEvents {
  opened(): void;
  /** A text message; undefined for a binary one, which Deepgram never sends. */
  message(text: string | undefined): void;
  lost(error: ProviderError): void;
}

/** One WebSocket to Deepgram, from handshake to end; whatever goes wrong arrives once, as `lost`. */
export class ListenSocket {
  private readonly ws: WebSocket | undefined;
  private over = false;
  private opened = false;
  private failure: ProviderError | undefined;
  private bodyTimer: NodeJS.Timeout | undefined;

  constructor(
    url: string,
    headers: Record<string, string>,
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
      const error = new ProviderError(
        'deepgram',
        'settings',
        `the connection cannot be made (${asError(err).message})`,
      );
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
    this.ws.on('error', (err) => (this.failure ??= networkError(err, this.opened)));
    this.ws.on('close', (code, reason) => this.lose(this.failure ?? closed(code, reason.toString('utf8'))));
  }

  /** Bytes that the network has not taken yet. */
  get waiting(): number {
    return this.ws?.bufferedAmount ?? 0;
  }

  /** Audio as a binary frame (never an empty one, which would end the stream), anything else as text. */
  send(data: Uint8Array | string): void {
    if (this.ws?.readyState === WebSocket.OPEN && data.length > 0) this.ws.send(data);
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
    const status = response.statusCode ?? 0;
    const retryAfterMs = retryAfter(response);
    const header = response.headers['dg-error'];
    let body = '';
    const tell = (): void => {
      const words = typeof header === 'string' ? header : errorText(body);
      this.lose(refusal(status, words, retryAfterMs));
    };
    if (typeof header === 'string' && header !== '') return tell();
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

/** `{"err_code": …, "err_msg": …}`, or whatever a proxy in between has to say. */
function errorText(body: string): string {
  const [, message] = /"(?:err_msg|message|reason|error)"\s*:\s*"([^"]+)"/.exec(body) ?? [];
  return message ?? body.replace(/<[^>]*>|\s+/g, ' ').trim();
}

function retryAfter(response: IncomingMessage): number | undefined {
  const seconds = Number(response.headers['retry-after']);
  return response.headers['retry-after'] !== undefined && seconds >= 0 ? seconds * 1000 : undefined;
}
