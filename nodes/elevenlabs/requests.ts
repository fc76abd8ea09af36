/** What we send on ElevenLabs' multi-context socket (contracts/elevenlabs.md, 1 and 3). */

/** How a text is to be spoken: the node's settings, in ElevenLabs' terms. */
export interface VoiceSettings {
  /** The voice's id: a part of the path. */
  voice: string;
  model: string;
  /** ISO 639-1, or empty: by the text. */
  language: string;
  /** Fields of `voice_settings`; what is missing is the voice's own. */
  tone: Readonly<Record<string, number | boolean>>;
  /**
   * Whatever else ElevenLabs knows: texts, numbers and truth values are query parameters of the socket, objects and lists
   * fields of a context's first message. They win, but for the format of the audio.
   */
  options: Readonly<Record<string, unknown>>;
}

/** An idle context or socket ends after so long, s; ElevenLabs allows no more. */
const INACTIVITY_S = 180;
/** A context that waits for text is kept alive so often, ms. */
const KEEP_ALIVE_MS = 10_000;
/** Models that refuse `language_code`: they take the language from the text. */
const KNOWS_NO_LANGUAGE = /^eleven_((multilingual|monolingual)_|(flash|turbo)_v2$)/;

/** Path and query of the socket: voice and query cannot be changed on it later. */
export function socketPath(settings: VoiceSettings): string {
  const query: Record<string, string> = {
    model_id: settings.model,
    sync_alignment: 'true',
    // Whole clauses are sent: waiting for more text would only be silence.
    auto_mode: 'true',
    inactivity_timeout: String(INACTIVITY_S),
  };
  if (settings.language !== '' && !KNOWS_NO_LANGUAGE.test(settings.model)) query.language_code = settings.language;
  for (const [name, value] of Object.entries(settings.options)) if (isPlain(value)) query[name] = String(value);
  query.output_format = 'ulaw_8000';
  return `/v1/text-to-speech/${encodeURIComponent(settings.voice)}/multi-stream-input?${new URLSearchParams(query).toString()}`;
}

/** How often a context must be kept alive, ms: well within the socket's time of inactivity. */
export function keepAliveEveryMs(settings: VoiceSettings): number {
  const seconds = Number(settings.options.inactivity_timeout ?? INACTIVITY_S);
  return seconds > 0 ? Math.min(KEEP_ALIVE_MS, (seconds * 1000) / 2) : KEEP_ALIVE_MS;
}

/** The first message of a context, with all that can only be said there. */
export function openRequest(contextId: string, settings: VoiceSettings): string {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(settings.options)) if (isList(value)) fields[name] = value;
  const more = settings.options.voice_settings;
  const tone = { ...settings.tone, ...(isList(more) && !Array.isArray(more) && more) };
  if (Object.keys(tone).length > 0) fields.voice_settings = tone;
  return JSON.stringify({ ...fields, text: ' ', context_id: contextId });
}

/** Text that is to be generated now; it ends with a space. */
export function textRequest(contextId: string, text: string): string {
  return JSON.stringify({ text, context_id: contextId, flush: true });
}

/** Has what is buffered generated. */
export function flushRequest(contextId: string): string {
  return JSON.stringify({ context_id: contextId, flush: true });
}

/** No more text: what was flushed is played out, then the final message comes. */
export function closeRequest(contextId: string): string {
  return JSON.stringify({ context_id: contextId, close_context: true });
}

/** Begins a context's time of inactivity anew. */
export function keepAliveRequest(contextId: string): string {
  return JSON.stringify({ text: '', context_id: contextId });
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isList(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
