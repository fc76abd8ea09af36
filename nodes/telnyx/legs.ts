import type { TransferOutcome } from '../call/carrier/control';
import { RecentKeys } from '../call/recent';
import { textOf } from './webhook';
import type { TelnyxEvent } from './webhook';

/** Legs of transfers that count as failed here, and that Telnyx may have dialled all the same. */
const ABANDONED_REMEMBERED = 1_024;

/** Whoever a leg's events are told to. */
export interface LegOwner {
  legEvent(event: TelnyxEvent): void;
}

/** The legs that Telnyx dials when calls of one desk are transferred: each webhook of theirs carries the name that we gave them. */
export class Legs {
  private readonly owners = new Map<string, LegOwner>();
  private readonly abandoned = new RecentKeys(ABANDONED_REMEMBERED);

  /** How many transfers are under way. */
  get size(): number {
    return this.owners.size;
  }

  add(legId: string, owner: LegOwner): void {
    this.owners.set(legId, owner);
  }

  /** It is over. */
  left(legId: string): void {
    this.owners.delete(legId);
  }

  /** Telnyx did not say that it has taken the transfer: should it have done so, the leg is to be hung up. */
  abandon(legId: string): void {
    if (this.owners.delete(legId)) this.abandoned.add(legId);
  }

  ownerOf({ payload }: TelnyxEvent): LegOwner | undefined {
    return this.owners.get(legIdOf(payload) ?? '');
  }

  isAbandoned({ payload }: TelnyxEvent): boolean {
    const legId = legIdOf(payload);
    return legId !== undefined && this.abandoned.has(legId);
  }
}

/** What goes out as `target_leg_client_state` and comes back with all that is told of the leg. */
export function legState(legId: string): string {
  return Buffer.from(legId).toString('base64');
}

function legIdOf(payload: Readonly<Record<string, unknown>>): string | undefined {
  const state = payload.client_state;
  if (typeof state !== 'string' || state.length > 100) return undefined;
  const text = Buffer.from(state, 'base64').toString('latin1');
  return /^leg-[0-9a-f-]{36}$/.test(text) ? text : undefined;
}

/** How a leg ended, by its `call.hangup` (contracts/telnyx.md, section 3.1). */
export interface LegEnd {
  /** What became of it if it was never answered. */
  unanswered: TransferOutcome;
  /** Two have talked: news that somebody has answered may come later than this. */
  talked: boolean;
  /** It was the caller, or we for them, who hung up: they are probably not there any more. */
  byCaller: boolean;
}

const OUTCOMES = new Map<string, TransferOutcome>([
  ['user_busy', 'busy'],
  // They saw it ring, and did not want it.
  ['call_rejected', 'busy'],
  ['timeout', 'no-answer'],
  ['no_answer', 'no-answer'],
  ['originator_cancel', 'canceled'],
]);

export function readLegEnd(payload: Readonly<Record<string, unknown>>): LegEnd {
  const cause = textOf(payload, 'hangup_cause');
  const talked = cause === 'normal_clearing' || cause === 'time_limit';
  return {
    unanswered: OUTCOMES.get(cause) ?? 'failed',
    talked,
    byCaller: cause === 'originator_cancel' || (talked && payload.hangup_source === 'caller'),
  };
}
