import type { Call } from './call';
import { clips } from './clips';
import type { ProviderError } from './errors';
import { isSpeakable, nextMessageId, readTiming } from './message';
import type { Timing, UtteranceInfo, VoiceMessage, Word } from './message';
import type { NodeSlot } from './node-slot';
import type { PlaybackRecord } from './playback';
import { RecentKeys } from './recent';
import { Session } from './session';
import type { Verdict } from './session';
import { PieceOrder } from './tts-order';

/** From the end of the caller's turn the first audio must be here within so long, ms: what is left of 6 s goes on the way. */
const FIRST_AUDIO_BY_MS = 5_200;
/** But a TTS gets at least and at most so long for it, ms. */
const FIRST_AUDIO_MIN_MS = 1_200;
const FIRST_AUDIO_MAX_MS = 3_000;
/** How many utterances of a call are synthesised or wait for their text at once; beyond, new text is refused. */
const MAX_UTTERANCES = 64;
/** The longest text of one utterance, characters: half an hour. Beyond, the rest is left out. */
const MAX_CHARACTERS = 30_000;
const IDS_REMEMBERED = 256;

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

/** One utterance from its first piece of text to its last piece of audio. */
interface Speech {
  id: string;
  kind: UtteranceInfo['kind'];
  interruptible: boolean;
  order: PieceOrder;
  synthesis: Synthesis | undefined;
  timing: Timing;
  characters: number;
  /** How the text so far ends. */
  end: string;
  /** Counts the pieces of audio. */
  seq: number;
  causes: Set<string>;
}

/**
 * What every TTS node does for one call, whoever makes the sound: takes the text off the wire, in order; opens utterances
 * where nobody did; sends their audio; gives up what is interrupted; stands in with a clip where the provider fails.
 */
export abstract class TtsSession<Settings> extends Session<Settings> {
  private readonly speeches = new Map<string, Speech>();
  /** Utterances that were given up, or whose text had ended. */
  private readonly dead = new RecentKeys(IDS_REMEMBERED);
  private readonly written = new RecentKeys(IDS_REMEMBERED);
  private clipAtWork: { key: string; synthesis: Synthesis } | undefined;
  private notice = '';

  constructor(call: Call, slot: NodeSlot<Settings>) {
    super(call, slot);
    this.onDispose(
      call.tapPlayback((topic, record) => {
        if (topic === 'playback.interrupted') this.giveUp(record.id);
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
    for (const id of [...this.speeches.keys()]) this.giveUp(id);
    this.dropClip();
  }

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
    if (this.dead.has(id)) return;
    if (this.written.has(id) && !this.speeches.has(id)) {
      this.speakBehind(utterance, text, msg);
      return;
    }
    const speech = this.speeches.get(id) ?? this.begin(utterance);
    if (!speech) return;
    speech.timing = { ...readTiming(msg.timing), ...speech.timing };
    const verdict = speech.order.add({ text, seq, done });
    if (verdict === 'after-end') this.speakBehind(utterance, text, msg);
    else if (verdict === 'late') this.log('warn', 'A piece of text came too late for its place and was left out.');
  }

  /** Text of an utterance whose end has passed (a flow that split its last piece): spoken behind it. */
  private speakBehind(utterance: UtteranceInfo, text: string, msg: VoiceMessage): void {
    if (text.trim() === '' || this.call.playback.isDead(utterance.id)) return;
    const { kind, interruptible } = utterance;
    this.speakWhole({ id: nextMessageId(), kind, interruptible }, text, msg);
  }

  private speakWhole(
    info: Pick<UtteranceInfo, 'id' | 'kind' | 'interruptible'>,
    text: string,
    msg: VoiceMessage,
  ): void {
    const speech = this.begin(info);
    if (!speech) return;
    speech.timing = readTiming(msg.timing);
    speech.order.add({ text, seq: 0, done: true });
  }

  private begin(info: Pick<UtteranceInfo, 'id' | 'kind' | 'interruptible'>): Speech | undefined {
    const { id, kind, interruptible } = info;
    if (this.speeches.size >= MAX_UTTERANCES) {
      this.log('warn', `More than ${MAX_UTTERANCES} utterances wait to be spoken: text was left out.`);
      return undefined;
    }
    if (!this.call.playback.openUtterance(info, this.slot.id)) return undefined;
    const speech: Speech = {
      id,
      kind,
      interruptible,
      order: new PieceOrder((text, done) => this.give(speech, text, done)),
      synthesis: undefined,
      timing: {},
      characters: 0,
      end: '',
      seq: 0,
      causes: new Set(),
    };
    this.speeches.set(id, speech);
    return speech;
  }

  /** The next piece of an utterance, in order. */
  private give(speech: Speech, piece: string, done: boolean): void {
    const { id } = speech;
    if (this.call.playback.isDead(id)) {
      this.giveUp(id);
      return;
    }
    const joined = needsSpace(speech.end, piece) ? ` ${piece}` : piece;
    const text = joined.slice(0, Math.max(0, MAX_CHARACTERS - speech.characters));
    if (text.length < joined.length) this.log('warn', `An utterance was cut at ${MAX_CHARACTERS} characters.`);
    speech.characters += text.length;
    if (text !== '') speech.end = text.slice(-4);
    if (done) this.written.add(id);
    this.call.playback.addText(id, text, 'tts');
    speech.synthesis ??= this.synthesise({
      listener: this.listener(speech),
      firstAudioMs: this.firstAudioMs(speech.timing),
      urgent: () => {
        const head = this.call.playback.open[0];
        return !head || head.id === id;
      },
    });
    if (text !== '') speech.synthesis.say(text);
    // Saying may have failed, and the utterance be gone.
    if (done && this.speeches.get(id) === speech) speech.synthesis.end();
  }

  private firstAudioMs(timing: Timing): number {
    if (timing.speechEndedAt === undefined) return FIRST_AUDIO_MAX_MS;
    const left = timing.speechEndedAt + FIRST_AUDIO_BY_MS - this.call.now();
    return Math.min(FIRST_AUDIO_MAX_MS, Math.max(FIRST_AUDIO_MIN_MS, left));
  }

  private listener(speech: Speech): SynthesisListener {
    return {
      audio: this.guard((chunk, words) => {
        if (this.speeches.get(speech.id) !== speech) return;
        if (this.call.playback.isDead(speech.id)) this.giveUp(speech.id);
        else this.sendAudio(speech, chunk, words, false);
      }),
      done: this.guard(() => {
        if (!this.drop(speech)) return;
        this.sendAudio(speech, Buffer.alloc(0), [], true);
        this.show({ fill: 'green', shape: 'dot', text: 'common.status.live' });
        if (speech.timing.firstAudioAt !== undefined) this.makeClip();
      }),
      trouble: this.guard((err) => this.report(speech, err, false)),
      failed: this.guard((err) => {
        if (!this.drop(speech)) return;
        this.dead.add(speech.id);
        this.standIn(speech.id);
        this.report(speech, err, true);
      }),
    };
  }

  private sendAudio(speech: Speech, chunk: Buffer, words: Word[], done: boolean): void {
    const { id, kind, interruptible, timing } = speech;
    if (chunk.length > 0) timing.firstAudioAt ??= this.call.now();
    const utterance: UtteranceInfo = { id, by: 'agent', kind, seq: speech.seq++, done, interruptible };
    const more: Partial<VoiceMessage> = { utterance, timing: { ...timing } };
    if (words.length > 0) more.words = words;
    this.sendNew('audio', chunk, more);
  }

  /** Each cause once per utterance, and always the one that ended it. */
  private report(speech: Speech, err: ProviderError, final: boolean): void {
    this.show(
      final
        ? { fill: 'red', shape: 'ring', text: 'common.status.failed' }
        : { fill: 'yellow', shape: 'ring', text: 'common.status.degraded' },
    );
    if (speech.causes.has(err.cause) && !final) return;
    speech.causes.add(err.cause);
    this.fail(err);
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
    if (!clips.begin(key)) return;
    const chunks: Buffer[] = [];
    const words: Word[] = [];
    const synthesis = this.synthesiseAside({
      audio: (chunk, its) => {
        chunks.push(chunk);
        words.push(...its);
      },
      done: () => {
        this.clipAtWork = undefined;
        clips.keep(key, { audio: Buffer.concat(chunks), words });
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
    const named =
      typeof payload === 'object' && payload !== null ? (payload as { utterances?: unknown }).utterances : undefined;
    if (Array.isArray(named)) {
      for (const id of named as unknown[]) {
        if (typeof id !== 'string') continue;
        this.dead.add(id);
        this.giveUp(id);
      }
      return;
    }
    for (const speech of [...this.speeches.values()]) if (speech.interruptible) this.giveUp(speech.id);
  }

  private giveUp(id: string): void {
    const speech = this.speeches.get(id);
    if (!speech) return;
    this.dead.add(id);
    this.drop(speech);
    speech.synthesis?.cancel();
  }

  /** @returns false if it was gone already */
  private drop(speech: Speech): boolean {
    if (this.speeches.get(speech.id) !== speech) return false;
    this.speeches.delete(speech.id);
    speech.order.dispose();
    return true;
  }
}

/** Sentences that lost the space between them on their way: a translator answers without it. */
function needsSpace(before: string, after: string): boolean {
  return /\p{Ll}[.!?…]["')\]]?$/u.test(before) && /^["'(]?\p{Lu}/u.test(after);
}
