/** Cartesia's streaming text-to-speech on loopback: /tts/websocket (contracts/cartesia.md 0 and 1). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Fault } from '../faults';
import { LoopbackServer, record, refuseUpgrade, reset, retryHeaders, type LoopbackOptions } from '../loopback';
import type { CartesiaContext } from './context';
import { speakBytes } from './bytes';
import { CartesiaError, VERSIONS, badRequest, errorFor, httpBody, type Version } from './errors';
import { TtsSocket, type CartesiaConnection } from './socket';

export type { CartesiaContext } from './context';
export type { CartesiaConnection } from './socket';

export interface CartesiaOptions extends LoopbackOptions {
  /** From a text, in an idle context, to its first audio; default 40 ms. */
  firstAudioMs?: number;
  /** How many times real time audio is sent, default 4; Infinity: all at once. */
  pace?: number;
  /** Audio in each chunk, default 1600 bytes (200 ms); an odd number cuts anywhere. */
  chunkBytes?: number;
  /** How long a word takes at speed 1, default 200 ms. */
  msPerWord?: number;
  /** From audio to the timestamps of the words that begin in it, default 0 ms. */
  timestampsDelayMs?: number;
  /** A context ends so long after its last audio was sent, default 1,000 ms. */
  expiryMs?: number;
  /** Chunks that still come after a cancel, default 2. */
  chunksAfterCancel?: number;
  /** Does `done` follow a cancel? Default false; the real one does either. */
  doneAfterCancel?: boolean;
  /** Active contexts of one key before 429, default 15; sockets: ten times that. */
  concurrency?: number;
  /** An idle socket is closed 1000 after so long, default 300,000 ms. */
  idleMs?: number;
  /** Models served beside Cartesia's. */
  models?: readonly string[];
  /** Voices that exist; default: any. */
  voices?: readonly string[];
}

const PATH = '/tts/websocket';
const SOCKETS_PER_CONTEXT = 10;
const MAX_MESSAGE_BYTES = 1_000_000;

export class CartesiaSimulator extends LoopbackServer {
  /** Every accepted connection, oldest first. */
  readonly connections: CartesiaConnection[] = [];
  /** Every context, oldest first. */
  readonly contexts: CartesiaContext[] = [];
  /** Every refused handshake. */
  readonly refusals: { status: number; code: string | null; message: string; url: string }[] = [];
  /** What is open now. */
  readonly open = { sockets: 0, contexts: 0 };

  private readonly usage = new Map<string, { sockets: number; contexts: number }>();
  private readonly upgrader = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
  });

  constructor(private readonly options: CartesiaOptions = {}) {
    super(options);
    const chunkBytes = options.chunkBytes ?? 1;
    if (!Number.isInteger(chunkBytes) || chunkBytes < 1) throw new RangeError('chunkBytes must be a positive integer');
  }

  get url(): string {
    return `ws://${this.authority}`;
  }

  protected onRequest(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const version = presentedVersion(request, url);
    this.bytes(request, url, version).then(
      (audio) => response.writeHead(200, { 'content-type': 'audio/raw' }).end(audio),
      (error: unknown) => {
        const refusal = error instanceof CartesiaError ? error : errorFor(500);
        const { status, code, message } = refusal;
        record(this.refusals, { status, code, message, url: url.pathname }, this.logLimit);
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(httpBody(refusal, version)));
      },
    );
  }

  private async bytes(request: IncomingMessage, url: URL, version: Version | undefined): Promise<Buffer> {
    if (request.method !== 'POST' || url.pathname !== '/tts/bytes') {
      throw new CartesiaError(404, null, 'Not found', `There is no ${request.method} ${url.pathname}.`);
    }
    const key = presentedKey(request, url);
    if (version === undefined) throw badRequest(`Cartesia-Version must be one of ${VERSIONS.join(', ')}.`);
    if (key === undefined || !this.keys.has(key)) throw errorFor(401);
    const fault = this.faults.take('connect', { key, text: url.pathname });
    if (fault?.kind === 'status') throw errorFor(fault.status ?? 500, fault.errorCode);
    const { models = [], voices, msPerWord = 200 } = this.options;
    const audio = await speakBytes(request, version, { models, voices, msPerWord });
    await new Promise((resolve) => setTimeout(resolve, this.options.firstAudioMs ?? 40));
    return audio;
  }

  protected override onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const key = presentedKey(request, url);
    const version = presentedVersion(request, url);
    const fault = this.faults.take('connect', { key, text: url.pathname + url.search });
    try {
      if (fault !== undefined && strike(fault, socket)) return;
      const accepted = this.check(url, key, version);
      this.upgrader.handleUpgrade(request, socket, head, (webSocket) => this.accept(webSocket, accepted, socket));
    } catch (error) {
      if (!(error instanceof CartesiaError)) throw error;
      const { status, code, message } = error;
      record(this.refusals, { status, code, message, url: url.pathname + url.search }, this.logLimit);
      const hint = fault?.kind === 'status' ? fault : undefined;
      refuseUpgrade(socket, status, retryHeaders(hint?.retryAfterMs), hint?.body ?? httpBody(error, version));
    }
  }

  private check(url: URL, key: string | undefined, version: Version | undefined): { key: string; version: Version } {
    if (url.pathname !== PATH) throw new CartesiaError(404, null, 'Not found', `There is no ${url.pathname}.`);
    if (version === undefined) throw badRequest(`Cartesia-Version must be one of ${VERSIONS.join(', ')}.`);
    if (key === undefined || !this.keys.has(key)) throw errorFor(401);
    if (this.usageOf(key).sockets >= this.concurrency * SOCKETS_PER_CONTEXT) throw errorFor(429);
    return { key, version };
  }

  private accept(socket: WebSocket, { key, version }: { key: string; version: Version }, tcp: Duplex): void {
    const connection: CartesiaConnection = {
      key,
      version,
      startedAt: Date.now(),
      closedAt: undefined,
      closeCode: undefined,
      closeReason: undefined,
      texts: [],
      sent: {},
      errors: [],
    };
    record(this.connections, connection, this.logLimit);
    const used = this.usageOf(key);
    this.count(used, 'sockets', 1);
    socket.once('close', () => this.count(used, 'sockets', -1));
    const o = this.options;
    new TtsSocket({
      socket,
      connection,
      faults: this.faults,
      incoming: this.line(),
      outgoing: this.line(),
      reset: () => reset(tcp),
      pace: {
        firstAudioMs: o.firstAudioMs ?? 40,
        pace: o.pace ?? 4,
        chunkBytes: o.chunkBytes ?? 1600,
        msPerWord: o.msPerWord ?? 200,
        timestampsDelayMs: o.timestampsDelayMs ?? 0,
        expiryMs: o.expiryMs ?? 1000,
        chunksAfterCancel: o.chunksAfterCancel ?? 2,
        doneAfterCancel: o.doneAfterCancel ?? false,
      },
      idleMs: o.idleMs ?? 300_000,
      models: o.models ?? [],
      voices: o.voices,
      takeSlot: () => {
        if (used.contexts >= this.concurrency) return false;
        this.count(used, 'contexts', 1);
        return true;
      },
      freeSlot: () => this.count(used, 'contexts', -1),
      logContext: (context) => record(this.contexts, context, this.logLimit),
    });
  }

  private get concurrency(): number {
    return this.options.concurrency ?? 15;
  }

  private usageOf(key: string): { sockets: number; contexts: number } {
    let used = this.usage.get(key);
    if (used === undefined) this.usage.set(key, (used = { sockets: 0, contexts: 0 }));
    return used;
  }

  private count(used: { sockets: number; contexts: number }, what: 'sockets' | 'contexts', change: number): void {
    used[what] += change;
    this.open[what] += change;
  }
}

/** Answers whether the handshake ends here; a status is thrown. */
function strike(fault: Fault, socket: Duplex): boolean {
  if (fault.kind === 'status') throw errorFor(fault.status ?? 500, fault.errorCode);
  if (fault.kind === 'refuse') reset(socket);
  else if (fault.kind === 'close-mid-stream') socket.destroy();
  else if (fault.kind === 'garbage') socket.end('SSH-2.0-OpenSSH_9.6\r\n');
  else if (fault.kind === 'wrong-json') refuseUpgrade(socket, 200, {}, { hello: 'world' });
  // The stalls hold the socket open without an answer.
  return true;
}

/** Two headers, and the query for browsers, which cannot set any. */
function presentedKey(request: IncomingMessage, url: URL): string | undefined {
  const bearer = /^Bearer (\S+)$/u.exec(request.headers.authorization ?? '')?.[1];
  const header = request.headers['x-api-key'];
  return bearer ?? (typeof header === 'string' ? header : undefined) ?? url.searchParams.get('api_key') ?? undefined;
}

/** The query wins over the header. */
function presentedVersion(request: IncomingMessage, url: URL): Version | undefined {
  const version = url.searchParams.get('cartesia_version') ?? request.headers['cartesia-version'];
  return VERSIONS.find((known) => known === version);
}
