import type { Node, NodeAPI, NodeDef } from 'node-red';
import type { Call } from '../call/call';
import { claimPath } from '../call/endpoints';
import { registerVoiceNode } from '../call/node';
import type { NodeSlot } from '../call/node-slot';
import type { RawConfig } from '../call/settings';
import { FrontDesk } from './front-desk';
import { TwilioInSession } from './in-session';
import { readInSettings } from './in-settings';
import type { TwilioInSettings } from './in-settings';

/** One for each node id, whatever its instances. */
const desks = new WeakMap<NodeSlot<TwilioInSettings>, FrontDesk>();
/** Instances whose config could not be used: they show why, and go on with what was deployed before. */
const faulty = new WeakSet<Node>();

function deskOf(slot: NodeSlot<TwilioInSettings>): FrontDesk {
  const known = desks.get(slot);
  if (known) return known;
  const desk = new FrontDesk(slot);
  desks.set(slot, desk);
  return desk;
}

/** Answers calls to a Twilio number. Calls open at the webhook (front-desk.ts), not by a message. */
export = (RED: NodeAPI): void =>
  registerVoiceNode<TwilioInSettings>(RED, {
    type: 'twilio-in',
    settings(config: NodeDef, node: Node): TwilioInSettings {
      try {
        return readInSettings(RED, config as unknown as RawConfig);
      } catch (err) {
        faulty.add(node);
        throw err;
      }
    },
    session: (call: Call, slot) => new TwilioInSession(call, slot, () => deskOf(slot).showCalls()),
    started(slot, _RED, node) {
      const desk = deskOf(slot);
      desk.anew();
      if (!faulty.has(node)) desk.showCalls();
      claimPath(RED, slot.id, slot.settings.path, desk);
    },
  });
