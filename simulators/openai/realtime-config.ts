/** The session of a Realtime transcription: what `session.update` may hold (contracts/openai.md 1.2). */
import { isObject } from '../loopback';
import { ApiError, invalidType, invalidValue, missing, unknownParameter } from './errors';

type Body = Record<string, unknown>;

export type VadConfig =
  | { type: 'server_vad'; threshold: number; prefix_padding_ms: number; silence_duration_ms: number }
  | { type: 'semantic_vad'; eagerness: string };

export interface TranscriptionConfig {
  format: Body;
  noise_reduction: Body | null;
  transcription: (Body & { model: string }) | null;
  turn_detection: VadConfig | null;
  include: string[] | null;
}

const DEFAULT_VAD = {
  type: 'server_vad' as const,
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 500,
};

/** What a session is before anything was asked for. */
export function initialConfig(): TranscriptionConfig {
  return {
    format: { type: 'audio/pcm', rate: 24_000 },
    noise_reduction: null,
    transcription: null,
    turn_detection: DEFAULT_VAD,
    include: null,
  };
}

/** Models that transcribe in a Realtime session on 2026-11-22. */
const MODELS =
  /^(whisper-1|gpt-4o(-mini)?-transcribe(-diarize)?(-\d{4}-\d{2}-\d{2})?|gpt-transcribe|gpt-live-transcribe|gpt-realtime-whisper)$/;
const NEWER = ['gpt-transcribe', 'gpt-live-transcribe'];
const WITHOUT_VAD = ['gpt-live-transcribe', 'gpt-realtime-whisper'];

/** The configuration after an update: what is not named stays. @throws ApiError as the service answers */
export function updated(config: TranscriptionConfig, session: unknown): TranscriptionConfig {
  const body = object(session, 'session', ['type', 'audio', 'include']);
  if (body['type'] === undefined) throw missing('session.type');
  if (body['type'] !== 'transcription') {
    throw invalidValue('session.type', 'this is a transcription session, and takes the type transcription only');
  }
  const next = { ...config };
  if (body['include'] !== undefined) next.include = includes(body['include']);
  const audio = body['audio'] === undefined ? {} : object(body['audio'], 'session.audio', ['input']);
  const param = 'session.audio.input';
  const names = ['format', 'noise_reduction', 'transcription', 'turn_detection'];
  const input = audio['input'] === undefined ? {} : object(audio['input'], param, names);
  if (input['format'] !== undefined) next.format = format(input['format'], `${param}.format`);
  if (input['noise_reduction'] !== undefined) {
    next.noise_reduction = noiseReduction(input['noise_reduction'], `${param}.noise_reduction`);
  }
  if (input['transcription'] !== undefined) {
    next.transcription = transcription(input['transcription'], `${param}.transcription`);
  }
  const model = next.transcription?.model ?? '';
  if (input['turn_detection'] !== undefined) {
    next.turn_detection = turnDetection(input['turn_detection'], `${param}.turn_detection`);
    if (next.turn_detection && WITHOUT_VAD.includes(model)) throw noVad();
  } else if (WITHOUT_VAD.includes(model)) next.turn_detection = null;
  return next;
}

function noVad(): ApiError {
  const message = 'Turn detection is not supported for this transcription model.';
  return new ApiError(400, message, 'invalid_value', 'session.audio.input.turn_detection');
}

function object(value: unknown, param: string, names: readonly string[]): Body {
  if (!isObject(value)) throw invalidType(param, 'an object');
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownParameter(`${param}.${unknown}`);
  return value;
}

function includes(value: unknown): string[] | null {
  if (value === null) return null;
  if (!Array.isArray(value)) throw invalidType('session.include', 'an array');
  const known = 'item.input_audio_transcription.logprobs';
  if (value.some((one) => one !== known)) throw invalidValue('session.include', `supported is '${known}'`);
  return value as string[];
}

function format(value: unknown, param: string): Body {
  const body = object(value, param, ['type', 'rate']);
  const { type, rate } = body;
  if (type === 'audio/pcmu' || type === 'audio/pcma') {
    if (rate !== undefined) throw unknownParameter(`${param}.rate`);
  } else if (type === 'audio/pcm') {
    if (rate !== 24_000) throw invalidValue(`${param}.rate`, 'only 24000 is supported');
  } else throw invalidValue(`${param}.type`, "supported are 'audio/pcm', 'audio/pcmu', and 'audio/pcma'");
  return body;
}

function noiseReduction(value: unknown, param: string): Body | null {
  if (value === null) return null;
  const body = object(value, param, ['type', 'strength']);
  oneOf(body['type'], `${param}.type`, ['near_field', 'far_field']);
  if (body['strength'] !== undefined) inRange(body['strength'], `${param}.strength`, 0, 10);
  return body;
}

function transcription(value: unknown, param: string): (Body & { model: string }) | null {
  if (value === null) return null;
  const body = object(value, param, ['model', 'language', 'languages', 'keywords', 'prompt', 'delay']);
  const { model, language, languages, keywords, prompt, delay } = body;
  if (model === undefined) throw missing(`${param}.model`);
  if (typeof model !== 'string') throw invalidType(`${param}.model`, 'a string');
  if (!MODELS.test(model)) {
    throw new ApiError(400, `Invalid value: '${model}'.`, 'invalid_value', `${param}.model`);
  }
  const refused = (name: string): ApiError =>
    new ApiError(400, `'${name}' is not supported with the model '${model}'.`, 'invalid_value', `${param}.${name}`);
  if (languages !== undefined && !NEWER.includes(model)) throw refused('languages');
  if (keywords !== undefined && !NEWER.includes(model)) throw refused('keywords');
  if (prompt !== undefined && model === 'gpt-realtime-whisper') throw refused('prompt');
  if (delay !== undefined && model !== 'gpt-realtime-whisper') throw refused('delay');
  if (language !== undefined && languages !== undefined) {
    throw invalidValue(`${param}.languages`, 'not together with language');
  }
  if (language !== undefined) isoLanguage(language, `${param}.language`);
  if (languages !== undefined) each(languages, `${param}.languages`, isoLanguage);
  if (keywords !== undefined) each(keywords, `${param}.keywords`, string);
  if (prompt !== undefined) string(prompt, `${param}.prompt`);
  if (delay !== undefined) oneOf(delay, `${param}.delay`, ['minimal', 'low', 'medium', 'high', 'xhigh']);
  return { ...body, model };
}

function turnDetection(value: unknown, param: string): VadConfig | null {
  if (value === null) return null;
  if (!isObject(value)) throw invalidType(param, 'an object');
  if (value['type'] === 'semantic_vad') {
    const { eagerness = 'auto' } = object(value, param, ['type', 'eagerness']);
    oneOf(eagerness, `${param}.eagerness`, ['low', 'medium', 'high', 'auto']);
    return { type: 'semantic_vad', eagerness: String(eagerness) };
  }
  oneOf(value['type'], `${param}.type`, ['server_vad', 'semantic_vad']);
  const body = object(value, param, ['type', 'threshold', 'prefix_padding_ms', 'silence_duration_ms']);
  const {
    threshold = DEFAULT_VAD.threshold,
    prefix_padding_ms = DEFAULT_VAD.prefix_padding_ms,
    silence_duration_ms = DEFAULT_VAD.silence_duration_ms,
  } = body;
  return {
    type: 'server_vad',
    threshold: inRange(threshold, `${param}.threshold`, 0, 1),
    prefix_padding_ms: inRange(prefix_padding_ms, `${param}.prefix_padding_ms`, 0, 60_000),
    silence_duration_ms: inRange(silence_duration_ms, `${param}.silence_duration_ms`, 0, 60_000),
  };
}

function oneOf(value: unknown, param: string, among: readonly string[]): void {
  if (value === undefined) throw missing(param);
  if (typeof value !== 'string' || !among.includes(value)) {
    throw invalidValue(param, `'${JSON.stringify(value)}'. Supported values are: '${among.join("', '")}'`);
  }
}

function inRange(value: unknown, param: string, min: number, max: number): number {
  if (typeof value !== 'number') throw invalidType(param, 'a number');
  if (value < min || value > max) throw invalidValue(param, `not from ${min} to ${max}`);
  return value;
}

function string(value: unknown, param: string): void {
  if (typeof value !== 'string') throw invalidType(param, 'a string');
}

function isoLanguage(value: unknown, param: string): void {
  if (typeof value !== 'string') throw invalidType(param, 'a string');
  if (!/^[a-z]{2,3}$/.test(value)) throw invalidValue(param, `'${value}' is no ISO-639-1 code`);
}

function each(value: unknown, param: string, check: (one: unknown, param: string) => void): void {
  if (!Array.isArray(value)) throw invalidType(param, 'an array');
  value.forEach((one, i) => check(one, `${param}[${i}]`));
}
