import WebSocket from 'ws';
import type { ClientOptions } from 'ws';
import { ProviderError } from '../call/errors';
import { readRefusedUpgrade } from '../call/refused-upgrade';
import type { ContextListener, ContextSocket } from '../call/tts/contexts';
import type { PooledSocket } from '../call/tts/socket-pool';
import { ElevenLabsContext } from './context';
import type { ContextPort } from './context';
import { PROVIDER, readClose, readError, readNetworkError } from './errors';
import { parseEvent } from './events';
import type { VoiceSettings } from './requests';

/** Where and as whom to connect. */
export interface Endpoint {
  /** ws:// or wss://, without a path's last slash. */
  baseUrl: string;
  /** Path and query: voice, model and the format of the audio. */
  path: string;
  apiKey: string;
  headers: Readonly<Record<string, string>>;
  /** A context that waits for text is kept alive so often, ms. */
  keepAliveMs: number;
}

/** More contexts than this, and the server closes the socket; each counts until its final message. */
export const MAX_CONTEXTS = 5;
/** The handshake's limit, ms: short of the time in which a caller must hear something. */
const HANDSHAKE_MS = 1_500;
/** How long a close waits for its answer, ms. */
const CLOSE_MS = 1_000;
/** The largest message that is taken: 4 MB are minutes of speech. */
const MAX_MESSAGE_BYTES = 4_194_304;
/** After so many unreadable messages a socket is given up. */
const MAX_ODD = 3;
/** A context that was given up, is not final, and sends nothing for so long, ms: then nobody knows what still counts. */
const FINAL_MS = 5_000;
/** How often contexts are looked after, ms, while there are any. */
const TEND_MS = 1_000;

let contextCounter = 0;
const contextPrefix = Math.random().toString(36).slice(2, 10);

/** A test may shorten these. */
export interface SocketTimes {
  finalMs: number;
  tendMs: number;
}

/**
 * One multi-context socket of ElevenLabs' TTS (contracts/elevenlabs.md, 3): messages are told apart by their context. At most
 * five contexts, those that were closed and wait for their final message among them.
 */
export class ElevenLabsSocket implements PooledSocket, ContextSocket<VoiceSettings> {
  readonly ready: Promise<this>;
  private readonly ws: WebSocket;
  private readonly contexts = new Map<string, ElevenLabsContext>();
  /** Given up, and not final yet: when something last came of each, or it was given up. */
  private readonly closing = new Map<string, { heardAt: number; freed: (() => void)[] }>();
  private readonly port: ContextPort;
  private readonly times: SocketTimes;
  private tender: NodeJS.Timeout | undefined;
  private opened = false;
  private over = false;
  private leaving = false;
  private odd = 0;
  private resolveReady!: (socket: this) => void;
  private rejectReady!: (err: ProviderError) => void;

  /**
   * @param onGone told once, when the socket can take no new context for good: it is leaving, or lost
   * @param onClosed told once, when nothing is left of it
   */
  constructor(
    private readonly endpoint: Endpoint,
    private readonly onGone: (socket: ElevenLabsSocket) => void,
    onClosed: (socket: ElevenLabsSocket) => void,
    times: Partial<SocketTimes> = {},
  ) {
    this.times = { finalMs: FINAL_MS, tendMs: Math.min(TEND_MS, endpoint.keepAliveMs / 2), ...times };
    this.ready = new Promise((resolve, reject) => {
      this.resolveReady = resolve;
      this.rejectReady = reject;
    });
    // Whoever waits sees the rejection; if nobody does it is no unhandled one.
    this.ready.catch(() => undefined);
    this.port = {
      send: (message) => {
        if (!this.over) this.ws.send(message);
      },
      forgotten: (id, closing) => this.forgotten(id, closing),
      whenFinal: (id, done) => {
        const closing = this.closing.get(id);
        if (closing) closing.freed.push(done);
        else done();
      },
      leave: () => this.leave(),
    };
    // `closeTimeout` is newer than the types of ws.
    const options: ClientOptions & { closeTimeout: number } = {
      headers: { 'xi-api-key': endpoint.apiKey, ...endpoint.headers },
      handshakeTimeout: HANDSHAKE_MS,
      closeTimeout: CLOSE_MS,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      // What is no UTF-8 is no JSON of theirs either, and is found there.
      skipUTF8Validation: true,
    };
    this.ws = new WebSocket(endpoint.baseUrl + endpoint.path, options);
    this.ws.on('open', () => {
      this.opened = true;
      if (this.over) this.ws.close(1000);
      else this.resolveReady(this);
    });
    // One Buffer: what the binary type 'nodebuffer', the default, gives.
    this.ws.on('message', (data) => this.onMessage((data as Buffer).toString('utf8')));
    this.ws.on('unexpected-response', (request, response) =>
      readRefusedUpgrade(request, response, ({ status, body, retryAfterMs }) =>
        this.lost(readError(body, status, retryAfterMs)),
      ),
    );
    this.ws.on('error', (err) => this.lost(readNetworkError(err, this.opened)));
    this.ws.on('close', (code, reason) => {
      this.lost(readClose(code, reason.toString('utf8')));
      onClosed(this);
    });
  }

  get busy(): number {
    return this.contexts.size;
  }

  get usable(): boolean {
    return !this.over && !this.leaving && this.contexts.size + this.closing.size < MAX_CONTEXTS;
  }

  open(settings: VoiceSettings, listener: ContextListener): ElevenLabsContext {
    const id = `${contextPrefix}-${(++contextCounter).toString(36)}`;
    const context = new ElevenLabsContext(id, this.port, settings, listener);
    this.contexts.set(id, context);
    this.tender ??= setInterval(() => this.tend(), this.times.tendMs);
    return context;
  }

  /** No new contexts; closes when the last one is over. */
  leave(): void {
    if (this.leaving || this.over) return;
    this.leaving = true;
    this.onGone(this);
    if (this.contexts.size === 0) this.end();
  }

  private forgotten(id: string, closing: boolean): void {
    this.contexts.delete(id);
    if (this.over) return;
    if (closing) this.closing.set(id, { heardAt: performance.now(), freed: [] });
    if (this.leaving && this.contexts.size === 0) this.end();
    else this.rest();
  }

  private tend(): void {
    const now = performance.now();
    for (const context of this.contexts.values()) context.keepAlive(now, this.endpoint.keepAliveMs);
    for (const [id, { heardAt }] of this.closing) {
      if (now - heardAt < this.times.finalMs) continue;
      this.leave();
      this.free(id);
    }
  }

  /** Without contexts there is nothing to look after. */
  private rest(): void {
    if (this.contexts.size + this.closing.size > 0) return;
    clearInterval(this.tender);
    this.tender = undefined;
  }

  private end(): void {
    if (this.over) return;
    this.die();
    this.rejectReady(new ProviderError(PROVIDER, 'closed', 'the connection was not needed any more'));
    if (this.opened) this.ws.close(1000);
    else this.ws.terminate();
  }

  private onMessage(text: string): void {
    if (this.over) return;
    const event = parseEvent(text);
    if (event.type === 'other') return;
    const context = event.contextId === undefined ? undefined : this.contexts.get(event.contextId);
    switch (event.type) {
      case 'audio':
        if (context) context.receive(event.audio, event.times, event.final);
        else this.onLate(event.contextId, event.final);
        return;
      case 'error':
        if (!context) {
          this.lost(event.error);
          return;
        }
        // A close follows: what others have on it goes on as long as it can.
        this.leave();
        context.fail((listener) => listener.failed(event.error));
        return;
      case 'malformed':
        this.onOdd(event.error, context);
    }
  }

  /** Of a context that was given up comes what had been flushed: dropped, but while it comes its end is on the way. */
  private onLate(id: string, final: boolean): void {
    const closing = this.closing.get(id);
    if (!closing) return;
    closing.heardAt = performance.now();
    if (final) this.free(id);
  }

  /** It counts no more. */
  private free(id: string): void {
    const closing = this.closing.get(id);
    this.closing.delete(id);
    this.rest();
    for (const freed of closing?.freed ?? []) freed();
  }

  /**
   * What cannot be read and names a context has spoilt that one. Without a name it may be anybody's: nobody's speech is
   * broken off for that (what is lost, the time limits find), but no new speech is trusted to this socket.
   */
  private onOdd(err: ProviderError, context: ElevenLabsContext | undefined): void {
    if (++this.odd >= MAX_ODD) {
      this.lost(err);
      return;
    }
    this.leave();
    if (context) context.fail((listener) => listener.failed(err));
    else for (const one of [...this.contexts.values()]) one.tell((listener) => listener.odd(err));
  }

  /** The socket is of no use any more: all its contexts are lost. */
  private lost(err: ProviderError): void {
    if (this.over) return;
    const contexts = [...this.contexts.values()];
    if (!this.leaving) this.onGone(this);
    this.die();
    this.rejectReady(err);
    this.ws.terminate();
    for (const context of contexts) context.fail((listener) => listener.failed(err));
  }

  private die(): void {
    this.over = true;
    this.contexts.clear();
    for (const id of [...this.closing.keys()]) this.free(id);
    this.rest();
  }
}
