import type { NodeAPI } from 'node-red';
import { registerCarrierAccount } from '../call/carrier/account';

/** The account node: keeps what the others ask for (account.ts). */
export = (RED: NodeAPI): void =>
  registerCarrierAccount(RED, 'telnyx-account', {
    apiKey: { type: 'password' },
    publicKey: { type: 'text' },
  });
