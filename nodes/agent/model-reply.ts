import { ProviderError } from '../call/errors';
import { streamChat } from './chat';
import type { ModelEvent, ModelRequest, ModelStream } from './model';
import { modelError } from './model-errors';
import { streamResponses } from './responses';

/** A reply that has begun and then gets no further word for so long has stalled, ms. */
const MID_REPLY_STALL_MS = 4_000;
/** ... if some of it is on its way to the caller; else it must also be there in time, but so long a pause is none, ms. */
const PAUSE_MS = 1_000;
/** Before the second attempt, where the provider does not say how long, ms. */
const RETRY_AFTER_MS = 200;
/** A second attempt makes sense if so much time is left for it, ms. */
const WORTH_TRYING_MS = 400;
/** A server of the Responses API says at once that it is at work; half of the time is enough to wait for that. */
const FIRST_SIGN_SHARE = 0.5;
/** Speculative work that nobody asks for is given up after so long, ms. */
const UNWANTED_AFTER_MS = 10_000;
/** As long a text as is ever spoken at once, characters: a model that heeds no limit of tokens is stopped there. */
const MAX_CHARACTERS = 30_000;

/** The end of a reply that went well, or as well as the model would. */
export type ReplyEnd = Extract<ModelEvent, { type: 'end' }>;

/** Who listens to a reply. */
export interface ReplyListener {
  /** Something of it is on its way to the caller. */
  readonly begun: boolean;
  text(text: string): void;
  end(end: ReplyEnd): void;
  /** The reply failed for good; what was written before stays. */
  failed(error: ProviderError): void;
  /** Something strange in the stream, which goes on. */
  strange(error: ProviderError): void;
  /**
   * The first attempt failed with `error` and another would begin. Forget what was written.
   * @returns false if some of it has been sent on already: then there is no second attempt
   */
  retry(error: ProviderError): boolean;
}

/** One for all: to make another means to write down where, some ten times a second. */
const GIVEN_UP = new DOMException('The reply was given up', 'AbortError');

/** Asks a model on either API. */
export function openModel(request: ModelRequest, signal: AbortSignal): ModelStream {
  return request.api === 'responses' ? streamResponses(request, signal) : streamChat(request, signal);
}

/**
 * One reply in the making: a request, one more if the first failed and there is time, and the watch over both.
 *
 * It can begin before anybody listens (on a transcript that is probably final); what is written meanwhile waits.
 */
export class ModelReply {
  private listener: ReplyListener | undefined;
  private readonly waiting: ((listener: ReplyListener) => void)[] = [];
  private controller = new AbortController();
  private attempt = 0;
  private over = false;
  private begun = false;
  private characters = 0;
  /** When the last word came, on the clock of `performance.now()`. */
  private lastWordAt = 0;
  private alive = false;
  /** On the clock of `performance.now()`. */
  private deadline = Infinity;
  private timer: NodeJS.Timeout | undefined;
  private failure: ProviderError | undefined;

  constructor(
    private readonly request: ModelRequest,
    private readonly open: (request: ModelRequest, signal: AbortSignal) => ModelStream = openModel,
  ) {
    this.arm(UNWANTED_AFTER_MS, () => this.abort());
    this.start();
  }

  /** True if there is no use in listening: the work that was begun early has failed or been given up. */
  get isDead(): boolean {
    return this.failure !== undefined || (this.over && this.listener === undefined && this.waiting.length === 0);
  }

  /**
   * From here on the reply is wanted.
   * @param withinMs how long the first word may take; 0 or less fails at once
   */
  listen(listener: ReplyListener, withinMs: number): void {
    this.listener = listener;
    this.deadline = performance.now() + withinMs;
    for (const tell of this.waiting.splice(0)) tell(listener);
    if (!this.over) this.watch();
  }

  /** Gives the reply up; nobody hears of it any more. Idempotent. */
  abort(): void {
    this.over = true;
    this.listener = undefined;
    this.waiting.length = 0;
    clearTimeout(this.timer);
    // Also after the last word: the rest of the body may never end.
    this.controller.abort(GIVEN_UP);
  }

  private start(): void {
    this.attempt++;
    this.alive = false;
    this.characters = 0;
    this.controller = new AbortController();
    void this.read(this.controller.signal);
  }

  /** Never rejects. */
  private async read(signal: AbortSignal): Promise<void> {
    const current = (): boolean => !signal.aborted && !this.over;
    try {
      for await (const event of this.open(this.request, signal)) {
        if (!current()) return;
        this.take(event);
      }
      if (current()) this.fail(new ProviderError('openai', 'closed', 'the answer broke off'));
    } catch (err) {
      if (current()) this.fail(modelError(err));
    }
  }

  private take(event: ModelEvent): void {
    this.alive = true;
    switch (event.type) {
      case 'text':
      case 'refusal':
        this.lastWordAt = performance.now();
        if (!this.begun) this.firstText();
        this.write(event.text);
        break;
      case 'alive':
        if (this.begun) this.lastWordAt = performance.now();
        break;
      case 'strange': {
        const error = new ProviderError('openai', 'protocol', `${event.what} came in the answer`);
        this.tell((listener) => listener.strange(error));
        break;
      }
      case 'end':
        this.finish();
        this.tell((listener) => listener.end(event));
        break;
    }
  }

  private write(written: string): void {
    const text = written.slice(0, MAX_CHARACTERS - this.characters);
    this.characters += text.length;
    if (text !== '') this.tell((listener) => listener.text(text));
    if (text.length === written.length) return;
    this.controller.abort(GIVEN_UP);
    this.finish();
    this.tell((listener) => listener.end({ type: 'end', finish: 'length' }));
  }

  private firstText(): void {
    this.begun = true;
    if (this.listener) this.watch();
  }

  /** Sets the watch that fits: for the first sign, the first word, the next word. */
  private watch(): void {
    if (this.begun) return this.watchWords();
    const left = this.deadline - performance.now();
    if (this.attempt === 1 && !this.alive && this.request.api === 'responses') {
      this.arm(left * FIRST_SIGN_SHARE, () => {
        if (this.alive || this.begun) this.watchDeadline();
        else this.stalled('no sign of an answer');
      });
    } else this.watchDeadline();
  }

  /** Asked when the pause would be too long, not at each word. */
  private watchWords(): void {
    const spoken = this.listener?.begun === true;
    const inTime = Math.max(PAUSE_MS, this.deadline - this.lastWordAt);
    const limit = spoken ? MID_REPLY_STALL_MS : Math.min(MID_REPLY_STALL_MS, inTime);
    const left = this.lastWordAt + limit - performance.now();
    if (left <= 1) this.stalled(`no further word for ${Math.round(limit)} ms`);
    else this.arm(left, () => this.watchWords());
  }

  private watchDeadline(): void {
    const left = this.deadline - performance.now();
    this.arm(left, () => this.stalled('no word in time'));
  }

  private stalled(what: string): void {
    this.fail(new ProviderError('openai', 'timeout', what));
  }

  private fail(error: ProviderError): void {
    if (this.over) return;
    this.controller.abort(GIVEN_UP);
    const { listener } = this;
    if (!listener) {
      this.failure = error;
      this.finish();
      return;
    }
    const pause = error.retryAfterMs ?? (error.cause === 'timeout' ? 0 : RETRY_AFTER_MS);
    const inTime = performance.now() + pause + WORTH_TRYING_MS < this.deadline;
    if (this.attempt === 1 && error.retryable && inTime && listener.retry(error)) {
      this.begun = false;
      this.arm(pause, () => {
        this.start();
        this.watch();
      });
      return;
    }
    this.finish();
    listener.failed(error);
  }

  private finish(): void {
    this.over = true;
    clearTimeout(this.timer);
  }

  private tell(what: (listener: ReplyListener) => void): void {
    if (this.listener) what(this.listener);
    else this.waiting.push(what);
  }

  private arm(ms: number, then: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(then, Math.max(0, ms));
  }
}
