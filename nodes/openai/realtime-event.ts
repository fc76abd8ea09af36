import { isRecord } from '../call/stt/connection';

/** What OpenAI says, as far as it concerns us (contracts/openai.md 1.4, 1.5). Times are ms of the audio appended. */
export type RealtimeEvent =
  /** `expiresAt`: seconds since the epoch. */
  | { type: 'created'; expiresAt: number | undefined }
  | { type: 'updated' }
  | { type: 'started' | 'stopped'; item: string; ms: number }
  | { type: 'committed'; item: string; previous: string | undefined }
  | { type: 'delta' | 'completed'; item: string; text: string }
  | { type: 'failed'; item: string; error: unknown }
  | { type: 'error'; error: unknown; code: string; eventId: string }
  | { type: 'unknown' };

const TRANSCRIPTION = 'conversation.item.input_audio_transcription.';

/** Reads a message; undefined for what is none of OpenAI's. Unknown types, and fields, are for later versions. */
export function readEvent(text: string): RealtimeEvent | undefined {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(message) || typeof message.type !== 'string') return undefined;
  const { type } = message;
  const item = typeof message.item_id === 'string' ? message.item_id : undefined;
  switch (type) {
    case 'session.created':
      return { type: 'created', expiresAt: expiry(message.session) };
    case 'session.updated':
      return { type: 'updated' };
    case 'input_audio_buffer.speech_started':
      return timed('started', item, message.audio_start_ms);
    case 'input_audio_buffer.speech_stopped':
      return timed('stopped', item, message.audio_end_ms);
    case 'input_audio_buffer.committed': {
      const previous = message.previous_item_id;
      if (item === undefined) return undefined;
      return { type: 'committed', item, previous: typeof previous === 'string' ? previous : undefined };
    }
    case `${TRANSCRIPTION}delta`:
      // An optional field, by the SDK's types.
      return item === undefined ? undefined : { type: 'delta', item, text: textOf(message.delta) };
    case `${TRANSCRIPTION}completed`:
      if (item === undefined || typeof message.transcript !== 'string') return undefined;
      return { type: 'completed', item, text: message.transcript };
    case `${TRANSCRIPTION}failed`:
      return item === undefined ? undefined : { type: 'failed', item, error: message.error };
    case 'error':
      return isRecord(message.error) ? failure(message.error) : undefined;
    default:
      return { type: 'unknown' };
  }
}

function timed(type: 'started' | 'stopped', item: string | undefined, ms: unknown): RealtimeEvent | undefined {
  if (item === undefined || typeof ms !== 'number' || !Number.isFinite(ms) || ms < 0) return undefined;
  return { type, item, ms };
}

function failure(error: Record<string, unknown>): RealtimeEvent {
  return { type: 'error', error, code: textOf(error.code), eventId: textOf(error.event_id) };
}

function expiry(session: unknown): number | undefined {
  const at = isRecord(session) ? session.expires_at : undefined;
  return typeof at === 'number' && Number.isFinite(at) ? at : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
