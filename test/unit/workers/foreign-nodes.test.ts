import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Node, NodeAPI } from 'node-red';
import { gate, registry } from '../../../nodes/call/heart';
import type { Home } from '../../../nodes/call/workers/elsewhere';
import { ForeignNodes } from '../../../nodes/call/workers/pool/foreign-nodes';
import type { Delivery, Undelivered } from '../../../nodes/call/workers/protocol';

type Message = Record<string, unknown>;
interface SendEvent {
  msg: Message;
  source: { node: { error(err: Error, msg: Message): void } };
  destination: { id: string };
}

/** A node of the main runtime that notes what it receives and what errors it tells Catch. */
class MainNode {
  readonly received: Message[] = [];
  readonly errors: { words: string; msg: Message }[] = [];
  constructor(readonly id: string) {}
  receive(msg: Message): void {
    this.received.push(msg);
  }
  error(err: Error, msg: Message): void {
    this.errors.push({ words: err.message, msg });
  }
}

/** A worker: what it is sent is cloned, as by a port. */
class Worker implements Home {
  gone = false;
  readonly sent: (Delivery | Undelivered)[] = [];
  constructor(private readonly nodes: readonly string[]) {}
  runs(id: string): boolean {
    return this.nodes.includes(id);
  }
  send(item: Delivery | Undelivered): void {
    this.sent.push(structuredClone(item));
  }
}

/** Node-RED as far as it is needed: nodes by id, and hooks. */
class Red {
  readonly nodes: Map<string, MainNode>;
  hook: ((event: SendEvent) => unknown) | undefined;
  constructor(...nodes: MainNode[]) {
    this.nodes = new Map(nodes.map((node) => [node.id, node]));
  }
  get api(): NodeAPI {
    const api = {
      nodes: { getNode: (id: string) => this.nodes.get(id) as unknown as Node },
      hooks: {
        has: () => this.hook !== undefined,
        add: (name: string, hook: (event: SendEvent) => unknown) => {
          assert.equal(name, 'preRoute.voice-agent-workers');
          this.hook = hook;
        },
        remove: () => (this.hook = undefined),
      },
    };
    return api as unknown as NodeAPI;
  }
  /** A node sends a message on a wire. @returns true where it goes on in the main thread */
  send(source: MainNode, destination: string, msg: Message): boolean {
    return this.hook?.({ msg, source: { node: source }, destination: { id: destination } }) !== false;
  }
}

function deliver(node: string, msg: Message): Delivery {
  return structuredClone({ t: 'deliver', node: [node], msg });
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('a node that stays in the main runtime', () => {
  const [database, agent] = [new MainNode('database'), new MainNode('agent')];
  let red: Red;
  let worker: Worker;
  let other: Worker;
  let foreign: ForeignNodes;
  const homes = new Map<string, Worker>();

  beforeEach(() => {
    for (const node of [database, agent]) node.received.length = node.errors.length = 0;
    red = new Red(database, agent);
    [worker, other] = [new Worker(['agent', 'tool-result']), new Worker(['agent'])];
    homes.clear();
    homes.set('CA1', worker).set('CA2', other);
    foreign = new ForeignNodes(red.api, { homeOf: (id) => homes.get(id) });
    foreign.watch(true);
  });
  afterEach(() => {
    gate.open();
    mock.timers.reset();
  });

  it('gets the messages of a call that lives in a worker, in their order, with their Buffers', () => {
    for (const text of ['a', 'b', 'c']) foreign.take(deliver('database', { payload: Buffer.from(text) }), worker);
    assert.deepEqual(
      database.received.map(({ payload }) => String(payload as Buffer)),
      ['a', 'b', 'c'],
    );
    assert.ok(Buffer.isBuffer(database.received[0]?.payload));
  });

  it('has its answer go on in the worker in which the call lives', () => {
    foreign.take(deliver('database', { _msgid: '1', call: { id: 'CA1' }, payload: 'Ada?' }), worker);
    const msg = { _msgid: '1', call: { id: 'CA1' }, payload: 'Ada Lovelace' };
    assert.equal(red.send(database, 'agent', msg), false);
    assert.deepEqual(worker.sent, [{ t: 'deliver', node: ['agent'], msg }]);
    assert.deepEqual(other.sent, []);
  });

  it('has its answer go on there also if it lost the call on the way', () => {
    foreign.take(deliver('database', { _msgid: 'm1', call: { id: 'CA1' }, payload: 'Ada?' }), worker);
    assert.equal(red.send(database, 'agent', { _msgid: 'm1', payload: 'Ada Lovelace' }), false);
    assert.equal(worker.sent.length, 1);
    assert.equal(red.send(database, 'agent', { _msgid: 'm2', payload: 'of somebody else' }), true);
  });

  it('sends to others in the main runtime as always, and what is no call of a worker stays there', () => {
    assert.equal(red.send(agent, 'database', { call: { id: 'CA1' } }), true, 'a node that is a proxy there');
    assert.equal(red.send(database, 'agent', { call: { id: 'CA3' } }), true, 'a call of this thread');
    assert.equal(red.send(database, 'agent', { payload: 'no call' }), true);
    worker.gone = true;
    assert.equal(red.send(database, 'agent', { call: { id: 'CA1' } }), true, 'a worker that is gone');
    assert.deepEqual([...worker.sent, ...other.sent], []);
  });

  it('tells Catch what of a message cannot go to the worker', () => {
    const msg = { call: { id: 'CA1' }, res: { send: (): void => undefined } };
    assert.equal(red.send(database, 'agent', msg), false);
    assert.deepEqual(worker.sent, []);
    assert.match(database.errors[0]?.words ?? '', /msg\.res\.send is a function and cannot go to the worker thread/);
    assert.equal(database.errors[0]?.msg, msg);
  });

  it('is missed in words by the worker if it is no longer deployed', () => {
    foreign.take(deliver('deleted', { call: { id: 'CA1' }, payload: 'x' }), worker);
    const [back] = worker.sent as Undelivered[];
    assert.equal(back?.t, 'undelivered');
    assert.match(back?.error.message ?? '', /node deleted is not deployed in the main runtime/);
    assert.deepEqual(back?.msg, { call: { id: 'CA1' }, payload: 'x' });
  });

  it('gets what came during a Deploy when it runs again, in order', async () => {
    gate.close([]);
    for (const text of ['a', 'b']) foreign.take(deliver('database', { payload: text }), worker);
    assert.deepEqual(database.received, []);
    const again = new MainNode('database');
    red.nodes.set('database', again);
    gate.open();
    // Before those that wait have been let go.
    foreign.take(deliver('database', { payload: 'c' }), worker);
    await turn();
    assert.deepEqual(
      again.received.map(({ payload }) => payload),
      ['a', 'b', 'c'],
    );
  });

  it('gets the newest audio if a Deploy takes long, and every event', async () => {
    gate.close([]);
    foreign.take(deliver('database', { topic: 'turn' }), worker);
    for (let i = 0; i < 10_000; i++)
      foreign.take({ t: 'deliver', node: ['database'], msg: { topic: 'audio', i } }, worker);
    gate.open();
    await turn();
    assert.equal(database.received.length, 10_000);
    assert.equal(database.received[0]?.topic, 'turn');
    assert.equal(database.received[1]?.i, 1);
    assert.equal(database.received.at(-1)?.i, 9_999);
  });

  it('gets no more than can be kept: the worker is told', () => {
    gate.close([]);
    for (let i = 0; i <= 10_000; i++)
      foreign.take({ t: 'deliver', node: ['database'], msg: { topic: 'turn', i } }, worker);
    const [back, ...more] = worker.sent as Undelivered[];
    assert.match(back?.error.message ?? '', /10000 messages wait/);
    assert.equal(back?.msg.i, 10_000);
    assert.deepEqual(more, []);
  });

  it('gets nothing of flows that have stood still for too long: the worker is told', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    gate.close([]);
    foreign.take(deliver('database', { payload: 'a' }), worker);
    mock.timers.tick(30_000);
    await turn();
    assert.match((worker.sent as Undelivered[])[0]?.error.message ?? '', /stood still for 30 s/);
    gate.open();
    assert.deepEqual(database.received, []);
  });

  it('is looked after by no hook when no call lives in a worker, and remembers nothing', () => {
    foreign.take(deliver('database', { _msgid: 'm1', call: { id: 'CA1' } }), worker);
    foreign.watch(true);
    foreign.watch(false);
    assert.equal(red.hook, undefined);
    foreign.watch(true);
    assert.equal(red.send(database, 'agent', { _msgid: 'm1' }), true);
  });

  it('is remembered 10,000 messages long, and for ten minutes', () => {
    const ask = (id: string): void => foreign.take({ t: 'deliver', node: ['database'], msg: { _msgid: id } }, worker);
    const comesBack = (id: string): boolean => !red.send(database, 'agent', { _msgid: id });
    for (let i = 0; i <= 10_000; i++) ask(`m${i}`);
    assert.equal(comesBack('m0'), false);
    assert.equal(comesBack('m1'), true);
    ask('m1');
    ask('new');
    assert.deepEqual(['m1', 'm2', 'm3'].map(comesBack), [true, false, true]);
    // Audio comes so often that it would push out all else.
    for (let i = 0; i <= 10_000; i++)
      foreign.take({ t: 'deliver', node: ['database'], msg: { _msgid: `a${i}`, topic: 'audio' } }, worker);
    assert.deepEqual(['m1', 'new', 'a1'].map(comesBack), [true, true, false]);
    const now = performance.now();
    mock.method(performance, 'now', () => now + 600_001);
    assert.equal(comesBack('m10000'), false);
    mock.restoreAll();
  });

  describe('and a message that names a call of elsewhere', () => {
    const elsewhere = (callId: string, node = 'agent'): void =>
      foreign.take({ t: 'elsewhere', node: [node], msg: { call: { id: callId }, topic: 'tool.result' } }, worker);

    it('goes to the worker that has the call, to the same node', () => {
      elsewhere('CA2');
      assert.deepEqual(other.sent, [
        { t: 'deliver', node: ['agent'], msg: { call: { id: 'CA2' }, topic: 'tool.result' } },
      ]);
    });

    it('goes to the node of the main runtime if no worker has it, and never back', () => {
      elsewhere('CA3');
      elsewhere('CA1');
      assert.deepEqual(
        agent.received.map(({ call }) => call),
        [{ id: 'CA3' }, { id: 'CA1' }],
      );
      assert.deepEqual([...worker.sent, ...other.sent], []);
    });

    it('is dropped and counted where there is no such node', () => {
      const before = registry.dropped;
      elsewhere('CA3', 'deleted');
      assert.equal(registry.dropped, before + 1);
      assert.deepEqual(worker.sent, []);
    });
  });
});
