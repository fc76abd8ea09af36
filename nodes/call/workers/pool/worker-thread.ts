import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { asError } from '../../errors';
import { Outbox } from '../outbox';
import { fromPlainError } from '../plain-error';
import type { CallRef, FramesItem, ToMain, ToWorker, WorkerLoad } from '../protocol';
import { watchPulse } from './pulse';
import type { Load } from './worker-load';

/** Frames to a worker wait so long for company, ms. */
const FRAME_WAIT_MS = 4;
/** A flow that does not run after so long does not start, ms. */
const START_MS = 20_000;
/** How long a worker that is asked to stop may take for it, ms. */
const STOP_MS = 5_000;
/** Of the heap, for what is young: MB. */
const YOUNG_MB = 16;
/** A thread that stands still is asked for its heap, and has so long to answer, ms. */
const HEAP_ASK_MS = 200;
/** With so much of its memory in use it stands still because it is full. */
const FULL_SHARE = 0.85;

/** Why a worker ended unasked. */
export type LossCause = 'crashed' | 'stuck' | 'memory';

export interface WorkerThreadOptions {
  /** What its heap may grow to, MB. */
  memoryMb: number;
  /** All that it tells, but whether it has started. */
  onItem(item: ToMain): void;
  /** Told once if it ends unasked after it was ready. */
  onLost(cause: LossCause, error: Error): void;
}

/** One worker thread, as the main thread has it: its start, its line, the watch over it, and its end. */
export class WorkerThread {
  /** Resolves when its flow runs; rejects, in words, where that does not start. */
  readonly ready: Promise<void>;
  /** What nodes reported as errors while they were made: with these Node-RED lets a flow run all the same. */
  problems: readonly string[] = [];
  private readonly worker: Worker;
  private readonly outbox: Outbox<ToWorker>;
  private readonly ended: Promise<void>;
  private begun!: () => void;
  private notBegun!: (error: Error) => void;
  private state: 'starting' | 'ready' | 'stopping' | 'gone' = 'starting';
  private unwatch: (() => void) | undefined;
  private readonly startTimer: NodeJS.Timeout;

  constructor(
    load: Load,
    private readonly options: WorkerThreadOptions,
  ) {
    const pulse = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const workerData: WorkerLoad = { ...load, pulse };
    this.worker = new Worker(join(__dirname, '../thread/thread.js'), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: options.memoryMb, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.outbox = new Outbox((batch, transfer) => this.post(batch, transfer), FRAME_WAIT_MS);
    this.ready = new Promise((resolve, reject) => {
      this.begun = resolve;
      this.notBegun = reject;
    });
    // Whoever does not wait for it hears of the end in other ways.
    this.ready.catch(() => undefined);
    this.startTimer = setTimeout(() => this.lose('stuck', new Error('the flow did not start within 20 s')), START_MS);
    this.startTimer.unref();
    this.ended = new Promise((resolve) => this.worker.once('exit', () => resolve()));
    this.worker.on('message', (batch: readonly ToMain[]) => {
      for (const item of batch) this.take(item, pulse);
    });
    this.worker.on('messageerror', (err) => this.lose('crashed', asError(err)));
    this.worker.on('error', (err) => this.onError(asError(err)));
    this.worker.on('exit', (code) => this.lose('crashed', new Error(`the thread ended with code ${code}`)));
    // A process that has nothing else to do may end.
    this.worker.unref();
  }

  send(item: ToWorker): void {
    this.outbox.send(item);
  }

  /** A frame of the caller's voice. */
  frame(n: CallRef, audio: Buffer): void {
    this.outbox.frame(n, audio);
  }

  /** Has it stop its flows and end; resolves when it has, or was made to. Never rejects. */
  async stop(): Promise<void> {
    if (this.state !== 'ready') return this.terminate();
    this.leave('stopping');
    this.outbox.send({ t: 'stop' });
    this.outbox.flush();
    const timer = setTimeout(() => void this.terminate(), STOP_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends it at once; resolves when it has. Never rejects. */
  async terminate(): Promise<void> {
    this.leave('gone');
    this.outbox.close();
    await this.worker.terminate().catch(() => undefined);
  }

  private take(item: ToMain, pulse: SharedArrayBuffer): void {
    if (this.state === 'gone') return;
    if (item.t === 'failed') this.lose('crashed', fromPlainError(item.error));
    else if (item.t !== 'ready') this.options.onItem(item);
    else if (this.state === 'starting') {
      clearTimeout(this.startTimer);
      this.state = 'ready';
      this.problems = item.problems;
      this.unwatch = watchPulse(pulse, (ms) => void this.onStuck(ms));
      this.begun();
    }
  }

  private onError(err: Error): void {
    const { code } = err as { code?: unknown };
    if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
      this.lose('memory', new Error(`its memory grew beyond ${this.options.memoryMb} MB`, { cause: err }));
    } else this.lose('crashed', err);
  }

  /** Near the limit of its memory V8 does nothing but look for some, for seconds: then that is the cause. */
  private async onStuck(ms: number): Promise<void> {
    if (await this.isFull()) return this.lose('memory', new Error(`its memory grew to ${this.options.memoryMb} MB`));
    const seconds = (ms / 1_000).toFixed(1);
    this.lose('stuck', new Error(`its event loop stood still for ${seconds} s (an endless loop in a Function node?)`));
  }

  /** V8 answers from within an endless loop, too; Node.js before 22.16 cannot ask. Never rejects. */
  private async isFull(): Promise<boolean> {
    const { worker, options } = this;
    const asks = (worker as Partial<Pick<Worker, 'getHeapStatistics'>>).getHeapStatistics?.bind(worker);
    if (!asks) return false;
    const used = asks().then(
      (heap) => heap.used_heap_size,
      () => 0,
    );
    const bytes = await Promise.race([used, sleep(HEAP_ASK_MS, 0, { ref: false })]);
    return bytes > FULL_SHARE * options.memoryMb * 1_048_576;
  }

  /** It has ended, or is made to, and nobody asked for it. */
  private lose(cause: LossCause, error: Error): void {
    const { state } = this;
    if (state === 'gone' || state === 'stopping') return;
    this.notBegun(error);
    void this.terminate();
    if (state === 'ready') this.options.onLost(cause, error);
  }

  private leave(state: 'stopping' | 'gone'): void {
    this.notBegun(new Error('the thread was ended before its flow ran'));
    this.state = state;
    clearTimeout(this.startTimer);
    this.unwatch?.();
    this.unwatch = undefined;
  }

  /** What cannot be cloned must not take with it what it goes together with. */
  private post(batch: readonly (ToWorker | FramesItem)[], transfer: readonly ArrayBuffer[]): void {
    try {
      this.worker.postMessage(batch, transfer);
    } catch (err) {
      if (batch.length === 1) return this.refused(batch[0], asError(err));
      for (const item of batch) this.post([item], 'bytes' in item ? [item.bytes.buffer as ArrayBuffer] : []);
    }
  }

  private refused(item: ToWorker | undefined, error: Error): void {
    const entry = {
      level: 20,
      msg: `${item?.t ?? 'nothing'} could not be handed to a worker thread: ${error.message}`,
    };
    this.options.onItem({ t: 'log', entry });
  }
}
