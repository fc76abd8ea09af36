import type { NodeAPI } from 'node-red';
import { registerInNode } from '../call/carrier/in-node';
import { TelnyxFrontDesk } from './front-desk';
import { readTelnyxInSettings } from './in-settings';

/** Answers calls to a Telnyx number. */
export = (RED: NodeAPI): void =>
  registerInNode(RED, {
    type: 'telnyx-in',
    settings: readTelnyxInSettings,
    desk: (slot) => new TelnyxFrontDesk(slot),
  });
