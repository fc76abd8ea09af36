import { EnergyGate } from '../call/stt/energy-gate';
import { VOICE } from '../call/stt/loudness';
import { BYTES_PER_MS } from '../call/mulaw';
import type { Hearing, SttConnection, SttConnectionEvents, SttProvider, Unfinished } from '../call/stt/connection';
import { SttSocket } from '../call/stt/socket';
import { PreRoll } from './pre-roll';
import { REALTIME_ERRORS, eventError } from './realtime-error';
import { readEvent } from './realtime-event';
import type { RealtimeEvent } from './realtime-event';
import { Transcription } from './transcription';
import type { TranscriptionSettings } from './transcription-settings';

/** A session ends after an hour (contracts/openai.md 1.5); it is replaced before. */
const SESSION_MS = 3_600_000;
const MARGIN_MS = 120_000;
/** Audio before a voice that is sent with it, where we tell the voice ourselves, ms. */
const PRE_ROLL_MS = 300;
/** So much voice that OpenAI says nothing about: it is asked whether it is there. ms */
const VOICE_MS = 120;
const ASK_AFTER_MS = 1_500;
/** And then, or to what was committed, it must say something within so long, ms. */
const ANSWER_MS = 2_000;
/** Silence that nobody need hear again is let go so often, ms. */
const SETTLE_MS = 1_000;
const CONFIGURE = 'configure';

/**
 * One socket of OpenAI's Realtime transcription in its GA form (contracts/openai.md 1): configured before it takes audio,
 * mu-law in base64 at 8 bytes a ms. The end of a turn is OpenAI's to say (server or semantic VAD), or the energy gate's; then
 * only voice is sent, each stretch with what was just before it, and committed when it is over.
 *
 * OpenAI says nothing about silence, noise, or a voice that goes on: what is overdue is known only from what was said.
 */
export class RealtimeConnection implements SttConnection {
  /** Frames as they come. */
  readonly pieceBytes = 160;
  readonly alwaysFlowing = false;
  readonly answersAll = false;
  readonly patienceMs = Infinity;
  readonly quietMs: number;
  lifetimeMs = SESSION_MS - MARGIN_MS;
  private readonly socket: SttSocket;
  private readonly gate: EnergyGate | undefined;
  private readonly preRoll = new PreRoll(PRE_ROLL_MS * BYTES_PER_MS);
  private readonly transcription: Transcription;
  private ready = false;
  private saidGoodbye = false;
  /** Audio heard on this connection, ms: the clock of all that is said about it. */
  private heardMs = 0;
  private now = 0;
  private quietSinceMs = 0;
  private settledMs = 0;
  /** Voice that OpenAI has said nothing about, ms; and since when. */
  private unansweredMs = 0;
  private unansweredAt = 0;
  /** When something was sent that must be answered; by event id. */
  private readonly asked = new Map<string, number>();
  private counter = 0;
  /** Of what does not end the connection, Catch hears once. */
  private troubleTold = false;

  constructor(
    private readonly settings: TranscriptionSettings,
    private readonly hearing: Hearing,
    private readonly events: SttConnectionEvents,
  ) {
    const { turn, url, headers, apiKey } = settings;
    this.quietMs = turn.silenceMs;
    this.gate = turn.by === 'gate' ? new EnergyGate(turn) : undefined;
    this.transcription = new Transcription(turn, hearing);
    const all = apiKey === '' ? headers : { authorization: `Bearer ${apiKey}`, ...headers };
    this.socket = new SttSocket(url, all, REALTIME_ERRORS, {
      opened: events.guard(() => this.configure()),
      message: events.guard((text: string | undefined) => this.message(text)),
      lost: (error) => events.lost(error),
    });
  }

  get waiting(): number {
    return this.socket.waiting;
  }

  get pending(): boolean {
    return this.transcription.pending;
  }

  get finished(): boolean {
    return this.saidGoodbye && !this.pending && this.asked.size === 0;
  }

  send(audio: Uint8Array, level: number, now: number): void {
    const ms = audio.length / BYTES_PER_MS;
    this.now = now;
    this.heardMs += ms;
    if (level >= VOICE) {
      this.quietSinceMs = this.heardMs;
      if (this.unansweredMs === 0) this.unansweredAt = now;
      this.unansweredMs += ms;
    }
    if (this.gate) this.pass(this.gate, audio, level, ms);
    else this.append(audio);
    this.settle();
  }

  keepAlive(): void {
    this.socket.ping();
  }

  overdue(now: number): string | undefined {
    this.now = now;
    for (const at of this.asked.values()) if (now - at >= ANSWER_MS) return 'does not answer to what the caller says';
    const quietMs = this.heardMs - this.quietSinceMs;
    const late = this.transcription.overdue(now, quietMs);
    if (late !== undefined || this.gate || this.asked.size > 0 || this.unansweredMs < VOICE_MS) return late;
    // A voice that goes on is answered by nothing; one that it does not tell of it may have taken for noise, or be deaf.
    const waitedMs = this.transcription.speaking ? quietMs : now - this.unansweredAt;
    // An empty update changes nothing, and is answered.
    if (waitedMs >= ASK_AFTER_MS) this.ask('ask', { type: 'session.update', session: { type: 'transcription' } });
    return undefined;
  }

  farewell(): void {
    this.saidGoodbye = true;
    if (this.gate) {
      if (this.gate.open) this.commit(this.heardMs, this.heardMs);
    } else if (this.transcription.speaking || this.unansweredMs >= VOICE_MS) this.ask('commit', COMMIT);
  }

  unfinished(): Unfinished {
    return this.transcription.unfinished(this.settledMs, this.heardMs);
  }

  close(): void {
    this.transcription.stop();
    this.socket.close();
  }

  terminate(): void {
    this.transcription.stop();
    this.socket.terminate();
  }

  private configure(): void {
    this.put({ event_id: CONFIGURE, type: 'session.update', session: this.settings.session });
  }

  private message(text: string | undefined): void {
    const event = text === undefined ? undefined : readEvent(text);
    if (!event) {
      this.events.nonsense(text);
      return;
    }
    if (event.type === 'unknown') return;
    this.unansweredMs = 0;
    this.take(event);
    this.events.answered();
  }

  private take(event: RealtimeEvent): void {
    const { transcription } = this;
    switch (event.type) {
      case 'created':
        if (event.expiresAt !== undefined) this.live(event.expiresAt * 1000 - Date.now());
        break;
      case 'updated':
        this.answered('ask');
        if (this.ready) break;
        this.ready = true;
        this.events.opened();
        break;
      case 'started':
        transcription.started(event.item, event.ms);
        break;
      case 'stopped':
        transcription.stopped(event.item, event.ms, this.now);
        break;
      case 'committed':
        this.answered('commit');
        transcription.committed(event.item, event.previous, this.now, this.heardMs);
        break;
      case 'delta':
        transcription.delta(event.item, event.text);
        break;
      case 'completed':
        transcription.completed(event.item, event.text);
        break;
      case 'failed':
        transcription.failed(event.item, eventError(event.error, 'words could not be transcribed'));
        break;
      case 'error':
        this.failed(event.error, event.code, event.eventId);
        break;
      case 'unknown':
        break;
    }
  }

  private failed(error: unknown, code: string, eventId: string): void {
    if (eventId !== '') this.asked.delete(eventId);
    if (code === 'input_audio_buffer_commit_empty') {
      // The server's own commit was faster, or there was less than a word.
      this.transcription.nothingCommitted();
      return;
    }
    const met = eventError(error, eventId === CONFIGURE ? 'the settings were refused' : 'error in the stream');
    if (eventId === CONFIGURE || !this.ready || met.cause !== 'bad-request') this.events.lost(met);
    else if (!this.troubleTold) {
      this.troubleTold = true;
      this.events.trouble(met);
    }
  }

  /** The session ends in so many ms, by OpenAI's clock: what makes no sense is not believed. */
  private live(ms: number): void {
    if (ms > 0 && ms <= SESSION_MS) this.lifetimeMs = ms - Math.min(MARGIN_MS, ms / 4);
  }

  /** Where we tell voice from silence ourselves: what is silence is not sent. */
  private pass(gate: EnergyGate, audio: Uint8Array, level: number, ms: number): void {
    const wasOpen = gate.open;
    const change = gate.hear(level, ms);
    if (!gate.open && !wasOpen) {
      this.preRoll.add(audio);
      return;
    }
    if (change === 'opened') {
      const before = this.preRoll.length / BYTES_PER_MS;
      this.transcription.begun(this.heardMs - ms - before, gate.startMs);
      if (before > 0) this.append(this.preRoll.take());
    }
    this.append(audio);
    if (change === 'closed') this.commit(this.heardMs, gate.endMs);
  }

  private commit(endMs: number, voiceEndMs: number): void {
    this.transcription.ended(endMs, voiceEndMs);
    this.ask('commit', COMMIT);
  }

  private append(audio: Uint8Array): void {
    const bytes = Buffer.isBuffer(audio) ? audio : Buffer.from(audio.buffer, audio.byteOffset, audio.length);
    this.socket.send(`{"type":"input_audio_buffer.append","audio":"${bytes.toString('base64')}"}`);
  }

  /** Silence, and what OpenAI took for noise, need not be heard again. */
  private settle(): void {
    const upTo = this.heardMs - SETTLE_MS;
    if (upTo - this.settledMs < SETTLE_MS || this.pending || this.gate?.open) return;
    const unsure = !this.gate && this.unansweredMs > 0;
    if (unsure || this.heardMs - this.quietSinceMs < 2 * SETTLE_MS) return;
    this.settledMs = upTo;
    this.hearing.settled(upTo);
  }

  /** Sends what must be answered. */
  private ask(what: string, message: Record<string, unknown>): void {
    const id = `${what}-${++this.counter}`;
    this.asked.set(id, this.now);
    this.put({ event_id: id, ...message });
  }

  /** The oldest of its kind has been answered. */
  private answered(what: string): void {
    for (const id of this.asked.keys()) {
      if (!id.startsWith(what)) continue;
      this.asked.delete(id);
      return;
    }
  }

  private put(message: Record<string, unknown>): void {
    this.socket.send(JSON.stringify(message));
  }
}

const COMMIT = { type: 'input_audio_buffer.commit' };

export const OPENAI: SttProvider<TranscriptionSettings> = {
  name: 'openai',
  connect: (settings, hearing, events) => new RealtimeConnection(settings, hearing, events),
};
