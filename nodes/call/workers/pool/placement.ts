import type { WorkerSettings } from '../settings';

/** What a generation of workers is to be, as all in-nodes together want it. */
export interface WorkerWants {
  /** How many workers at most. */
  workers: number;
  /** How many calls one worker carries at most, by the in-node that wants the fewest; Infinity: any number. */
  callsPerWorker: number;
  memoryMb: number;
  /** Further node types that may run in a worker. */
  nodeTypes: readonly string[];
}

/** An in-node whose calls run in workers. */
export interface Wisher {
  workers: WorkerSettings;
  /** Its lines. */
  maxCalls: number;
}

/**
 * @param cores of the machine
 * @returns undefined where no in-node wants workers
 */
export function wantsOf(wishers: readonly Wisher[], cores: number): WorkerWants | undefined {
  if (wishers.length === 0) return undefined;
  return {
    workers: Math.max(...wishers.map((wisher) => workersFor(wisher, cores))),
    callsPerWorker: Math.min(...wishers.map(({ workers }) => workers.callsPerWorker ?? Infinity)),
    memoryMb: Math.max(...wishers.map(({ workers }) => workers.memoryMb)),
    nodeTypes: [...new Set(wishers.flatMap(({ workers }) => workers.nodeTypes))].sort(),
  };
}

function workersFor({ workers: { workers, callsPerWorker }, maxCalls }: Wisher, cores: number): number {
  if (workers !== undefined) return workers;
  return callsPerWorker === undefined ? cores : Math.max(cores, Math.ceil(maxCalls / callsPerWorker));
}

/** The calls of a worker. */
export interface Occupied {
  readonly size: number;
  /** How many it may carry, by the call in it that wants the fewest; Infinity: any number. */
  readonly limit: number;
}

/** How many more calls there is room for that want no more than `limit` calls in their worker, their own among them. */
export function room({ size, limit: present }: Occupied, limit: number): number {
  return Math.max(0, Math.min(present, limit) - size);
}

/** The one with the fewest calls that has room. */
export function choose<W extends Occupied>(workers: Iterable<W>, limit: number): W | undefined {
  let best: W | undefined;
  for (const worker of workers) {
    if (room(worker, limit) > 0 && (!best || worker.size < best.size)) best = worker;
  }
  return best;
}
