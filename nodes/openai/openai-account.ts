import type { NodeAPI } from 'node-red';
import { registerKeyAccount } from '../call/account';

/** The account node of OpenAI, and of every server that speaks its APIs. */
export = (RED: NodeAPI): void => registerKeyAccount(RED, 'openai-account');
