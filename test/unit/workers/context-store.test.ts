import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { after, before, describe, it } from 'mocha';
import type { Node } from 'node-red';
import { ContextService } from '../../../nodes/call/workers/pool/context-service';

type Callback = (error?: Error | null, ...values: unknown[]) => void;
interface Store {
  get(scope: string, key: string | string[], callback?: Callback): unknown;
  set(scope: string, key: string | string[], value: unknown, callback?: Callback): void;
  keys(scope: string, callback?: Callback): unknown;
  delete(scope: string): Promise<void>;
  clean(nodes: string[]): Promise<void>;
  close(): Promise<void>;
}
/** A method of the store with its callback, as a promise. */
type Ask = (method: 'get' | 'set' | 'keys', ...args: unknown[]) => Promise<unknown[]>;
type Work = (store: Store, ask: Ask, ...args: never[]) => unknown;

interface Told {
  id?: number;
  value?: unknown;
  error?: string;
}
type Item =
  | { t: 'context'; port: MessagePort; signal: SharedArrayBuffer }
  | { t: 'log'; entry: { level: number; msg: { line: string } } };

/** A worker thread with a context store that is the main thread's. */
class Thread {
  private readonly worker = new Worker(resolve(__dirname, 'context-thread.cjs'));
  private readonly waiting = new Map<number, (told: Told) => void>();
  private last = 0;
  /** Lines that it has opened. */
  lines = 0;
  /** Errors that it has told. */
  readonly log: string[] = [];

  constructor(serve: (port: MessagePort, signal: SharedArrayBuffer) => void) {
    this.worker.on('message', (told: Told | Item[]) => {
      if (!Array.isArray(told)) return this.waiting.get(told.id ?? 0)?.(told);
      for (const item of told) {
        if (item.t === 'log') this.log.push(item.entry.msg.line);
        else {
          this.lines++;
          serve(item.port, item.signal);
        }
      }
    });
  }

  /** Has it run a function there. @throws by rejection what that throws */
  run(store: string, work: Work, ...args: unknown[]): Promise<unknown> {
    const id = ++this.last;
    return new Promise((done, failed) => {
      this.waiting.set(id, ({ value, error }) => (error === undefined ? done(value) : failed(new Error(error))));
      this.worker.postMessage({ id, store, code: work.toString(), args });
    });
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }
}

interface Contexts {
  init(settings: Record<string, unknown>): void;
  load(): Promise<void>;
  close(): Promise<void>;
  clean(flow?: unknown): Promise<void>;
}
interface Context {
  get(key: string, store: string): unknown;
  set(key: string, value: unknown, store: string): void;
  flow: Context;
  global: Context;
}

/* eslint-disable @typescript-eslint/no-require-imports -- Node-RED's own, which has no types */
const contexts = require('@node-red/runtime/lib/nodes/context') as Contexts;
const NodeRedNode = require('@node-red/runtime/lib/nodes/Node') as { prototype: Node };
const util = require('@node-red/util') as {
  log: { init(s: unknown): void };
  i18n: { init(s: unknown): Promise<void> };
};
/* eslint-enable */

/** A store that answers in a later turn only, and knows one key that it cannot read. */
const slowStore = (): Record<string, unknown> => {
  const data = new Map<string, unknown>();
  const later = (callback: Callback | undefined, ...told: [Error | undefined, ...unknown[]]): void => {
    if (!callback) throw new Error('only asynchronous access');
    setImmediate(() => callback(...told));
  };
  return {
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
    get: (scope: string, key: string, callback?: Callback) =>
      key === 'broken' ? later(callback, new Error('disk full')) : later(callback, undefined, data.get(scope + key)),
    set: (scope: string, key: string, value: unknown, callback?: Callback) => {
      data.set(scope + key, value);
      later(callback, undefined);
    },
    keys: (_scope: string, callback?: Callback) => later(callback, undefined, [...data.keys()]),
    delete: () => Promise.resolve(),
    clean: () => Promise.resolve(),
  };
};

describe('the context store of the main runtime, in a worker', () => {
  const dir = mkdtempSync(join(tmpdir(), 'context-'));
  const seed = { tools: { run: (): string => 'main' }, house: { name: 'Ada' } };
  let one: Thread;
  let other: Thread;
  /** As a node of the main runtime has it. */
  let main: Context;

  before(async () => {
    util.log.init({ logging: { console: { level: 'off' } } });
    await util.i18n.init({});
    const contextStorage = {
      default: { module: 'memory' },
      file: { module: 'localfilesystem', config: { dir, flushInterval: 0 } },
      slow: { module: slowStore },
    };
    contexts.init({ contextStorage, functionGlobalContext: seed });
    await contexts.load();
    const node = Object.assign(Object.create(NodeRedNode.prototype) as Node, { id: 'node1', z: 'flow1' });
    main = node.context() as unknown as Context;
    const service = new ContextService(node);
    [one, other] = [new Thread((p, s) => service.serve(p, s)), new Thread((p, s) => service.serve(p, s))];
  });
  after(async () => {
    await Promise.all([one.end(), other.end()]);
    await contexts.close();
    rmSync(dir, { recursive: true });
  });
  it('is one for the main thread and all workers, at once', async () => {
    main.flow.set('x', { by: 'main' }, 'file');
    assert.deepEqual(await one.run('file', (store) => store.get('flow1', 'x')), { by: 'main' });
    await one.run('file', (store) => store.set('flow1', 'x.by', 'worker'));
    assert.deepEqual(await other.run('file', (store) => store.get('flow1', 'x')), { by: 'worker' });
    assert.deepEqual(main.flow.get('x', 'file'), { by: 'worker' });
  });

  it('is that of the flow, of the node, and of all', async () => {
    await one.run('file', (store) => {
      store.set('global', 'whose', 'all');
      store.set('flow1', 'whose', 'flow');
      store.set('node1:flow1', 'whose', 'node');
    });
    assert.deepEqual(
      [main, main.flow, main.global].map((context) => context.get('whose', 'file')),
      ['node', 'flow', 'all'],
    );
    assert.deepEqual(await one.run('file', (store) => store.keys('node1:flow1')), ['whose']);
  });

  it('is of one piece also where a worker knows a node before the main runtime does', async () => {
    await one.run('file', (store) => store.set('node2:flow1', 'x', 'first'));
    const node = Object.assign(Object.create(NodeRedNode.prototype) as Node, { id: 'node2', z: 'flow1' });
    const context = node.context() as unknown as Context;
    assert.equal(context.get('x', 'file'), 'first');
    assert.equal(context.flow, main.flow);
  });

  it('answers a thousand questions, one after another, in less than 2 s', async () => {
    const startedAt = performance.now();
    const sum = await one.run('file', (store) => {
      let all = 0;
      for (let i = 0; i < 1_000; i++) {
        store.set('flow1', 'i', i);
        all += store.get('flow1', 'i') as number;
      }
      return all;
    });
    assert.equal(sum, 499_500);
    assert.ok(performance.now() - startedAt < 2_000, `${performance.now() - startedAt} ms`);
  });

  it('gives several values at once, and with a callback', async () => {
    main.flow.set('a', 1, 'file');
    main.flow.set('b', Buffer.from('two'), 'file');
    assert.deepEqual(await one.run('file', (store) => store.get('flow1', ['a', 'none'])), [1, undefined]);
    assert.deepEqual(await one.run('file', (_store, ask) => ask('get', 'flow1', ['a', 'none'])), [1, undefined]);
    const isBuffer = await one.run('file', (store) => Buffer.isBuffer(store.get('flow1', 'b')));
    assert.equal(isBuffer, true);
  });

  it('keeps the order of what is asked with a callback and of what is asked at once', async () => {
    const told = await one.run('file', async (store, ask) => {
      const order: unknown[] = [];
      store.set('flow1', 'n', 0);
      const first = ask('set', 'flow1', 'n', 1).then(() => order.push('set'));
      const second = ask('get', 'flow1', 'n').then(([n]) => order.push(n));
      order.push(store.get('flow1', 'n'));
      await Promise.all([first, second]);
      return order;
    });
    assert.deepEqual(told, [1, 'set', 1]);
  });

  it('can be asked with a callback only where the store itself can do no more', async () => {
    const told = await one.run('slow', async (_store, ask) => {
      await ask('set', 'flow1', 'x', 5);
      return [await ask('get', 'flow1', 'x'), await ask('keys', 'flow1')];
    });
    assert.deepEqual(told, [[5], [['flow1x']]]);
    await assert.rejects(
      one.run('slow', (store) => store.get('flow1', 'x')),
      /only asynchronous access/,
    );
    await assert.rejects(
      one.run('slow', (_store, ask) => ask('get', 'flow1', 'broken')),
      /disk full/,
    );
  });

  it('takes plain data only, and says so', async () => {
    const words = /customer\.save is a function: the context store "file" is shared by all worker threads/;
    await assert.rejects(
      one.run('file', (store) => store.set('flow1', 'customer', { save: () => 1 })),
      words,
    );
    await assert.rejects(
      one.run('file', (_store, ask) => ask('set', 'flow1', 'customer', { save: () => 1 })),
      words,
    );
    main.flow.set('timer', { stop: () => undefined }, 'file');
    await assert.rejects(
      one.run('file', (store) => store.get('flow1', 'timer')),
      /timer\.stop is a function/,
    );
  });

  it('keeps a thread from ending whose callback throws', async () => {
    const told = await one.run('file', async (store, ask) => {
      store.get('flow1', 'none', (_err, value) => (value as { x: number }).x);
      return ask('get', 'flow1', 'a');
    });
    assert.deepEqual(told, [1]);
    assert.match(one.log.join(), /callback of a question for context has thrown: TypeError/);
  });

  it('leaves what the settings file gives all functions to the worker', async () => {
    assert.equal(main.global.get('tools', 'file'), seed.tools);
    assert.equal(await one.run('file', (store) => store.get('global', 'tools')), undefined);
    assert.deepEqual(await one.run('file', (_store, ask) => ask('get', 'global', 'tools.run')), [undefined]);
    main.global.set('house', { name: 'Grace' }, 'file');
    assert.deepEqual(await one.run('file', (store) => store.get('global', 'house')), { name: 'Grace' });
  });

  it('loses nothing when the flow of a worker starts or stops', async () => {
    main.flow.set('kept', 'yes', 'file');
    await one.run('file', async (store) => {
      await store.clean([]);
      await store.delete('flow1');
      await store.close();
    });
    assert.equal(main.flow.get('kept', 'file'), 'yes');
    assert.equal(await one.run('file', (store) => store.get('flow1', 'kept')), 'yes');
  });

  it('is reached by one line for all stores of a worker', () => {
    assert.deepEqual([one.lines, other.lines], [1, 1]);
  });

  it('is on disk in the end', async () => {
    main.flow.set('last', 'word', 'file');
    await one.run('file', (store) => store.set('flow1', 'last', 'words'));
    await contexts.close();
    const saved = JSON.parse(readFileSync(join(dir, 'context', 'flow1', 'flow.json'), 'utf8')) as { last: string };
    assert.equal(saved.last, 'words');
  });

  it('is waited for no longer than 2 s', async () => {
    const lonely = new Thread(() => undefined);
    const startedAt = performance.now();
    await assert.rejects(
      lonely.run('file', (store) => store.get('flow1', 'x')),
      /"file" of the main runtime has not answered within 2 s: it is too busy/,
    );
    assert.ok(performance.now() - startedAt >= 2_000);
    await lonely.end();
  });
});
