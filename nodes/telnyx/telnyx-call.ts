import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { MAX_RECONNECTS, NO_STREAM_MS, sayMs } from '../call/carrier/call';
import type { CarriedCall } from '../call/carried-call';
import { asError } from '../call/errors';
import { asObject } from '../call/carrier/media-socket';
import type { EndReason } from '../call/message';
import { TelnyxControl } from './call-control';
import { CarrierVoice, speakBody } from './carrier-voice';
import type { TelnyxInSettings } from './in-settings';
import { KeyPresses } from './key-presses';
import type { Source } from './key-presses';
import { TelnyxStream } from './media-stream';
import type { StreamError, StreamStart } from './media-stream';
import { hasEnded, isOver } from './rest';
import { streamFields } from './stream-fields';
import { noStreamOpens, streamBroke, streamReports } from './stream-trouble';
import { TransferringCall } from './transferring-call';
import type { TransferHost } from './transferring-call';
import { textOf } from './webhook';
import type { TelnyxEvent } from './webhook';

/** After the loss of a stream: so long for the news that the call is over, ms; then Telnyx is asked. */
const ASK_AFTER_LOSS_MS = 500;
/** At shutdown Node-RED waits 3 s for us: so long for the goodbye, ms, and the rest to hang up. */
const LAST_WORDS_MS = 2_000;
/** Keys that were pressed before the stream began: the last so many are told when it has. */
const MAX_EARLY_KEYS = 32;

/** What a call needs of the `telnyx-in` that it came to. */
export interface TelnyxCallHost extends TransferHost {
  /** As deployed now. */
  settings(): Pick<TelnyxInSettings, 'voice' | 'language' | 'options'>;
  /** Shows what is wrong on the node. */
  show(words: string): void;
}

/** One call at Telnyx: its commands, its events, and what the heart asks of a carrier. */
export class TelnyxCall extends TransferringCall<TelnyxCallHost> {
  readonly name = 'telnyx';
  readonly control = new TelnyxControl({
    transfer: (order) => this.transferTo(order),
    command: (action, body) => this.command(action, body),
    expect: (kind) => this.host?.expect(kind) ?? '',
  });
  /** The same for all legs of the conversation; empty before it was told. */
  sessionId = '';
  protected readonly streamAdvice =
    'Check that Telnyx can open a wss:// connection to the public URL (Debugging in its portal).';
  private readonly abort = new AbortController();
  private readonly voice = new CarrierVoice();
  private readonly keys = new KeyPresses();
  private earlyKeys: string[] = [];
  protected answered = false;
  /** There is no stream and none is on its way: one has to be started. */
  private streamless = false;
  /** Of the stream that was asked for last. */
  private streamUrl = '';
  private readonly told = new Set<string>();

  /** @param offer the event that offered the call */
  constructor(private readonly offer: Pick<TelnyxEvent, 'callControlId' | 'raw'>) {
    super(offer.callControlId);
  }

  override attach(call: CarriedCall, host: TelnyxCallHost): void {
    super.attach(call, host);
    // One that we dialled is answered by the other side.
    if (call.info.direction === 'inbound') void this.answer();
  }

  /** The stream stays while the goodbye is said: nothing of it is heard as the caller's. */
  override hangUp(goodbye?: string, reason?: EndReason): Promise<void> {
    if (this.stream) this.stream.hearer = undefined;
    return super.hangUp(goodbye, reason);
  }

  get connected(): boolean {
    return this.stream?.open === true && !this.voice.speaking;
  }

  play(audio: Buffer, mark?: string): void {
    if (this.connected) this.stream?.play(audio, mark);
  }

  mark(name: string): void {
    if (this.connected) this.stream?.mark(name);
  }

  clear(): void {
    this.stream?.clear();
  }

  /** An event of this call. They come in any order, each once. */
  event({ type, sessionId, payload }: TelnyxEvent): void {
    this.sessionId ||= sessionId;
    if (type === 'call.answered') this.answered = true;
    else if (type === 'call.hangup') this.call?.end(this.endOf(payload, this.call.info.direction));
    else if (type === 'call.bridged') this.onBridged();
    else if (type === 'call.dtmf.received') this.key(textOf(payload, 'digit'), 'webhook');
    else if (type === 'call.speak.ended') this.voice.onEnded();
    else if (type === 'streaming.failed') this.streamFailed(payload);
  }

  /** A media socket has come with a token of this call. */
  admit(socket: WebSocket, tcp: Writable): void {
    if (this.over || this.goodbye !== undefined) {
      socket.on('error', () => undefined);
      return socket.close(1000);
    }
    const stream: TelnyxStream = new TelnyxStream(
      socket,
      this.id,
      {
        started: (one, start) => this.guard(() => this.onStarted(one, start)),
        dtmf: (digit) => this.guard(() => this.key(digit, 'socket')),
        mark: (name) => {
          if (stream === this.stream) this.guard(() => this.call?.echo(name));
        },
        error: (error) => this.guard(() => this.onStreamError(error)),
        gone: (one) => this.guard(() => this.onGone(one)),
      },
      tcp,
    );
    this.streams.add(stream);
  }

  protected get offered(): Record<string, unknown> {
    return this.offer.raw;
  }

  protected override get askAfterLossMs(): number {
    return ASK_AFTER_LOSS_MS;
  }

  protected override onStarted(stream: TelnyxStream, start: StreamStart): void {
    super.onStarted(stream, start);
    for (const digit of this.earlyKeys.splice(0)) this.onDigit(digit);
  }

  protected override streamBegan(): void {
    this.answered = true;
    this.streamless = false;
  }

  protected override onGone(stream: TelnyxStream): void {
    if (!this.stream || stream === this.stream) this.streamless = true;
    super.onGone(stream);
  }

  protected override release(): void {
    super.release();
    this.abort.abort();
    this.voice.dispose();
  }

  /** Says it in the midst of the stream: what the agent has to say waits meanwhile. */
  protected async speak(text: string): Promise<void> {
    if (this.over || this.goodbye !== undefined || this.transfer) return;
    await this.sayAloud(text);
    if (!this.over && this.goodbye === undefined && this.stream?.open) this.call?.streamOpened();
  }

  protected async leave(goodbye: string, reason: EndReason | undefined): Promise<void> {
    this.watch.stop();
    // While the caller talks to somebody else, nothing of ours is said to them.
    if (goodbye !== '' && this.answered && this.transfer === undefined) {
      await this.sayAloud(goodbye, reason === 'shutdown' ? LAST_WORDS_MS : undefined);
    }
    try {
      await this.command('hangup');
    } catch (err) {
      // That it was over already is confirmation too.
      if (!isOver(err)) this.fail(err);
    }
  }

  protected abandon(): void {
    // Our slot does not wait for that, and it takes 5 s at most.
    this.host?.rest.command(this.id, 'hangup').catch(() => undefined);
  }

  protected async ask(signal: AbortSignal): Promise<EndReason | undefined> {
    const { host } = this;
    if (!host) return undefined;
    if (!(await host.rest.isAlive(this.id, signal))) return this.answered ? 'caller-hangup' : 'canceled';
    if (signal.aborted) return undefined;
    if (this.transfer) await this.askOfLeg(signal);
    else if (this.streamless) await this.startStream(host, signal);
    return undefined;
  }

  protected async streamAnew(): Promise<void> {
    const { host } = this;
    if (!host || this.over || this.goodbye !== undefined || this.transfer) return;
    if (this.stream) this.detach();
    // That the caller was away is no fault of the stream's.
    this.reconnects = 0;
    await this.startStream(host, this.abort.signal);
  }

  /** Telnyx is told to answer, and in the same breath where the stream goes. */
  private async answer(): Promise<void> {
    const { host } = this;
    if (!host) return;
    try {
      await this.command('answer', { ...host.settings().options, ...this.streamFields(host) });
      this.answered = true;
    } catch (err) {
      if (hasEnded(err)) return this.call?.end('canceled');
      this.fail(err);
      this.abandon();
      this.call?.end('carrier-failed');
    }
  }

  /** The call lives and has no stream: another is started. Trying again is the watch's. */
  private async startStream(host: TelnyxCallHost, signal: AbortSignal): Promise<void> {
    if (this.reconnects >= MAX_RECONNECTS) {
      this.fail(streamBroke(MAX_RECONNECTS + 1));
      this.abandon();
      return this.call?.end('stream-failed');
    }
    try {
      await host.rest.command(this.id, 'streaming_start', this.streamFields(host), signal);
      this.reconnects++;
      this.streamless = false;
    } catch (err) {
      if (signal.aborted) return;
      if (isOver(err)) return;
      this.once('streaming_start', () => this.fail(err));
      // Only one stream at a time: Telnyx may not have noticed yet that the last one is gone.
      if (this.streams.size === 0)
        await host.rest.command(this.id, 'streaming_stop', {}, signal).catch(() => undefined);
    }
  }

  /** What Telnyx is told of a new stream, with a fresh token. @param validMs of the token, if not the usual */
  protected streamFields(host: TelnyxCallHost, validMs?: number): Record<string, string> {
    this.streamUrl = `${host.url.replace(/^http/, 'ws')}/media/${host.tokens.issue(this.id, validMs)}`;
    return streamFields(this.streamUrl);
  }

  private async sayAloud(text: string, atMostMs?: number): Promise<void> {
    const { host } = this;
    if (!host) return;
    const said = this.voice.say(() => this.command('speak', speakBody(text, host.settings())), sayMs(text), atMostMs);
    // From here on nothing of ours is played: what the caller has not heard waits.
    this.call?.streamLost();
    this.stream?.clear();
    try {
      await said;
    } catch (err) {
      if (!isOver(err)) this.fail(err);
    }
  }

  private key(digit: string, source: Source): void {
    if (digit === '' || this.goodbye !== undefined || !this.keys.isNew(digit, source)) return;
    // Telnyx tells of keys by webhook though the caller presses them for somebody else.
    if (this.call?.state === 'away') return;
    if (this.begun) return this.onDigit(digit);
    this.earlyKeys.push(digit);
    if (this.earlyKeys.length > MAX_EARLY_KEYS) this.earlyKeys.shift();
  }

  private streamFailed(payload: TelnyxEvent['payload']): void {
    const why = textOf(payload, 'failure_reason') || 'no reason given';
    this.once(`failed ${why}`, () => {
      this.host?.show(why);
      this.fail(noStreamOpens(why));
    });
    // The news of a stream that has been replaced meanwhile.
    const url = asObject(payload.stream_params)?.stream_url;
    if (typeof url === 'string' && url !== this.streamUrl) return;
    // While the caller is with somebody else no stream is wanted.
    if (this.stream?.open || this.over || this.goodbye !== undefined || this.transfer) return;
    this.streamless = true;
    this.watch.start(NO_STREAM_MS, ASK_AFTER_LOSS_MS);
  }

  private onStreamError(error: StreamError): void {
    this.once(`error ${error.code}`, () => {
      this.host?.show(error.title.replaceAll('_', ' '));
      this.fail(streamReports(error));
    });
  }

  protected async command(action: string, body?: Readonly<Record<string, unknown>>): Promise<void> {
    try {
      await this.host?.rest.command(this.id, action, body, this.abort.signal);
    } catch (err) {
      // Cut off by the end of the call: nobody waits for it any more.
      if (!this.over) throw err;
    }
  }

  private fail(err: unknown): void {
    this.host?.fail(asError(err));
  }

  /** The same thing is told once a call. */
  private once(what: string, tell: () => void): void {
    if (this.told.has(what) || this.told.size >= 16) return;
    this.told.add(what);
    tell();
  }
}
