/** What the benchmark says: medians over its runs, as JSON and as a table. */
import type { Outcome } from './job';
import { median, rounded } from './statistics';

/** `pack-workers`: the pack with its calls in worker threads. */
export type SystemName = 'relay' | 'pack' | 'pack-workers';

/** The last line of `--json`. */
export interface Result {
  calls: number;
  seconds: number;
  runs: number;
  /** How Node.js was started, for either system. */
  nodeOptions: string;
  relay?: Outcome;
  /** Worker threads, where calls run in any. */
  workers?: number;
  pack?: Outcome;
  'pack-workers'?: Outcome;
  /** Of the pack, in whichever way it was measured, to the relay of the same run; of several runs the median. */
  ratio?: { cpu: number };
}

export function summary(
  outcomes: Record<SystemName, Outcome[]>,
  work: Pick<Result, 'calls' | 'seconds' | 'runs' | 'nodeOptions' | 'workers'>,
): Result {
  const result: Result = { ...work };
  for (const name of ['relay', 'pack', 'pack-workers'] as const) {
    if (outcomes[name].length > 0) result[name] = middle(outcomes[name]);
  }
  const packs = outcomes.pack.length > 0 ? outcomes.pack : outcomes['pack-workers'];
  // Run by run: two that follow each other have the same machine, however its speed drifts.
  const ratios = packs.flatMap(({ cpuMsPerCallSecond }, run) => {
    const relay = outcomes.relay[run];
    return relay ? cpuMsPerCallSecond / relay.cpuMsPerCallSecond : [];
  });
  if (ratios.length > 0) result.ratio = { cpu: rounded(median(ratios), 3) };
  return result;
}

/** The pack is measured in one way at a time. */
function packOf(result: Result): Outcome | undefined {
  return result.pack ?? result['pack-workers'];
}

/** Each number by itself; what was missed in any run counts. */
function middle(runs: Outcome[]): Outcome {
  const of = (read: (run: Outcome) => number): number => rounded(median(runs.map(read)), 3);
  const sum = (read: (run: Outcome) => number): number => runs.reduce((total, run) => total + read(run), 0);
  return {
    cpuMsPerCallSecond: of((run) => run.cpuMsPerCallSecond),
    callsPerCore: of((run) => run.callsPerCore),
    addedLatencyMs: {
      p50: of((run) => run.addedLatencyMs.p50),
      p95: of((run) => run.addedLatencyMs.p95),
      p99: of((run) => run.addedLatencyMs.p99),
    },
    bargeInMs: { p50: of((run) => run.bargeInMs.p50), p99: of((run) => run.bargeInMs.p99) },
    rssMbPerCall: of((run) => run.rssMbPerCall),
    ...(runs.every((run) => run.rssMbPerWorker !== undefined) && { rssMbPerWorker: of((run) => run.rssMbPerWorker ?? NaN) }), // prettier-ignore
    turns: sum((run) => run.turns),
    missedTurns: sum((run) => run.missedTurns),
    interruptions: sum((run) => run.interruptions),
    missedInterruptions: sum((run) => run.missedInterruptions),
    conditions: {
      audioPiecesPerCallSecond: of((run) => run.conditions.audioPiecesPerCallSecond),
      waitShare: of((run) => run.conditions.waitShare),
      simulatorsCpuShare: of((run) => run.conditions.simulatorsCpuShare),
      simulatorsLagMs: of((run) => run.conditions.simulatorsLagMs),
      rssWarmMb: of((run) => run.conditions.rssWarmMb),
      rssLiveMb: of((run) => run.conditions.rssLiveMb),
      rssIdleMb: of((run) => run.conditions.rssIdleMb),
      rssLoadedMb: of((run) => run.conditions.rssLoadedMb),
    },
    ...lossOf(runs),
    problems: [...new Set(runs.flatMap((run) => run.problems))],
  };
}

/** The worst of the runs: there is one such moment in each. */
function lossOf(runs: Outcome[]): Pick<Outcome, 'loss'> {
  const worst = runs
    .flatMap(({ loss }) => loss ?? [])
    .sort((a, b) => b.others.addedLatencyMs.p99 - a.others.addedLatencyMs.p99)[0];
  return worst ? { loss: worst } : {};
}

const ROWS: [string, (one: Outcome) => number | undefined][] = [
  ['CPU, ms per call-second', (one) => one.cpuMsPerCallSecond],
  ['calls a core (reckoned)', (one) => one.callsPerCore],
  ['added latency p50, ms', (one) => one.addedLatencyMs.p50],
  ['added latency p95, ms', (one) => one.addedLatencyMs.p95],
  ['added latency p99, ms', (one) => one.addedLatencyMs.p99],
  ['barge-in p50, ms', (one) => one.bargeInMs.p50],
  ['barge-in p99, ms', (one) => one.bargeInMs.p99],
  ['memory, MB per call', (one) => one.rssMbPerCall],
  ['memory, MB per worker', (one) => one.rssMbPerWorker],
  ['calls lost with a worker', (one) => one.loss?.calls],
  ['until the apology, ms at most', (one) => one.loss?.apologyMs],
  ["others' latency p99 meanwhile, ms", (one) => one.loss?.others.addedLatencyMs.p99],
  ['turns', (one) => one.turns],
  ['turns missed', (one) => one.missedTurns],
  ['interruptions', (one) => one.interruptions],
  ['interruptions missed', (one) => one.missedInterruptions],
  ['pieces of audio per call-second', (one) => one.conditions.audioPiecesPerCallSecond],
  ['system waited for its core, share', (one) => one.conditions.waitShare],
  ['simulators busy, share of a core', (one) => one.conditions.simulatorsCpuShare],
  ['simulators late p99, ms', (one) => one.conditions.simulatorsLagMs],
];

export function table(result: Result): string {
  const { calls, seconds, runs, nodeOptions, workers, relay, ratio } = result;
  const pack = packOf(result);
  const name = workers === undefined ? 'pack' : 'pack-workers';
  const cell = (value: number | undefined): string => (value === undefined ? '-' : String(rounded(value, 2))).padStart(13); // prettier-ignore
  const row = (label: string, cells: string[]): string => label.padEnd(36) + cells.join('');
  const threads = workers === undefined ? '' : `, ${workers} worker threads`;
  const lines = [
    `${calls} calls, ${seconds} s, ${runs === 1 ? '1 run' : `median of ${runs} runs`}${threads}, node ${nodeOptions || 'as it is'}`,
    row('', ['relay'.padStart(13), name.padStart(13)]),
    ...ROWS.filter(([, read]) => [relay, pack].some((one) => one && read(one) !== undefined)).map(([label, read]) =>
      row(label, [cell(relay && read(relay)), cell(pack && read(pack))]),
    ),
  ];
  if (ratio) lines.push(row(`CPU, ${name} : relay`, [''.padStart(13), cell(ratio.cpu)]));
  return lines.join('\n');
}
