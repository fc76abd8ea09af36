import type { Call, CallEvent } from '../call';
import { entryOf } from '../call-log';
import type { LogFields, LogLevel } from '../log-line';
import { gate } from '../heart';
import { copyCall, nextMessageId } from '../message';
import type { VoiceMessage } from '../message';
import type { NodeSlot } from '../node-slot';
import { Session } from '../session';
import type { Verdict } from '../session';

/** What a carrier's in-node keeps for one call: puts the caller's voice and all that happens in the call on the wires. */
export class InSession<Settings> extends Session<Settings> {
  /** @param counted told when the call has ended: the node shows how many there are */
  constructor(
    call: Call,
    slot: NodeSlot<Settings>,
    private readonly counted: () => void,
  ) {
    super(call, slot);
    this.onDispose(call.tap((event) => this.event(event)));
  }

  /** A frame of the caller's voice: first output only, one message. */
  audio(payload: Buffer): void {
    const { call } = this;
    call.callerAudio(payload.length);
    this.send(0, {
      _msgid: nextMessageId(),
      topic: 'audio',
      payload,
      call: copyCall(call.info),
      event: { seq: call.nextSeq(), atMs: call.now() },
    });
  }

  /** The node has no input. */
  receive(): Verdict {
    return 'taken';
  }

  override callEnded(): void {
    this.counted();
  }

  get nodeId(): string {
    return this.slot.id;
  }

  /** A message of this call, with an id of its own. */
  override message(topic: string, payload: unknown, more: Partial<VoiceMessage> = {}): VoiceMessage {
    return super.message(topic, payload, more);
  }

  /** Something is not as it should be, and goes on. @param event by which the line is known */
  warn(words: string, event: string): void {
    this.log('warn', event, { what: words });
  }

  /** One line of this call. */
  note(level: LogLevel, event: string, fields?: LogFields): void {
    this.log(level, event, fields);
  }

  /** Reports an error of this call to Catch. */
  report(error: Error): void {
    this.fail(error);
  }

  protected release(): void {
    // The taps are all that there is.
  }

  private event(event: CallEvent): void {
    const entry = entryOf(event, this.call);
    if (entry) this.log(entry.level, entry.event, entry.fields);
    const _msgid = nextMessageId();
    this.send(0, this.messageOf(event, _msgid));
    // A Deploy that is under way may bring the wire.
    if (!gate.isOpen || this.slot.isWired(1)) this.send(1, this.messageOf(event, _msgid));
  }

  /** Made anew for each output, so that they share nothing; with one id, as forks of a wire have. */
  private messageOf({ topic, payload, seq, atMs, utterance }: CallEvent, _msgid: string): VoiceMessage {
    const msg: VoiceMessage = {
      _msgid,
      topic,
      payload: typeof payload === 'object' ? structuredClone(payload) : payload,
      call: copyCall(this.call.info),
      event: { seq, atMs },
    };
    if (utterance) msg.utterance = { ...utterance };
    return msg;
  }
}
