/** What we send on Cartesia's TTS WebSocket (contracts/cartesia.md, 1.2 and 1.3). */

/** How a text is to be spoken: the node's settings, in Cartesia's terms. */
export interface VoiceSettings {
  voice: string;
  model: string;
  language: string;
  /** 0.6 to 1.5; the voice's own where it is missing. */
  speed?: number;
  /** A date, such as 2026-03-01. */
  apiVersion: string;
  /** Further fields of a generation request; they win, but for those that this pack relies on. */
  options: Readonly<Record<string, unknown>>;
}

/** The fields that all inputs of one context must repeat unchanged. */
export type ContextFields = Readonly<Record<string, unknown>>;

/** From this version on a voice is named without `mode`. */
const PLAIN_VOICE_SINCE = '2026-08-14';

export function contextFields(settings: VoiceSettings, contextId: string): ContextFields {
  const { options } = settings;
  const config = {
    ...(settings.speed !== undefined && { speed: settings.speed }),
    ...(isRecord(options.generation_config) && options.generation_config),
  };
  const fields: Record<string, unknown> = {
    model_id: settings.model,
    voice: settings.apiVersion >= PLAIN_VOICE_SINCE ? { id: settings.voice } : { mode: 'id', id: settings.voice },
    language: settings.language,
    add_timestamps: true,
    // Whole clauses come in: waiting for more text would only be silence.
    max_buffer_delay_ms: 0,
    ...options,
    ...(Object.keys(config).length > 0 && { generation_config: config }),
    output_format: { container: 'raw', encoding: 'pcm_mulaw', sample_rate: 8000 },
    context_id: contextId,
  };
  // One of them, never both.
  if (options.locale !== undefined) delete fields.language;
  return fields;
}

/** What all requests of one context have in common, written once. */
export function requestHead(fields: ContextFields): string {
  return JSON.stringify({ ...fields, transcript: undefined, continue: undefined }).slice(0, -1);
}

/** @param more true if more text of this context follows; texts are joined literally, spaces and all */
export function generationRequest(head: string, transcript: string, more: boolean): string {
  return `${head},"transcript":${JSON.stringify(transcript)},"continue":${more}}`;
}

export function cancelRequest(contextId: string): string {
  return JSON.stringify({ context_id: contextId, cancel: true });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
