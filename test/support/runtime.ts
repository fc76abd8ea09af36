/** A real Node-RED in this process, with the built pack installed as a user would have it. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type * as Heart from '../../nodes/call/heart';
import type * as Pool from '../../nodes/call/workers/pool/pool';

export const PACKAGE_ROOT = resolve(__dirname, '../..');

/** A node of a flow file. */
export interface FlowNode {
  id: string;
  type: string;
  z?: string;
  wires?: string[][];
  [property: string]: unknown;
}

export type DeployType = 'full' | 'flows' | 'nodes' | 'reload';

/** What the `test-sink` nodes of a flow received, by their name. */
const sinks = new Map<string, Record<string, unknown>[]>();
const listeners = new Set<(name: string, msg: Record<string, unknown>) => void>();
(globalThis as Record<string, unknown>).voiceTestSink = (name: string, msg: Record<string, unknown>): void => {
  sinks.set(name, [...(sinks.get(name) ?? []), msg]);
  for (const listener of listeners) listener(name, msg);
};

const SINK = `module.exports = (RED) => {
  function Sink(config) {
    RED.nodes.createNode(this, config);
    this.on('input', (msg, send, done) => { globalThis.voiceTestSink(config.name, msg); send(msg); done(); });
  }
  RED.nodes.registerType('test-sink', Sink);
};`;
/** A foreign node that passes what it gets and takes a second to close. */
const SLOW = `module.exports = (RED) => {
  function Slow(config) {
    RED.nodes.createNode(this, config);
    this.on('input', (msg, send, done) => { send(msg); done(); });
    this.on('close', (done) => setTimeout(done, 1000));
  }
  RED.nodes.registerType('test-slow-close', Slow);
};`;
const html = (type: string): string =>
  `<script type="text/javascript">RED.nodes.registerType('${type}',{category:'test',defaults:{name:{value:''}},inputs:1,outputs:1});</script>` +
  `<script type="text/html" data-template-name="${type}"></script>`;

/** A user directory with the pack (as a link to this checkout) and the test nodes in it. */
export function makeUserDir(): string {
  const userDir = mkdtempSync(join(tmpdir(), 'voice-agent-'));
  const scope = join(userDir, 'node_modules', '@dialog-red');
  mkdirSync(scope, { recursive: true });
  symlinkSync(PACKAGE_ROOT, join(scope, 'node-red-voice-agent'), 'dir');
  writeFileSync(
    join(userDir, 'package.json'),
    JSON.stringify({ name: 'user', version: '1.0.0', dependencies: { '@dialog-red/node-red-voice-agent': '*' } }),
  );
  mkdirSync(join(userDir, 'nodes'));
  writeFileSync(join(userDir, 'nodes', 'test-sink.js'), SINK);
  writeFileSync(join(userDir, 'nodes', 'test-sink.html'), html('test-sink'));
  writeFileSync(join(userDir, 'nodes', 'test-slow-close.js'), SLOW);
  writeFileSync(join(userDir, 'nodes', 'test-slow-close.html'), html('test-slow-close'));
  return userDir;
}

/** `node-red` or, with NODE_RED_PACKAGE in the environment, another that is installed beside it. */
export const NODE_RED = process.env.NODE_RED_PACKAGE ?? 'node-red';

type Handler = (req: http.IncomingMessage, res: http.ServerResponse) => void;
/** Express, which Node-RED brings along: as much of it as an embedding program needs. */
type Express = () => Handler & { use(path: string, handler: Handler): void };

interface Red {
  init(server: http.Server, settings: Record<string, unknown>): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  httpAdmin: Handler;
  httpNode: Handler;
  events: NodeJS.EventEmitter;
  settings: { version: string };
  hooks: Hooks;
}

/** Node-RED's own: who sees messages on their way. */
export interface Hooks {
  add(name: string, hook: (event: { destination: { id: string }; msg: Record<string, unknown> }) => void): void;
  remove(name: string): void;
}

/** The module state of the pack that Node-RED has loaded: for counting what is left behind. */
export function heart(): typeof Heart {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the very module instance that the nodes use
  return require(join(PACKAGE_ROOT, 'dist/nodes/call/heart.js')) as typeof Heart;
}

/** The worker threads of the pack that Node-RED has loaded. */
export function pool(): typeof Pool.workerPool {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the very module instance that the nodes use
  return (require(join(PACKAGE_ROOT, 'dist/nodes/call/workers/pool/pool.js')) as typeof Pool).workerPool;
}

/** What is live of calls in all threads of this process. A call that runs in a worker counts there and here. */
export async function live(): Promise<{ calls: number; leaving: number; sessions: number }> {
  const { calls, leaving, sessions } = heart().registry.count();
  const there = await pool().countInWorkers();
  const sum = (here: number, name: string): number => here + (there[name] ?? 0);
  return { calls: sum(calls, 'calls'), leaving: sum(leaving, 'leaving'), sessions: sum(sessions, 'sessions') };
}

/** One Node-RED; there can be only one in a process. */
export class Runtime {
  private constructor(
    private readonly RED: Red,
    private readonly server: http.Server,
    private readonly userDir: string,
  ) {}

  /** @param more further settings, e.g. `logging` */
  static async start(more: Record<string, unknown> = {}): Promise<Runtime> {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- chosen at run time
    const RED = require(NODE_RED) as Red;
    const userDir = makeUserDir();
    const express = createRequire(require.resolve(`${NODE_RED}/package.json`))('express') as Express;
    const app = express();
    const server = http.createServer(app);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    RED.init(server, {
      userDir,
      flowFile: 'flows.json',
      credentialSecret: 'test',
      httpAdminRoot: '/',
      httpNodeRoot: '/',
      disableEditor: true,
      functionExternalModules: false,
      runtimeState: { enabled: true, ui: false },
      telemetry: { enabled: false, updateNotification: false },
      logging: { console: { level: process.env.LOG ?? 'off', metrics: false, audit: false } },
      ...more,
    });
    app.use('/', RED.httpAdmin);
    app.use('/', RED.httpNode);
    const started = once(RED.events, 'flows:started');
    await RED.start();
    await started;
    return new Runtime(RED, server, userDir);
  }

  get version(): string {
    return this.RED.settings.version;
  }

  get hooks(): Hooks {
    return this.RED.hooks;
  }

  /** Where this Node-RED is reached, as a public URL without a slash at its end. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /**
   * Deploys through the admin API, as the editor does; resolves when the flows run again (the answer comes before), also in the
   * worker threads, if there are any.
   */
  async deploy(flows: readonly FlowNode[], type: DeployType = 'full'): Promise<void> {
    const started = once(this.RED.events, 'flows:started');
    const response = await fetch(`${this.url}/flows`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'node-red-deployment-type': type },
      body: JSON.stringify(flows),
    });
    if (!response.ok) throw new Error(`deploy: ${response.status} ${await response.text()}`);
    await started;
    await pool().settled();
  }

  async flows(): Promise<FlowNode[]> {
    return (await (await fetch(`${this.url}/flows`)).json()) as FlowNode[];
  }

  /** Stops or starts the flows, as the editor's menu does. */
  async state(state: 'stop' | 'start'): Promise<void> {
    const response = await fetch(`${this.url}/flows/state`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ state }),
    });
    if (!response.ok) throw new Error(`${state}: ${response.status} ${await response.text()}`);
  }

  received(sink: string): Record<string, unknown>[] {
    return sinks.get(sink) ?? [];
  }

  forget(): void {
    sinks.clear();
  }

  /** Resolves with the first message (past or future) of a sink that fits. */
  async message(
    sink: string,
    fits: (msg: Record<string, unknown>) => boolean,
    timeoutMs = 10_000,
  ): Promise<Record<string, unknown>> {
    const there = this.received(sink).find(fits);
    if (there) return there;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        listeners.delete(listener);
        reject(new Error(`The sink ${sink} received nothing that fits; it received ${this.received(sink).length}.`));
      }, timeoutMs);
      const listener = (name: string, msg: Record<string, unknown>): void => {
        if (name !== sink || !fits(msg)) return;
        clearTimeout(timer);
        listeners.delete(listener);
        resolve(msg);
      };
      listeners.add(listener);
    });
  }

  async stop(): Promise<void> {
    await this.RED.stop();
    this.server.closeAllConnections();
    this.server.close();
    rmSync(this.userDir, { recursive: true, force: true });
    await until('no thread is left', () => pool().count().threads === 0);
  }
}

/** Resolves as soon as a condition holds; for what no event tells. Looks every 10 ms. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 5_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
