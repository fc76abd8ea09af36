import { randomUUID } from 'node:crypto';
import { CarrierCall, NO_STREAM_MS } from '../call/carrier/call';
import type { CarrierHost } from '../call/carrier/call';
import type { TransferOrder, TransferOutcome } from '../call/carrier/control';
import type { EndReason } from '../call/message';
import { hangupReason } from './hangup-cause';
import { legState, readLegEnd } from './legs';
import type { LegEnd, Legs } from './legs';
import type { TelnyxStream } from './media-stream';
import type { TelnyxRest } from './rest';
import type { TelnyxEvent } from './webhook';

/** How long Telnyx may let it ring, s, and how long two may talk, s (contracts/telnyx.md, section 3.2). */
const RING_S = { min: 5, max: 600 };
const TALK_S = { min: 30, max: 14_400 };
/** When the caller has hung up on whoever they talked to, that is told of their own leg too, in so long, ms; then Telnyx is asked. */
const OWN_END_MS = 500;

/** What a call needs of its desk to be transferred. */
export interface TransferHost extends CarrierHost {
  readonly rest: TelnyxRest;
  readonly legs: Legs;
}

/** The other side of a transfer. */
interface Leg {
  id: string;
  /** What Telnyx calls it, as soon as it has said so. */
  callControlId: string | undefined;
  /** How it ended, if that leaves open whether the caller is still there. */
  ended: LegEnd | undefined;
}

/**
 * A call of Telnyx's that can be put through to somebody else. Telnyx dials a second leg and tells of it by webhooks of its own;
 * the caller's leg says nothing of a transfer that fails, it is just ours as before. Where it is to come back after a talk it is
 * parked when the two part (`park_after_unbridge`), and takes a new stream.
 */
export abstract class TransferringCall<Host extends TransferHost> extends CarrierCall<TelnyxStream, Host> {
  private leg: Leg | undefined;
  /** Settled when all has been asked for that a transfer needs. */
  private asking: Promise<void> = Promise.resolve();

  protected abstract command(action: string, body?: Readonly<Record<string, unknown>>): Promise<void>;
  /** The caller is here again and needs a stream. Never rejects. */
  protected abstract streamAnew(): Promise<void>;

  /** An event of the leg that was dialled. They come in any order, each once. */
  legEvent({ type, callControlId, payload }: TelnyxEvent): void {
    const { leg } = this;
    if (!leg) return;
    leg.callControlId = callControlId;
    if (type === 'call.answered' || type === 'call.bridged') this.transferAnswered ||= this.transfer !== undefined;
    else if (type === 'call.hangup') this.legEnded(leg, readLegEnd(payload));
  }

  /** The caller's own `call.bridged`. */
  protected onBridged(): void {
    this.transferAnswered ||= this.transfer !== undefined;
  }

  protected transferTo(order: TransferOrder): Promise<void> {
    const { host } = this;
    if (!host) return Promise.reject(new Error('A call is transferred when it is attached.'));
    const leg: Leg = { id: `leg-${randomUUID()}`, callControlId: undefined, ended: undefined };
    this.leg = leg;
    host.legs.add(leg.id, this);
    const asked = this.putThrough(order, () => this.askFor(order, leg)).catch((err: unknown) => {
      host.legs.abandon(leg.id);
      if (this.leg === leg) this.leg = undefined;
      throw err;
    });
    this.asking = asked.catch(() => undefined);
    return asked;
  }

  /** Why the call is over, by its `call.hangup`. */
  protected endOf(payload: TelnyxEvent['payload'], direction: 'inbound' | 'outbound'): EndReason {
    const reason = hangupReason(payload, direction);
    // Telnyx ends the caller's leg itself when the called party has hung up, and says that it was our side.
    const byTelnyx = reason === 'agent-hangup' && this.transfer !== undefined && this.transferAnswered;
    return byTelnyx ? 'transferred' : this.reasonOf(reason);
  }

  /** The call lives, and a transfer is under way: is it over, and nobody has told us? */
  protected async askOfLeg(signal: AbortSignal): Promise<void> {
    const { leg, host } = this;
    // It counted as failed, and then the stream was lost: so it looked as if it had been carried out after all.
    if (!leg || !host) return this.bringBack('failed');
    if (leg.ended) return this.bringBack(leg.ended.unanswered);
    if (leg.callControlId === undefined || (await host.rest.isAlive(leg.callControlId, signal))) return;
    if (this.leg === leg) this.legEnded(leg, { unanswered: 'failed', talked: false, byCaller: false });
  }

  protected override release(): void {
    if (this.leg) this.host?.legs.left(this.leg.id);
    this.leg = undefined;
  }

  private async askFor(order: TransferOrder, leg: Leg): Promise<void> {
    try {
      await this.command('transfer', this.body(order, leg));
    } catch (err) {
      // Only the answer was lost, if the leg has been heard of.
      if (leg.callControlId === undefined) throw err;
    }
    // Not before: if Telnyx refuses, the conversation just goes on. A stream that stayed would carry what the two say to each other.
    if (this.stream?.open && !this.over) await this.command('streaming_stop').catch(() => undefined);
  }

  private body({ to, callerId, ringMs, limitMs, afterwards }: TransferOrder, leg: Leg): Record<string, unknown> {
    const info = this.call?.info;
    return {
      to,
      from: callerId ?? (info?.direction === 'outbound' ? info.from : info?.to),
      timeout_secs: within(ringMs, RING_S),
      time_limit_secs: within(limitMs, TALK_S),
      target_leg_client_state: legState(leg.id),
      ...(afterwards === 'back' && { park_after_unbridge: 'self' }),
    };
  }

  private legEnded(leg: Leg, end: LegEnd): void {
    const { transfer, host } = this;
    host?.legs.left(leg.id);
    if (!transfer || this.over || this.goodbye !== undefined) return;
    this.transferAnswered ||= end.talked;
    if (this.transferAnswered && transfer.afterwards === 'end') {
      // Telnyx hangs up by itself; whether it does is not waited for.
      this.abandon();
      return this.call?.end('transferred');
    }
    if (!end.byCaller) return this.bringBack(end.unanswered);
    leg.ended = end;
    this.watch.start(NO_STREAM_MS, OWN_END_MS);
  }

  private bringBack(unanswered: TransferOutcome): void {
    const outcome = this.transferAnswered ? 'completed' : unanswered;
    this.leg = undefined;
    if (this.transfer && this.comesBack(outcome)) void this.asking.then(() => this.streamAnew());
  }
}

/** ms as whole seconds that Telnyx takes. */
function within(ms: number, { min, max }: { min: number; max: number }): number {
  return Math.min(max, Math.max(min, Math.ceil(ms / 1_000)));
}
