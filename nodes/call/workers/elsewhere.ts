import type { Node } from 'node-red';
import { nodeAt } from './addresses';
import type { FindNode } from './addresses';
import { CannotCross, packed, unpacked } from './crossing';
import { ProviderError } from '../errors';
import { registry } from '../heart';
import { mainLine } from './main-line';
import { callIdOf } from '../message';
import { fromPlainError } from './plain-error';
import type { Delivery, Undelivered } from './protocol';

type Message = Record<string, unknown>;

const TO_MAIN =
  'cannot go to this node, which runs in the main runtime: delete it before (a Change node does), or have nodes of this type run in the workers too (a setting of twilio-in and telnyx-in).'; // prettier-ignore
/** What a message to a worker must not bear. */
export const OFF_BEFORE =
  'cannot go to the worker thread in which this call runs: delete it before (a Change node does), and answer an HTTP request in the main runtime.'; // prettier-ignore

/** A worker thread, as messages of flows see it. */
export interface Home {
  /** True once the thread is gone, or is going. */
  readonly gone: boolean;
  /** True where its flow runs this node itself, and not a proxy of it. @param id in a subflow that which the instance gives it */
  runs(id: string): boolean;
  send(item: Delivery | Undelivered): void;
}

/** In the main thread: where the calls live. */
export interface Homes {
  /** The worker in which this call lives, or has lived and may still be spoken of; undefined where there is none. */
  homeOf(callId: string): Home | undefined;
}

let homes: Homes | undefined;

/** Messages that came from the other side already, with the call that they were sent after: nobody sends them on once more. */
const looked = new WeakMap<object, string>();

/** In the main thread, once: where calls live is known from now on. */
export function connectHomes(to: Homes): void {
  homes = to;
}

/** A message is given to a node because its call should be here: it is not sent elsewhere from here. */
export function lookHere(msg: Message): void {
  const callId = callIdOf(msg);
  if (callId !== '') looked.set(msg, callId);
}

/**
 * Gives a message whose call is not in this thread to the same node in the thread in which the call lives. A worker asks the main thread,
 * which knows; who is asked for a call and has it not either does not ask again.
 * @param nodeId the node that the message has reached here
 * @returns false where nobody is known to have the call: it has ended, or never was
 * @throws ProviderError in words if the message cannot go there
 */
export function forward(nodeId: string, callId: string, msg: object): boolean {
  if (callId === '' || looked.get(msg) === callId) return false;
  const line = mainLine();
  if (line) {
    // Of the calls that have lived here it is known.
    if (registry.hasEnded(callId)) return false;
    line.send({ t: 'elsewhere', node: [nodeId], msg: crossing(msg as Message, OFF_BEFORE) });
    return true;
  }
  const home = homes?.homeOf(callId);
  // What stands there as a proxy, or not at all, would send it back or lose it.
  if (!home || home.gone || !home.runs(nodeId)) return false;
  home.send({ t: 'deliver', node: [nodeId], msg: crossing(msg as Message, OFF_BEFORE) });
  return true;
}

/**
 * In a worker: a message has reached the proxy of a node that runs in the main runtime, and goes there.
 * @throws ProviderError in words if it cannot go there: for `done`, so that Catch gets it with the message
 */
export function toMain(node: Pick<Node, 'id'>, msg: Message): void {
  mainLine()?.send({ t: 'deliver', node: [node.id], msg: crossing(msg, TO_MAIN) });
}

/** In a worker: a message from the main thread for a node of the flow that runs here. */
export function receiveFromMain(find: FindNode, { node, msg }: Delivery): void {
  const target = nodeAt(find, node);
  if (!target) {
    registry.dropped++;
    return;
  }
  const message = unpacked(msg);
  lookHere(message);
  target.receive(message);
}

/** In a worker: a message that had gone to the main runtime could not be given to its node: the proxy tells Catch. */
export function receiveUndelivered(find: FindNode, { node, msg, error }: Undelivered): void {
  nodeAt(find, node)?.error(fromPlainError(error), unpacked(msg));
}

/**
 * A copy of a message for another thread.
 * @param words where it cannot go, and what to do
 * @throws ProviderError in words for the ops person
 */
export function crossing(msg: Message, words: string): Message {
  try {
    return packed(msg);
  } catch (err) {
    if (!(err instanceof CannotCross)) throw err;
    const error = new ProviderError('workers', 'settings', `${err.field} is ${err.what} and ${words}`, { advice: '' });
    const callId = callIdOf(msg);
    if (callId !== '') error.call = callId;
    throw error;
  }
}
