import type { NodeAPI } from 'node-red';
import { idAt } from '../addresses';
import { DebugButtons } from '../debug-buttons';
import { sayAs } from '../../log-line';
import { fromPlainError } from '../plain-error';
import type { WorkerNews } from '../protocol';
import { Statuses } from './statuses';
import type { LoggedError } from '../thread/thread-log';

/** What the ops person is to see of a worker. */
export type OpsNews = Extract<WorkerNews, { t: 'log' | 'status' | 'comms' }>;

/** Shows the ops person what happens in the workers, as if it were in the main runtime: log, statuses, debug sidebar. */
export class WorkerNewsDesk {
  private readonly statuses: Statuses;
  private readonly buttons: DebugButtons;

  constructor(private readonly RED: NodeAPI) {
    // For editors only: the Status nodes that it concerns are in the worker.
    this.statuses = new Statuses((id, status) => RED.events.emit('node-status', { id, status }));
    RED.events.on('flows:started', this.again);
    this.buttons = new DebugButtons(RED);
  }

  take(worker: object, news: OpsNews): void {
    switch (news.t) {
      case 'log':
        // Its time is that of the main thread's clock: they are the same.
        return this.RED.log.log({ ...news.entry, msg: logged(news.entry.msg) } as never);
      case 'status':
        return this.statuses.take(worker, idAt(news.node), news.status);
      case 'comms':
        if (news.topic === 'debug' && this.isMuted(news.data)) return;
        return this.RED.comms.publish(news.topic, news.data, news.retain);
    }
  }

  /** The worker has ended. */
  gone(worker: object): void {
    this.statuses.gone(worker);
  }

  /** No more. */
  dispose(): void {
    this.RED.events.off('flows:started', this.again);
    this.buttons.dispose();
  }

  private readonly again = (): void => this.statuses.again();

  /** The button of a Debug node has just been switched off. */
  private isMuted(data: unknown): boolean {
    const { id } = (data ?? {}) as { id?: unknown };
    const node = typeof id === 'string' ? (this.RED.nodes.getNode(id) as { active?: unknown } | null) : null;
    return node?.active === false;
  }
}

/** What a line says: an error is one again, and says itself as it did. */
function logged(msg: unknown): unknown {
  if (typeof msg !== 'object' || msg === null || !('error' in msg) || !('line' in msg)) return msg;
  const { error, line } = msg as LoggedError;
  return sayAs(fromPlainError(error), () => line);
}
