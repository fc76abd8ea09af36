import type { Call } from '../call/call';
import { gate } from '../call/heart';
import { flowFields, isCallerAudio, nextMessageId } from '../call/message';
import type { Timing, UtteranceInfo, VoiceMessage } from '../call/message';
import type { NodeSlot } from '../call/node-slot';
import { Session } from '../call/session';
import type { Verdict } from '../call/session';
import type { ListenSettings } from './listen';
import { Listener } from './listener';
import type { ListenerState } from './listener';
import { showState } from './stt-status';

/** Said where the flow's agent has no apology of its own. */
const APOLOGY = 'Sorry, I cannot hear you at the moment. Please call again later.';

/** What deepgram-stt keeps for one call: a listener, the utterance under way, and `call.ended` until the last words are out. */
export class SttSession extends Session<ListenSettings> {
  private readonly listener: Listener;
  private utterance: { id: string; seq: number } | undefined;
  private lastFrame: VoiceMessage | undefined;
  private ended: VoiceMessage | undefined;
  private ending: 'no' | 'listening' | 'done' = 'no';
  private oddAudioTold = false;

  constructor(call: Call, slot: NodeSlot<ListenSettings>) {
    super(call, slot);
    this.listener = new Listener({
      settings: () => this.settings,
      now: () => this.call.now(),
      flowing: () => gate.isOpen,
      guard: (callback) => this.guard(callback),
      events: {
        speechStarted: (atMs) => this.sendNew('speech.started', { atMs }),
        speechStopped: (atMs) => this.speechStopped(atMs),
        partial: (text) => this.words('transcript.partial', text),
        eager: (text, endedAtMs) => this.words('transcript.eager', text, endedAtMs),
        resumed: (text) => this.words('transcript.resumed', text),
        final: (text, endedAtMs) => this.words('transcript', text, endedAtMs),
        failed: (error) => this.fail(error),
        state: (state) => this.state(state),
        deaf: () => this.sendNew('agent.say', this.call.apology || APOLOGY),
      },
    });
  }

  receive(msg: VoiceMessage): Verdict {
    if (isCallerAudio(msg)) {
      this.hear(msg);
      return 'taken';
    }
    if (msg.topic !== 'call.ended') return 'pass';
    this.finish();
    if (this.ending === 'done') return 'pass';
    this.ended = msg;
    return 'taken';
  }

  override callEnded(): void {
    this.finish();
  }

  protected release(): void {
    this.listener.close();
    this.releaseEnded();
    showState(this.slot, this);
  }

  private hear(msg: VoiceMessage): void {
    const { payload } = msg;
    if (!Buffer.isBuffer(payload)) {
      if (this.oddAudioTold) return;
      this.oddAudioTold = true;
      throw new Error(
        "The caller's audio must be a Buffer (mu-law, 8 kHz): a node before this one changed msg.payload.",
      );
    }
    this.lastFrame = msg;
    const atMs = msg.event?.atMs;
    this.listener.hear(payload, typeof atMs === 'number' && Number.isFinite(atMs) ? atMs : this.call.now());
  }

  private finish(): void {
    if (this.ending !== 'no') return;
    this.ending = 'listening';
    this.listener.finish(() => {
      this.ending = 'done';
      this.releaseEnded();
    });
  }

  private releaseEnded(): void {
    const { ended } = this;
    this.ended = undefined;
    if (ended) this.send(0, ended);
  }

  private speechStopped(atMs: number): void {
    this.sendNew('speech.stopped', { atMs });
  }

  /** @param endedAtMs when the caller stopped speaking; given where these words may be answered */
  private words(topic: string, text: string, endedAtMs?: number): void {
    const done = topic === 'transcript';
    this.utterance ??= { id: `caller-${nextMessageId()}`, seq: 0 };
    const utterance: UtteranceInfo = {
      id: this.utterance.id,
      by: 'caller',
      kind: 'reply',
      seq: this.utterance.seq++,
      done,
      interruptible: true,
    };
    if (done) this.utterance = undefined;
    const timing: Timing = { speechEndedAt: endedAtMs, transcriptAt: this.call.now() };
    const carried = this.lastFrame ? flowFields(this.lastFrame) : {};
    this.sendNew(topic, text, { ...carried, utterance, ...(endedAtMs !== undefined && { timing }) });
    if (done) this.call.noteWords();
  }

  private state(state: ListenerState): void {
    showState(this.slot, this, state);
    if (state === 'live') this.log('debug', 'Deepgram listens');
  }
}
