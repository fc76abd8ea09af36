/** The query of a Deepgram listen URL, checked as the real handshake does (contracts/deepgram.md 1.1 and 2.1). */

/** Settings of a /v1/listen stream; times in ms. */
export interface NovaSettings {
  model: string;
  encoding: string | undefined;
  sampleRate: number | undefined;
  interimResults: boolean;
  /** ms of silence until speech_final; false: never. */
  endpointing: number | false;
  utteranceEndMs: number | undefined;
  vadEvents: boolean;
  /** smart_format, punctuate or dictation: words carry `punctuated_word`. */
  punctuated: boolean;
  keyterms: string[];
}

/** Settings of a /v2/listen stream; times in ms. */
export interface FluxSettings {
  model: string;
  encoding: string | undefined;
  sampleRate: number | undefined;
  eotThreshold: number;
  eagerEotThreshold: number | undefined;
  eotTimeoutMs: number;
  keyterms: string[];
  languageHints: string[];
}

/** Thrown by the checks below; turned into a handshake refusal, or into ConfigureFailure. */
export class InvalidParameter extends Error {
  constructor(
    message: string,
    readonly code = 'INVALID_QUERY_PARAMETER',
    readonly status = 400,
  ) {
    super(message);
  }
}

const V1_MODEL =
  /^((nova-3|nova-2|nova|enhanced|base)(-(general|medical|phonecall|meeting|finance|conversationalai|voicemail|video|drivethru|automotive|atc))?|whisper(-(tiny|base|small|medium|large))?)$/u;
const RAW_ENCODINGS = ['linear16', 'linear32', 'mulaw', 'alaw', 'amr-nb', 'amr-wb', 'opus', 'speex', 'g729'];
const V1_ENCODINGS = [...RAW_ENCODINGS, 'flac', 'ogg-opus'];
const V2_ENCODINGS = ['linear16', 'linear32', 'mulaw', 'alaw', 'opus', 'ogg-opus'];
const V1_BOOLEANS = [
  'interim_results',
  'vad_events',
  'smart_format',
  'punctuate',
  'numerals',
  'profanity_filter',
  'filler_words',
  'dictation',
  'diarize',
  'multichannel',
  'mip_opt_out',
];
const V1_LISTS = ['keyterm', 'keywords', 'redact', 'replace', 'search', 'tag', 'extra'];
const V1_SINGLES = [
  'model',
  'language',
  'encoding',
  'sample_rate',
  'channels',
  'endpointing',
  'utterance_end_ms',
  'diarize_model',
  'callback',
  'callback_method',
  'version',
];
const V2_BOOLEANS = ['numerals', 'profanity_filter', 'mip_opt_out'];
const V2_LISTS = ['keyterm', 'language_hint', 'tag', 'redact'];
const V2_SINGLES = ['model', 'encoding', 'sample_rate', 'eot_threshold', 'eager_eot_threshold', 'eot_timeout_ms'];
const MAX_V2_KEYTERMS = 100;
/** Deepgram counts about 500 tokens; we count four characters a token. */
const MAX_KEYTERM_CHARACTERS = 2000;

/** Names that Deepgram's v1 does not document; whether it refuses them is unverified, so they are only recorded. */
export function unknownV1Parameters(query: URLSearchParams): string[] {
  const known = new Set([...V1_BOOLEANS, ...V1_LISTS, ...V1_SINGLES]);
  return [...new Set(query.keys())].filter((name) => !known.has(name));
}

export function novaSettings(query: URLSearchParams): NovaSettings {
  const model = query.get('model') ?? 'base';
  if (model.startsWith('flux')) {
    throw new InvalidParameter(`Model ${model} is served on /v2/listen.`, 'V2_MODEL_ON_V1_LISTEN_ENDPOINT');
  }
  if (!V1_MODEL.test(model)) throw noSuchModel();
  once(query, [...V1_BOOLEANS, ...V1_SINGLES]);
  const booleans = Object.fromEntries(V1_BOOLEANS.map((name) => [name, boolean(query, name)]));
  const language = query.get('language');
  if (language !== null && !/^(multi|[a-z]{2,3}(-[A-Za-z0-9]{2,8})*)$/u.test(language)) throw invalid('language');
  integer(query, 'channels', 1, 16);
  const utteranceEndMs = integer(query, 'utterance_end_ms', 1000, 60_000, 'must be at least 1000');
  if (utteranceEndMs !== undefined && booleans['interim_results'] !== true) {
    throw invalid('utterance_end_ms', 'requires interim_results=true');
  }
  const keyterms = query.getAll('keyterm');
  if (keyterms.length > 0 && !model.startsWith('nova-3')) throw invalid('keyterm', 'is only available for Nova-3');
  if (keyterms.some((term) => term.trim() === '')) throw invalid('keyterm', 'must not be empty');
  if (keyterms.join(' ').length > MAX_KEYTERM_CHARACTERS) throw invalid('keyterm', 'exceeds 500 tokens');
  if (query.has('keywords') && model.startsWith('nova-3')) {
    throw invalid('keywords', 'is not supported for Nova-3; use keyterm');
  }
  return {
    model,
    ...audioFormat(query, V1_ENCODINGS),
    interimResults: booleans['interim_results'] === true,
    endpointing: endpointing(query),
    utteranceEndMs,
    vadEvents: booleans['vad_events'] === true,
    punctuated: ['smart_format', 'punctuate', 'dictation'].some((name) => booleans[name] === true),
    keyterms,
  };
}

export function fluxSettings(query: URLSearchParams): FluxSettings {
  const known = new Set([...V2_BOOLEANS, ...V2_LISTS, ...V2_SINGLES]);
  const unknown = [...query.keys()].find((name) => !known.has(name));
  if (unknown !== undefined) throw new InvalidParameter(`Unknown query parameter ${unknown} for /v2/listen.`);
  once(query, [...V2_BOOLEANS, ...V2_SINGLES]);
  const model = query.get('model');
  if (model === null) throw invalid('model', 'is required');
  if (!model.startsWith('flux')) throw new InvalidParameter(`Model ${model} is not served on /v2/listen.`);
  if (!/^flux-general-(en|multi)$/u.test(model)) throw noSuchModel();
  for (const name of V2_BOOLEANS) boolean(query, name);
  if (query.getAll('tag').some((tag) => tag.length > 128)) throw invalid('tag', 'must be at most 128 characters');
  if (query.getAll('redact').some((what) => what !== 'numbers' && what !== 'aggressive_numbers'))
    throw invalid('redact');
  return {
    model,
    ...audioFormat(query, V2_ENCODINGS),
    ...checkedThresholds({
      eotThreshold: number(query, 'eot_threshold') ?? 0.7,
      eagerEotThreshold: number(query, 'eager_eot_threshold'),
      eotTimeoutMs: number(query, 'eot_timeout_ms') ?? 5000,
    }),
    keyterms: checkedKeyterms(query.getAll('keyterm')),
    languageHints: checkedHints(query.getAll('language_hint'), model),
  };
}

export type Thresholds = Pick<FluxSettings, 'eotThreshold' | 'eagerEotThreshold' | 'eotTimeoutMs'>;

/** Ranges of contracts/deepgram.md 2.1; also for Configure. */
export function checkedThresholds(thresholds: Thresholds): Thresholds {
  const { eotThreshold, eagerEotThreshold, eotTimeoutMs } = thresholds;
  within('eot_threshold', eotThreshold, 0.5, 1);
  if (eagerEotThreshold !== undefined) {
    within('eager_eot_threshold', eagerEotThreshold, 0.3, 0.9);
    if (eagerEotThreshold > eotThreshold) {
      throw new InvalidParameter('eager_eot_threshold must not exceed eot_threshold');
    }
  }
  within('eot_timeout_ms', eotTimeoutMs, 500, 60_000);
  if (!Number.isInteger(eotTimeoutMs)) throw invalid('eot_timeout_ms');
  return thresholds;
}

export function checkedKeyterms(keyterms: string[]): string[] {
  if (keyterms.length > MAX_V2_KEYTERMS) throw invalid('keyterm', `allows at most ${MAX_V2_KEYTERMS}`);
  if (keyterms.some((term) => term.trim() === '')) throw invalid('keyterm', 'must not be empty');
  return keyterms;
}

export function checkedHints(hints: string[], model: string): string[] {
  if (hints.length > 0 && !model.endsWith('-multi')) throw invalid('language_hint', 'needs a multilingual model');
  if (hints.some((hint) => !/^[a-z]{2}(-[A-Za-z]{2,4})?$/u.test(hint))) throw invalid('language_hint');
  return hints;
}

function audioFormat(query: URLSearchParams, encodings: string[]): Pick<FluxSettings, 'encoding' | 'sampleRate'> {
  const encoding = query.get('encoding') ?? undefined;
  if (encoding !== undefined && !encodings.includes(encoding)) throw invalid('encoding');
  const sampleRate = integer(query, 'sample_rate', 8000, 96_000);
  if (encoding !== undefined && RAW_ENCODINGS.includes(encoding) && sampleRate === undefined) {
    throw invalid('sample_rate', `is required with encoding=${encoding}`);
  }
  return { encoding, sampleRate };
}

function endpointing(query: URLSearchParams): number | false {
  const value = query.get('endpointing');
  if (value === 'false') return false;
  if (value === 'true') return 10;
  return integer(query, 'endpointing', 0, 60_000) ?? 10;
}

function once(query: URLSearchParams, names: string[]): void {
  const repeated = names.find((name) => query.getAll(name).length > 1);
  if (repeated !== undefined) throw invalid(repeated, 'was given more than once');
}

function boolean(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  if (value !== 'true' && value !== 'false') throw invalid(name, 'must be true or false');
  return value === 'true';
}

function number(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  if (!/^\d+(\.\d+)?$/u.test(value)) throw invalid(name, 'must be a number');
  return Number(value);
}

function integer(query: URLSearchParams, name: string, min: number, max: number, why?: string): number | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  const parsed = Number(value);
  if (!/^\d+$/u.test(value) || parsed < min || parsed > max) {
    throw invalid(name, why ?? `must be an integer between ${min} and ${max}`);
  }
  return parsed;
}

function within(name: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max)) throw invalid(name, `must be between ${min} and ${max}`);
}

function invalid(name: string, why = 'has an unsupported value'): InvalidParameter {
  return new InvalidParameter(`Invalid value for ${name}: ${why}.`);
}

/** A mistyped model looks like one without access. */
function noSuchModel(): InvalidParameter {
  return new InvalidParameter('Project does not have access to the requested model.', 'INSUFFICIENT_PERMISSIONS', 403);
}
