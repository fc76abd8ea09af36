/** What a node shows, as Node-RED has it; all empty: nothing. */
export interface ShownStatus {
  fill?: unknown;
  shape?: unknown;
  text?: unknown;
}

/**
 * What the nodes of all workers show, merged: the editor has one node where there are as many as workers. The newest is seen; but what
 * idles or connects (blue) hides nothing that another worker shows.
 */
export class Statuses {
  /** By node; the newest last. */
  private readonly told = new Map<string, Map<object, ShownStatus>>();
  private readonly seen = new Map<string, string>();

  constructor(private readonly show: (nodeId: string, status: ShownStatus) => void) {}

  /** A worker's node shows something, or nothing any more. */
  take(worker: object, nodeId: string, status: ShownStatus): void {
    const { fill = '', shape = '', text = '' } = status;
    const told = this.told.get(nodeId) ?? new Map<object, ShownStatus>();
    this.told.set(nodeId, told);
    told.delete(worker);
    if (fill !== '' || shape !== '' || text !== '') told.set(worker, status);
    this.merge(nodeId, told);
  }

  /** A worker has ended: what its nodes showed is taken back. */
  gone(worker: object): void {
    for (const [nodeId, told] of this.told) if (told.delete(worker)) this.merge(nodeId, told);
  }

  /** Shows all once more: a Deploy has wiped it off. */
  again(): void {
    this.seen.clear();
    for (const [nodeId, told] of this.told) this.merge(nodeId, told);
  }

  private merge(nodeId: string, told: ReadonlyMap<object, ShownStatus>): void {
    const newestFirst = [...told.values()].reverse();
    const status = newestFirst.find(({ fill }) => fill !== 'blue') ?? newestFirst[0] ?? {};
    if (told.size === 0) this.told.delete(nodeId);
    const words = JSON.stringify(status);
    if (this.seen.get(nodeId) === words) return;
    if (told.size === 0) this.seen.delete(nodeId);
    else this.seen.set(nodeId, words);
    this.show(nodeId, status);
  }
}
