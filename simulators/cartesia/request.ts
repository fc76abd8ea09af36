/** Cartesia's generation request, checked field by field (contracts/cartesia.md 0 and 1.2). */
import { isObject } from '../loopback';
import { CartesiaError, badRequest, type Version } from './errors';

/** One input of a context. */
export interface GenerationInput {
  contextId: string;
  model: string;
  voice: string;
  transcript: string;
  continues: boolean;
  flush: boolean;
  /** ms the server may wait for more text. */
  maxBufferDelayMs: number;
  timestamps: boolean;
  /** generation_config.speed: 1 is normal. */
  speed: number;
  encoding: string;
  sampleRate: number;
  /** All fields that every input of a context must repeat, as text. */
  constant: string;
}

/** What the server waits for more text when the client does not say, in ms. */
const DEFAULT_BUFFER_DELAY_MS = 3000;
const NEWEST: Version = '2026-08-14';
const FIELDS = [
  'model_id',
  'transcript',
  'voice',
  'language',
  'context_id',
  'output_format',
  'continue',
  'flush',
  'max_buffer_delay_ms',
  'add_timestamps',
  'add_phoneme_timestamps',
  'use_normalized_timestamps',
  'use_original_timestamps',
  'generation_config',
  'pronunciation_dict_id',
  'speed',
  'duration',
];
const NEWEST_FIELDS = ['locale', 'normalization'];
/** May differ between the inputs of one context. */
const FREE_FIELDS = ['transcript', 'continue', 'duration', 'flush'];
const ENCODINGS = ['pcm_f32le', 'pcm_s16le', 'pcm_mulaw', 'pcm_alaw'];
const SAMPLE_RATES = [8000, 16000, 22050, 24000, 44100, 48000];
/** Stopped serving on 2026-06-01. */
const DEAD_MODEL = /^(sonic|sonic-english|sonic-multilingual|sonic-2|sonic-turbo)(-\d{4}-\d{2}-\d{2})?$/u;
const LIVE_MODEL = /^sonic-(latest|3(\.\d+)?(-\d{4}-\d{2}-\d{2})?)$/u;

export function readGeneration(
  body: Record<string, unknown>,
  version: Version,
  o: { models: readonly string[]; voices: readonly string[] | undefined },
): GenerationInput {
  const known = version >= NEWEST ? [...FIELDS, ...NEWEST_FIELDS] : FIELDS;
  const unknown = Object.keys(body).find((field) => !known.includes(field));
  if (unknown !== undefined) throw badRequest(`Unknown field ${unknown}.`);
  const contextId = text(body, 'context_id');
  if (contextId === '') throw badRequest('context_id must not be empty.');
  const model = text(body, 'model_id');
  if (DEAD_MODEL.test(model) || !(LIVE_MODEL.test(model) || o.models.includes(model))) {
    throw new CartesiaError(404, 'model_not_found', 'Model not found', `The model ${model} is not served.`);
  }
  const transcript = text(body, 'transcript');
  const voice = readVoice(body['voice'], version);
  if (o.voices !== undefined && !o.voices.includes(voice)) {
    throw new CartesiaError(404, 'voice_not_found', 'Voice not found', 'No voice with this id.');
  }
  if (given(body, 'language') && given(body, 'locale')) throw badRequest('Give language or locale, not both.');
  for (const field of ['language', 'locale', 'pronunciation_dict_id']) if (given(body, field)) text(body, field);
  if (given(body, 'language') && !/^[a-z]{2}$/u.test(body['language'] as string)) throw badRequest('Unknown language.');
  if (given(body, 'normalization') && !['auto', 'off', 'locale'].includes(body['normalization'] as string)) {
    throw badRequest('normalization must be auto, off or locale.');
  }
  if (given(body, 'speed') && !['slow', 'normal', 'fast'].includes(body['speed'] as string)) {
    throw badRequest('speed must be slow, normal or fast.');
  }
  const booleans = ['continue', 'flush', 'add_timestamps', 'add_phoneme_timestamps', 'use_normalized_timestamps'];
  for (const field of booleans) {
    if (given(body, field) && typeof body[field] !== 'boolean') throw badRequest(`${field} must be a boolean.`);
  }
  const delay = given(body, 'max_buffer_delay_ms') ? body['max_buffer_delay_ms'] : DEFAULT_BUFFER_DELAY_MS;
  if (!isBetween(delay, 0, 5000) || !Number.isInteger(delay)) {
    throw badRequest('max_buffer_delay_ms must be an integer between 0 and 5000.');
  }
  const constant = Object.fromEntries(Object.entries(body).filter(([field]) => !FREE_FIELDS.includes(field)));
  return {
    contextId,
    model,
    voice,
    transcript,
    continues: body['continue'] === true,
    flush: body['flush'] === true,
    maxBufferDelayMs: delay,
    timestamps: body['add_timestamps'] === true,
    speed: readConfig(body['generation_config']),
    ...readFormat(body['output_format']),
    constant: canonical(constant),
  };
}

function readFormat(format: unknown): { encoding: string; sampleRate: number } {
  if (!isObject(format)) throw badRequest('output_format is required.');
  const { container, encoding, sample_rate: sampleRate, ...rest } = format;
  if (container !== 'raw') throw badRequest("Only the container 'raw' is supported on WebSockets.");
  if (typeof encoding !== 'string' || !ENCODINGS.includes(encoding))
    throw badRequest('output_format.encoding is not supported.');
  if (typeof sampleRate !== 'number' || !SAMPLE_RATES.includes(sampleRate)) {
    throw badRequest('output_format.sample_rate is not supported.');
  }
  if (Object.keys(rest).length > 0) throw badRequest(`Unknown field output_format.${Object.keys(rest)[0]}.`);
  return { encoding, sampleRate };
}

/** Up to 2026-03-01 a voice has a mode; from 2026-08-14 on it is an id or has one, and a mode is tolerated. */
function readVoice(voice: unknown, version: Version): string {
  if (version >= NEWEST) {
    const id = isObject(voice) ? voice['id'] : voice;
    if (isObject(voice) && 'embedding' in voice) throw badRequest('Voice embeddings are no longer supported.');
    if (typeof id !== 'string' || id === '') throw badRequest('voice must be an id or an object with an id.');
    return id;
  }
  if (!isObject(voice)) throw badRequest('voice must be an object.');
  if (voice['mode'] !== 'id') throw badRequest("voice.mode must be 'id'.");
  if (typeof voice['id'] !== 'string' || voice['id'] === '') throw badRequest('voice.id is required.');
  return voice['id'];
}

function readConfig(config: unknown): number {
  if (config === undefined || config === null) return 1;
  if (!isObject(config)) throw badRequest('generation_config must be an object.');
  const { speed, volume, emotion, ...rest } = config;
  if (speed !== undefined && !isBetween(speed, 0.6, 1.5))
    throw badRequest('generation_config.speed must be between 0.6 and 1.5.');
  if (volume !== undefined && !isBetween(volume, 0.5, 2))
    throw badRequest('generation_config.volume must be between 0.5 and 2.');
  if (emotion !== undefined && typeof emotion !== 'string')
    throw badRequest('generation_config.emotion must be a string.');
  if (Object.keys(rest).length > 0) throw badRequest(`Unknown field generation_config.${Object.keys(rest)[0]}.`);
  return speed ?? 1;
}

/** JSON with sorted keys, so that the order in which a client writes its fields does not matter. */
function canonical(value: unknown): string {
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const fields = Object.keys(value).sort();
  return `{${fields.map((field) => `${field}:${canonical(value[field])}`).join(',')}}`;
}

function isBetween(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && value >= min && value <= max;
}

function text(body: Record<string, unknown>, field: string): string {
  const value = body[field];
  if (value === undefined || value === null) throw badRequest(`${field} is required.`);
  if (typeof value !== 'string') throw badRequest(`${field} must be a string.`);
  return value;
}

function given(body: Record<string, unknown>, field: string): boolean {
  return body[field] !== undefined && body[field] !== null;
}
