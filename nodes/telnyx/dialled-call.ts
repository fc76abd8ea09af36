import type { Call } from '../call/call';
import { FIRST_ASK_MS, NO_STREAM_MS } from '../call/carrier-call';
import { DialProgress, statusOfEnd } from '../call/dial-status';
import type { DialStatus } from '../call/dial-status';
import { asError, ProviderError } from '../call/errors';
import { registry } from '../call/heart';
import { copyCall } from '../call/message';
import type { CallInfo, EndReason } from '../call/message';
import { hangupReason } from './hangup-cause';
import { answeredBy } from './machine-detection';
import { TelnyxCall } from './telnyx-call';
import type { TelnyxCallHost } from './telnyx-call';
import type { TelnyxEvent } from './webhook';

/** The news that nobody answered may take so long after the ringing has ended, ms; then we hang up. */
const RING_SPARE_MS = 5_000;
/** Between the answer and the upgrade of the media socket, ms: as long as a token usually is valid. */
const UPGRADE_MS = 15_000;

/** What Telnyx is asked, once the stream's fields are known. @returns the `call_control_id` */
export type Dial = (stream: Record<string, string>, call: Call) => Promise<string>;

/**
 * A call that we dial. It takes its line before Telnyx has named it: until then it goes by an id of ours, which each webhook
 * carries too. It is answered by the other side, or it is not; then it is over with that.
 */
export class DialledCall extends TelnyxCall {
  private named = false;
  /** Settled when it has a name, or Telnyx has refused it one. Never rejects. */
  private placing: Promise<void> = Promise.resolve();
  private nameKnown: () => void = () => undefined;
  private readonly progress = new DialProgress();
  private ringing: NodeJS.Timeout | undefined;
  private announced: Record<string, unknown> = {};

  /**
   * @param dialId what we call it until Telnyx does
   * @param ringMs how long it may ring, ms
   * @param left told when it is over; what has no name then may still be a call at Telnyx that nobody here knows
   */
  constructor(
    readonly dialId: string,
    private readonly ringMs: number,
    private readonly left: (call: DialledCall) => void,
  ) {
    super({ callControlId: dialId, raw: {} });
  }

  override attach(call: Call, host: TelnyxCallHost): void {
    super.attach(call, host);
    // No stream is expected before somebody answers.
    this.watch.stop();
    this.ringing = setTimeout(() => this.nobodyAnswers(), this.ringMs + RING_SPARE_MS);
  }

  /** Has it a name at Telnyx? */
  get isNamed(): boolean {
    return this.named;
  }

  /**
   * Dials. @returns the call as it is named now
   * @throws ProviderError: Telnyx did not take it, or it was given up meanwhile; it is over then
   */
  async place(dial: Dial): Promise<CallInfo> {
    const { call, host } = this;
    if (!call || !host) throw new Error('A call is dialled when it is attached.');
    const byWebhook = new Promise<void>((resolve) => (this.nameKnown = resolve));
    const byAnswer = dial(this.streamFields(host, this.ringMs + RING_SPARE_MS + UPGRADE_MS), call).then((id) =>
      this.goBy(id),
    );
    // Whichever is faster: the answer to the dial may be lost, and the call is there all the same.
    const placed = Promise.race([byAnswer, byWebhook]);
    this.placing = placed.catch(() => undefined);
    try {
      await placed;
    } catch (err) {
      this.finish('carrier-failed', { error: asError(err).message });
      throw err;
    }
    // It may be over by now: a number that nobody has. It was placed all the same.
    if (this.goodbye === undefined) return copyCall(call.info);
    throw new ProviderError('telnyx', 'carrier', 'the call was given up before it was placed', { advice: '.' });
  }

  override event(event: TelnyxEvent): void {
    const { type, payload, raw } = event;
    this.goBy(event.callControlId);
    if (type === 'call.initiated' || type === 'call.answered') this.announced = raw;
    if (type === 'call.initiated') return this.tell('ringing', raw);
    if (type === 'call.hangup' && !this.answered) return this.unanswered(payload, raw);
    if (type === 'call.answered') this.onAnswered(raw);
    super.event(event);
    const found = answeredBy(event);
    if (!found) return;
    this.call?.emit('call.answered-by', { ...found, raw });
    // A machine does not listen: what is being said to it is cut off.
    if (found.by === 'machine' && found.state === 'detected') this.call?.playback.interrupt(undefined, 'machine');
  }

  protected override get offered(): Record<string, unknown> {
    return this.announced;
  }

  protected override streamBegan(): void {
    // The webhook of the answer may come later than the stream, or never.
    if (!this.answered) this.pickedUp({});
    super.streamBegan();
  }

  protected override release(): void {
    clearTimeout(this.ringing);
    // The stream's token was issued for the name that it had then.
    this.host?.tokens.revoke(this.dialId);
    this.left(this);
    super.release();
  }

  protected override async leave(goodbye: string, reason: EndReason | undefined): Promise<void> {
    clearTimeout(this.ringing);
    if (!this.answered) this.tell(statusOfEnd(reason ?? 'canceled'), {});
    // What has no name yet cannot be hung up.
    await this.placing;
    if (this.named) await super.leave(goodbye, reason);
  }

  protected override abandon(): void {
    if (this.named) super.abandon();
  }

  /** Telnyx has named it: by its answer, or by a webhook that was faster. */
  private goBy(callControlId: string): void {
    if (this.named) return;
    this.named = true;
    this.id = callControlId;
    if (this.call && !this.over) registry.rename(this.call, callControlId);
    this.nameKnown();
  }

  private onAnswered(raw: Record<string, unknown>): void {
    if (this.answered) return;
    this.pickedUp(raw);
    if (!this.stream) this.watch.start(NO_STREAM_MS, FIRST_ASK_MS);
  }

  private pickedUp(raw: Record<string, unknown>): void {
    this.answered = true;
    clearTimeout(this.ringing);
    // Nobody could say a word while it rang.
    this.call?.noteWords();
    this.tell('answered', raw);
  }

  private unanswered(payload: TelnyxEvent['payload'], raw: Record<string, unknown>): void {
    const reason = hangupReason(payload, 'outbound');
    // The other side hung up without answering: it does not want the call.
    this.finish(reason === 'caller-hangup' ? 'rejected' : reason === 'agent-hangup' ? 'canceled' : reason, raw);
  }

  /** It rang, and no news came of it. */
  private nobodyAnswers(): void {
    this.abandon();
    this.finish('no-answer', {});
  }

  private finish(reason: EndReason, raw: Record<string, unknown>): void {
    this.tell(statusOfEnd(reason), raw);
    this.call?.end(reason);
  }

  private tell(status: DialStatus, raw: Record<string, unknown>): void {
    if (!this.over && this.progress.advance(status)) this.call?.emit('call.status', { status, raw });
  }
}
