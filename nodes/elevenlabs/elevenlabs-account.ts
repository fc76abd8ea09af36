import type { NodeAPI } from 'node-red';
import { registerKeyAccount } from '../call/account';

export = (RED: NodeAPI): void => registerKeyAccount(RED, 'elevenlabs-account');
