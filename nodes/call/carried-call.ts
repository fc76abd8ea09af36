import type { Carrier } from './carrier';
import type { CallInfo, EndReason } from './message';

/** A call is offered, then live or away, then ended. */
export type CallState = 'offered' | 'live' | 'away' | 'ended';

/** The bounds of a call, read anew each time: a Deploy may have changed them. */
export interface CallLimits {
  /** The longest a call may last, ms. */
  maxDurationMs: number;
  /** How long no words from either side are put up with, ms. */
  silenceMs: number;
  /** Words of farewell, by the carrier's voice, when it is we who end the call. */
  goodbye: string;
}

/**
 * A call as its carrier and the in-node's desk know it: the seam between the public endpoints and the call that they serve. Behind it
 * is the call itself (`Call`), or one whose flow runs in a worker thread (`workers/remote-call.ts`).
 */
export interface CarriedCall {
  readonly info: CallInfo;
  readonly carrier: Carrier;
  /** The id of the carrier's in-node to which the call came. */
  readonly ownerId: string;
  readonly state: CallState;
  /** True while nothing of what the caller says or keys in may be seen anywhere. */
  readonly isPrivate: boolean;
  limits(): CallLimits;

  /** Puts something that the carrier told into the call's stream of events. */
  emit(topic: string, payload: unknown): void;
  /** The caller has pressed a key: `call.dtmf`, masked while the call is private. */
  digit(digit: string): void;
  /** Somebody said words: the silence limit starts anew. */
  noteWords(): void;

  /** The media stream is open and the caller can be heard and spoken to. */
  streamOpened(): void;
  /** The media stream is gone, and with it all that the carrier held. */
  streamLost(): void;
  /** The carrier's echo of a mark: all that was played before it has been heard. */
  echo(name: string): void;

  /** The caller is put through to somebody else. Idempotent. */
  leave(to: string): void;
  /** The call is over, says the carrier. Idempotent. */
  end(reason: EndReason): void;
  /** Ends the call from our side: at the carrier first, then here. Safe to call again. @param goodbye words by the carrier's voice before the end */
  hangUp(reason: EndReason, goodbye?: string): Promise<void>;
  /** The carrier has named a call that we dial: from here on it goes by that name. */
  named(id: string): void;
  /** The node to which it came is no longer deployed. */
  disowned(): void;
}
