import { ProviderError } from './errors';

/**
 * One line an event, in logfmt: `<event> call=<id> node=<id> key=value key="with spaces"`. Events are named in the field's terms,
 * dotted (`call.started`); docs/LOGS.md lists them. What comes from outside stands in a value and can neither end the line nor
 * forge a field of it.
 */

/** Node-RED's levels, without those that are only its own. Nothing personal above debug: no number, no words, no SIP address. */
export type LogLevel = 'info' | 'warn' | 'debug' | 'trace';

/** What a line says of its event; undefined is left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** As much of a value as stands in a line, characters: the rest is cut off and marked so. */
const MAX_VALUE_CHARACTERS = 300;

/** An event's name; anything else that is to be logged is words, and becomes a value. */
const EVENT = /^[a-z][\w-]*(\.[\w-]+)*$/;
/** What needs no quotes. */
const BARE = /^[\w.:@/+*#-]+$/;
/** What JSON leaves as it is, and a terminal or a log viewer takes for the end of a line, a command, or writing backwards. */
const UNSAFE = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Phone numbers, with their usual decoration, and SIP addresses. Codes, ids and times of day are shorter, or stand in words. */
const SIP_ADDRESS = /\bsips?:[^\s"'<>,;)]+/gi;
const INTERNATIONAL = /(?<![\w.])\+\d(?:[\s().-]{0,2}\d){4,17}(?!\w)/g;
const DIGITS = /(?<![\w.:+-])\d{7,15}(?![\w:-])/g;

/**
 * A line for Node-RED's logger.
 * @param call id of the call, where it concerns one
 */
export function logLine(event: string, call: string | undefined, node: string, fields: LogFields = {}): string {
  const named = EVENT.test(event);
  let line = named ? event : 'note';
  if (call !== undefined && call !== '') line += ` call=${shown(call)}`;
  line += ` node=${shown(node)}`;
  if (!named) line += ` what=${shown(event)}`;
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${name}=${shown(value)}`;
  }
  return line;
}

/** A value as it stands in a line: in quotes, and escaped as JSON does, wherever it is not plain. */
function shown(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value);
  if (BARE.test(value) && value.length <= MAX_VALUE_CHARACTERS) return value;
  const cut = value.length > MAX_VALUE_CHARACTERS ? `${value.slice(0, MAX_VALUE_CHARACTERS)}…` : value;
  return JSON.stringify(cut).replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The words without phone numbers and SIP addresses: a provider's refusal quotes what it was asked. */
export function withoutNumbers(words: string): string {
  return words.replace(SIP_ADDRESS, '[SIP address]').replace(INTERNATIONAL, '[number]').replace(DIGITS, '[number]');
}

/** An error's line: `error call=... node=... provider=... cause=... code=... what="..."`. */
export function errorLine(err: Error, call: string | undefined, node: string): string {
  const what = withoutNumbers(err.message);
  if (!(err instanceof ProviderError)) return logLine('error', call, node, { what });
  const { provider, cause, code } = err;
  return logLine('error', call, node, { provider, cause, code, what });
}

/**
 * Has Node-RED log an error as such a line. What no Catch node takes, Node-RED logs as `'...' + error`, and a logger of the user's
 * writes as JSON; a Catch node asks for the error's words by `toString` and gets no more than these, as ever.
 * @returns the same error
 */
export function onOneLine<E extends Error>(err: E, call: string | undefined, node: string): E {
  return sayAs(err, () => errorLine(err, call, node));
}

/** Has an error say itself by this line, wherever it is made a text or JSON. @returns the same error */
export function sayAs<E extends Error>(err: E, line: () => string): E {
  if (!Object.isExtensible(err)) return err;
  for (const name of [Symbol.toPrimitive, 'toJSON']) {
    Object.defineProperty(err, name, { value: line, configurable: true, enumerable: false, writable: true });
  }
  return err;
}

/** Lines that are made only where somebody wants them: those of each message, of each utterance would cost more than what they tell of. */
const wanted = { debug: false, trace: false };

/** False for a line that nobody would see. */
export function isLogged(level: LogLevel): boolean {
  return level === 'debug' || level === 'trace' ? wanted[level] : true;
}

/** @param logging `settings.logging` of Node-RED: its loggers, each with a level */
export function followLogging(logging: unknown): void {
  const loggers: unknown[] = typeof logging === 'object' && logging !== null ? Object.values(logging) : [];
  const levels = loggers.map((each) =>
    typeof each === 'object' && each !== null && 'level' in each ? each.level : '',
  );
  wanted.trace = levels.includes('trace');
  wanted.debug = wanted.trace || levels.includes('debug');
}
