import type { AnsweredBy } from '../call/dial/answer';

/** `AnsweredBy` (contracts/twilio.md, section 10.2) in our words. A greeting that was heard to its end was a machine's. */
const FOUND = new Map<string, AnsweredBy>([
  ['human', { by: 'human', state: 'detected' }],
  ['machine_start', { by: 'machine', state: 'detected' }],
  ['machine_end_beep', { by: 'machine', state: 'beep' }],
  ['machine_end_silence', { by: 'machine', state: 'greeting-ended' }],
  ['machine_end_other', { by: 'machine', state: 'greeting-ended' }],
  ['fax', { by: 'fax', state: 'detected' }],
  ['unknown', { by: 'unknown', state: 'detected' }],
]);

/** Who has answered; undefined for what is no result. */
export function answeredBy(word: string | undefined): AnsweredBy | undefined {
  if (word === undefined || word === '') return undefined;
  const found = FOUND.get(word);
  if (found) return { ...found };
  // A word that Twilio has thought of since.
  return { by: word.startsWith('machine') ? 'machine' : 'unknown', state: 'detected' };
}
