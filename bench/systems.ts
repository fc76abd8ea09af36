/** The systems under test, each in a process of its own that runs plain JavaScript. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorldAddresses } from '../simulators/world';
import { ENDPOINTING_MS, KEYS } from './job';
import { collectGarbage, idle, rssMb } from './process-usage';
import { NodeProcess, ROOT, SYSTEM_CORE } from './processes';
import { rounded } from './statistics';

/** A running system. */
export interface System {
  process: NodeProcess;
  webhookUrl: string;
  /** Memory that each of its worker threads takes while idle, MB; undefined where it has none. */
  mbPerWorker?: number;
  stop(): Promise<void>;
}

export interface SystemOptions {
  at: WorldAddresses;
  /** At most so many calls at once. */
  calls: number;
  /** Of the pack: run the calls in so many worker threads; undefined: in the main one. */
  workers: number | undefined;
  /** Keep all threads of its process on one core, not only the main one. */
  oneCore: boolean;
  /** Further arguments for its Node, e.g. to profile it. */
  nodeArguments: string[];
}

export type StartSystem = (options: SystemOptions) => Promise<System>;

/** Deployed flows run after so long at most, ms. */
const FLOWS_WITHIN_MS = 20_000;
/** Path of example 01's webhook. */
const WEBHOOK = '/twilio/voice';

/** Arguments of either system's Node. */
const COMMON = ['--expose-gc', '--require', join(ROOT, 'bench', 'collect-on-signal.cjs')];

/** The bare relay. */
export async function startRelay({ at, oneCore, nodeArguments }: SystemOptions): Promise<System> {
  const relay = NodeProcess.start('The relay', [...COMMON, ...nodeArguments, join(ROOT, 'bench', 'relay.mjs')], {
    env: { ...KEYS, DEEPGRAM_URL: at.deepgram, OPENAI_URL: at.openai, CARTESIA_URL: at.cartesia },
    ...(oneCore && { core: SYSTEM_CORE }),
  });
  const [, port] = await relay.line(/^listening (\d+)$/);
  relay.pinMainThread(SYSTEM_CORE);
  return { process: relay, webhookUrl: `http://127.0.0.1:${port}/`, stop: () => relay.stop() };
}

interface FlowNode {
  type: string;
  path?: string;
  [property: string]: unknown;
}

/** Example 01 as shipped, in a Node-RED of its own, without the editor. */
export async function startNodeRed(options: SystemOptions): Promise<System> {
  const { workers, oneCore, nodeArguments } = options;
  const userDir = mkdtempSync(join(tmpdir(), 'voice-agent-bench-'));
  const remove = (): void => rmSync(userDir, { recursive: true, force: true });
  process.once('exit', remove);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  install(userDir, port);
  const nodeRed = NodeProcess.start(
    'Node-RED',
    [...COMMON, ...nodeArguments, join(ROOT, 'node_modules', 'node-red', 'red.js'), '--userDir', userDir],
    { env: KEYS, ...(oneCore && { core: SYSTEM_CORE }) },
  );
  const stop = async (): Promise<void> => {
    await nodeRed.stop();
    remove();
    process.off('exit', remove);
  };
  try {
    await nodeRed.line(/Started flows/, 60_000);
    await deploy(nodeRed, url, exampleOne(url, { ...options, workers: undefined }));
    const mbPerWorker = workers === undefined ? undefined : await startWorkers(nodeRed, url, workers, options);
    // Only now: threads begin on the core of the one that starts them, and workers are there to use the others.
    nodeRed.pinMainThread(SYSTEM_CORE);
    const webhookUrl = `${url}${WEBHOOK}`;
    return { process: nodeRed, webhookUrl, stop, ...(mbPerWorker !== undefined && { mbPerWorker }) };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Through the admin API, as the editor does: it is there that Node-RED takes the credentials out of the flow. */
async function deploy(nodeRed: NodeProcess, url: string, flow: FlowNode[]): Promise<void> {
  const response = await fetch(`${url}/flows`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(flow),
  });
  if (!response.ok) throw new Error(`Node-RED refused example 01: ${response.status} ${await response.text()}`);
  // The admin API answers before the flows run; a webhook without a signature is refused by our node, and not by Node-RED.
  const until = Date.now() + FLOWS_WITHIN_MS;
  while ((await fetch(url + WEBHOOK, { method: 'POST' })).status === 404) {
    if (Date.now() > until) throw new Error(`Example 01 answers no webhook:\n${nodeRed.log}`);
    await sleep(50);
  }
}

/** Has the calls of a running flow run in workers from now on. @returns what each takes while it is idle, MB */
async function startWorkers(nodeRed: NodeProcess, url: string, workers: number, o: SystemOptions): Promise<number> {
  const { pid } = nodeRed;
  const memory = async (): Promise<number> => {
    await idle(pid, FLOWS_WITHIN_MS);
    await collectGarbage(pid);
    return rssMb(pid);
  };
  const without = await memory();
  await deploy(nodeRed, url, exampleOne(url, o));
  await nodeRed.line(/workers\.started/, FLOWS_WITHIN_MS);
  return rounded(((await memory()) - without) / workers, 1);
}

/** The pack as a user would have it, and the settings. */
function install(userDir: string, port: number): void {
  const scope = join(userDir, 'node_modules', '@dialog-red');
  mkdirSync(scope, { recursive: true });
  symlinkSync(ROOT, join(scope, 'node-red-voice-agent'), 'dir');
  writeFileSync(
    join(userDir, 'package.json'),
    JSON.stringify({ name: 'bench', version: '1.0.0', dependencies: { '@dialog-red/node-red-voice-agent': '*' } }),
  );
  const settings = {
    uiHost: '127.0.0.1',
    uiPort: port,
    flowFile: 'flows.json',
    credentialSecret: 'bench',
    disableEditor: true,
    functionExternalModules: false,
    telemetry: { enabled: false, updateNotification: false },
    logging: { console: { level: 'info', metrics: false, audit: false } },
  };
  writeFileSync(join(userDir, 'settings.js'), `module.exports = ${JSON.stringify(settings)};\n`);
  writeFileSync(join(userDir, 'flows.json'), '[]');
}

/** Only the addresses are the benchmark's, the limits those of so many calls, and what makes the work the relay's. */
function exampleOne(url: string, { at, calls, workers }: SystemOptions): FlowNode[] {
  const folder = join(ROOT, 'examples');
  const file = readdirSync(folder).find((name) => name.startsWith('01'));
  if (file === undefined) throw new Error('examples/01 is missing.');
  const changes: Record<string, Record<string, unknown>> = {
    'twilio-account': { publicUrl: url, baseUrl: at.twilio },
    'deepgram-account': { baseUrl: at.deepgram },
    'openai-account': { baseUrl: at.openai },
    'cartesia-account': { baseUrl: at.cartesia },
    'twilio-in': { maxCalls: calls + 10, ...(workers !== undefined && { runIn: 'workers', workers }) },
    'deepgram-stt': { endpointing: ENDPOINTING_MS },
    'llm-agent': { api: 'chat', chunking: 'stream' },
    'cartesia-tts': { concurrency: 2 * calls + 20 },
  };
  return (JSON.parse(readFileSync(join(folder, file), 'utf8')) as FlowNode[]).map((node) => ({
    ...node,
    ...changes[node.type],
  }));
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('There is no free port.');
  return address.port;
}
