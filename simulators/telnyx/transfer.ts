import { DEFAULT_RING_MS, DEFAULT_TALK_MS, type LineBehaviour } from '../phone/line';
import { wait } from '../phone/network';
import type { DialReport } from '../phone/report';
import { errors } from './errors';
import { number, text, type Body } from './fields';
import { newCallControlId, newId } from './ids';

const DEFAULT_TIMEOUT_S = 30;

/** What a transfer needs of its call. */
export interface TransferHost {
  /** The number on the application's side: what the called party sees unless told otherwise. */
  readonly ownNumber: string;
  /** What each webhook says of the caller's leg. */
  common(): Body;
  readonly from: string;
  tell(event: string, payload: Body): void;
  line(number: string): LineBehaviour;
  /** ms since the call was answered. */
  now(): number;
  dialled(dial: DialReport): void;
  /** The called party says this to the caller. */
  speak(words: string, signal: AbortSignal): Promise<void>;
  hangUp(reason: string): void;
  /** The two are put together. */
  bridged(): void;
  /** Aborts at the end of the call. */
  readonly signal: AbortSignal;
}

/**
 * Command `transfer`: a second leg is dialled, and bridged with the caller when it is answered. Its webhooks carry its own
 * `call_control_id` and the caller's `call_session_id`; no webhook of the caller's leg says that a transfer has failed. Then the caller
 * is with the application as before. When the called party hangs up, the caller's leg ends too, unless it was to be parked:
 * then it takes commands again, `streaming_start` among them.
 */
export class Transfer {
  private under = false;
  private talking = false;

  constructor(private readonly host: TransferHost) {}

  /** Are the two talking with each other? */
  get isBridged(): boolean {
    return this.talking && !this.host.signal.aborted;
  }

  start(body: Body): void {
    if (this.under) throw errors.unable('The call is being transferred already.');
    this.under = true;
    void this.carryOut(body).finally(() => (this.under = false));
  }

  private async carryOut(body: Body): Promise<void> {
    const { host } = this;
    const to = text(body, 'to') ?? '';
    const from = text(body, 'from') ?? host.ownNumber;
    const leg = {
      call_control_id: newCallControlId(),
      call_leg_id: newId(),
      client_state: text(body, 'target_leg_client_state') ?? null,
    };
    const common = (): Body => ({ ...host.common(), ...leg, from, to });
    const report: DialReport = {
      to,
      callId: leg.call_control_id,
      callerId: from,
      atMs: host.now(),
      status: 'failed',
      talkedMs: 0,
    };
    host.dialled(report);
    host.tell('call.initiated', { ...common(), direction: 'outgoing', state: 'bridging' });
    const cause = await this.ringAndTalk(report, body, common);
    this.talking = false;
    host.tell('call.hangup', { ...common(), state: 'hangup', ...cause });
    if (report.talkedMs === 0 || host.signal.aborted) return;
    if (text(body, 'park_after_unbridge') !== 'self') host.hangUp('the called party hung up');
  }

  private async ringAndTalk(report: DialReport, body: Body, common: () => Body): Promise<Body> {
    const { host } = this;
    const { signal } = host;
    const { outcome = 'answer', ringMs = DEFAULT_RING_MS, talkMs = DEFAULT_TALK_MS, says } = host.line(report.to);
    const timeoutMs = 1000 * (number(body, 'timeout_secs') ?? DEFAULT_TIMEOUT_S);
    const limitMs = 1000 * (number(body, 'time_limit_secs') ?? Infinity);
    if (outcome !== 'failed') await wait(Math.min(ringMs, timeoutMs), signal);
    if (signal.aborted) {
      report.status = 'canceled';
      return { hangup_cause: 'originator_cancel', hangup_source: 'caller', sip_hangup_cause: '487' };
    }
    if (outcome !== 'answer' || ringMs > timeoutMs) {
      report.status = outcome === 'answer' ? 'no-answer' : outcome;
      const [cause, sip] = {
        busy: ['user_busy', '486'],
        'no-answer': ['timeout', '408'],
        failed: ['not_found', '404'],
      }[report.status] as [string, string];
      return { hangup_cause: cause, hangup_source: 'callee', sip_hangup_cause: sip };
    }
    this.talking = true;
    const answeredAt = host.now();
    host.tell('call.answered', { ...common(), state: 'answered' });
    host.tell('call.bridged', common());
    host.tell('call.bridged', { ...host.common(), from: host.from, to: host.ownNumber });
    host.bridged();
    if (says) await host.speak(says, signal);
    await wait(Math.min(talkMs, limitMs) - (host.now() - answeredAt), signal);
    report.talkedMs = Math.max(1, host.now() - answeredAt);
    report.status = 'completed';
    if (!signal.aborted && report.talkedMs >= limitMs)
      return { hangup_cause: 'time_limit', hangup_source: 'unknown', sip_hangup_cause: '200' };
    const who = signal.aborted ? 'caller' : 'callee';
    return { hangup_cause: 'normal_clearing', hangup_source: who, sip_hangup_cause: '200' };
  }
}
