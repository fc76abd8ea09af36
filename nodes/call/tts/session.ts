import type { Call } from '../call';
import { clips } from './clips';
import type { ProviderError } from '../errors';
import { gone } from '../loop-turns';
import { copyCall, isSpeakable, nextMessageId, readTiming } from '../message';
import type { Timing, UtteranceInfo, VoiceMessage, Word } from '../message';
import type { NodeSlot } from '../node-slot';
import type { PlaybackRecord } from '../playback';
import { Session } from '../session';
import type { Verdict } from '../session';
import { MAX_CHARACTERS } from './relay';
import type { AudioPiece, Relay, SpokenInfo, Stretch, Voice } from './relay';
import { MAX_UTTERANCES } from './relays';

/** From the end of the caller's turn the first audio must be here within so long, ms: what is left of 6 s goes on the way. */
const FIRST_AUDIO_BY_MS = 5_200;
/** But a TTS gets at least and at most so long for it, ms. */
const FIRST_AUDIO_MIN_MS = 1_200;
const FIRST_AUDIO_MAX_MS = 3_000;

/**
 * After so many turns of the event loop audio has come through the nodes behind this one: each takes one, so there may be seven
 * foreign ones before the carrier's. (By the clock it would be lost where the loop is busy for longer.)
 */
const TURNS_IN_FLIGHT = 8;

/** One utterance at the provider. It may span connections and contexts; whoever asked sees one run of audio. */
export interface Synthesis {
  /** One more piece of text, in order; pieces are joined as they are. */
  say(text: string): void;
  /** That was all the text. */
  end(): void;
  /** Gives it up: nothing is reported any more. Safe to call again. */
  cancel(): void;
}

/** What comes of a synthesis. After `done` or `failed` nothing more. */
export interface SynthesisListener {
  /** Raw mu-law 8 kHz of any length, also none; words with or after their audio, ms from the start of the utterance. */
  audio(chunk: Buffer, words: Word[]): void;
  done(): void;
  /** Something went wrong and is being tried again. */
  trouble(err: ProviderError): void;
  /** It is given up. */
  failed(err: ProviderError): void;
}

/** What a provider is asked for. */
export interface SynthesisOrder {
  listener: SynthesisListener;
  /** The first audio must be here within so long, ms from the first text. */
  firstAudioMs: number;
  /** True if the caller will hear silence until this comes: nothing is to be spoken before it. */
  urgent(): boolean;
}

/**
 * What every TTS node does for one call, whoever makes the sound: takes the text off the wire, in order; opens utterances
 * where nobody did; sends their audio; gives up what is interrupted; stands in with a clip where the provider fails.
 */
export abstract class TtsSession<Settings> extends Session<Settings> {
  private readonly voice: Voice = {
    begin: (relay) => this.stretch(relay),
    written: (relay, text, cut) => {
      if (cut)
        this.left('utterance.too-long', relay.info.id, `more than ${MAX_CHARACTERS} characters: the rest is left out`);
      this.call.metrics.spoken(text.length);
      this.call.playback.addText(relay.info.id, text, 'tts');
    },
  };
  private clipAtWork: { key: string; synthesis: Synthesis } | undefined;
  private notice = '';

  constructor(call: Call, slot: NodeSlot<Settings>) {
    super(call, slot);
    this.onDispose(
      call.tapPlayback((topic, record) => {
        if (topic !== 'playback.started') this.call.relays.giveUp(record.id);
      }),
    );
    this.onDispose(
      call.tap(({ topic }) => {
        if (topic === 'call.away') this.rest();
      }),
    );
  }

  /** Starts one utterance at the provider, by the settings as they are now. */
  protected abstract synthesise(order: SynthesisOrder): Synthesis;

  /** The same, but only if that takes nothing from anybody: for a clip. */
  protected abstract synthesiseAside(listener: SynthesisListener): Synthesis | undefined;

  /** What a clip's sound depends on: provider, account, voice and so on, as they are now. */
  protected abstract voiceKey(): string;

  receive(msg: VoiceMessage): Verdict {
    // The agent's goes on to be played; the caller's ends here: from in to out it would be an echo.
    if (msg.topic === 'audio') return msg.utterance ? 'pass' : 'taken';
    if (msg.topic === 'interrupt') this.interrupt(msg.payload);
    if (!isSpeakable(msg)) return 'pass';
    this.speak(msg, msg.payload as string);
    return 'taken';
  }

  override callEnded(): void {
    if (this.call.state === 'ended') this.call.relays.giveUpAll('all');
    else this.call.relays.leave(this.voice);
    this.dropClip();
  }

  /** The caller is with somebody else: nothing is made that nobody would hear. */
  private rest(): void {
    this.call.relays.giveUpAll('all');
    this.dropClip();
  }

  /** With its call, or, where a Deploy removed the node, before. */
  protected release(): void {
    this.callEnded();
  }

  private speak(msg: VoiceMessage, text: string): void {
    const { utterance } = msg;
    if (utterance?.by !== 'agent') {
      if (text.trim() === '') return;
      this.speakWhole({ id: nextMessageId(), kind: 'reply', interruptible: true }, text, msg);
      return;
    }
    const { id, seq, done } = utterance;
    const { relays } = this.call;
    if (relays.isDead(id)) return;
    if (this.call.playback.isDead(id)) return relays.giveUp(id);
    let relay = relays.get(id);
    if (!relay && relays.wasWritten(id)) return this.speakBehind(utterance, text, msg);
    relay ??= this.begin(utterance);
    if (!relay) return;
    this.take(relay, msg);
    const verdict = relay.add(this.voice, { text, seq, done });
    if (verdict === 'after-end') this.speakBehind(utterance, text, msg);
    else if (verdict === 'late') this.left('reply.piece-late', id, 'text that came too late for its place is left out');
  }

  /** Text that the caller will not hear. */
  private left(event: string, utterance: string, what: string): void {
    this.log('warn', event, { utterance, what });
  }

  /** Text of an utterance whose end has passed (a flow that split its last piece): spoken behind it. */
  private speakBehind(utterance: UtteranceInfo, text: string, msg: VoiceMessage): void {
    if (text.trim() === '' || this.call.playback.isDead(utterance.id)) return;
    const { kind, interruptible } = utterance;
    this.speakWhole({ id: nextMessageId(), kind, interruptible }, text, msg);
  }

  private speakWhole(info: SpokenInfo, text: string, msg: VoiceMessage): void {
    const relay = this.begin(info);
    if (!relay) return;
    this.take(relay, msg);
    relay.add(this.voice, { text, seq: 0, done: true });
  }

  /** What is known of the times of a turn: first told, first believed. */
  private take({ timing }: Relay, msg: VoiceMessage): void {
    Object.assign(timing, { ...readTiming(msg.timing), ...timing });
  }

  private begin({ id, kind, interruptible }: SpokenInfo): Relay | undefined {
    const { relays, playback } = this.call;
    if (relays.full) {
      this.left('utterance.left-out', id, `more than ${MAX_UTTERANCES} utterances wait: this text is left out`);
      return undefined;
    }
    const info = { id, kind, interruptible };
    return playback.openUtterance(info, this.slot.id) ? relays.begin(info) : undefined;
  }

  /** What this node speaks of an utterance, in one go. */
  private stretch(relay: Relay): Stretch {
    const { playback } = this.call;
    const causes = new Set<string>();
    let synthesis: Synthesis | undefined;
    const spoken = (): Synthesis =>
      (synthesis ??= this.synthesise({
        listener: this.listener(relay, stretch, causes),
        firstAudioMs: this.firstAudioMs(relay.timing),
        urgent: () => {
          const head = playback.open[0];
          return relay.isNext(stretch) && (!head || head.id === relay.info.id);
        },
      }));
    const stretch: Stretch = {
      say: (text) => spoken().say(text),
      end: () => spoken().end(),
      send: (piece) => this.sendAudio(relay, piece),
      cancel: () => synthesis?.cancel(),
    };
    return stretch;
  }

  private firstAudioMs(timing: Timing): number {
    if (timing.speechEndedAt === undefined) return FIRST_AUDIO_MAX_MS;
    const left = timing.speechEndedAt + FIRST_AUDIO_BY_MS - this.call.now();
    return Math.min(FIRST_AUDIO_MAX_MS, Math.max(FIRST_AUDIO_MIN_MS, left));
  }

  private listener(relay: Relay, stretch: Stretch, causes: Set<string>): SynthesisListener {
    const { id } = relay.info;
    return {
      audio: (chunk, words) => this.pass(relay, stretch, chunk, words),
      done: this.guard(() => {
        if (!relay.awaits(stretch)) return;
        relay.done(stretch);
        this.log('debug', 'tts.done', { utterance: id });
        this.show({ fill: 'green', shape: 'dot', text: 'common.status.live' });
        if (relay.timing.firstAudioAt !== undefined) this.makeClip();
      }),
      trouble: this.guard((err) => this.report(causes, err, false)),
      failed: this.guard((err) => {
        relay.failed(stretch, () => {
          this.call.relays.giveUp(id);
          this.whenArrived(relay, () => this.standIn(id));
          this.report(causes, err, true);
        });
      }),
    };
  }

  /** Audio has been made. Guarded by hand: some forty of these a second and call. */
  private pass(relay: Relay, stretch: Stretch, chunk: Buffer, words: Word[]): void {
    if (this.disposed) return;
    const { id } = relay.info;
    try {
      if (this.call.playback.isDead(id)) this.call.relays.giveUp(id);
      else relay.audio(stretch, chunk, words);
    } catch (err) {
      this.fail(err);
    }
  }

  private sendAudio({ info, timing }: Relay, { seq, chunk, words, done }: AudioPiece): void {
    if (chunk.length > 0) timing.firstAudioAt ??= this.call.now();
    const { id, kind, interruptible } = info;
    const utterance: UtteranceInfo = { id, by: 'agent', kind, seq, done, interruptible };
    // By hand and not by `sendNew`: some forty of these a second and call.
    const msg: VoiceMessage = {
      _msgid: nextMessageId(),
      topic: 'audio',
      payload: chunk,
      call: copyCall(this.call.info),
      utterance,
      timing: { ...timing },
    };
    if (words.length > 0) msg.words = words;
    this.send(0, msg);
  }

  /** Each cause once per stretch, and always the one that ended it. */
  private report(causes: Set<string>, err: ProviderError, final: boolean): void {
    this.show(
      final
        ? { fill: 'red', shape: 'ring', text: 'common.status.failed' }
        : { fill: 'yellow', shape: 'ring', text: 'common.status.degraded' },
    );
    if (!final) {
      this.call.metrics.retry();
      this.log('warn', 'tts.retry', { provider: err.provider, cause: err.cause, code: err.code, what: 'speech is asked for once more' }); // prettier-ignore
    }
    if (causes.has(err.cause) && !final) return;
    causes.add(err.cause);
    this.fail(err);
  }

  /** What was sent a moment ago is to be heard yet: the utterance is closed when it has had time to be played. */
  private whenArrived(relay: Relay, then: () => void): void {
    if (!relay.sent) return then();
    this.run(gone(TURNS_IN_FLIGHT).then(this.guard(then)));
  }

  /** The caller hears the apology in the agent's voice, if there is a clip of it; then the broken utterance is closed. */
  private standIn(id: string): void {
    const { playback, apology } = this.call;
    const clip = apology === '' ? undefined : clips.get(this.clipKey());
    const record: PlaybackRecord | undefined = playback.record(this.notice);
    if (clip && !playback.isDead(id) && record?.state !== 'open') {
      const info = { id: nextMessageId(), kind: 'notice', interruptible: true } as const;
      if (playback.openUtterance(info, this.slot.id)) {
        this.notice = info.id;
        playback.addText(info.id, apology, 'tts');
        // A copy: what a flow does to it must not be heard in the next call.
        this.sendNew('audio', Buffer.from(clip.audio), {
          utterance: { ...info, by: 'agent', seq: 0, done: true },
          words: clip.words.map((word) => ({ ...word })),
        });
      }
    }
    playback.fail(id, 'tts-failed');
  }

  private clipKey(): string {
    return `${this.voiceKey()}\n${this.call.apology}`;
  }

  /** After a success: has the apology spoken once, for the day when nothing can be spoken. */
  private makeClip(): void {
    const text = this.call.apology;
    if (text.trim() === '' || this.clipAtWork || this.call.state === 'ended') return;
    const key = this.clipKey();
    if (!clips.begin(key)) {
      const known = clips.get(key);
      if (known) this.call.carrier.farSide?.apology(key, known);
      return;
    }
    const chunks: Buffer[] = [];
    const words: Word[] = [];
    const synthesis = this.synthesiseAside({
      audio: (chunk, its) => {
        chunks.push(chunk);
        words.push(...its);
      },
      done: () => {
        this.clipAtWork = undefined;
        const clip = { audio: Buffer.concat(chunks), words };
        clips.keep(key, clip);
        this.call.carrier.farSide?.apology(key, clip);
      },
      trouble: () => this.dropClip(),
      failed: () => this.dropClip(),
    });
    if (!synthesis) {
      clips.giveUp(key);
      return;
    }
    this.clipAtWork = { key, synthesis };
    synthesis.say(text);
    synthesis.end();
  }

  private dropClip(): void {
    if (!this.clipAtWork) return;
    clips.giveUp(this.clipAtWork.key);
    this.clipAtWork.synthesis.cancel();
    this.clipAtWork = undefined;
  }

  /** Forgiving: what names nothing means all that may be interrupted. */
  private interrupt(payload: unknown): void {
    const { relays } = this.call;
    const named =
      typeof payload === 'object' && payload !== null ? (payload as { utterances?: unknown }).utterances : undefined;
    if (!Array.isArray(named)) return relays.giveUpAll('interruptible');
    for (const id of named as unknown[]) if (typeof id === 'string') relays.giveUp(id);
  }
}
