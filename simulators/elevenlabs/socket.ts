/** One multi-context socket: its contexts, limits, errors and idle time (contracts/elevenlabs.md 3 and 4). */
import type { WebSocket } from 'ws';
import type { Fault, Faults } from '../faults';
import { parseObject, type DelayLine } from '../loopback';
import { Context, type ContextPace, type ElevenLabsContext } from './context';
import { ElevenLabsError, errorFor, errorMessage, inactive, invalid, noVoice, tooManyContexts } from './errors';
import type { SocketQuery } from './query';
import { DEFAULT_SCHEDULE, readMessage, type ClientMessage } from './request';

/** Open contexts of one socket. */
const MAX_CONTEXTS = 5;
/** Texts kept in a connection's log. */
const MAX_TEXTS = 1000;
/** The reason of a close, bytes. */
const MAX_REASON = 123;

/** One connection, as plain data. Times are of Date.now(). */
export interface ElevenLabsConnection {
  key: string;
  voice: string;
  model: string;
  language: string | undefined;
  url: string;
  startedAt: number;
  closedAt: number | undefined;
  closeCode: number | undefined;
  closeReason: string | undefined;
  /** Messages from the client, as text, the last 1,000. */
  texts: string[];
  /** The most contexts that were open at once. */
  mostContexts: number;
  /** Ids and messages of errors sent. */
  errors: string[];
}

export interface SocketSetting {
  socket: WebSocket;
  connection: ElevenLabsConnection;
  query: SocketQuery;
  faults: Faults;
  incoming: DelayLine;
  outgoing: DelayLine;
  /** Break the TCP connection. */
  reset: () => void;
  pace: ContextPace;
  /** Told after the upgrade, at the first message, as the real one often does. */
  refusal: ElevenLabsError | undefined;
  voices: readonly string[] | undefined;
  /** Takes or gives back a place of the key's plan. */
  generating: (yes: boolean) => boolean;
  contextOpened: (context: ElevenLabsContext) => void;
  contextEnded: () => void;
}

export class MultiContextSocket {
  private readonly contexts = new Map<string, Context>();
  /** Per context: messages sent, for faults in mid-stream. */
  private readonly outputs = new Map<string, number>();
  private readonly stalled = new Set<string>();
  private received = 0;
  private lastInputAt = performance.now();
  private idleTimer: NodeJS.Timeout | undefined;
  private finishing = false;
  private over = false;

  constructor(private readonly s: SocketSetting) {
    s.socket.on('message', (data, isBinary) =>
      s.incoming.run(() => this.receive((data as Buffer).toString(), isBinary)),
    );
    s.socket.on('error', () => s.socket.terminate());
    s.socket.on('close', (code, reason) => this.closed(code, reason.toString()));
    this.watchIdle();
  }

  private receive(text: string, isBinary: boolean): void {
    const { s } = this;
    if (this.over || s.socket.readyState !== s.socket.OPEN) return;
    this.lastInputAt = performance.now();
    s.connection.texts.push(text);
    if (s.connection.texts.length > MAX_TEXTS) s.connection.texts.shift();
    let contextId: string | undefined;
    try {
      if (s.refusal) throw s.refusal;
      const message = readMessage(isBinary ? undefined : parseObject(text));
      contextId = message.contextId;
      if (s.voices && !s.voices.includes(s.query.voice)) throw noVoice(s.query.voice);
      this.act(message);
    } catch (error) {
      if (!(error instanceof ElevenLabsError)) throw error;
      this.fail(error, contextId);
    }
  }

  private act(message: ClientMessage): void {
    const { s } = this;
    if (message.closeSocket) {
      this.finishing = true;
      for (const context of [...this.contexts.values()]) context.close();
      this.closeIfDone();
      return;
    }
    const said = message.text !== undefined && message.text.trim() !== '';
    if (said) {
      const target = { key: s.connection.key, model: s.query.model, text: message.text, count: this.received };
      const fault = s.faults.take('message', target);
      this.received++;
      if (fault !== undefined && this.strike(fault, message.contextId)) return;
    }
    const known = this.contexts.get(message.contextId);
    if (known && message.opening && message.opening.constant !== known.opening.constant) {
      throw invalid(
        'voice_settings field must be provided in the first message of a context, and not be changed later.',
        'invalid_voice_settings',
      );
    }
    const context = known ?? this.begin(message);
    if (!context.add(message.text, message.flush)) {
      throw new ElevenLabsError('too_many_concurrent_requests', 'Too many concurrent requests for this plan.', 429);
    }
    if (message.closeContext) context.close();
  }

  /** Any message opens a context: that is how phantoms come to be. */
  private begin(message: ClientMessage): Context {
    const { s } = this;
    if (this.contexts.size >= MAX_CONTEXTS) throw tooManyContexts(MAX_CONTEXTS);
    const id = message.contextId;
    const log: ElevenLabsContext = {
      id,
      key: s.connection.key,
      model: s.query.model,
      voice: s.query.voice,
      phantom: message.text === undefined || message.text === '' || message.closeContext,
      transcript: '',
      inputs: [],
      lost: '',
      keepAlives: 0,
      startedAt: Date.now(),
      firstAudioAt: undefined,
      firstAudioAfterMs: undefined,
      endedAt: undefined,
      audioMs: 0,
      closed: false,
      final: false,
      error: undefined,
    };
    const opening = message.opening ?? { speed: undefined, schedule: DEFAULT_SCHEDULE, constant: '' };
    const context = new Context(log, opening, s.query.autoMode, s.query.alignment, s.pace, {
      send: (out) => this.send(out, id),
      ended: () => this.forget(id),
      generating: s.generating,
    });
    this.contexts.set(id, context);
    s.connection.mostContexts = Math.max(s.connection.mostContexts, this.contexts.size);
    s.contextOpened(log);
    return context;
  }

  private forget(id: string): void {
    if (!this.contexts.delete(id)) return;
    this.outputs.delete(id);
    this.stalled.delete(id);
    this.s.contextEnded();
    this.closeIfDone();
  }

  private closeIfDone(): void {
    if (this.finishing && !this.over && this.contexts.size === 0) this.close(1000, '');
  }

  /** Every message of a context passes here; answers whether it went out. */
  private send(message: Record<string, unknown>, id: string): boolean {
    if (this.over || this.stalled.has(id)) return false;
    const count = this.outputs.get(id) ?? 0;
    const text = this.contexts.get(id)?.log.transcript;
    const target = { key: this.s.connection.key, model: this.s.query.model, text, count };
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
        this.fail(errorFor(fault.status ?? 500, fault.errorCode), undefined);
        return true;
      case 'stall-before-first-byte':
      case 'stall-after-first-byte':
        this.stalled.add(id);
        return false;
      case 'garbage':
        this.s.outgoing.run(() => this.s.socket.send(`{"contextId":"${id}","isFinal":null,"audio":"f39`));
        return false;
      case 'wrong-json':
        this.put({ contextId: id, isFinal: null, audio: { bytes: [255, 127] } });
        return false;
    }
  }

  /** An error is told, and then the socket closes: 1008 for nearly everything. */
  private fail(error: ElevenLabsError, contextId: string | undefined): void {
    if (this.over) return;
    const context = contextId === undefined ? undefined : this.contexts.get(contextId);
    if (context) context.log.error = error.message;
    this.s.connection.errors.push(`${error.id}: ${error.message}`);
    this.put(errorMessage(error, context && contextId));
    this.close(error.closeCode, error.message);
  }

  private put(message: Record<string, unknown>): void {
    const text = JSON.stringify(message);
    this.s.outgoing.run(() => this.s.socket.send(text));
  }

  private close(code: number, reason: string): void {
    this.over = true;
    clearTimeout(this.idleTimer);
    for (const context of [...this.contexts.values()]) context.stop();
    // Texts are ASCII, or cut within a character: then the rest of it is left out too.
    const cut = Buffer.from(reason)
      .subarray(0, MAX_REASON)
      .toString('utf8')
      .replace(/\uFFFD$/u, '');
    this.s.outgoing.run(() => this.s.socket.close(code, cut));
  }

  /** A context without text for too long ends the socket, and so does a socket without any. */
  private watchIdle(): void {
    const { inactivityMs } = this.s.query;
    const open = [...this.contexts.values()].filter(({ log }) => !log.closed).map(({ lastInputAt }) => lastInputAt);
    const since = open.length > 0 ? Math.min(...open) : this.lastInputAt;
    const left = since + inactivityMs - performance.now();
    if (left <= 0) this.fail(inactive(inactivityMs / 1000), undefined);
    else this.idleTimer = setTimeout(() => this.watchIdle(), Math.ceil(left));
  }

  private closed(code: number, reason: string): void {
    this.over = true;
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
