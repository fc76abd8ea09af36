import type { Node, NodeAPI, NodeDef } from 'node-red';
import { baseUrl, SettingError, text } from '../settings';
import type { RawConfig } from '../settings';

/** A carrier's account node, as others see it. Its secrets stay in the credentials. */
interface CarrierAccountNode extends Node<Record<string, unknown>> {
  config?: RawConfig;
}

/** What the account nodes of all carriers hold. */
export interface CarrierAccount {
  id: string;
  name: string;
  /** How the carrier reaches this Node-RED: with httpNodeRoot, if there is one, and without a slash at its end. */
  publicUrl: string;
  /** Of the REST API, without a slash at its end. */
  baseUrl: string;
}

/** Registers an account node that keeps a config and these credentials for others to read. */
export function registerCarrierAccount(
  RED: NodeAPI,
  type: string,
  credentials: Record<string, { type: 'text' | 'password' }>,
): void {
  function Constructor(this: CarrierAccountNode, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.config = config as unknown as RawConfig;
  }
  RED.nodes.registerType(type, Constructor, { credentials });
}

/**
 * The account that a node names.
 * @param of the type of its account node, the carrier's name, and the carrier's own REST API
 * @returns the account, and a reader of its credentials, which gives '' for one that is not there
 * @throws SettingError in words: none chosen, of another type or disabled, no public URL
 */
export function carrierAccountOf(
  RED: NodeAPI,
  config: RawConfig,
  of: { type: string; company: string; api: string },
): { account: CarrierAccount; secret: (name: string) => string } {
  const { type, company, api } = of;
  const id = config.account;
  if (typeof id !== 'string' || id === '') throw new SettingError(`Choose an account (${type}) in this node.`);
  const node = RED.nodes.getNode(id) as CarrierAccountNode | null;
  if (!node || node.type !== type) {
    throw new SettingError(`The account of this node (${type}) is missing or disabled: choose one.`);
  }
  const own = node.config ?? {};
  const account = {
    id,
    name: node.name ?? '',
    publicUrl: publicUrlOf(own, type, company),
    baseUrl: baseUrl(own, api),
  };
  const secret = (name: string): string => {
    const value = node.credentials?.[name];
    return typeof value === 'string' ? value.trim() : '';
  };
  return { account, secret };
}

function publicUrlOf(config: RawConfig, type: string, company: string): string {
  const value = text(config, 'publicUrl').replace(/\/+$/, '');
  if (value === '') {
    throw new SettingError(`The ${type} has no public URL: enter how ${company} reaches this Node-RED from outside.`);
  }
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !['https:', 'http:'].includes(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new SettingError(`The public URL of the ${type} must be like https://voice.example.com, not "${value}".`);
  }
  return value;
}
