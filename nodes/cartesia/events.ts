/** What Cartesia's TTS WebSocket sends (contracts/cartesia.md, 1.4 and 1.6). */
import { startsWith } from '../call/bytes';
import { causeOfStatus, ProviderError } from '../call/errors';
import type { Cause } from '../call/errors';
import type { Word } from '../call/message';

export const PROVIDER = 'cartesia';

export type ServerEvent =
  | { type: 'chunk'; contextId: string; audio: Buffer }
  /** Times in ms from the start of the context. */
  | { type: 'timestamps'; contextId: string; words: Word[] }
  | { type: 'done'; contextId: string }
  /** Without a context it concerns the socket. */
  | { type: 'error'; contextId: string | undefined; error: ProviderError }
  /** Not what the contract knows. */
  | { type: 'malformed'; contextId: string | undefined; error: ProviderError }
  /** Known and of no use to us, or newer than we are. */
  | { type: 'other' };

/** Reads one message of the socket. Never throws. */
export function parseEvent(message: Buffer): ServerEvent {
  const chunk = readChunk(message);
  if (chunk) return chunk;
  const text = message.toString('utf8');
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    // Cut short, it may still say whose it was.
    const contextId = /"context_id"\s*:\s*"([^"\\]+)"/.exec(text.slice(0, 1000))?.[1];
    return malformed({ context_id: contextId }, 'sent something that is not JSON');
  }
  if (!isRecord(event) || typeof event.type !== 'string') return malformed(event, 'sent JSON of an unknown shape');
  const contextId = contextOf(event);
  switch (event.type) {
    case 'chunk': {
      if (contextId === undefined || typeof event.data !== 'string')
        return malformed(event, 'sent a chunk without audio');
      const audio = Buffer.from(event.data, 'base64');
      if (audio.length === 0 && event.data !== '') return malformed(event, 'sent audio that is not base64');
      return { type: 'chunk', contextId, audio };
    }
    case 'timestamps': {
      const words = readTimestamps(event.word_timestamps);
      if (contextId === undefined || !words) return malformed(event, 'sent timestamps of an unknown shape');
      return { type: 'timestamps', contextId, words };
    }
    case 'done':
      return contextId === undefined ? malformed(event, 'sent "done" for nothing') : { type: 'done', contextId };
    case 'error':
      return { type: 'error', contextId, error: readError(event) };
    default:
      return { type: 'other' };
  }
}

const CHUNK_HEAD = Buffer.from('{"type":"chunk"');
const DATA_HEAD = '"data":"';
const CONTEXT_HEAD = '"context_id":"';

/**
 * A chunk as Cartesia writes it, without parsing the rest; undefined for anything else, which then goes the long way. Nine
 * of ten messages are chunks, and this is a third of the cost of JSON.parse.
 */
function readChunk(message: Buffer): ServerEvent | undefined {
  if (!startsWith(message, CHUNK_HEAD) || message[message.length - 1] !== 0x7d) return undefined;
  const data = textAfter(message, DATA_HEAD);
  const contextId = textAfter(message, CONTEXT_HEAD);
  if (!data || !contextId) return undefined;
  const audio = Buffer.from(data, 'base64');
  return audio.length > 0 ? { type: 'chunk', contextId, audio } : undefined;
}

/** The text behind a key that stands in a message once; undefined for one that is escaped. */
function textAfter(message: Buffer, head: string): string | undefined {
  const at = message.indexOf(head, CHUNK_HEAD.length, 'latin1');
  if (at < 0) return undefined;
  const start = at + head.length;
  const end = message.indexOf(0x22, start);
  if (end < 0 || message.includes(head, end, 'latin1')) return undefined;
  const text = message.toString('latin1', start, end);
  return text.includes('\\') ? undefined : text;
}

/**
 * Cartesia's error, of either shape: structured from 2026-03-01, before that a string in `error`; over HTTP plain text too.
 * @param httpStatus where it is the answer to a handshake
 * @param retryAfterMs what the answer's headers ask for
 */
export function readError(body: unknown, httpStatus?: number, retryAfterMs?: number): ProviderError {
  const fields = isRecord(body) ? body : {};
  const status = typeof fields.status_code === 'number' ? fields.status_code : httpStatus;
  const code = typeof fields.error_code === 'string' ? fields.error_code : '';
  const words = [fields.message, fields.error, fields.title, body].find(
    (value): value is string => typeof value === 'string' && value.trim() !== '',
  );
  const text = (words ?? `refused (${status ?? 'no reason given'})`).trim().slice(0, 300).replace(/\.$/, '');
  return new ProviderError(PROVIDER, causeOf(code, status), code === '' ? text : `${text} (${code})`, {
    ...(status !== undefined && { code: status }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function causeOf(code: string, status: number | undefined): Cause {
  if (/concurren|rate_limit/.test(code)) return 'rate-limit';
  if (/quota|credit|billing|payment/.test(code)) return 'billing';
  if (/authentic|unauthorized/.test(code)) return 'authentication';
  if (status === undefined) return 'unavailable';
  // No WebSocket, and no refusal of one: this is not Cartesia.
  return status < 400 ? 'protocol' : causeOfStatus(status);
}

function readTimestamps(value: unknown): Word[] | undefined {
  if (!isRecord(value)) return undefined;
  const { words, start, end } = value;
  if (!Array.isArray(words) || !Array.isArray(start) || !Array.isArray(end)) return undefined;
  const read: Word[] = [];
  for (let i = 0; i < words.length; i++) {
    const text: unknown = words[i];
    const from: unknown = start[i];
    const to: unknown = end[i];
    if (typeof text !== 'string' || typeof from !== 'number' || !Number.isFinite(from)) continue;
    const startMs = Math.max(0, Math.round(from * 1000));
    const endMs = typeof to === 'number' && Number.isFinite(to) ? Math.max(startMs, Math.round(to * 1000)) : startMs;
    read.push({ text, startMs, endMs });
  }
  return read;
}

function malformed(event: unknown, what: string): ServerEvent {
  const contextId = isRecord(event) ? contextOf(event) : undefined;
  return { type: 'malformed', contextId, error: new ProviderError(PROVIDER, 'protocol', what) };
}

function contextOf(event: Record<string, unknown>): string | undefined {
  return typeof event.context_id === 'string' && event.context_id !== '' ? event.context_id : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
