/** What all provider simulators share: one HTTP server on loopback, keys, upgrades and their refusal, network delay. */
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Faults } from './faults';

/** The API key that a simulator expects unless told otherwise. */
export const SIMULATOR_KEY = 'simulator-key';

export interface LoopbackOptions {
  /** Address to listen on, default 127.0.0.1. */
  host?: string;
  /** Port to listen on, default 0: any free one. */
  port?: number;
  /** The key, or the keys, that are accepted; default `SIMULATOR_KEY`. */
  apiKey?: string | readonly string[];
  /** Network delay in ms each way, default 0. */
  latencyMs?: number;
  /** Added to `latencyMs`: 0 to so many ms, anew for each message; order is kept. Default 0. */
  jitterMs?: number;
  /** How many entries each log array holds at most; the oldest go first. Default 10,000. */
  logLimit?: number;
}

export abstract class LoopbackServer {
  /** Faults to come; see faults.ts. */
  readonly faults = new Faults();
  protected readonly keys: ReadonlySet<string>;
  protected readonly logLimit: number;
  private readonly host: string;
  private readonly preferredPort: number;
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly loopback: LoopbackOptions) {
    const { apiKey = SIMULATOR_KEY } = loopback;
    this.keys = new Set(typeof apiKey === 'string' ? [apiKey] : apiKey);
    this.logLimit = loopback.logLimit ?? 10_000;
    this.host = loopback.host ?? '127.0.0.1';
    this.preferredPort = loopback.port ?? 0;
  }

  /** Start listening; answers `url`. A closed simulator can be started again, on its old `port` too. */
  async start(port = this.preferredPort): Promise<string> {
    if (this.server !== undefined) throw new Error('The simulator is already running');
    const server = createServer((request, response) => this.onRequest(request, response));
    server.keepAliveTimeout = 60_000;
    server.on('connection', (socket: Socket) => {
      socket.setNoDelay(true);
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    server.on('upgrade', (request, socket, head) => {
      // A client may be gone before its handshake is answered; that is not the simulator's error.
      socket.on('error', () => socket.destroy());
      this.onUpgrade(request, socket, head);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, this.host, () => resolve());
    });
    this.server = server;
    return this.url;
  }

  /** Stop listening and break all connections. */
  async close(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    this.server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** The port in use. */
  get port(): number {
    if (this.server === undefined) throw new Error('The simulator is not running');
    return (this.server.address() as AddressInfo).port;
  }

  /** The base URL to configure in place of the provider's own. */
  abstract get url(): string;

  protected get authority(): string {
    return `${this.host}:${this.port}`;
  }

  /** A one-way line with this simulator's network delay, plus `extraMs`. */
  protected line(extraMs = 0): DelayLine {
    return new DelayLine((this.loopback.latencyMs ?? 0) + extraMs, this.loopback.jitterMs ?? 0);
  }

  protected abstract onRequest(request: IncomingMessage, response: ServerResponse): void;

  protected onUpgrade(_request: IncomingMessage, socket: Duplex, _head: Buffer): void {
    refuseUpgrade(socket, 404, {}, { error: 'not found' });
  }
}

/** Answer a WebSocket upgrade with a plain HTTP status and a JSON (or plain text) body. */
export function refuseUpgrade(socket: Duplex, status: number, headers: Record<string, string>, body: unknown): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const all = {
    'content-type': typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    connection: 'close',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${lines.join('')}\r\n${text}`);
}

/** Reset a TCP connection: the peer sees ECONNRESET, much as if nobody listened. */
export function reset(socket: Duplex): void {
  if ('resetAndDestroy' in socket) (socket as Socket).resetAndDestroy();
  else socket.destroy();
}

/** Headers that tell a client when to try again. */
export function retryHeaders(retryAfterMs: number | undefined): Record<string, string> {
  if (retryAfterMs === undefined) return {};
  return { 'retry-after': String(Math.ceil(retryAfterMs / 1000)), 'retry-after-ms': String(retryAfterMs) };
}

/** Append to a log that keeps the last `limit` entries. */
export function record<T>(log: T[], entry: T, limit: number): void {
  log.push(entry);
  if (log.length > limit) log.splice(0, log.length - limit);
}

/** JSON text as an object, or undefined if it is anything else. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Runs jobs later, in order; one timer however many wait, none and no delay at 0 ms. */
export class DelayLine {
  private readonly queue: { due: number; job: () => void }[] = [];
  private timer: NodeJS.Timeout | undefined;
  private lastDue = 0;

  constructor(
    private readonly delayMs: number,
    private readonly jitterMs = 0,
  ) {}

  run(job: () => void): void {
    if (this.delayMs <= 0 && this.jitterMs <= 0) {
      job();
      return;
    }
    const due = performance.now() + this.delayMs + Math.random() * this.jitterMs;
    this.lastDue = Math.max(this.lastDue, due);
    this.queue.push({ due: this.lastDue, job });
    this.timer ??= setTimeout(() => this.drain(), Math.max(0, this.lastDue - performance.now()));
  }

  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.queue.length = 0;
  }

  private drain(): void {
    this.timer = undefined;
    // Timers fire up to a millisecond early.
    const now = performance.now() + 1;
    for (let next = this.queue[0]; next !== undefined && next.due <= now; next = this.queue[0]) {
      this.queue.shift();
      next.job();
    }
    const next = this.queue[0];
    if (next !== undefined) this.timer ??= setTimeout(() => this.drain(), Math.max(0, next.due - performance.now()));
  }
}
