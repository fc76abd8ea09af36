import { CallControls } from './control/call-controls';
import type { CallLimits, CallState, CarriedCall } from './carried-call';
import type { Carrier } from './carrier';
import type { CallInfo, EndReason, PlaybackReport, UtteranceInfo } from './message';
import { gone } from './loop-turns';
import { CallMetrics } from './metrics';
import { Playback } from './playback';
import type { PlaybackRecord, PlaybackTopic } from './playback';
import { MASKED, Privacy } from './privacy';
import type { Session } from './session';
import { Ears } from './stt/ears';
import { Relays } from './tts/relays';

/** A message may take so many turns of the event loop to the node that opens an utterance for it: each node takes one. */
const WIRE_TURNS = 6;

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

/** One phone call whose flow runs in this thread: what all nodes know of it. Made by `registry.open`. */
export class Call implements CarriedCall {
  state: CallState = 'offered';
  readonly playback: Playback;
  /** What a flow has done with the call. */
  readonly controls: CallControls;
  /** When nothing of what the caller says or keys in may be seen anywhere. */
  readonly privacy = new Privacy(() => this.now());
  /** What the call comes to, told at its end. */
  readonly metrics = new CallMetrics();
  /** Who listens to the caller, and who speaks what of the agent's words: a flow may change either in mid-call. */
  readonly ears = new Ears();
  readonly relays = new Relays();
  /** By node id. */
  readonly sessions = new Map<string, Session<unknown>>();
  /** Ids of the nodes that decide about barge-in: the agents. Where there is none, who speaks decides for its own words. */
  readonly deciders = new Set<string>();
  /** Messages on their way through foreign nodes, by id and topic; taken out when one of our nodes receives them. None before the first. */
  awaited: Set<string> | undefined;
  /** Words that an agent of this call says when all else fails; a TTS keeps a clip of them. */
  apology = '';
  // Whole numbers stand in the object itself: what is looked at for each frame is in one place.
  private readonly zero = Math.floor(performance.now());
  private callerBytes = 0;
  private seq = 0;
  private wordsAt = performance.now();
  private readonly taps = new Set<Tap>();
  private readonly playbackTaps = new Set<PlaybackTap>();
  private ending: EndReason | undefined;
  private hangingUp: Promise<void> | undefined;
  private leftAt: number | undefined;
  private awayMs = 0;
  /** Agents that are at work on a reply of which no utterance is open yet, by node id. */
  private readonly composing = new Set<string>();
  private readonly composed = new Set<() => void>();

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
    this.controls = new CallControls(this);
    this.playback = new Playback({
      carrier,
      now: () => this.now(),
      report: (topic, utterance, report, record) => this.onPlayback(topic, utterance, report, record),
    });
  }

  /** True if it goes by this id and has not ended. */
  isLive(id: string): boolean {
    return this.info.id === id && this.state !== 'ended';
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

  /** A frame of the caller's audio has come. */
  callerAudio(bytes: number): void {
    this.callerBytes += bytes;
  }

  get isPrivate(): boolean {
    return this.privacy.covers(undefined, this.now());
  }

  digit(digit: string): void {
    this.noteWords();
    this.emit('call.dtmf', this.isPrivate ? MASKED : digit);
  }

  streamLost(): void {
    this.playback.streamLost();
  }

  echo(name: string): void {
    this.playback.echo(name);
  }

  named(id: string): void {
    this.info.id = id;
  }

  /** Its flow is gone: nobody is left to talk to the caller. */
  disowned(): void {
    void this.hangUp('flow-removed', this.limits().goodbye);
  }

  /** Somebody said words: the silence limit starts anew. */
  noteWords(): void {
    this.wordsAt = performance.now();
  }

  /** The media stream is open and the caller can be heard and spoken to. */
  streamOpened(): void {
    if (this.state === 'offered') this.state = 'live';
    else if (this.state === 'away') this.back();
    this.playback.streamOpened();
  }

  /**
   * The caller is put through to somebody else: agent, STT, TTS and timers rest until `streamOpened`. What was being spoken is given
   * up. Idempotent.
   */
  leave(to: string): void {
    if (this.state !== 'live') return;
    this.state = 'away';
    this.leftAt = performance.now();
    this.playback.rest('away');
    this.emit('call.away', { to });
  }

  private back(): void {
    this.state = 'live';
    this.awayMs += performance.now() - (this.leftAt ?? performance.now());
    this.leftAt = undefined;
    this.noteWords();
    this.playback.wake();
  }

  /** An agent has begun, or ended, to make a reply: from the caller's words to the opening of its utterance, or to nothing. */
  compose(nodeId: string, busy: boolean): void {
    if (busy) this.composing.add(nodeId);
    else if (this.composing.delete(nodeId)) for (const tell of [...this.composed]) tell();
  }

  /**
   * Resolves when the agent has finished speaking: no reply is being made and no utterance is open, as seen when what is on the
   * wires now has arrived; or after `timeoutMs`, or at the end of the call.
   */
  async whenSilent(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      await gone(WIRE_TURNS);
      const left = until - performance.now();
      if (left <= 0 || this.state === 'ended') return;
      if (this.playback.busy) await this.playback.whenQuiet(left);
      else if (this.composing.size > 0) await this.whenComposed(left);
      else return;
    }
  }

  private async whenComposed(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const tell = (): void => {
        clearTimeout(timer);
        this.composed.delete(tell);
        resolve();
      };
      const timer = setTimeout(tell, timeoutMs);
      this.composed.add(tell);
    });
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
    this.composing.clear();
    for (const tell of [...this.composed]) tell();
    this.emit('call.ended', { reason: why, durationMs: this.now(), metrics: this.metrics.report(this.callerBytes) });
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
    // While the caller talks to somebody else, the carrier's time limit counts.
    if (this.state !== 'away' && this.now() - this.awayMs > limits.maxDurationMs) {
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
    this.metrics.playback(topic, record, this.now());
    for (const tap of this.playbackTaps) tap(topic, record);
    this.emit(topic, report, utterance);
  }
}
