import type { EndReason } from '../call/message';

/** The states of a call that has ended (contracts/twilio.md, section 10.1), and what they are in our words. */
const REASONS = new Map<string, EndReason>([
  ['completed', 'caller-hangup'],
  ['busy', 'busy'],
  ['failed', 'carrier-failed'],
  ['no-answer', 'no-answer'],
  ['canceled', 'canceled'],
]);

/** Why a call is over, by its `CallStatus`; undefined for one after which something may come. */
export function endReasonOf(status: string | undefined): EndReason | undefined {
  return status === undefined ? undefined : REASONS.get(status);
}
