import { errors } from './errors';
import { isCallable } from './ids';

/** A command's body, checked. */
export type Body = Readonly<Record<string, unknown>>;

/** What a field of a command must be. */
export interface Rule {
  type: 'string' | 'number' | 'boolean' | 'object' | 'array';
  required?: true;
  /** Strings: allowed values. */
  oneOf?: readonly (string | number)[];
  /** Numbers: value; strings: length; both ends included. */
  range?: readonly [min: number, max: number];
  /** Strings: what else must hold. */
  format?: 'base64' | 'callable' | 'stream-url' | 'http-url' | 'dtmf';
}

export type Rules = Readonly<Record<string, Rule>>;

/** Every command takes these (contracts/telnyx.md section 3.2). */
export const COMMON: Rules = {
  client_state: { type: 'string', format: 'base64' },
  command_id: { type: 'string', range: [1, 255] },
};

/**
 * Checks a body; throws the TelnyxError of the first thing that is wrong. A field that is null counts as left out.
 * @returns the names of the fields that nobody knows: the real API ignores them
 */
export function check(body: Body, rules: Rules): string[] {
  for (const [name, rule] of Object.entries(rules)) {
    const value = body[name] ?? undefined;
    if (value === undefined) {
      if (rule.required) throw errors.missing(`The '${name}' parameter is required and cannot be blank.`, `/${name}`);
      continue;
    }
    const type = Array.isArray(value) ? 'array' : typeof value;
    if (type !== rule.type) throw errors.invalid(`The '${name}' parameter must be a ${rule.type}.`, `/${name}`);
    checkValue(name, rule, value);
  }
  return Object.keys(body).filter((name) => !Object.hasOwn(rules, name));
}

function checkValue(name: string, rule: Rule, value: unknown): void {
  const pointer = `/${name}`;
  if (rule.oneOf && !rule.oneOf.some((each) => each === value)) {
    throw errors.notOneOf(`The value must be one of: ${rule.oneOf.join(', ')}.`, pointer);
  }
  if (rule.range && (typeof value === 'number' || typeof value === 'string')) {
    const [min, max] = rule.range;
    const size = typeof value === 'string' ? value.length : value;
    if (size < min || size > max)
      throw errors.outOfRange(`The value is outside of allowed range ${min} to ${max}`, pointer);
  }
  if (typeof value !== 'string' || rule.format === undefined) return;
  switch (rule.format) {
    case 'base64':
      if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value))
        throw errors.invalid(`The '${name}' parameter must be a valid Base64 string.`, pointer);
      return;
    case 'callable':
      if (!isCallable(value)) throw errors.notE164(`The '${name}' parameter must be in E164 format.`, pointer);
      return;
    case 'stream-url':
      if (!isUrl(value, /^wss?:$/)) throw errors.invalid(`The '${name}' must be a WebSocket URL.`, pointer);
      return;
    case 'http-url':
      if (!isUrl(value, /^https?:$/)) throw errors.invalid(`The '${name}' must be a URL.`, pointer);
      return;
    case 'dtmf':
      if (!/^[0-9A-DwW*#]+$/.test(value)) throw errors.invalid(`The '${name}' parameter has invalid digits.`, pointer);
  }
}

function isUrl(value: string, protocol: RegExp): boolean {
  return URL.canParse(value) && protocol.test(new URL(value).protocol);
}

/** A checked field that is a string, or undefined. */
export function text(body: Body, name: string): string | undefined {
  const value = body[name];
  return typeof value === 'string' ? value : undefined;
}

/** A checked field that is a number, or undefined. */
export function number(body: Body, name: string): number | undefined {
  const value = body[name];
  return typeof value === 'number' ? value : undefined;
}
