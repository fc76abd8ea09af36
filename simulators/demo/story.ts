/** The demo's conversation: what the caller does, what the model answers, and what must have been heard. */
import type { CallReport, CallerScript } from '../twilio';
import type { ReplyRule } from '../openai';

export const GREETING = 'Hello, this is Acme. How can I help you?';
const HOURS = 'Yes, on Sunday we are open from ten to four.';
const REPAIR =
  'Of course we can. A flat tyre takes about twenty minutes, and while you wait you can try our new bicycles in the yard behind the shop.';
const PRICE = 'It is fifteen euros, with a new tube.';
const BYE = 'You are welcome. Goodbye.';

export const SCRIPT: CallerScript = [
  { waitFor: 'help you', timeoutMs: 10_000 },
  { waitForSilence: 600 },
  { say: 'Do you open on Sunday' },
  { waitForSilence: 600 },
  { say: 'Can you repair a flat tyre while I wait' },
  { interruptAfterWords: 9, say: 'Great how much is it' },
  { waitForSilence: 600 },
  { say: 'Thank you goodbye' },
  { waitForSilence: 600 },
  { hangUp: true },
];

export const REPLIES: ReplyRule[] = [
  { match: 'sunday', reply: HOURS },
  { match: 'tyre', reply: REPAIR },
  { match: 'how much', reply: PRICE },
  { match: 'thank you', reply: BYE },
];

/**
 * Looks whether the caller heard what had to be heard, the agent fell silent when it was cut off, and the model was told
 * just the words that the caller had heard.
 * @param told what the model was sent with its last request
 * @returns what was not as it should be; empty if all was well
 */
export function judge(report: CallReport, told: readonly { role: string; text: string }[]): string[] {
  const wrong: string[] = [];
  if (report.failure !== undefined) wrong.push(`The caller could not go on: ${report.failure}`);
  const plain = (text: string): string =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s]/gu, '')
      .replace(/\s+/g, ' ')
      .trim();
  const heard = plain(report.heardText);
  const start = `${plain(GREETING)} ${plain(HOURS)} `;
  const end = ` ${plain(PRICE)} ${plain(BYE)}`;
  const cut = heard.startsWith(start) && heard.endsWith(end) ? heard.slice(start.length, -end.length) : undefined;
  if (cut === undefined) wrong.push(`The caller heard "${report.heardText}".`);
  else {
    if (!plain(REPAIR).startsWith(cut)) wrong.push(`Of the reply that was cut off, the caller heard "${cut}".`);
    if (cut.split(' ').length >= REPAIR.split(' ').length - 4) wrong.push('The reply that was to be cut off was not.');
    const remembered = told.filter(({ role }) => role === 'assistant').map(({ text }) => plain(text));
    const kept = remembered.find((text) => text.startsWith('of course'));
    const words = cut.split(' ');
    const short = words.slice(0, -1).join(' ');
    if (kept === undefined || !(kept.startsWith(cut) || kept.startsWith(short))) {
      wrong.push(`The caller heard "${cut}", but the model was told "${kept ?? ''}".`);
    }
  }
  for (const { code, message } of report.findings) wrong.push(`The phone company found fault: ${code} ${message}`);
  if (report.endedBy !== 'caller') wrong.push(`The call was ended by ${report.endedBy ?? 'nobody'}: ${report.reason}`);
  return wrong;
}
