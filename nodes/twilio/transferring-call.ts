import { CarrierCall, FIRST_ASK_MS, NO_STREAM_MS } from '../call/carrier/call';
import type { CarrierHost } from '../call/carrier/call';
import type { TransferOrder, TransferOutcome } from '../call/carrier/control';
import type { TwilioAccount } from './account';
import type { MediaStream } from './media-stream';
import type { RestForm, TwilioRest } from './rest';
import { dial, hangup } from './twiml';

/** What Twilio lets a phone ring when a caller is put through, s (contracts/twilio.md, section 3.3), and how long two talk at most, s. */
const SHORTEST_RING_S = 5;
const LONGEST_RING_S = 600;
const LONGEST_TALK_S = 14_400;

/** How a `<Dial>` came out, in our words: all but that the two have talked (section 10.5). */
const OUTCOMES = new Map<string, TransferOutcome>([
  ['busy', 'busy'],
  ['no-answer', 'no-answer'],
  ['failed', 'failed'],
  ['canceled', 'canceled'],
]);

type Params = Readonly<Record<string, string>>;

/** What a call needs of the `twilio-in` that it came to. */
export interface TwilioCallHost extends CarrierHost {
  readonly rest: TwilioRest;
}

/** A call at Twilio that is put through by `<Dial>`: the stream ends, and when the dial is over Twilio asks `next`. */
export abstract class TransferringCall extends CarrierCall<MediaStream, TwilioCallHost> {
  /**
   * @param webhook parameters of the request that offered the call
   * @param account as it was then: what Twilio was told then may be signed by it
   */
  constructor(
    callSid: string,
    protected webhook: Params,
    readonly account: TwilioAccount,
  ) {
    super(callSid);
  }

  get callSid(): string {
    return this.id;
  }

  /** The TwiML that connects the caller to us. */
  abstract twiml(): string;

  /**
   * What became of the called party, of whom the caller knows before we do.
   * @param status `CallStatus` of that leg
   */
  leg(status: string | undefined): void {
    if (!this.transfer) return;
    if (status === 'in-progress') this.transferAnswered = true;
    else if (this.call?.state === 'away') {
      // The two have parted. If it was the caller who hung up, nobody may ask `next`.
      this.watch.start(NO_STREAM_MS, FIRST_ASK_MS);
    }
  }

  protected transferTo(order: TransferOrder): Promise<void> {
    return this.putThrough(order, () => this.update({ Twiml: this.dialVerb(order) }));
  }

  /** The request that comes when a `<Dial>` is over says whether the two were connected; one may be `completed` without. */
  protected noteTalk({ DialCallStatus: status, DialBridged: bridged }: Params): void {
    if (!this.transfer || bridged === 'false') return;
    if (status === 'completed' || status === 'answered') this.transferAnswered = true;
  }

  /**
   * The `<Dial>` is over and the caller is still there.
   * @param dialled `DialCallStatus`
   * @returns what Twilio is to do; undefined where none was under way
   */
  protected transferOver(dialled: string | undefined): string | undefined {
    if (dialled === undefined) return undefined;
    const { transfer } = this;
    if (transfer && this.transferAnswered && transfer.afterwards === 'end') {
      this.call?.end('transferred');
      return hangup();
    }
    const outcome = this.transferAnswered ? 'completed' : (OUTCOMES.get(dialled) ?? 'failed');
    return this.comesBack(outcome) ? this.twiml() : undefined;
  }

  protected resource(below: string, form: RestForm): Promise<string> {
    const { host } = this;
    if (!host) return Promise.reject(new Error('The call is not attached.'));
    return host.rest.callResource(this.accountSid, this.callSid, below, form);
  }

  protected update(fields: RestForm, timeoutMs?: number): Promise<void> {
    return this.host?.rest.updateCall(this.accountSid, this.callSid, fields, timeoutMs) ?? Promise.resolve();
  }

  protected get accountSid(): string {
    return this.webhook.AccountSid ?? this.account.accountSid;
  }

  protected nextUrl(host: TwilioCallHost): string {
    return `${host.url}/next/${this.callSid}`;
  }

  private dialVerb({ to, callerId, ringMs, limitMs }: TransferOrder): string {
    const { host, call } = this;
    if (!host || !call) throw new Error('The call is not attached.');
    const { direction, from, to: called } = call.info;
    return dial({
      to,
      callerId: callerId ?? (direction === 'inbound' ? called : from),
      timeout: Math.min(LONGEST_RING_S, Math.max(SHORTEST_RING_S, Math.ceil(ringMs / 1_000))),
      timeLimit: Math.min(LONGEST_TALK_S, Math.max(1, Math.ceil(limitMs / 1_000))),
      next: this.nextUrl(host),
      legStatus: `${host.url}/leg/${this.callSid}`,
    });
  }
}
