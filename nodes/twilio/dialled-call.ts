import type { CarriedCall } from '../call/carried-call';
import { FIRST_ASK_MS, NO_STREAM_MS } from '../call/carrier/call';
import { DialAttempt } from '../call/dial/attempt';
import type { CallInfo, EndReason } from '../call/message';
import type { TwilioAccount } from './account';
import { endReasonOf } from './call-status';
import { answeredBy } from './machine-detection';
import type { TwilioCallHost } from './transferring-call';
import { TwilioCall } from './twilio-call';
import { hangup } from './twiml';

/** Twilio itself lets it ring some 5 s longer (contracts/twilio.md, section 9.1); then we hang up, ms. */
const RING_SPARE_MS = 10_000;

/**
 * A call that we dial. When it is answered Twilio asks for TwiML, which connects whoever answered to us; until then it is told how it stands.
 */
export class DialledCall extends TwilioCall {
  private readonly attempt: DialAttempt;
  private readonly found = new Set<string>();

  /**
   * @param dialId what we call it until Twilio does
   * @param ringMs how long it may ring, ms
   * @param left told when it is over; what has no name then may still be a call at Twilio that nobody here knows
   */
  constructor(
    readonly dialId: string,
    account: TwilioAccount,
    ringMs: number,
    private readonly left: (call: DialledCall) => void,
  ) {
    super(dialId, {}, account);
    this.attempt = new DialAttempt(dialId, {
      provider: 'twilio',
      ringMs,
      spareMs: RING_SPARE_MS,
      name: (id) => this.goBy(id),
      isGivenUp: () => this.goodbye !== undefined,
      isOver: () => this.over,
      abandon: () => this.abandon(),
    });
  }

  /** Has it a name at Twilio? */
  get isNamed(): boolean {
    return this.attempt.isNamed;
  }

  override attach(call: CarriedCall, host: TwilioCallHost): void {
    super.attach(call, host);
    // No stream is expected before somebody answers.
    this.watch.stop();
    this.attempt.attach(call);
  }

  /** Dials, as `DialAttempt.place`. */
  place(dial: (call: CarriedCall) => Promise<string>): Promise<CallInfo> {
    return this.attempt.place(dial);
  }

  /** Somebody has answered: the TwiML that connects them to us. */
  pickUp(params: Readonly<Record<string, string>>): string {
    this.attempt.goBy(params.CallSid ?? '');
    // A repeated request, or one for a fallback, may come when all is over.
    if (endReasonOf(params.CallStatus)) return this.next(params);
    if (this.over || !this.host) return hangup();
    this.webhook = params;
    this.answered(params);
    return this.twiml();
  }

  /** Twilio tells how the call stands; reports come late, twice and out of order. */
  status(params: Readonly<Record<string, string>>): void {
    this.attempt.goBy(params.CallSid ?? '');
    const { CallStatus: status } = params;
    const raw = { ...params };
    if (status === 'ringing') return this.attempt.rings(raw);
    if (status === 'in-progress') return this.answered(params);
    const reason = endReasonOf(status);
    if (reason === undefined) return;
    // Only what was answered is completed.
    if (status === 'completed') this.attempt.pickedUp(raw);
    if (this.attempt.answered) this.next(params);
    else this.attempt.finish(reason, raw);
  }

  /** Twilio has found out who has answered. */
  detected(params: Readonly<Record<string, string>>): void {
    this.attempt.goBy(params.CallSid ?? '');
    const found = answeredBy(params.AnsweredBy);
    if (!found || this.over || this.found.has(found.state)) return;
    this.found.add(found.state);
    this.call?.emit('call.answered-by', { ...found, raw: { ...params } });
  }

  protected override release(): void {
    this.attempt.release();
    // The stream's token may have been issued for the name that it had then.
    this.host?.tokens.revoke(this.dialId);
    this.left(this);
    super.release();
  }

  protected override async leave(goodbye: string, reason: EndReason | undefined): Promise<void> {
    const wasAnswered = this.attempt.answered;
    // Nobody is there to hear a goodbye while it rings.
    if (await this.attempt.isToBeEnded(reason)) await super.leave(wasAnswered ? goodbye : '', reason);
  }

  protected override abandon(): void {
    if (this.attempt.isNamed) super.abandon();
  }

  private answered(params: Readonly<Record<string, string>>): void {
    if (this.attempt.pickedUp({ ...params }) && !this.stream) this.watch.start(NO_STREAM_MS, FIRST_ASK_MS);
  }
}
