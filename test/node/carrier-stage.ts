/** A call at a simulated phone company, between its nodes in a small Node-RED. */
import assert from 'node:assert/strict';
import { registry } from '../../nodes/call/heart';
import { speakWords } from '../../simulators/audio';
import type { SimulatedCarrier } from '../../simulators/phone/carrier';
import { FakeRed } from './twilio-red';
import type { Config, Message } from './twilio-red';

export const ended = (msg: Message): boolean => msg.topic === 'call.ended';
export const started = (msg: Message): boolean => msg.topic === 'call.started';
export const callId = (msg: Message): string => (msg.call as { id: string }).id;
export const reasonOf = async (msg: Promise<Message>): Promise<string> =>
  ((await msg).payload as { reason: string }).reason;

type Ring<C extends SimulatedCarrier> = Parameters<C['ring']>[0];
type Caller<C extends SimulatedCarrier> = ReturnType<C['ring']>;

/** What a stage must know of a phone company. */
export interface Company<C extends SimulatedCarrier> {
  /** `twilio`: what its nodes' types begin with, and its path. */
  readonly name: string;
  build(): C;
  /** The account's credentials. */
  credentials(company: C): object;
}

export class CarrierStage<C extends SimulatedCarrier> {
  red!: FakeRed;
  company!: C;
  url = '';

  constructor(readonly of: Company<C>) {}

  async set(): Promise<void> {
    this.red = await new FakeRed().start();
    this.company = await this.of.build().start();
    this.url = `http://127.0.0.1:${this.red.port}`;
  }

  async strike(): Promise<void> {
    await this.red.stop();
    await this.company.stop();
    for (const call of registry.all()) call.end('shutdown');
  }

  account(more: object = {}): Config {
    const { company, of, url } = this;
    const credentials = of.credentials(company);
    return { id: 'account', type: `${of.name}-account`, publicUrl: url, baseUrl: company.url, credentials, ...more };
  }

  readonly flow = (more: Partial<Config> = {}, out: Partial<Config> = {}): Config[] => [
    this.account(),
    { id: 'in', type: `${this.of.name}-in`, account: 'account', wires: [['watch'], ['log']], ...more },
    { id: 'watch', type: 'watch' },
    { id: 'log', type: 'watch' },
    { id: 'out', type: `${this.of.name}-out`, ...out },
  ];

  readonly ring = (options: Partial<Ring<C>> = {}): Caller<C> =>
    this.company.ring({ webhookUrl: `${this.url}/${this.of.name}/voice`, ...options }) as Caller<C>;

  /** Somebody calls, and can be heard and spoken to. */
  readonly begin = async (options: Partial<Ring<C>> = {}): Promise<{ caller: Caller<C>; msg: Message }> => {
    const begun = this.red.sent('in', 0, started);
    const caller = this.ring(options);
    return { caller, msg: await begun };
  };

  /** The next call's end, as a flow is told of it. */
  readonly over = (): Promise<Message> => this.red.sent('in', 0, ended);

  /** Words of the agent reach the out-node. */
  readonly play = (msg: Message, text: string, id = 'u1', more: object = {}): void => {
    const { audio } = speakWords(text);
    const utterance = { id, by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true };
    this.red.node('out')?.receive({ topic: 'audio', payload: audio, call: msg.call, utterance, ...more });
  };

  readonly nothingLeft = (): void => {
    assert.equal(registry.all().length, 0);
    assert.deepEqual(this.company.open, { calls: 0, sockets: 0, requests: 0 });
  };
}
