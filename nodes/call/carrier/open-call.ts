import type { CarriedCall } from '../carried-call';
import type { Carrier } from '../carrier';
import { AnswerPolicy } from '../dial/answer';
import type { AnswerSettings } from '../dial/answer';
import { registry } from '../heart';
import type { LogFields, LogLevel } from '../log-line';
import type { CallInfo } from '../message';
import type { NodeSlot } from '../node-slot';
import { Automatic } from './automatic';
import { InSession } from './in-session';
import type { InSettings } from './in-settings';
import type { Hearer } from './media-socket';

/** A call and the in-node's part in it, wherever its flow runs: what its carrier's side tells. */
export interface OpenedCall {
  readonly call: CarriedCall;
  readonly hearer: Hearer;
  /** Reports an error of this call to Catch. */
  readonly fail: (error: Error) => void;
  /** One line of the log. */
  readonly note: (level: LogLevel, event: string, fields?: LogFields) => void;
}

/**
 * Opens a call whose flow runs in this thread, with all that follows from the in-node's settings.
 * @param counted told when the call has ended
 * @param answer for a call that we dial: what follows when it is answered
 */
export function openCall<Settings extends InSettings>(
  slot: NodeSlot<Settings>,
  info: CallInfo,
  carrier: Carrier,
  counted: () => void,
  answer?: AnswerSettings,
): OpenedCall {
  const call = registry.open(info, carrier, slot.id, () => slot.settings);
  const session = new InSession(call, slot, counted);
  call.sessions.set(slot.id, session);
  slot.sessions.add(session);
  session.onDispose(() => slot.sessions.delete(session));
  // Before the first event is on the wires: a notice has its place before every greeting.
  new Automatic(call, session, () => slot.settings.automatic);
  if (answer) new AnswerPolicy(call, session, answer);
  return {
    call,
    hearer: session,
    fail: (error) => session.report(error),
    note: (level, event, fields) => session.note(level, event, fields),
  };
}
