import { asError, ProviderError } from '../errors';
import type { Cause } from '../errors';
import type { Word } from '../message';
import { BYTES_PER_MS } from '../mulaw';
import type { Place, SharedPlaces } from './shared-places';
import { hasSound, SpokenText } from './spoken-text';
import type { ContextListener, ContextSocket, SpeechContext } from './contexts';
import type { Synthesis, SynthesisListener } from './session';

/** A provider's time limits, and how long it is put up with. Times in ms; a test may shorten them. */
export interface Patience {
  /** No audio and no end for so long after text was sent: the connection counts as lost, the second time as failed. */
  stallMs: number;
  /** A context that waits for text is left so long after its last audio: the provider ends it then, or should not keep it. */
  expiryMs: number;
  /** Text that comes so long after the last audio may find the context expired when it arrives there. */
  doubtfulMs: number;
  /** A context that waits for text gives its place back so long after its last audio: where only those that speak count. */
  restMs: number;
  /** The first wait before another try; doubles each time. */
  backoffMs: number;
}

/** How often an utterance looks at the clock while it waits for something. */
const TICK_MS = 100;
/** After so many failures an utterance is given up, however much of it came in between. */
const MAX_TROUBLES = 6;
/** Words whose audio came before them ride with the next audio; if none comes, alone after so long. */
const WORDS_WAIT_MS = 100;
/** Text that is not followed by more for so long is complete enough to be spoken. */
const SETTLE_MS = 100;
/** A connection is not given up before its first audio sooner than this. */
const HASTE_MS = 700;
/** An utterance that is not the next to be heard may wait longer for a place, and so long after it has become so. */
const NO_HURRY_MS = 1_200;

/** ms, whole: such a number stands in the object itself, and is looked at with each chunk of audio. */
const clock = (): number => Math.round(performance.now());

/** A call's share in the provider's sockets (socket-pool.ts). */
export interface Line<Voice> {
  /** A socket on which a context can be opened. @throws ProviderError; or what Node.js says of a URL that cannot be */
  connect(): Promise<ContextSocket<Voice>>;
  retain(): unknown;
  release(): void;
}

/** What an utterance is spoken with. */
export interface SynthesisSettings<Voice> {
  provider: string;
  lease: Line<Voice>;
  voice: Voice;
  /** How fast the voice speaks; 1, the default, is ordinary. */
  pace?: number;
  places: SharedPlaces;
  /** How many contexts the account's plan allows at once. */
  concurrency: number;
  firstAudioMs: number;
  urgent(): boolean;
  /** A place that is held already. */
  place?: Place;
  patience: Patience;
}

/**
 * One utterance at a provider that speaks in contexts: one, or several one after another where text comes late and contexts
 * expire, where the connection is lost, or where the plan is at its limit. Offsets add up.
 */
export class ContextSynthesis<Voice> implements Synthesis {
  /** All text so far, and how far the present context has been given it. */
  private text = '';
  private given = 0;
  private ended = false;
  private over = false;

  private context: SpeechContext | undefined;
  private finalGiven = false;
  private opening = false;
  private place: Place | undefined;
  /** Callbacks of what was given up are told by their number. */
  private attempt = 0;

  private received = 0;
  private contextStart = 0;
  private spoken: SpokenText;
  private words: Word[] = [];
  private wordsSince = 0;

  /** By when the first audio must be here; after a loss in the middle, by when there must be more. */
  private firstBy = Infinity;
  private recoverBy: number | undefined;
  private progressAt = 0;
  private audioAt = 0;
  private textAt = 0;
  private stalls = 0;
  private troubles = 0;
  private refusedAgain = false;
  private lastTrouble: ProviderError | undefined;
  private ticker: NodeJS.Timeout | undefined;
  private retry: NodeJS.Timeout | undefined;
  private readonly patience: Patience;

  constructor(
    private readonly settings: SynthesisSettings<Voice>,
    private readonly listener: SynthesisListener,
  ) {
    settings.lease.retain();
    this.place = settings.place;
    this.patience = settings.patience;
    this.spoken = new SpokenText(0, settings.pace);
  }

  say(text: string): void {
    if (this.over || this.ended) return;
    this.text += text;
    this.advance();
  }

  end(): void {
    if (this.over || this.ended) return;
    this.ended = true;
    this.advance();
  }

  cancel(): void {
    if (this.over) return;
    const { context, place } = this;
    context?.cancel();
    if (place && context?.whenFreed) {
      this.place = undefined;
      context.whenFreed(() => place.release());
    }
    this.finish();
  }

  // What the context reports.

  private onAudio(chunk: Buffer): void {
    const now = clock();
    this.progressAt = now;
    if (chunk.length === 0) return;
    this.audioAt = now;
    this.recoverBy = undefined;
    this.received += chunk.length;
    this.listener.audio(chunk, this.takeWords());
  }

  /** Times of a context; those of the utterance have the audio before it added. */
  private onWords(words: readonly Word[]): void {
    const baseMs = Math.round(this.contextStart / BYTES_PER_MS);
    if (this.words.length === 0) this.wordsSince = clock();
    for (const { text, startMs, endMs } of words) {
      this.words.push({ text, startMs: startMs + baseMs, endMs: endMs + baseMs });
    }
  }

  private onDone(): void {
    this.context = undefined;
    if (!this.finalGiven) {
      // It expired, or the server thought that this was all.
      this.leaveContext(false);
      this.advance();
      return;
    }
    if (this.received === 0 && hasSound(this.text)) {
      this.onTrouble(this.error('protocol', 'said it was done without any audio'));
      return;
    }
    this.succeed();
  }

  // What is to be done next.

  /** Gives the provider what there is to give. */
  private advance(): void {
    if (this.over || this.opening || this.retry) return;
    if (this.context && (this.ended || this.given < this.text.length) && this.isDoubtful()) this.leaveContext(true);
    if (this.over) return;
    const more = this.text.slice(this.given);
    if (this.context) {
      if (this.finalGiven) return;
      if (more.trim() !== '' && !this.place) this.takePlaceAgain();
      else if (this.ended || more.trim() !== '') this.give(this.context, more);
    } else if (more.trim() !== '') {
      this.open();
    } else if (this.ended) {
      this.succeed();
    }
  }

  private give(context: SpeechContext, text: string): void {
    const now = clock();
    // Waiting begins with the first text that is not answered yet.
    if (!this.isWaiting()) this.progressAt = now;
    this.textAt = now;
    this.given = this.text.length;
    this.finalGiven = this.ended;
    context.say(text, !this.ended);
    this.watch();
  }

  /** A place, a socket, a context, in this order. */
  private open(): void {
    const now = clock();
    if (this.firstBy === Infinity) this.firstBy = now + this.settings.firstAudioMs;
    this.progressAt = now;
    this.opening = true;
    const attempt = ++this.attempt;
    this.watch();
    const connect = (): void => {
      this.settings.lease.connect().then(
        (socket) => {
          if (attempt !== this.attempt) return;
          this.opening = false;
          this.progressAt = clock();
          if (!socket.usable) return this.open();
          this.context = socket.open(this.settings.voice, this.listen(attempt));
          this.advance();
        },
        (err: unknown) => {
          if (attempt === this.attempt) this.onTrouble(this.asProviderError(err));
        },
      );
    };
    if (this.place) connect();
    else {
      // Granted at once it is not assigned yet; either way it is by the time that anything can fail.
      this.place = this.settings.places.take(this.settings.concurrency, connect);
    }
  }

  /** The context had fallen silent, and its place was given back: with new text it needs one again. */
  private takePlaceAgain(): void {
    const { attempt } = this;
    this.opening = true;
    this.progressAt = clock();
    this.watch();
    const go = (): void => {
      if (attempt !== this.attempt || this.over) return;
      this.opening = false;
      this.progressAt = clock();
      this.advance();
    };
    // Granted at once it is not assigned yet.
    this.place = this.settings.places.take(this.settings.concurrency, () => queueMicrotask(go));
  }

  private listen(attempt: number): ContextListener {
    const present = (): boolean => attempt === this.attempt && !this.over;
    return {
      audio: (chunk) => {
        if (attempt === this.attempt && !this.over) this.onAudio(chunk);
      },
      words: (words) => {
        if (present()) this.onWords(words);
      },
      done: () => {
        if (present()) this.onDone();
      },
      failed: (err) => {
        if (present()) this.onTrouble(err);
      },
      odd: (err) => {
        if (present()) this.listener.trouble(err);
      },
    };
  }

  /** Leaves the present context behind; what it has not spoken, the next one will. */
  private leaveContext(cancel: boolean): void {
    if (this.over) return;
    this.attempt++;
    this.opening = false;
    if (cancel) this.context?.cancel();
    this.context = undefined;
    this.flushWords();
    this.words = [];
    this.given = this.firstUnspoken();
    this.onWords(this.spoken.untimed(this.text, this.given, this.contextMs));
    this.flushWords(true);
    this.words = [];
    this.finalGiven = false;
    this.contextStart = this.received;
    this.spoken = new SpokenText(this.given, this.settings.pace);
    // What has all its audio needs no place; what must be said again keeps it.
    if (this.text.slice(this.given).trim() === '' || this.place?.held === false) this.releasePlace();
  }

  private firstUnspoken(): number {
    const ms = this.contextMs;
    if (this.spoken.covers(this.text, this.given, ms)) return this.given;
    return Math.min(this.given, this.spoken.firstUnspoken(this.text, ms));
  }

  /** Has the context fallen silent for so long that it may be gone when the next text arrives? */
  private isDoubtful(): boolean {
    if (this.finalGiven || this.contextMs === 0 || (this.audioAt < this.textAt && this.isWaiting())) return false;
    return clock() - this.audioAt > this.patience.doubtfulMs;
  }

  // When something goes wrong.

  private onTrouble(err: ProviderError): void {
    const spokeBefore = this.received > this.contextStart;
    this.leaveContext(true);
    // What was passed on just now may have ended it.
    if (this.over) return;
    if (this.text.slice(this.given).trim() === '') {
      // Nothing was lost: all that was asked for has its audio, and it may go on in a new context.
      this.advance();
      return;
    }
    this.lastTrouble = err;
    // Settings that were good for audio are not what is wrong: that context had expired, or is confused.
    const again = err.retryable || (err.cause === 'bad-request' && spokeBefore && !this.refusedAgain);
    if (!err.retryable) this.refusedAgain = true;
    const now = clock();
    this.progressAt = now;
    if (this.received > 0) this.recoverBy ??= now + this.patience.stallMs;
    const wait = this.waitBefore(err);
    if (!again || ++this.troubles > MAX_TROUBLES || now + wait >= this.deadline()) {
      this.giveUp(err);
      return;
    }
    this.listener.trouble(err);
    if (this.over) return;
    this.watch();
    this.retry = setTimeout(() => {
      this.retry = undefined;
      this.advance();
    }, wait);
  }

  private waitBefore(err: ProviderError): number {
    if (err.retryAfterMs !== undefined) return err.retryAfterMs;
    const first = ['closed', 'timeout', 'protocol'].includes(err.cause) && this.troubles === 0;
    return first ? 0 : this.patience.backoffMs * 2 ** Math.min(this.troubles, 5);
  }

  /** By when there must be audio: the first within the caller's patience, more of it within a stall's time. */
  private deadline(): number {
    return this.received === 0 ? this.firstBy : (this.recoverBy ?? this.progressAt + this.patience.stallMs);
  }

  private giveUp(err: ProviderError): void {
    if (this.over) return;
    this.finish();
    this.listener.failed(err);
  }

  private succeed(): void {
    this.flushWords(true);
    if (this.over) return;
    this.finish();
    this.listener.done();
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    this.attempt++;
    this.context = undefined;
    clearInterval(this.ticker);
    clearTimeout(this.retry);
    this.releasePlace();
    this.settings.lease.release();
  }

  private releasePlace(): void {
    this.place?.release();
    this.place = undefined;
  }

  // The clock.

  private get contextMs(): number {
    return (this.received - this.contextStart) / BYTES_PER_MS;
  }

  /** Is there text without its audio, or an end that has not been confirmed? */
  private isWaiting(): boolean {
    if (this.opening || this.retry !== undefined || this.finalGiven) return true;
    return this.context !== undefined && !this.spoken.covers(this.text, this.given, this.contextMs);
  }

  private get patienceHalved(): number {
    return Math.max(HASTE_MS, this.settings.firstAudioMs / 2);
  }

  private watch(): void {
    this.ticker ??= setInterval(() => this.tick(), TICK_MS);
  }

  private tick(): void {
    const now = clock();
    if (this.words.length > 0 && now - this.wordsSince >= WORDS_WAIT_MS) this.flushWords();
    if (this.over) return;
    if (this.context?.settle && now - this.textAt >= SETTLE_MS) this.context.settle();
    if (this.over) return;
    if (!this.isWaiting()) {
      const restingMs = now - Math.max(this.audioAt, this.textAt);
      if (this.context && restingMs >= this.patience.expiryMs) this.leaveContext(true);
      else if (restingMs >= this.patience.restMs) this.releasePlace();
      if (!this.context && this.words.length === 0) {
        clearInterval(this.ticker);
        this.ticker = undefined;
      }
      return;
    }
    if (this.place && !this.place.held && !this.settings.urgent()) {
      this.firstBy = Math.max(this.firstBy, now + NO_HURRY_MS);
      this.progressAt = now;
      return;
    }
    if (this.received === 0) this.tickFirst(now);
    else if (now >= this.deadline()) this.onStall();
  }

  /** Nothing has come yet: half-way through its time the connection is given up, at the end the utterance. */
  private tickFirst(now: number): void {
    if (now >= this.firstBy) {
      if (this.giveUpWaiting()) return;
      this.context?.distrust();
      this.leaveContext(false);
      this.giveUp(this.lastTrouble ?? this.error('timeout', 'sent no audio in time'));
    } else if (this.context && this.stalls === 0 && now - this.progressAt > this.patienceHalved) {
      this.onStall();
    }
  }

  /** It is still waiting for a place, and the caller can wait no longer. */
  private giveUpWaiting(): boolean {
    if (this.place?.held !== false) return false;
    this.leaveContext(true);
    this.giveUp(this.error('rate-limit', `all ${this.settings.concurrency} contexts of the plan are in use`));
    return true;
  }

  private onStall(): void {
    if (this.giveUpWaiting()) return;
    this.context?.distrust();
    if (this.finalGiven && this.received > 0 && this.spoken.covers(this.text, this.given, this.contextMs)) {
      // All that is missing is the word that it is done.
      this.succeed();
      return;
    }
    const err = this.error('timeout', 'fell silent in the middle');
    if (++this.stalls > 1) {
      this.leaveContext(false);
      this.giveUp(err);
      return;
    }
    this.onTrouble(err);
  }

  // Words.

  /** The words of which there is audio now. */
  private takeWords(all = false): Word[] {
    const receivedMs = this.received / BYTES_PER_MS;
    let count = 0;
    for (const word of this.words) {
      if (!all && word.startMs >= receivedMs) break;
      this.spoken.heardWord(this.text, word.text, word.endMs - this.contextStart / BYTES_PER_MS);
      count++;
    }
    return count === 0 ? [] : this.words.splice(0, count);
  }

  private flushWords(all = false): void {
    const words = this.takeWords(all);
    if (words.length > 0) this.listener.audio(Buffer.alloc(0), words);
  }

  private error(cause: Cause, message: string): ProviderError {
    return new ProviderError(this.settings.provider, cause, message);
  }

  private asProviderError(err: unknown): ProviderError {
    return err instanceof ProviderError ? err : this.error('settings', asError(err).message);
  }
}
