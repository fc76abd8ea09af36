/** In which pieces a reply is sent on to the TTS. */
export type Chunking = 'clause' | 'sentence' | 'whole' | 'stream';

export const CHUNKINGS = ['clause', 'sentence', 'whole', 'stream'] as const;

/** The first clause goes out after so many words at the latest. */
const FIRST_WORDS = 8;
/** A sentence that will not end is cut at a clause, or between words, from this length on: the TTS must not run dry. */
const MAX_SENTENCE = 280;

/** A sentence's end, with the space behind it: without that, `3.` may yet become `3.14`. */
const SENTENCE_END = /[.!?…]+["'”’)\]]*\s+|[。！？]+["'”’」』）]*/gu;
const CLAUSE_END = /[,;:.!?…]+["'”’)\]]*\s+|—\s*(?=\S)|\s–\s+|[，、；：。！？]+/gu;
const ABBREVIATION = /(?:^|[\s("'])(?:Mr|Mrs|Ms|Dr|Prof|St|No|Nr|vs|approx|ca|e\.g|i\.e|z\.B|[A-Z])\.\s+$/u;

/**
 * Cuts a streamed text into pieces to speak; joined as they are, the pieces are the text. By default the first clause
 * goes at once, so that the caller waits as little as possible, and then sentences, so that they sound like ones.
 */
export class Chunker {
  private held = '';
  private first = true;

  constructor(private readonly mode: Chunking) {}

  /** Takes text as it streams and gives the pieces that are complete. */
  push(text: string): string[] {
    if (text === '') return [];
    if (this.mode === 'stream') return [text];
    this.held += text;
    if (this.mode === 'whole') return [];
    const pieces: string[] = [];
    for (let end = this.cut(); end > 0; end = this.cut()) {
      pieces.push(this.held.slice(0, end));
      this.held = this.held.slice(end);
      this.first = false;
    }
    return pieces;
  }

  /** What is left, when no more will come; without the space at its end. */
  flush(): string {
    const rest = this.held.trimEnd();
    this.held = '';
    return rest;
  }

  /** What is left of a text that broke off: only whole words. */
  flushBroken(): string {
    const rest = /^[\s\S]*\s/.exec(this.held)?.[0].trimEnd() ?? '';
    this.held = '';
    return rest;
  }

  /** Where the next piece ends; 0 if it is not complete. */
  private cut(): number {
    if (this.mode === 'clause' && this.first)
      return firstEnd(this.held, CLAUSE_END) || afterWords(this.held, FIRST_WORDS);
    const end = firstEnd(this.held, SENTENCE_END);
    if (end > 0 || this.held.length < MAX_SENTENCE) return end;
    return firstEnd(this.held, CLAUSE_END) || this.held.lastIndexOf(' ') + 1;
  }
}

/** Behind the first boundary that has words before it and is no abbreviation's dot. */
function firstEnd(text: string, boundary: RegExp): number {
  boundary.lastIndex = 0;
  for (let match = boundary.exec(text); match; match = boundary.exec(text)) {
    const end = match.index + match[0].length;
    const piece = text.slice(0, end);
    if (/\p{L}/u.test(piece) && !ABBREVIATION.test(piece)) return end;
  }
  return 0;
}

/** Behind the n-th word, once the next has begun. */
function afterWords(text: string, count: number): number {
  const match = new RegExp(`^\\s*(?:\\S+\\s+){${count}}(?=\\S)`).exec(text);
  return match ? match[0].length : 0;
}
