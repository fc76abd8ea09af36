import type { CarriedCall } from '../call/carried-call';
import { FIRST_ASK_MS, NO_STREAM_MS } from '../call/carrier/call';
import { DialAttempt } from '../call/dial/attempt';
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
export type Dial = (stream: Record<string, string>, call: CarriedCall) => Promise<string>;

/**
 * A call that we dial. It takes its line before Telnyx has named it: until then it goes by an id of ours, which each webhook
 * carries too. It is answered by the other side, or it is not; then it is over with that.
 */
export class DialledCall extends TelnyxCall {
  private readonly attempt: DialAttempt;
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
    this.attempt = new DialAttempt(dialId, {
      provider: 'telnyx',
      ringMs,
      spareMs: RING_SPARE_MS,
      name: (id) => this.goBy(id),
      isGivenUp: () => this.goodbye !== undefined,
      isOver: () => this.over,
      abandon: () => this.abandon(),
    });
  }

  override attach(call: CarriedCall, host: TelnyxCallHost): void {
    super.attach(call, host);
    // No stream is expected before somebody answers.
    this.watch.stop();
    this.attempt.attach(call);
  }

  /** Has it a name at Telnyx? */
  get isNamed(): boolean {
    return this.attempt.isNamed;
  }

  /** Dials, as `DialAttempt.place`. */
  place(dial: Dial): Promise<CallInfo> {
    return this.attempt.place((call) => {
      const { host } = this;
      if (!host) throw new Error('A call is dialled when it is attached.');
      return dial(this.streamFields(host, this.ringMs + RING_SPARE_MS + UPGRADE_MS), call);
    });
  }

  override event(event: TelnyxEvent): void {
    const { type, payload, raw } = event;
    this.attempt.goBy(event.callControlId);
    if (type === 'call.initiated' || type === 'call.answered') this.announced = raw;
    if (type === 'call.initiated') return this.attempt.rings(raw);
    if (type === 'call.hangup' && !this.answered) return this.unanswered(payload, raw);
    if (type === 'call.answered') this.onAnswered(raw);
    super.event(event);
    const found = answeredBy(event);
    if (found) this.call?.emit('call.answered-by', { ...found, raw });
  }

  protected override get offered(): Record<string, unknown> {
    return this.announced;
  }

  protected override streamBegan(): void {
    // The webhook of the answer may come later than the stream, or never.
    if (!this.answered) this.pickUp({});
    super.streamBegan();
  }

  protected override release(): void {
    this.attempt.release();
    // The stream's token was issued for the name that it had then.
    this.host?.tokens.revoke(this.dialId);
    this.left(this);
    super.release();
  }

  protected override async leave(goodbye: string, reason: EndReason | undefined): Promise<void> {
    if (await this.attempt.isToBeEnded(reason)) await super.leave(goodbye, reason);
  }

  protected override abandon(): void {
    if (this.attempt.isNamed) super.abandon();
  }

  private onAnswered(raw: Record<string, unknown>): void {
    if (this.pickUp(raw) && !this.stream) this.watch.start(NO_STREAM_MS, FIRST_ASK_MS);
  }

  private pickUp(raw: Record<string, unknown>): boolean {
    this.answered = true;
    return this.attempt.pickedUp(raw);
  }

  private unanswered(payload: TelnyxEvent['payload'], raw: Record<string, unknown>): void {
    const reason = hangupReason(payload, 'outbound');
    // The other side hung up without answering: it does not want the call.
    this.attempt.finish(reason === 'caller-hangup' ? 'rejected' : reason === 'agent-hangup' ? 'canceled' : reason, raw);
  }
}
