/** What the benchmark says: medians over its runs, as JSON and as a table. */
import type { Outcome } from './job';
import { median, rounded } from './statistics';

export type SystemName = 'relay' | 'pack';

/** The last line of `--json`. */
export interface Result {
  calls: number;
  seconds: number;
  runs: number;
  relay?: Outcome;
  pack?: Outcome;
  ratio?: { cpu: number };
}

export function summary(
  outcomes: Record<SystemName, Outcome[]>,
  work: Pick<Result, 'calls' | 'seconds' | 'runs'>,
): Result {
  const result: Result = { ...work };
  if (outcomes.relay.length > 0) result.relay = middle(outcomes.relay);
  if (outcomes.pack.length > 0) result.pack = middle(outcomes.pack);
  if (result.relay && result.pack) {
    result.ratio = { cpu: rounded(result.pack.cpuMsPerCallSecond / result.relay.cpuMsPerCallSecond, 3) };
  }
  return result;
}

/** Each number by itself; what was missed in any run counts. */
function middle(runs: Outcome[]): Outcome {
  const of = (read: (run: Outcome) => number): number => rounded(median(runs.map(read)), 3);
  const sum = (read: (run: Outcome) => number): number => runs.reduce((total, run) => total + read(run), 0);
  return {
    cpuMsPerCallSecond: of((run) => run.cpuMsPerCallSecond),
    addedLatencyMs: {
      p50: of((run) => run.addedLatencyMs.p50),
      p95: of((run) => run.addedLatencyMs.p95),
      p99: of((run) => run.addedLatencyMs.p99),
    },
    bargeInMs: { p50: of((run) => run.bargeInMs.p50), p99: of((run) => run.bargeInMs.p99) },
    rssMbPerCall: of((run) => run.rssMbPerCall),
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
    problems: [...new Set(runs.flatMap((run) => run.problems))],
  };
}

const ROWS: [string, (one: Outcome) => number][] = [
  ['CPU, ms per call-second', (one) => one.cpuMsPerCallSecond],
  ['added latency p50, ms', (one) => one.addedLatencyMs.p50],
  ['added latency p95, ms', (one) => one.addedLatencyMs.p95],
  ['added latency p99, ms', (one) => one.addedLatencyMs.p99],
  ['barge-in p50, ms', (one) => one.bargeInMs.p50],
  ['barge-in p99, ms', (one) => one.bargeInMs.p99],
  ['memory, MB per call', (one) => one.rssMbPerCall],
  ['turns', (one) => one.turns],
  ['turns missed', (one) => one.missedTurns],
  ['interruptions', (one) => one.interruptions],
  ['interruptions missed', (one) => one.missedInterruptions],
  ['pieces of audio per call-second', (one) => one.conditions.audioPiecesPerCallSecond],
  ['system waited for its core, share', (one) => one.conditions.waitShare],
  ['simulators busy, share of a core', (one) => one.conditions.simulatorsCpuShare],
  ['simulators late p99, ms', (one) => one.conditions.simulatorsLagMs],
];

export function table({ calls, seconds, runs, relay, pack, ratio }: Result): string {
  const cell = (one: Outcome | undefined, read: (one: Outcome) => number): string =>
    (one ? String(rounded(read(one), 2)) : '-').padStart(10);
  const lines = [
    `${calls} calls, ${seconds} s, ${runs === 1 ? '1 run' : `median of ${runs} runs`}`,
    `${''.padEnd(36)}${'relay'.padStart(10)}${'pack'.padStart(10)}`,
    ...ROWS.map(([name, read]) => `${name.padEnd(36)}${cell(relay, read)}${cell(pack, read)}`),
  ];
  if (ratio) lines.push(`${'CPU, pack : relay'.padEnd(36)}${''.padStart(10)}${String(ratio.cpu).padStart(10)}`);
  return lines.join('\n');
}
