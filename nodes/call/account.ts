import type { Node, NodeAPI, NodeDef } from 'node-red';
import { baseUrl, SettingError } from './settings';
import type { RawConfig } from './settings';

/** What a provider's node needs of its account node. The key never leaves this object but for the provider. */
export interface Account {
  /** Id of the account node: sockets and clips may be shared by those who have the same. */
  id: string;
  name: string;
  /** Without a slash at its end. */
  baseUrl: string;
  apiKey: string;
}

interface AccountNode extends Node<{ apiKey?: string }> {
  config?: RawConfig;
}

/** Registers an account node that has a base URL and one key. */
export function registerKeyAccount(RED: NodeAPI, type: string): void {
  function Constructor(this: AccountNode, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.config = config as unknown as RawConfig;
  }
  RED.nodes.registerType(type, Constructor as never, { credentials: { apiKey: { type: 'password' } } });
}

/**
 * The account that a node names.
 * @param ownUrl the provider's own base URL
 * @throws SettingError where none is chosen, or it is of another provider, or disabled
 */
export function accountOf(RED: NodeAPI, config: RawConfig, type: string, ownUrl: string): Account {
  const id = config.account;
  if (typeof id !== 'string' || id === '') throw new SettingError(`Choose an account (${type}) in this node.`);
  const node = RED.nodes.getNode(id) as AccountNode | null;
  if (!node || node.type !== type) {
    throw new SettingError(`The account of this node (${type}) is missing or disabled: choose one.`);
  }
  const account = node.config ?? {};
  return {
    id,
    name: node.name ?? '',
    baseUrl: baseUrl(account, ownUrl),
    apiKey: (node.credentials?.apiKey ?? '').trim(),
  };
}
