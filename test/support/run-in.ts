/**
 * Where flow tests run their calls: RUN_IN=workers in the environment has them in worker threads, else they run in Node-RED's own runtime.
 * One suite for both; where the two cannot be the same, a test names the difference, and the table below says why.
 */
import type { FlowNode } from './runtime';

export type RunIn = 'runtime' | 'workers';

/** Where the calls of this run are. */
export const RUN_IN = chosen(process.env.RUN_IN);

interface Difference {
  runtime: string;
  workers: string;
  why: string;
}

/**
 * All in which a story differs by where its call runs. Each entry is named by a test and each name is in the table:
 * test/unit/structure/run-in.test.ts sees to both.
 */
export const DIFFERENCES = {
  'Deploy in mid-call': {
    runtime: 'the next turn uses what was deployed, and a call whose node was taken away is ended',
    workers: 'calls under way finish on the flow that they began on',
    why: 'a Deploy starts fresh workers; what it means for new calls is told in workers.test.ts',
  },
  'context of one runtime': {
    runtime: 'all nodes share the context in memory, and the sidebar shows it',
    workers:
      'each worker has its own in memory, and the main runtime, where inject nodes are, another: a store must be shared',
    why: 'memory is per thread; the help says so',
  },
  'answer to a request': {
    runtime: 'a message that has been through a call may answer the HTTP request that it came by',
    workers:
      'msg.res stays in the main runtime: whoever asks is answered there, and told of the outcome in another way',
    why: 'a socket cannot be cloned',
  },
  'who sees a message': {
    runtime: "hooks and instances of the main runtime see each message of a call's",
    workers: 'they see only what nodes that are not ours get and send',
    why: 'the wires between our nodes are in another thread',
  },
} as const satisfies Record<string, Difference>;

export type DifferenceName = keyof typeof DIFFERENCES;

/** Declares tests that exist in one place only, for a reason in the table. */
export function onlyIn(place: RunIn, difference: DifferenceName, declare: () => void): void {
  known(difference);
  if (place === RUN_IN) declare();
}

/** What a test needs of this run's place, where the two differ as the table says. */
export function byPlace<T>(difference: DifferenceName, own: Record<RunIn, T>): T {
  known(difference);
  return own[RUN_IN];
}

/**
 * Settings of Node-RED under which what a flow keeps is shared by all that runs it: in worker threads, a store on the disk.
 * @param store its name; another one than the default is there beside the memory
 */
export function sharedContext(store = 'default'): Record<string, unknown> {
  const stores = { default: { module: 'memory' }, [store]: { module: 'localfilesystem' } };
  return byPlace<Record<string, unknown>>('context of one runtime', {
    runtime: {},
    workers: { contextStorage: stores },
  });
}

/**
 * Settings of an in-node whose flow keeps one value for all its calls: two workers that change it at once, each having read it before the
 * other wrote, lose what one of them wrote.
 */
export const ONE_WORKER = { workers: 1 };

/** A carrier's in-node, set to run its calls where this run has them; how many workers may stand in the node already. */
export function placed(node: FlowNode): FlowNode {
  return RUN_IN === 'workers' ? { ...node, runIn: 'workers', workers: Number(node.workers ?? 0) || 2 } : { ...node };
}

function known(difference: string): void {
  if (!Object.hasOwn(DIFFERENCES, difference)) throw new Error(`The table of differences has no "${difference}".`);
}

function chosen(name = 'runtime'): RunIn {
  if (name === 'runtime' || name === 'workers') return name;
  throw new Error(`Calls cannot run in "${name}": RUN_IN is runtime or workers.`);
}
