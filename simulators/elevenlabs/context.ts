/** One context: texts in, audio out in order, and its final message (contracts/elevenlabs.md 3). */
import { BYTES_PER_MS, speakWords } from '../audio';
import { alignmentOf, charactersOf, type Spelling, type TimedCharacter } from './alignment';
import type { Opening } from './request';

/** How audio is made and sent. Times in ms. */
export interface ContextPace {
  /** From a text, in an idle context, to its first audio. */
  firstAudioMs: number;
  /** How many times real time audio is sent; Infinity: all at once. */
  pace: number;
  /** Audio in each chunk, in bytes of mu-law. */
  chunkBytes: number;
  msPerWord: number;
  /** From the last audio after a close to the final message, up to which the context counts. */
  finalAfterMs: number;
  spelling: Spelling;
  /** Do characters' times count from the start of their chunk, or of the context? */
  timesFrom: 'chunk' | 'context';
  /** Does the final message come alone, or on the last audio? */
  finalOn: 'own' | 'last-audio';
}

/** What is remembered of a context, as plain data. Times are of Date.now(), durations in ms. */
export interface ElevenLabsContext {
  id: string;
  key: string;
  model: string;
  voice: string;
  /** Its first message was none that begins one: nobody meant to open it. */
  phantom: boolean;
  /** All texts received, joined literally. */
  transcript: string;
  /** Texts received, one by one. */
  inputs: string[];
  /** Text that was not flushed before the close: never spoken. */
  lost: string;
  /** Empty texts, which only keep it alive. */
  keepAlives: number;
  startedAt: number;
  firstAudioAt: number | undefined;
  /** How long the voice took from the first text to its first audio, in ms and fractions. */
  firstAudioAfterMs: number | undefined;
  endedAt: number | undefined;
  /** Audio sent so far. */
  audioMs: number;
  /** The client closed it. */
  closed: boolean;
  /** The final message was sent. */
  final: boolean;
  /** The error that ended it. */
  error: string | undefined;
}

/** What a context needs of its socket. */
export interface ContextOutlet {
  /** Answers whether the message went out; a fault may swallow it. */
  send: (message: Record<string, unknown>) => boolean;
  /** It counts no more. */
  ended: () => void;
  /** Takes or gives back a place of the key's plan: only a context that makes audio counts. @returns false at the limit */
  generating: (yes: boolean) => boolean;
}

interface Chunk {
  due: number;
  audio: Buffer;
  /** ms of the context before it. */
  baseMs: number;
  characters: TimedCharacter[];
}

export class Context {
  /** When somebody last sent something for it, performance.now(). */
  lastInputAt = performance.now();
  private readonly queue: Chunk[] = [];
  private timer: NodeJS.Timeout | undefined;
  private buffered = '';
  private generated = 0;
  private audioMs = 0;
  /** When the audio made so far will have been sent, at the pace. */
  private nextDue = 0;
  private speaking = false;
  private firstTextAt: number | undefined;
  private over = false;

  constructor(
    readonly log: ElevenLabsContext,
    readonly opening: Opening,
    private readonly autoMode: boolean,
    private readonly withAlignment: boolean,
    private readonly pace: ContextPace,
    private readonly outlet: ContextOutlet,
  ) {}

  /** Text, with what is to be done with it. @returns false where the plan is at its limit */
  add(text: string | undefined, flush: boolean): boolean {
    this.lastInputAt = performance.now();
    if (this.log.closed) {
      this.log.lost += text ?? '';
      return true;
    }
    if (text === '') this.log.keepAlives++;
    else if (text !== undefined) {
      this.log.inputs.push(text);
      this.log.transcript += text;
      this.buffered += text;
      if (text.trim() !== '') this.firstTextAt ??= performance.now();
    }
    const { schedule } = this.opening;
    const enough = schedule[Math.min(this.generated, schedule.length - 1)] ?? 0;
    if (flush || this.autoMode || this.buffered.length >= enough) return this.generate();
    return true;
  }

  /** What was flushed is spoken to its end; what was not is lost. */
  close(): void {
    if (this.log.closed) return;
    this.log.closed = true;
    this.log.lost = this.buffered.trim();
    this.buffered = '';
    this.advance();
  }

  /** Ends at once, without another message. */
  stop(): void {
    this.queue.length = 0;
    this.end();
  }

  private generate(): boolean {
    const text = this.buffered;
    if (text.trim() === '') return true;
    if (!this.speaking && !this.outlet.generating(true)) return false;
    this.buffered = '';
    this.generated++;
    const idle = !this.speaking;
    this.speaking = true;
    const { audio, words } = speakWords(text, { msPerWord: this.pace.msPerWord / (this.opening.speed ?? 1) });
    const totalMs = audio.length / BYTES_PER_MS;
    const characters = charactersOf(words, totalMs);
    const startAt = Math.max(this.nextDue, performance.now() + (idle ? this.pace.firstAudioMs : 0));
    this.nextDue = startAt + totalMs / this.pace.pace;
    for (let at = 0; at < audio.length; at += this.pace.chunkBytes) {
      const piece = audio.subarray(at, at + this.pace.chunkBytes);
      const fromMs = at / BYTES_PER_MS;
      const toMs = fromMs + piece.length / BYTES_PER_MS;
      this.queue.push({
        due: startAt + fromMs / this.pace.pace,
        audio: piece,
        baseMs: this.audioMs + fromMs,
        characters: characters
          .filter(({ startMs }) => startMs >= fromMs && startMs < toMs)
          .map((one) => ({ ...one, startMs: one.startMs - fromMs })),
      });
    }
    this.audioMs += totalMs;
    this.advance();
    return true;
  }

  /** Sends what is due; one timer at a time. */
  private advance(): void {
    if (this.over) return;
    clearTimeout(this.timer);
    const now = performance.now() + 1;
    for (let chunk = this.queue[0]; chunk !== undefined && chunk.due <= now && !this.over; chunk = this.queue[0]) {
      this.queue.shift();
      this.deliver(chunk);
    }
    if (this.over) return;
    const next = this.queue[0];
    if (next !== undefined) {
      this.timer = setTimeout(() => this.advance(), Math.max(0, next.due - performance.now()));
      return;
    }
    this.rest();
    if (this.log.closed) this.timer = setTimeout(() => this.finish(), this.pace.finalAfterMs);
  }

  private deliver(chunk: Chunk): void {
    const { spelling, timesFrom, finalOn } = this.pace;
    const last = finalOn === 'last-audio' && this.log.closed && this.queue.length === 0;
    const offsetMs = timesFrom === 'chunk' ? 0 : chunk.baseMs;
    const aligned = this.withAlignment && chunk.characters.length > 0;
    const alignment = aligned ? alignmentOf(chunk.characters, offsetMs, spelling) : null;
    const message = {
      ...this.message(last ? true : null),
      audio: chunk.audio.toString('base64'),
      ...(spelling === 'snake'
        ? { normalized_alignment: alignment, alignment }
        : { normalizedAlignment: alignment, alignment }),
    };
    if (this.outlet.send(message)) {
      this.log.firstAudioAt ??= Date.now();
      this.log.firstAudioAfterMs ??= performance.now() - (this.firstTextAt ?? performance.now());
      this.log.audioMs += chunk.audio.length / BYTES_PER_MS;
    }
    if (last) {
      this.log.final = true;
      this.end();
    }
  }

  private message(final: true | null): Record<string, unknown> {
    return this.pace.spelling === 'snake'
      ? { is_final: final, context_id: this.log.id }
      : { isFinal: final, contextId: this.log.id };
  }

  private finish(): void {
    if (this.over) return;
    this.log.final = this.outlet.send(this.message(true));
    // A final message that a fault swallowed: the context hangs, and counts.
    if (this.log.final) this.end();
  }

  private rest(): void {
    if (!this.speaking) return;
    this.speaking = false;
    this.outlet.generating(false);
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    this.rest();
    clearTimeout(this.timer);
    this.log.endedAt = Date.now();
    this.outlet.ended();
  }
}
