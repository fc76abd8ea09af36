import { EventEmitter } from 'node:events';
import type { CallEvents } from './call-events';
import { CallLog, type StreamFacts } from './call-log';
import type { PhoneCallOptions } from './call-options';
import { Caller } from './caller';
import { CarrierVoice } from './carrier-voice';
import { Ear, type HeardWord, type VoiceSource } from './ear';
import { Findings } from './findings';
import type { CallReport, CallStatus, DialReport, EndedBy, StreamEnd } from './report';
import { messageLeft } from './machine';
import type { CallerScript } from './script';
import type { PhoneStream, StreamListener } from './stream-record';
import type { Ticker } from './ticker';
import { ToneDecoder } from './tones';
import { whenHeard } from './when-heard';

/** Listens to a line: every 20 ms what the phone hears (undefined: silence) and what it says. */
export type LineTap = (toPhone: Buffer | undefined, fromPhone: Buffer) => void;

const DEFAULT_MAX_DURATION_MS = 120_000;

/**
 * One call of any carrier: the person on the phone, what they hear and say on one clock of 20 ms, the media streams and what becomes of
 * them. What is the carrier's own (how the application steers the call, and how it is told) is in the carrier's class.
 */
export abstract class PhoneCall<Report extends CallReport = CallReport> extends EventEmitter<CallEvents<Report>> {
  /** The carrier's own name of the call. */
  abstract readonly callId: string;
  abstract readonly direction: CallReport['direction'];
  readonly createdAt = new Date();
  status: CallStatus;
  answeredDate: Date | undefined;
  endedDate: Date | undefined;
  /** Resolves with the report when the call is over and the application has been told all of it; never rejects. */
  readonly ended: Promise<Report>;

  protected readonly findings: Findings;
  /** The stream that carries the call now. */
  protected stream: PhoneStream | undefined;
  protected endedBy: EndedBy | undefined;
  protected reason = '';
  private readonly ear = new Ear((word) => this.emit('word', word));
  private readonly tones = new ToneDecoder();
  private readonly taps = new Set<LineTap>();
  private readonly caller: Caller;
  private readonly offeredAt = performance.now();
  private answeredAt: number | undefined;
  private endedAt: number | undefined;
  private untick = (): void => {};
  private readonly otherVoice = new CarrierVoice();
  private readonly log = new CallLog(() => this.now(), {
    started: (streamId) => this.emit('stream-started', streamId),
    stopped: (stream, streamId, how) => {
      if (this.stream === stream) this.stream = undefined;
      this.emit('stream-stopped', streamId, how);
    },
    frameSent: () => this.emit('frame-sent'),
    audioReceived: (audio) => this.emit('audio-received', audio),
    cleared: (atMs) => {
      this.caller.cleared();
      this.emit('clear', atMs);
    },
    marked: (name) => this.emit('mark', name),
    echoed: (name) => this.emit('mark-echoed', name),
  });

  constructor(
    readonly options: PhoneCallOptions,
    status: CallStatus,
    private readonly ticker: Ticker,
  ) {
    super();
    this.status = status;
    this.ended = new Promise((resolve) => this.once('ended', resolve));
    this.findings = new Findings(
      () => this.sinceOffered(),
      (finding) => this.emit('finding', finding),
    );
    this.caller = new Caller(options.script ?? [], this.ear, {
      press: (digit) => this.press(digit),
      hangUp: (reason) => this.end('completed', 'caller', reason),
      saying: (text, atMs) => this.emit('saying', text, atMs),
      said: (said) => this.emit('said', said),
      failed: (reason) => this.emit('failed', reason),
      beeped: (atMs) => this.emit('beeped', atMs),
    });
  }

  get from(): string {
    return this.options.from;
  }

  get to(): string {
    return this.options.to;
  }

  get isOver(): boolean {
    return this.endedAt !== undefined;
  }

  /** Media sockets of this call that exist now. */
  get openSockets(): number {
    return this.log.openSockets;
  }

  /** Between answer and end, in ms; 0 if never answered. */
  get durationMs(): number {
    return this.answeredAt === undefined ? 0 : (this.endedAt ?? performance.now()) - this.answeredAt;
  }

  /** ms since the call was answered (before that: since it was offered). */
  now(): number {
    return performance.now() - (this.answeredAt ?? this.offeredAt);
  }

  /** ms since the call was offered: the only clock that runs before the answer. */
  sinceOffered(): number {
    return performance.now() - this.offeredAt;
  }

  /** Starts the call. */
  begin(): void {
    // A bug here must not take the process of a whole test run with it, but must not be lost either.
    this.run().catch((error: unknown) => {
      this.findings.error(0, `The simulator failed: ${error instanceof Error ? error.stack : String(error)}`);
      this.end('failed', 'phone-company', 'the simulator failed');
    });
  }

  /** Adds steps to the caller's script; resolves when they are done. */
  perform(...steps: CallerScript): Promise<void> {
    return this.caller.perform(steps);
  }

  /** The caller puts the receiver down, at once. */
  hangUp(): void {
    this.end(this.answeredAt === undefined ? 'canceled' : 'completed', 'caller', 'the caller hung up');
  }

  /** The media connection breaks, at once. */
  dropStream(): void {
    this.stream?.drop();
  }

  /** The carrier sends this text frame on the media socket, whatever it is. */
  inject(text: string): void {
    this.stream?.inject(text);
  }

  /** Listens to both sides of the line, from now to the end of the call or until the returned function is called. */
  tap(tap: LineTap): () => void {
    this.taps.add(tap);
    return () => this.taps.delete(tap);
  }

  /** Resolves at the first word for which the test holds, also one heard already; rejects when the call ends before. */
  heard(test: (word: HeardWord, textSoFar: string) => boolean): Promise<HeardWord> {
    return whenHeard(this, this.ear.words(), test);
  }

  /** Ends the call; a second end changes nothing. */
  end(status: CallStatus, by: EndedBy, reason: string): void {
    if (this.isOver) return;
    this.status = status;
    this.endedAt = performance.now();
    this.endedDate = new Date();
    this.endedBy = by;
    this.reason = reason;
    this.untick();
    this.ear.end();
    this.caller.end();
    this.abandon();
    this.otherVoice.end();
    this.stream?.stop();
    void this.finish();
  }

  /** What is known up to now. */
  abstract report(): Report;

  /** The carrier's part of a call's life, until its end. */
  protected abstract run(): Promise<void>;

  /** The call is over: whatever the carrier was about to do for it is not done any more. */
  protected abstract abandon(): void;

  /** Tells the application of the end; the streams are over. */
  protected abstract tellOfEnd(): Promise<void>;

  /** A key of the caller's phone. */
  protected press(digit: string): void {
    this.stream?.press(digit);
    this.emit('digit', digit);
  }

  protected answer(): void {
    if (this.answeredAt !== undefined || this.isOver) return;
    this.answeredAt = performance.now();
    this.answeredDate = new Date();
    this.status = 'in-progress';
    this.untick = this.ticker.subscribe(() => this.tick());
    this.emit('answered');
  }

  /** Says a text to the caller; resolves when it is heard to its end, on abort, or at the end of the call. */
  protected speak(text: string, source: VoiceSource, signal: AbortSignal): Promise<void> {
    return this.isOver ? Promise.resolve() : this.otherVoice.speak(text, source, signal);
  }

  /** The same with audio: mu-law, whole frames of 20 ms. */
  protected play(audio: Buffer, source: VoiceSource, signal: AbortSignal): Promise<void> {
    return this.isOver ? Promise.resolve() : this.otherVoice.play(audio, source, signal);
  }

  protected dialled(dial: DialReport): void {
    this.log.dials.push(dial);
    this.emit('dial-started', dial);
  }

  /**
   * Keeps the record of a new stream from its making to its end, and makes it the call's own.
   * @param make the stream; whatever becomes of it is told to the listener
   * @param told the carrier's own part, after the record's
   */
  protected follow(
    about: StreamFacts,
    make: (listener: StreamListener) => PhoneStream,
    told: Pick<StreamListener, 'opened' | 'ended'>,
  ): { stream: PhoneStream; over: Promise<StreamEnd> } {
    const followed = this.log.follow(about, make, told);
    this.stream = followed.stream;
    return followed;
  }

  /** What every carrier's report says. */
  protected summary(): CallReport {
    const heard = this.ear.words();
    return {
      callId: this.callId,
      from: this.from,
      to: this.to,
      direction: this.direction,
      status: this.status,
      endedBy: this.endedBy,
      reason: this.reason,
      durationMs: Math.round(this.durationMs),
      heard,
      heardTones: this.tones.heard,
      messageLeft: messageLeft(heard, this.caller.beepedAtMs),
      heardText: heard.map((word) => word.text).join(' '),
      ...this.caller.report(),
      ...this.log.report(),
      findings: this.sinceAnswer(this.findings.list),
    };
  }

  /** Copies with their times, taken since the offering, counted from the answer. */
  protected sinceAnswer<T extends { atMs: number }>(list: readonly T[]): T[] {
    const shift = this.answeredAt === undefined ? 0 : this.answeredAt - this.offeredAt;
    return list.map((each) => ({ ...each, atMs: Math.round(each.atMs - shift) }));
  }

  private tick(): void {
    if (this.isOver) return;
    const other = this.otherVoice.next();
    const heard = other ? other.frame : this.stream?.play();
    this.ear.hear(heard, other?.source ?? 'stream');
    this.tones.push(heard);
    const frame = this.caller.tick();
    for (const tap of this.taps) tap(heard, frame);
    if (this.isOver) return;
    this.stream?.send(frame);
    const { dropStreamAfterMs, maxDurationMs = DEFAULT_MAX_DURATION_MS } = this.options;
    if (dropStreamAfterMs !== undefined && this.stream?.openedAt !== undefined) {
      if (performance.now() - this.stream.openedAt >= dropStreamAfterMs) this.stream.drop();
    }
    if (this.ear.nowMs >= maxDurationMs)
      this.end('completed', 'caller', `the caller gave up after ${maxDurationMs} ms`);
  }

  private async finish(): Promise<void> {
    await this.log.allOver();
    await this.tellOfEnd();
    this.emit('ended', this.report());
  }
}
