import type { EventEmitter } from 'node:events';
import { setDefaultResultOrder } from 'node:dns';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import type { Node } from 'node-red';
import { inNodeTypes } from '../../carrier/in-node-types';
import { remoteStore } from './context-store';
import { followDebugButtons } from '../debug-buttons';
import { asError } from '../../errors';
import { slotOf } from '../../lifecycle';
import type { ToMain, WorkerLoad } from '../protocol';
import { ThreadLog } from './thread-log';
import type { LogEntry } from './thread-log';
import { registerProxy } from './voice-proxy';
import type { NodeRegistry } from './voice-proxy';
import { isNotForWorkers, packageName, PACKAGE_ROOT } from '../pool/worker-load';

/** What Node-RED shows of a status. */
const STATUS_FIELDS = ['fill', 'shape', 'text'];

type Settings = Record<string, unknown>;

/** As much of `@node-red/runtime` as is used here. */
interface Runtime {
  init(settings: Settings): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  _: { nodes: NodeRegistry & { getNode(id: string): Node | null | undefined } };
}

/** And of `@node-red/util`. */
interface Util {
  init(settings: Settings): void;
  events: EventEmitter;
}

/** Node-RED in a worker thread. */
export interface ThreadRuntime {
  /** What nodes reported as errors while they were made. */
  readonly problems: readonly string[];
  getNode(id: string): Node | null | undefined;
  stop(): Promise<void>;
}

/**
 * Starts Node-RED with the worker's flow: no editor, no HTTP, nothing written to disk.
 * @param tell what it has to say to the main thread
 * @throws by rejection, in words, where the flow does not start
 */
export async function startRuntime(load: WorkerLoad, tell: (item: ToMain) => void): Promise<ThreadRuntime> {
  const load_ = createRequire(join(load.coreNodesDir, 'index.js'));
  const util = load_('@node-red/util') as Util;
  const runtime = load_('@node-red/runtime') as Runtime;
  const log = new ThreadLog((entry) => tell({ t: 'log', entry }));
  const settings = settingsFor(load, log);
  // As Node-RED does for the main thread.
  setDefaultResultOrder('ipv4first');
  util.init(settings);
  runtime.init(settings);
  const { nodes } = runtime._;
  registerProxy(nodes);
  passOn(util.events, tell);
  await started(util.events, runtime);
  // What a Function node reports of its On Start comes a moment later.
  await new Promise((resolve) => setImmediate(resolve));
  followDebugButtons(load, (id) => nodes.getNode(id));
  log.running();
  return {
    problems: log.problems,
    getNode: (id) => nodes.getNode(id),
    stop() {
      log.stopping();
      return runtime.stop();
    },
  };
}

/** Resolves when the flows run. */
function started(events: EventEmitter, runtime: Runtime): Promise<void> {
  return new Promise((resolve, reject) => {
    events.once('flows:started', () => resolve());
    events.on('runtime-event', ({ id, payload }: { id: string; payload?: Problem }) => {
      if (id === 'runtime-state' && payload?.error !== undefined) reject(new Error(wordsOf(payload)));
    });
    runtime.start().catch((err: unknown) => reject(asError(err)));
  });
}

/** What Node-RED tells its editor about flows that do not start. */
interface Problem {
  error?: unknown;
  types?: unknown;
  modules?: unknown;
}

function wordsOf({ error, types, modules }: Problem): string {
  if (Array.isArray(types)) return `node types are missing: ${types.join(', ')}`;
  if (!Array.isArray(modules)) return `the flow does not start: ${String(error)}`;
  const names = (modules as { module?: unknown }[]).map(({ module }) => String(module));
  return `modules of Function nodes are missing: ${names.join(', ')}`;
}

/** What Node-RED tells its editors goes to those of the main thread. */
function passOn(events: EventEmitter, tell: (item: ToMain) => void): void {
  const shown = new Set<string>();
  events.on('node-status', ({ id, status }: { id: string; status?: Readonly<Record<string, string | undefined>> }) => {
    // What is public of a call's beginning is in the main thread, and shown there.
    if (!status || inNodeTypes.has(slotOf(id)?.type ?? '')) return;
    const fields = Object.entries(status).filter(([, value]) => value !== '' && value !== undefined);
    if (fields.length === 0 && !shown.delete(id)) return;
    if (fields.length > 0) shown.add(id);
    const words = fields.filter(([name]) => STATUS_FIELDS.includes(name)).map(([name, value]) => [name, String(value)]);
    tell({ t: 'status', node: [id], status: Object.fromEntries(words) as Record<string, string> });
  });
  events.on('comms', ({ topic, data, retain }: { topic: string; data: unknown; retain?: boolean }) => {
    if (topic !== 'debug' || !isLogLine(data)) tell({ t: 'comms', topic, data, retain: retain === true });
  });
}

/** The debug sidebar shows warnings and errors of the log: the main thread makes those itself, of the lines that it gets. */
function isLogLine(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'level' in data && 'timestamp' in data;
}

function settingsFor(load: WorkerLoad, log: ThreadLog): Settings {
  const { settings, settingsFile, flows, credentials } = load;
  const own = packageName();
  return {
    ...(settingsFile !== undefined && fromFile(settingsFile)),
    ...settings,
    ...(settingsFile !== undefined && globals(settingsFile)),
    coreNodesDir: load.coreNodesDir,
    nodesDir: [PACKAGE_ROOT, ...((settings.nodesDir ?? []) as string[])],
    nodesIncludes: [...load.nodesIncludes, ...[PACKAGE_ROOT, own, ...load.modules].map((name) => basename(name))],
    externalModules: withoutInstalling(settings.externalModules, [own, ...load.modules]),
    httpAdminRoot: false,
    httpNodeRoot: false,
    disableEditor: true,
    telemetry: { enabled: false, updateNotification: false },
    credentialSecret: false,
    readOnly: true,
    storageModule: storage(flows, credentials),
    contextStorage: stores(settings.contextStorage),
    logging: logging(settings.logging, log),
  };
}

/** The settings file as the worker has it: with all that could not be handed over. */
function fromFile(file: string): Settings {
  const read = createRequire(__filename)(file) as Settings;
  return Object.fromEntries(Object.entries(read).filter(([name]) => !isNotForWorkers(name)));
}

/** The global context's beginning is made anew: what was handed over of it has lost its functions. */
function globals(file: string): Settings {
  const { functionGlobalContext } = fromFile(file);
  return functionGlobalContext === undefined ? {} : { functionGlobalContext };
}

/** Whatever the flow needs the main runtime has installed. */
function withoutInstalling(settings: unknown, allowList: readonly string[]): Settings {
  const { modules } = (settings ?? {}) as { modules?: object };
  return {
    autoInstall: false,
    palette: { allowInstall: false, allowUpload: false, allowList, denyList: ['*'] },
    modules: { ...modules, allowInstall: false },
  };
}

/** What a runtime keeps on disk, in memory: it must have these as its own properties. */
function storage(flows: WorkerLoad['flows'], credentials: WorkerLoad['credentials']): Settings {
  let kept: unknown = {};
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    init: nothing,
    getFlows: () => Promise.resolve(flows),
    getCredentials: () => Promise.resolve(credentials),
    getSettings: () => Promise.resolve(kept),
    saveSettings: (settings: unknown) => {
      kept = settings;
      return nothing();
    },
    saveFlows: nothing,
    saveCredentials: nothing,
    getSessions: () => Promise.resolve({}),
    saveSessions: nothing,
    getLibraryEntry: () => Promise.resolve([]),
    saveLibraryEntry: nothing,
  };
}

/** Stores in memory are this worker's own; the others are the main thread's. */
function stores(configured: unknown): Settings {
  const all = Object.entries((configured ?? {}) as Record<string, unknown>);
  return Object.fromEntries(
    all.map(([name, store]) => {
      const isMain = (store as { module?: unknown } | null)?.module === 'main';
      return [name, isMain ? { module: remoteStore(name) } : store];
    }),
  );
}

function logging(configured: unknown, log: ThreadLog): Settings {
  const { workers } = configured as { workers: object };
  return { workers: { ...workers, handler: () => (entry: LogEntry) => log.handle(entry) } };
}
