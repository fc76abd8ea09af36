import type { Word } from '../message';

/** How long a character of speech lasts when nothing better is known, ms: 15 characters a second. */
const MS_PER_CHARACTER = 65;
/** Audio behind the last known word that may be its echo or, after punctuation, its pause: no proof of another word. */
const ECHO_MS = 40;
const PAUSE_MS = 250;
/** So far off may a word's length be that is only reckoned: what is left behind it is no proof of one more, and a word twice is better than none. */
const GUESS_MS = 60;
/** How far ahead in the text a word of the timestamps is looked for. */
const SEARCH = 60;

const SAID = /[\p{L}\p{N}]/u;
const PUNCTUATION = /[\p{P}\p{S}]/u;

/** True for text that a voice makes a sound of. */
export function hasSound(text: string): boolean {
  return SAID.test(text);
}

/**
 * How far into a text its audio has come: so that what a broken connection swallowed can be asked for again from the first
 * word without audio. By the TTS's word times, in proportion where it gives none.
 */
export class SpokenText {
  private position: number;
  private words = 0;
  private wordsEndMs = 0;

  /**
   * @param from where in the utterance's text this stretch begins
   * @param pace how fast the voice speaks; 1 is ordinary
   */
  constructor(
    private readonly from: number,
    private readonly pace = 1,
  ) {
    this.position = from;
  }

  /** A word of which audio has been received. `endMs` counts from the start of this stretch. */
  heardWord(text: string, word: string, endMs: number): void {
    this.words++;
    this.wordsEndMs = endMs;
    const found = word === '' ? -1 : text.slice(this.position, this.position + SEARCH + word.length).indexOf(word);
    // A word that is not written so ("10" as "ten") stands for the next word of the text.
    this.position = found >= 0 ? this.position + found + word.length : wordEnd(text, this.position);
    while (this.position < text.length && PUNCTUATION.test(text.charAt(this.position))) this.position++;
  }

  /**
   * Where the first word stands of which no audio has been received.
   * @param receivedMs audio of this stretch, ms
   */
  firstUnspoken(text: string, receivedMs: number): number {
    let at = this.position;
    const pauseMs = PUNCTUATION.test(text.charAt(at - 1)) ? PAUSE_MS : ECHO_MS;
    let beyondMs = receivedMs - this.wordsEndMs - (this.words > 0 ? pauseMs : 0);
    const characters = at - this.from;
    const msPerCharacter =
      this.words > 0 && characters > 0 ? this.wordsEndMs / characters : MS_PER_CHARACTER / this.pace;
    for (let proofMs = 0; beyondMs > proofMs && at < text.length; proofMs = GUESS_MS) {
      const end = wordEnd(text, at);
      beyondMs -= (end - at) * msPerCharacter;
      at = end;
    }
    return at;
  }

  /**
   * The words before `upTo` whose audio came and whose times did not, with times by proportion; none if the TTS gives no
   * times at all. ms from the start of this stretch.
   */
  untimed(text: string, upTo: number, receivedMs: number): Word[] {
    const missing = text.slice(this.position, upTo).split(/\s+/).filter(hasSound);
    if (this.words === 0 || missing.length === 0) return [];
    const from = Math.min(this.wordsEndMs, receivedMs);
    const each = (receivedMs - from) / missing.length;
    return missing.map((word, i) => ({
      text: word,
      startMs: Math.round(from + i * each),
      endMs: Math.round(from + (i + 1) * each),
    }));
  }

  /**
   * True if the text up to `upTo` has its audio, as far as can be told.
   * @param receivedMs audio of this stretch, ms
   */
  covers(text: string, upTo: number, receivedMs: number): boolean {
    if (this.words > 0) return !hasSound(text.slice(this.position, upTo));
    const expectedMs = ((upTo - this.from) * MS_PER_CHARACTER) / this.pace;
    // Without word times only half is sure: voices differ by as much.
    return receivedMs > 0 && receivedMs >= expectedMs / 2;
  }
}

/** The end of the word that begins at or after a position. */
function wordEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charAt(at).trim() === '') at++;
  while (at < text.length && text.charAt(at).trim() !== '') at++;
  return at;
}
