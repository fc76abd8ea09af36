import type { Node, NodeAPI, NodeDef } from 'node-red';
import { dialHistory } from './history';
import { readOrder, refused } from './order';
import type { DialOrder, DialSettings } from './order';
import { asError } from '../errors';
import { gate } from '../heart';
import { onOneLine } from '../log-line';
import { beforeClose, followFlows } from '../lifecycle';
import { copyCall } from '../message';
import type { CallInfo, VoiceMessage } from '../message';
import { adopt, inShort } from '../node';
import type { NodeSlot } from '../node-slot';
import type { RawConfig } from '../settings';

/** How long the news of a call that was not placed waits for the end of a Deploy, ms. */
const GATE_WAIT_MS = 10_000;

/** The in-node that calls enter, as a dial node sees it. */
export interface DialLines {
  /** True where all its lines are taken. */
  readonly full: boolean;
  readonly maxCalls: number;
  /**
   * Dials. A line is taken synchronously.
   * @returns the call, when the carrier has taken it; the phone may ring or not
   * @throws ProviderError, by rejection: the call was not placed
   */
  dial(order: DialOrder): Promise<CallInfo>;
}

/** What a carrier brings to its dial node. */
export interface DialNode<Settings extends DialSettings> {
  type: string;
  /** @throws SettingError in words for the ops person */
  settings(RED: NodeAPI, config: RawConfig): Settings;
  /** @throws ProviderError in words: the node to enter is not there, or of another account */
  lines(settings: Settings): DialLines;
}

type Incoming = Record<string, unknown>;

/**
 * Registers a carrier's dial node: it has no sessions, for its calls are the in-node's. What it is asked is checked and refused
 * at once, in words, to Catch; what it places goes out with `msg.call`.
 */
export function registerDialNode<Settings extends DialSettings>(RED: NodeAPI, own: DialNode<Settings>): void {
  followFlows(RED);
  const shell = {
    type: own.type,
    settings: (config: NodeDef): Settings => own.settings(RED, config as unknown as RawConfig),
  };

  function Constructor(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    const node = this; // eslint-disable-line @typescript-eslint/no-this-alias -- Node-RED constructs with `this`
    const slot = adopt(shell, config, node, RED);
    if (slot instanceof Error) {
      node.on('input', (_msg, _send, done) => done(slot));
      return;
    }
    node.on('input', (msg, _send, done) => {
      try {
        const call = place(own, slot, msg as Incoming);
        void told(slot, node, msg as Incoming, call, done);
      } catch (err) {
        showFault(slot, err);
        done(onOneLine(asError(err), undefined, slot.id));
      }
    });
    node.on('close', (done: () => void) => {
      const leave = (): void => {
        if (slot.instance?.node === node) slot.instance = undefined;
        done();
      };
      beforeClose().then(leave, leave);
    });
  }
  RED.nodes.registerType(own.type, Constructor);
}

/** All that can be refused is refused here, synchronously: nothing has been dialled then. */
function place<Settings extends DialSettings>(
  own: DialNode<Settings>,
  slot: NodeSlot<Settings>,
  msg: Incoming,
): Promise<CallInfo> {
  const { type } = own;
  const { settings } = slot;
  const order = readOrder(type, msg, settings);
  const lines = own.lines(settings);
  if (lines.full) {
    throw refused(
      type,
      `all ${lines.maxCalls} lines of the node that the call enters are taken: try again when a call has ended.`,
    );
  }
  const turn = dialHistory.take(order.to, settings.perHour);
  if (turn === 'too-often') {
    throw refused(
      type,
      `this number was dialled ${settings.perHour} times within the last hour, which is all that is allowed.`,
    );
  }
  if (turn === 'too-many') throw refused(type, 'more calls were dialled within the last hour than can be counted.');
  return lines.dial(order);
}

/** Tells what became of a dial, by the node's present instance: a Deploy may have come between. Never rejects. */
async function told<Settings>(
  slot: NodeSlot<Settings>,
  node: Node,
  msg: Incoming,
  placed: Promise<CallInfo>,
  done: (err?: Error) => void,
): Promise<void> {
  try {
    const call = await placed;
    slot.show({ fill: 'blue', shape: 'ring', text: 'common.status.idle' });
    const out = { ...msg, call: copyCall(call) } as unknown as VoiceMessage;
    const deliver = (output: number, each: VoiceMessage): void => slot.send(output, each);
    gate.send({ deliver, takeUnseen: () => [], wasSeen: () => true }, 0, out);
    done();
  } catch (err) {
    showFault(slot, err);
    onOneLine(asError(err), undefined, slot.id);
    await gate.whenOpen(GATE_WAIT_MS);
    const present = slot.instance?.node;
    if (present === node) return done(asError(err));
    // Who took the message is gone, and Catch hears no more of it.
    present?.error(asError(err), msg);
    done();
  }
}

function showFault(slot: NodeSlot<unknown>, err: unknown): void {
  const words = asError(err).message.replace(/^[\w-]+: /, '');
  slot.show({ fill: 'yellow', shape: 'ring', text: inShort(words), plain: true });
}
