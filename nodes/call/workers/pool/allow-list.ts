/** Core nodes that work on nothing but the message: a worker thread runs its own of each. */
export const CORE_TYPES: ReadonlySet<string> = new Set([
  'function',
  'switch',
  'change',
  'template',
  'json',
  'delay',
  'trigger',
  'split',
  'join',
  'http request',
  'link in',
  'link out',
  'link call',
  'junction',
  'catch',
  'status',
  'complete',
  'debug',
]);

/** Config nodes of the core that those refer to. */
export const CORE_CONFIG_TYPES: ReadonlySet<string> = new Set(['tls-config', 'http proxy']);

/** Nodes of ours whose work is at the public end of a call: the desk, and what it dials, is in the main runtime. */
export const MAIN_TYPES: ReadonlySet<string> = new Set(['twilio-dial', 'telnyx-dial']);

/** What stands in a worker's flow for a node that stays in the main runtime. */
export const PROXY_TYPE = 'voice-proxy';
