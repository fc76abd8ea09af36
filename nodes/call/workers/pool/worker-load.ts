import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import type { NodeAPI } from 'node-red';
import { workerFlow } from './worker-flow';
import type { FlowConfig } from './worker-flow';
import type { WorkerLoad } from '../protocol';

/** What a worker is started with, but for what each has of its own: two of them are compared by value. */
export type Load = Omit<WorkerLoad, 'pulse'>;

export interface BuiltLoad {
  load: Load;
  /** Ids of the nodes that run in the worker; of those in a subflow, in its template. */
  running: ReadonlySet<string>;
  /** Those that stay in the main runtime: id and type. */
  foreign: ReadonlyMap<string, string>;
}

/** This package, as the worker's runtime finds it. */
export const PACKAGE_ROOT = resolve(__dirname, '../../../../..');

/** What a runtime has that serves no editor and no HTTP, and of which each thread must not have its own. */
const NOT_FOR_WORKERS = new Set([
  ...['adminAuth', 'httpAdminCookieOptions', 'httpAdminMiddleware', 'httpAdminRoot', 'httpNodeAuth', 'httpNodeCors'],
  ...['httpNodeMiddleware', 'httpNodeRoot', 'httpRoot', 'httpServerOptions', 'httpStatic', 'httpStaticAuth'],
  ...['httpStaticCors', 'httpStaticRoot', 'https', 'httpsRefreshInterval', 'requireHttps', 'uiHost', 'uiPort'],
  ...['disableEditor', 'editorTheme', 'diagnostics', 'runtimeState', 'telemetry', 'safeMode', 'load', 'settingsFile'],
  ...['storageModule', 'flowFile', 'credentialSecret', 'readOnly', 'logging', 'contextStorage', 'instanceId'],
  ...['nodesDir', 'nodesIncludes', 'coreNodesDir', 'verbose'],
]);

/** As much of Node-RED's node registry as is needed. */
interface Registry {
  getModuleList(): Record<string, { nodes?: Record<string, NodeSet> }>;
}

/** Where types come from. */
interface NodeSet {
  module?: unknown;
  file?: unknown;
  types?: unknown;
}

/** True for a setting that a worker takes from the main thread or makes itself, and never from the settings file. */
export function isNotForWorkers(name: string): boolean {
  return NOT_FOR_WORKERS.has(name);
}

/**
 * All that a worker thread is started with, for the flow as it is deployed now.
 * @param nodeTypes further types that may run in a worker, as set on the in-nodes
 * @returns undefined where no node of ours is on any tab
 * @throws Error where Node-RED's own registry is not found beside its core nodes
 */
export function workerLoad(RED: NodeAPI, nodeTypes: readonly string[]): BuiltLoad | undefined {
  const settings = RED.settings as unknown as Readonly<Record<string, unknown>>;
  const coreNodesDir = String(settings.coreNodesDir);
  const sets = setsByType(createRequire(join(coreNodesDir, 'index.js'))('@node-red/registry') as Registry);
  const own = packageName();
  const nodes: FlowConfig[] = [];
  RED.nodes.eachNode((node) => nodes.push(node as unknown as FlowConfig));
  const ours = (type: string): boolean => sets.get(type)?.module === own;
  const { flows, running, foreign } = workerFlow(nodes, { ours, extra: nodeTypes });
  if (running.size === 0) return undefined;

  const files = new Set<string>();
  const modules = new Set<string>();
  for (const { type } of flows) {
    const { module, file } = sets.get(type) ?? {};
    if (typeof module !== 'string' || module === own) continue;
    // What is in no module of the palette is a file: of the core, or of the user's own.
    if (module === 'node-red') files.add(basename(String(file)));
    else modules.add(module);
  }
  const load: Load = {
    // What goes to a worker may be looked at later: it is ours alone.
    flows: structuredClone(flows),
    credentials: credentialsOf(RED, flows, foreign),
    settings: settingsOf(settings),
    settingsFile: typeof settings.settingsFile === 'string' ? resolve(settings.settingsFile) : undefined,
    coreNodesDir,
    nodesIncludes: [...files].sort(),
    modules: [...modules].sort(),
  };
  return { load, running, foreign };
}

/** The name of this package. */
export function packageName(): string {
  return String((createRequire(__filename)(join(PACKAGE_ROOT, 'package.json')) as { name?: unknown }).name);
}

/** Looked up by set, for without its editor Node-RED does not know from which set a type is. */
function setsByType(registry: Registry): Map<string, NodeSet> {
  const sets = Object.values(registry.getModuleList()).flatMap(({ nodes = {} }) => Object.values(nodes));
  return new Map(sets.flatMap((set) => (Array.isArray(set.types) ? set.types.map((type) => [String(type), set]) : [])));
}

function credentialsOf(
  RED: NodeAPI,
  flows: readonly FlowConfig[],
  foreign: ReadonlyMap<string, string>,
): WorkerLoad['credentials'] {
  const credentials: WorkerLoad['credentials'] = {};
  for (const { id } of flows) {
    const own = foreign.has(id) ? undefined : (RED.nodes.getCredentials(id) as unknown);
    if (isPlain(own) && typeof own === 'object' && own !== null) {
      credentials[id] = structuredClone(own as Record<string, unknown>);
    }
  }
  return credentials;
}

/** The settings that are plain data: what a worker could not be given as it is, it reads from the settings file. */
function settingsOf(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(settings)) {
    if (isNotForWorkers(name) || value === undefined) continue;
    if (isPlain(value)) plain[name] = structuredClone(value);
    else if (name === 'functionGlobalContext') plain[name] = plainPart(value);
  }
  plain.logging = { workers: loggingOf(settings.logging) };
  plain.contextStorage = storesOf(settings.contextStorage);
  plain.nodesDir = [settings.nodesDir].flat().filter((dir) => typeof dir === 'string');
  return plain;
}

/** Where Node-RED is embedded there is no file to read the rest from. */
function plainPart(value: unknown): Record<string, unknown> {
  const entries = Object.entries((value ?? {}) as Record<string, unknown>).filter(([, each]) => isPlain(each));
  return structuredClone(Object.fromEntries(entries));
}

/** One logger, that wants what any of the main thread's wants; and warnings always, for the debug sidebar shows them. */
function loggingOf(logging: unknown): { level: string; metrics: boolean; audit: false } {
  const levels = ['warn', 'info', 'debug', 'trace'];
  const loggers = Object.values((logging ?? { console: {} }) as Record<string, { level?: string; metrics?: unknown }>);
  const wanted = loggers.map((each) => levels.indexOf(each?.level ?? 'info'));
  return {
    level: levels[Math.max(0, ...wanted)] ?? 'warn',
    metrics: loggers.some((each) => each?.metrics === true),
    audit: false,
  };
}

/** Names of the context stores: one in memory is each worker's own, any other is the main thread's (`{ module: 'main' }`). */
function storesOf(stores: unknown): Record<string, unknown> {
  const all = Object.entries((stores ?? {}) as Record<string, unknown>);
  return Object.fromEntries(
    all.map(([name, store]): [string, unknown] => {
      if (typeof store === 'string') return [name, store];
      const { module } = (store ?? {}) as { module?: unknown };
      return [name, { module: module === 'memory' ? 'memory' : 'main' }];
    }),
  );
}

/** True for what is the same after it was cloned: cloning takes the methods off an object without a word. */
function isPlain(value: unknown, depth = 0): boolean {
  if (value === null || ['string', 'number', 'boolean', 'undefined', 'bigint'].includes(typeof value)) return true;
  // Deeper than any setting: it refers to itself.
  if (typeof value !== 'object' || depth > 20) return false;
  if (value instanceof RegExp || value instanceof Date) return true;
  if (Array.isArray(value)) return value.every((each) => isPlain(each, depth + 1));
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype !== null && prototype !== Object.prototype) return false;
  return Object.values(value).every((each) => isPlain(each, depth + 1));
}
