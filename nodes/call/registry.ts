import { Call } from './call';
import type { CallLimits } from './call';
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
 * The live calls of this process: open, look up, end. Module state, so that it outlives every instance of every node;
 * the one place behind which calls of other machines could later be found.
 */
export class Registry {
  private readonly calls = new Map<string, Call>();
  private readonly ended = new RecentKeys(ENDED_REMEMBERED);
  private readonly leaving = new Set<Call>();
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
    if (this.calls.has(info.id)) throw new Error(`The call ${info.id} is open already.`);
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

  /** A call that we dial is opened before its carrier has named it: from here on it goes by that name. */
  rename(call: Call, id: string): void {
    if (this.calls.get(call.info.id) !== call) return;
    if (this.calls.has(id)) throw new Error(`The call ${id} is open already.`);
    this.calls.delete(call.info.id);
    call.info.id = id;
    this.calls.set(id, call);
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

  /** The calls that have not ended. */
  all(): Call[] {
    return [...this.calls.values()];
  }

  /** The calls that came in by this node. */
  callsOf(ownerId: string): Call[] {
    return this.all().filter((call) => call.ownerId === ownerId);
  }

  /** For tests and the Calls tab: nothing of this may grow with the number of calls that there have been. */
  count(): { calls: number; leaving: number; sessions: number; opened: number; ended: number; dropped: number } {
    let sessions = 0;
    for (const call of this.calls.values()) sessions += call.sessions.size;
    for (const call of this.leaving) sessions += call.sessions.size;
    return { calls: this.calls.size, leaving: this.leaving.size, sessions, ...this.counters, dropped: this.dropped };
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
