import type { NodeAPI, NodeDef } from 'node-red';
import { registerVoiceNode } from '../call/node';
import { flag, text } from '../call/settings';
import type { RawConfig } from '../call/settings';
import { TwilioOutSession } from './out-session';
import type { TwilioOutSettings } from './out-session';

/** Plays audio to the caller: the end of the row that begins with `twilio-in`. */
export = (RED: NodeAPI): void =>
  registerVoiceNode<TwilioOutSettings>(RED, {
    type: 'twilio-out',
    settings(config: NodeDef): TwilioOutSettings {
      const raw = config as unknown as RawConfig;
      return {
        lastResort: flag(raw, 'lastResort', true),
        lastResortText: text(raw, 'lastResortText', 'We are sorry, there is a technical problem.'),
      };
    },
    session: (call, slot) => new TwilioOutSession(call, slot),
  });
