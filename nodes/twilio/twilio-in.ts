import type { NodeAPI } from 'node-red';
import { registerInNode } from '../call/carrier/in-node';
import { TwilioFrontDesk } from './front-desk';
import { readTwilioInSettings } from './in-settings';

/** Answers calls to a Twilio number. */
export = (RED: NodeAPI): void =>
  registerInNode(RED, {
    type: 'twilio-in',
    settings: readTwilioInSettings,
    desk: (slot) => new TwilioFrontDesk(slot),
  });
