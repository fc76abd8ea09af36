/** One Realtime transcription session of OpenAI, in the GA form (contracts/openai.md 1). */
import type { WebSocket } from 'ws';
import type { Fault, FaultMoment, Faults } from '../faults';
import { parseObject, type DelayLine } from '../loopback';
import { ApiError, errorFor, invalidType, invalidValue, missing } from './errors';
import { initialConfig, updated, type TranscriptionConfig } from './realtime-config';
import { RealtimeEar } from './realtime-ear';
import type { TranscriptionLog } from './realtime-log';

/** How transcriptions are paced; plain data, may be changed at any time. */
export interface TranscriptionPace {
  /** From the commit to the first words, default 120 ms. */
  transcribeMs?: number;
  /** Between deltas, default 10 ms. */
  deltaMs?: number;
  /** Regular expression: what it matches is transcribed later by `slowMs`; later items overtake it. */
  slow?: string;
  /** Default 800 ms. */
  slowMs?: number;
  /** Regular expression: the transcription of what it matches fails, `failures` times (default: always). */
  fails?: string;
  failures?: number;
  /** Regular expression: of such words the semantic detection is not sure that they end a turn. */
  unsure?: string;
  /** A session lasts so long, default 60 minutes. */
  sessionMs?: number;
}

export interface SessionContext {
  socket: WebSocket;
  log: TranscriptionLog;
  pace: TranscriptionPace;
  faults: Faults;
  freshId: () => string;
  incoming: DelayLine;
  outgoing: DelayLine;
  /** Breaks the TCP connection. */
  reset: () => void;
  refused: (error: ApiError) => void;
}

const BETA =
  'The Realtime beta API is no longer supported. Use the /v1/realtime endpoint in its generally available form.';
const MAX_APPEND_BYTES = 15 * 1024 * 1024;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export class RealtimeSession {
  private config: TranscriptionConfig = initialConfig();
  private readonly ear: RealtimeEar;
  private readonly id: string;
  private readonly expiresAt: number;
  private readonly timers = new Set<NodeJS.Timeout>();
  private lastItem: string | null = null;
  private speechItem: string | undefined;
  private received = 0;
  private outputs = 0;
  private stalled = false;
  private ended = false;

  constructor(private readonly c: SessionContext) {
    const { socket, pace } = c;
    const sessionMs = pace.sessionMs ?? 3_600_000;
    this.id = `sess_${c.freshId()}`;
    this.expiresAt = (Date.now() + sessionMs) / 1000;
    this.ear = new RealtimeEar(
      { started: (ms) => this.speechStarted(ms), stopped: (ms) => this.speechStopped(ms) },
      pace.unsure === undefined ? undefined : new RegExp(pace.unsure, 'iu'),
    );
    socket.on('message', (data, isBinary) => c.incoming.run(() => this.receive(data as Buffer, isBinary)));
    socket.on('error', () => socket.terminate());
    socket.on('close', (code, reason) => this.closed(code, reason.toString()));
    this.send('session.created', { session: this.describe() });
    this.later(sessionMs, () => {
      this.error(new ApiError(400, 'Your session hit the maximum duration of 60 minutes.', 'session_expired'));
      this.finish(1001, 'session_expired');
    });
  }

  /** What is wrong with the handshake itself is told in an event. */
  refuse(error: ApiError, code = 1008): void {
    this.error(error);
    this.finish(code, error.code ?? '');
  }

  /** The beta is shut. */
  refuseBeta(): void {
    this.refuse(new ApiError(400, BETA, 'beta_api_shape_disabled'), 4000);
  }

  private receive(data: Buffer, isBinary: boolean): void {
    if (this.ended) return;
    const fault = this.faultAt('message', this.received++);
    if (fault?.kind === 'refuse' || fault?.kind === 'close-mid-stream') return this.breakOff(fault);
    if (fault?.kind === 'status') return this.fail(fault);
    if (fault?.kind.startsWith('stall')) this.stalled = true;
    const message = isBinary ? undefined : parseObject(data.toString('utf8'));
    const eventId = typeof message?.['event_id'] === 'string' ? message['event_id'] : null;
    try {
      if (!message) throw new ApiError(400, 'The event could not be parsed as JSON text.', 'invalid_event');
      this.act(message);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.error(error, eventId);
    }
  }

  private act(message: Record<string, unknown>): void {
    const { type } = message;
    if (typeof type !== 'string') throw missing('type');
    this.c.log.countReceived(type);
    switch (type) {
      case 'session.update':
        this.config = updated(this.config, message['session'] ?? {});
        this.ear.vad = this.config.turn_detection;
        this.c.log.session = this.describe();
        this.send('session.updated', { session: this.describe() });
        break;
      case 'input_audio_buffer.append':
        this.append(message['audio']);
        break;
      case 'input_audio_buffer.commit':
        if (!this.ear.canCommit) throw emptyCommit(this.ear.bufferedMs);
        this.commit();
        break;
      case 'input_audio_buffer.clear':
        this.ear.clear();
        this.send('input_audio_buffer.cleared', {});
        break;
      case 'transcription_session.update':
        this.refuseBeta();
        break;
      default:
        throw new ApiError(400, `Invalid value: '${type}'.`, 'invalid_value', 'type');
    }
  }

  private append(audio: unknown): void {
    if (audio === undefined) throw missing('audio');
    if (typeof audio !== 'string') throw invalidType('audio', 'a base64 string');
    if (!BASE64.test(audio)) throw invalidValue('audio', 'expected base64-encoded bytes');
    const bytes = Buffer.from(audio, 'base64');
    if (bytes.length > MAX_APPEND_BYTES) throw invalidValue('audio', 'larger than 15 MiB');
    this.c.log.countAudio(bytes.length, performance.now());
    // Only mu-law carries words here.
    if (this.config.format['type'] === 'audio/pcmu') this.ear.append(bytes);
  }

  private speechStarted(ms: number): void {
    this.speechItem = `item_${this.c.freshId()}`;
    this.send('input_audio_buffer.speech_started', { audio_start_ms: Math.round(ms), item_id: this.speechItem });
  }

  private speechStopped(ms: number): void {
    this.send('input_audio_buffer.speech_stopped', { audio_end_ms: Math.round(ms), item_id: this.speechItem });
    this.commit();
  }

  /** By the server, under the name that was announced; by the client, under a new one. */
  private commit(): void {
    const id = this.ear.vad && this.speechItem !== undefined ? this.speechItem : `item_${this.c.freshId()}`;
    const previous = this.lastItem;
    this.lastItem = id;
    this.speechItem = undefined;
    const { text, seconds } = this.ear.commit();
    const item = {
      ...{ id, type: 'message', object: 'realtime.item', role: 'user' },
      content: [{ type: 'input_audio', transcript: null }],
    };
    this.send('input_audio_buffer.committed', { previous_item_id: previous, item_id: id });
    this.send('conversation.item.added', { previous_item_id: previous, item: { ...item, status: 'in_progress' } });
    this.send('conversation.item.done', { previous_item_id: previous, item: { ...item, status: 'completed' } });
    if (this.config.transcription) this.transcribe(id, text, seconds);
  }

  private transcribe(id: string, text: string, seconds: number): void {
    const { pace } = this.c;
    const slow = matches(pace.slow, text) ? (pace.slowMs ?? 800) : 0;
    const fails = matches(pace.fails, text) && (pace.failures ?? Infinity) > 0;
    if (fails && pace.failures !== undefined) pace.failures -= 1;
    const whole = this.config.transcription?.model === 'whisper-1';
    const words = text === '' ? [] : whole ? [text] : text.split(' ').map((word, i) => (i === 0 ? word : ` ${word}`));
    const at = (pace.transcribeMs ?? 120) + slow;
    const about = { item_id: id, content_index: 0 };
    if (fails) {
      const error = { type: 'server_error', code: 'transcription_failed', param: null };
      const message = 'The audio of this item could not be transcribed.';
      this.later(at, () => this.send(`${TRANSCRIPTION}failed`, { ...about, error: { ...error, message } }));
      return;
    }
    words.forEach((delta, i) =>
      this.later(at + i * (pace.deltaMs ?? 10), () => this.send(`${TRANSCRIPTION}delta`, { ...about, delta })),
    );
    this.later(at + words.length * (pace.deltaMs ?? 10), () => {
      if (text !== '') this.c.log.transcripts.push(text);
      const usage = { type: 'duration', seconds };
      this.send(`${TRANSCRIPTION}completed`, { ...about, transcript: text, usage });
    });
  }

  private describe(): Record<string, unknown> {
    const { include, ...input } = this.config;
    return {
      ...{ type: 'transcription', object: 'realtime.transcription_session', id: this.id },
      ...{ audio: { input }, include, expires_at: this.expiresAt },
    };
  }

  private send(type: string, body: Record<string, unknown>): void {
    if (this.stalled || this.ended) return;
    const fault = this.faultAt('mid-stream', this.outputs);
    if (fault?.kind.startsWith('stall')) {
      this.stalled = true;
      return;
    }
    if (fault?.kind === 'close-mid-stream' || fault?.kind === 'refuse') return this.breakOff(fault);
    if (fault?.kind === 'status') return this.fail(fault);
    if (fault?.kind === 'garbage') this.put('{"type":"conversation.item.input_audio_tran');
    if (fault?.kind === 'wrong-json') this.put(JSON.stringify({ hello: 'world', output: null }));
    this.outputs += 1;
    this.c.log.countSent(type);
    this.put(JSON.stringify({ type, event_id: `event_${this.c.freshId()}`, ...body }));
  }

  private error(error: ApiError, eventId: string | null = null): void {
    this.c.refused(error);
    if (this.stalled) return;
    this.c.log.countSent('error');
    const event = { type: 'error', event_id: `event_${this.c.freshId()}` };
    this.put(JSON.stringify({ ...event, error: { ...error.body.error, event_id: eventId } }));
  }

  private fail(fault: Fault): void {
    this.error(errorFor(fault.status ?? 500, fault.errorCode));
    this.finish(1011);
  }

  private put(text: string): void {
    this.c.outgoing.run(() => this.c.socket.send(text));
  }

  private finish(code: number, reason = ''): void {
    this.ended = true;
    this.c.outgoing.run(() => this.c.socket.close(code, reason));
  }

  private breakOff(fault: Fault): void {
    this.ended = true;
    if (fault.kind === 'close-mid-stream' && fault.code !== undefined) this.finish(fault.code, fault.reason);
    else this.c.reset();
  }

  private faultAt(moment: FaultMoment, count: number): Fault | undefined {
    const { faults, log } = this.c;
    const model = this.config.transcription?.model;
    return faults.any ? faults.take(moment, { key: log.key, model, text: '/v1/realtime', count }) : undefined;
  }

  private later(ms: number, job: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (!this.ended) job();
    }, ms);
    this.timers.add(timer);
  }

  private closed(code: number, reason: string): void {
    const { log, incoming, outgoing } = this.c;
    this.ended = true;
    for (const timer of this.timers) clearTimeout(timer);
    incoming.clear();
    outgoing.clear();
    log.closeCode = code;
    log.closeReason = reason;
    log.closedAt = Date.now();
  }
}

const TRANSCRIPTION = 'conversation.item.input_audio_transcription.';

function matches(pattern: string | undefined, text: string): boolean {
  return pattern !== undefined && new RegExp(pattern, 'iu').test(text);
}

function emptyCommit(bufferedMs: number): ApiError {
  const message = `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${bufferedMs.toFixed(2)}ms of audio.`;
  return new ApiError(400, message, 'input_audio_buffer_commit_empty');
}
