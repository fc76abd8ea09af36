import type { Node, NodeAPI } from 'node-red';
import { deploys } from './lifecycle';
import type { Take } from './straight';

/** What is known of a node's wires until the next Deploy may have changed them. */
export interface Wiring {
  /** False if the output leads to no node. */
  isWired(output: number): boolean;
  /** True if a message on this output passes a node that is not ours (and that a Deploy may stop in its midst). */
  leadsAbroad(output: number): boolean;
  /** How a message gets to the one node, and that is ours, to which this output leads; undefined where it goes Node-RED's way. */
  straight(output: number): Take | undefined;
}

interface Wire {
  count: number;
  abroad: boolean;
  straight: Take | undefined;
}

/** The types of this pack, told apart from foreign nodes when a wire is looked along. */
const ourTypes = new Set<string>();
const takes = new WeakMap<object, Take>();

/** Hooks come and go at any time, and Node-RED makes garbage of each question whether one is there: asked so often, ms. */
const ASK_EVERY_MS = 50;

/** Whatever wants to see each message on its way: with any of them all messages go Node-RED's way. */
const HOOKS = ['onSend', 'preRoute', 'preDeliver', 'postDeliver', 'onReceive', 'postReceive', 'onComplete'];

export function addType(type: string): void {
  ourTypes.add(type);
}

/** Has messages from nodes of ours taken straight by this instance's node. */
export function addTake(node: Node, take: Take): void {
  takes.set(node, take);
}

/** Looks along a node's wires. */
export function wiringOf(RED: NodeAPI, node: Node): Wiring {
  const isWatched = watcher(RED);
  let asOf = -1;
  let wires: Wire[] = [];
  const wire = (output: number): Wire | undefined => {
    if (asOf !== deploys()) {
      asOf = deploys();
      wires = look(RED, node);
    }
    return wires[output];
  };
  return {
    isWired: (output) => (wire(output)?.count ?? 0) > 0,
    leadsAbroad: (output) => wire(output)?.abroad ?? false,
    straight: (output) => {
      const take = wire(output)?.straight;
      return take && !isWatched() ? take : undefined;
    },
  };
}

function look(RED: NodeAPI, node: Node): Wire[] {
  const ids = (node as unknown as { wires?: string[][] }).wires ?? [];
  const targets = ids.map((wire) => wire.map((id) => RED.nodes.getNode(id) as Node | undefined));
  const completed = targets.flat().some((target) => target && takes.has(target)) ? completeScope(RED) : new Set();
  const bySetting = (RED.settings as { runtimeSyncDelivery?: unknown } | undefined)?.runtimeSyncDelivery === true;
  return targets.map((wire) => {
    const [only] = wire;
    const { _alias: template } = (only ?? {}) as { _alias?: unknown };
    const isFree = wire.length === 1 && only && !bySetting && !completed.has(only.id) && !completed.has(template);
    return {
      count: wire.length,
      abroad: wire.some((target) => !target || !ourTypes.has(target.type)),
      straight: isFree ? takes.get(only) : undefined,
    };
  });
}

/** The nodes whose finished messages a Complete node wants; in a subflow, of its template. */
function completeScope(RED: NodeAPI): Set<unknown> {
  const scope = new Set<unknown>();
  RED.nodes.eachNode((config) => {
    const { type, scope: ids } = config as { type: string; scope?: unknown };
    if (type === 'complete' && Array.isArray(ids)) for (const id of ids as unknown[]) scope.add(id);
  });
  return scope;
}

/** Tells whether anything at all sees messages on their way. */
function watcher(RED: NodeAPI): () => boolean {
  const { hooks } = RED as unknown as { hooks?: { has?(name: string): boolean } };
  let watched = false;
  let askAt = 0;
  return () => {
    const now = performance.now();
    if (now >= askAt) {
      askAt = now + ASK_EVERY_MS;
      watched = hooks?.has !== undefined && HOOKS.some((name) => hooks.has?.(name));
    }
    return watched;
  };
}
