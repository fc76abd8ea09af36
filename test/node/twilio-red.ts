/** A small stand-in for Node-RED around the carriers' nodes: real Express apps, as Node-RED mounts them, and Deploys. */
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NodeAPI } from 'node-red';
import telnyxAccount from '../../nodes/telnyx/telnyx-account';
import telnyxDial from '../../nodes/telnyx/telnyx-dial';
import telnyxIn from '../../nodes/telnyx/telnyx-in';
import telnyxOut from '../../nodes/telnyx/telnyx-out';
import twilioAccount from '../../nodes/twilio/twilio-account';
import twilioDial from '../../nodes/twilio/twilio-dial';
import twilioIn from '../../nodes/twilio/twilio-in';
import twilioOut from '../../nodes/twilio/twilio-out';

// eslint-disable-next-line @typescript-eslint/no-require-imports -- Node-RED's own, of which we have no types here
const express = require('express') as { (): App; json(): unknown; urlencoded(options: object): unknown };

interface App {
  (req: http.IncomingMessage, res: http.ServerResponse): void;
  use(...args: unknown[]): void;
  all(path: string, handler: (req: { body?: unknown }, res: { json(body: unknown): void }) => void): void;
}

export type Config = { id: string; type: string; wires?: string[][]; credentials?: object } & Record<string, unknown>;
export type Message = { topic: string; payload: unknown; _msgid?: string } & Record<string, unknown>;

export interface RedOptions {
  adminRoot?: string;
  nodeRoot?: string | false;
  settings?: Record<string, unknown>;
}

/** A node as the tests see it. */
export class FakeNode extends EventEmitter {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  /** The tab, or the instance of a subflow, on which it stands. */
  readonly z: unknown;
  readonly wires: string[][];
  readonly credentials: object;
  readonly received: Message[] = [];

  constructor(
    readonly red: FakeRed,
    config: Config,
  ) {
    super();
    this.id = config.id;
    this.type = config.type;
    this.name = typeof config.name === 'string' ? config.name : '';
    this.z = config.z;
    this.wires = config.wires ?? [];
    this.credentials = config.credentials ?? {};
  }

  send(msgs: Message | (Message | null)[]): void {
    const outputs = Array.isArray(msgs) ? msgs : [msgs];
    outputs.forEach((msg, output) => {
      if (!msg) return;
      this.red.emit(`${this.id}:${output}`, msg);
      for (const id of this.wires[output] ?? []) setImmediate(() => this.red.node(id)?.receive(msg));
    });
  }

  receive(msg: Message): void {
    this.emit(
      'input',
      msg,
      (each: Message) => this.send(each),
      (err?: Error) => err && this.error(err, msg),
    );
  }

  status(status: { text?: string; fill?: string }): void {
    this.red.statuses.push({ id: this.id, ...status });
    this.red.emit('status', this.id, status);
  }

  error(err: Error, msg?: Message): void {
    this.red.errors.push({ id: this.id, err, msg });
    this.red.emit('error-of-node', this.id, err);
  }

  log(): void {}
  warn(line: string): void {
    this.red.warnings.push(line);
  }
  debug(): void {}
}

export class FakeRed extends EventEmitter {
  readonly statuses: { id: string; text?: string; fill?: string }[] = [];
  readonly errors: { id: string; err: Error; msg?: Message }[] = [];
  readonly warnings: string[] = [];
  readonly root = express();
  readonly httpNode = express();
  readonly server = http.createServer((req, res) => this.root(req, res));
  private readonly events = new EventEmitter();
  private readonly types = new Map<string, (this: FakeNode, config: Config) => void>();
  private readonly nodes = new Map<string, FakeNode>();

  constructor(private readonly options: RedOptions = {}) {
    super();
    this.setMaxListeners(0);
    const { adminRoot = '/', nodeRoot = '/' } = options;
    const admin = express();
    // Node-RED's admin app, and with the root at `/` this is what eats every webhook.
    admin.use(express.json());
    admin.use(express.urlencoded({ extended: true }));
    this.root.use(adminRoot, admin);
    if (nodeRoot !== false) this.root.use(`${nodeRoot}/`.replace(/\/+$/, '/'), this.httpNode);
    this.httpNode.all('/foreign', (req, res) => res.json({ body: req.body }));
    for (const register of [
      twilioAccount,
      twilioIn,
      twilioOut,
      twilioDial,
      telnyxAccount,
      telnyxIn,
      telnyxOut,
      telnyxDial,
    ]) {
      register(this.api());
    }
  }

  /** What a node set is registered with. */
  api(): NodeAPI {
    const api = {
      nodes: {
        createNode: () => undefined,
        getNode: (id: string) => this.nodes.get(id) ?? null,
        eachNode: () => undefined,
        registerType: (type: string, constructor: (this: FakeNode, config: Config) => void) =>
          this.types.set(type, constructor),
      },
      events: this.events,
      // The tests see each message on its way: none goes straight from one node to the next.
      hooks: { has: () => true },
      settings: { httpNodeRoot: this.options.nodeRoot ?? '/', ...this.options.settings },
      httpNode: this.httpNode,
      server: this.server,
      _: (key: string, values?: Record<string, unknown>) => [key, ...Object.values(values ?? {})].join(' '),
    };
    return api as unknown as NodeAPI;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  async stop(): Promise<void> {
    await this.deploy([]);
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  node(id: string): FakeNode | undefined {
    return this.nodes.get(id);
  }

  /** A full Deploy. `inGap` runs while all nodes are stopped. */
  async deploy(flow: Config[], inGap?: () => Promise<void>): Promise<void> {
    const event = { config: {}, type: 'full', diff: {} };
    this.events.emit('flows:stopping', event);
    const closing = [...this.nodes.values()].map((node) => {
      if (node.listenerCount('close') === 0) return Promise.resolve();
      return new Promise<void>((resolve) => node.emit('close', resolve));
    });
    await Promise.all(closing);
    this.nodes.clear();
    this.events.emit('flows:stopped', event);
    await inGap?.();
    this.events.emit('flows:starting', event);
    for (const config of [...flow].sort(
      (a, b) => Number(b.type.endsWith('account')) - Number(a.type.endsWith('account')),
    )) {
      const node = new FakeNode(this, config);
      this.nodes.set(config.id, node);
      const type = this.types.get(config.type);
      if (type) type.call(node, config);
      else node.on('input', (msg: Message, _send: unknown, done: () => void) => (node.received.push(msg), done()));
    }
    this.events.emit('flows:started', event);
  }

  /** The next message that a node sends on an output for which the test holds. */
  sent(id: string, output: number, test: (msg: Message) => boolean): Promise<Message> {
    return new Promise((resolve) => {
      const name = `${id}:${output}`;
      const listener = (msg: Message): void => {
        if (!test(msg)) return;
        this.off(name, listener);
        resolve(msg);
      };
      this.on(name, listener);
    });
  }
}
