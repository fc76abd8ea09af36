import type { Node } from 'node-red';
import type { Call } from './call';
import { ProviderError } from './errors';
import { isLogged, logLine, onOneLine } from './log-line';
import type { LogFields, LogLevel } from './log-line';
import { copyCall } from './message';
import type { CallInfo, VoiceMessage } from './message';
import type { Session } from './session';
import { straightWires } from './straight';
import type { Wiring } from './wiring';

/** What a node shows under itself; `text` is a key of the message catalogue. */
export interface Status {
  /** Green live, blue idle or connecting, yellow degraded, red failed. */
  fill: 'green' | 'blue' | 'yellow' | 'red';
  shape: 'dot' | 'ring';
  text: string;
  values?: Record<string, string | number>;
  /** The text is words already and no key: what a provider said, or what is wrong with the config. */
  plain?: true;
}

/** At most two status changes a second (DESIGN, section 5). */
const STATUS_EVERY_MS = 500;

/** The instance of a node that Node-RED runs at present, and how to translate its catalogue's keys. */
export interface LiveInstance {
  node: Node;
  translate(key: string, values?: Record<string, string | number>): string;
  wiring: Wiring;
}

/**
 * The place of one node id, across all the instances that Deploys make of it: its sessions and its last settings.
 * Inside a subflow the id is the instance's, which Node-RED keeps stable.
 */
export class NodeSlot<Settings> {
  readonly sessions = new Set<Session<Settings>>();
  settings: Settings;
  instance: LiveInstance | undefined;
  private pending: Status | undefined;
  /** What this instance shows: telling it again would cost a translation, and an event for every editor that is open. */
  private shown: { by: LiveInstance; status: Status } | undefined;
  private shownAt = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    readonly id: string,
    readonly type: string,
    settings: Settings,
  ) {
    this.settings = settings;
  }

  /**
   * Sends by the present instance; without one (the node was removed) it goes nowhere.
   * @param call of which it is, where that is certain
   */
  send(output: number, msg: VoiceMessage, call?: Call): void {
    const { instance } = this;
    if (!instance) return;
    const take = instance.wiring.straight(output);
    if (take) return straightWires.send(take, msg, call);
    const { node } = instance;
    if (output === 0) {
      node.send(msg);
    } else {
      const outputs: (VoiceMessage | null)[] = new Array<null>(output).fill(null);
      outputs.push(msg);
      node.send(outputs);
    }
  }

  /** False if an output leads nowhere: nothing need be made for it. */
  isWired(output: number): boolean {
    return this.instance?.wiring.isWired(output) ?? true;
  }

  leadsAbroad(output: number): boolean {
    return this.instance?.wiring.leadsAbroad(output) ?? false;
  }

  /** Reports an error to Catch: the message names the call, the provider and the cause. */
  fail(err: Error, call?: CallInfo): void {
    const node = this.instance?.node;
    if (!node) return;
    const msg: Record<string, unknown> = { topic: 'error', payload: err.message };
    if (call) msg.call = copyCall(call);
    if (err instanceof ProviderError) {
      if (call) err.call = call.id;
      msg.provider = err.provider;
      msg.cause = err.cause;
      if (err.code !== undefined) msg.code = err.code;
    }
    node.error(onOneLine(err, call?.id, this.id), msg);
  }

  /** One line an event, with call id and node id (log-line.ts); the levels are Node-RED's. Nothing personal above debug. */
  log(level: LogLevel, event: string, callId?: string, fields?: LogFields): void {
    const node = this.instance?.node;
    if (!node || !isLogged(level)) return;
    const line = logLine(event, callId, this.id, fields);
    if (level === 'info') node.log(line);
    else node[level](line);
  }

  /** Shows a status, at most two a second; the last one asked for is the one that stays. */
  show(status: Status): void {
    this.pending = status;
    if (this.timer) return;
    const wait = this.shownAt + STATUS_EVERY_MS - Date.now();
    if (wait <= 0) this.flushStatus();
    else {
      this.timer = setTimeout(() => {
        this.timer = undefined;
        this.flushStatus();
      }, wait);
      this.timer.unref();
    }
  }

  /** A new instance starts with what was shown last. */
  private flushStatus(): void {
    const status = this.pending;
    const live = this.instance;
    if (!status || !live) return;
    if (this.shown?.by === live && isSame(this.shown.status, status)) return;
    this.shown = { by: live, status };
    this.shownAt = Date.now();
    const text = status.plain ? status.text : live.translate(status.text, status.values);
    live.node.status({ fill: status.fill, shape: status.shape, text });
  }

  /** The node is gone for good: its sessions end. */
  dispose(): void {
    if (this.timer) clearTimeout(this.timer);
    for (const session of [...this.sessions]) {
      session.call.sessions.delete(this.id);
      session.dispose();
    }
    this.sessions.clear();
  }
}

function isSame(one: Status, other: Status): boolean {
  const { values: ones = {} } = one;
  const { values: others = {} } = other;
  return (
    one.text === other.text &&
    one.fill === other.fill &&
    one.shape === other.shape &&
    one.plain === other.plain &&
    Object.keys({ ...ones, ...others }).every((name) => ones[name] === others[name])
  );
}
