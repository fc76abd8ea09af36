import type { Node, NodeAPI } from 'node-red';
import { baseUrl, SettingError, text } from '../call/settings';
import type { RawConfig } from '../call/settings';

/** Twilio's own REST API. */
const API = 'https://api.twilio.com';

/** What the account node knows. Secrets never leave this object but for Twilio. */
export interface TwilioAccount {
  id: string;
  name: string;
  /** Without a slash at its end; with httpNodeRoot, if there is one. */
  publicUrl: string;
  /** Of the REST API, without a slash at its end. */
  baseUrl: string;
  /** May be empty: then the account that the webhook names. */
  accountSid: string;
  authToken: string;
  apiKeySid: string;
  apiKeySecret: string;
}

export interface TwilioCredentials {
  accountSid?: string;
  authToken?: string;
  apiKeySid?: string;
  apiKeySecret?: string;
}

/** The account node, as others see it. */
export interface TwilioAccountNode extends Node<TwilioCredentials> {
  config?: RawConfig;
}

/**
 * The account that a node names.
 * @throws SettingError in words: none chosen, no public URL, no auth token
 */
export function twilioAccountOf(RED: NodeAPI, config: RawConfig): TwilioAccount {
  const id = config.account;
  if (typeof id !== 'string' || id === '') throw new SettingError('Choose an account (twilio-account) in this node.');
  const node = RED.nodes.getNode(id) as TwilioAccountNode | null;
  if (!node || node.type !== 'twilio-account') {
    throw new SettingError('The account of this node (twilio-account) is missing or disabled: choose one.');
  }
  const own = node.config ?? {};
  const credentials: TwilioCredentials = node.credentials ?? {};
  const authToken = secret(credentials.authToken);
  if (authToken === '') {
    throw new SettingError('The twilio-account has no auth token: without it no call can be told from a forged one.');
  }
  return {
    id,
    name: node.name ?? '',
    publicUrl: publicUrlOf(own),
    baseUrl: baseUrl(own, API),
    accountSid: secret(credentials.accountSid),
    authToken,
    apiKeySid: secret(credentials.apiKeySid),
    apiKeySecret: secret(credentials.apiKeySecret),
  };
}

function secret(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '';
}

function publicUrlOf(config: RawConfig): string {
  const value = text(config, 'publicUrl').replace(/\/+$/, '');
  if (value === '') {
    throw new SettingError(
      'The twilio-account has no public URL: enter how Twilio reaches this Node-RED from outside.',
    );
  }
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !['https:', 'http:'].includes(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new SettingError(
      `The public URL of the twilio-account must be like https://voice.example.com, not "${value}".`,
    );
  }
  return value;
}
