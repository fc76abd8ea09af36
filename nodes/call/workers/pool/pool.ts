import type { Node, NodeAPI } from 'node-red';
import type { Carrier } from '../../carrier';
import type { InSettings } from '../../carrier/in-settings';
import type { OpenedCall } from '../../carrier/open-call';
import { tellAfterwards } from '../../carrier/report-message';
import type { AnswerSettings } from '../../dial/answer';
import { asError } from '../../errors';
import { registry } from '../../heart';
import { deploys, onDeployed, onStopped } from '../../lifecycle';
import { copyCall } from '../../message';
import type { CallInfo, EndReason } from '../../message';
import { CallMetrics } from '../../metrics';
import type { NodeSlot } from '../../node-slot';
import { Directory } from './directory';
import type { Home } from '../elsewhere';
import { toPlainError } from '../plain-error';
import { wantsOf } from './placement';
import type { Wisher } from './placement';
import type { PoolParts } from './pool-parts';
import { PoolWorker } from './pool-worker';
import type { Guest } from './pool-worker';
import { RemoteCall } from './remote-call';
import { RuntimeParts } from './runtime-parts';
import { Succession } from './succession';
import { lossOf, noWorker, notReplaced, notStarted, shortly } from './troubles';

/** So long a call waits for a worker while its caller hears nothing, ms: then it goes where there is one, or ends with the apology. */
const MAX_WAIT_MS = 10_000;

/** An in-node that is deployed. */
interface InNode {
  slot: NodeSlot<InSettings>;
  /** Has it show its state anew. */
  show(): void;
}

/**
 * The worker threads of this process and the calls in them. New calls go to the workers of the newest generation, those that run the flow
 * as it is deployed now; a call stays for life in the worker in which it began.
 */
export class WorkerPool {
  private readonly inNodes = new Map<string, InNode>();
  private readonly succession: Succession;
  private readonly waiting = new Map<Guest, NodeJS.Timeout>();
  private readonly directory = new Directory<RemoteCall, PoolWorker>();
  private asOf = -1;
  private refs = 0;
  private workers = 0;
  private unsettled: (() => void)[] = [];

  constructor(private readonly parts: PoolParts) {
    this.succession = new Succession({
      plan: (wants) => parts.plan(wants),
      start: (plan, wants, host) =>
        new PoolWorker(
          ++this.workers,
          plan,
          parts.starter(plan, wants),
          host,
          (worker) => parts.services?.(worker) ?? {},
        ),
      waiting: () => this.waiting.size,
      moved: () => {
        this.placeWaiting();
        this.tellOccupied();
        this.tellSettled();
      },
      began: ({ wants }) => {
        this.showAll();
        this.wishers()[0]?.slot.log('info', 'workers.started', undefined, { workers: wants.workers });
      },
      failed: (error, goesOn) => this.failAll(notStarted(error, goesOn)),
      notReplaced: (error, againMs) => this.failAll(notReplaced(error, againMs)),
      lost: (worker, cause, error, guests) => {
        const loss = lossOf(cause, error, guests.length > 0);
        if (guests.length === 0) this.failAll(loss());
        for (const guest of guests) this.giveUp(guest, loss());
      },
      gone: (worker) => {
        this.directory.gone(worker);
        parts.gone(worker);
        this.tellOccupied();
        this.tellSettled();
      },
      news: (worker, news) => parts.news(worker, news),
    });
  }

  /** Why new calls do not run in the flow as it is deployed, in a few words; undefined where they do. */
  get problem(): string | undefined {
    const { failure } = this.succession;
    return failure && shortly(failure);
  }

  /**
   * An in-node has been deployed, whether its calls run in workers or not.
   * @param show has it show its state anew
   */
  serve(slot: NodeSlot<InSettings>, show: () => void): void {
    this.inNodes.set(slot.id, { slot, show });
  }

  /** The flows have been started: what workers run may be another flow now. */
  deployed(): void {
    if (this.asOf === deploys()) return;
    this.asOf = deploys();
    for (const [id, { slot }] of this.inNodes) if (!slot.instance) this.inNodes.delete(id);
    const wishers = this.wishers().map(({ wisher }) => wisher);
    this.succession.follow(wantsOf(wishers, this.parts.cores));
    // What was wrong before may be right now.
    this.showAll();
  }

  /** The flows are stopped, and do not start again at once: no thread stays. */
  stopped(): void {
    this.succession.follow(undefined);
  }

  /** True where calls have taken all the places that there are in workers: one that comes to this in-node now gets the busy answer. */
  full(ownerId: string): boolean {
    this.deployed();
    const { workers } = this.inNodes.get(ownerId)?.slot.settings ?? {};
    const { newest } = this.succession;
    if (!workers || !newest) return false;
    return newest.places(workers.callsPerWorker ?? Infinity) - this.waiting.size <= 0;
  }

  /**
   * Opens a call whose flow runs in a worker: from here on it has its slot. Until there is a worker it waits.
   * @param counted told when the call has ended
   * @param answer for a call that we dial: what follows when it is answered
   * @throws Error if a call of this id is open
   */
  open(
    slot: NodeSlot<InSettings>,
    info: CallInfo,
    carrier: Carrier,
    counted: () => void,
    answer?: AnswerSettings,
  ): OpenedCall {
    this.deployed();
    const guest = this.guestOf(slot, info, carrier, counted);
    const { call, fail } = guest;
    registry.enter(call);
    const { n } = call;
    call.tell({ t: 'open', n, info: copyCall(info), ownerId: slot.id, answer });
    // Before it can be given up it needs its carrier, which is bound to it in this turn.
    if (this.succession.newest) this.place(guest);
    else setImmediate(() => this.place(guest));
    return {
      call,
      hearer: call,
      fail: (error) => {
        // Told by the in-node where the call is; by this one where it is nowhere.
        if (call.homeless || call.state === 'ended') fail(error);
        else call.tell({ t: 'call-failed', n, error: toPlainError(error) });
      },
      note: (level, event, fields) => slot.log(level, event, info.id, fields),
    };
  }

  /**
   * Tells a report of a call that is over: in the worker where the call lived, or in another that runs the flow as it is now.
   * @param info with `endedAt`
   * @returns false where there is no worker: then it is to be told here
   */
  tellAfterwards(ownerId: string, topic: string, payload: Record<string, unknown>, info: CallInfo): boolean {
    const before = this.directory.lastHouseOf(info.id);
    const worker = before?.state === 'ready' ? before : this.succession.serving?.ready[0];
    worker?.send({ t: 'afterwards', ownerId, topic, payload, info: copyCall(info) });
    return worker !== undefined;
  }

  /** The worker where a call lives, has its last words, or has lived; undefined where there is none that lives itself. */
  houseOf(callId: string): PoolWorker | undefined {
    const call = registry.remote(callId);
    const house = call instanceof RemoteCall ? this.directory.houseOf(call) : this.directory.lastHouseOf(callId);
    return house?.gone === false ? house : undefined;
  }

  /** Where messages that name a call go: its worker; or the call itself keeps them, as long as it waits for one. */
  homeOf(callId: string): Home | undefined {
    const call = registry.remote(callId);
    if (!(call instanceof RemoteCall) || !call.homeless) return this.houseOf(callId);
    const { newest } = this.succession;
    return {
      gone: false,
      runs: (id) => newest?.plan.running.has(id) === true,
      send: (item) => {
        if (item.t === 'deliver') call.tell(item);
      },
    };
  }

  /** For tests: threads that run or are ending, their generations, and the calls that live in them or wait for one. */
  count(): { threads: number; generations: number; calls: number } {
    const { threads, generations } = this.succession;
    return { threads, generations, calls: this.directory.size + this.waiting.size };
  }

  /** For tests: `registry.count()` of all workers, summed up. */
  async countInWorkers(): Promise<Record<string, number>> {
    const sum: Record<string, number> = {};
    for (const counted of await Promise.all(this.succession.ready.map((worker) => worker.count()))) {
      for (const [what, count] of Object.entries(counted)) sum[what] = (sum[what] ?? 0) + count;
    }
    return sum;
  }

  /** For tests: resolves when no worker of the newest generation is starting. */
  settled(): Promise<void> {
    this.deployed();
    return new Promise((resolve) => {
      this.unsettled.push(resolve);
      this.tellSettled();
    });
  }

  /** The in-nodes whose calls run in workers. */
  private wishers(): { slot: NodeSlot<InSettings>; wisher: Wisher }[] {
    const found: { slot: NodeSlot<InSettings>; wisher: Wisher }[] = [];
    for (const { slot } of this.inNodes.values()) {
      const { workers, maxCalls } = slot.settings;
      if (slot.instance && workers) found.push({ slot, wisher: { workers, maxCalls } });
    }
    return found;
  }

  private guestOf(slot: NodeSlot<InSettings>, info: CallInfo, carrier: Carrier, counted: () => void): Guest {
    const asOpened = slot.settings.workers;
    const limit = asOpened?.callsPerWorker ?? Infinity;
    const fail = (error: Error): void => slot.fail(error, info);
    const apology = (): string => (slot.settings.workers ?? asOpened)?.apology ?? '';
    const call = new RemoteCall(this.nextRef(), info, carrier, slot.id, () => slot.settings, apology, {
      fail,
      over: (_call, reason) => {
        this.over(guest, reason);
        counted();
      },
    });
    const oldCallMs = (): number => (slot.settings.workers ?? asOpened)?.oldCallsMs ?? 0;
    const guest: Guest = { call, slot, limit, oldCallMs, fail };
    return guest;
  }

  /** Goes over the port in 4 bytes. */
  private nextRef(): number {
    return (this.refs = (this.refs % 0xffff_ffff) + 1);
  }

  private place(guest: Guest): void {
    if (guest.call.state === 'ended') return;
    const timer = setTimeout(() => this.waitedTooLong(guest), MAX_WAIT_MS);
    this.waiting.set(guest, timer);
    this.placeWaiting();
  }

  /** In the order in which they came. */
  private placeWaiting(): void {
    const { coming, serving } = this.succession;
    for (const guest of [...this.waiting.keys()]) {
      const worker = coming ? undefined : serving?.choose(guest.limit);
      if (worker) this.moveIn(guest, worker);
      else if (!coming && !serving) this.giveUp(guest, noWorker(this.succession.failure));
    }
    this.succession.newest?.fill();
  }

  private waitedTooLong(guest: Guest): void {
    const worker = this.succession.serving?.choose(guest.limit);
    if (worker) this.moveIn(guest, worker);
    else this.giveUp(guest, noWorker(this.succession.failure));
  }

  private moveIn(guest: Guest, worker: PoolWorker): void {
    this.noLongerWaits(guest);
    this.directory.entered(guest.call, worker);
    worker.moveIn(guest);
    this.tellOccupied();
  }

  private noLongerWaits(guest: Guest): void {
    clearTimeout(this.waiting.get(guest));
    this.waiting.delete(guest);
  }

  /** Its flow is not to be had, or no longer: the caller hears the apology. */
  private giveUp(guest: Guest, error: Error): void {
    this.noLongerWaits(guest);
    guest.fail(error);
    guest.call.loseHouse().catch((err: unknown) => guest.fail(asError(err)));
  }

  private over(guest: Guest, reason: EndReason): void {
    const { call } = guest;
    const house = this.directory.houseOf(call);
    registry.left(call);
    this.noLongerWaits(guest);
    this.directory.left(call);
    // In its own flow nobody hears of the end.
    if (!house || call.isLost) this.tellEnd(guest, reason);
    house?.left(call.n);
  }

  private tellEnd({ call, slot }: Guest, reason: EndReason): void {
    const { info } = call;
    const durationMs = Math.max(0, (info.endedAt ?? Date.now()) - info.startedAt);
    slot.log('info', 'call.ended', info.id, { reason, durationMs });
    // What the call came to is lost with its worker.
    const payload = { reason, durationMs, metrics: new CallMetrics().report() };
    if (!this.tellAfterwards(slot.id, 'call.ended', payload, info)) tellAfterwards(slot, 'call.ended', payload, info);
  }

  private failAll(error: Error): void {
    for (const { slot } of this.wishers()) slot.fail(error);
    this.showAll();
  }

  private showAll(): void {
    for (const inNode of this.inNodes.values()) inNode.show();
  }

  private tellOccupied(): void {
    this.parts.occupied(this.succession.ready.some(({ isIdle }) => !isIdle));
  }

  private tellSettled(): void {
    if (this.succession.newest?.isStarting) return;
    for (const resolve of this.unsettled.splice(0)) resolve();
  }
}

const parts = new RuntimeParts();

/** The worker threads of this process. */
export const workerPool = new WorkerPool(parts);

/**
 * An in-node has been deployed in the main thread, whether its calls run in workers or not.
 * @param show has it show its state anew
 */
export function serveInNode(RED: NodeAPI, slot: NodeSlot<InSettings>, node: Node, show: () => void): void {
  parts.connect(RED, node, workerPool);
  workerPool.serve(slot, show);
}

// In a worker thread no in-node is served: nothing follows from it there.
onDeployed(() => workerPool.deployed());
onStopped(() => workerPool.stopped());
