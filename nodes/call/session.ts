import type { Call } from './call';
import { asError } from './errors';
import { gate } from './heart';
import { isLogged } from './log-line';
import type { LogFields, LogLevel } from './log-line';
import { countTurns, presentTurn } from './loop-turns';
import { copyCall, copyMessage, nextMessageId } from './message';
import type { UtteranceInfo, VoiceMessage } from './message';
import type { NodeSlot, Status } from './node-slot';
import { MASKED } from './privacy';
import { RecentHashes, SeqTracker } from './recent';

/**
 * How many turns of the event loop a message may take through foreign nodes to the next of ours: each node takes one. What
 * has been on its way for longer has arrived, or was taken off. Behind the other outputs stand logs and databases, which
 * should not get things twice: there only what has not reached the first node counts.
 */
const TURNS_IN_FLIGHT = 4;
const TURNS_ASIDE = 1;
/** Sends remembered meanwhile: a bound, for a burst of a TTS. */
const MAX_IN_FLIGHT = 64;
const EVENTS_REMEMBERED = 64;
const PIECES_REMEMBERED = 256;
/** Utterances whose pieces of audio are known again. */
const UTTERANCES_REMEMBERED = 32;

/** What a session did with a message: it may go on down the wire, or has been taken off it. */
export type Verdict = 'pass' | 'taken';

/**
 * What one node keeps for one call. It survives a Deploy, for it belongs to the node's id and not to an instance, and it
 * ends with the call, whatever the wires do.
 *
 * Never keep `send`, `done` or a node: `send()` goes by the node's present instance, through the gate.
 */
export abstract class Session<Settings> {
  private readonly events = new RecentHashes(EVENTS_REMEMBERED);
  private readonly pieces = new RecentHashes(PIECES_REMEMBERED);
  private readonly audioSeqs = new Map<string, SeqTracker>();
  private lastCallerFrame = -1;
  private inFlight: { turn: number; output: number; msg: VoiceMessage }[] = [];
  private over = false;
  private readonly disposers: (() => void)[] = [];

  constructor(
    readonly call: Call,
    protected readonly slot: NodeSlot<Settings>,
  ) {}

  /** The node's settings as last deployed: read them anew for each turn. */
  protected get settings(): Settings {
    return this.slot.settings;
  }

  /** True once the session has been disposed of: nothing may be started any more. */
  get disposed(): boolean {
    return this.over;
  }

  /** Acts on a message; synchronously, so that the order of the wire is kept. Throwing goes to Catch. */
  abstract receive(msg: VoiceMessage): Verdict;

  /**
   * The call has ended at the registry; `dispose` follows in at most 2 s. A session that has last words (a final
   * transcript, the last turn) sends them now.
   */
  callEnded(): void {
    // Most sessions have none.
  }

  /** Closes sockets, requests and timers. Called exactly once. */
  protected abstract release(): void;

  /** Ends the session: with its call, or with its node. */
  dispose(): void {
    if (this.over) return;
    this.over = true;
    this.inFlight = [];
    try {
      this.release();
    } catch (err) {
      this.fail(err);
    }
    for (const dispose of this.disposers.splice(0)) dispose();
  }

  /** Has something undone when the session is disposed of. */
  onDispose(dispose: () => void): void {
    this.disposers.push(dispose);
  }

  /**
   * Remembers a message, so that each is acted on and passed once per call, however the wires fork, join or loop.
   * What a flow made itself bears no mark of ours and is never taken for a duplicate.
   * @returns false for one that came before
   */
  isNew(msg: VoiceMessage): boolean {
    const { topic, utterance } = msg;
    if (topic === 'audio' && !utterance) {
      const seq = msg.event?.seq;
      if (typeof seq !== 'number') return true;
      if (seq <= this.lastCallerFrame) return false;
      this.lastCallerFrame = seq;
      return true;
    }
    const id = msg._msgid;
    if (utterance?.by === 'agent' && topic === 'audio') return this.isNewAudio(utterance);
    if (utterance?.by === 'agent' && topic === 'reply') {
      return this.pieces.add(utterance.id, String(utterance.seq), String(msg.payload));
    }
    if (typeof id !== 'string' || !id.startsWith('v')) return true;
    return typeof msg.payload === 'string' ? this.events.add(id, topic, msg.payload) : this.events.add(id, topic);
  }

  /** Sends a message on an output (0 = the first). It must not be touched afterwards. */
  send(output: number, msg: VoiceMessage): void {
    gate.send(this, output, msg);
  }

  /** Sends a message made here, on the first output unless said otherwise. */
  protected sendNew(topic: string, payload: unknown, more: Partial<VoiceMessage> = {}, output = 0): void {
    this.send(output, this.message(topic, payload, more));
  }

  /** A message of this call, with an id of its own. */
  protected message(topic: string, payload: unknown, more: Partial<VoiceMessage> = {}): VoiceMessage {
    return { ...more, _msgid: nextMessageId(), topic, payload, call: copyCall(this.call.info) };
  }

  /** Reports an error to Catch, with the call; never throws. */
  protected fail(err: unknown): void {
    this.call.metrics.failed(err);
    this.slot.fail(asError(err), this.call.info);
  }

  /** Lets a promise run that nobody waits for: its rejection goes to Catch. */
  protected run(work: Promise<unknown>): void {
    work.catch((err: unknown) => {
      if (!this.over) this.fail(err);
    });
  }

  /** Wraps a callback of a socket or timer: a throw goes to Catch, and after the end nothing runs. */
  protected guard<A extends unknown[]>(callback: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      if (this.over) return;
      try {
        callback(...args);
      } catch (err) {
        this.fail(err);
      }
    };
  }

  /** Shows the state of this call on the node; the worst and newest of all calls is what is seen. */
  protected show(status: Status): void {
    this.slot.show(status);
  }

  protected log(level: LogLevel, event: string, fields?: LogFields): void {
    this.slot.log(level, event, this.call.info.id, fields);
  }

  /** Sends at once, by the node's present instance: for the gate. */
  deliver(output: number, msg: VoiceMessage): void {
    this.remember(output, msg);
    if (isLogged('trace') && msg.topic !== 'audio') this.trace(output, msg);
    this.slot.send(output, msg, this.call);
  }

  takeUnseen(): { output: number; msg: VoiceMessage }[] {
    const now = presentTurn();
    const unseen = this.inFlight.filter(({ turn, output, msg }) =>
      output === 0 ? now - turn < TURNS_IN_FLIGHT && !this.wasSeen(msg) : now - turn < TURNS_ASIDE,
    );
    // What is sent again stays awaited until then; the rest is not waited for any more.
    for (const entry of this.inFlight) if (!unseen.includes(entry)) this.arrived(entry);
    this.inFlight = [];
    return unseen;
  }

  /** True if a node of ours has received meanwhile what this session sent on its first output and waits for. */
  wasSeen(msg: VoiceMessage): boolean {
    return this.call.awaited?.has(keyOf(msg)) !== true;
  }

  /** A message that is sent, or passed on. Its words are cut, and masked while the call is private. */
  private trace(output: number, { topic, payload, utterance }: VoiceMessage): void {
    const { privacy } = this.call;
    const hidden = privacy.covers(undefined, this.call.now());
    const words = hidden ? MASKED : typeof payload === 'string' ? payload : JSON.stringify(payload);
    const { id, seq } = utterance ?? {};
    this.log('trace', 'message.sent', { topic, output: output + 1, utterance: id, seq, payload: words });
  }

  private isNewAudio({ id, seq }: UtteranceInfo): boolean {
    let tracker = this.audioSeqs.get(id);
    if (!tracker) {
      this.audioSeqs.set(id, (tracker = new SeqTracker()));
      if (this.audioSeqs.size > UTTERANCES_REMEMBERED) this.audioSeqs.delete(this.audioSeqs.keys().next().value ?? '');
    }
    return tracker.isNew(seq);
  }

  private remember(output: number, msg: VoiceMessage): void {
    if (!this.slot.leadsAbroad(output)) return;
    const turn = countTurns(TURNS_IN_FLIGHT);
    while (this.inFlight.length >= MAX_IN_FLIGHT || (this.inFlight[0]?.turn ?? turn) < turn - TURNS_IN_FLIGHT) {
      this.arrived(this.inFlight.shift());
    }
    this.inFlight.push({ turn, output, msg: copyMessage(msg) });
    if (output === 0) (this.call.awaited ??= new Set()).add(keyOf(msg));
  }

  /** Nobody waits for it any more: it reached a node of ours, or was taken off by a foreign one. */
  private arrived(entry: { output: number; msg: VoiceMessage } | undefined): void {
    if (entry?.output === 0) this.call.awaited?.delete(keyOf(entry.msg));
  }
}

/** By what a message is known again on its way: a Function node may send several topics under one id. */
export function keyOf(msg: VoiceMessage): string {
  return `${msg._msgid}${msg.topic}`;
}
