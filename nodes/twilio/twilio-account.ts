import type { NodeAPI } from 'node-red';
import { registerCarrierAccount } from '../call/carrier/account';

/** The account node: keeps what the others ask for (account.ts). */
export = (RED: NodeAPI): void =>
  registerCarrierAccount(RED, 'twilio-account', {
    accountSid: { type: 'text' },
    authToken: { type: 'password' },
    apiKeySid: { type: 'text' },
    apiKeySecret: { type: 'password' },
  });
