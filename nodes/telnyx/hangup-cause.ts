import type { CallInfo, EndReason } from '../call/message';
import { textOf } from './webhook';

/** What Telnyx's causes are in our words (contracts/telnyx.md, section 3.1). */
const REASONS = new Map<string, EndReason>([
  ['normal_clearing', 'caller-hangup'],
  ['call_rejected', 'rejected'],
  ['originator_cancel', 'canceled'],
  ['time_limit', 'max-duration'],
  ['timeout', 'no-answer'],
  ['no_answer', 'no-answer'],
  ['user_busy', 'busy'],
  ['not_found', 'carrier-failed'],
  ['unspecified', 'carrier-failed'],
]);

/** Why a call is over, by the payload of its `call.hangup`. What Telnyx may name in future counts as its own fault. */
export function hangupReason(payload: Readonly<Record<string, unknown>>, direction: CallInfo['direction']): EndReason {
  const cause = textOf(payload, 'hangup_cause');
  // It was our side, though not by us: a command of the flow's own, or somebody in the portal.
  const us = direction === 'inbound' ? 'callee' : 'caller';
  if (cause === 'normal_clearing' && payload.hangup_source === us) return 'agent-hangup';
  return REASONS.get(cause) ?? (cause === '' ? 'caller-hangup' : 'carrier-failed');
}
