/** What the driver asks of the process that holds the simulators and their callers, and what it is told. Plain data. */
import { KEYS } from '../simulators/keys';
import type { WorldAddresses } from '../simulators/world';

/** A measurement of one system. */
export interface Job {
  /** The system's webhook. */
  webhookUrl: string;
  /** The system's process, whose CPU time and memory are read from /proc. */
  pid: number;
  calls: number;
  /** Length of the measured window, in s. */
  seconds: number;
  /** In the middle of the window one worker thread comes to a standstill. */
  loseWorker: boolean;
}

/** Size of the simulated work that is fixed before the simulators start. */
export interface Stage {
  calls: number;
  /** Bytes of each piece of audio from the simulated TTS: 160 are the 20 ms of a phone line's frame. */
  chunkBytes: number;
}

/** One system's numbers. Latencies in ms. */
export interface Outcome {
  /** CPU time (user and system) of the whole process, in ms for each second of each call. */
  cpuMsPerCallSecond: number;
  /** Reckoned from that, not measured: how many calls keep one core busy, whichever threads share the work. */
  callsPerCore: number;
  /** From the frame by which the STT knows that the caller has finished to the reply's first audio at the phone company, less model and voice. */
  addedLatencyMs: { p50: number; p95: number; p99: number };
  /** From the frame by which the STT knows the interruption's first word to the `clear` at the phone company. */
  bargeInMs: { p50: number; p99: number };
  /** Memory under load less memory when idle, warmed up, by calls. */
  rssMbPerCall: number;
  /** Memory with all worker threads started and idle less memory without any, by workers; only where calls run in workers. */
  rssMbPerWorker?: number;
  /** Turns that the callers ended in the window. */
  turns: number;
  /** Those of them that were not answered before the caller spoke again. */
  missedTurns: number;
  /** Times that a caller spoke over a long reply in the window. */
  interruptions: number;
  /** Those of them that cleared nothing. */
  missedInterruptions: number;
  /** How far to believe the numbers. */
  conditions: Conditions;
  /** What the loss of a worker meant; only where one was lost. */
  loss?: Loss;
  /** What makes the measurement void; empty if all is well. */
  problems: string[];
}

/** One worker thread came to a standstill, with all the calls in it. Times in ms. */
export interface Loss {
  /** Calls that were lost with it. */
  calls: number;
  /** From the standstill to the first audio of the apology, of the caller who waited longest. */
  apologyMs: number;
  /** Of the other callers' turns that ended in the five seconds after it. */
  others: { turns: number; addedLatencyMs: { p50: number; p99: number } };
}

export interface Conditions {
  /** Pieces of audio that reached the phone company: as many from both systems, or they do not do the same. */
  audioPiecesPerCallSecond: number;
  /** Share of the window that the system's main thread waited for a core that somebody else used. */
  waitShare: number;
  /** CPU time of the simulators' process by the window's length: near 1 it would measure itself. */
  simulatorsCpuShare: number;
  /** 99th percentile of the delay of the simulators' event loop, ms. */
  simulatorsLagMs: number;
  /** Memory of the system: warmed up and idle; the same with its garbage collected; at the end of the window; likewise collected. In MB. */
  rssWarmMb: number;
  rssIdleMb: number;
  rssLiveMb: number;
  rssLoadedMb: number;
}

export type ToCallers = { stage: Stage } | { job: Job } | { end: true };
export type FromCallers = { addresses: WorldAddresses } | { outcome: Outcome } | { failed: string };

export { KEYS };

/** Silence after which the STT ends a turn, in ms of audio; a setting of both systems. */
export const ENDPOINTING_MS = 300;
