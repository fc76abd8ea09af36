import type { Word } from '../call/message';

/** The times of the characters of one chunk, ms: from the start of the chunk, as documented, or of the context, as also seen. */
export interface CharacterTimes {
  characters: readonly string[];
  startsMs: readonly number[];
  /** May be shorter, or empty: a character lasts to the next one then. */
  durationsMs: readonly number[];
}

/** So early in a context it makes no difference from where times count, ms. */
const EARLY_MS = 20;
/** Times that lie so far before the chunk's own place in the context cannot count from the context's start, ms. */
const BEFORE_MS = 50;
/** Characters that begin so far behind the end of the chunk's audio cannot count from the chunk's start, ms. */
const BEHIND_MS = 5;
/** How far ahead in the text a word of the alignment is looked for, characters. */
const SEARCH = 60;

/**
 * Makes words of characters: ElevenLabs times each character, chunk by chunk, and a chunk may end within a word. A word is
 * told when the space behind it has come, or when the text says that nothing belongs to it any more.
 */
export class Alignment {
  /** The text that was sent, from where its words have not been told. */
  private text = '';
  private word = '';
  private startMs = 0;
  private endMs = 0;
  private lastStartMs = 0;
  private from: 'chunk' | 'context' | undefined;

  /** Text that has been sent; it ends with a space. */
  sent(text: string): void {
    this.text += text;
  }

  /**
   * The words that one chunk completes, ms from the start of the context.
   * @param baseMs audio of the context before this chunk
   * @param chunkMs audio of this chunk
   */
  take(times: CharacterTimes, baseMs: number, chunkMs: number): Word[] {
    const offsetMs = this.countsFrom(times, baseMs, chunkMs) === 'context' ? 0 : baseMs;
    const words: Word[] = [];
    times.characters.forEach((character, i) => {
      if (character.trim() === '') {
        this.tell(words);
        return;
      }
      const startMs = offsetMs + (times.startsMs[i] ?? 0);
      if (this.word === '') this.startMs = startMs;
      this.word += character;
      this.endMs = offsetMs + endOf(times, i);
    });
    if (this.word !== '' && this.isWhole()) this.tell(words);
    return words;
  }

  /** What is left when nothing more will come. */
  rest(): Word[] {
    const words: Word[] = [];
    this.tell(words);
    return words;
  }

  /** From where the times of a context count: decided by the first chunk that can tell. */
  private countsFrom(times: CharacterTimes, baseMs: number, chunkMs: number): 'chunk' | 'context' {
    if (this.from === undefined && baseMs > EARLY_MS) {
      const first = times.startsMs[0] ?? 0;
      const last = times.startsMs[times.characters.length - 1] ?? 0;
      if (first < baseMs - BEFORE_MS) this.from = 'chunk';
      else if (last > chunkMs + BEHIND_MS) this.from = 'context';
    }
    return this.from ?? 'chunk';
  }

  /** In the text that was sent, is this word followed by a space? */
  private isWhole(): boolean {
    const at = this.find();
    return at >= 0 && this.text.charAt(at + this.word.length).trim() === '';
  }

  private find(): number {
    return this.text.slice(0, SEARCH + this.word.length).indexOf(this.word);
  }

  private tell(words: Word[]): void {
    const { word } = this;
    if (word === '') return;
    const at = this.find();
    if (at >= 0) this.text = this.text.slice(at + word.length);
    const startMs = Math.max(this.lastStartMs, Math.round(this.startMs));
    words.push({ text: word, startMs, endMs: Math.max(startMs, Math.round(this.endMs)) });
    this.lastStartMs = startMs;
    this.word = '';
  }
}

function endOf(times: CharacterTimes, i: number): number {
  const start = times.startsMs[i] ?? 0;
  const duration = times.durationsMs[i];
  return duration === undefined ? (times.startsMs[i + 1] ?? start) : start + duration;
}
