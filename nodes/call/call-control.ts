import type { NodeAPI, NodeDef } from 'node-red';
import { PassingSession, takeOrder } from './control/node';
import { readControlSettings } from './control/node-settings';
import type { ControlSettings } from './control/node-settings';
import { registerVoiceNode } from './node';
import type { RawConfig } from './settings';

/**
 * Has the phone company do something with a call: hang up, put through, record, transcribe, keep private, send digits. The call is the
 * message's, or the one that the message names; so it can be asked from another tab, too.
 */
export = (RED: NodeAPI): void => {
  const { fileWorkingDirectory } = RED.settings as { fileWorkingDirectory?: unknown };
  const folder = typeof fileWorkingDirectory === 'string' ? fileWorkingDirectory : '';
  registerVoiceNode<ControlSettings>(RED, {
    type: 'call-control',
    settings: (config: NodeDef) => readControlSettings(config as unknown as RawConfig, folder),
    session: (call, slot) => new PassingSession(call, slot),
    takes: takeOrder,
    started: (slot) => slot.show({ fill: 'blue', shape: 'ring', text: 'common.status.idle' }),
  });
};
