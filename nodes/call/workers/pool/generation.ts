import { choose, room } from './placement';
import type { WorkerWants } from './placement';
import type { Plan, Guest, LossCause, News, PoolWorker, WorkerHost } from './pool-worker';
import { Restarts } from './restarts';

/** A worker that has had no call for so long, beyond the one kept warm, is ended, ms. */
const IDLE_MS = 60_000;

/** What a generation tells the pool. */
export interface GenerationHost {
  /** Starts a thread. */
  start(plan: Plan, wants: WorkerWants, host: WorkerHost): PoolWorker;
  /** How many calls wait for a place in it. */
  waiting(generation: Generation): number;
  /** A worker can take calls. */
  ready(generation: Generation, worker: PoolWorker): void;
  /** None of its workers has started: it is given up. */
  failed(generation: Generation, error: Error): void;
  /** A worker that was to take another's place did not start. @param againMs when that is tried again */
  notReplaced(error: Error, againMs: number): void;
  /** There may be room where there was none. */
  freed(generation: Generation): void;
  lost(worker: PoolWorker, cause: LossCause, error: Error, guests: readonly Guest[]): void;
  /** The thread has ended, for whatever reason. */
  gone(worker: PoolWorker): void;
  news(worker: PoolWorker, news: News): void;
  /** The last of its threads has ended, and no other will be started. */
  over(generation: Generation): void;
}

/** The workers that run one state of the deployed flow. */
export class Generation implements WorkerHost {
  private readonly workers = new Set<PoolWorker>();
  private readonly idle = new Map<PoolWorker, NodeJS.Timeout>();
  /** Workers that failed, and whose successors are due later. */
  private readonly due = new Set<NodeJS.Timeout>();
  private readonly restarts = new Restarts();
  /** One of them has been ready. */
  private begun = false;
  private isRetired = false;
  /** Why the first did not start. */
  private failure: Error | undefined;

  /** @param plan what its workers run */
  constructor(
    readonly plan: Plan,
    readonly wants: WorkerWants,
    private readonly host: GenerationHost,
  ) {}

  /** How many threads there are, those among them that are ending. */
  get threads(): number {
    return this.workers.size;
  }

  get isStarting(): boolean {
    return this.those('starting').length > 0;
  }

  /** Those that run its flow. */
  get ready(): readonly PoolWorker[] {
    return this.those('ready');
  }

  /** The ready worker with the fewest calls that has room. @param limit how many calls it may then carry at most */
  choose(limit: number): PoolWorker | undefined {
    return this.isRetired ? undefined : choose(this.ready, limit);
  }

  /** How many calls more there is room for, those that wait for a place among them, once all its workers have been started. */
  places(limit: number): number {
    const { present } = this;
    const more = this.wants.workers - present.length;
    // Infinity times nothing would be no number.
    return roomIn(present, limit) + (more > 0 ? more * limit : 0);
  }

  /** Starts what is missing: all that are wanted; or, with few calls in each, as many as have room for one call more than there are. */
  fill(): void {
    const { workers, callsPerWorker } = this.wants;
    const isMissing = (): boolean => this.present.length + this.due.size < workers;
    const isNeeded = (): boolean => callsPerWorker === Infinity || this.roomAhead < 1;
    // Nobody is left in silence for a successor that is due later.
    const isAwaited = (): boolean => this.present.length === 0 && this.host.waiting(this) > 0;
    while (!this.isRetired && ((isMissing() && isNeeded()) || isAwaited())) this.startOne();
  }

  /** A Deploy has replaced its flow, or the flows are stopped: no new calls; each thread ends with its last call. */
  retire(): void {
    if (this.isRetired) return;
    this.isRetired = true;
    for (const timer of [...this.due, ...this.idle.values()]) clearTimeout(timer);
    this.due.clear();
    this.idle.clear();
    for (const worker of this.those('starting')) worker.stop();
    for (const worker of this.ready) {
      worker.grantTime();
      if (worker.isIdle) worker.stop();
    }
    this.close();
  }

  onReady(worker: PoolWorker): void {
    this.begun = true;
    this.watch(worker);
    // That fills it, too: one that failed while none of them had been ready has not been replaced yet.
    this.host.ready(this, worker);
  }

  onFailed(worker: PoolWorker, error: Error): void {
    this.drop(worker);
    this.failure ??= error;
    if (this.begun) return this.host.notReplaced(error, this.replace());
    if (this.present.length > 0) return;
    this.isRetired = true;
    this.host.failed(this, this.failure);
    this.close();
  }

  onLost(worker: PoolWorker, cause: LossCause, error: Error, guests: readonly Guest[]): void {
    this.drop(worker);
    this.host.lost(worker, cause, error, guests);
    if (this.isRetired) this.close();
    else this.replace();
  }

  onFreed(worker: PoolWorker): void {
    if (this.isRetired) {
      if (worker.isIdle) worker.stop();
      return;
    }
    this.watch(worker);
    this.host.freed(this);
  }

  onStopped(worker: PoolWorker): void {
    this.drop(worker);
    this.close();
  }

  onNews(worker: PoolWorker, news: News): void {
    this.host.news(worker, news);
  }

  /** Those that take calls, or will. */
  private get present(): readonly PoolWorker[] {
    return [...this.workers].filter(({ state }) => state === 'starting' || state === 'ready');
  }

  /** How many calls could come now without waiting for another worker. A successor that is due counts as one with room: else it came at once. */
  private get roomAhead(): number {
    const { callsPerWorker } = this.wants;
    return roomIn(this.present, callsPerWorker) + this.due.size * callsPerWorker - this.host.waiting(this);
  }

  private those(state: PoolWorker['state']): readonly PoolWorker[] {
    return [...this.workers].filter((worker) => worker.state === state);
  }

  private startOne(): void {
    this.workers.add(this.host.start(this.plan, this.wants, this));
  }

  /** @returns after how long, ms */
  private replace(): number {
    const wait = this.restarts.failed();
    if (wait === 0) {
      this.fill();
      return wait;
    }
    const timer = setTimeout(() => {
      this.due.delete(timer);
      this.fill();
    }, wait);
    timer.unref();
    this.due.add(timer);
    return wait;
  }

  private drop(worker: PoolWorker): void {
    this.workers.delete(worker);
    clearTimeout(this.idle.get(worker));
    this.idle.delete(worker);
    this.host.gone(worker);
  }

  /** With few calls in each, workers are started as calls come: one that has none for long, and is not the one kept warm, is ended. */
  private watch(worker: PoolWorker): void {
    const { callsPerWorker } = this.wants;
    clearTimeout(this.idle.get(worker));
    this.idle.delete(worker);
    if (callsPerWorker === Infinity || worker.size > 0) return;
    const timer = setTimeout(() => {
      const others = this.present.filter((one) => one !== worker);
      if (worker.isIdle && roomIn(others, callsPerWorker) > 0) worker.stop();
      else this.watch(worker);
    }, IDLE_MS);
    timer.unref();
    this.idle.set(worker, timer);
  }

  private close(): void {
    if (this.isRetired && this.workers.size === 0) this.host.over(this);
  }
}

function roomIn(workers: readonly PoolWorker[], limit: number): number {
  return workers.reduce((sum, worker) => sum + room(worker, limit), 0);
}
