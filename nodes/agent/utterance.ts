import type { Call } from '../call/call';
import { nextMessageId } from '../call/message';
import type { Timing, UtteranceInfo, UtteranceKind } from '../call/message';
import type { Conversation } from './conversation';

/** What a writer needs of its session. */
export interface UtteranceHost {
  readonly call: Call;
  readonly nodeId: string;
  /** Where what is said is remembered, if anywhere. */
  readonly conversation?: Conversation;
  /** Sends a piece of text towards the TTS. */
  sendPiece(text: string, utterance: UtteranceInfo, timing: Timing, flow: Readonly<Record<string, unknown>>): void;
}

/** What is the same on each piece of an utterance. */
export interface UtteranceStyle {
  kind: UtteranceKind;
  interruptible: boolean;
  timing: Timing;
  /** What the flow put on the message that is answered. */
  flow: Readonly<Record<string, unknown>>;
}

/** Writes one utterance of the agent, piece by piece. It is opened in its call with the first words. */
export class UtteranceWriter {
  readonly id = `u${nextMessageId()}`;
  /** The last piece is written. */
  done = false;
  private seq = 0;

  constructor(
    private readonly host: UtteranceHost,
    readonly style: UtteranceStyle,
  ) {}

  /** True once something of it has been sent. */
  get opened(): boolean {
    return this.seq > 0;
  }

  /** Words that the caller may hear of it; 0 before it begins. */
  get heardMs(): number {
    return this.host.call.playback.record(this.id)?.heardMs ?? 0;
  }

  /**
   * @param done true with the last piece, which may be empty if others came before
   * @returns false if the utterance has been given up: write no more
   */
  write(text: string, done: boolean): boolean {
    const { host, style } = this;
    if (this.done || host.call.playback.isDead(this.id)) return false;
    if (!this.opened) {
      if (text === '') return true;
      // Known before it is open: taps are told of it.
      host.conversation?.open(this.id, style.kind);
      host.call.playback.openUtterance(
        { id: this.id, kind: style.kind, interruptible: style.interruptible },
        host.nodeId,
      );
    }
    this.done = done;
    host.call.playback.addText(this.id, text, 'writer');
    const { kind, interruptible } = style;
    const utterance: UtteranceInfo = { id: this.id, by: 'agent', kind, seq: this.seq++, done, interruptible };
    host.sendPiece(text, utterance, { ...style.timing }, style.flow);
    return true;
  }
}
