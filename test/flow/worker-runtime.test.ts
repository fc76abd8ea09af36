import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import type { NodeAPI } from 'node-red';
import type { CallInfo } from '../../nodes/call/message';
import type { ToMain } from '../../nodes/call/workers/protocol';
import type * as News from '../../nodes/call/workers/pool/worker-news';
import type * as Load from '../../nodes/call/workers/pool/worker-load';
import type * as Thread from '../../nodes/call/workers/pool/worker-thread';
import { change, example, KEYS } from '../support/example';
import { sinkAt } from '../support/flows';
import { NODE_RED, PACKAGE_ROOT, Runtime, until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';

/* eslint-disable @typescript-eslint/no-require-imports -- the built modules, that a thread is started from */
const built = (name: string): unknown => require(join(PACKAGE_ROOT, 'dist/nodes/call/workers/pool', `${name}.js`));
/** The running Node-RED has all that the main thread asks of it. */
const RED = (): NodeAPI => require(NODE_RED) as NodeAPI;
/* eslint-enable @typescript-eslint/no-require-imports */

const TAB = 'va01tab000000001';
const IN = 'va01in0000000001';

/** What a worker of the flow as it is deployed is started with. */
function loadOf(nodeTypes: readonly string[] = []): Load.Load {
  const { workerLoad } = built('worker-load') as typeof Load;
  const plan = workerLoad(RED(), nodeTypes);
  assert.ok(plan);
  return plan.load;
}

/** What a worker of the present flow tells, while a test plays the main thread. */
class Trial {
  readonly items: ToMain[] = [];
  lost: { cause: string; error: Error; at: number } | undefined;
  readonly thread: Thread.WorkerThread;

  /** @param load by default that of the flow as it is deployed */
  constructor(memoryMb = 256, load = loadOf()) {
    const { WorkerThread } = built('worker-thread') as typeof Thread;
    this.thread = new WorkerThread(load, {
      memoryMb,
      onItem: (item) => this.items.push(item),
      onLost: (cause, error) => {
        assert.equal(this.lost, undefined, 'told twice');
        this.lost = { cause, error, at: performance.now() };
      },
    });
  }

  /** Somebody rings, and the stream is there. */
  call(n = 1): void {
    const info: CallInfo = {
      id: `CA${n}`,
      carrier: 'twilio',
      direction: 'inbound',
      from: '+15550001111',
      to: '+15550002222',
      startedAt: Date.now(),
      parameters: {},
      media: { encoding: 'mulaw', sampleRate: 8000 },
    };
    this.thread.send({ t: 'open', n, info, ownerId: IN, answer: undefined });
    this.thread.send({ t: 'stream', n, open: true, nth: 1 });
    this.thread.send({ t: 'emit', n, topic: 'call.started', payload: { raw: {} } });
    for (let i = 0; i < 5; i++) this.thread.frame(n, Buffer.alloc(160, i));
  }

  all<T extends ToMain['t']>(t: T): Extract<ToMain, { t: T }>[] {
    return this.items.filter((item): item is Extract<ToMain, { t: T }> => item.t === t);
  }

  /** Messages that the worker's flow gave to a node of the main runtime. */
  messages(node: string): Record<string, unknown>[] {
    return this.all('deliver').filter((item) => item.node.join('-') === node).map(({ msg }) => msg); // prettier-ignore
  }

  give(node: readonly string[], msg: Record<string, unknown>): void {
    this.thread.send({ t: 'deliver', node, msg });
  }
}

describe('Node-RED in a worker thread', () => {
  let nodeRed: Runtime;
  let settingsDir: string;
  let trial: Trial | undefined;

  before(async () => {
    Object.assign(process.env, KEYS, { PUBLIC_URL: 'https://agent.example.net' });
    settingsDir = mkdtempSync(join(tmpdir(), 'voice-settings-'));
    const settingsFile = join(settingsDir, 'settings.js');
    const text = "{ functionGlobalContext: { greet: (name) => 'Hello ' + name }, httpAdminRoot: '/admin', uiPort: 1 }";
    writeFileSync(settingsFile, `module.exports = ${text};`);
    nodeRed = await Runtime.start({ settingsFile });
  });

  after(async () => {
    await nodeRed.stop();
    rmSync(settingsDir, { recursive: true });
  });

  afterEach(async () => {
    await trial?.thread.terminate();
    trial = undefined;
  });

  /** Example 01, with a Function node and a foreign node behind it at the in-node's wire. */
  const flowWith = (func: string, more: Partial<FlowNode> = {}): FlowNode[] => {
    const flows = sinkAt(example('01'), 'twilio-in', 0, 'out');
    const fn: FlowNode = { id: 'fn', type: 'function', z: TAB, name: 'mine', func, outputs: 1, timeout: 0, initialize: '', finalize: '', libs: [], x: 1, y: 1, wires: [['sink-out']], ...more }; // prettier-ignore
    const wired = flows.map(
      (node) =>
      node.id === IN ? { ...node, wires: node.wires?.map((ids) => ids.map((id) => (id === 'sink-out' ? 'fn' : id))) } : node, // prettier-ignore
    );
    return [...wired, fn];
  };

  const started = async (flows: readonly FlowNode[], memoryMb?: number): Promise<Trial> => {
    await nodeRed.deploy(flows);
    trial = new Trial(memoryMb);
    await trial.thread.ready;
    return trial;
  };

  it('starts with the flow of example 01 and carries a call to its end', async () => {
    const { userDir } = RED().settings as unknown as { userDir: string };
    const files = (): string[] =>
      readdirSync(userDir).map((name) => `${name} ${statSync(join(userDir, name)).mtimeMs}`);
    await nodeRed.deploy(flowWith('return msg;'));
    const filesBefore = files();
    const worker = (trial = new Trial());
    await worker.thread.ready;
    assert.deepEqual(worker.thread.problems, []);
    worker.call();
    await until('the call has started', () => worker.messages('sink-out').length >= 6);
    const [first, ...frames] = worker.messages('sink-out');
    assert.equal(first?.topic, 'call.started');
    assert.deepEqual(
      frames.map(({ topic, payload }) => [topic, Buffer.from(payload as Uint8Array)[0]]),
      [0, 1, 2, 3, 4].map((sample) => ['audio', sample]),
    );
    assert.deepEqual(worker.all('stream-known'), [{ t: 'stream-known', n: 1, nth: 1 }]);

    worker.thread.send({ t: 'end', n: 1, reason: 'caller-hangup' });
    await until('the end is told', () => worker.messages('sink-out').some(({ topic }) => topic === 'call.ended'));
    assert.deepEqual(worker.all('over'), [{ t: 'over', n: 1, reason: 'caller-hangup' }]);
    worker.thread.send({ t: 'count' });
    await until('it has counted', () => worker.all('count').length > 0);
    assert.equal(worker.all('count')[0]?.count.calls, 0);
    // A runtime that is one of many leaves no trace on disk.
    await worker.thread.stop();
    assert.deepEqual(files(), filesBefore);
    assert.equal(worker.lost, undefined);
  });

  it('has the functions of the settings file, the environment of the tab, and the credentials', async () => {
    const flows = flowWith('msg.payload = global.get("greet")(env.get("WHO")) + " " + env.get("SECRET"); return msg;');
    const env = [{ name: 'WHO', value: 'you', type: 'str' }, { name: 'SECRET', value: '', type: 'cred' }]; // prettier-ignore
    const worker = await started(change(flows, 'tab', { env, credentials: { SECRET: 'swordfish' } }));
    worker.give(['fn'], { topic: 'ask' });
    await until('it has answered', () => worker.messages('sink-out').length > 0);
    assert.equal(worker.messages('sink-out')[0]?.payload, 'Hello you swordfish');
  });

  it('hands a message to a node in a subflow, and one of a foreign node in there to the main runtime', async () => {
    const template: FlowNode = { id: 'sub', type: 'subflow', name: 'sub', in: [], out: [], env: [] };
    const inner: FlowNode = { id: 'inner', type: 'function', z: 'sub', name: '', func: 'msg.payload++; return msg;', outputs: 1, libs: [], x: 1, y: 1, wires: [['deep']] }; // prettier-ignore
    const deep: FlowNode = { id: 'deep', type: 'test-sink', z: 'sub', name: 'deep', x: 1, y: 1, wires: [] };
    const instance: FlowNode = { id: 'one', type: 'subflow:sub', z: TAB, name: '', env: [], x: 1, y: 1, wires: [] };
    const worker = await started([...example('01'), template, inner, deep, instance]);
    worker.give(['one', 'inner'], { payload: 1 });
    await until('it has come out', () => worker.messages('one-deep').length > 0);
    assert.equal(worker.messages('one-deep')[0]?.payload, 2);
  });

  it('runs further types where it is told to: of the core, and a node of the user', async () => {
    const at = { z: TAB, name: '', x: 1, y: 1 };
    const csv: FlowNode = {
      id: 'csv',
      type: 'csv',
      sep: ',',
      temp: 'a,b',
      hdrin: false,
      multi: 'one',
      ...at,
      wires: [['own']],
    };
    const own: FlowNode = { id: 'own', type: 'test-slow-close', ...at, wires: [['sink']] };
    await nodeRed.deploy([...example('01'), csv, own, { id: 'sink', type: 'test-sink', ...at, wires: [] }]);
    const sendsTo = async (load: Load.Load): Promise<Record<string, unknown>> => {
      const worker = (trial = new Trial(256, load));
      await worker.thread.ready;
      worker.give(['csv'], { payload: '1,2' });
      await until('it has left the worker', () => worker.all('deliver').length > 0);
      const [sent] = worker.all('deliver');
      await worker.thread.terminate();
      return { node: sent?.node, payload: sent?.msg.payload };
    };
    assert.deepEqual(await sendsTo(loadOf()), { node: ['csv'], payload: '1,2' });
    const further = loadOf(['csv', 'test-slow-close']);
    assert.deepEqual(await sendsTo(further), { node: ['sink'], payload: { a: 1, b: 2 } });
  });

  it('tells a warning of a node once, and an error as an error; the runtime itself starts without a word', async () => {
    const worker = await started(flowWith('node.warn("look"); throw new Error("oh no");', { wires: [[]] }));
    assert.deepEqual(worker.all('log'), []);
    // With a Catch node on the tab nobody else is told of an error.
    worker.give(['fn'], { topic: 'ask' });
    await until('it has told', () => worker.all('comms').length > 0);
    assert.deepEqual(worker.all('log').map(({ entry }) => [entry.level, entry.id, entry.msg]), [[30, 'fn', 'look']]); // prettier-ignore
    assert.deepEqual(worker.all('comms').map(({ topic, data }) => [topic, (data as { id: string }).id]), [['debug', 'va01errors000001']]); // prettier-ignore
  });

  it('has its Debug nodes follow their buttons in the editor', async () => {
    const { WorkerNewsDesk } = built('worker-news') as typeof News;
    const worker = await started(
      example('01').map((node) => (node.type === 'debug' ? { ...node, active: false } : node)),
    );
    const desk = new WorkerNewsDesk(RED());
    const shown = (): number => worker.all('comms').length;
    try {
      worker.give(['va01turns0000001'], { payload: 'not seen' });
      await fetch(`${nodeRed.url}/debug/va01turns0000001/enable`, { method: 'POST' });
      await until('the button works', () => {
        worker.give(['va01turns0000001'], { payload: 'seen' });
        return shown() > 0;
      });
      assert.match(JSON.stringify(worker.all('comms')[0]), /"msg":"seen"/);
      assert.equal(
        worker.all('comms').some(({ data }) => (data as { id: string }).id !== 'va01turns0000001'),
        false,
      );
    } finally {
      desk.dispose();
    }
  });

  it('says which of its nodes reported an error as they were made', async () => {
    const syntax = await started(flowWith('return ms g;'));
    assert.deepEqual(syntax.thread.problems, ["function mine: Unexpected identifier 'g' (body:line 1)"]);
    await syntax.thread.stop();
    const onStart = await started(flowWith('return msg;', { initialize: 'throw new Error("no database");' }));
    assert.deepEqual(onStart.thread.problems, ['function mine: no database']);
    await onStart.thread.stop();
    const account = await started(change(example('01'), 'llm-agent', { account: '' }));
    assert.equal(account.thread.problems.length, 1);
    assert.match(account.thread.problems[0] ?? '', /^llm-agent va01agent0000001: Choose an account/);
    await account.thread.stop();
    const door = await started(change(example('01'), 'twilio-in', { account: '', id: 'other', name: 'front door' }));
    assert.match(door.thread.problems[0] ?? '', /^twilio-in front door: Choose an account \(twilio-account\)/);
  });

  it('does not start where modules of a Function node are missing, and says which', async () => {
    await nodeRed.deploy(example('01'));
    const load = loadOf();
    const fn = { id: 'fn', type: 'function', z: TAB, name: '', func: 'return msg;', outputs: 1, libs: [{ var: 'x', module: 'no-such-module' }], x: 1, y: 1, wires: [] }; // prettier-ignore
    trial = new Trial(256, { ...load, flows: [...load.flows, fn], nodesIncludes: ['10-function.js', ...load.nodesIncludes] }); // prettier-ignore
    await assert.rejects(trial.thread.ready, /^Error: modules of Function nodes are missing: no-such-module$/);
    assert.equal(trial.lost, undefined, 'told by `ready` alone');
  });

  it('is ended within 1.5 s when a Function node loops endlessly, and the main thread does not wait', async () => {
    const worker = await started(flowWith('if (msg.topic === "call.started") while (true); return msg;'));
    const rangAt = performance.now();
    worker.call();
    await until('it is lost', () => worker.lost !== undefined, 3_000);
    assert.equal(worker.lost?.cause, 'stuck');
    assert.match(worker.lost?.error.message ?? '', /endless loop/);
    const tookMs = (worker.lost?.at ?? Infinity) - rangAt;
    assert.ok(tookMs < 2_000, `${tookMs} ms`);
  });

  it('is ended when its memory grows beyond the limit', async () => {
    const hoard = 'const kept = []; const more = () => { for (let i = 0; i < 50000; i++) kept.push({ i }); setTimeout(more, 1); }; more();'; // prettier-ignore
    const worker = await started(flowWith(hoard), 64);
    worker.give(['fn'], { topic: 'ask' });
    await until('it is lost', () => worker.lost !== undefined, 10_000);
    assert.equal(worker.lost?.cause, 'memory');
    assert.match(worker.lost?.error.message ?? '', /64 MB/);
  });

  it('is lost with the error that nobody caught', async () => {
    const worker = await started(flowWith('Promise.reject(new Error("nobody waits"));'));
    worker.give(['fn'], { topic: 'ask' });
    await until('it is lost', () => worker.lost !== undefined);
    assert.equal(worker.lost?.cause, 'crashed');
    assert.match(worker.lost?.error.message ?? '', /nobody waits/);
  });
});
