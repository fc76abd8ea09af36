/** One context: texts in, audio out in order, and its end (contracts/cartesia.md 1.2 to 1.5). */
import { BYTES_PER_MS, speakWords } from '../audio';
import type { GenerationInput } from './request';

/** How audio is made and sent. Times in ms. */
export interface ContextPace {
  /** From a text, in an idle context, to its first audio. */
  firstAudioMs: number;
  /** How many times real time audio is sent; Infinity: all at once. */
  pace: number;
  /** Audio in each chunk, in bytes of mu-law. */
  chunkBytes: number;
  msPerWord: number;
  /** From audio to the timestamps of the words that begin in it. */
  timestampsDelayMs: number;
  /** From the last audio to the context's end. */
  expiryMs: number;
  /** Chunks that still come after a cancel. */
  chunksAfterCancel: number;
  doneAfterCancel: boolean;
}

/** What is remembered of a context, as plain data. Times are of Date.now(), durations in ms. */
export interface CartesiaContext {
  id: string;
  key: string;
  model: string;
  voice: string;
  /** All texts received, joined literally. */
  transcript: string;
  /** Texts received, one by one. */
  inputs: string[];
  startedAt: number;
  firstAudioAt: number | undefined;
  /** How long the voice took from the first text to its first audio, in ms and fractions: its own part of a turn's latency. */
  firstAudioAfterMs: number | undefined;
  endedAt: number | undefined;
  /** Audio sent so far. */
  audioMs: number;
  /** `done` was sent. */
  done: boolean;
  cancelled: boolean;
  /** It ended a second after its last audio, though the client had not said that no more text would come. */
  expired: boolean;
  /** The error that ended it. */
  error: string | undefined;
}

/** What a context needs of its socket. */
export interface ContextOutlet {
  /** Answers whether the message went out; a fault may swallow it. */
  send: (message: Record<string, unknown>) => boolean;
  /** It takes no more texts and counts no more. */
  ended: () => void;
}

interface Item {
  due: number;
  message: () => Record<string, unknown>;
  audioBytes: number;
}

/** Text that ends like a sentence need not wait for more. */
const SENTENCE = /[.!?]["')\]]*\s*$/u;

export class Context {
  private readonly queue: Item[] = [];
  private timer: NodeJS.Timeout | undefined;
  private bufferTimer: NodeJS.Timeout | undefined;
  private expiryTimer: NodeJS.Timeout | undefined;
  private buffered = '';
  private audioMs = 0;
  /** When the audio made so far will have been sent, at the pace. */
  private nextAudioDue = 0;
  private lastAudioAt = 0;
  private flushId = 1;
  private readonly begunAt = performance.now();
  private finished = false;
  private over = false;

  constructor(
    readonly log: CartesiaContext,
    private readonly first: GenerationInput,
    private readonly pace: ContextPace,
    private readonly outlet: ContextOutlet,
  ) {}

  /** Do these settings repeat those of the context's first input? */
  accepts(input: GenerationInput): boolean {
    return input.constant === this.first.constant;
  }

  /** Has the client said that this was all, or cancelled? */
  get closed(): boolean {
    return this.finished || this.log.cancelled;
  }

  add(input: GenerationInput): void {
    clearTimeout(this.expiryTimer);
    this.log.inputs.push(input.transcript);
    this.log.transcript += input.transcript;
    this.buffered += input.transcript;
    if (!input.continues) {
      this.finished = true;
      this.generate();
      this.schedule(this.lastDue, { type: 'done', status_code: 200, done: true });
    } else if (input.flush || this.first.maxBufferDelayMs === 0) {
      // With no buffering each input is generated as it is, and ends with a boundary.
      if (this.generate() || input.flush) this.boundary();
    } else if (SENTENCE.test(this.buffered)) {
      this.generate();
    } else if (this.buffered.trim() !== '') {
      this.bufferTimer ??= setTimeout(() => {
        this.generate();
        this.advance();
      }, this.first.maxBufferDelayMs);
    }
    this.advance();
  }

  /** What is being sent goes on a little, then stops. */
  cancel(): void {
    this.log.cancelled = true;
    clearTimeout(this.bufferTimer);
    this.bufferTimer = undefined;
    clearTimeout(this.expiryTimer);
    this.buffered = '';
    let chunks = 0;
    const kept = this.queue.filter((item) => item.audioBytes > 0 && chunks++ < this.pace.chunksAfterCancel);
    this.queue.splice(0, this.queue.length, ...kept);
    if (this.pace.doneAfterCancel) this.schedule(this.lastDue, { type: 'done', status_code: 200, done: true });
    this.advance();
  }

  /** Ends at once, without another message. */
  stop(): void {
    this.queue.length = 0;
    this.end();
  }

  /** Makes audio of what is buffered; answers whether there was anything to say. */
  private generate(): boolean {
    clearTimeout(this.bufferTimer);
    this.bufferTimer = undefined;
    const text = this.buffered;
    this.buffered = '';
    const { audio, words } = speakWords(text, { msPerWord: this.pace.msPerWord / this.first.speed });
    const offsetMs = this.audioMs;
    this.audioMs += audio.length / BYTES_PER_MS;
    const speaking = this.queue.some((item) => item.audioBytes > 0);
    const startAt = Math.max(this.nextAudioDue, performance.now() + (speaking ? 0 : this.pace.firstAudioMs));
    this.nextAudioDue = startAt + audio.length / BYTES_PER_MS / this.pace.pace;
    const flushId = this.flushId;
    for (let at = 0; at < audio.length; at += this.pace.chunkBytes) {
      const piece = audio.subarray(at, at + this.pace.chunkBytes);
      const due = startAt + at / BYTES_PER_MS / this.pace.pace;
      const stepTime = Math.round((piece.length / BYTES_PER_MS / 4) * 10) / 10;
      this.queue.push({
        due,
        audioBytes: piece.length,
        message: () => ({
          ...this.message('chunk'),
          step_time: stepTime,
          data: piece.toString('base64'),
          flush_id: flushId,
        }),
      });
      if (!this.first.timestamps) continue;
      const begun = words.filter(
        ({ startMs }) => startMs * BYTES_PER_MS >= at && startMs * BYTES_PER_MS < at + piece.length,
      );
      if (begun.length === 0) continue;
      const seconds = (ms: number): number => Math.round(offsetMs + ms) / 1000;
      this.schedule(due + this.pace.timestampsDelayMs, {
        type: 'timestamps',
        word_timestamps: {
          words: begun.map((word) => word.text),
          start: begun.map((word) => seconds(word.startMs)),
          end: begun.map((word) => seconds(word.endMs)),
        },
        flush_id: flushId,
      });
    }
    return words.length > 0;
  }

  private boundary(): void {
    this.schedule(this.lastDue, { type: 'flush_done', flush_done: true, flush_id: this.flushId });
    this.flushId += 1;
  }

  private schedule(due: number, { type, ...fields }: { type: string } & Record<string, unknown>): void {
    this.queue.push({ due, audioBytes: 0, message: () => ({ ...this.message(type), ...fields }) });
  }

  private message(type: string): Record<string, unknown> {
    return { type, context_id: this.log.id, status_code: 206, done: false };
  }

  private get lastDue(): number {
    return this.queue.reduce((latest, item) => Math.max(latest, item.due), performance.now());
  }

  /** Sends what is due; one timer at a time. */
  private advance(): void {
    if (this.over) return;
    clearTimeout(this.timer);
    // Late timestamps are overtaken by audio; the sort keeps the order of what is due at the same time.
    this.queue.sort((a, b) => a.due - b.due);
    const now = performance.now() + 1;
    for (let item = this.queue[0]; item !== undefined && item.due <= now && !this.over; item = this.queue[0]) {
      this.queue.shift();
      this.deliver(item);
    }
    if (this.over) return;
    const next = this.queue[0];
    if (next !== undefined) {
      this.timer = setTimeout(() => this.advance(), Math.max(0, next.due - performance.now()));
    } else if (this.closed) {
      this.end();
    } else if (this.audioMs > 0 && this.bufferTimer === undefined) {
      clearTimeout(this.expiryTimer);
      this.expiryTimer = setTimeout(
        () => {
          this.log.expired = true;
          this.end();
        },
        this.lastAudioAt + this.pace.expiryMs - performance.now(),
      );
    }
  }

  private deliver(item: Item): void {
    const message = item.message();
    this.lastAudioAt = item.audioBytes > 0 ? performance.now() : this.lastAudioAt;
    if (!this.outlet.send(message)) return;
    if (item.audioBytes > 0) {
      this.log.firstAudioAt ??= Date.now();
      this.log.firstAudioAfterMs ??= performance.now() - this.begunAt;
      this.log.audioMs += item.audioBytes / BYTES_PER_MS;
    }
    if (message['type'] === 'done') this.log.done = true;
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.timer);
    clearTimeout(this.bufferTimer);
    clearTimeout(this.expiryTimer);
    this.log.endedAt = Date.now();
    this.outlet.ended();
  }
}
