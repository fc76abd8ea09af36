/** Path and query of the multi-context socket, checked one by one (contracts/elevenlabs.md 1). */
import { ElevenLabsError, invalid } from './errors';

/** What a socket was opened with. */
export interface SocketQuery {
  voice: string;
  model: string;
  language: string | undefined;
  /** ms without text before a context, or an idle socket, ends. */
  inactivityMs: number;
  alignment: boolean;
  /** Each text is generated as it is. */
  autoMode: boolean;
}

const PATH = /^\/v1\/text-to-speech\/([^/]+)\/multi-stream-input$/u;
const FAST = ['eleven_flash_v2_5', 'eleven_turbo_v2_5'];
const MODELS = [...FAST, 'eleven_multilingual_v2', 'eleven_flash_v2', 'eleven_turbo_v2'];
const FORMAT = /^(ulaw_8000|alaw_8000|pcm_(8000|16000|22050|24000|44100|48000)|mp3_\d+_\d+|opus_48000_\d+)$/u;
const BOOLEANS = ['sync_alignment', 'auto_mode', 'enable_ssml_parsing', 'enable_logging'];
const KNOWN = [
  ...BOOLEANS,
  'model_id',
  'language_code',
  'output_format',
  'inactivity_timeout',
  'apply_text_normalization',
  'seed',
  'authorization',
  'single_use_token',
];

/**
 * @param models served beside ElevenLabs' own
 * @throws ElevenLabsError where the real service would refuse; and for parameters that it would ignore, so that no typo passes
 */
export function readQuery(url: URL, models: readonly string[]): SocketQuery {
  const voice = PATH.exec(url.pathname)?.[1];
  if (voice === undefined) throw new ElevenLabsError('not_found', `There is no ${url.pathname}.`, 404);
  const query = url.searchParams;
  const unknown = [...query.keys()].find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw invalid(`Unknown parameter ${unknown}.`);
  for (const name of BOOLEANS) {
    const value = query.get(name);
    if (value !== null && value !== 'true' && value !== 'false') throw invalid(`${name} must be true or false.`);
  }
  const format = query.get('output_format') ?? 'mp3_44100_128';
  if (!FORMAT.test(format)) throw invalid(`output_format ${format} is not known.`, 'invalid_output_format');
  if (format !== 'ulaw_8000') throw invalid('Only ulaw_8000 is simulated.', 'invalid_output_format');
  const seconds = Number(query.get('inactivity_timeout') ?? 20);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 180) {
    throw invalid('inactivity_timeout must be a whole number from 1 to 180.');
  }
  const seed = Number(query.get('seed') ?? 0);
  if (!Number.isInteger(seed) || seed < 0 || seed > 4294967295) throw invalid('seed must be from 0 to 4294967295.');
  if (!['auto', 'on', 'off'].includes(query.get('apply_text_normalization') ?? 'auto')) {
    throw invalid('apply_text_normalization must be auto, on or off.');
  }
  const model = query.get('model_id') ?? 'eleven_multilingual_v2';
  const language = query.get('language_code') ?? undefined;
  if (language !== undefined && !/^[a-z]{2,3}$/u.test(language))
    throw invalid(`language_code ${language} is not known.`);
  if (language !== undefined && !FAST.includes(model) && MODELS.includes(model)) {
    throw invalid(`Model ${model} does not support language_code.`, 'unsupported_language');
  }
  return {
    voice: decodeURIComponent(voice),
    model: MODELS.includes(model) || models.includes(model) ? model : fail(model),
    language,
    inactivityMs: seconds * 1000,
    alignment: query.get('sync_alignment') === 'true',
    autoMode: query.get('auto_mode') === 'true',
  };
}

function fail(model: string): never {
  throw new ElevenLabsError('model_not_found', `Model ${model} does not exist, or not on this WebSocket.`);
}
