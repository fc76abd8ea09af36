/** What the tests of TTS nodes share: as much of Node-RED as they see, and calls that reach them. */
import { EventEmitter } from 'node:events';
import type { NodeAPI } from 'node-red';
import type { CarrierControl } from '../../nodes/call/carrier/control';
import type { Call } from '../../nodes/call/call';
import { registry } from '../../nodes/call/heart';
import type { CallInfo, UtteranceInfo, VoiceMessage } from '../../nodes/call/message';
import { hearWords } from '../../simulators/audio';
import { SIMULATOR_KEY } from '../../simulators/loopback';
import { until } from '../unit/call/utterance';

type Config = { id: string; type: string } & Record<string, unknown>;

/** As much of a node as the shell sees. */
export class FakeNode extends EventEmitter {
  readonly sent: VoiceMessage[] = [];
  readonly errors: { err: Error; msg: Record<string, unknown> }[] = [];
  readonly statuses: string[] = [];
  readonly warnings: string[] = [];
  readonly wires: string[][] = [];
  name = '';

  constructor(
    readonly id: string,
    readonly type: string,
    readonly credentials: object,
  ) {
    super();
  }

  send(msg: VoiceMessage): void {
    this.sent.push(msg);
    this.emit('sent', msg);
  }
  status(status: { text: string }): void {
    this.statuses.push(status.text);
  }
  error(err: Error, msg: Record<string, unknown>): void {
    this.errors.push({ err, msg });
  }
  warn(line: string): void {
    this.warnings.push(line);
  }
  log(): void {}
  debug(): void {}

  receive(msg: unknown): void {
    this.emit('input', msg, undefined, (err?: Error) => err && this.error(err, {}));
  }
}

/** As much of Node-RED as the nodes see. */
export class FakeRed {
  readonly nodes = new Map<string, FakeNode>();
  private readonly types = new Map<string, (this: FakeNode, config: Config) => void>();
  readonly events = new EventEmitter();

  /** @param register what each node set exports */
  constructor(register: ((api: NodeAPI) => void)[]) {
    const api = {
      nodes: {
        createNode: () => undefined,
        getNode: (id: string) => this.nodes.get(id) ?? null,
        registerType: (type: string, constructor: (this: FakeNode, config: Config) => void) =>
          this.types.set(type, constructor),
      },
      events: this.events,
      _: (key: string) => key,
    } as unknown as NodeAPI;
    for (const one of register) one(api);
  }

  /** Deploys a node; the one that was there is closed. */
  deploy(config: Config, credentials: object = {}): FakeNode {
    this.nodes.get(config.id)?.emit('close', () => undefined);
    const node = new FakeNode(config.id, config.type, credentials);
    this.nodes.set(config.id, node);
    this.types.get(config.type)?.call(node, config);
    return node;
  }
}

let stageCounter = 0;

/** What a stage must know of a provider. */
export interface TtsUnderTest {
  register: ((api: NodeAPI) => void)[];
  type: string;
  accountType: string;
  /** The node's config, but for its account. */
  config: Record<string, unknown>;
}

/** A TTS node at a simulator, and calls that reach it. */
export class TtsStage<Simulator extends { readonly url: string }> {
  readonly red: FakeRed;
  readonly id = `tts-${++stageCounter}`;
  readonly accountId = `account-${stageCounter}`;
  readonly calls: Call[] = [];
  node!: FakeNode;

  constructor(
    readonly simulator: Simulator,
    private readonly tts: TtsUnderTest,
  ) {
    this.red = new FakeRed(tts.register);
    this.account(SIMULATOR_KEY);
    this.deploy();
    // As a runtime does when its nodes are there: the gate, which is the process's, may be shut since an earlier test.
    this.red.events.emit('flows:started');
  }

  account(apiKey: string, id = this.accountId): void {
    this.red.deploy({ id, type: this.tts.accountType, baseUrl: this.simulator.url }, { apiKey });
  }

  deploy(config: Record<string, unknown> = {}): void {
    this.node = this.red.deploy({
      id: this.id,
      type: this.tts.type,
      account: this.accountId,
      ...this.tts.config,
      ...config,
    });
  }

  call(): Call {
    const info: CallInfo = {
      id: `call-${stageCounter}-${this.calls.length}`,
      carrier: 'test',
      direction: 'inbound',
      from: '+15550000001',
      to: '+15550000002',
      startedAt: Date.now(),
      parameters: {},
      media: { encoding: 'mulaw', sampleRate: 8000 },
    };
    const carrier = {
      name: 'test',
      connected: true,
      control: {} as CarrierControl,
      play: () => undefined,
      mark: () => undefined,
      clear: () => undefined,
      hangUp: () => Promise.resolve(),
      say: () => Promise.resolve(),
      dispose: () => undefined,
    };
    const limits = { maxDurationMs: 60_000, silenceMs: 60_000, goodbye: '' };
    const call = registry.open(info, carrier, 'in', () => limits);
    this.calls.push(call);
    this.send(call, 'call.started', {});
    return call;
  }

  send(call: Call, topic: string, payload: unknown, more: Record<string, unknown> = {}): void {
    this.node.receive({ topic, payload, call: { ...call.info }, ...more });
  }

  reply(call: Call, id: string, pieces: string[], more: Partial<UtteranceInfo> = {}): void {
    pieces.forEach((text, seq) => {
      const utterance = { id, by: 'agent', kind: 'reply', seq, done: seq === pieces.length - 1, interruptible: true };
      this.send(call, 'reply', text, { utterance: { ...utterance, ...more } });
    });
  }

  audio(call: Call, id?: string): VoiceMessage[] {
    return this.node.sent.filter(
      (msg) => msg.topic === 'audio' && msg.call.id === call.info.id && (!id || msg.utterance?.id === id),
    );
  }

  heard(call: Call, id?: string): string {
    return hearWords(Buffer.concat(this.audio(call, id).map((msg) => msg.payload as Buffer)));
  }

  async spoken(call: Call, id: string): Promise<string> {
    await until(`${id} is spoken`, () => this.audio(call, id).some((msg) => msg.utterance?.done));
    return this.heard(call, id);
  }
}
