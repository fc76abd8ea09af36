import { isRecord, join } from '../call/stt/connection';
import type { Hearing, TimedWord, Unfinished } from '../call/stt/connection';
import { milliseconds, readWords } from './listen';
import type { ListenSettings, Reader, Reading } from './listen';
import { serverError } from './listen-error';

/**
 * Reads v1/listen (Nova): segments that become final one by one, and flags that say when the caller has paused
 * (developers.deepgram.com/docs/understand-endpointing-interim-results).
 *
 * An utterance is all `is_final` segments up to `speech_final`, or up to UtteranceEnd where noise keeps that from
 * coming.
 */
export class NovaReader implements Reader {
  readonly pieceBytes = 160;
  readonly keepAlive = '{"type":"KeepAlive"}';
  readonly farewell = ['{"type":"CloseStream"}'];
  readonly patienceMs: number;
  readonly quietMs: number;

  private segments: string[] = [];
  private interim: TimedWord[] = [];
  private interimText = '';
  private startMs: number | undefined;
  private endMs: number | undefined;
  private settledMs = 0;
  private heardMs = 0;
  /** UtteranceEnd came before its last segment was final. */
  private overdue = false;

  constructor(
    settings: Pick<ListenSettings, 'endpointingMs' | 'utteranceEndMs'>,
    private readonly hearing: Hearing,
  ) {
    const pauseMs = Math.min(settings.endpointingMs ?? Infinity, settings.utteranceEndMs ?? Infinity, 3_000);
    this.patienceMs = pauseMs + 2_500;
    this.quietMs = Math.max(pauseMs, 600);
  }

  read(message: Record<string, unknown>): Reading {
    switch (message.type) {
      case 'Results':
        return this.results(message);
      case 'SpeechStarted': {
        const at = milliseconds(message.timestamp);
        if (at === undefined) return 'wrong';
        this.hearing.speech(at);
        return 'useful';
      }
      case 'UtteranceEnd':
        this.utteranceEnd(milliseconds(message.last_word_end));
        return 'useful';
      case 'Error':
        return serverError(message);
      case 'Metadata':
        return 'useful';
      case 'TurnInfo':
        // v2's: whatever answers here is not v1.
        return 'wrong';
      default:
        return typeof message.type === 'string' ? 'unknown' : 'wrong';
    }
  }

  unfinished(): Unfinished {
    const { settledMs: fromMs, heardMs } = this;
    return { text: join(...this.segments), words: this.interim, fromMs, heardMs };
  }

  private results(message: Record<string, unknown>): Reading {
    const start = milliseconds(message.start);
    const duration = milliseconds(message.duration);
    const alternatives = isRecord(message.channel) ? message.channel.alternatives : undefined;
    const best: unknown = Array.isArray(alternatives) ? alternatives[0] : undefined;
    if (start === undefined || duration === undefined || !isRecord(best) || typeof best.transcript !== 'string') {
      return 'wrong';
    }
    const text = best.transcript.trim();
    const words = text === '' ? [] : readWords(best.words, start, start + duration);
    this.startMs ??= words[0]?.startMs;
    this.endMs = words[words.length - 1]?.endMs ?? this.endMs;
    this.heardMs = Math.max(this.heardMs, start + duration);
    const speechFinal = message.speech_final === true;
    if (message.is_final === true || speechFinal) this.final(text, start + duration, speechFinal);
    else this.provisional(text, words);
    return 'useful';
  }

  private provisional(text: string, words: TimedWord[]): void {
    this.interimText = text;
    this.interim = words;
    if (text !== '') this.hearing.partial(join(...this.segments, text), this.startMs);
  }

  private final(text: string, upToMs: number, speechFinal: boolean): void {
    this.interim = [];
    this.interimText = '';
    this.settledMs = Math.max(this.settledMs, upToMs);
    if (text !== '') this.segments.push(text);
    if (speechFinal || (this.overdue && this.segments.length > 0)) this.end();
    else if (text !== '') this.hearing.partial(join(...this.segments), this.startMs);
    this.hearing.settled(this.settledMs);
  }

  private utteranceEnd(lastWordEndMs: number | undefined): void {
    this.endMs ??= lastWordEndMs;
    if (this.interimText === '') this.end();
    // What is provisional now becomes final in a moment; taken now as well, it would be there twice.
    else this.overdue = true;
  }

  private end(): void {
    const text = join(...this.segments);
    const endMs = this.endMs;
    this.segments = [];
    this.startMs = undefined;
    this.endMs = undefined;
    this.overdue = false;
    this.hearing.end(text, endMs);
  }
}
