import { ProviderError } from '../errors';

/** Names the errors. */
const TYPE = 'call-control';

/** What `call-control` can have done, as it is called in its config and in `msg.action`. */
export const ACTIONS = [
  'hang-up',
  'transfer',
  'recording-start',
  'recording-pause',
  'recording-resume',
  'recording-stop',
  'recording-delete',
  'recording-fetch',
  'transcription-start',
  'transcription-stop',
  'private-on',
  'private-off',
  'digits',
  'set-values',
] as const;
export type Action = (typeof ACTIONS)[number];

/** Digits that are sent at once at most: no menu wants more. */
export const MAX_DIGITS = 64;

/** @throws ProviderError in words */
export function readDigits(wanted: string): string {
  // What people write between digits makes no sound.
  const digits = wanted.replace(/[\s-]/g, '');
  if (digits === '') throw refused('there are no digits to send: enter them, or send them as msg.digits.');
  if (digits.length > MAX_DIGITS) throw refused(`at most ${MAX_DIGITS} digits are sent at once, not ${digits.length}.`);
  if (!/^[0-9A-Da-d*#wW]+$/.test(digits)) {
    throw refused('digits are 0 to 9, A to D, * and #, and w for a pause of half a second; others are not sent.');
  }
  return digits.toUpperCase().replaceAll('W', 'w');
}

/** Nothing was done, and why. */
export function refused(words: string, code?: string): ProviderError {
  return new ProviderError(TYPE, 'settings', words, { advice: '', ...(code !== undefined && { code }) });
}

/** The in-node that a recording came in by is not deployed any more. */
export function noDesk(): ProviderError {
  return refused(
    'the node that the recording came in by (msg.payload.node) is not here any more: its account is needed to fetch or delete it.',
  );
}
