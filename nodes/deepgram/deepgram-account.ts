import type { NodeAPI } from 'node-red';
import { registerKeyAccount } from '../call/account';

/** The config node that holds Deepgram's key and base URL. */
export = (RED: NodeAPI): void => registerKeyAccount(RED, 'deepgram-account');
