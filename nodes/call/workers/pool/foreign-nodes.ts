import type { Node, NodeAPI } from 'node-red';
import { addressOf, idAt, nodeAt } from '../addresses';
import { crossing, lookHere, OFF_BEFORE } from '../elsewhere';
import type { Home, Homes } from '../elsewhere';
import { unpacked } from '../crossing';
import { asError } from '../../errors';
import { gate, registry } from '../../heart';
import { callIdOf, isRecord } from '../../message';
import { toPlainError } from '../plain-error';
import type { Delivery, Elsewhere } from '../protocol';

/** While a Deploy restarts nodes so many messages wait for them at most; then the oldest audio goes first, and where there is none the new message is refused. */
const MAX_HELD = 10_000;
/** So long they wait, ms: nodes that close slowly are given 15 s by Node-RED. Flows that stay stopped take no more messages. */
const HELD_MS = 30_000;
/** Of so many messages it is remembered from which worker they came, the last ones, and for so long, ms: a node may lose `msg.call`. */
const MAX_REMEMBERED = 10_000;
const REMEMBERED_MS = 600_000;

/** Called before Node-RED looks for the node at the other end of a wire. */
const HOOK = 'preRoute.voice-agent-workers';

type Message = Record<string, unknown>;

/** What Node-RED tells a hook of a message that leaves a node. */
interface SendEvent {
  msg: Message;
  source: { node: Pick<Node, 'error'> };
  destination: { id: string };
}

interface Hooks {
  add(name: string, hook: (event: SendEvent) => false | undefined): void;
  remove(name: string): void;
}

interface Held {
  item: Delivery | Elsewhere;
  from: Home;
}

/**
 * In the main thread: messages of calls that live in workers, to and from the nodes that run only here. What a worker sends for such a
 * node is given to it; what a node here then sends on, of a call that lives in a worker and to a node that runs there, goes there.
 */
export class ForeignNodes {
  private held: Held[] = [];
  /** By `_msgid`, the oldest first. */
  private readonly origins = new Map<string, { from: Home; at: number }>();
  private readonly hooks: Hooks;
  private watching = false;

  constructor(
    private readonly RED: NodeAPI,
    private readonly homes: Homes,
  ) {
    this.hooks = (RED as unknown as { hooks: Hooks }).hooks;
  }

  /** Whether any call lives in a worker: messages are looked at as long as one does, for that costs each of them. */
  watch(on: boolean): void {
    if (on === this.watching) return;
    this.watching = on;
    if (on) return this.hooks.add(HOOK, this.route);
    this.hooks.remove(HOOK);
    this.origins.clear();
  }

  /** A message from a worker: for a node that runs only here, or one whose call is not there. */
  take(item: Delivery | Elsewhere, from: Home): void {
    unpacked(item.msg);
    if (gate.isOpen && this.held.length === 0) this.give({ item, from });
    else this.hold({ item, from });
  }

  private give(held: Held): void {
    if (held.item.t === 'deliver') this.deliver(held.item, held.from);
    else this.seek(held.item, held.from);
  }

  private deliver(item: Delivery, from: Home): void {
    const { msg } = item;
    const node = this.nodeAt(item);
    if (!node) {
      return refuse(item, from, `The node ${idAt(item.node)} is not deployed in the main runtime (any more): the message of this call went nowhere. Calls go on in the flow that they began in.`); // prettier-ignore
    }
    this.remember(msg, from);
    try {
      node.receive(msg);
    } catch (err) {
      refuse(item, from, asError(err).message);
    }
  }

  /** Another worker may have the call, or this thread; else the node here refuses or drops the message. */
  private seek({ node, msg }: Elsewhere, from: Home): void {
    const home = this.homes.homeOf(callIdOf(msg));
    if (home && home !== from && !home.gone) return home.send({ t: 'deliver', node, msg });
    const own = this.nodeAt({ node });
    if (!own) {
      registry.dropped++;
      return;
    }
    lookHere(msg);
    own.receive(msg);
  }

  private nodeAt({ node }: Pick<Delivery, 'node'>): Node | undefined {
    return nodeAt((id) => this.RED.nodes.getNode(id), node);
  }

  private hold(held: Held): void {
    if (this.held.length >= MAX_HELD) {
      const oldest = this.held.findIndex(({ item }) => item.msg.topic === 'audio');
      if (oldest < 0) return refuse(held.item, held.from, TOO_MANY);
      this.held.splice(oldest, 1);
    }
    this.held.push(held);
    if (this.held.length === 1) void this.giveWhenOpen();
  }

  private async giveWhenOpen(): Promise<void> {
    const isOpen = await gate.whenOpen(HELD_MS);
    for (const held of this.held.splice(0)) {
      if (isOpen) this.give(held);
      else refuse(held.item, held.from, STOPPED);
    }
  }

  /** Not of audio: it comes so often that it would push out all else. */
  private remember({ _msgid: id, topic }: Message, from: Home): void {
    if (typeof id !== 'string' || topic === 'audio') return;
    this.origins.delete(id);
    this.origins.set(id, { from, at: performance.now() });
    if (this.origins.size > MAX_REMEMBERED) this.origins.delete(this.origins.keys().next().value ?? '');
  }

  /** The hook: false where the message is taken off the wire. */
  private readonly route = ({ msg, source, destination }: SendEvent): false | undefined => {
    const home = this.homeOf(msg);
    if (!home || home.gone || !home.runs(destination.id)) return undefined;
    try {
      home.send({ t: 'deliver', node: addressOf(destination), msg: crossing(msg, OFF_BEFORE) });
    } catch (err) {
      source.node.error(asError(err), msg);
    }
    return false;
  };

  private homeOf({ call, _msgid: id }: Message): Home | undefined {
    if (isRecord(call)) return typeof call.id === 'string' ? this.homes.homeOf(call.id) : undefined;
    const origin = typeof id === 'string' ? this.origins.get(id) : undefined;
    return origin && performance.now() - origin.at < REMEMBERED_MS ? origin.from : undefined;
  }
}

const TOO_MANY = `The main runtime is being deployed, and ${MAX_HELD} messages wait for it already: this one was dropped.`;
const STOPPED = `The flows of the main runtime have stood still for ${HELD_MS / 1_000} s: the message was dropped.`;

/** The proxy in the worker tells Catch. What went elsewhere had come to a node of ours: it is counted. */
function refuse({ t, node, msg }: Delivery | Elsewhere, from: Home, words: string): void {
  if (t === 'deliver') from.send({ t: 'undelivered', node, msg, error: toPlainError(words) });
  else registry.dropped++;
}
