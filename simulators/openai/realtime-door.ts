/** The handshake of /v1/realtime: who is let in, and what is wrong with it (contracts/openai.md 1.1, 1.6). */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Fault, Faults } from '../faults';
import { record, refuseUpgrade, reset, retryHeaders, type DelayLine } from '../loopback';
import { ApiError, errorFor } from './errors';
import { RealtimeSession, type TranscriptionPace } from './realtime';
import { TranscriptionLog } from './realtime-log';

/** 15 MiB of audio in base64, and the event around it. */
const MAX_EVENT_BYTES = 21 * 1024 * 1024;

export interface DoorOptions {
  keys: ReadonlySet<string>;
  faults: Faults;
  pace: TranscriptionPace;
  logLimit: number;
  line: () => DelayLine;
  freshId: () => string;
  refused: (error: ApiError, url: string) => void;
  /** A socket was opened (1) or closed (-1). */
  count: (change: 1 | -1) => void;
}

export class RealtimeDoor {
  /** Every accepted session, oldest first. */
  readonly sessions: TranscriptionLog[] = [];
  private readonly upgrader = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_EVENT_BYTES,
  });

  constructor(private readonly o: DoorOptions) {}

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const key = /^Bearer (\S+)$/u.exec(request.headers.authorization ?? '')?.[1];
    const fault = this.o.faults.take('connect', { key, text: url.pathname + url.search });
    if (fault !== undefined && this.strike(fault, socket, url)) return;
    const refusal = this.check(url, key);
    if (refusal || key === undefined) {
      this.refuse(socket, refusal ?? errorFor(401), url);
      return;
    }
    this.upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      const log = new TranscriptionLog(key);
      record(this.sessions, log, this.o.logLimit);
      this.o.count(1);
      webSocket.once('close', () => this.o.count(-1));
      const session = new RealtimeSession({
        ...{ socket: webSocket, log, pace: this.o.pace, faults: this.o.faults, freshId: this.o.freshId },
        ...{ incoming: this.o.line(), outgoing: this.o.line(), reset: () => reset(socket) },
        refused: (error) => this.o.refused(error, url.pathname + url.search),
      });
      if (request.headers['openai-beta'] !== undefined) session.refuseBeta();
      else if (url.searchParams.has('model')) session.refuse(modelGiven());
      else if (url.searchParams.get('intent') !== 'transcription') session.refuse(noIntent());
    });
  }

  private check(url: URL, key: string | undefined): ApiError | undefined {
    if (url.pathname !== '/v1/realtime') return new ApiError(404, `Invalid URL (GET ${url.pathname})`);
    if (key === undefined) return new ApiError(401, "You didn't provide an API key.", null);
    return this.o.keys.has(key) ? undefined : errorFor(401);
  }

  /** Answers whether the handshake ends here. The stalls hold the socket open without an answer. */
  private strike(fault: Fault, socket: Duplex, url: URL): boolean {
    if (fault.kind === 'refuse') reset(socket);
    else if (fault.kind === 'close-mid-stream') socket.destroy();
    else if (fault.kind === 'garbage') socket.end('SSH-2.0-OpenSSH_9.6\r\n');
    else if (fault.kind === 'wrong-json') refuseUpgrade(socket, 200, {}, { hello: 'world' });
    else if (fault.kind === 'status') this.refuse(socket, errorFor(fault.status ?? 500, fault.errorCode), url, fault);
    return true;
  }

  private refuse(socket: Duplex, error: ApiError, url: URL, fault?: Fault): void {
    this.o.refused(error, url.pathname + url.search);
    const headers = { 'x-request-id': `req_${this.o.freshId()}`, ...retryHeaders(fault?.retryAfterMs) };
    refuseUpgrade(socket, error.status, headers, fault?.body ?? error.body);
  }
}

function modelGiven(): ApiError {
  const message = 'You must not provide a model parameter for transcription sessions.';
  return new ApiError(400, message, 'invalid_model');
}

function noIntent(): ApiError {
  return new ApiError(400, 'Only transcription sessions (intent=transcription) are simulated.', 'invalid_parameter');
}
