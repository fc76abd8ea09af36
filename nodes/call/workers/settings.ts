import { choice, number, optionalNumber, text } from '../settings';
import type { RawConfig } from '../settings';

/** How an in-node's calls run in worker threads, as deployed. */
export interface WorkerSettings {
  /** How many workers at most; undefined: one a core, and with `callsPerWorker` as many as all lines need. */
  workers: number | undefined;
  /** How many calls one worker carries at most; undefined: any number. 1: no call shares a thread with another. */
  callsPerWorker: number | undefined;
  /** What the heap of one worker may grow to, MB: one that grows further is ended. */
  memoryMb: number;
  /** How long calls may go on in a flow that a Deploy has replaced, ms; then they are ended politely. */
  oldCallsMs: number;
  /** Further node types, besides the core nodes of the allow-list, that may run in a worker. */
  nodeTypes: readonly string[];
  /** What a caller hears, by the carrier's own voice, whose worker has failed and of whose agent's voice there is no clip. */
  apology: string;
}

/** @throws SettingError in words for the ops person */
export function readWorkerSettings(config: RawConfig): WorkerSettings | undefined {
  if (choice(config, 'runIn', ['runtime', 'workers'] as const, 'runtime') === 'runtime') return undefined;
  return {
    workers: optionalNumber(config, 'workers', 1, 256),
    callsPerWorker: optionalNumber(config, 'callsPerWorker', 1, 10_000),
    memoryMb: number(config, 'workerMemory', 256, 32, 16_384),
    oldCallsMs: number(config, 'oldCalls', 60, 0.01, 1_440) * 60_000,
    nodeTypes: text(config, 'workerNodes').split(/[\n,;]/).map((type) => type.trim()).filter((type) => type !== ''), // prettier-ignore
    apology: text(config, 'workerApology', 'We are sorry, there is a technical problem. Please call again.'),
  };
}
