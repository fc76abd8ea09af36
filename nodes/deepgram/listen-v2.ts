import type { Hearing, TimedWord, Unfinished } from '../call/stt/connection';
import { milliseconds, readWords } from './listen';
import type { Reader, Reading } from './listen';
import { serverError } from './listen-error';

/**
 * Reads v2/listen (Flux): turns, each with a cumulative transcript, and a model that says when one is over
 * (developers.deepgram.com/docs/flux).
 *
 * Flux has no KeepAlive (it would close the socket): audio must always flow. CloseStream alone would lose the turn under
 * way, hence ForceEndTurn before it.
 */
export class FluxReader implements Reader {
  readonly pieceBytes = 640;
  readonly keepAlive = undefined;
  readonly farewell = ['{"type":"ForceEndTurn"}', '{"type":"CloseStream"}'];
  readonly patienceMs = 3_000;
  readonly quietMs = 1_500;

  private open = false;
  private text = '';
  private words: TimedWord[] = [];
  private fromMs = 0;
  private heardMs = 0;

  constructor(private readonly hearing: Hearing) {}

  read(message: Record<string, unknown>): Reading {
    switch (message.type) {
      case 'TurnInfo':
        return this.turn(message);
      case 'Error':
        return serverError(message);
      case 'Connected':
        return 'useful';
      case 'Results':
        // v1's: whatever answers here is not v2.
        return 'wrong';
      default:
        return typeof message.type === 'string' ? 'unknown' : 'wrong';
    }
  }

  unfinished(): Unfinished {
    return { text: '', words: this.words, fromMs: this.fromMs, heardMs: this.heardMs };
  }

  private turn(message: Record<string, unknown>): Reading {
    const { event, transcript } = message;
    if (typeof event !== 'string' || typeof transcript !== 'string') return 'wrong';
    const from = milliseconds(message.audio_window_start) ?? this.fromMs;
    const upTo = milliseconds(message.audio_window_end) ?? this.heardMs;
    this.fromMs = from;
    this.heardMs = Math.max(this.heardMs, upTo);
    this.take(transcript.trim(), message.words, from, upTo);
    const { text } = this;
    const startMs = this.words[0]?.startMs;
    const endMs = this.words[this.words.length - 1]?.endMs;
    switch (event) {
      case 'StartOfTurn':
        this.open = true;
        this.hearing.speech(startMs ?? upTo);
        this.hearing.partial(text, startMs);
        break;
      case 'Update':
        if (this.open) this.hearing.partial(text, startMs);
        // Before a turn begins nothing is understood yet but, perhaps, its first moment.
        else if (text === '') this.hearing.settled(Math.max(0, upTo - 1_000));
        break;
      case 'EagerEndOfTurn':
        this.hearing.eager(text, endMs);
        break;
      case 'TurnResumed':
        this.hearing.resumed(text);
        break;
      case 'EndOfTurn':
        this.open = false;
        this.text = '';
        this.words = [];
        this.fromMs = this.heardMs;
        this.hearing.end(text, endMs);
        this.hearing.settled(this.heardMs);
        break;
      default:
        // An event of later versions.
        break;
    }
    return 'useful';
  }

  /** Some events carry the transcript without its words: the times known so far go on to hold. */
  private take(text: string, words: unknown, fromMs: number, upToMs: number): void {
    const read = readWords(words, fromMs, upToMs);
    if (read.length === 0 && text === this.text && this.words.length > 0) return;
    this.text = text;
    const listed = read.length > 0 ? read : readWords(plainWords(text), fromMs, upToMs);
    // `words` come without punctuation; the transcript has it.
    const spoken = text === '' ? [] : text.split(/\s+/);
    this.words =
      spoken.length === listed.length ? listed.map((word, i) => ({ ...word, text: spoken[i] ?? '' })) : listed;
    if (text === '') this.words = [];
  }
}

function plainWords(text: string): Record<string, unknown>[] {
  return text === '' ? [] : text.split(/\s+/).map((word) => ({ word }));
}
