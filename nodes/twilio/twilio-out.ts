import type { NodeAPI } from 'node-red';
import { registerOutNode } from '../call/carrier/out-node';

/** Plays audio to the caller: the end of the row that begins with `twilio-in`. */
export = (RED: NodeAPI): void => registerOutNode(RED, { type: 'twilio-out', carrier: 'twilio', company: 'Twilio' });
