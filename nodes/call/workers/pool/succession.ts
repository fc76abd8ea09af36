import { isDeepStrictEqual } from 'node:util';
import { inNodeTypes } from '../../carrier/in-node-types';
import { asError } from '../../errors';
import { Generation } from './generation';
import type { GenerationHost } from './generation';
import type { WorkerWants } from './placement';
import type { Plan, PoolWorker } from './pool-worker';
import { Restarts } from './restarts';

/** What the succession of generations tells the pool. */
export interface SuccessionHost extends Pick<GenerationHost, 'start' | 'lost' | 'gone' | 'news' | 'notReplaced'> {
  /** @throws Error where the flow cannot run in workers */
  plan(wants: WorkerWants): Plan;
  /** How many calls wait for a place in the newest generation. */
  waiting(): number;
  /** Calls that wait may find a place now, or know that there is none. */
  moved(): void;
  /** Another generation takes the calls now. */
  began(generation: Generation): void;
  /** The flow as it is deployed now does not start. @param goesOn that which ran before takes calls still */
  failed(error: Error, goesOn: boolean): void;
}

/** One generation of workers follows the other, as Deploys change what they run. */
export class Succession {
  /** Takes new calls, unless another is coming. */
  serving: Generation | undefined;
  /** The newest, of which no worker is ready yet. */
  coming: Generation | undefined;
  /** Why there is none of the flow as it is deployed now. */
  failure: Error | undefined;
  private readonly all = new Set<Generation>();
  private readonly restarts = new Restarts();
  /** What does not work in the flow that takes calls. */
  private accepted: readonly string[] = [];
  /** What has been told of this Deploy already. */
  private told: string | undefined;
  private retry: NodeJS.Timeout | undefined;
  private readonly host: GenerationHost;

  constructor(private readonly pool: SuccessionHost) {
    this.host = {
      start: (plan, wants, host) => pool.start(plan, wants, host),
      lost: (...loss) => pool.lost(...loss),
      gone: (worker) => pool.gone(worker),
      news: (worker, news) => pool.news(worker, news),
      notReplaced: (error, againMs) => pool.notReplaced(error, againMs),
      waiting: (generation) => (generation === this.newest ? pool.waiting() : 0),
      ready: (generation, worker) => this.onReady(generation, worker),
      failed: (generation, error) => this.onFailed(generation, error),
      freed: () => pool.moved(),
      over: (generation) => this.all.delete(generation),
    };
  }

  /** The one in which a call that comes now is to live. */
  get newest(): Generation | undefined {
    return this.coming ?? this.serving;
  }

  get generations(): number {
    return this.all.size;
  }

  /** All threads, those among them that are ending. */
  get threads(): number {
    return [...this.all].reduce((sum, { threads }) => sum + threads, 0);
  }

  /** The workers that run a flow, of whatever generation. */
  get ready(): readonly PoolWorker[] {
    return [...this.all].flatMap(({ ready }) => ready);
  }

  /** The flow is to run like this from now on. @param wants undefined: in no worker */
  follow(wants: WorkerWants | undefined): void {
    this.told = undefined;
    if (wants) this.attempt(wants);
    else this.cease();
  }

  private attempt(wants: WorkerWants): void {
    clearTimeout(this.retry);
    let plan: Plan;
    try {
      plan = this.pool.plan(wants);
    } catch (err) {
      this.abandon();
      return this.fail(asError(err), wants);
    }
    if (isSame(this.coming, plan, wants)) return;
    this.abandon();
    if (isSame(this.serving, plan, wants)) {
      this.failure = undefined;
      return this.pool.moved();
    }
    this.begin(plan, wants);
  }

  private begin(plan: Plan, wants: WorkerWants): void {
    this.coming = new Generation(plan, wants, this.host);
    this.all.add(this.coming);
    this.coming.fill();
  }

  /** No worker is wanted any more: each ends with its last call. */
  private cease(): void {
    clearTimeout(this.retry);
    this.abandon();
    this.failure = undefined;
    // The last moment for those that wait.
    this.pool.moved();
    this.serving?.retire();
    this.serving = undefined;
    this.pool.moved();
  }

  /** The one that is coming is not awaited any more. */
  private abandon(): void {
    this.coming?.retire();
    this.coming = undefined;
  }

  private onReady(generation: Generation, { problems }: PoolWorker): void {
    if (generation === this.coming) {
      const before = this.serving;
      // Where nothing else can take calls, a flow that works in part is better than none.
      // And what did not work before need not work now: a node that somebody has not finished yet.
      const problem = problems.find((each) => !this.accepted.includes(each));
      if (before && problem !== undefined && standsIn(before, generation)) {
        this.abandon();
        return this.fail(new Error(problem), generation.wants);
      }
      this.accepted = problems;
      this.coming = undefined;
      this.serving = generation;
      this.failure = undefined;
      before?.retire();
      this.pool.began(generation);
    }
    this.pool.moved();
  }

  private onFailed(generation: Generation, error: Error): void {
    this.coming = undefined;
    this.fail(error, generation.wants);
  }

  /** What ran before goes on until the next Deploy; where nothing did, it is tried again, for what was missing may come. */
  private fail(error: Error, wants: WorkerWants): void {
    this.failure = error;
    if (this.told !== error.message) this.pool.failed(error, this.serving !== undefined);
    this.told = error.message;
    if (!this.serving) {
      this.retry = setTimeout(() => this.attempt(wants), Math.max(1_000, this.restarts.failed()));
      this.retry.unref();
    }
    this.pool.moved();
  }
}

/** True where the one can take calls for all in-nodes of the other. */
function standsIn(before: Generation, { plan }: Generation): boolean {
  return plan.load.flows.every(({ id, type }) => !inNodeTypes.has(String(type)) || before.plan.running.has(String(id)));
}

function isSame(generation: Generation | undefined, plan: Plan, wants: WorkerWants): boolean {
  if (!generation) return false;
  return isDeepStrictEqual(generation.wants, wants) && isDeepStrictEqual(generation.plan.load, plan.load);
}
