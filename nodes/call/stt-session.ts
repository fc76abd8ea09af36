import type { Call } from './call';
import { gate } from './heart';
import { flowFields, isCallerAudio, nextMessageId } from './message';
import type { Timing, UtteranceInfo, VoiceMessage } from './message';
import type { NodeSlot } from './node-slot';
import { Session } from './session';
import type { Verdict } from './session';
import type { SttProvider } from './stt-connection';
import { SttListener } from './stt-listener';
import type { ListenerState } from './stt-listener';
import { showState } from './stt-status';

/** Said where the flow's agent has no apology of its own. */
const APOLOGY = 'Sorry, I cannot hear you at the moment. Please call again later.';

/** Turns whose words are still to come. */
const TURNS_REMEMBERED = 8;

/**
 * What a node of speech-to-text keeps for one call: a listener, the utterance under way, and `call.ended` until the last
 * words are out.
 */
export class SttSession<S> extends Session<S> {
  private readonly listener: SttListener<S>;
  private utterance: { id: string; seq: number } | undefined;
  private lastFrame: VoiceMessage | undefined;
  /** What the flow had put on the audio when the voice ended, for words that come when the caller speaks again. */
  private atEnd: { atMs: number; fields: Record<string, unknown> }[] = [];
  private ended: VoiceMessage | undefined;
  private ending: 'no' | 'listening' | 'done' = 'no';
  private oddAudioTold = false;

  constructor(
    call: Call,
    slot: NodeSlot<S>,
    private readonly provider: SttProvider<S>,
  ) {
    super(call, slot);
    this.listener = new SttListener<S>({
      provider,
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
    if (this.lastFrame) this.atEnd.push({ atMs, fields: flowFields(this.lastFrame) });
    if (this.atEnd.length > TURNS_REMEMBERED) this.atEnd.shift();
    this.sendNew('speech.stopped', { atMs });
  }

  /** The flow's own fields, to be carried on to words of a turn that ended at this time. */
  private carried(endedAtMs: number | undefined): Record<string, unknown> {
    const index = this.atEnd.findIndex(({ atMs }) => atMs === endedAtMs);
    const [found] = index < 0 ? [] : this.atEnd.splice(0, index + 1).slice(-1);
    return found?.fields ?? (this.lastFrame ? flowFields(this.lastFrame) : {});
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
    const carried = this.carried(done ? endedAtMs : undefined);
    this.sendNew(topic, text, { ...carried, utterance, ...(endedAtMs !== undefined && { timing }) });
    if (done) this.call.noteWords();
  }

  private state(state: ListenerState): void {
    showState(this.slot, this, state);
    if (state === 'live') this.log('debug', `${this.provider.name} listens`);
  }
}
