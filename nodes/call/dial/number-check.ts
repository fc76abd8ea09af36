/**
 * The one check for every number that is dialled, by whomever: outbound, transfer, forwarding (CALLS, section 5). Pure: what it
 * needs to know is handed to it.
 */
import { EMERGENCY_RANGES, PREMIUM_RANGES, rangeOf } from './number-plan';

/** What the ops person allows. */
export interface NumberRules {
  /** Beginnings of numbers, such as `+49` or `+1212`, and hosts of SIP addresses, such as `sip:pbx.example.com`. */
  allowed: readonly string[];
  /** Numbers that stand in the node itself: allowed without a prefix. */
  fixed?: readonly string[];
}

/** Why a number is not dialled. */
export type Refusal = 'missing' | 'form' | 'emergency' | 'not-allowed' | 'premium';

export type NumberVerdict =
  | { right: true; /** As it is dialled: E.164, or a SIP address. */ number: string }
  | { right: false; refusal: Refusal; /** For the ops person; names no number in full. */ words: string };

/** Country code and subscriber: 7 to 15 digits. Shorter ones are service codes. */
const MIN_DIGITS = 7;
const MAX_DIGITS = 15;
/** A number, and not a novel. */
const LONGEST = 256;
/** What people put between digits: blanks of all kinds, dashes, brackets, dots, slashes, and marks of direction that cannot be seen. */
const DECORATION = /[\s()[\].\-/\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;
/** No escapes, no parameters, no headers: nothing in which a number could hide. */
const SIP =
  /^(sips?):([A-Za-z0-9_.!~*'&=+$-]{1,64})@([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)(?::(\d{1,5}))?$/i;
/** Of a SIP address that stands among the allowed ones: the host alone. */
const SIP_HOST = /^sips?:(?:\*?@)?([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)$/i;
/** Behind a trunk these reach the emergency services in many countries; other short numbers may be a PBX's extensions. */
const EMERGENCY = new Set(['000', '110', '112', '119', '911', '995', '998', '999']);

/** Is this an entry that an allow-list may have? */
export function isAllowable(entry: string): boolean {
  return /^\+[1-9]\d{0,14}$/.test(entry) || SIP_HOST.test(entry);
}

/** A number as it may stand in a config or come with a message, in E.164 or as a SIP address; undefined for what is neither. */
export function normaliseNumber(raw: string): string | undefined {
  const trimmed = raw.trim();
  if (trimmed.length > LONGEST) return undefined;
  if (/^sips?:/i.test(trimmed)) return SIP.test(trimmed) ? trimmed : undefined;
  // "+44 (0)20 ...": the zero is for those who call from within the country.
  const number = trimmed.replace(/\(0\)/, '').replace(DECORATION, '');
  return isE164(number) ? number : undefined;
}

/** Checks a number that is about to be dialled. How often it may be dialled is looked after elsewhere (history.ts). */
export function checkNumber(raw: string, rules: NumberRules): NumberVerdict {
  const bare = raw.trim().replace(/\(0\)/, '').replace(DECORATION, '');
  if (bare === '') return refuse('missing', 'there is no number to dial.');
  if (/^\+?\d{1,6}$/.test(bare)) return refuse('emergency', 'emergency numbers and short codes are never dialled.');
  const number = normaliseNumber(raw);
  if (number === undefined) {
    return refuse('form', 'the number to dial must be in international form, such as +15551234567, or a SIP address.');
  }
  return number.startsWith('+') ? checkE164(number, rules) : checkSip(number, rules);
}

function checkE164(number: string, { allowed, fixed = [] }: NumberRules): NumberVerdict {
  if (rangeOf(EMERGENCY_RANGES, number) !== undefined) {
    return refuse('emergency', `emergency numbers and service codes are never dialled (${shown(number)}).`);
  }
  const prefixes = allowed.filter((prefix) => number.startsWith(prefix));
  if (prefixes.length === 0 && !fixed.some((each) => normaliseNumber(each) === number)) {
    return refuse(
      'not-allowed',
      allowed.length === 0
        ? 'only numbers that stand in the node may be dialled: enter the allowed prefixes, such as +49, to dial others.'
        : `numbers that begin with ${shown(number)} are not among the allowed prefixes.`,
    );
  }
  const range = rangeOf(PREMIUM_RANGES, number);
  // `+1` does not mean `+1 900`: whoever wants that says so.
  if (range !== undefined && !prefixes.some((prefix) => prefix.length >= range.length)) {
    const example = number.slice(0, range.length);
    return refuse('premium', `premium-rate numbers are not dialled (${example}...), unless ${example} is among the allowed prefixes itself.`); // prettier-ignore
  }
  return { right: true, number };
}

function checkSip(address: string, { allowed, fixed = [] }: NumberRules): NumberVerdict {
  const [, scheme = '', user = '', host = '', port] = SIP.exec(address) ?? [];
  if (EMERGENCY.has(user.replace(/^\+/, '').replace(DECORATION, ''))) {
    return refuse('emergency', 'emergency numbers are never dialled, by SIP neither.');
  }
  const isFixed = fixed.some((each) => each.trim().toLowerCase() === address.toLowerCase());
  const hosts = allowed.flatMap((entry) => SIP_HOST.exec(entry)?.[1]?.toLowerCase() ?? []);
  if (!isFixed && !hosts.includes(host.toLowerCase())) {
    return refuse(
      'not-allowed',
      `the host ${host.slice(0, 60)} is not among the allowed ones: enter it as sip:<host>.`,
    );
  }
  // A trunk dials on: what looks like a phone number is checked as one.
  const digits = user.replace(DECORATION, '').replace(/^(\+|00|011)/, '');
  if (/^\d+$/.test(digits) && digits.length >= MIN_DIGITS) {
    const inner = checkE164(`+${digits}`, { allowed: [`+${digits}`.slice(0, 2), ...allowed] });
    if (!inner.right) return inner;
  }
  const place = port === undefined ? host : `${host}:${port}`;
  return { right: true, number: `${scheme.toLowerCase()}:${user}@${place.toLowerCase()}` };
}

function isE164(number: string): boolean {
  if (!/^\+[1-9]\d*$/.test(number)) return false;
  const digits = number.length - 1;
  if (digits < MIN_DIGITS || digits > MAX_DIGITS) return false;
  // NANP: three and seven digits, and neither part begins with 0 or 1.
  return !number.startsWith('+1') || /^\+1[2-9]\d{2}[2-9]\d{6}$/.test(number);
}

/** So much of a number as may stand in a log. */
function shown(number: string): string {
  return `${number.slice(0, 5)}...`;
}

function refuse(refusal: Refusal, words: string): NumberVerdict {
  return { right: false, refusal, words };
}
