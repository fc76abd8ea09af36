import type { Call } from '../call';
import { ProviderError } from '../errors';
import { isSpeakable, readTiming, readWords } from '../message';
import type { UtteranceInfo, VoiceMessage } from '../message';
import { FRAME_BYTES } from '../mulaw';
import type { NodeSlot } from '../node-slot';
import type { PlaybackRecord, PlaybackTopic } from '../playback';
import { Session } from '../session';
import type { Verdict } from '../session';

/** When speech fails, whoever has better words than the last resort opens them within so long, ms. */
const ANYBODY_ELSE_MS = 300;
/** A service that is down stays down: each turn is answered by the carrier's own voice then, but not for ever. */
const MAX_LAST_RESORTS = 30;

/** A carrier's out-node, as deployed. */
export interface OutSettings {
  /** The node's type, for words to the ops person. */
  type: string;
  /** `msg.call.carrier` of the calls that are its own. */
  carrier: string;
  /** The carrier's name, for words to the ops person. */
  company: string;
  lastResort: boolean;
  lastResortText: string;
}

/** What a carrier's out-node keeps for one call. */
export class OutSession extends Session<OutSettings> {
  private readonly told = new Set<string>();
  private echoRest: Buffer | undefined;
  private lastResorts = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(call: Call, slot: NodeSlot<OutSettings>) {
    super(call, slot);
    this.onDispose(call.tapPlayback(this.guard((topic, record) => this.onPlayback(topic, record))));
  }

  receive(msg: VoiceMessage): Verdict {
    if (this.call.carrier.name !== this.settings.carrier) {
      this.once(
        'carrier',
        `this call is of ${this.call.carrier.name}: put the out-node of that carrier at the end of its row.`,
      );
      return 'taken';
    }
    const { topic, payload, utterance } = msg;
    if (topic === 'audio') {
      if (!Buffer.isBuffer(payload)) {
        throw new ProviderError(
          this.settings.type,
          'settings',
          'the payload of an audio message must be a Buffer of mu-law at 8 kHz',
          { advice: '.' },
        );
      }
      if (utterance) this.speech(utterance, payload, msg);
      else this.echo(payload);
    } else if (topic === 'interrupt') this.interrupt(payload);
    else if (topic === 'reply.pause') this.call.playback.pause(utterancesOf(payload));
    else if (topic === 'reply.resume') this.call.playback.resume();
    else if (isSpeakable(msg))
      this.once('text', `text cannot be played: put a text-to-speech node before ${this.settings.type}.`);
    return 'taken';
  }

  protected release(): void {
    clearTimeout(this.timer);
  }

  private speech(utterance: UtteranceInfo, audio: Buffer, { words, timing }: VoiceMessage): void {
    if (utterance.by === 'caller') return this.echo(audio);
    const { metrics, playback } = this.call;
    const { id, seq } = utterance;
    if (seq === 0 && timing && !playback.isDead(id)) metrics.answering(id, readTiming(timing));
    playback.addAudio(utterance, audio, readWords(words), this.slot.id);
  }

  /** The caller's own audio, straight from the in-node: played back, the same bytes, in whole frames. */
  private echo(audio: Buffer): void {
    let bytes = this.echoRest ? Buffer.concat([this.echoRest, audio]) : audio;
    // Carriers may lose the tail of a message that is no multiple of a frame.
    const rest = bytes.length % FRAME_BYTES;
    this.echoRest = rest === 0 ? undefined : bytes.subarray(bytes.length - rest);
    if (rest !== 0) bytes = bytes.subarray(0, bytes.length - rest);
    if (bytes.length > 0) this.call.carrier.play(bytes);
  }

  private interrupt(payload: unknown): void {
    const reason = typeof payload === 'object' && payload !== null && 'reason' in payload ? payload.reason : undefined;
    this.call.playback.interrupt(
      utterancesOf(payload),
      typeof reason === 'string' && reason !== '' ? reason : 'caller',
    );
  }

  /** Speech has failed and nothing took its place: never silence (CALLS, section 4). */
  private onPlayback(topic: PlaybackTopic, record: PlaybackRecord): void {
    if (topic !== 'playback.interrupted' || (record.reason !== 'tts-failed' && record.reason !== 'timeout')) return;
    if (this.call.carrier.name !== this.settings.carrier || this.timer) return;
    this.timer = setTimeout(
      this.guard(() => {
        this.timer = undefined;
        this.lastResort();
      }),
      ANYBODY_ELSE_MS,
    );
  }

  private lastResort(): void {
    const { call, settings } = this;
    if (!settings.lastResort || call.state === 'ended' || call.playback.busy) return;
    if (this.lastResorts++ >= MAX_LAST_RESORTS) return;
    this.log('warn', 'speech.last-resort', { by: settings.company, what: 'speech failed: the carrier speaks' });
    call.noteWords();
    this.run(call.carrier.say(settings.lastResortText));
  }

  /** A mistake in the drawing is told once a call, and not for each message. */
  private once(what: string, words: string): void {
    if (this.told.has(what)) return;
    this.told.add(what);
    throw new ProviderError(this.settings.type, 'settings', words, { advice: '' });
  }
}

function utterancesOf(payload: unknown): string[] | undefined {
  if (typeof payload !== 'object' || payload === null || !('utterances' in payload)) return undefined;
  const { utterances } = payload;
  return Array.isArray(utterances) ? utterances.filter((id): id is string => typeof id === 'string') : undefined;
}
