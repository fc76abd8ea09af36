import type { NodeAPI, NodeDef } from 'node-red';
import { registerVoiceNode } from '../call/node';
import type { RawConfig } from '../call/settings';
import { readSaySettings } from './say-settings';
import type { SaySettings } from './say-settings';
import { SaySession } from './say-session';
import { sayAtStart } from './say-start';

/** Speaks a text, and tells when it has been heard. Outputs: 0 speech and all that is passed on, 1 what was heard. */
export = (RED: NodeAPI): void =>
  registerVoiceNode<SaySettings>(RED, {
    type: 'agent-say',
    settings: (config: NodeDef, node, api) => readSaySettings(config as unknown as RawConfig, node, api),
    session: (call, slot) => new SaySession(call, slot),
    opened: sayAtStart,
  });
