import type { Node, NodeAPI } from 'node-red';
import { choice, flag, SettingError, text, topics } from '../call/settings';
import type { RawConfig } from '../call/settings';
import { readVariables } from './variables';

/** What an utterance of `agent-say` may be; a `reply` is an agent's. */
export const SAY_KINDS = ['prompt', 'notice', 'filler', 'greeting'] as const;

/** `agent-say`, as deployed. */
export interface SaySettings {
  /** A template; empty: the message's payload, as it is. */
  text: string;
  /** For each message that triggers it, or once per call at its start. */
  when: 'message' | 'start';
  /** Topics that trigger it; none: the caller's words, and every topic that is not ours. */
  on: ReadonlySet<string>;
  kind: (typeof SAY_KINDS)[number];
  interruptible: boolean;
  /** Environment variables that the text names: the flow's own, as of the last Deploy. */
  env: Readonly<Record<string, string>>;
  /** Id of the tab, or of the subflow's instance, on which the node stands. */
  tab: string;
}

/**
 * Reads them.
 * @throws SettingError in words for the ops person
 */
export function readSaySettings(config: RawConfig, node: Node, RED: NodeAPI): SaySettings {
  const words = text(config, 'text');
  const when = choice(config, 'when', ['message', 'start'] as const, 'message');
  if (when === 'start' && words === '') {
    throw new SettingError(
      'Text is missing: at the start of a call there is no message whose payload could be spoken.',
    );
  }
  const [, unset] = /^\$\{([^}]*)\}$/.exec(words) ?? [];
  // Node-RED leaves the name of a variable that nobody has set: nothing to be read to a caller.
  if (unset !== undefined) throw new SettingError(`The environment variable ${unset} is not set: it holds the text.`);
  return {
    text: words,
    when,
    on: when === 'message' ? topics(config, 'on', 'Speak on') : new Set(),
    kind: choice(config, 'kind', SAY_KINDS, 'prompt'),
    interruptible: flag(config, 'interruptible', true),
    env: readVariables(words, node, RED),
    tab: tabOf(node),
  };
}

/** Where a node stands: its tab, or the instance of the subflow that it is in. */
export function tabOf(node: Node): string {
  const { z } = node as unknown as { z?: unknown };
  return typeof z === 'string' ? z : '';
}
