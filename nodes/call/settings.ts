/**
 * Reads a node's config, which is whatever an editor, an import or a hand-written flow file put there, into settings.
 * Node-RED has filled in `${ENV}` already, so numbers may come as text.
 */

/** Thrown for a setting that cannot be used: in words for the ops person, naming the field as the edit dialog does. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

/** A node's config as it stands in the flow file. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** Text, trimmed; the default where it is missing or empty. */
export function text(config: RawConfig, name: string, fallback = ''): string {
  const value = config[name];
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'string' && typeof value !== 'number') throw new SettingError(`${name} must be text.`);
  const trimmed = String(value).trim();
  return trimmed === '' ? fallback : trimmed;
}

/** A number within bounds; the default where it is missing or empty. */
export function number(config: RawConfig, name: string, fallback: number, min: number, max: number): number {
  return optionalNumber(config, name, min, max) ?? fallback;
}

/** A number within bounds, or undefined where the field is empty: the provider's own default. */
export function optionalNumber(config: RawConfig, name: string, min: number, max: number): number | undefined {
  const value = config[name];
  if (value === undefined || value === null || value === '') return undefined;
  const read = typeof value === 'number' ? value : Number(value);
  if (!Number.isFinite(read) || read < min || read > max) {
    throw new SettingError(`${name} must be a number from ${min} to ${max}, not ${JSON.stringify(value)}.`);
  }
  return read;
}

/** A checkbox; environment variables give `true` and `false` as text. */
export function flag(config: RawConfig, name: string, fallback: boolean): boolean {
  const value = config[name];
  if (value === undefined || value === null || value === '') return fallback;
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw new SettingError(`${name} must be true or false, not ${JSON.stringify(value)}.`);
}

/** One of a list of words; the default where it is missing or empty. */
export function choice<T extends string>(config: RawConfig, name: string, among: readonly T[], fallback: T): T {
  const value = text(config, name, fallback);
  const found = among.find((one) => one === value);
  if (found === undefined) throw new SettingError(`${name} must be one of ${among.join(', ')}, not "${value}".`);
  return found;
}

/** A JSON object, as text or already an object: further options of a provider. */
export function jsonObject(config: RawConfig, name: string): Record<string, unknown> {
  const value = config[name];
  if (value === undefined || value === null || value === '') return {};
  let read: unknown = value;
  if (typeof value === 'string') {
    try {
      read = JSON.parse(value);
    } catch {
      throw new SettingError(`${name} is not valid JSON.`);
    }
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) {
    throw new SettingError(`${name} must be a JSON object, such as {"name": "value"}.`);
  }
  return read as Record<string, unknown>;
}

/** A JSON object whose values are text, numbers or truth values, as text: headers, query parameters, parameters. */
export function textMap(config: RawConfig, name: string): Record<string, string> {
  const map: Record<string, string> = {};
  for (const [key, value] of Object.entries(jsonObject(config, name))) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') map[key] = String(value);
    else throw new SettingError(`${name}: the value of "${key}" must be text, a number, true or false.`);
  }
  return map;
}

/**
 * Topics that a node acts on, with commas between; never audio.
 * @param label what the edit dialog calls the field
 */
export function topics(config: RawConfig, name: string, label: string): ReadonlySet<string> {
  const found = text(config, name).split(/[\n,;]/).map((topic) => topic.trim()).filter((topic) => topic !== ''); // prettier-ignore
  if (found.includes('audio')) throw new SettingError(`${label}: audio is never acted on.`);
  return new Set(found);
}

/** A base URL without its last slash; empty = the provider's own. */
export function baseUrl(config: RawConfig, fallback: string): string {
  const value = text(config, 'baseUrl', fallback);
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    throw new SettingError(`baseUrl is not a URL: "${value}".`);
  }
  if (!['http:', 'https:', 'ws:', 'wss:'].includes(url.protocol)) {
    throw new SettingError(`baseUrl must begin with http(s):// or ws(s)://, not "${value}".`);
  }
  return value.replace(/\/+$/, '');
}

/** The same URL for a WebSocket: http becomes ws, https wss. */
export function asWebSocketUrl(url: string): string {
  return url.replace(/^http/, 'ws');
}
