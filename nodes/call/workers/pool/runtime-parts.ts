import { availableParallelism } from 'node:os';
import type { Node, NodeAPI } from 'node-red';
import { idsRun } from '../addresses';
import { PROXY_TYPE } from './allow-list';
import { ContextService } from './context-service';
import { connectHomes } from '../elsewhere';
import type { Homes } from '../elsewhere';
import { ForeignNodes } from './foreign-nodes';
import type { WorkerWants } from './placement';
import type { PoolParts } from './pool-parts';
import type { News, Plan, PoolWorker, StartWorker } from './pool-worker';
import { workerLoad } from './worker-load';
import { WorkerNewsDesk } from './worker-news';
import { WorkerThread } from './worker-thread';

/** What binds the pool to the Node-RED of this process. */
export class RuntimeParts implements PoolParts {
  readonly cores = availableParallelism();
  private RED: NodeAPI | undefined;
  private node: Node | undefined;
  private foreign: ForeignNodes | undefined;
  private desk: WorkerNewsDesk | undefined;

  /** @param node one of the flow that runs now: by it the context stores are found */
  connect(RED: NodeAPI, node: Node, homes: Homes): void {
    this.node = node;
    if (this.RED === RED) return;
    this.RED = RED;
    this.foreign?.watch(false);
    this.foreign = new ForeignNodes(RED, homes);
    this.desk?.dispose();
    this.desk = undefined;
    connectHomes(homes);
  }

  plan({ nodeTypes }: WorkerWants): Plan {
    const built = this.RED && workerLoad(this.RED, nodeTypes);
    if (!built) throw new Error('there is no node of a call on any tab');
    const { load } = built;
    return { load, running: idsRun(load.flows, (type) => type === PROXY_TYPE) };
  }

  starter({ load }: Plan, { memoryMb }: WorkerWants): StartWorker {
    // It looks at the flow every second: not where there are no workers.
    if (this.RED) this.desk ??= new WorkerNewsDesk(this.RED);
    return (events) => new WorkerThread(load, { memoryMb, ...events });
  }

  occupied(are: boolean): void {
    this.foreign?.watch(are);
  }

  news(worker: PoolWorker, news: News): void {
    switch (news.t) {
      case 'deliver':
      case 'elsewhere':
        return this.foreign?.take(news, worker);
      case 'context':
        if (this.node) new ContextService(this.node).serve(news.port, news.signal);
        return;
      case 'log':
      case 'status':
      case 'comms':
        return this.desk?.take(worker, news);
    }
  }

  gone(worker: PoolWorker): void {
    this.desk?.gone(worker);
  }
}
