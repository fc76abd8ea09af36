/** What a TTS that speaks in contexts (several stretches of speech on one socket) is to the node, whoever it is. */
import type { ProviderError } from '../errors';
import type { Word } from '../message';

/** What happens to one context. After `done` or `failed` nothing more comes. */
export interface ContextListener {
  /** A chunk of raw mu-law 8 kHz, of any length. */
  audio(chunk: Buffer): void;
  /** Times in ms from the start of the context. */
  words(words: readonly Word[]): void;
  done(): void;
  /** The context is lost, with its socket or alone. */
  failed(err: ProviderError): void;
  /** Something came that nobody can read and that may have been ours. The context goes on. */
  odd(err: ProviderError): void;
}

/** One context: a stretch of speech that is asked for piece by piece. */
export interface SpeechContext {
  /** @param more false with the last piece, which may be empty */
  say(text: string, more: boolean): void;
  /** Gives it up: nothing more is heard of it. */
  cancel(): void;
  /**
   * For a provider that goes on with what was cancelled, and counts it as long as it does.
   * @param freed called once, when it counts no more; at once if it does not now
   */
  whenFreed?(freed: () => void): void;
  /** Gives it up together with its socket, which has fallen silent; what others have open on that goes on. */
  distrust(): void;
  /** Nothing has come or gone for a tenth of a second: what was held back until there would be more is let go. */
  settle?(): void;
}

/** One socket that holds contexts. */
export interface ContextSocket<Voice> {
  /** True while a context can be opened on it (once it is ready). */
  readonly usable: boolean;
  /** Opens a context: nothing is sent before its first text. */
  open(voice: Voice, listener: ContextListener): SpeechContext;
}
