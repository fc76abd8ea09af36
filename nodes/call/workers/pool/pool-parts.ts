import type { WorkerWants } from './placement';
import type { MoreServices, News, Plan, PoolWorker, StartWorker } from './pool-worker';

/** What the pool needs of others. */
export interface PoolParts {
  /** What the flow as it is deployed now comes to in workers. @throws Error where it cannot run there */
  plan(wants: WorkerWants): Plan;
  /** How a thread is started. */
  starter(plan: Plan, wants: WorkerWants): StartWorker;
  /** Services besides those of every worker. */
  services?(worker: PoolWorker): MoreServices;
  /** Whether any call lives in a worker, or has its last words there. */
  occupied(are: boolean): void;
  /** What a worker says that does not concern one of its calls alone. */
  news(worker: PoolWorker, news: News): void;
  /** Its thread has ended. */
  gone(worker: PoolWorker): void;
  /** Of the machine. */
  readonly cores: number;
}
