import type { NodeAPI, NodeDef } from 'node-red';
import { registerVoiceNode } from '../call/node';
import type { RawConfig } from '../call/settings';
import { AgentSession } from './agent-session';
import { readSettings } from './settings';
import type { AgentSettings } from './settings';

/** Answers the caller by a language model. Outputs: 0 speech and all that is passed on, 1 tool calls, 2 turns. */
export = (RED: NodeAPI): void =>
  registerVoiceNode<AgentSettings>(RED, {
    type: 'llm-agent',
    settings: (config: NodeDef, node, api) => readSettings(config as unknown as RawConfig, node, api),
    session: (call, slot) => new AgentSession(call, slot),
  });
