import type { Node } from 'node-red';
import type { Call } from '../call';
import { act, needsNoCall } from './acts';
import type { Outcome } from './acts';
import type { ControlSettings } from './node-settings';
import { refused } from './actions';
import type { Action } from './actions';
import { actionOf, readControlOrder, reportOf } from './order';
import type { ControlOrder, Incoming } from './order';
import { asError, ProviderError } from '../errors';
import { gate, registry } from '../heart';
import { onOneLine } from '../log-line';
import { callIdOf, copyCall, isOurTopic, isRecord } from '../message';
import type { VoiceMessage } from '../message';
import { inShort } from '../node';
import type { NodeSlot } from '../node-slot';
import { RecentHashes } from '../recent';
import { keyOf, Session } from '../session';
import type { Verdict } from '../session';
import { forward } from '../workers/elsewhere';

/** How long the news of an action that failed waits for the end of a Deploy, ms. */
const GATE_WAIT_MS = 10_000;
/** Messages of ours that are known again, of all calls of a node. */
const SEEN_REMEMBERED = 256;

type Slot = NodeSlot<ControlSettings>;
type Done = (err?: Error) => void;

/** By node: what it has acted on. */
const seen = new WeakMap<object, RecentHashes>();

/** What the node shows when something has been done. */
const SHOWN: Record<Action, string> = {
  'hang-up': 'call-control.status.hang-up',
  transfer: 'call-control.status.transfer',
  'recording-start': 'call-control.status.recording-start',
  'recording-pause': 'call-control.status.recording-pause',
  'recording-resume': 'call-control.status.recording-resume',
  'recording-stop': 'call-control.status.recording-stop',
  'recording-delete': 'call-control.status.recording-delete',
  'recording-fetch': 'call-control.status.recording-fetch',
  'transcription-start': 'call-control.status.transcription-start',
  'transcription-stop': 'call-control.status.transcription-stop',
  'private-on': 'call-control.status.private-on',
  'private-off': 'call-control.status.private-off',
  digits: 'call-control.status.digits',
  'set-values': 'call-control.status.set-values',
};

/** In the row a `call-control` passes on what it does not act on; nothing is kept for a call but what has passed. */
export class PassingSession extends Session<ControlSettings> {
  receive(): Verdict {
    return 'pass';
  }

  protected release(): void {
    // There is nothing to release.
  }
}

/**
 * Acts on a message, if it asks for that.
 * @returns false for one that goes on as it came, by the call's session
 * @throws ProviderError in words: refused, and nothing was done
 */
export function takeOrder(slot: Slot, node: Node, raw: unknown, done: Done): boolean {
  if (!isRecord(raw)) return false;
  const msg: Incoming = raw;
  const topic = typeof msg.topic === 'string' ? msg.topic : '';
  const { settings } = slot;
  const callId = callIdOf(msg);
  // By the settings of the runtime that the call lives in: a Deploy may have changed those here.
  if (registry.remote(callId) && sendOn(slot, callId, msg, done)) return true;
  if (topic === 'audio' || (settings.on.size > 0 && !settings.on.has(topic))) return pass(slot, msg, done);
  try {
    const action = actionOf(msg, settings);
    if (action === undefined) {
      if (isRecord(msg.call)) return pass(slot, msg, done);
      throw refused('msg.action is missing: it says what is to be done with the call.');
    }
    if (isReport(topic) && !isDue(action, msg)) return pass(slot, msg, done);
    const order = readControlOrder(action, msg, settings);
    const call = liveCall(callId);
    if (!call && !needsNoCall(order)) {
      // What happens in a call goes on after its last event: nobody has asked for anything.
      if (isEvent(topic, msg)) return false;
      if (sendOn(slot, callId, msg, done)) return true;
      throw notThere(callId);
    }
    call?.awaited?.delete(keyOf(msg as unknown as VoiceMessage));
    if (!isNew(slot, callId, topic, msg, order)) {
      done();
      return true;
    }
    void answer(slot, node, msg, call, order, done);
    return true;
  } catch (err) {
    showFault(slot, err);
    passAfterFault(slot, topic, msg);
    throw forCall(err, callId);
  }
}

/** @returns false where no other thread is known to have the call */
function sendOn(slot: Slot, callId: string, msg: Incoming, done: Done): boolean {
  if (!forward(slot.id, callId, msg)) return false;
  done();
  return true;
}

function liveCall(callId: string): Call | undefined {
  const call = callId === '' ? undefined : registry.get(callId);
  return call?.state === 'ended' ? undefined : call;
}

function notThere(callId: string): ProviderError {
  if (callId === '') {
    return refused('the message names no call: msg.call should have come from twilio-in or telnyx-in, or be its id, as msg.callId may.'); // prettier-ignore
  }
  return registry.hasEnded(callId)
    ? refused('the call has ended already: nothing was done.')
    : refused('there is no call of this id here: it ended long ago, or came to another Node-RED.');
}

/** What goes on as it came. A message of no call has no session to pass it. */
function pass(slot: Slot, msg: Incoming, done: Done): boolean {
  if (isRecord(msg.call) && callIdOf(msg) !== '') return false;
  send(slot, msg);
  done();
  return true;
}

function isReport(topic: string): boolean {
  return topic === 'call.recording';
}

/** A recording that is there can be fetched or deleted; of one that is being made, or of none, a report only passes. */
function isDue(action: Action, msg: Incoming): boolean {
  if (action !== 'recording-fetch' && action !== 'recording-delete') return true;
  return reportOf(msg)?.status === 'completed';
}

/** Something that happened in a call, and no wish of a flow's. */
function isEvent(topic: string, msg: Incoming): boolean {
  const { _msgid: id } = msg;
  return isOurTopic(topic) && !/^(tool|agent)\./.test(topic) && typeof id === 'string' && id.startsWith('v');
}

/** False for a message of ours that was acted on before: wires fork, join and loop. */
function isNew(slot: Slot, callId: string, topic: string, msg: Incoming, order: ControlOrder): boolean {
  const { _msgid: id } = msg;
  if (typeof id !== 'string' || !id.startsWith('v')) return true;
  let known = seen.get(slot);
  if (!known) seen.set(slot, (known = new RecentHashes(SEEN_REMEMBERED)));
  // A flow may make several orders of one event: they bear its id, all of them.
  return known.add(callId, id, topic, JSON.stringify(order));
}

/** Does what was ordered and tells what came of it, by the node's present instance: a Deploy may have come between. Never rejects. */
async function answer(
  slot: Slot,
  node: Node,
  msg: Incoming,
  call: Call | undefined,
  order: ControlOrder,
  done: Done,
): Promise<void> {
  const callId = callIdOf(msg);
  let outcome: Outcome;
  try {
    slot.show({ fill: 'blue', shape: 'dot', text: 'call-control.status.working' });
    outcome = await act(order, call, slot.settings);
  } catch (err) {
    showFault(slot, err);
    passAfterFault(slot, typeof msg.topic === 'string' ? msg.topic : '', msg);
    return tell(slot, node, msg, forCall(err, callId), done);
  }
  const { payload, recording, error } = outcome;
  send(slot, { ...msg, payload, ...(recording && { recording }), ...(call && { call: copyCall(call.info) }) });
  if (error) {
    showFault(slot, error);
    return tell(slot, node, msg, forCall(error, callId), done);
  }
  slot.show({ fill: 'green', shape: 'ring', text: SHOWN[order.action] });
  done();
}

async function tell(slot: Slot, node: Node, msg: Incoming, error: Error, done: Done): Promise<void> {
  onOneLine(error, callIdOf(msg) || undefined, slot.id);
  await gate.whenOpen(GATE_WAIT_MS);
  const present = slot.instance?.node;
  if (present === node) return done(error);
  // Who took the message is gone, and Catch hears no more of it.
  present?.error(error, msg);
  done();
}

/** An event goes on whatever became of the action: in the row others wait for it. */
function passAfterFault(slot: Slot, topic: string, msg: Incoming): void {
  if (isRecord(msg.event) && isEvent(topic, msg)) send(slot, msg);
}

function send(slot: Slot, msg: Incoming): void {
  const deliver = (output: number, each: VoiceMessage): void => slot.send(output, each);
  gate.send({ deliver, takeUnseen: () => [], wasSeen: () => true }, 0, msg as unknown as VoiceMessage);
}

function forCall(err: unknown, callId: string): Error {
  const error = asError(err);
  if (error instanceof ProviderError && callId !== '') error.call = callId;
  return error;
}

function showFault(slot: Slot, err: unknown): void {
  const words = asError(err).message.replace(/^[\w-]+: /, '');
  slot.show({ fill: 'red', shape: 'ring', text: inShort(words), plain: true });
}
