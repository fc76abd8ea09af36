import type { MessagePort } from 'node:worker_threads';
import type { AnswerSettings } from '../dial/answer';
import type { CallInfo, EndReason, Word } from '../message';
import type { PlainError } from './plain-error';

/**
 * What the main thread and a worker thread tell each other. Everything is plain data that can be cloned; what is told in one turn of
 * the event loop goes as one message: an array of these, in their order (outbox.ts). Both ends are of one build: nothing is parsed.
 */

/** A call on the port: a number of its own, for its id may change while it is dialled. */
export type CallRef = number;

/** Frames of many calls in one message: see frames.ts. */
export interface FramesItem {
  t: 'frames';
  bytes: Uint8Array;
}

/** An apology in an agent's voice (tts/clips.ts), as it goes between threads. */
export interface PlainClip {
  audio: Uint8Array;
  words: readonly Word[];
}

/** What happens to one call at its carrier: main to worker, the methods of `CarriedCall` and of its in-node. */
export type CallNews =
  | { t: 'open'; n: CallRef; info: CallInfo; ownerId: string; answer: AnswerSettings | undefined }
  | { t: 'emit'; n: CallRef; topic: string; payload: unknown }
  | { t: 'digit'; n: CallRef; digit: string }
  | { t: 'words'; n: CallRef }
  /** The present stream is gone, or a new one is there: the so many-th. */
  | { t: 'stream'; n: CallRef; open: boolean; nth: number }
  | { t: 'echo'; n: CallRef; mark: string }
  | { t: 'leave'; n: CallRef; to: string }
  | { t: 'end'; n: CallRef; reason: EndReason }
  | { t: 'named'; n: CallRef; id: string }
  | { t: 'call-failed'; n: CallRef; error: PlainError };

/** What a call has its carrier do: worker to main. What is asked and answered goes as `ask` instead. */
export type CallWish =
  /** From here on what is played is meant for this stream: what was on its way for the last one is not played. */
  | { t: 'stream-known'; n: CallRef; nth: number }
  | { t: 'mark'; n: CallRef; mark: string }
  | { t: 'clear'; n: CallRef }
  /** It is over in the worker: nothing of it comes any more. */
  | { t: 'over'; n: CallRef; reason: EndReason }
  /** A flow has put values on it. */
  | { t: 'parameters'; n: CallRef; parameters: Record<string, string> }
  | { t: 'private'; n: CallRef; on: boolean }
  /** The apology in the agent's own voice: raw mu-law 8 kHz; kept in the main thread, by its key, for the day when a worker fails, and for others. */
  | { t: 'clip'; n: CallRef; key: string; clip?: PlainClip };

/** Something is asked of the main thread, by name; `r` stands in the answer. The names are those of `MainServices`. */
export interface Ask {
  t: 'ask';
  r: number;
  what: string;
  args: readonly unknown[];
}

export type Answer = { t: 'answer'; r: number; value: unknown } | { t: 'answer'; r: number; error: PlainError };

/** A message of a flow that goes to a node of the other side, as if by a wire. */
export interface Delivery {
  t: 'deliver';
  /** The id of the node, or for one in a subflow: those of the instances, and of the node in the template. */
  node: readonly string[];
  msg: Record<string, unknown>;
}

/** A message that had been sent as a `Delivery` could not be given to its node: back to the worker, for Catch. */
export interface Undelivered {
  t: 'undelivered';
  node: readonly string[];
  msg: Record<string, unknown>;
  error: PlainError;
}

/** A message that names a call which is not in the worker that it came to. */
export interface Elsewhere {
  t: 'elsewhere';
  node: readonly string[];
  msg: Record<string, unknown>;
}

/** Main to worker, besides. */
export type MainOrder =
  /** A report of a call that is over: told by its in-node. */
  | { t: 'afterwards'; ownerId: string; topic: string; payload: Record<string, unknown>; info: CallInfo }
  /** Clips that the main thread has, by key: nobody need make them again. */
  | { t: 'clips'; clips: readonly (PlainClip & { key: string })[] }
  /** Tell `registry.count()`. */
  | { t: 'count' }
  /** Stop the flows, and then the thread. */
  | { t: 'stop' };

/** Worker to main, besides. */
export type WorkerNews =
  /** The flow runs. `problems`: what nodes reported as errors while they were made, for which Node-RED keeps no flow from running. */
  | { t: 'ready'; problems: readonly string[] }
  /** It does not; the thread ends. */
  | { t: 'failed'; error: PlainError }
  | Elsewhere
  /** The worker's line to the context stores of the main thread (context-service.ts). It is posted by itself, not by the outbox. */
  | { t: 'context'; port: MessagePort; signal: SharedArrayBuffer }
  /** A line of Node-RED's log, as its handlers get it. */
  | { t: 'log'; entry: Record<string, unknown> }
  | { t: 'status'; node: readonly string[]; status: Record<string, unknown> }
  /** What goes to editors: the debug sidebar. */
  | { t: 'comms'; topic: string; data: unknown; retain: boolean }
  /** For tests and the count of what is left: `registry.count()` of the worker. */
  | { t: 'count'; count: Record<string, number> };

export type ToWorker = FramesItem | CallNews | Answer | Delivery | Undelivered | MainOrder;
export type ToMain = FramesItem | CallWish | Ask | Delivery | WorkerNews;

/** What a worker thread is started with (`workerData`). */
export interface WorkerLoad {
  /** The flow as the worker runs it: of the tabs that calls need, with proxies for what stays in the main runtime. */
  flows: readonly Record<string, unknown>[];
  /** By node id, in the clear: they do not leave the process. */
  credentials: Record<string, Record<string, unknown>>;
  /** Settings of Node-RED as far as they can be cloned. */
  settings: Record<string, unknown>;
  /** Loaded again in the worker, for what cannot be cloned; undefined where Node-RED is embedded. */
  settingsFile: string | undefined;
  /** Beside it Node-RED's runtime is found. */
  coreNodesDir: string;
  /** Core nodes that the worker loads, by file name, such as `10-function.js`. */
  nodesIncludes: readonly string[];
  /** Modules of the palette that it loads besides, by name. */
  modules: readonly string[];
  /** What the worker's event loop counts up as long as it turns: Int32Array of 1. */
  pulse: SharedArrayBuffer;
}
