import type { CallStatus, EndedBy } from '../phone/report';

/** Why and by whom a call was ended, as `call.hangup` says it (contracts/telnyx.md section 3.1). */
export interface HangupCause {
  hangup_cause: string;
  hangup_source: 'caller' | 'callee' | 'unknown';
  sip_hangup_cause: string;
}

/** Set in `reason` of a call that its time limit has ended. */
export const TIME_LIMIT = 'the time limit was reached';

/** The cause of a call's end, from how our report tells it. */
export function hangupCause(call: {
  direction: 'incoming' | 'outgoing';
  wasAnswered: boolean;
  status: CallStatus;
  by: EndedBy;
  reason: string;
}): HangupCause {
  const { direction, wasAnswered, status, by, reason } = call;
  // The application is the callee of an incoming call, and the caller of an outgoing one.
  const [us, them] = direction === 'incoming' ? (['callee', 'caller'] as const) : (['caller', 'callee'] as const);
  const source = by === 'application' ? us : by === 'caller' ? them : 'unknown';
  const cause = (hangup_cause: string, sip: string, who: HangupCause['hangup_source'] = source): HangupCause => ({
    hangup_cause,
    hangup_source: who,
    sip_hangup_cause: sip,
  });
  if (reason === TIME_LIMIT) return cause('time_limit', '200', 'unknown');
  if (wasAnswered) return cause('normal_clearing', '200');
  if (status === 'busy') return cause('user_busy', '486', 'callee');
  if (status === 'canceled') return cause('originator_cancel', '487', 'caller');
  if (status === 'failed') return cause('not_found', '404', 'callee');
  if (direction === 'outgoing') return cause('timeout', '408', 'callee');
  return cause('call_rejected', '603', 'callee');
}
