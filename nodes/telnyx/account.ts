import type { KeyObject } from 'node:crypto';
import type { NodeAPI } from 'node-red';
import { carrierAccountOf } from '../call/carrier/account';
import type { CarrierAccount } from '../call/carrier/account';
import { SettingError } from '../call/settings';
import type { RawConfig } from '../call/settings';
import { readPublicKey } from './webhook';

/** What the account node knows. The API key never leaves this object but for Telnyx. */
export interface TelnyxAccount extends CarrierAccount {
  apiKey: string;
  /** Telnyx signs its webhooks with the key that belongs to it. */
  publicKey: KeyObject;
}

/**
 * The account that a node names.
 * @throws SettingError in words: none chosen, no public URL, no key, a public key that is none
 */
export function telnyxAccountOf(RED: NodeAPI, config: RawConfig): TelnyxAccount {
  const own = { type: 'telnyx-account', company: 'Telnyx', api: 'https://api.telnyx.com/v2' };
  const { account, secret } = carrierAccountOf(RED, config, own);
  const apiKey = secret('apiKey');
  if (apiKey === '') {
    throw new SettingError('The telnyx-account has no API key: without it no call can be answered.');
  }
  const given = secret('publicKey');
  if (given === '') {
    throw new SettingError('The telnyx-account has no public key: without it no call can be told from a forged one.');
  }
  const publicKey = readPublicKey(given);
  if (!publicKey) {
    throw new SettingError(
      'The public key of the telnyx-account is none: it is the base64 text of 44 characters under Keys & Credentials in the Telnyx portal.',
    );
  }
  return { ...account, apiKey, publicKey };
}
