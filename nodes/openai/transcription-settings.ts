import type { Account } from '../call/account';
import { GATE_DEFAULTS } from '../call/stt/energy-gate';
import type { GateSettings } from '../call/stt/energy-gate';
import { magnitudeOf } from '../call/stt/loudness';
import { asWebSocketUrl, choice, jsonObject, number, SettingError, text, textMap } from '../call/settings';
import type { RawConfig } from '../call/settings';
import { isRecord } from '../call/stt/connection';

/** OpenAI's own address. */
export const OPENAI_URL = 'https://api.openai.com/v1';

/** Who says when the caller's turn is over, and what must be known of it. */
export type TurnDetection =
  | { by: 'server'; prefixMs: number; silenceMs: number }
  | { by: 'semantic'; prefixMs: number; silenceMs: number }
  | ({ by: 'gate' } & GateSettings);

/** What a connection must know. */
export interface TranscriptionSettings {
  url: string;
  headers: Record<string, string>;
  apiKey: string;
  /** `session` of the `session.update` that begins every connection. */
  session: Record<string, unknown>;
  turn: TurnDetection;
}

/** These have no turn detection of their own, whatever follows in their names (contracts/openai.md 1.2). */
const WITHOUT_VAD = /^gpt-(live-transcribe|realtime-whisper)/;
/** These take one language, and no key terms. */
const OLDER = /^(whisper-1|gpt-4o-|gpt-realtime-whisper)/;
const WITHOUT_PROMPT = /^gpt-realtime-whisper/;

/** How long semantic turn detection waits at most, ms (openai SDK, realtime.d.ts, SemanticVad). */
const SEMANTIC_MS: Record<string, number> = { low: 8_000, medium: 4_000, auto: 4_000, high: 2_000 };
const PREFIX_MS = 300;
const SILENCE_MS = 500;

/**
 * Reads the config of an openai-stt node. `options` are further fields of the transcription session and win over ours, at
 * any depth.
 * @throws SettingError for what cannot work
 */
export function readSettings(config: RawConfig, account: Account): TranscriptionSettings {
  const model = text(config, 'model', 'gpt-transcribe');
  const noise = choice(config, 'noiseReduction', ['near_field', 'far_field', 'none'], 'near_field');
  const ours = {
    type: 'transcription',
    audio: {
      input: {
        format: { type: 'audio/pcmu' },
        noise_reduction: noise === 'none' ? null : { type: noise },
        transcription: transcription(config, model),
        turn_detection: turnDetection(config, model),
      },
    },
  };
  const session = merged(ours, jsonObject(config, 'options'));
  const base = account.baseUrl === '' ? OPENAI_URL : account.baseUrl;
  return {
    url: `${asWebSocketUrl(base)}/realtime?intent=transcription`,
    headers: lowerCase(textMap(config, 'headers')),
    apiKey: account.apiKey,
    session,
    turn: turnOf(config, session),
  };
}

function transcription(config: RawConfig, model: string): Record<string, unknown> {
  const asked = text(config, 'language', 'en');
  const languages = asked === 'auto' ? [] : list(asked, ',');
  const prompt = text(config, 'prompt');
  const keywords = list(text(config, 'keywords'), /\r?\n/);
  if (languages.length > 1 && OLDER.test(model)) throw new SettingError(`language: ${model} takes one only.`);
  if (keywords.length > 0 && OLDER.test(model)) {
    throw new SettingError(`keywords: ${model} takes none; gpt-transcribe and gpt-live-transcribe do.`);
  }
  if (prompt !== '' && WITHOUT_PROMPT.test(model)) throw new SettingError(`prompt: ${model} takes none.`);
  return {
    model,
    ...(languages.length === 1 && { language: languages[0] }),
    ...(languages.length > 1 && { languages }),
    ...(prompt !== '' && { prompt }),
    ...(keywords.length > 0 && { keywords }),
  };
}

function turnDetection(config: RawConfig, model: string): Record<string, unknown> | null {
  const by = choice(config, 'turnDetection', ['auto', 'server', 'semantic', 'gate'], 'auto');
  const hasNone = WITHOUT_VAD.test(model);
  if (hasNone && (by === 'server' || by === 'semantic')) {
    throw new SettingError(`turnDetection: ${model} has none of its own; choose "automatic" or "loudness".`);
  }
  if (by === 'gate' || hasNone) return null;
  if (by === 'semantic') {
    const eagerness = choice(config, 'eagerness', ['auto', 'low', 'medium', 'high'], 'auto');
    return { type: 'semantic_vad', eagerness };
  }
  return {
    type: 'server_vad',
    threshold: number(config, 'vadThreshold', 0.5, 0, 1),
    prefix_padding_ms: number(config, 'prefixPaddingMs', PREFIX_MS, 0, 5_000),
    silence_duration_ms: silenceMs(config),
  };
}

/** What was agreed in the end: `options` may have changed it. */
function turnOf(config: RawConfig, session: Record<string, unknown>): TurnDetection {
  const audio = isRecord(session.audio) ? session.audio : {};
  const input = isRecord(audio.input) ? audio.input : {};
  const detection = input.turn_detection;
  if (!isRecord(detection)) {
    return {
      by: 'gate',
      threshold: magnitudeOf(number(config, 'gateLevel', -40, -70, -10)),
      silenceMs: silenceMs(config),
      maxMs: number(config, 'gateMaxSeconds', GATE_DEFAULTS.maxMs / 1000, 3, 30) * 1000,
    };
  }
  if (detection.type === 'semantic_vad') {
    return { by: 'semantic', prefixMs: PREFIX_MS, silenceMs: SEMANTIC_MS[String(detection.eagerness)] ?? 8_000 };
  }
  const { prefix_padding_ms: prefix, silence_duration_ms: silence } = detection;
  return {
    by: 'server',
    prefixMs: typeof prefix === 'number' ? prefix : PREFIX_MS,
    silenceMs: typeof silence === 'number' ? silence : SILENCE_MS,
  };
}

function silenceMs(config: RawConfig): number {
  return number(config, 'silenceDurationMs', SILENCE_MS, 100, 5_000);
}

/** Objects in each other, everything else replaced. */
function merged(ours: Record<string, unknown>, more: Record<string, unknown>): Record<string, unknown> {
  const result = { ...ours };
  for (const [name, value] of Object.entries(more)) {
    const known = result[name];
    result[name] = isRecord(known) && isRecord(value) ? merged(known, value) : value;
  }
  return result;
}

function list(value: string, separator: RegExp | string): string[] {
  return value
    .split(separator)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** A header that the user gives replaces ours, however it is written. */
function lowerCase(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
