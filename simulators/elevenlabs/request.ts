/** The client's messages on the multi-context socket, checked field by field (contracts/elevenlabs.md 2 and 3). */
import { isObject } from '../loopback';
import { invalid } from './errors';

/** What can only be said in the first message of a context. */
export interface Opening {
  /** 1 is normal. */
  speed: number | undefined;
  /** After how many waiting characters generation begins, the first, second ... time. */
  schedule: readonly number[];
  /** All of it as text: later messages may repeat it, but not change it. */
  constant: string;
}

export interface ClientMessage {
  contextId: string;
  text: string | undefined;
  flush: boolean;
  closeContext: boolean;
  closeSocket: boolean;
  /** Undefined where the message says nothing of the kind. */
  opening: Opening | undefined;
}

const FIELDS = ['text', 'context_id', 'flush', 'close_context', 'close_socket', 'xi_api_key', 'authorization'];
const OPENING_FIELDS = ['voice_settings', 'generation_config', 'pronunciation_dictionary_locators'];
const DEFAULT_SCHEDULE = [120, 160, 250, 290];
/** Messages without an id are of this context. */
export const DEFAULT_CONTEXT = 'default';

/** @throws ElevenLabsError */
export function readMessage(body: Record<string, unknown> | undefined): ClientMessage {
  if (body === undefined) throw invalid('Messages must be JSON objects in text frames.', 'invalid_message');
  const unknown = Object.keys(body).find((field) => !FIELDS.includes(field) && !OPENING_FIELDS.includes(field));
  if (unknown !== undefined) throw invalid(`Unknown field ${unknown}.`, 'invalid_message');
  const { text, context_id: contextId = DEFAULT_CONTEXT } = body;
  if (typeof contextId !== 'string' || contextId === '') throw invalid('context_id must be a text.', 'invalid_message');
  if (text !== undefined && typeof text !== 'string') throw invalid('text must be a text.', 'invalid_message');
  for (const field of ['flush', 'close_context', 'close_socket']) {
    if (body[field] !== undefined && typeof body[field] !== 'boolean') throw invalid(`${field} must be true or false.`);
  }
  const message = {
    contextId,
    text,
    flush: body['flush'] === true,
    closeContext: body['close_context'] === true,
    closeSocket: body['close_socket'] === true,
    opening: readOpening(body),
  };
  if (text === undefined && !message.flush && !message.closeContext && !message.closeSocket) {
    throw invalid('A message must have text, flush, close_context or close_socket.', 'invalid_message');
  }
  return message;
}

function readOpening(body: Record<string, unknown>): Opening | undefined {
  if (!OPENING_FIELDS.some((field) => body[field] !== undefined)) return undefined;
  const locators = body['pronunciation_dictionary_locators'];
  if (locators !== undefined && !Array.isArray(locators))
    throw invalid('pronunciation_dictionary_locators must be a list.');
  return {
    speed: readVoiceSettings(body['voice_settings']),
    schedule: readSchedule(body['generation_config']),
    constant: JSON.stringify(OPENING_FIELDS.map((field) => body[field] ?? null)),
  };
}

function readVoiceSettings(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalid('voice_settings must be an object.', 'invalid_voice_settings');
  const { stability, similarity_boost, style, use_speaker_boost, speed, ...rest } = value;
  for (const [name, part] of Object.entries({ stability, similarity_boost, style })) {
    if (part !== undefined && !isBetween(part, 0, 1))
      throw invalid(`${name} must be from 0 to 1.`, 'invalid_voice_settings');
  }
  if (speed !== undefined && !isBetween(speed, 0.7, 1.2))
    throw invalid('speed must be from 0.7 to 1.2.', 'invalid_voice_settings');
  if (use_speaker_boost !== undefined && typeof use_speaker_boost !== 'boolean') {
    throw invalid('use_speaker_boost must be true or false.', 'invalid_voice_settings');
  }
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`Unknown field voice_settings.${unknown}.`, 'invalid_voice_settings');
  return speed;
}

function readSchedule(value: unknown): readonly number[] {
  if (value === undefined || value === null) return DEFAULT_SCHEDULE;
  const schedule = isObject(value) ? value['chunk_length_schedule'] : undefined;
  if (!Array.isArray(schedule) || schedule.length === 0 || !schedule.every((item) => isBetween(item, 50, 500))) {
    throw invalid('chunk_length_schedule must be a list of numbers from 50 to 500.', 'invalid_generation_config');
  }
  return schedule;
}

export { DEFAULT_SCHEDULE };

function isBetween(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && value >= min && value <= max;
}
