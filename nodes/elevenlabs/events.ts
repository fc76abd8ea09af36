/** What ElevenLabs' multi-context socket sends (contracts/elevenlabs.md, 0, 3 and 4). */
import { ProviderError } from '../call/errors';
import type { CharacterTimes } from './alignment';
import { PROVIDER, readError } from './errors';

export type ServerEvent =
  /** Audio (maybe none) with the times of its characters; `final` when the context's last. */
  | { type: 'audio'; contextId: string; audio: Buffer | undefined; times: CharacterTimes | undefined; final: boolean }
  /** Without a context it concerns the socket. */
  | { type: 'error'; contextId: string | undefined; error: ProviderError }
  /** Not what the contract knows. */
  | { type: 'malformed'; contextId: string | undefined; error: ProviderError }
  /** Known and of no use to us, or newer than we are. */
  | { type: 'other' };

const OTHER: ServerEvent = { type: 'other' };

/** Reads one message of the socket. Never throws. */
export function parseEvent(text: string): ServerEvent {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    // Cut short, it may still say whose it was: the id stands before or behind the audio.
    const near = `${text.slice(0, 500)} ${text.slice(-500)}`;
    const contextId = /"context_?[iI]d"\s*:\s*"([^"\\]+)"/.exec(near)?.[1];
    return malformed(contextId, 'sent something that is not JSON');
  }
  if (!isRecord(event)) return malformed(undefined, 'sent JSON of an unknown shape');
  const contextId = textOf(event.contextId ?? event.context_id);
  if (typeof event.error === 'string' || (typeof event.message === 'string' && typeof event.code === 'number')) {
    return { type: 'error', contextId, error: readError(event) };
  }
  const { audio } = event;
  if (audio !== undefined && audio !== null && typeof audio !== 'string') {
    return malformed(contextId, 'sent audio of an unknown shape');
  }
  // On audio it is null, absent or false.
  const final = (event.isFinal ?? event.is_final) === true;
  if (contextId === undefined || (typeof audio !== 'string' && !final)) return OTHER;
  const bytes = audio ? Buffer.from(audio, 'base64') : undefined;
  if (bytes?.length === 0) return malformed(contextId, 'sent audio that is not base64');
  const times = readTimes(event.alignment) ?? readTimes(event.normalizedAlignment ?? event.normalized_alignment);
  return { type: 'audio', contextId, audio: bytes, times, final };
}

/** All spellings that servers and gateways have been seen to use; undefined where it is not one, or empty. */
function readTimes(value: unknown): CharacterTimes | undefined {
  if (!isRecord(value)) return undefined;
  const characters = value.chars ?? value.characters;
  const starts = value.charStartTimesMs ?? value.charsStartTimesMs ?? value.char_start_times_ms;
  const durations = value.charDurationsMs ?? value.charsDurationsMs ?? value.char_durations_ms;
  if (!isListOf(characters, 'string') || !isListOf(starts, 'number')) return undefined;
  if (characters.length === 0 || starts.length < characters.length) return undefined;
  return { characters, startsMs: starts, durationsMs: isListOf(durations, 'number') ? durations : [] };
}

function isListOf(value: unknown, type: 'string'): value is string[];
function isListOf(value: unknown, type: 'number'): value is number[];
function isListOf(value: unknown, type: 'string' | 'number'): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === type);
}

function malformed(contextId: string | undefined, what: string): ServerEvent {
  return { type: 'malformed', contextId, error: new ProviderError(PROVIDER, 'protocol', what) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
