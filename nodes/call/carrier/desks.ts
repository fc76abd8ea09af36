import type { RecordingStore } from './control';
import { slotOf } from '../lifecycle';
import { mainLine } from '../workers/main-line';
import { RemoteDesk } from '../workers/thread/remote-desk';

/** By the slot of the in-node: what belongs to a node's id goes with it. */
const desks = new WeakMap<object, RecordingStore>();

/** Makes an in-node's desk known to nodes that act on a call of any carrier. */
export function addDesk(slot: object, desk: RecordingStore): void {
  desks.set(slot, desk);
}

/** The desk of a carrier's in-node that is deployed; undefined where the id is of none. In a worker thread the main thread knows. */
export function deskOf(nodeId: string): RecordingStore | undefined {
  const line = mainLine();
  if (line) return new RemoteDesk(nodeId, line);
  const slot = slotOf(nodeId);
  return slot && desks.get(slot);
}
