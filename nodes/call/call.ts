import type { Carrier } from './carrier';
import type { CallInfo, EndReason, PlaybackReport, UtteranceInfo } from './message';
import { Playback } from './playback';
import type { PlaybackRecord, PlaybackTopic } from './playback';
import type { Session } from './session';
import { Ears } from './stt-ears';
import { Relays } from './tts-relays';

/** A call is offered, then live or away, then ended. */
export type CallState = 'offered' | 'live' | 'away' | 'ended';

/** One thing that happened in a call: its place in the call's one ordered stream. Taps must not change it. */
export interface CallEvent {
  readonly seq: number;
  /** ms on the call's clock */
  readonly atMs: number;
  readonly topic: string;
  readonly payload: unknown;
  readonly utterance?: UtteranceInfo;
}

/** Sees each event of a call, in order: the carrier's in-node (which puts it on the wire), metrics, the Calls tab. */
export type Tap = (event: CallEvent) => void;

/** Sees what becomes of utterances: how the agent's history learns what was heard. */
export type PlaybackTap = (topic: PlaybackTopic, record: PlaybackRecord) => void;

/** The bounds of a call, read anew each time: a Deploy may have changed them. */
export interface CallLimits {
  /** The longest a call may last, ms. */
  maxDurationMs: number;
  /** How long no words from either side are put up with, ms. */
  silenceMs: number;
  /** Words of farewell, by the carrier's voice, when it is we who end the call. */
  goodbye: string;
}

/** One phone call of this process: what all nodes know of it. Made by `registry.open`. */
export class Call {
  state: CallState = 'offered';
  readonly playback: Playback;
  /** Who listens to the caller, and who speaks what of the agent's words: a flow may change either in mid-call. */
  readonly ears = new Ears();
  readonly relays = new Relays();
  /** By node id. */
  readonly sessions = new Map<string, Session<unknown>>();
  /** Messages on their way through foreign nodes, by id and topic; taken out when one of our nodes receives them. */
  readonly awaited = new Set<string>();
  /** Words that an agent of this call says when all else fails; a TTS keeps a clip of them. */
  apology = '';
  private readonly zero = performance.now();
  private seq = 0;
  private wordsAt = performance.now();
  private readonly taps = new Set<Tap>();
  private readonly playbackTaps = new Set<PlaybackTap>();
  private ending: EndReason | undefined;
  private hangingUp: Promise<void> | undefined;

  /**
   * @param ownerId the id of the carrier's in-node to which the call came
   * @param limits asked each time
   * @param onEnd told once, when the call has ended: the registry
   */
  constructor(
    readonly info: CallInfo,
    readonly carrier: Carrier,
    readonly ownerId: string,
    readonly limits: () => CallLimits,
    private readonly onEnd: (call: Call, reason: EndReason) => void,
  ) {
    this.playback = new Playback({
      carrier,
      now: () => performance.now(),
      report: (topic, utterance, report, record) => this.onPlayback(topic, utterance, report, record),
    });
  }

  /** ms on the call's clock: 0 when it was opened; never jumps. */
  now(): number {
    return Math.round(performance.now() - this.zero);
  }

  tap(tap: Tap): () => void {
    this.taps.add(tap);
    return () => this.taps.delete(tap);
  }

  tapPlayback(tap: PlaybackTap): () => void {
    this.playbackTaps.add(tap);
    return () => this.playbackTaps.delete(tap);
  }

  /** Puts something that happened into the call's stream of events. */
  emit(topic: string, payload: unknown, utterance?: UtteranceInfo): void {
    const event: CallEvent = { seq: this.seq++, atMs: this.now(), topic, payload, ...(utterance && { utterance }) };
    for (const tap of this.taps) tap(event);
  }

  /** The place in the stream for something that the carrier's in-node sends itself: a frame of audio. */
  nextSeq(): number {
    return this.seq++;
  }

  /** Somebody said words: the silence limit starts anew. */
  noteWords(): void {
    this.wordsAt = performance.now();
  }

  /** The media stream is open and the caller can be heard and spoken to. */
  streamOpened(): void {
    if (this.state === 'offered' || this.state === 'away') this.state = 'live';
    this.playback.streamOpened();
  }

  /**
   * Ends the call from our side: at the carrier first, then here. Safe to call again.
   * @param goodbye words by the carrier's voice before the end
   */
  async hangUp(reason: EndReason, goodbye?: string): Promise<void> {
    if (this.state === 'ended') return;
    this.ending ??= reason;
    this.hangingUp ??= this.carrier.hangUp(goodbye, reason).finally(() => this.end(this.ending ?? reason));
    await this.hangingUp;
  }

  /** The call is over, says the carrier. Idempotent; if it was we who were hanging up, our reason stands. */
  end(reason: EndReason): void {
    if (this.state === 'ended') return;
    // Before the state changes, so that what was open is reported while the call still lives.
    this.playback.end();
    this.state = 'ended';
    this.info.endedAt = Date.now();
    const why = this.ending ?? reason;
    this.emit('call.ended', { reason: why, durationMs: this.now() });
    this.carrier.dispose();
    for (const session of [...this.sessions.values()]) session.callEnded();
    this.onEnd(this, why);
  }

  /** Housekeeping, a few times a second: the limits, and what playback has to look after. */
  tick(): void {
    if (this.state === 'ended') return;
    this.playback.tick();
    if (this.hangingUp) return;
    const limits = this.limits();
    if (this.now() > limits.maxDurationMs) {
      void this.hangUp('max-duration', limits.goodbye);
    } else if (this.state === 'live' && performance.now() - this.wordsAt > limits.silenceMs) {
      void this.hangUp('silence', limits.goodbye);
    }
  }

  private onPlayback(
    topic: PlaybackTopic,
    utterance: UtteranceInfo,
    report: PlaybackReport,
    record: PlaybackRecord,
  ): void {
    if (record.heardMs > 0 || topic === 'playback.started') this.noteWords();
    for (const tap of this.playbackTaps) tap(topic, record);
    this.emit(topic, report, utterance);
  }
}
