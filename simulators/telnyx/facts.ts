import type { Recorded } from './archive';
import type { Body } from './fields';

/** What the call's messages say of it. */
export interface CallFacts {
  readonly callControlId: string;
  readonly callLegId: string;
  readonly callSessionId: string;
  readonly clientState: string | null;
  readonly from: string;
  readonly to: string;
  readonly createdAt: Date;
}

/** What each webhook says of the call. */
export function webhookFacts(call: CallFacts, connectionId: string): Body {
  return {
    call_control_id: call.callControlId,
    call_leg_id: call.callLegId,
    call_session_id: call.callSessionId,
    connection_id: connectionId,
    client_state: call.clientState,
  };
}

/** What the API says of a recording's call. */
export function recordingFacts(call: CallFacts, connectionId: string): Recorded['call'] {
  return {
    call_control_id: call.callControlId,
    call_leg_id: call.callLegId,
    call_session_id: call.callSessionId,
    connection_id: connectionId,
    from: call.from,
    to: call.to,
  };
}

/** What `start` of a stream says of the call. */
export function streamFacts(call: CallFacts): Body {
  return {
    call_control_id: call.callControlId,
    call_session_id: call.callSessionId,
    from: call.from,
    to: call.to,
    tags: [],
    client_state: call.clientState,
  };
}

/** What `call.initiated` says besides. */
export function initiatedFacts(call: CallFacts, direction: 'incoming' | 'outgoing', fields: Body = {}): Body {
  return {
    from: call.from,
    to: call.to,
    direction,
    state: direction === 'incoming' ? 'parked' : 'bridging',
    start_time: call.createdAt.toISOString(),
    caller_id_name: '',
    offered_codecs: 'PCMU,PCMA',
    shaken_stir_attestation: 'A',
    shaken_stir_validated: true,
    tags: [],
    ...fields,
  };
}
