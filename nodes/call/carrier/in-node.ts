import type { Node, NodeAPI, NodeDef } from 'node-red';
import type { Call } from '../call';
import { claimPath } from '../endpoints';
import type { DeskSettings, FrontDesk } from './front-desk';
import { inNodeTypes } from './in-node-types';
import { InSession } from './in-session';
import { registerVoiceNode } from '../node';
import type { NodeSlot } from '../node-slot';
import type { RawConfig } from '../settings';
import { mainLine } from '../workers/main-line';
import { serveInNode } from '../workers/pool/pool';

/** Instances whose config could not be used: they show why, and go on with what was deployed before. */
const faulty = new WeakSet<Node>();

/** What a carrier brings to its in-node. */
export interface InNode<Settings extends DeskSettings> {
  type: string;
  /** @throws SettingError in words for the ops person */
  settings(RED: NodeAPI, config: RawConfig): Settings;
  /** Made once for each node id. */
  desk(slot: NodeSlot<Settings>): FrontDesk<Settings>;
}

/** Registers a carrier's in-node. Its calls open at the webhook (front-desk.ts), not by a message. */
export function registerInNode<Settings extends DeskSettings>(RED: NodeAPI, own: InNode<Settings>): void {
  inNodeTypes.add(own.type);
  /** One for each node id, whatever its instances. */
  const desks = new WeakMap<NodeSlot<Settings>, FrontDesk<Settings>>();
  const deskOf = (slot: NodeSlot<Settings>): FrontDesk<Settings> => {
    let desk = desks.get(slot);
    if (!desk) desks.set(slot, (desk = own.desk(slot)));
    return desk;
  };
  registerVoiceNode<Settings>(RED, {
    type: own.type,
    settings(config: NodeDef, node: Node): Settings {
      try {
        return own.settings(RED, config as unknown as RawConfig);
      } catch (err) {
        faulty.add(node);
        throw err;
      }
    },
    session: (call: Call, slot) =>
      new InSession(call, slot, () => {
        if (!mainLine()) deskOf(slot).showCalls();
      }),
    started(slot, _RED, node) {
      // What is public is the main thread's: paths, sockets, lines, and what the node shows.
      if (mainLine()) return;
      const desk = deskOf(slot);
      desk.anew();
      if (!faulty.has(node)) desk.showCalls();
      claimPath(RED, slot.id, slot.settings.path, desk);
      serveInNode(RED, slot, node, () => desk.showCalls());
    },
  });
}
