import type { Node } from 'node-red';
import type { Call } from '../call/call';
import { asError } from '../call/errors';
import { slotOf } from '../call/lifecycle';
import type { NodeSlot } from '../call/node-slot';
import type { Session } from '../call/session';
import type { SaySettings } from './say-settings';
import { tabOf } from './say-settings';
import { SaySession } from './say-session';

/**
 * Has an `agent-say` speak at the start of a call that came in on its own tab, whatever the wires. It taps the call, and so takes its
 * place among what is to be spoken before `call.started` reaches anybody who greets.
 */
export function sayAtStart(
  slot: NodeSlot<SaySettings>,
  call: Call,
  join: () => Session<SaySettings> | undefined,
): void {
  // A call may open, or start, while a Deploy restarts the nodes.
  const inNode = (): Node | undefined => slotOf(call.ownerId)?.instance?.node;
  const atOpening = inNode();
  const untap = call.tap(({ topic, payload }) => {
    if (topic === 'call.ended') return untap();
    if (topic !== 'call.started') return;
    untap();
    const owner = atOpening ?? inNode();
    // As deployed now; and the node may have been deleted since the call came in.
    if (slot.settings.when !== 'start' || !owner || tabOf(owner) !== slot.settings.tab || slotOf(slot.id) !== slot) {
      return;
    }
    try {
      const session = join();
      if (session instanceof SaySession) session.begin({ topic, payload }, true);
    } catch (err) {
      slot.fail(asError(err), call.info);
    }
  });
}
