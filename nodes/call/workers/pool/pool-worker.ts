import { asError } from '../../errors';
import type { InSettings } from '../../carrier/in-settings';
import type { EndReason } from '../../message';
import type { NodeSlot } from '../../node-slot';
import { clips } from '../../tts/clips';
import { eachFrame } from '../frames';
import { clipOf, plainClip } from '../plain-clip';
import type { Occupied } from './placement';
import type { CallRef, CallWish, ToMain, ToWorker, WorkerLoad } from '../protocol';
import type { CallHouse, RemoteCall } from './remote-call';
import { MainServices } from './services';
import { noInNode } from './troubles';
import type { Client } from './services';

/** After its end a call's sessions have their last words: so long, ms, its worker is still needed (registry.ts, and a little more). */
const LAST_WORDS_MS = 2_000;

/** What the workers of a generation run. */
export interface Plan {
  /** What each is started with, but for its pulse. */
  load: Omit<WorkerLoad, 'pulse'>;
  /** Ids of the nodes that run in the worker, and not as a proxy. */
  running: ReadonlySet<string>;
}

/** Why a worker ended unasked. */
export type LossCause = 'crashed' | 'stuck' | 'memory';

/** A thread, as the pool sees it. */
export interface WorkerHandle {
  /** Rejects where the flow does not start. */
  readonly ready: Promise<void>;
  /** Read when it is ready: what in its flow does not work, though that runs. */
  readonly problems?: readonly string[];
  send(item: ToWorker): void;
  frame(n: CallRef, audio: Buffer): void;
  /** Asks it to end, and sees to it that it does; never rejects. */
  stop(): Promise<void>;
  /** Ends it at once; never rejects. */
  terminate(): Promise<void>;
}

export interface WorkerEvents {
  onItem(item: ToMain): void;
  /** Told once, if it ends unasked. */
  onLost(cause: LossCause, error: Error): void;
}

export type StartWorker = (events: WorkerEvents) => WorkerHandle;

/** A call that is to live in a worker, or does. */
export interface Guest {
  readonly call: RemoteCall;
  /** Of the in-node that it came to. */
  readonly slot: NodeSlot<InSettings>;
  /** How many calls its worker may carry at most, it among them; Infinity: any number. */
  readonly limit: number;
  /** How long it may go on in a flow that a Deploy has replaced, ms: asked then. */
  readonly oldCallMs: () => number;
  /** Reports an error of this call by its in-node. */
  readonly fail: (error: Error) => void;
}

/** What a worker says that does not concern one of its calls alone. */
export type News = Exclude<ToMain, CallWish | { t: 'frames' | 'ask' | 'ready' | 'failed' | 'count' }>;

/** What a worker tells its generation. */
export interface WorkerHost {
  onReady(worker: PoolWorker): void;
  /** It did not start. */
  onFailed(worker: PoolWorker, error: Error): void;
  /** It ended unasked. @param guests who lived in it */
  onLost(worker: PoolWorker, cause: LossCause, error: Error, guests: readonly Guest[]): void;
  /** A call of its is over, or has had its last words. */
  onFreed(worker: PoolWorker): void;
  /** It has ended as it was asked to. */
  onStopped(worker: PoolWorker): void;
  onNews(worker: PoolWorker, news: News): void;
}

/** Services besides those of every worker, by name: what a worker may ask of the main thread. */
export type MoreServices = NonNullable<ConstructorParameters<typeof MainServices>[1]>;

/** One worker thread of the pool, and the calls that live in it. */
export class PoolWorker implements CallHouse, Client, Occupied {
  state: 'starting' | 'ready' | 'stopping' | 'gone' = 'starting';
  private readonly guests = new Map<CallRef, Guest>();
  private readonly overdue = new Map<CallRef, NodeJS.Timeout>();
  private readonly services: MainServices;
  private handle: WorkerHandle | undefined;
  /** Calls that are over and have their last words. */
  private leaving = 0;
  private counting: ((count: Record<string, number>) => void)[] = [];

  /**
   * @param number by which the log tells it from others
   */
  constructor(
    readonly number: number,
    private readonly plan: Plan,
    start: StartWorker,
    private readonly host: WorkerHost,
    more: (worker: PoolWorker) => MoreServices = () => ({}),
  ) {
    this.services = new MainServices(this, more(this));
    try {
      this.handle = start({
        onItem: (item) => this.take(item),
        onLost: (cause, error) => this.lost(cause, error),
      });
      this.handle.ready.then(
        () => this.started(),
        (err: unknown) => this.notStarted(asError(err)),
      );
    } catch (err) {
      setImmediate(() => this.notStarted(asError(err)));
    }
  }

  /** True once the thread has ended, or is about to. */
  get gone(): boolean {
    return this.state === 'gone' || this.state === 'stopping';
  }

  /** True where its flow has this node itself, and not a proxy of it. @param id in a subflow that which the instance gives it */
  runs(id: string): boolean {
    return this.plan.running.has(id);
  }

  get size(): number {
    return this.guests.size;
  }

  get limit(): number {
    let limit = Infinity;
    for (const guest of this.guests.values()) limit = Math.min(limit, guest.limit);
    return limit;
  }

  /** True where no call needs it any more, not even for last words. */
  get isIdle(): boolean {
    return this.guests.size === 0 && this.leaving === 0;
  }

  /** What in its flow does not work, though that runs. */
  get problems(): readonly string[] {
    return this.handle?.problems ?? [];
  }

  call(n: CallRef): RemoteCall | undefined {
    return this.guests.get(n)?.call;
  }

  send(item: ToWorker): void {
    if (this.state !== 'gone') this.handle?.send(item);
  }

  frame(n: CallRef, audio: Buffer): void {
    if (this.state !== 'gone') this.handle?.frame(n, audio);
  }

  /** From here on the call lives here. */
  moveIn(guest: Guest): void {
    this.guests.set(guest.call.n, guest);
    guest.call.moveIn(this);
  }

  /** The call is over. */
  left(n: CallRef): void {
    if (!this.guests.delete(n)) return;
    clearTimeout(this.overdue.get(n));
    this.overdue.delete(n);
    this.leaving++;
    setTimeout(() => {
      this.leaving--;
      this.host.onFreed(this);
    }, LAST_WORDS_MS).unref();
    this.host.onFreed(this);
  }

  /** Its flow has been replaced: the calls in it may go on for as long as their in-nodes say, and are then ended politely. */
  grantTime(): void {
    for (const { call, fail, oldCallMs } of this.guests.values()) {
      if (this.overdue.has(call.n)) continue;
      const timer = setTimeout(() => {
        call.hangUp('flow-removed', call.limits().goodbye).catch((err: unknown) => fail(asError(err)));
      }, oldCallMs());
      timer.unref();
      this.overdue.set(call.n, timer);
    }
  }

  /** Ends the thread, in which no call lives any more. */
  stop(): void {
    if (this.state === 'stopping' || this.state === 'gone') return;
    const starting = this.state === 'starting';
    this.state = 'stopping';
    const stopping = (starting ? this.handle?.terminate() : this.handle?.stop()) ?? Promise.resolve();
    const stopped = (): void => {
      if (!this.leave()) return;
      this.host.onStopped(this);
    };
    stopping.then(stopped, stopped);
  }

  /** `registry.count()` of the worker; nothing where it has none to tell. */
  count(): Promise<Record<string, number>> {
    if (this.state !== 'ready') return Promise.resolve({});
    return new Promise((resolve) => {
      this.counting.push(resolve);
      this.send({ t: 'count' });
    });
  }

  private started(): void {
    if (this.state !== 'starting') return;
    this.state = 'ready';
    // What has been spoken once is not asked for, and paid, again by each worker.
    const known = clips.all().map(([key, clip]) => ({ key, ...plainClip(clip) }));
    if (known.length > 0) this.send({ t: 'clips', clips: known });
    this.host.onReady(this);
  }

  private notStarted(error: Error): void {
    if (this.state !== 'starting' || !this.leave()) return;
    this.host.onFailed(this, error);
  }

  private lost(cause: LossCause, error: Error): void {
    if (this.state === 'starting') return this.notStarted(error);
    const asked = this.state === 'stopping';
    if (!this.leave()) return;
    if (asked) return this.host.onStopped(this);
    const guests = [...this.guests.values()];
    this.guests.clear();
    this.host.onLost(this, cause, error, guests);
  }

  /** The thread is no more. @returns false if that was known */
  private leave(): boolean {
    if (this.state === 'gone') return false;
    this.state = 'gone';
    for (const timer of this.overdue.values()) clearTimeout(timer);
    this.overdue.clear();
    this.services.dispose();
    for (const resolve of this.counting.splice(0)) resolve({});
    return true;
  }

  private take(item: ToMain): void {
    try {
      this.read(item);
    } catch (err) {
      const n = 'n' in item ? item.n : undefined;
      const guest = n === undefined ? [...this.guests.values()][0] : this.guests.get(n);
      guest?.fail(asError(err));
    }
  }

  private read(item: ToMain): void {
    switch (item.t) {
      case 'frames':
        return eachFrame(item.bytes, this.play);
      case 'ask':
        return this.services.take(item);
      case 'count':
        return this.counting.shift()?.(item.count);
      case 'ready':
      case 'failed':
        // The handle has told it.
        return;
      case 'stream-known':
      case 'mark':
      case 'clear':
      case 'over':
      case 'parameters':
      case 'private':
      case 'clip':
        return this.grant(item);
      default:
        return this.host.onNews(this, item);
    }
  }

  private readonly play = (n: CallRef, audio: Buffer, mark: string): void => {
    const guest = this.guests.get(n);
    try {
      guest?.call.play(audio, mark);
    } catch (err) {
      // The frames behind it are those of other calls.
      guest?.fail(asError(err));
    }
  };

  /** Of a call that is over nothing is wanted any more. */
  private grant(wish: CallWish): void {
    const guest = this.guests.get(wish.n);
    if (!guest) return;
    const { call } = guest;
    switch (wish.t) {
      case 'stream-known':
        return call.streamKnown(wish.nth);
      case 'mark':
        return call.mark(wish.mark);
      case 'clear':
        return call.clear();
      case 'over':
        return this.over(guest, wish.reason);
      case 'parameters':
        call.info.parameters = { ...wish.parameters };
        return;
      case 'private':
        return call.setPrivate(wish.on);
      case 'clip':
        return keepClip(call, wish);
    }
  }

  /** Ended by its flow it is over at the carrier, too. Where the flow here has no such in-node, nobody has told the carrier. */
  private over({ call, fail }: Guest, reason: EndReason): void {
    if (reason !== 'flow-removed') return call.end(reason);
    fail(noInNode());
    call.loseHouse().catch((err: unknown) => fail(asError(err)));
  }
}

function keepClip(call: RemoteCall, { key, clip }: Extract<CallWish, { t: 'clip' }>): void {
  if (clip) clips.keep(key, clipOf(clip));
  call.apologyIs(key);
}
