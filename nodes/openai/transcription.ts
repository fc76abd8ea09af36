import type { ProviderError } from '../call/errors';
import type { Hearing, TimedWord, Unfinished } from '../call/stt/connection';
import { ItemLine } from './transcription-items';
import type { Item } from './transcription-items';
import type { TurnDetection } from './transcription-settings';

/** What has ended must be transcribed within so long, and a tenth of its own length, ms. */
const TRANSCRIBE_MS = 3_500;
/** The end of a voice must be told so long after the silence that makes it, ms of audio. */
const STOP_LATE_MS = 2_500;
/** More than this under way at once is no conversation. */
const MAX_ITEMS = 32;

/**
 * What becomes of the stretches of speech on one connection: their beginnings and ends are told as they come, their words in
 * the order in which they were said.
 */
export class Transcription {
  private readonly line = new ItemLine();
  private over = false;

  constructor(
    private readonly turn: TurnDetection,
    private readonly hearing: Hearing,
  ) {}

  /** True while something that was said is not understood. */
  get pending(): boolean {
    return this.line.items.length > 0;
  }

  /** True while the caller's voice lasts. */
  get speaking(): boolean {
    return this.line.last !== undefined && this.line.last.endMs === undefined;
  }

  /** Nothing more is told. */
  stop(): void {
    this.over = true;
  }

  /** OpenAI hears a voice; its audio, padding included, begins at `startMs`. */
  started(id: string, startMs: number): void {
    if (this.line.find(id) || this.line.isFinished(id)) return;
    this.line.add(id, startMs);
    this.hearing.speech(startMs, this.paddingMs);
  }

  /** OpenAI hears the end of a voice; its audio, with the silence by which that was known, ends at `endMs`. */
  stopped(id: string, endMs: number, now: number): void {
    const item = this.line.find(id);
    if (!item || item.endMs !== undefined) return;
    item.endMs = endMs;
    item.endedAt = now;
    if (this.turn.by === 'server') {
      item.voiceEndMs = Math.max(item.startMs, endMs - this.turn.silenceMs);
      this.hearing.silence(item.voiceEndMs);
    } else this.hearing.silence(endMs, this.turn.silenceMs);
  }

  /** We hear a voice, for OpenAI does not. */
  begun(startMs: number, voiceMs: number): void {
    this.line.add(undefined, startMs);
    this.hearing.speech(voiceMs);
  }

  /** It has ended, and is committed. */
  ended(endMs: number, voiceEndMs: number): void {
    const item = this.line.last;
    if (item?.endMs !== undefined || !item) return;
    item.endMs = endMs;
    item.voiceEndMs = voiceEndMs;
    this.hearing.silence(voiceEndMs);
  }

  /** OpenAI begins to transcribe a stretch. */
  committed(id: string, previous: string | undefined, now: number, heardMs: number): void {
    if (this.line.isFinished(id)) return;
    const item = this.named(id) ?? this.renamed(id) ?? this.line.add(id, heardMs);
    item.endMs ??= heardMs;
    item.endedAt ??= now;
    this.line.place(id, previous);
  }

  /** What we asked to be transcribed was nothing. */
  nothingCommitted(): void {
    const index = this.line.items.findIndex((item) => item.id === undefined || item.endedAt === undefined);
    const item = this.line.items[index];
    if (!item) return;
    item.done = true;
    this.tell();
  }

  delta(id: string, text: string): void {
    const item = this.of(id);
    if (!item || item.done || text === '') return;
    item.text += text;
    if (item === this.line.head) this.partial(item);
  }

  completed(id: string, text: string): void {
    const item = this.of(id);
    if (!item) return;
    item.text = text;
    item.done = true;
    this.tell();
  }

  failed(id: string, error: ProviderError): void {
    const item = this.of(id);
    if (!item) return;
    item.failure = error;
    item.done = true;
    this.tell();
  }

  /** @param quietMs how much silence has been sent since the last voice */
  overdue(now: number, quietMs: number): string | undefined {
    const { items, head } = this.line;
    if (items.length > MAX_ITEMS) return 'transcribes nothing of all that is said';
    if (!head) return undefined;
    if (this.speaking && quietMs >= this.turn.silenceMs + STOP_LATE_MS) return 'fell silent in the midst of a turn';
    const due = TRANSCRIBE_MS + ((head.endMs ?? head.startMs) - head.startMs) / 10;
    if (head.endedAt !== undefined && now - head.endedAt >= due) return 'does not say what it has understood';
    return undefined;
  }

  unfinished(settledMs: number, heardMs: number): Unfinished {
    const { head, items } = this.line;
    return {
      text: '',
      words: items.flatMap((item) => spread(item, heardMs)),
      fromMs: head?.startMs ?? settledMs,
      heardMs,
    };
  }

  /** Audio before the voice that OpenAI counts to it, ms. */
  private get paddingMs(): number {
    return this.turn.by === 'gate' ? 0 : this.turn.prefixMs;
  }

  /** The stretch of a message; one that nobody announced is last. Undefined for one that is over. */
  private of(id: string): Item | undefined {
    if (this.line.isFinished(id)) return undefined;
    return this.named(id) ?? this.line.add(id, this.line.last?.endMs ?? 0);
  }

  /** The stretch of this name; the first that has none yet is given it. */
  private named(id: string): Item | undefined {
    const known = this.line.find(id);
    if (known) return known;
    const { unnamed } = this.line;
    if (unnamed) unnamed.id = id;
    return unnamed;
  }

  /** Committed by us while OpenAI heard a voice: then it takes another name than was announced. */
  private renamed(id: string): Item | undefined {
    const { last } = this.line;
    if (!last || !this.speaking) return undefined;
    last.id = id;
    return last;
  }

  private partial(item: Item): void {
    const text = item.text.trim();
    if (text !== '') this.hearing.partial(text, item.startMs + this.paddingMs);
  }

  /** The words of all stretches that are done and have nothing before them. */
  private tell(): void {
    for (let head = this.line.head; head?.done && !this.over; head = this.line.head) {
      const { text, failure, endMs, voiceEndMs } = head;
      const upTo = endMs ?? head.startMs;
      // Lost by this, the connection must still have it among what is not finished.
      if (failure) this.hearing.failed(failure, upTo);
      if (this.over) return;
      this.line.shift();
      if (!failure) this.hearing.end(text.trim(), voiceEndMs);
      this.hearing.settled(upTo);
      const next = this.line.head;
      if (next && !next.done) this.partial(next);
    }
  }
}

/** Words with no times of their own, spread over their stretch: without gaps, as nobody knows where one could be cut. */
function spread(item: Item, heardMs: number): TimedWord[] {
  const words = item.text.trim().split(/\s+/).filter(Boolean);
  const each = ((item.endMs ?? heardMs) - item.startMs) / Math.max(1, words.length);
  return words.map((text, i) => ({
    text,
    startMs: item.startMs + i * each,
    endMs: item.startMs + (i + 1) * each,
  }));
}
