import { RestError } from './rest-error';

/** Reads one parameter of a request; several of one name are joined with a space. Undefined: it is not given, or empty. */
export type Field = (name: string) => string | undefined;

/** The parameters of a form. */
export function fieldsOf(form: URLSearchParams): Field {
  return (name) => form.getAll(name).join(' ') || undefined;
}

/** The attributes of a TwiML noun, under the names that the REST API has for them: `channels` is `RecordingChannels` with the prefix. */
export function attributesAs(attributes: Record<string, string>, names: Record<string, string> = {}): Field {
  return (name) => {
    const own = names[name] ?? name[0]?.toLowerCase() + name.slice(1);
    return attributes[own] || undefined;
  };
}

/** Twilio's general code for a parameter with a value that it does not know. */
const INVALID_PARAMETER = 20001;

/** A parameter has a value that cannot be. */
export function invalid(name: string, value: string, code = INVALID_PARAMETER): RestError {
  return new RestError(400, code, `Parameter '${name}' has the invalid value '${value.slice(0, 200)}'`);
}

/** The call or the recording is not in a state in which this can be done (21220). */
export function notEligible(message: string): RestError {
  return new RestError(400, 21220, message);
}

/** One of a few words; without `fallback` it must be given. */
export function oneOf<T extends string>(field: Field, name: string, words: readonly T[], fallback?: string): T {
  const value = field(name) ?? fallback;
  const found = words.find((each) => each === value);
  if (found === undefined) throw invalid(name, value ?? '');
  return found;
}

/** A whole number within bounds. */
export function whole(field: Field, name: string, least: number, most: number, fallback: number): number {
  const value = field(name);
  if (value === undefined) return fallback;
  const number = /^\d+$/.test(value) ? Number(value) : NaN;
  if (!(number >= least && number <= most)) throw invalid(name, value);
  return number;
}

/** `true` or `false`, in these letters. */
export function flag(field: Field, name: string, fallback: boolean): boolean {
  return oneOf(field, name, ['true', 'false'], String(fallback)) === 'true';
}

export function isHttpUrl(url: string): boolean {
  return /^https?:\/\/[^/]/.test(url) && URL.canParse(url);
}
