import { readAnswerSettings } from './answer';
import type { AnswerSettings } from './answer';
import { ProviderError } from '../errors';
import { checkNumber, isAllowable, normaliseNumber } from './number-check';
import { MAX_PARAMETERS, MAX_PARAMETERS_BYTES } from '../carrier/parameters';
import { number, SettingError, text, textMap } from '../settings';
import type { RawConfig } from '../settings';

/** What the dial nodes of all carriers have in common, as deployed. */
export interface DialSettings {
  /** Id of the in-node that the answered call enters. */
  enter: string;
  /** Empty: from the message. */
  from: string;
  to: string;
  parameters: Record<string, string>;
  /** How long it may ring, ms. */
  ringMs: number;
  /** Allowed prefixes, and hosts of SIP addresses. */
  allowed: string[];
  /** Calls to one number in an hour. */
  perHour: number;
  /** What follows when somebody, or a machine, answers. */
  answer: AnswerSettings;
}

/** A call that may be placed: its numbers have been checked. */
export interface DialOrder {
  from: string;
  to: string;
  parameters: Record<string, string>;
}

/**
 * Reads the settings.
 * @param detects whether the node asks for answering-machine detection
 * @param ring the shortest and the longest time that the carrier lets a phone ring, s
 * @throws SettingError in words for the ops person
 */
export function readDialSettings(
  config: RawConfig,
  ring: { min: number; max: number },
  detects: boolean,
): DialSettings {
  const enter = text(config, 'enter');
  if (enter === '') throw new SettingError('Choose the node that the answered call enters.');
  const from = text(config, 'from');
  if (from !== '' && normaliseNumber(from) === undefined) {
    throw new SettingError('The number to call from must be in international form, such as +15551234567.');
  }
  const to = text(config, 'to');
  if (to !== '') {
    const verdict = checkNumber(to, { allowed: readPrefixes(config), fixed: [to] });
    if (!verdict.right) throw new SettingError(`The number to call: ${verdict.words}`);
  }
  return {
    enter,
    from,
    to,
    parameters: textMap(config, 'parameters'),
    ringMs: number(config, 'ringTimeout', 30, ring.min, ring.max) * 1_000,
    allowed: readPrefixes(config),
    perHour: number(config, 'perHour', 10, 1, 1_000),
    answer: readAnswerSettings(config, detects),
  };
}

/** The allow-list: one entry a line, or with commas between. */
export function readPrefixes(config: RawConfig): string[] {
  const entries = text(config, 'allowed')
    .split(/[\n,;]/)
    .map((entry) => entry.replace(/[\s()-]/g, ''))
    .filter((entry) => entry !== '');
  const wrong = entries.find((entry) => !isAllowable(entry));
  if (wrong === undefined) return entries;
  throw new SettingError(`Allowed prefixes are such as +49 or sip:pbx.example.com, not "${wrong.slice(0, 40)}".`);
}

/**
 * What a message orders: the node's own numbers come first, else `msg.to` or `msg.payload`, and `msg.from`.
 * @param type the node's type, for words
 * @throws ProviderError in words: which number is missing, or is not dialled and why
 */
export function readOrder(type: string, msg: Readonly<Record<string, unknown>>, settings: DialSettings): DialOrder {
  const wanted = settings.to || asNumber(msg.to) || asNumber(msg.payload);
  const verdict = checkNumber(wanted, { allowed: settings.allowed, fixed: settings.to === '' ? [] : [settings.to] });
  if (!verdict.right) throw refused(type, verdict.words);
  const from = normaliseNumber(settings.from || asNumber(msg.from));
  if (from === undefined) {
    throw refused(
      type,
      'there is no number to call from: enter one of yours, or send it as msg.from, such as +15551234567.',
    );
  }
  return { to: verdict.number, from, parameters: { ...settings.parameters, ...readParameters(type, msg.parameters) } };
}

function readParameters(type: string, value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  let parameters: Record<string, string>;
  try {
    parameters = textMap({ parameters: value }, 'parameters');
  } catch (err) {
    throw refused(type, `msg.${err instanceof Error ? err.message : 'parameters cannot be read.'}`);
  }
  const bytes = Buffer.byteLength(JSON.stringify(parameters));
  if (Object.keys(parameters).length <= MAX_PARAMETERS && bytes <= MAX_PARAMETERS_BYTES) return parameters;
  throw refused(type, `msg.parameters may have ${MAX_PARAMETERS} entries and ${MAX_PARAMETERS_BYTES / 1024} kB.`);
}

/** A number in a message, which may be a number in the sense of JavaScript; then its + is missing, and it is refused in words. */
function asNumber(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}

/** Nothing was dialled, and why. */
export function refused(type: string, words: string): ProviderError {
  return new ProviderError(type, 'settings', words, { advice: '' });
}
