import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { registry } from '../../nodes/call/heart';
import type { WorldAddresses } from '../world';

/** The parts of Node-RED's embedding API that the demo uses. */
interface Red {
  init(server: http.Server, settings: Record<string, unknown>): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  httpAdmin: Handler;
  httpNode: Handler;
  events: NodeJS.EventEmitter;
  hooks: { add(name: string, hook: (events: { msg: unknown; source: { node: { type: string } } }[]) => void): void };
  settings: { version: string };
}
type Handler = (req: http.IncomingMessage, res: http.ServerResponse) => void;
type Express = (() => Handler & { use(path: string, handler: Handler): void }) & object;

interface FlowNode {
  id: string;
  type: string;
  [property: string]: unknown;
}

const PACKAGE_ROOT = resolve(__dirname, '../../..');

/** Node-RED 5 in this process, its editor open, example 01 deployed. Its user directory is a temporary folder. */
export class DemoNodeRed {
  private constructor(
    private readonly RED: Red,
    private readonly server: http.Server,
    private readonly userDir: string,
    /** The port that was asked for. */
    readonly wanted: number,
  ) {}

  /** Starts on `port`, or if that is taken on the next free one. */
  static async start(port: number, at: WorldAddresses, greeting: string): Promise<DemoNodeRed> {
    // Node-RED is a tool of this checkout and no dependency of the pack: looked for at run time only.
    const load = createRequire(join(PACKAGE_ROOT, 'package.json'));
    const RED = load('node-red') as Red;
    const app = (createRequire(load.resolve('node-red'))('express') as Express)();
    const server = http.createServer(app);
    await listen(server, port);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const userDir = mkdtempSync(join(tmpdir(), 'voice-agent-demo-'));
    mkdirSync(join(userDir, 'node_modules', '@dialog-red'), { recursive: true });
    symlinkSync(PACKAGE_ROOT, join(userDir, 'node_modules', '@dialog-red', 'node-red-voice-agent'), 'dir');
    writeFileSync(
      join(userDir, 'package.json'),
      JSON.stringify({ name: 'demo', version: '1.0.0', dependencies: { '@dialog-red/node-red-voice-agent': '*' } }),
    );
    RED.init(server, {
      userDir,
      flowFile: 'flows.json',
      credentialSecret: 'demo',
      httpAdminRoot: '/',
      httpNodeRoot: '/',
      telemetry: { enabled: false, updateNotification: false },
      editorTheme: { tours: false, header: { title: 'Dialog for Node-RED' } },
      logging: { console: { level: process.env.LOG ?? 'error', metrics: false, audit: false } },
    });
    app.use('/', RED.httpAdmin);
    app.use('/', RED.httpNode);
    const started = once(RED.events, 'flows:started');
    await RED.start();
    await started;
    const demo = new DemoNodeRed(RED, server, userDir, port);
    await demo.deploy(exampleOne(url, at, greeting));
    return demo;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get version(): string {
    return this.RED.settings.version;
  }

  calls(): number {
    return registry.count().calls;
  }

  sessions(): number {
    return registry.count().sessions;
  }

  /** Tells each message that a node sends: the node's type and the message. */
  onMessage(told: (type: string, msg: unknown) => void): void {
    this.RED.hooks.add('onSend.demo', (events) => {
      const first = events[0];
      if (first) told(first.source.node.type, first.msg);
    });
  }

  /** Ends the calls politely. */
  async sayGoodbye(): Promise<void> {
    await Promise.all(registry.all().map((call) => call.hangUp('shutdown', call.limits().goodbye)));
  }

  async stop(): Promise<void> {
    await this.RED.stop();
    this.server.closeAllConnections();
    this.server.close();
    rmSync(this.userDir, { recursive: true, force: true });
  }

  /** Deploys as the editor does: keys come with the flow and are kept apart from it. */
  private async deploy(flow: FlowNode[]): Promise<void> {
    const started = once(this.RED.events, 'flows:started');
    const response = await fetch(`${this.url}/flows`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(flow),
    });
    if (!response.ok) throw new Error(`Example 01 could not be deployed: ${response.status} ${await response.text()}`);
    await started;
  }
}

/** Example 01 as shipped; only the addresses of its accounts (and its greeting) are the demo's. */
function exampleOne(url: string, at: WorldAddresses, greeting: string): FlowNode[] {
  const folder = join(PACKAGE_ROOT, 'examples');
  const file = readdirSync(folder).find((name) => name.startsWith('01'));
  if (!file) throw new Error('examples/01 is missing.');
  const flow = JSON.parse(readFileSync(join(folder, file), 'utf8')) as FlowNode[];
  return flow.map((node) => {
    if (node.type === 'twilio-account') return { ...node, publicUrl: url, baseUrl: at.twilio };
    if (node.type === 'deepgram-account') return { ...node, baseUrl: at.deepgram };
    if (node.type === 'openai-account') return { ...node, baseUrl: at.openai };
    if (node.type === 'cartesia-account') return { ...node, baseUrl: at.cartesia };
    if (node.type === 'elevenlabs-account') return { ...node, baseUrl: at.elevenlabs };
    // The simulated OpenAI is at another address than the real one, for which "auto" would choose Chat Completions.
    if (node.type === 'llm-agent') return { ...node, greeting, api: 'responses' };
    return node;
  });
}

async function listen(server: http.Server, port: number): Promise<void> {
  for (let candidate = port; candidate < port + 100; candidate++) {
    server.listen(candidate, '127.0.0.1');
    try {
      await once(server, 'listening');
      return;
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw err;
    }
  }
  throw new Error(`No port from ${port} to ${port + 99} is free: set PORT.`);
}
