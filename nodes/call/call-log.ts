import type { Call, CallEvent } from './call';
import type { LogFields, LogLevel } from './log-line';
import { isRecord } from './message';
import type { CallMetricsReport } from './metrics';
import { MASKED } from './privacy';

/** A line of the log, but for whose it is. */
export interface LogEntry {
  level: LogLevel;
  event: string;
  fields: LogFields;
}

/** Reasons for which speech was cut that are nobody's wish: the caller has missed something. */
const FAULTS = new Set(['tts-failed', 'timeout']);

/**
 * The line for something that happened in a call (docs/LOGS.md); undefined where there is none. At info and above nothing is
 * personal: whom the caller is put through to, what was keyed in or said stands at debug, and masked while the call is private.
 */
export function entryOf({ topic, payload, utterance }: CallEvent, call: Call): LogEntry | undefined {
  const told = isRecord(payload) ? payload : {};
  switch (topic) {
    case 'call.started':
      return { level: 'info', event: topic, fields: { waitedMs: call.now() } };
    case 'call.away':
      return { level: 'info', event: topic, fields: {} };
    case 'call.resumed':
      return { level: 'info', event: topic, fields: { reason: text(told.reason) } };
    case 'call.ended':
      return { level: 'info', event: topic, fields: endOf(told) };
    case 'call.dtmf':
      return { level: 'debug', event: topic, fields: { digit: text(payload) } };
    case 'call.status':
      return { level: 'debug', event: topic, fields: { status: text(told.status) } };
    case 'call.answered-by':
      return { level: 'debug', event: topic, fields: { by: text(told.by), state: text(told.state) } };
    case 'playback.started':
    case 'playback.finished':
    case 'playback.interrupted':
      if (!utterance) return undefined;
      return speechOf(topic.slice('playback.'.length), told, utterance, call);
    default:
      return reportOf(topic, told);
  }
}

/** The line for a report of a recording or transcription; it may come when the call is over. */
export function reportOf(topic: string, told: Readonly<Record<string, unknown>>): LogEntry | undefined {
  const status = text(told.status) ?? '';
  if (topic === 'call.recording') {
    const level = status === 'failed' ? 'warn' : status === 'completed' || status === 'deleted' ? 'info' : 'debug';
    return { level, event: `recording.${word(status)}`, fields: { recording: text(told.recordingId), durationMs: number(told.durationMs) } }; // prettier-ignore
  }
  if (topic !== 'call.transcription') return undefined;
  const level = status === 'failed' ? 'warn' : 'debug';
  return { level, event: `transcription.${word(status)}`, fields: { track: text(told.track), text: level === 'debug' ? text(told.text) : undefined } }; // prettier-ignore
}

function endOf(told: Readonly<Record<string, unknown>>): LogFields {
  const ended = { reason: text(told.reason), durationMs: number(told.durationMs) };
  if (!isRecord(told.metrics)) return ended;
  const { turns, repliesCut, responseMs, errors, retries } = told.metrics as unknown as CallMetricsReport;
  const failed = Object.values(errors).reduce((sum, count) => sum + count, 0);
  return {
    ...ended,
    turns,
    cut: repliesCut,
    ...(turns > 0 && { responseMs: responseMs.mean, responseMaxMs: responseMs.max }),
    errors: failed,
    retries,
  };
}

function speechOf(
  what: string,
  told: Readonly<Record<string, unknown>>,
  { id, kind }: NonNullable<CallEvent['utterance']>,
  call: Call,
): LogEntry {
  const reason = text(told.reason);
  const fault = reason !== undefined && FAULTS.has(reason);
  const heardMs = number(told.heardMs);
  const isPrivate = call.privacy.covers(call.now() - (heardMs ?? 0), call.now());
  const words = fault || what === 'started' ? undefined : text(told.heardText);
  return {
    level: fault ? 'warn' : 'debug',
    event: `utterance.${what}`,
    fields: {
      utterance: id,
      kind,
      ...(what !== 'started' && { heardMs }),
      reason,
      ...(words !== undefined && { text: isPrivate ? MASKED : words }),
    },
  };
}

/** A part of an event's name: what a carrier calls it, as far as that is a word. */
function word(status: string): string {
  return /^[a-z][\w-]{0,30}$/.test(status) ? status : 'reported';
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
