/** One TTS socket: its contexts, cancels, errors and idle time (contracts/cartesia.md 1.2 to 1.6). */
import type { WebSocket } from 'ws';
import type { Fault, Faults } from '../faults';
import { parseObject, type DelayLine } from '../loopback';
import { Context, type CartesiaContext, type ContextPace } from './context';
import { CartesiaError, badRequest, errorEvent, errorFor, type Version } from './errors';
import { readGeneration, type GenerationInput } from './request';

/** Ids of ended contexts that a socket remembers, to refuse late texts. */
const MAX_ENDED = 1000;
/** Texts kept in a connection's log. */
const MAX_TEXTS = 1000;

/** One connection, as plain data. Times are of Date.now(). */
export interface CartesiaConnection {
  key: string;
  version: Version;
  startedAt: number;
  closedAt: number | undefined;
  closeCode: number | undefined;
  closeReason: string | undefined;
  /** Messages from the client, as text, the last 1,000. */
  texts: string[];
  /** Messages sent, by type. */
  sent: Record<string, number>;
  /** Messages of error events sent. */
  errors: string[];
}

export interface SocketSetting {
  socket: WebSocket;
  connection: CartesiaConnection;
  faults: Faults;
  incoming: DelayLine;
  outgoing: DelayLine;
  /** Break the TCP connection. */
  reset: () => void;
  pace: ContextPace;
  idleMs: number;
  models: readonly string[];
  voices: readonly string[] | undefined;
  /** Takes a slot of the key's concurrency for a context, or answers false. */
  takeSlot: () => boolean;
  freeSlot: () => void;
  logContext: (context: CartesiaContext) => void;
}

export class TtsSocket {
  private readonly contexts = new Map<string, Context>();
  private readonly ended = new Set<string>();
  /** Per context: messages sent, for faults in mid-stream. */
  private readonly outputs = new Map<string, number>();
  private readonly stalled = new Set<string>();
  private received = 0;
  private lastActivity = performance.now();
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(private readonly s: SocketSetting) {
    s.socket.on('message', (data, isBinary) =>
      s.incoming.run(() => this.receive((data as Buffer).toString(), isBinary)),
    );
    s.socket.on('error', () => s.socket.terminate());
    s.socket.on('close', (code, reason) => this.closed(code, reason.toString()));
    this.watchIdle();
  }

  private receive(text: string, isBinary: boolean): void {
    if (this.s.socket.readyState !== this.s.socket.OPEN) return;
    this.lastActivity = performance.now();
    const { texts } = this.s.connection;
    texts.push(text);
    if (texts.length > MAX_TEXTS) texts.shift();
    const body = isBinary ? undefined : parseObject(text);
    const contextId = typeof body?.['context_id'] === 'string' ? body['context_id'] : undefined;
    try {
      if (body === undefined) throw badRequest('Messages must be JSON objects in text frames.');
      if ('cancel' in body) this.cancel(body);
      else this.generate(body);
    } catch (error) {
      if (!(error instanceof CartesiaError)) throw error;
      this.fail(error, contextId);
    }
  }

  private cancel(body: Record<string, unknown>): void {
    const { context_id: id, cancel, ...rest } = body;
    if (typeof id !== 'string' || cancel !== true || Object.keys(rest).length > 0) {
      throw badRequest('A cancel has context_id and cancel: true, and nothing else.');
    }
    // Cancelling what is over is a race that every client has, and no error.
    this.contexts.get(id)?.cancel();
  }

  private generate(body: Record<string, unknown>): void {
    const { s } = this;
    const input = readGeneration(body, s.connection.version, s);
    if (input.encoding !== 'pcm_mulaw' || input.sampleRate !== 8000) {
      throw badRequest('Only pcm_mulaw at 8000 Hz is simulated.');
    }
    const target = { key: s.connection.key, model: input.model, text: input.transcript, count: this.received };
    const fault = s.faults.take('message', target);
    this.received += 1;
    if (fault !== undefined && this.strike(fault, input.contextId)) return;
    const context = this.contexts.get(input.contextId) ?? this.begin(input);
    if (context.closed) throw badRequest('The context takes no more text.');
    if (!context.accepts(input)) throw badRequest('All inputs of a context must have the same settings.');
    context.add(input);
  }

  private begin(input: GenerationInput): Context {
    const id = input.contextId;
    if (this.ended.has(id)) throw badRequest('The context has ended or expired.');
    if (input.transcript.trim() === '' && !(input.continues && input.transcript !== '')) {
      throw badRequest('The transcript of a new context is empty.');
    }
    if (!this.s.takeSlot()) throw errorFor(429);
    const log: CartesiaContext = {
      id,
      key: this.s.connection.key,
      model: input.model,
      voice: input.voice,
      transcript: '',
      inputs: [],
      startedAt: Date.now(),
      firstAudioAt: undefined,
      firstAudioAfterMs: undefined,
      endedAt: undefined,
      audioMs: 0,
      done: false,
      cancelled: false,
      expired: false,
      error: undefined,
    };
    this.s.logContext(log);
    const context = new Context(log, input, this.s.pace, {
      send: (message) => this.send(message, id, input),
      ended: () => this.forget(id),
    });
    this.contexts.set(id, context);
    return context;
  }

  private forget(id: string): void {
    if (!this.contexts.delete(id)) return;
    this.outputs.delete(id);
    this.s.freeSlot();
    this.ended.add(id);
    const [oldest] = this.ended;
    if (this.ended.size > MAX_ENDED && oldest !== undefined) this.ended.delete(oldest);
  }

  /** Every message of a context passes here; answers whether it went out. */
  private send(message: Record<string, unknown>, id: string, input: GenerationInput): boolean {
    if (this.stalled.has(id)) return false;
    const count = this.outputs.get(id) ?? 0;
    const target = {
      key: this.s.connection.key,
      model: input.model,
      text: this.contexts.get(id)?.log.transcript,
      count,
    };
    const fault = this.s.faults.take('mid-stream', target);
    if (fault !== undefined && this.strike(fault, id)) return false;
    // The fault may have been a stall.
    if (this.stalled.has(id)) return false;
    this.outputs.set(id, count + 1);
    this.put(message);
    return true;
  }

  /** Answers whether what was to be sent or done is dropped. */
  private strike(fault: Fault, id: string): boolean {
    switch (fault.kind) {
      case 'refuse':
        this.s.reset();
        return true;
      case 'close-mid-stream':
        if (fault.code === undefined) this.s.reset();
        else this.close(fault.code, fault.reason ?? '');
        return true;
      case 'status':
        this.fail(errorFor(fault.status ?? 500, fault.errorCode), id);
        return true;
      case 'stall-before-first-byte':
      case 'stall-after-first-byte':
        this.stalled.add(id);
        return false;
      case 'garbage':
        this.s.outgoing.run(() => this.s.socket.send(`{"type":"chunk","context_id":"${id}","data":"f39`));
        return false;
      case 'wrong-json':
        this.put({ type: 'chunk', context_id: id, data: { audio: [255, 127] } });
        return false;
    }
  }

  /** An error ends its context. */
  private fail(error: CartesiaError, id: string | undefined): void {
    const context = id === undefined ? undefined : this.contexts.get(id);
    if (context !== undefined) context.log.error = error.message;
    context?.stop();
    this.s.connection.errors.push(`${error.status} ${error.title}: ${error.message}`);
    this.put(errorEvent(error, this.s.connection.version, id));
  }

  private put(message: Record<string, unknown>): void {
    this.lastActivity = performance.now();
    const type = String(message['type']);
    this.s.connection.sent[type] = (this.s.connection.sent[type] ?? 0) + 1;
    const text = JSON.stringify(message);
    this.s.outgoing.run(() => this.s.socket.send(text));
  }

  private close(code: number, reason: string): void {
    this.s.outgoing.run(() => this.s.socket.close(code, reason));
  }

  /** No keepalive message exists: only work keeps a socket. */
  private watchIdle(): void {
    if (this.contexts.size > 0) this.lastActivity = performance.now();
    const left = this.lastActivity + this.s.idleMs - performance.now();
    if (left <= 0) this.close(1000, 'connection idle timeout');
    else this.idleTimer = setTimeout(() => this.watchIdle(), Math.ceil(left));
  }

  private closed(code: number, reason: string): void {
    clearTimeout(this.idleTimer);
    this.s.incoming.clear();
    this.s.outgoing.clear();
    for (const context of [...this.contexts.values()]) context.stop();
    const { connection } = this.s;
    connection.closeCode = code;
    connection.closeReason = reason;
    connection.closedAt = Date.now();
  }
}
