/** ElevenLabs' streaming text-to-speech on loopback: the multi-context socket (contracts/elevenlabs.md 1, 3, 4 and 9). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Fault } from '../faults';
import { LoopbackServer, record, refuseUpgrade, reset, retryHeaders, type LoopbackOptions } from '../loopback';
import type { ContextPace, ElevenLabsContext } from './context';
import { ElevenLabsError, errorFor, httpBody, noVoice, wrongKey } from './errors';
import { readQuery, type SocketQuery } from './query';
import { MultiContextSocket, type ElevenLabsConnection } from './socket';

export type { ElevenLabsContext } from './context';
export type { ElevenLabsConnection } from './socket';

export interface ElevenLabsOptions extends LoopbackOptions, Partial<ContextPace> {
  /** Contexts of one key that make audio at once before an error, default 10. */
  concurrency?: number;
  /** In place of `inactivity_timeout`: ms without text before a context, or an idle socket, ends. */
  inactivityMs?: number;
  /** Models served beside ElevenLabs' own. */
  models?: readonly string[];
  /** Voices that exist; default: any. */
  voices?: readonly string[];
  /** Wrong keys and voices are refused at the handshake, or only after it; default: keys at it, voices after it. */
  refuse?: 'handshake' | 'after';
}

/** Defaults as the contract has them: audio some times faster than real time, the final message a little after it. */
const PACE: ContextPace = {
  firstAudioMs: 40,
  pace: 4,
  chunkBytes: 1600,
  msPerWord: 200,
  finalAfterMs: 50,
  spelling: 'camel',
  timesFrom: 'chunk',
  finalOn: 'own',
};
const CONCURRENCY = 10;
const MAX_MESSAGE_BYTES = 1_000_000;

export class ElevenLabsSimulator extends LoopbackServer {
  /** Every accepted connection, oldest first. */
  readonly connections: ElevenLabsConnection[] = [];
  /** Every context, oldest first, phantoms among them. */
  readonly contexts: ElevenLabsContext[] = [];
  /** Every refused handshake. */
  readonly refusals: { status: number; id: string; message: string; url: string }[] = [];
  /** What is open now. */
  readonly open = { sockets: 0, contexts: 0 };

  private readonly pace: ContextPace;
  /** Contexts that make audio, by key. */
  private readonly generating = new Map<string, number>();
  private readonly upgrader = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
  });

  constructor(private readonly options: ElevenLabsOptions = {}) {
    super(options);
    this.pace = { ...PACE };
    for (const name of Object.keys(PACE) as (keyof ContextPace)[]) {
      if (options[name] !== undefined) Object.assign(this.pace, { [name]: options[name] });
    }
    const { chunkBytes } = this.pace;
    if (!Number.isInteger(chunkBytes) || chunkBytes < 1) throw new RangeError('chunkBytes must be a positive integer');
  }

  get url(): string {
    return `ws://${this.authority}`;
  }

  protected onRequest(request: IncomingMessage, response: ServerResponse): void {
    const refusal = new ElevenLabsError('not_found', `There is no ${request.method} ${request.url}.`, 404);
    response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify(httpBody(refusal)));
  }

  protected override onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const presented = request.headers['xi-api-key'];
    const key = typeof presented === 'string' ? presented : '';
    const fault = this.faults.take('connect', { key, text: url.pathname + url.search });
    try {
      if (fault !== undefined && strike(fault, socket)) return;
      const { query, late } = this.check(url, key);
      this.upgrader.handleUpgrade(request, socket, head, (webSocket) =>
        this.accept(webSocket, key, query, late, url, socket),
      );
    } catch (error) {
      if (!(error instanceof ElevenLabsError)) throw error;
      const { httpStatus: status, id, message } = error;
      record(this.refusals, { status, id, message, url: url.pathname + url.search }, this.logLimit);
      const hint = fault?.kind === 'status' ? fault : undefined;
      refuseUpgrade(socket, status, retryHeaders(hint?.retryAfterMs), hint?.body ?? httpBody(error));
    }
  }

  private check(url: URL, key: string): { query: SocketQuery; late: ElevenLabsError | undefined } {
    const { models = [], voices, refuse, inactivityMs } = this.options;
    let late = this.keys.has(key) ? undefined : wrongKey();
    if (late && (refuse !== 'after' || key === '')) throw late;
    let query: SocketQuery;
    try {
      query = readQuery(url, models);
    } catch (error) {
      if (!(error instanceof ElevenLabsError) || error.id !== 'model_not_found') throw error;
      // A model is looked for after the upgrade.
      late ??= error;
      query = { voice: '', model: '', language: undefined, inactivityMs: 20_000, alignment: false, autoMode: false };
    }
    if (refuse === 'handshake' && voices && !voices.includes(query.voice)) throw noVoice(query.voice);
    return { query: inactivityMs === undefined ? query : { ...query, inactivityMs }, late };
  }

  private accept(
    socket: WebSocket,
    key: string,
    query: SocketQuery,
    refusal: ElevenLabsError | undefined,
    url: URL,
    tcp: Duplex,
  ): void {
    const connection: ElevenLabsConnection = {
      key,
      voice: query.voice,
      model: query.model,
      language: query.language,
      url: url.pathname + url.search,
      startedAt: Date.now(),
      closedAt: undefined,
      closeCode: undefined,
      closeReason: undefined,
      texts: [],
      mostContexts: 0,
      errors: [],
    };
    record(this.connections, connection, this.logLimit);
    this.open.sockets++;
    socket.once('close', () => this.open.sockets--);
    new MultiContextSocket({
      socket,
      connection,
      query,
      faults: this.faults,
      incoming: this.line(),
      outgoing: this.line(),
      reset: () => reset(tcp),
      pace: this.pace,
      refusal,
      voices: this.options.voices,
      generating: (yes) => this.count(key, yes),
      contextOpened: (context) => {
        this.open.contexts++;
        record(this.contexts, context, this.logLimit);
      },
      contextEnded: () => this.open.contexts--,
    });
  }

  private count(key: string, yes: boolean): boolean {
    const now = this.generating.get(key) ?? 0;
    if (yes && now >= (this.options.concurrency ?? CONCURRENCY)) return false;
    this.generating.set(key, now + (yes ? 1 : -1));
    return true;
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
