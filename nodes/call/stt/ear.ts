import type { Call } from '../call';
import { flowFields, isPlainFrame, nextMessageId } from '../message';
import type { Timing, UtteranceInfo, VoiceMessage } from '../message';
import { MASKED } from '../privacy';
import type { SttProvider } from './connection';
import type { Place } from './ears';
import { SttListener } from './listener';
import type { ListenerOptions, ListenerState } from './listener';

/** Said where the flow's agent has no apology of its own. */
const APOLOGY = 'Sorry, I cannot hear you at the moment. Please call again later.';
/** Turns whose words are still to come. */
const TURNS_REMEMBERED = 8;
/** Where the flow leads the caller's audio elsewhere, last words are waited for so long, ms: nobody hears them again. */
const LEAVE_MS = 2_500;

/** What an ear needs of its session. */
export interface EarHost<S> extends Pick<ListenerOptions<S>, 'settings' | 'flowing' | 'guard'> {
  readonly call: Call;
  readonly provider: SttProvider<S>;
  send(topic: string, payload: unknown, more: Partial<VoiceMessage>): void;
  fail(error: Error): void;
  state(state: ListenerState): void;
  /** It has said its last word. */
  done(ear: SttEar<S>): void;
}

/** One stretch of listening: what is understood of it becomes messages, in the order of the call's ears. */
export class SttEar<S> {
  /** It takes no more audio. */
  leaving = false;
  private readonly place: Place;
  private readonly listener: SttListener<S>;
  private utterance: { id: string; seq: number } | undefined;
  /** The last, where the flow had put something on it. */
  private lastFrame: VoiceMessage | undefined;
  /** What the flow had put on the audio when the voice ended, for words that come when the caller speaks again. */
  private atEnd: { atMs: number; fields: Record<string, unknown> }[] = [];

  constructor(private readonly host: EarHost<S>) {
    const { call, provider } = host;
    this.place = call.ears.open(
      { leave: () => this.finish(LEAVE_MS), hurry: () => this.listener.hurry(0) },
      call.now(),
    );
    this.listener = new SttListener<S>({
      provider,
      settings: () => host.settings(),
      now: () => call.now(),
      flowing: () => host.flowing(),
      guard: (callback) => host.guard(callback),
      events: {
        speechStarted: (atMs) => this.tell('speech.started', { atMs }),
        speechStopped: (atMs) => this.speechStopped(atMs),
        partial: (text, sinceMs) => this.words('transcript.partial', text, sinceMs),
        eager: (text, endedAtMs, sinceMs) => this.words('transcript.eager', text, sinceMs, endedAtMs),
        resumed: (text, sinceMs) => this.words('transcript.resumed', text, sinceMs),
        final: (text, endedAtMs, sinceMs) => this.words('transcript', text, sinceMs, endedAtMs),
        failed: (error) => host.fail(error),
        // Nobody need know how one is that hears no more.
        state: (state) => {
          if (!this.leaving) host.state(state);
        },
        deaf: () => this.tell('agent.say', call.apology || APOLOGY),
      },
    });
  }

  /** A frame of the caller's audio that arrived at `atMs` of the call's clock. @param now on the same clock */
  hear(audio: Buffer, atMs: number, now: number, msg: VoiceMessage): void {
    if (!isPlainFrame(msg)) this.lastFrame = msg;
    else if (this.lastFrame) this.lastFrame = undefined;
    this.place.heard(now);
    this.listener.hear(audio, atMs, now);
  }

  /** No more audio comes: says its last words, within a second or as long as is given. Safe to call again: then hurries. */
  finish(withinMs?: number): void {
    if (this.leaving) {
      if (withinMs === undefined) this.listener.hurry();
      return;
    }
    this.leaving = true;
    this.place.leaves();
    this.listener.finish(() => this.end(), withinMs);
  }

  /** Gone at once. */
  close(): void {
    this.leaving = true;
    this.listener.close();
    this.place.done();
  }

  private end(): void {
    this.place.done();
    this.host.done(this);
  }

  private tell(topic: string, payload: unknown, more: Partial<VoiceMessage> = {}): void {
    this.place.tell(() => this.host.send(topic, payload, more));
  }

  private speechStopped(atMs: number): void {
    if (this.lastFrame) this.atEnd.push({ atMs, fields: flowFields(this.lastFrame) });
    if (this.atEnd.length > TURNS_REMEMBERED) this.atEnd.shift();
    this.tell('speech.stopped', { atMs });
  }

  /** The flow's own fields, to be carried on to words of a turn that ended at this time. */
  private carried(endedAtMs: number | undefined): Record<string, unknown> {
    const index = this.atEnd.findIndex(({ atMs }) => atMs === endedAtMs);
    const [found] = index < 0 ? [] : this.atEnd.splice(0, index + 1).slice(-1);
    return found?.fields ?? (this.lastFrame ? flowFields(this.lastFrame) : {});
  }

  /**
   * @param sinceMs nothing of it was said before: decides, with its end, whether these words are private
   * @param endedAtMs when the caller stopped speaking; given where these words may be answered
   */
  private words(topic: string, said: string, sinceMs: number, endedAtMs?: number): void {
    const { call } = this.host;
    const text = call.privacy.covers(sinceMs, endedAtMs ?? call.now()) ? MASKED : said;
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
    const timing: Timing = { speechEndedAt: endedAtMs, transcriptAt: call.now() };
    const carried = this.carried(done ? endedAtMs : undefined);
    this.tell(topic, text, { ...carried, utterance, ...(endedAtMs !== undefined && { timing }) });
    if (done) call.noteWords();
  }
}
