import type { NodeAPI, NodeDef } from 'node-red';
import type { RawConfig } from '../call/settings';
import type { TwilioAccountNode } from './account';

/** The account node: keeps what the others ask for (account.ts). */
export = (RED: NodeAPI): void => {
  function Constructor(this: TwilioAccountNode, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.config = config as unknown as RawConfig;
  }
  RED.nodes.registerType('twilio-account', Constructor as never, {
    credentials: {
      accountSid: { type: 'text' },
      authToken: { type: 'password' },
      apiKeySid: { type: 'text' },
      apiKeySecret: { type: 'password' },
    },
  });
};
