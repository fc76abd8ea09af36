import type { Node, NodeAPI, NodeDef } from 'node-red';
import { asError } from './errors';
import { registry } from './heart';
import { followLogging, onOneLine } from './log-line';
import { addSlot, beforeClose, followFlows, slotOf, slotsOf } from './lifecycle';
import { isOurTopic, readMessage } from './message';
import type { VoiceMessage } from './message';
import { NodeSlot } from './node-slot';
import { keyOf } from './session';
import type { Session } from './session';
import type { Call } from './call';
import type { Take } from './straight';
import { addTake, addType, wiringOf } from './wiring';
import { forward } from './workers/elsewhere';

/** After the end of a call only these may follow; they open no session and pass every node. */
const AFTERWARDS = new Set(['call.recording', 'call.transcription', 'call.status']);

/** What a node of ours brings to the shell. */
export interface VoiceNode<Settings, Config extends NodeDef = NodeDef> {
  type: string;
  /**
   * Reads the node's config, already migrated, into settings.
   * @throws Error in words for the ops person: a red status and a line for Catch. The node then keeps the settings that
   * it had before the Deploy, if any.
   */
  settings(config: Config, node: Node, RED: NodeAPI): Settings;
  /** Opens what the node keeps for one call. */
  session(call: Call, slot: NodeSlot<Settings>): Session<Settings>;
  /**
   * Looks at a message before all else, also where it names no call, or one that has ended: for a node that is asked for something.
   * @returns true where it has taken the message, and calls `done` itself; throwing goes to Catch
   */
  takes?(slot: NodeSlot<Settings>, node: Node, raw: unknown, done: (err?: Error) => void): boolean;
  /**
   * Told of each call that opens in this process, whatever the wires: to tap it, and to join it by `session` when its time has come.
   * A throw goes to Catch.
   */
  opened?(slot: NodeSlot<Settings>, call: Call, join: () => Session<Settings> | undefined): void;
  /** Told when a new instance is ready (its first, or after a Deploy): for a carrier's paths. */
  started?(slot: NodeSlot<Settings>, RED: NodeAPI, node: Node): void;
}

/**
 * Registers a node type with Node-RED. Its handlers all go through here: a throw becomes one `done(err)`, `done` is called
 * once per message, instances come and go while sessions stay.
 */
export function registerVoiceNode<Settings, Config extends NodeDef = NodeDef>(
  RED: NodeAPI,
  definition: VoiceNode<Settings, Config>,
): void {
  addType(definition.type);
  followFlows(RED);
  followLogging((RED.settings as { logging?: unknown } | undefined)?.logging);

  function Constructor(this: Node, config: Config): void {
    RED.nodes.createNode(this, config);
    const node = this; // eslint-disable-line @typescript-eslint/no-this-alias -- Node-RED constructs with `this`
    quietMetrics(node);
    const slot = adopt(definition, config, node, RED);
    if (slot instanceof Error) return passOn(node, slot, definition.takes !== undefined);
    node.on('input', (raw, _send, done) => {
      try {
        if (definition.takes?.(slot, node, raw, done)) return;
        receive(definition, slot, raw);
        done();
      } catch (err) {
        done(told(slot, asError(err), raw));
      }
    });
    if (!definition.takes && !isMetered(node)) addTake(node, takeFor(definition, slot, node));
    node.on('close', (done: () => void) => {
      const leave = (): void => {
        if (slot.instance?.node === node) slot.instance = undefined;
        done();
      };
      beforeClose().then(leave, leave);
    });
    definition.started?.(slot, RED, node);
  }
  RED.nodes.registerType(definition.type, Constructor as never);
  watchCalls(definition);
}

/** What comes straight from a node of ours: as by the handler of `input`, but nobody is told that it is done. */
function takeFor<Settings, Config extends NodeDef>(
  definition: VoiceNode<Settings, Config>,
  slot: NodeSlot<Settings>,
  node: Node,
): Take {
  return (msg, call) => {
    try {
      receive(definition, slot, msg, call);
    } catch (err) {
      (slot.instance?.node ?? node).error(told(slot, asError(err), msg), msg);
    }
  };
}

function watchCalls<Settings, Config extends NodeDef>(definition: VoiceNode<Settings, Config>): void {
  if (!definition.opened) return;
  registry.onOpen(definition.type, (call) => {
    for (const slot of slotsOf(definition.type) as NodeSlot<Settings>[]) {
      try {
        definition.opened?.(slot, call, () => sessionOf(definition, slot, call));
      } catch (err) {
        slot.fail(asError(err), call.info);
      }
    }
  });
}

/**
 * Node-RED makes a metric of each message that a node sends, receives and is done with, also where nobody logs metrics: a
 * tenth of all the garbage of a call, at a hundred messages a second.
 */
function quietMetrics(node: Node): void {
  const meter = node as unknown as { metric(...args: unknown[]): unknown };
  if (typeof meter.metric === 'function' && meter.metric() === false) meter.metric = () => false;
}

/** Somebody logs a metric of each message: then none may go past Node-RED. */
function isMetered(node: Node): boolean {
  const meter = node as unknown as { metric?(): unknown };
  return meter.metric?.() === true;
}

/**
 * Gives the node's slot its new instance and settings; makes the slot if this is the first.
 * @returns what is wrong with the settings, which has been told, where there are no earlier ones to go on with
 */
export function adopt<Settings, Config extends NodeDef>(
  definition: Pick<VoiceNode<Settings, Config>, 'type' | 'settings'>,
  config: Config,
  node: Node,
  RED: NodeAPI,
): NodeSlot<Settings> | Error {
  const known = slotOf(node.id);
  let slot = known?.type === definition.type ? (known as NodeSlot<Settings>) : undefined;
  const translate = (key: string, values?: Record<string, string | number>): string => RED._(key, values ?? {});
  try {
    const settings = definition.settings(config, node, RED);
    if (slot) slot.settings = settings;
    else {
      slot = new NodeSlot(node.id, definition.type, settings);
      addSlot(slot);
    }
  } catch (err) {
    const error = asError(err);
    node.status({ fill: 'red', shape: 'ring', text: inShort(error.message) });
    node.error(onOneLine(error, undefined, node.id));
    // Calls under way go on with what was right before; without that there is nothing to go on with.
    if (!slot) return error;
  }
  slot.instance = { node, translate, wiring: wiringOf(RED, node) };
  return slot;
}

/** A status is short: the first clause says what is wrong, Catch and the log say all. */
export function inShort(message: string): string {
  const clause = message.split(/[:.]( |$)/)[0] ?? message;
  return clause.length > 48 ? `${clause.slice(0, 47)}…` : clause;
}

/**
 * A node that cannot work lets the rest of the flow go on: the call's events pass, and each call says once what is wrong.
 * @param isAsked the node does what it is asked for: then whoever asks is told
 */
function passOn(node: Node, error: Error, isAsked: boolean): void {
  node.on('input', (raw: { topic?: unknown; utterance?: unknown }, send, done) => {
    if (isAsked && !(typeof raw.topic === 'string' && isOurTopic(raw.topic))) return done(error);
    if (raw.topic === 'audio' && raw.utterance === undefined) return done();
    send(raw as never);
    if (raw.topic === 'call.started') done(error);
    else done();
  });
}

function receive<Settings, Config extends NodeDef>(
  definition: VoiceNode<Settings, Config>,
  slot: NodeSlot<Settings>,
  raw: unknown,
  sentOf?: Call,
): void {
  // Also what comes straight: a dial node and call-control pass on what anybody made.
  const msg = readMessage(raw);
  const call = sentOf && sentOf.isLive(msg.call.id) ? sentOf : registry.get(msg.call.id);
  if (!call) {
    if (AFTERWARDS.has(msg.topic) && !registry.remote(msg.call.id)) slot.send(0, msg);
    else if (!forward(slot.id, msg.call.id, msg)) registry.dropped++;
    return;
  }
  if (call.awaited && call.awaited.size > 0) call.awaited.delete(keyOf(msg));
  const session = sessionOf(definition, slot, call);
  if (!session) {
    if (AFTERWARDS.has(msg.topic)) slot.send(0, msg);
    else registry.dropped++;
    return;
  }
  if (!session.isNew(msg)) return;
  if (isTranscript(msg)) call.noteWords();
  if (session.receive(msg) === 'pass') session.send(0, msg);
}

/** An error that a message made, as it goes to Catch and into the log: with the call that the message names. */
function told(slot: Pick<NodeSlot<unknown>, 'id'>, err: Error, raw: unknown): Error {
  const { call } = (raw ?? {}) as { call?: { id?: unknown } | null };
  const id = typeof call?.id === 'string' ? call.id : undefined;
  if (id !== undefined) registry.get(id)?.metrics.failed(err);
  return onOneLine(err, id, slot.id);
}

/** The node's session for this call; opened by the first message that needs it, but not for a call that has ended. */
function sessionOf<Settings, Config extends NodeDef>(
  definition: VoiceNode<Settings, Config>,
  slot: NodeSlot<Settings>,
  call: Call,
): Session<Settings> | undefined {
  const known = call.sessions.get(slot.id);
  if (known) return known as Session<Settings>;
  if (call.state === 'ended') return undefined;
  const session = definition.session(call, slot);
  call.sessions.set(slot.id, session);
  slot.sessions.add(session);
  session.onDispose(() => slot.sessions.delete(session));
  return session;
}

function isTranscript(msg: VoiceMessage): boolean {
  return msg.topic.startsWith('transcript') && msg.payload !== '';
}
