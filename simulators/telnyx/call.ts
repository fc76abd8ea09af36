import { PhoneCall } from '../phone/call';
import { DEFAULT_RING_MS } from '../phone/line';
import { wait } from '../phone/network';
import type { CallOptions, Exchange } from './call-options';
import { callWebhooks } from './call-webhooks';
import { errors } from './errors';
import { initiatedFacts, recordingFacts, streamFacts, webhookFacts } from './facts';
import type { Body } from './fields';
import { TIME_LIMIT, hangupCause, type HangupCause } from './hangup-cause';
import { newCallControlId, newId } from './ids';
import { detect } from './machine-detection';
import { MediaStream } from './media-stream';
import type { CallReport, CommandReport } from './report';
import { Services } from './services';
import type { StreamRequest } from './stream-request';
import type { Webhooks } from './webhooks';

const DEFAULT_RING_TIMEOUT_MS = 30_000;

/** One call as Telnyx sees it: it is what the application's commands make of it, and tells what becomes of it by webhooks. */
export class Call extends PhoneCall<CallReport> {
  readonly callControlId = newCallControlId();
  readonly callLegId = newId();
  readonly callSessionId = newId();
  /** Echoed in all later webhooks; base64. */
  clientState: string | null;
  readonly services: Services;
  readonly commands: CommandReport[] = [];
  private readonly webhooks: Webhooks;
  private readonly life = new AbortController();
  private readonly answering = new AbortController();

  constructor(
    override readonly options: CallOptions,
    private readonly exchange: Exchange,
  ) {
    super(options, options.direction === 'incoming' ? 'ringing' : 'queued', exchange.ticker);
    this.clientState = options.clientState ?? null;
    this.webhooks = callWebhooks(
      options,
      exchange,
      () => this.sinceOffered(),
      (eventType, status) => this.findings.warning(0, `The webhook ${eventType} was answered ${status}, not 200`),
    );
    this.services = new Services({
      from: options.from,
      to: options.to,
      ownNumber: options.direction === 'incoming' ? options.to : options.from,
      archive: exchange.archive,
      recordingError: options.recordingError,
      recordingWithoutId: options.recordingWithoutId ?? false,
      common: () => this.common(),
      recordedCall: () => recordingFacts(this, exchange.connectionId),
      send: (event, payload) => this.webhooks.send(event, payload),
      tap: (tap) => this.tap(tap),
      speak: (words, source, signal) => this.speak(words, source, signal),
      play: (audio, signal) => this.play(audio, 'carrier', signal),
      line: (number) => exchange.line(number),
      now: () => this.now(),
      dialled: (dial) => this.dialled(dial),
      bridged: () => options.bridgeEndsStream && this.stream?.stop(),
      hangUp: (reason) => this.end('completed', 'phone-company', reason),
      signal: this.life.signal,
    });
  }

  get callId(): string {
    return this.callControlId;
  }

  get direction(): CallReport['direction'] {
    return this.options.direction === 'incoming' ? 'inbound' : 'outbound';
  }

  get isAnswered(): boolean {
    return this.answeredDate !== undefined;
  }

  /** Is there a stream, open or being opened? */
  get isStreaming(): boolean {
    return this.stream !== undefined;
  }

  /** Field `webhook_url` of a command. */
  tellAt(webhookUrl: string): void {
    this.webhooks.redirect(webhookUrl);
  }

  /** Command `answer`: the two can hear each other, and a stream is opened if one is asked for. */
  accept(stream: StreamRequest | undefined, record: Body | undefined): void {
    if (this.options.direction !== 'incoming') throw errors.unable('Only an incoming call can be answered.');
    if (this.isAnswered) throw errors.unable('The call has been answered already.');
    this.answered(stream, record);
  }

  /** Command `reject`. */
  reject(cause: string): void {
    if (this.isAnswered || this.options.direction !== 'incoming')
      throw errors.unable('Only an incoming call that is not answered can be rejected.');
    this.end(cause === 'USER_BUSY' ? 'busy' : 'no-answer', 'application', `reject: ${cause}`);
  }

  /** Command `hangup`. */
  drop(): void {
    const status = this.isAnswered ? 'completed' : this.options.direction === 'incoming' ? 'no-answer' : 'canceled';
    this.end(status, 'application', 'hangup');
  }

  /** Command `streaming_start`. */
  openStream(request: StreamRequest): void {
    if (this.isStreaming) throw errors.streamingUsed("This command can't be issued when media streaming is used.");
    if (this.options.refuseStream) return;
    const streamId = newId();
    const { url, customParameters } = request;
    let stopped = false;
    this.follow(
      { streamId, url, customParameters },
      (listener) => {
        const stream = new MediaStream(
          {
            request,
            streamId,
            about: streamFacts(this),
            userId: this.exchange.userId,
            callControlId: this.callControlId,
            resolve: this.exchange.resolve,
            network: this.network,
            findings: this.findings,
            chunkBytes: this.options.chunkBytes,
            framesOutOfOrder: this.options.framesOutOfOrder,
            customParametersKey: this.options.customParametersKey,
            encodingName: this.options.encodingName,
          },
          {
            ...listener,
            audioReceived: (audio) => {
              if (this.services.transfer.isBridged)
                this.findings.warning(0, 'The stream speaks into the conversation of the caller and somebody else');
              listener.audioReceived(audio);
            },
            starting: () => this.tell('streaming.started', { stream_url: url }),
            stopping: () => {
              stopped = true;
              this.tell('streaming.stopped', { stream_url: url });
            },
          },
        );
        stream.open();
        return stream;
      },
      {
        opened: () => {},
        ended: (_how, error) => {
          if (stopped || error === undefined) return;
          this.findings.error(0, `Stream: ${error}`);
          const params = { stream_url: url, stream_track: request.track };
          this.tell('streaming.failed', {
            failure_reason: error,
            stream_id: streamId,
            stream_params: params,
            stream_type: 'websocket',
          });
        },
      },
    );
  }

  /** Command `streaming_stop`; `streamId` as far as it is given. */
  closeStream(streamId: string | undefined): void {
    const { stream } = this;
    if (!(stream instanceof MediaStream) || (streamId !== undefined && streamId !== stream.streamId))
      throw errors.unable('There is no such stream.');
    stream.stop();
  }

  finding(severity: 'error' | 'warning', code: number, message: string): void {
    this.findings[severity](code, message);
  }

  report(): CallReport {
    return {
      ...this.summary(),
      webhooks: this.sinceAnswer(this.webhooks.delivered),
      commands: this.sinceAnswer(this.commands),
      dtmfSent: [...this.services.dtmfSent],
      hangupCause: this.isOver ? this.cause.hangup_cause : undefined,
    };
  }

  protected override press(digit: string): void {
    const { dtmf = 'both' } = this.options;
    if (dtmf !== 'socket') this.tell('call.dtmf.received', { from: this.from, to: this.to, digit });
    if (dtmf === 'webhook') this.emit('digit', digit);
    else super.press(digit);
  }

  protected async run(): Promise<void> {
    if (this.options.direction === 'outgoing') return this.ring();
    this.tell('call.initiated', initiatedFacts(this, 'incoming', this.options.fields));
    await wait(this.options.ringTimeoutMs ?? DEFAULT_RING_TIMEOUT_MS, this.answering.signal);
    if (!this.isAnswered) this.end('canceled', 'caller', 'the call was not answered');
  }

  protected abandon(): void {
    this.life.abort();
    this.answering.abort();
  }

  /** `streaming.stopped`, then `call.hangup`, then the last words and the recordings. */
  protected async tellOfEnd(): Promise<void> {
    const { from, to } = this;
    this.tell('call.hangup', {
      from,
      to,
      start_time: this.createdAt.toISOString(),
      end_time: this.endedDate?.toISOString(),
      state: 'hangup',
      ...this.cause,
    });
    this.services.transcription.end();
    this.services.recordings.end();
    await this.webhooks.settled();
  }

  private async ring(): Promise<void> {
    const { ringTimeoutMs = DEFAULT_RING_TIMEOUT_MS, detection, timeLimitMs } = this.options;
    const line = this.exchange.line(this.to);
    const { outcome = 'answer', ringMs = DEFAULT_RING_MS } = line;
    const { signal } = this.life;
    // The answer to the dial is sent before anything happens.
    await wait(1, signal);
    if (this.isOver) return;
    this.status = 'ringing';
    this.tell('call.initiated', initiatedFacts(this, 'outgoing', this.options.fields));
    if (outcome !== 'failed') await wait(Math.min(ringMs, ringTimeoutMs), signal);
    if (this.isOver) return;
    if (outcome !== 'answer' || ringMs > ringTimeoutMs) {
      const status = outcome === 'answer' ? 'no-answer' : outcome;
      return this.end(status, 'phone-company', `${status} at ${this.to}`);
    }
    this.answered(this.options.stream, this.options.record);
    if (detection !== undefined && detection.mode !== 'disabled') {
      const { from, to } = this;
      void detect(detection, this, line, (event, more) => this.tell(event, { from, to, ...more }), signal);
    }
    if (timeLimitMs === undefined) return;
    await wait(timeLimitMs, signal);
    this.end('completed', 'phone-company', TIME_LIMIT);
  }

  private answered(stream: StreamRequest | undefined, record: Body | undefined): void {
    this.answer();
    this.answering.abort();
    const { from, to } = this;
    this.tell('call.answered', { from, to, start_time: this.createdAt.toISOString(), state: 'answered' });
    if (stream) this.openStream(stream);
    if (record) this.services.recordings.start(record, this.options.recordingId);
  }

  private get network(): NonNullable<CallOptions['network']> {
    return this.options.network ?? this.exchange.network;
  }

  private get cause(): HangupCause {
    const { direction } = this.options;
    const { isAnswered: wasAnswered, status, endedBy: by = 'phone-company', reason } = this;
    return hangupCause({ direction, wasAnswered, status, by, reason });
  }

  /** What each webhook says of the call. */
  private common(): Body {
    return webhookFacts(this, this.exchange.connectionId);
  }

  private tell(event: string, more: Body): void {
    this.webhooks.send(event, { ...this.common(), ...more });
  }
}
