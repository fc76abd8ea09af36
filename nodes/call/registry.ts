import { Call } from './call';
import type { CallLimits, CarriedCall } from './carried-call';
import type { Carrier } from './carrier';
import type { CallInfo, EndReason } from './message';
import { RecentKeys } from './recent';

/** How often calls look after themselves, ms: one timer for all. */
const TICK_MS = 250;
/** After a call's end its sessions may say their last words so long, ms. */
const LAST_WORDS_MS = 1_800;
/** How many ended calls are known again when a late webhook or message names them. */
const ENDED_REMEMBERED = 10_000;

/**
 * The live calls of this process, or of this worker thread: open, look up, end. Module state, so that it outlives every instance of every node;
 * the one place behind which calls of other machines could later be found.
 */
export class Registry {
  private readonly calls = new Map<string, Call>();
  /** Calls whose flow runs in a worker thread. */
  private readonly elsewhere = new Map<string, CarriedCall>();
  private readonly ended = new RecentKeys(ENDED_REMEMBERED);
  private readonly leaving = new Set<Call>();
  private readonly parted = new Set<CarriedCall>();
  private ticker: NodeJS.Timeout | undefined;
  /** Messages that named a call which has ended or was never here. */
  dropped = 0;
  private readonly counters = { opened: 0, ended: 0 };
  private readonly watchers = new Map<string, (call: Call) => void>();

  /**
   * Opens a call, synchronously: from here on it holds its slot.
   * @throws Error if a call of this id is open: look it up first.
   */
  open(info: CallInfo, carrier: Carrier, ownerId: string, limits: () => CallLimits): Call {
    if (this.carried(info.id)) throw new Error(`The call ${info.id} is open already.`);
    const call = new Call(info, carrier, ownerId, limits, (one, reason) => this.onEnd(one, reason));
    this.calls.set(info.id, call);
    this.counters.opened++;
    for (const watch of this.watchers.values()) watch(call);
    if (!this.ticker) {
      this.ticker = setInterval(() => {
        for (const one of [...this.calls.values()]) one.tick();
      }, TICK_MS);
      this.ticker.unref();
    }
    return call;
  }

  /**
   * Has each call told as it is opened, before anything has happened in it: for nodes that no wire needs to reach.
   * @param type the node type that watches: one of a kind, however often a runtime is started
   */
  onOpen(type: string, watch: (call: Call) => void): void {
    this.watchers.set(type, watch);
  }

  /**
   * Takes in a call whose flow runs in a worker thread: from here on it holds its slot, until `left`.
   * @throws Error if a call of this id is open
   */
  enter(call: CarriedCall): void {
    if (this.carried(call.info.id)) throw new Error(`The call ${call.info.id} is open already.`);
    this.elsewhere.set(call.info.id, call);
    this.counters.opened++;
  }

  /** A call that had been taken in by `enter` is over. */
  left(call: CarriedCall): void {
    const { id } = call.info;
    if (this.elsewhere.get(id) !== call) return;
    this.elsewhere.delete(id);
    this.ended.add(id);
    this.counters.ended++;
    this.parted.add(call);
    setTimeout(() => this.parted.delete(call), LAST_WORDS_MS).unref();
  }

  /** A call that we dial is opened before its carrier has named it: from here on it goes by that name. */
  rename(call: CarriedCall, id: string): void {
    const { id: before } = call.info;
    const book: Map<string, CarriedCall> = this.elsewhere.get(before) === call ? this.elsewhere : this.calls;
    if (book.get(before) !== call) return;
    if (this.carried(id)) throw new Error(`The call ${id} is open already.`);
    book.delete(before);
    call.named(id);
    book.set(id, call);
  }

  /** The call of this id that has not ended, wherever its flow runs: for those who serve its carrier. */
  carried(id: string): CarriedCall | undefined {
    return this.calls.get(id) ?? this.elsewhere.get(id);
  }

  /** The call of this id, wherever its flow runs, also one that has ended so lately that it still has its last words. */
  known(id: string): CarriedCall | undefined {
    return this.get(id) ?? this.elsewhere.get(id) ?? [...this.parted].find(({ info }) => info.id === id);
  }

  /** The call of this id, if its flow runs in a worker thread. */
  remote(id: string): CarriedCall | undefined {
    return this.elsewhere.get(id);
  }

  /** The call of this id, if it is live here, or has ended so lately that its sessions still have their last words. */
  get(id: string): Call | undefined {
    const call = this.calls.get(id);
    if (call) return call;
    for (const one of this.leaving) if (one.info.id === id) return one;
    return undefined;
  }

  /** True for a call that has been here and has ended. */
  hasEnded(id: string): boolean {
    return this.ended.has(id);
  }

  /** The calls of this thread that have not ended. */
  all(): Call[] {
    return [...this.calls.values()];
  }

  /** The calls that have not ended, wherever their flow runs. */
  everywhere(): CarriedCall[] {
    return [...this.calls.values(), ...this.elsewhere.values()];
  }

  /** The calls that came in by this node. */
  callsOf(ownerId: string): CarriedCall[] {
    return this.everywhere().filter((call) => call.ownerId === ownerId);
  }

  /** For tests and the Calls tab: nothing of this may grow with the number of calls that there have been. */
  count(): { calls: number; leaving: number; sessions: number; opened: number; ended: number; dropped: number } {
    let sessions = 0;
    for (const call of this.calls.values()) sessions += call.sessions.size;
    for (const call of this.leaving) sessions += call.sessions.size;
    return {
      calls: this.calls.size + this.elsewhere.size,
      leaving: this.leaving.size,
      sessions,
      ...this.counters,
      dropped: this.dropped,
    };
  }

  private onEnd(call: Call, _reason: EndReason): void {
    this.calls.delete(call.info.id);
    this.ended.add(call.info.id);
    this.counters.ended++;
    this.leaving.add(call);
    // Not unref'd: a process that is asked to stop waits for the last words.
    setTimeout(() => {
      this.leaving.delete(call);
      for (const session of call.sessions.values()) session.dispose();
      call.sessions.clear();
    }, LAST_WORDS_MS);
    if (this.calls.size === 0 && this.ticker) {
      clearInterval(this.ticker);
      this.ticker = undefined;
    }
  }
}
