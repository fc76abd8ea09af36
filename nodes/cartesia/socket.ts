import WebSocket from 'ws';
import type { ClientOptions } from 'ws';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { ProviderError } from '../call/errors';
import type { ContextListener } from '../call/tts/contexts';
import { parseEvent, PROVIDER, readError } from './events';
import { cancelRequest, contextFields, generationRequest, requestHead } from './requests';
import type { VoiceSettings } from './requests';

/** Where and as whom to connect. */
export interface Endpoint {
  /** ws:// or wss://, without a path's last slash. */
  baseUrl: string;
  apiKey: string;
  apiVersion: string;
  headers: Readonly<Record<string, string>>;
}

/** The handshake's limit, ms: short of the time in which a caller must hear something. */
const HANDSHAKE_MS = 1_500;
/** How long a close waits for its answer, ms. */
const CLOSE_MS = 1_000;
/** The largest message that is taken: 4 MB are minutes of speech. */
const MAX_MESSAGE_BYTES = 4_194_304;
/** After so many unreadable messages a socket is given up. */
const MAX_ODD = 3;
/** How much of a refusal's body is read, and how long it is waited for. */
const MAX_REFUSAL_BYTES = 4_096;
const REFUSAL_MS = 300;

const TEXT = { binary: false };

let contextCounter = 0;
const contextPrefix = Math.random().toString(36).slice(2, 10);

/**
 * One WebSocket of Cartesia's TTS, shared by several calls: messages are told apart by their context
 * (contracts/cartesia.md, 1.1 to 1.6). There is no keepalive; a socket that the server closed for idleness is just gone.
 */
export class CartesiaSocket {
  /** Resolves when it is open; rejects with a ProviderError if it never will be. */
  readonly ready: Promise<CartesiaSocket>;
  private readonly ws: WebSocket;
  private readonly contexts = new Map<string, ContextListener>();
  private opened = false;
  private over = false;
  private leaving = false;
  private odd = 0;
  private resolveReady!: (socket: CartesiaSocket) => void;
  private rejectReady!: (err: ProviderError) => void;

  /**
   * @param onGone told once, when the socket can take no new context: it is leaving, or lost
   * @param onClosed told once, when nothing is left of it
   */
  constructor(
    endpoint: Endpoint,
    private readonly onGone: (socket: CartesiaSocket) => void,
    onClosed: (socket: CartesiaSocket) => void,
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.resolveReady = resolve;
      this.rejectReady = reject;
    });
    // Whoever waits sees the rejection; if nobody does it is no unhandled one.
    this.ready.catch(() => undefined);
    // `closeTimeout` is newer than the types of ws.
    const options: ClientOptions & { closeTimeout: number } = {
      headers: {
        'Cartesia-Version': endpoint.apiVersion,
        Authorization: `Bearer ${endpoint.apiKey}`,
        ...endpoint.headers,
      },
      handshakeTimeout: HANDSHAKE_MS,
      closeTimeout: CLOSE_MS,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      // What is no UTF-8 is no JSON of theirs either, and is found there.
      skipUTF8Validation: true,
    };
    this.ws = new WebSocket(`${endpoint.baseUrl}/tts/websocket`, options);
    this.ws.on('open', () => {
      this.opened = true;
      if (this.over) this.ws.close(1000);
      else this.resolveReady(this);
    });
    // One Buffer: what the binary type 'nodebuffer', the default, gives.
    this.ws.on('message', (data) => this.onMessage(data as Buffer));
    this.ws.on('unexpected-response', (request, response) => this.onRefused(request, response));
    this.ws.on('error', (err) => this.lost(this.describe(err)));
    this.ws.on('close', (code, reason) => {
      const why = reason.length > 0 ? `${code}, ${reason.toString('utf8').slice(0, 120)}` : String(code);
      this.lost(new ProviderError(PROVIDER, 'closed', `closed the connection (${why})`, { code }));
      onClosed(this);
    });
  }

  /** How many contexts are open on it. */
  get busy(): number {
    return this.contexts.size;
  }

  /** True until it is closed or given up: new contexts may be opened (once it is ready). */
  get usable(): boolean {
    return !this.over && !this.leaving;
  }

  /** Opens a context: nothing is sent before its first text. */
  open(settings: VoiceSettings, listener: ContextListener): Context {
    const id = `${contextPrefix}-${(++contextCounter).toString(36)}`;
    this.contexts.set(id, listener);
    return new Context(this, id, requestHead(contextFields(settings, id)));
  }

  /** For `Context`. */
  request(contextId: string, message: string): void {
    // As bytes: ws masks those into one frame and one write, a string into two of each.
    if (!this.over && this.contexts.has(contextId)) this.ws.send(Buffer.from(message), TEXT);
  }

  /** For `Context`: what still comes of it is dropped, for the server goes on for a while. */
  forget(contextId: string, cancel: boolean): void {
    if (!this.contexts.delete(contextId)) return;
    if (cancel && !this.over) this.ws.send(cancelRequest(contextId));
    if (this.leaving && this.contexts.size === 0) this.end();
  }

  /** No new contexts; closes when the last one is over. */
  leave(): void {
    if (this.leaving || this.over) return;
    this.leaving = true;
    this.onGone(this);
    if (this.contexts.size === 0) this.end();
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    this.rejectReady(new ProviderError(PROVIDER, 'closed', 'the connection was not needed any more'));
    if (this.opened) this.ws.close(1000);
    else this.ws.terminate();
  }

  private onMessage(message: Buffer): void {
    if (this.over) return;
    const event = parseEvent(message);
    if (event.type === 'other') return;
    const id = event.contextId;
    const listener = id === undefined ? undefined : this.contexts.get(id);
    switch (event.type) {
      case 'chunk':
        listener?.audio(event.audio);
        return;
      case 'timestamps':
        listener?.words(event.words);
        return;
      case 'done':
        this.close(id);
        listener?.done();
        return;
      case 'error':
        if (id === undefined) {
          this.lost(event.error);
          return;
        }
        this.close(id);
        listener?.failed(event.error);
        return;
      case 'malformed':
        this.onOdd(event.error, id);
    }
  }

  /**
   * What cannot be read and names a context has spoilt that one. Without a name it may be anybody's: nobody's speech is
   * broken off for that (what is lost, the time limits find), but no new speech is trusted to this socket.
   */
  private onOdd(err: ProviderError, id: string | undefined): void {
    if (++this.odd >= MAX_ODD) {
      this.lost(err);
      return;
    }
    this.leave();
    if (id === undefined) {
      for (const listener of [...this.contexts.values()]) listener.odd(err);
      return;
    }
    const listener = this.contexts.get(id);
    this.close(id);
    listener?.failed(err);
  }

  private close(id: string | undefined): void {
    if (id !== undefined) this.forget(id, false);
  }

  /** The socket is of no use any more: all its contexts are lost. */
  private lost(err: ProviderError): void {
    if (this.over) return;
    this.over = true;
    if (!this.leaving) this.onGone(this);
    const listeners = [...this.contexts.values()];
    this.contexts.clear();
    this.rejectReady(err);
    this.ws.terminate();
    for (const listener of listeners) listener.failed(err);
  }

  private onRefused(request: ClientRequest, response: IncomingMessage): void {
    const parts: Buffer[] = [];
    let size = 0;
    let told = false;
    const tell = (): void => {
      if (told) return;
      told = true;
      clearTimeout(timer);
      const body = Buffer.concat(parts).toString('utf8');
      this.lost(readError(parseBody(body), response.statusCode ?? 500, retryAfter(response.headers)));
      request.destroy();
    };
    const timer = setTimeout(tell, REFUSAL_MS);
    response.on('data', (part: Buffer) => {
      parts.push(part);
      size += part.length;
      if (size > MAX_REFUSAL_BYTES) tell();
    });
    response.on('end', tell);
    response.on('error', tell);
    response.on('close', tell);
  }

  private describe(err: Error & { code?: string }): ProviderError {
    const { code } = err;
    if (!this.opened) {
      if (code?.startsWith('HPE_')) return new ProviderError(PROVIDER, 'protocol', 'answered no HTTP', { code });
      if (/timed out/i.test(err.message)) return new ProviderError(PROVIDER, 'timeout', 'did not answer the handshake');
      return new ProviderError(PROVIDER, 'refused', `cannot connect (${code ?? err.message})`, {
        ...(code && { code }),
      });
    }
    // A frame that breaks the WebSocket protocol itself.
    const cause = code?.startsWith('WS_ERR') ? 'protocol' : 'closed';
    return new ProviderError(PROVIDER, cause, `the connection broke (${code ?? err.message})`, {
      ...(code && { code }),
    });
  }
}

/** One context: a stretch of speech that is asked for piece by piece. */
export class Context {
  constructor(
    private readonly socket: CartesiaSocket,
    private readonly id: string,
    private readonly head: string,
  ) {}

  /** @param more false with the last piece, which may be empty */
  say(text: string, more: boolean): void {
    this.socket.request(this.id, generationRequest(this.head, text, more));
  }

  /** Gives it up: nothing more is heard of it. */
  cancel(): void {
    this.socket.forget(this.id, true);
  }

  /** Gives it up together with its socket, which has fallen silent; what others have open on that goes on. */
  distrust(): void {
    this.socket.forget(this.id, true);
    this.socket.leave();
  }
}

function parseBody(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** After how long to try again, ms; at most what could help a caller who waits. */
function retryAfter(headers: IncomingHttpHeaders): number | undefined {
  const ms = Number(headers['retry-after-ms'] ?? NaN);
  if (Number.isFinite(ms)) return Math.max(0, ms);
  const seconds = Number(headers['retry-after'] ?? NaN);
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : undefined;
}
