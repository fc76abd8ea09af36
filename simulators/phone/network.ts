import { performance } from 'node:perf_hooks';

/** How far away the application is. */
export interface NetworkOptions {
  /** Mean round trip in ms. Half of it is spent in each direction. */
  delayMs?: number;
  /** Width of the spread of the round trip in ms: each direction varies by up to a quarter of it, up or down. */
  jitterMs?: number;
}

/** One direction of a connection: what is pushed comes out later, in the same order. */
export class DelayLine<T> {
  private readonly queue: { due: number; item: T }[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly network: NetworkOptions,
    private readonly deliver: (item: T) => void,
  ) {}

  push(item: T): void {
    const delay = oneWayMs(this.network);
    if (delay <= 0 && this.queue.length === 0) return this.deliver(item);
    // A packet never overtakes the one before it: TCP.
    const due = Math.max(performance.now() + delay, this.queue.at(-1)?.due ?? 0);
    this.queue.push({ due, item });
    if (!this.timer) this.arm();
  }

  /** Forgets what is under way. */
  cut(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.queue.length = 0;
  }

  private arm(): void {
    const head = this.queue[0];
    if (head) this.timer = setTimeout(() => this.wake(), Math.max(0, head.due - performance.now()));
  }

  private wake(): void {
    this.timer = undefined;
    const now = performance.now();
    for (let head = this.queue[0]; head && head.due <= now; head = this.queue[0]) {
      this.queue.shift();
      this.deliver(head.item);
    }
    if (!this.timer) this.arm();
  }
}

/** The time that the next packet takes in one direction, in ms. */
export function oneWayMs({ delayMs = 0, jitterMs = 0 }: NetworkOptions): number {
  return Math.max(0, delayMs / 2 + ((Math.random() - 0.5) * jitterMs) / 2);
}

/** Resolves after `ms`, or at once when the signal aborts; never rejects. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms <= 0 || signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener('abort', finish);
  });
}
