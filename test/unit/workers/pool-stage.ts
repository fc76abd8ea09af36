/** A pool of workers whose threads do what the test says, with in-nodes and carriers that note what reaches them. */
import { EventEmitter } from 'node:events';
import type { Node, NodeAPI } from 'node-red';
import { followFlows } from '../../../nodes/call/lifecycle';
import type { InSettings } from '../../../nodes/call/carrier/in-settings';
import { readInSettings } from '../../../nodes/call/carrier/in-settings';
import type { OpenedCall } from '../../../nodes/call/carrier/open-call';
import { registry } from '../../../nodes/call/heart';
import type { CallInfo } from '../../../nodes/call/message';
import { NodeSlot } from '../../../nodes/call/node-slot';
import type { LiveInstance } from '../../../nodes/call/node-slot';
import type { RawConfig } from '../../../nodes/call/settings';
import { WorkerPool } from '../../../nodes/call/workers/pool/pool';
import type { PoolParts } from '../../../nodes/call/workers/pool/pool-parts';
import type { WorkerWants } from '../../../nodes/call/workers/pool/placement';
import type {
  LossCause,
  News,
  Plan,
  PoolWorker,
  StartWorker,
  WorkerEvents,
  WorkerHandle,
} from '../../../nodes/call/workers/pool/pool-worker';
import type { CallRef, ToMain, ToWorker } from '../../../nodes/call/workers/protocol';
import { LoneCarrier } from '../call/lone-call';

const events = new EventEmitter();
followFlows({ events } as unknown as NodeAPI);

/** What has been promised has come true. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** A worker thread that only notes what it is told. */
export class FakeThread implements WorkerHandle {
  readonly sent: ToWorker[] = [];
  readonly frames: { n: CallRef; audio: Buffer }[] = [];
  state: 'starting' | 'ready' | 'stopping' | 'gone' = 'starting';
  readonly ready: Promise<void>;
  problems: readonly string[] = [];
  private resolve!: () => void;
  private reject!: (error: Error) => void;
  private stopped!: () => void;
  private readonly end = new Promise<void>((resolve) => (this.stopped = resolve));

  constructor(
    readonly plan: Plan,
    readonly wants: WorkerWants,
    private readonly events: WorkerEvents,
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  send(item: ToWorker): void {
    this.sent.push(structuredClone(item));
  }

  frame(n: CallRef, audio: Buffer): void {
    this.frames.push({ n, audio: Buffer.from(audio) });
  }

  /** Asked to end, it takes until the test says so. */
  stop(): Promise<void> {
    this.state = 'stopping';
    return this.end;
  }

  terminate(): Promise<void> {
    this.state = 'stopping';
    return this.end;
  }

  async begin(): Promise<void> {
    this.state = 'ready';
    this.resolve();
    await settled();
  }

  async failToBegin(words: string): Promise<void> {
    this.state = 'gone';
    this.reject(new Error(words));
    await settled();
  }

  async isStopped(): Promise<void> {
    this.state = 'gone';
    this.stopped();
    await settled();
  }

  async isLost(cause: LossCause, words: string): Promise<void> {
    this.state = 'gone';
    this.events.onLost(cause, new Error(words));
    await settled();
  }

  says(item: ToMain): void {
    this.events.onItem(item);
  }

  /** The ids of the calls that were opened in it, in order. */
  get opened(): string[] {
    return this.sent.flatMap((item) => (item.t === 'open' ? [item.info.id] : []));
  }

  /** What it was told of one call. */
  toldOf(n: CallRef): string[] {
    return this.sent.flatMap((item) => ('n' in item && item.n === n ? [item.t] : []));
  }
}

/** An in-node, and what is seen of it in the editor and by Catch. */
export class FakeInNode {
  readonly errors: { message: string; msg: Record<string, unknown> }[] = [];
  readonly sent: Record<string, unknown>[] = [];
  readonly lines: string[] = [];
  readonly slot: NodeSlot<InSettings>;
  /** Each time that it was asked to show its state: what was wrong. */
  readonly problems: (string | undefined)[] = [];

  constructor(
    readonly id: string,
    config: RawConfig,
  ) {
    this.slot = new NodeSlot<InSettings>(id, 'twilio-in', settingsOf(config));
    this.deploy();
  }

  /** A new instance, as of a Deploy. */
  deploy(config?: RawConfig): void {
    if (config) this.slot.settings = settingsOf(config);
    const node = {
      error: (error: Error, msg: Record<string, unknown>) => this.errors.push({ message: error.message, msg }),
      send: (msg: Record<string, unknown>) => this.sent.push(msg),
      log: (line: string) => this.lines.push(line),
      warn: (line: string) => this.lines.push(line),
      status: () => undefined,
    };
    this.slot.instance = {
      node: node as unknown as Node,
      translate: (key) => key,
      wiring: { isWired: () => false, leadsAbroad: () => false, straight: () => undefined },
    } satisfies LiveInstance;
  }
}

function settingsOf(config: RawConfig): InSettings {
  return readInSettings({ runIn: 'workers', ...config }, '/voice');
}

/** A call as its carrier has it. */
export class FakeCall {
  readonly carrier = new LoneCarrier();
  readonly opened: OpenedCall;
  counted = 0;

  constructor(pool: WorkerPool, inNode: FakeInNode, id: string, direction: CallInfo['direction'] = 'inbound') {
    const info: CallInfo = {
      ...{ id, carrier: 'fake', direction, from: '+15550001', to: '+15550002' },
      ...{ startedAt: Date.now(), parameters: {} },
      media: { encoding: 'mulaw', sampleRate: 8000 },
    };
    this.opened = pool.open(inNode.slot, info, this.carrier, () => this.counted++);
  }

  get call(): OpenedCall['call'] {
    return this.opened.call;
  }

  get n(): CallRef {
    return (this.call as unknown as { n: CallRef }).n;
  }

  /** The media stream is there, as it is within a moment. */
  stream(): this {
    this.call.streamOpened();
    return this;
  }
}

export class PoolStage {
  readonly threads: FakeThread[] = [];
  readonly news: News['t'][] = [];
  readonly occupied: boolean[] = [];
  readonly gone: number[] = [];
  readonly pool: WorkerPool;
  /** The flow as deployed: whatever it is, workers run it. */
  flow = 'first';
  /** What is wrong with it, if it cannot even be read. */
  unfit: string | undefined;
  private calls = 0;
  private readonly callIds = `${Math.random().toString(36).slice(2)}-`;

  constructor(cores = 2) {
    const parts: PoolParts = {
      cores,
      plan: () => this.plan(),
      starter:
        (plan, wants): StartWorker =>
        (workerEvents) => {
          const thread = new FakeThread(plan, wants, workerEvents);
          this.threads.push(thread);
          return thread;
        },
      occupied: (are) => {
        if (this.occupied.at(-1) !== are) this.occupied.push(are);
      },
      news: (_worker: PoolWorker, news: News) => this.news.push(news.t),
      gone: ({ number }: PoolWorker) => this.gone.push(number),
    };
    this.pool = new WorkerPool(parts);
  }

  /** An in-node is there from the next Deploy on. */
  inNode(config: RawConfig = {}, id = 'in'): FakeInNode {
    const node = new FakeInNode(id, config);
    this.pool.serve(node.slot, () => node.problems.push(this.pool.problem));
    return node;
  }

  /** Deploys a flow: the in-nodes get new instances, and then the flows run. */
  deploy(flow = this.flow): void {
    this.start(flow);
    this.pool.deployed();
  }

  /** The flows run, and nobody has told the pool yet. */
  start(flow: string): void {
    this.flow = flow;
    events.emit('flows:stopping');
    events.emit('flows:started');
  }

  /** Deploys, and all its workers start. */
  async run(flow?: string): Promise<FakeThread[]> {
    const before = this.threads.length;
    this.deploy(flow);
    for (const thread of this.threads.slice(before)) await thread.begin();
    return this.threads.slice(before);
  }

  call(inNode: FakeInNode, direction?: CallInfo['direction']): FakeCall {
    return new FakeCall(this.pool, inNode, `${this.callIds}${++this.calls}`, direction);
  }

  /** In how many threads each thread's calls are: `[2, 1]`. */
  get spread(): number[] {
    return this.threads.map((thread) => thread.opened.length);
  }

  strike(): void {
    for (const call of registry.everywhere()) call.end('shutdown');
    this.pool.stopped();
  }

  private plan(): Plan {
    if (this.unfit !== undefined) throw new Error(this.unfit);
    const load = {
      flows: [{ id: 'x', type: 'function', func: this.flow }],
      ...{ credentials: {}, settings: {}, settingsFile: undefined },
      ...{ coreNodesDir: '/core', nodesIncludes: [], modules: [] },
    };
    return { load, running: new Set(['x']) };
  }
}
