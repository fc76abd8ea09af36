/** Deepgram's streaming speech-to-text on loopback: /v1/listen and /v2/listen (contracts/deepgram.md). */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Fault } from '../faults';
import { LoopbackServer, record, refuseUpgrade, reset, retryHeaders, type LoopbackOptions } from '../loopback';
import { DeepgramConnection } from './connection';
import { FluxStream } from './flux';
import { NovaStream } from './nova';
import {
  InvalidParameter,
  fluxSettings,
  novaSettings,
  unknownV1Parameters,
  type FluxSettings,
  type NovaSettings,
} from './parameters';

export { DeepgramConnection } from './connection';

export interface DeepgramOptions extends LoopbackOptions {
  /** Delay of each message after the audio that caused it, in ms, default 0. */
  resultDelayMs?: number;
  /** v1: without audio or text for so long the server closes 1011 NET-0001; default 10,000 ms. */
  timeoutMs?: number;
  /** v2: likewise, default 60,000 ms; pings count. */
  fluxTimeoutMs?: number;
  /** v1: audio between interim results, default 200 ms. */
  interimMs?: number;
  /** v1: audio after which a segment is made final, default 3,000 ms. */
  segmentMs?: number;
  /** v2: audio between Updates, default 250 ms. */
  updateMs?: number;
  /** v2: silence after which the model is sure that the turn is over, default 300 ms (at eot_threshold 0.7). */
  eotSilenceMs?: number;
  /** v2: regular expression; a turn whose transcript it matches ends only by eot_timeout_ms. */
  unsure?: string;
  /** Sockets at once before 429; default unlimited. */
  maxSockets?: number;
}

const STATUS_CODES: Record<number, [code: string, message: string]> = {
  400: ['Bad Request', 'The request is not valid.'],
  401: ['INVALID_AUTH', 'Invalid credentials.'],
  402: ['ASR_PAYMENT_REQUIRED', 'Project does not have enough credits for an ASR request.'],
  403: ['INSUFFICIENT_PERMISSIONS', 'Project does not have access to the requested model.'],
  429: ['TOO_MANY_REQUESTS', 'Too many requests. Please try again later.'],
  500: ['INTERNAL_SERVER_ERROR', 'Internal server error.'],
  503: ['SERVICE_UNAVAILABLE', 'No capacity is available.'],
};
/** Binary frames above this are no live audio: 60 s of mu-law. */
const MAX_FRAME_BYTES = 480_000;

interface Accepted {
  version: 1 | 2;
  key: string;
  requestId: string;
  query: URLSearchParams;
  settings: NovaSettings | FluxSettings;
}

export class DeepgramSimulator extends LoopbackServer {
  /** Every accepted connection, oldest first. */
  readonly connections: DeepgramConnection[] = [];
  /** Every refused handshake. */
  readonly refusals: { status: number; code: string; message: string; url: string }[] = [];
  /** What is open now. */
  readonly open = { sockets: 0 };

  private readonly upgrader = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
    // Browsers send the key as a second subprotocol, and get back only the first.
    handleProtocols: (protocols) => (protocols.has('token') ? 'token' : false),
  });

  constructor(private readonly options: DeepgramOptions = {}) {
    super(options);
    this.upgrader.on('headers', (headers, request) => headers.push(`dg-request-id: ${requestIds.get(request)}`));
  }

  get url(): string {
    return `ws://${this.authority}`;
  }

  protected onRequest(_request: IncomingMessage, response: ServerResponse): void {
    const [err_code, err_msg] = ['NOT_FOUND', 'Only the listen WebSockets are simulated.'];
    response.writeHead(404, { 'content-type': 'application/json', 'dg-error': err_msg });
    response.end(JSON.stringify({ err_code, err_msg, request_id: randomUUID() }));
  }

  protected override onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const requestId = randomUUID();
    const key = presentedKey(request);
    const fault = this.faults.take('connect', {
      key,
      model: url.searchParams.get('model') ?? undefined,
      text: url.pathname + url.search,
    });
    if (fault !== undefined && this.strike(fault, socket, requestId, url)) return;
    try {
      const accepted = this.check(url, key, requestId);
      requestIds.set(request, requestId);
      this.upgrader.handleUpgrade(request, socket, head, (webSocket) => this.accept(webSocket, accepted, socket));
    } catch (error) {
      if (!(error instanceof InvalidParameter)) throw error;
      this.refuse(socket, requestId, url, { status: error.status, code: error.code, message: error.message });
    }
  }

  private check(url: URL, key: string | undefined, requestId: string): Accepted {
    const version = { '/v1/listen': 1 as const, '/v2/listen': 2 as const }[url.pathname];
    if (version === undefined) throw new InvalidParameter('Not found.', 'NOT_FOUND', 404);
    if (key === undefined || !this.keys.has(key)) throw refusalFor(401);
    if (this.open.sockets >= (this.options.maxSockets ?? Infinity)) throw refusalFor(429);
    const query = url.searchParams;
    const settings = version === 1 ? novaSettings(query) : fluxSettings(query);
    return { version, key, requestId, query, settings };
  }

  private accept(socket: WebSocket, { version, key, requestId, query, settings }: Accepted, tcp: Duplex): void {
    const names = [...new Set(query.keys())];
    const plain = Object.fromEntries(names.map((name) => [name, query.getAll(name).join(',')]));
    const connection = new DeepgramConnection(requestId, version, key, plain);
    record(this.connections, connection, this.logLimit);
    if (version === 1)
      connection.complaints.push(...unknownV1Parameters(query).map((name) => `unknown parameter ${name}`));
    if (settings.encoding !== undefined && (settings.encoding !== 'mulaw' || settings.sampleRate !== 8000)) {
      connection.complain('only mulaw at 8000 Hz carries words');
    }
    this.open.sockets += 1;
    socket.once('close', () => (this.open.sockets -= 1));
    const o = this.options;
    const shared = {
      socket,
      connection,
      model: settings.model,
      faults: this.faults,
      incoming: this.line(),
      outgoing: this.line(o.resultDelayMs),
      reset: () => reset(tcp),
    };
    if (isFlux(settings)) {
      const stream = new FluxStream({ ...shared, idleMs: o.fluxTimeoutMs ?? 60_000 }, settings, {
        updateMs: o.updateMs ?? 250,
        eotSilenceMs: o.eotSilenceMs ?? 300,
        unsure: o.unsure === undefined ? undefined : new RegExp(o.unsure, 'iu'),
      });
      socket.on('ping', () => stream.pinged());
    } else {
      new NovaStream({ ...shared, idleMs: o.timeoutMs ?? 10_000 }, settings, {
        interimMs: o.interimMs ?? 200,
        segmentMs: o.segmentMs ?? 3000,
      });
    }
  }

  /** Answers whether the handshake ends here. */
  private strike(fault: Fault, socket: Duplex, requestId: string, url: URL): boolean {
    if (fault.kind === 'refuse') reset(socket);
    else if (fault.kind === 'close-mid-stream') socket.destroy();
    else if (fault.kind === 'garbage') socket.end('SSH-2.0-OpenSSH_9.6\r\n');
    else if (fault.kind === 'wrong-json') refuseUpgrade(socket, 200, {}, { hello: 'world' });
    else if (fault.kind === 'status') {
      const status = fault.status ?? 500;
      const { code, message } = refusalFor(status);
      this.refuse(socket, requestId, url, { status, code: fault.errorCode ?? code, message }, fault);
    }
    // The stalls hold the socket open without an answer.
    return true;
  }

  private refuse(
    socket: Duplex,
    requestId: string,
    url: URL,
    refusal: { status: number; code: string; message: string },
    fault?: Fault,
  ): void {
    const { status, code, message } = refusal;
    record(this.refusals, { ...refusal, url: url.pathname + url.search }, this.logLimit);
    const headers = { 'dg-error': message, 'dg-request-id': requestId, ...retryHeaders(fault?.retryAfterMs) };
    refuseUpgrade(socket, status, headers, fault?.body ?? { err_code: code, err_msg: message, request_id: requestId });
  }
}

const requestIds = new WeakMap<IncomingMessage, string>();

function refusalFor(status: number): InvalidParameter {
  const [code, message] = STATUS_CODES[status] ?? [`HTTP_${status}`, 'The request failed.'];
  return new InvalidParameter(message, code, status);
}

/** `Authorization: Token <key>`, or the browser's subprotocol; Bearer is for short-lived tokens only. */
function presentedKey(request: IncomingMessage): string | undefined {
  const [, key] = /^Token (\S+)$/u.exec(request.headers.authorization ?? '') ?? [];
  if (key !== undefined) return key;
  const [scheme, protocolKey] = (request.headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/u);
  return scheme === 'token' ? protocolKey : undefined;
}

function isFlux(settings: NovaSettings | FluxSettings): settings is FluxSettings {
  return 'eotThreshold' in settings;
}
