/** /v2/listen (Flux): turns (contracts/deepgram.md 2). */
import { isObject } from '../loopback';
import { InvalidParameter, checkedHints, checkedKeyterms, checkedThresholds, type FluxSettings } from './parameters';
import { ListenStream, confidence, seconds, type StreamContext } from './stream';

/** How turns are paced, in ms of audio. */
export interface FluxPace {
  /** Between Updates. */
  updateMs: number;
  /** Silence after the last word at which the model is sure, at the default eot_threshold of 0.7. */
  eotSilenceMs: number;
  /** Turns whose transcript this matches end by eot_timeout_ms only: the model is never sure of them. */
  unsure: RegExp | undefined;
}

/** The threshold for which `eotSilenceMs` is meant; a higher one waits longer. */
const USUAL_THRESHOLD = 0.7;

export class FluxStream extends ListenStream {
  private sequence = 0;
  private turn = 0;
  private turnStartMs = 0;
  private firstWord = 0;
  private wordsTold = 0;
  private started = false;
  /** The transcript of a pending EagerEndOfTurn. */
  private eager: string | undefined;
  private updateTick = 0;

  constructor(
    context: StreamContext,
    private settings: FluxSettings,
    private readonly pace: FluxPace,
  ) {
    super(context);
    this.send({ type: 'Connected', request_id: this.connection.requestId, sequence_id: this.sequence++ });
  }

  protected heard(): void {
    const count = this.decoder.words.length;
    if (count > this.firstWord && !this.started) {
      this.started = true;
      this.tell('StartOfTurn');
    } else if (this.eager !== undefined && count > this.wordsTold) {
      this.eager = undefined;
      this.tell('TurnResumed');
    } else if (!this.started || !this.endTurnBySilence()) {
      this.update();
    }
  }

  /** Silence means no words: Flux hears a cough, and does not take it for speech. */
  private endTurnBySilence(): boolean {
    const silentMs = this.clockMs - this.lastWordEndMs;
    const { eotThreshold, eagerEotThreshold, eotTimeoutMs } = this.settings;
    const sure = this.pace.unsure?.test(this.transcript) !== true;
    if (sure && eotThreshold < 1 && silentMs >= this.silenceFor(eotThreshold)) {
      this.endTurn('model');
      return true;
    }
    if (silentMs >= eotTimeoutMs) {
      this.endTurn('timeout');
      return true;
    }
    if (
      sure &&
      this.eager === undefined &&
      eagerEotThreshold !== undefined &&
      silentMs >= this.silenceFor(eagerEotThreshold)
    ) {
      this.eager = this.transcript;
      this.tell('EagerEndOfTurn');
      return true;
    }
    return false;
  }

  private silenceFor(threshold: number): number {
    return (this.pace.eotSilenceMs * threshold) / USUAL_THRESHOLD;
  }

  private update(): void {
    const tick = Math.floor(this.clockMs / this.pace.updateMs);
    if (tick === this.updateTick) return;
    this.updateTick = tick;
    this.tell('Update');
  }

  private endTurn(trigger: 'model' | 'manual' | 'timeout'): void {
    this.connection.transcripts.push(this.transcript);
    this.tell('EndOfTurn', { trigger });
    this.turn += 1;
    this.turnStartMs = this.clockMs;
    this.firstWord = this.decoder.words.length;
    this.started = false;
    this.eager = undefined;
  }

  private get transcript(): string {
    return this.wordsFrom(this.firstWord)
      .map((word) => word.text)
      .join(' ');
  }

  private tell(event: string, extra: Record<string, unknown> = {}): void {
    const words = this.wordsFrom(this.firstWord);
    this.wordsTold = this.decoder.words.length;
    const silentMs = words.length === 0 ? 0 : Math.max(0, this.clockMs - this.lastWordEndMs);
    const sureness = Math.min(0.99, (silentMs / this.pace.eotSilenceMs) * USUAL_THRESHOLD);
    this.send({
      type: 'TurnInfo',
      request_id: this.connection.requestId,
      sequence_id: this.sequence++,
      event,
      turn_index: this.turn,
      audio_window_start: seconds(this.turnStartMs),
      audio_window_end: seconds(this.clockMs),
      transcript: words.map((word) => word.text).join(' '),
      words: words.map(({ text, startMs, endMs }) => ({
        word: text,
        confidence: confidence(text),
        start: seconds(startMs),
        end: seconds(endMs),
      })),
      end_of_turn_confidence: Math.round(sureness * 100) / 100,
      ...(this.settings.model.endsWith('-multi')
        ? { languages: ['en'], languages_hinted: this.settings.languageHints }
        : {}),
      ...extra,
    });
  }

  protected command(message: Record<string, unknown>, text: string): void {
    this.touch();
    switch (message['type']) {
      case 'Configure':
        return this.configure(message);
      case 'ForceEndTurn':
        if (this.started) return this.endTurn('manual');
        return this.send({
          type: 'Warning',
          code: 'FORCE_END_TURN_NO_ACTIVE_TURN',
          description: 'No turn was active; the request had no effect.',
        });
      case 'CloseStream':
        return this.audioEnded();
      default:
        // KeepAlive belongs here too: v2 has none.
        return this.unparsable(text);
    }
  }

  /** All or nothing. */
  private configure(message: Record<string, unknown>): void {
    try {
      this.settings = configured(this.settings, message);
    } catch (error) {
      if (!(error instanceof InvalidParameter)) throw error;
      this.send({
        type: 'ConfigureFailure',
        request_id: this.connection.requestId,
        sequence_id: this.sequence++,
        code: 'INVALID_CONFIGURATION',
        description: error.message,
      });
      return;
    }
    const { eotThreshold, eagerEotThreshold, eotTimeoutMs, keyterms } = this.settings;
    this.send({
      type: 'ConfigureSuccess',
      request_id: this.connection.requestId,
      thresholds: {
        eot_threshold: eotThreshold,
        ...(eagerEotThreshold === undefined ? {} : { eager_eot_threshold: eagerEotThreshold }),
        eot_timeout_ms: eotTimeoutMs,
      },
      keyterms,
      sequence_id: this.sequence++,
    });
  }

  protected unparsable(text: string): void {
    this.fail('UNPARSABLE_CLIENT_MESSAGE', `Could not read the message ${text.slice(0, 60)}`);
  }

  /** No EndOfTurn: what was said last stands in an Update only. */
  protected audioEnded(): void {
    if (this.started) this.tell('Update');
    this.finish();
  }

  protected idle(): void {
    this.fail('NET-0001', 'No audio or message was received within the timeout window.');
  }

  /** A WebSocket ping counts as a sign of life here. */
  pinged(): void {
    this.touch();
  }
}

function configured(settings: FluxSettings, message: Record<string, unknown>): FluxSettings {
  const { type: _type, thresholds, keyterms, language_hints: hints, numerals, ...rest } = message;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new InvalidParameter(`${unknown} cannot be configured`);
  if (numerals !== undefined && typeof numerals !== 'boolean') throw new InvalidParameter('numerals must be a boolean');
  return {
    ...settings,
    ...(thresholds === undefined ? {} : checkedThresholds(readThresholds(settings, thresholds))),
    ...(keyterms === undefined ? {} : { keyterms: checkedKeyterms(strings('keyterms', keyterms)) }),
    ...(hints === undefined ? {} : { languageHints: checkedHints(strings('language_hints', hints), settings.model) }),
  };
}

function readThresholds(settings: FluxSettings, thresholds: unknown): FluxSettings {
  if (!isObject(thresholds)) throw new InvalidParameter('thresholds must be an object');
  const changed: Record<string, number> = {};
  const names: Record<string, string> = {
    eot_threshold: 'eotThreshold',
    eager_eot_threshold: 'eagerEotThreshold',
    eot_timeout_ms: 'eotTimeoutMs',
  };
  for (const [name, value] of Object.entries(thresholds)) {
    const field = names[name];
    if (field === undefined) throw new InvalidParameter(`${name} is no threshold`);
    if (typeof value !== 'number') throw new InvalidParameter(`${name} must be a number`);
    changed[field] = value;
  }
  return { ...settings, ...changed };
}

function strings(name: string, value: unknown): string[] {
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value;
  throw new InvalidParameter(`${name} must be a list of strings`);
}
