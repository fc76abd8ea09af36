import type { NodeAPI, NodeDef } from 'node-red';
import { registerVoiceNode } from '../node';
import { OutSession } from './out-session';
import type { OutSettings } from './out-session';
import { flag, text } from '../settings';
import type { RawConfig } from '../settings';

/**
 * Registers a carrier's out-node: the end of the row, which plays to the caller. All that it does goes through the call's
 * `Carrier`; so all that it needs to know is whose calls are its own.
 * @param of the node's type, `msg.call.carrier` of its calls, and the carrier's name for the ops person
 */
export function registerOutNode(RED: NodeAPI, of: { type: string; carrier: string; company: string }): void {
  registerVoiceNode<OutSettings>(RED, {
    type: of.type,
    settings(config: NodeDef): OutSettings {
      const raw = config as unknown as RawConfig;
      return {
        ...of,
        lastResort: flag(raw, 'lastResort', true),
        lastResortText: text(raw, 'lastResortText', 'We are sorry, there is a technical problem.'),
      };
    },
    session: (call, slot) => new OutSession(call, slot),
  });
}
