import type { NodeSlot, Status } from '../node-slot';
import type { Session } from '../session';
import type { ListenerState } from './listener';

type Shown = Pick<Status, 'fill' | 'shape' | 'text'>;

/** Worst first: the node shows the worst of its calls. */
const STATES: [ListenerState, Shown][] = [
  ['failed', { fill: 'red', shape: 'dot', text: 'common.status.failed' }],
  ['degraded', { fill: 'yellow', shape: 'dot', text: 'common.status.degraded' }],
  ['connecting', { fill: 'blue', shape: 'dot', text: 'common.status.connecting' }],
  ['live', { fill: 'green', shape: 'dot', text: 'common.status.live' }],
];

export const IDLE: Status = { fill: 'blue', shape: 'ring', text: 'common.status.idle', values: { count: 0 } };

const states = new WeakMap<object, Map<object, ListenerState>>();

/** Shows the node's status after one of its calls changed its state, or (without a state) ended. */
export function showState<S>(slot: NodeSlot<S>, session: Session<S>, state?: ListenerState): void {
  let calls = states.get(slot);
  if (!calls) states.set(slot, (calls = new Map<object, ListenerState>()));
  if (state) calls.set(session, state);
  else calls.delete(session);
  const all = new Set(calls.values());
  const [, worst] = STATES.find(([one]) => all.has(one)) ?? [];
  slot.show(worst ? { ...worst, values: { count: calls.size } } : IDLE);
}
