import type { Word } from '../message';

/** How long a character of speech lasts when nothing better is known: 15 characters a second, an ordinary pace. */
const MS_PER_CHARACTER = 65;

/** What is known of an utterance's text and audio when somebody asks which words were heard. */
export interface SpokenSoFar {
  /** The text that was given to the TTS, as far as we saw it. */
  text: string;
  /** The TTS's own word times, if it gives any. */
  words: readonly Word[];
  /** How much audio has been received, ms. */
  receivedMs: number;
  /** True when no more audio will come. */
  complete: boolean;
}

/**
 * The words of an utterance that had begun when `heardMs` of its audio had been played: by the TTS's timestamps, else in
 * proportion. Nothing played, nothing heard; everything played, everything heard.
 */
export function heardText(spoken: SpokenSoFar, heardMs: number): string {
  if (heardMs <= 0) return '';
  if (spoken.complete && heardMs >= spoken.receivedMs && spoken.text !== '') return spoken.text.trim();
  if (spoken.words.length === 0) return inProportion(spoken.text, heardMs, spoken.receivedMs, spoken.complete);
  const begun = spoken.words.filter((word) => word.startMs < heardMs);
  const timed = begun.map((word) => word.text).join(' ');
  const lastWord = spoken.words[spoken.words.length - 1];
  // The timestamps may lag behind the audio: what is past the last of them goes by proportion of the text that is left.
  const beyondMs = heardMs - (lastWord?.endMs ?? 0);
  const untimed = wordsOf(spoken.text).slice(spoken.words.length);
  if (begun.length < spoken.words.length || untimed.length === 0 || beyondMs < 300) return timed;
  const rest = inProportion(untimed.join(' '), beyondMs, spoken.receivedMs - (lastWord?.endMs ?? 0), spoken.complete);
  return rest === '' ? timed : `${timed} ${rest}`;
}

function inProportion(text: string, heardMs: number, audioMs: number, complete: boolean): string {
  const words = wordsOf(text);
  const characters = words.reduce((sum, word) => sum + word.length + 1, 0);
  // While the TTS is still at work, the text is ahead of the audio: an ordinary pace is the better guess then.
  const totalMs = complete ? audioMs : Math.max(audioMs, characters * MS_PER_CHARACTER);
  if (characters === 0 || totalMs <= 0) return '';
  const upTo = (heardMs / totalMs) * characters;
  const heard: string[] = [];
  let position = 0;
  for (const word of words) {
    if (position >= upTo) break;
    heard.push(word);
    position += word.length + 1;
  }
  return heard.join(' ');
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/**
 * Where to go on after a pause, ms from the start of the utterance: at the start of the word that was cut; just behind
 * it if the caller had (all but) heard it out, so that nothing is said twice.
 */
export function resumeAt(words: readonly Word[], heardMs: number): number {
  let at = heardMs;
  for (const word of words) {
    if (word.startMs >= heardMs) break;
    at = heardMs >= word.endMs - ALL_BUT_HEARD_MS ? Math.max(heardMs, word.endMs) : word.startMs;
  }
  return at;
}

/** What we know of the caller's ear lags behind by a round trip and a frame or two. */
const ALL_BUT_HEARD_MS = 60;
