/**
 * What a scripted caller does, as plain data that can be sent to another process.
 *
 * Waiting steps fail after `timeoutMs` (default 10 s); the caller then hangs up and the report says which step failed and why.
 * What the agent says while the caller speaks is heard, but no later step waits for it: an answer begins after the question.
 * At the end of the script the caller stays on the line, silent, until somebody hangs up.
 */
export type CallerStep =
  /** Say this; the step ends with the last sound. Speaking over the agent is possible. */
  | { say: string; msPerWord?: number }
  /** Until n more words of the agent have begun. */
  | { waitForWords: number; timeoutMs?: number }
  /** Until this word or phrase is heard. Case and punctuation do not count. */
  | { waitFor: string; timeoutMs?: number }
  /** Listen to an answer: until the agent has spoken since the caller's last speech, and has been silent for so many ms. */
  | { waitForSilence: number; timeoutMs?: number }
  /** When n words of the agent's current utterance have begun, say this over it. */
  | { interruptAfterWords: number; say: string; msPerWord?: number; timeoutMs?: number }
  /** Make a noise that is no speech, for so many ms. */
  | { cough: number }
  /** Beep, as answering machines do, for so many ms. */
  | { beep: number }
  /** Press keys: 0-9 * # A-D, 100 ms each. */
  | { press: string }
  /** Stay silent for so many ms. */
  | { pause: number }
  /** Put the receiver down. */
  | { hangUp: true };

/** A caller's whole part in a call. */
export type CallerScript = readonly CallerStep[];

/** How long a waiting step waits when it does not say, in ms. */
export const DEFAULT_STEP_TIMEOUT_MS = 10_000;

/** A word as it is compared: lower case, without punctuation. */
export function normalise(word: string): string {
  return word.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}

/** Is this one of the keys that a phone has? */
export function isDigit(key: string): boolean {
  return /^[0-9A-D*#]$/.test(key);
}
