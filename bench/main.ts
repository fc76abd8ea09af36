/**
 * `npm run bench`: what Node-RED and the pack cost, beside a bare relay that does the same job on the same simulated work.
 *
 * Each system runs in a process of its own with its main thread on the first core, the simulators and their callers in another on
 * the second; this process only starts them, and sleeps. Exit code 1: something is missing, or a process died.
 */
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { FromCallers, Job, Outcome, Stage, ToCallers } from './job';
import { NodeProcess, ROOT, SIMULATORS_CORE } from './processes';
import { summary, table, type SystemName } from './result';
import { startNodeRed, startRelay, type StartSystem } from './systems';

const HELP = `npm run bench -- [options]
  --calls N         calls at once (100)
  --seconds N       length of the measured window (30)
  --runs N          measure each system N times and take the median of each number (1)
  --workers N       run the pack's calls in N worker threads: measured as pack-workers, in place of pack
  --lose-worker     in the middle of the window one worker thread comes to a standstill: what that means for the calls in the
                    others (with --workers 2 or more; not to be compared with a run without)
  --only SYSTEM     relay, pack or pack-workers
  --chunk-bytes N   size of the TTS's pieces of audio (160: a phone line's frame of 20 ms)
  --node-options=O  how Node.js is started for either system ("--max-semi-space-size=16 --v8-pool-size=1", as the README advises
                    for production; "" for Node's defaults)
  --one-core        keep all threads of a system on one core, V8's own too (a machine with a single core)
  --profile DIR     write a CPU profile of each system there (the numbers are worse for it)
  --json            print as the last line one JSON object`;

const START: Record<SystemName, StartSystem> = {
  relay: startRelay,
  pack: startNodeRed,
  'pack-workers': startNodeRed,
};
/** What the README advises for production: less memory for what is short-lived, and one thread that helps V8 in place of four, which would take turns with Node-RED's. */
const PRODUCTION = '--max-semi-space-size=16 --v8-pool-size=1';
/** Warm-up, ramp and farewell of one measurement take less than this, ms. */
const AROUND_MS = 120_000;

interface Options extends Stage {
  seconds: number;
  runs: number;
  /** Of the pack; undefined: none. */
  workers: number | undefined;
  systems: readonly SystemName[];
  json: boolean;
  nodeOptions: string;
  loseWorker: boolean;
  oneCore: boolean;
  profile: string | undefined;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      calls: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '30' },
      runs: { type: 'string', default: '1' },
      workers: { type: 'string' },
      only: { type: 'string' },
      'chunk-bytes': { type: 'string', default: '160' },
      'node-options': { type: 'string', default: PRODUCTION },
      'one-core': { type: 'boolean', default: false },
      profile: { type: 'string' },
      'lose-worker': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const count = (name: 'calls' | 'seconds' | 'runs' | 'chunk-bytes' | 'workers'): number => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a positive whole number.\n${HELP}`);
    return value;
  };
  const { only, json, profile } = values;
  const workers = values.workers === undefined ? undefined : count('workers');
  const all: SystemName[] = ['relay', workers === undefined ? 'pack' : 'pack-workers'];
  const loseWorker = values['lose-worker'];
  if (loseWorker && (workers ?? 0) < 2) throw new Error(`--lose-worker needs --workers 2 or more.\n${HELP}`);
  const systems = all.filter((name) => (only === undefined || only === name) && !(loseWorker && name === 'relay'));
  if (systems.length === 0) throw new Error(`--only must be ${all.join(' or ')}.\n${HELP}`);
  return {
    calls: count('calls'),
    seconds: count('seconds'),
    runs: count('runs'),
    chunkBytes: count('chunk-bytes'),
    workers,
    systems,
    json,
    nodeOptions: values['node-options'].trim(),
    loseWorker,
    oneCore: values['one-core'],
    profile: profile === undefined ? undefined : resolve(profile),
  };
}

/** One system, measured once, on a fresh set of simulators. */
async function measure(name: SystemName, options: Options): Promise<Outcome> {
  const { calls, chunkBytes, seconds, workers, loseWorker, oneCore, nodeOptions, profile } = options;
  const callers = NodeProcess.start('The simulators', ['--require', 'tsx/cjs', join(ROOT, 'bench', 'callers.ts')], {
    core: SIMULATORS_CORE,
    ipc: true,
  });
  try {
    const { addresses: at } = await ask(callers, { stage: { calls, chunkBytes } }, 'addresses', 30_000);
    if (profile !== undefined) mkdirSync(profile, { recursive: true });
    const profiled =
      profile === undefined
        ? []
        : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${name}-${Date.now()}.cpuprofile`];
    const nodeArguments = [...nodeOptions.split(' ').filter((option) => option !== ''), ...profiled];
    if (loseWorker) nodeArguments.push('--require', join(ROOT, 'bench', 'stuck-on-signal.cjs'));
    const system = await START[name]({ at, calls, workers, oneCore, nodeArguments });
    try {
      const job: Job = { webhookUrl: system.webhookUrl, pid: system.process.pid, calls, seconds, loseWorker };
      const died = system.process.exited.then(() => {
        throw new Error(`The system (${name}) ended in the middle of the measurement:\n${system.process.log}`);
      });
      const { outcome } = await Promise.race([ask(callers, { job }, 'outcome', seconds * 1_000 + AROUND_MS), died]);
      if (outcome.problems.length > 0) outcome.problems.push(`Last words of the system: ${system.process.log}`);
      died.catch(() => undefined);
      return { ...outcome, ...(system.mbPerWorker !== undefined && { rssMbPerWorker: system.mbPerWorker }) };
    } finally {
      await system.stop();
    }
  } finally {
    if (callers.isRunning) callers.child.send({ end: true } satisfies ToCallers);
    await callers.stop();
  }
}

/** Sends a message to the simulators' process and waits for the answer of the given kind. */
async function ask<Kind extends 'addresses' | 'outcome'>(
  callers: NodeProcess,
  message: ToCallers,
  kind: Kind,
  withinMs: number,
): Promise<Extract<FromCallers, Record<Kind, unknown>>> {
  const signal = AbortSignal.timeout(withinMs);
  callers.child.send(message);
  const answered = once(callers.child, 'message', { signal }) as Promise<[FromCallers]>;
  const died = callers.exited.then((): never => {
    throw new Error(`The simulators ended:\n${callers.log}`);
  });
  const [answer] = await Promise.race([answered, died]);
  if ('failed' in answer) throw new Error(`The simulators failed: ${answer.failed}`);
  if (!(kind in answer)) throw new Error(`The simulators answered something else than ${kind}.`);
  return answer as Extract<FromCallers, Record<Kind, unknown>>;
}

async function main(): Promise<number> {
  const options = readOptions();
  const { calls, seconds, runs, workers, nodeOptions, systems, json } = options;
  const outcomes: Record<SystemName, Outcome[]> = { relay: [], pack: [], 'pack-workers': [] };
  const problems: string[] = [];
  for (let run = 1; run <= runs; run++) {
    for (const name of systems) {
      console.error(`${name}, run ${run} of ${runs} ...`);
      const outcome = await measure(name, options);
      outcomes[name].push(outcome);
      problems.push(...outcome.problems.map((problem) => `${name}: ${problem}`));
    }
  }
  const result = summary(outcomes, { calls, seconds, runs, nodeOptions, ...(workers !== undefined && { workers }) });
  console.log(table(result));
  for (const problem of problems) console.error(problem);
  if (json) console.log(JSON.stringify(result));
  return problems.length === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
