import type { NodeAPI } from 'node-red';
import { carrierAccountOf } from '../call/carrier/account';
import type { CarrierAccount } from '../call/carrier/account';
import { SettingError } from '../call/settings';
import type { RawConfig } from '../call/settings';

/** What the account node knows. Secrets never leave this object but for Twilio. */
export interface TwilioAccount extends CarrierAccount {
  /** May be empty: then the account that the webhook names. */
  accountSid: string;
  authToken: string;
  apiKeySid: string;
  apiKeySecret: string;
}

/**
 * The account that a node names.
 * @throws SettingError in words: none chosen, no public URL, no auth token
 */
export function twilioAccountOf(RED: NodeAPI, config: RawConfig): TwilioAccount {
  const own = { type: 'twilio-account', company: 'Twilio', api: 'https://api.twilio.com' };
  const { account, secret } = carrierAccountOf(RED, config, own);
  const authToken = secret('authToken');
  if (authToken === '') {
    throw new SettingError('The twilio-account has no auth token: without it no call can be told from a forged one.');
  }
  return {
    ...account,
    accountSid: secret('accountSid'),
    authToken,
    apiKeySid: secret('apiKeySid'),
    apiKeySecret: secret('apiKeySecret'),
  };
}
