import type { NodeAPI } from 'node-red';
import { gate, registry } from './heart';
import type { EndReason } from './message';
import type { NodeSlot } from './node-slot';

/** When flows have stopped and do not start again within so long, it was no Deploy: calls are ended politely. */
const GRACE_MS = 2_000;
/** How long a closing node waits at shutdown while the carriers say goodbye. */
const GOODBYE_MS = 3_000;

const slots = new Map<string, NodeSlot<unknown>>();
const listening = new WeakSet<object>();
const afterDeploy = new Set<() => void>();
const afterStop = new Set<() => void>();
let shuttingDown: Promise<void> | undefined;
let signalled = false;
let followingSignals = false;
let grace: NodeJS.Timeout | undefined;
let started = 0;

/** The slot of a node id, made when the node is first constructed; a Deploy finds the one that is there. */
export function slotOf(id: string): NodeSlot<unknown> | undefined {
  return slots.get(id);
}

/** The slots of a node type, also those whose nodes a Deploy restarts just now. */
export function slotsOf(type: string): NodeSlot<unknown>[] {
  return [...slots.values()].filter((slot) => slot.type === type);
}

export function addSlot(slot: NodeSlot<unknown>): void {
  slots.set(slot.id, slot);
}

/** Called after each `flows:started`: for what else outlives instances and must be looked through (paths). */
export function onDeployed(callback: () => void): void {
  afterDeploy.add(callback);
}

/** Called when the flows have been stopped, have not started again within the grace period, and all calls have ended. */
export function onStopped(callback: () => void): void {
  afterStop.add(callback);
}

/** How often the flows have been started: after each time wires may lead elsewhere. */
export function deploys(): number {
  return started;
}

/** Follows the life of the flows: the gate shuts and opens, and what has no live node any more is ended. */
export function followFlows(RED: NodeAPI): void {
  const events = RED.events;
  if (listening.has(events)) return;
  listening.add(events);
  events.on('flows:stopping', () => {
    gate.close(registry.all().flatMap((call) => [...call.sessions.values()]));
  });
  events.on('flows:stopped', () => {
    clearTimeout(grace);
    const stopped = setTimeout(() => {
      void endAll('shutdown').then(() => {
        // Unless they have been started meanwhile.
        if (grace === stopped) for (const callback of afterStop) callback();
      });
    }, GRACE_MS);
    grace = stopped.unref();
  });
  events.on('flows:started', () => {
    clearTimeout(grace);
    grace = undefined;
    started++;
    endOrphans();
    gate.open();
    for (const callback of afterDeploy) callback();
  });
  if (followingSignals) return;
  followingSignals = true;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.prependListener(signal, () => onSignal(signal));
}

/**
 * `close` of a node waits for this: at once in a Deploy; at shutdown while the carriers say goodbye, at most 3 s.
 * Messages that are on their way in Node-RED's queue still find the instance: two turns of the event loop.
 */
export async function beforeClose(): Promise<void> {
  if (signalled) await endAll('shutdown');
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

function onSignal(signal: NodeJS.Signals): void {
  signalled = true;
  const goodbye = endAll('shutdown');
  // With nobody else listening, our listener alone would keep the process from ending as it did before.
  if (process.listenerCount(signal) === 1) {
    void goodbye.finally(() => {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    });
  }
}

/** Ends all calls politely; resolves when they have ended, or after 3 s. */
function endAll(reason: EndReason): Promise<void> {
  if (registry.everywhere().length === 0) return Promise.resolve();
  shuttingDown ??= (async () => {
    const goodbyes = registry.everywhere().map((call) => call.hangUp(reason, call.limits().goodbye));
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, GOODBYE_MS)));
    await Promise.race([Promise.allSettled(goodbyes), timeout]);
    clearTimeout(timer);
  })().finally(() => (shuttingDown = undefined));
  return shuttingDown;
}

/** Sessions and calls whose node has no live instance any more: `removed` is only a hint, this is the proof. */
function endOrphans(): void {
  for (const [id, slot] of slots) {
    if (slot.instance) continue;
    slots.delete(id);
    for (const call of registry.callsOf(id)) call.disowned();
    slot.dispose();
  }
}
