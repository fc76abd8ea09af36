import type { RecordingOrder, TranscriptionOrder, TransferOrder } from '../carrier/control';
import type { ControlSettings } from './node-settings';
import { ACTIONS, readDigits, refused } from './actions';
import type { Action } from './actions';
import { isRecord } from '../message';
import { checkNumber, normaliseNumber } from '../dial/number-check';
import { textMap } from '../settings';

/** One thing that is to be done, with all that is needed for it: checked, and nothing of a message is left to be believed. */
export type ControlOrder =
  | { action: 'hang-up'; finished: boolean; goodbye: string }
  | { action: 'transfer'; finished: boolean; order: TransferOrder }
  | { action: 'recording-start'; order: RecordingOrder }
  | { action: 'recording-fetch'; report: Report; file: string }
  | { action: 'recording-delete'; report: Report | undefined }
  | { action: 'transcription-start'; order: TranscriptionOrder }
  | { action: 'digits'; digits: string }
  | { action: 'set-values'; values: Record<string, string> }
  | { action: Plain };

/** What needs to be told no more than that. */
type Plain =
  'recording-pause' | 'recording-resume' | 'recording-stop' | 'transcription-stop' | 'private-on' | 'private-off';

/** The payload of `call.recording`: by its node the carrier's desk is found that has the recording. */
export type Report = Readonly<Record<string, unknown>> & { recordingId: string; node: string };

/** A message as it came. */
export type Incoming = Readonly<Record<string, unknown>>;

/**
 * The action that a message asks for.
 * @returns undefined where the node takes it from the message, and this one has none
 * @throws ProviderError in words
 */
export function actionOf(msg: Incoming, settings: ControlSettings): Action | undefined {
  if (settings.action !== 'message') return settings.action;
  const { action } = msg;
  if (action === undefined || action === null || action === '') return undefined;
  const found = ACTIONS.find((one) => one === action);
  if (found) return found;
  const shown = typeof action === 'string' ? `"${action.slice(0, 40)}"` : 'what it is';
  throw refused(`msg.action must be one of ${ACTIONS.join(', ')}, not ${shown}.`);
}

/**
 * What a message orders: what stands in the node comes first.
 * @throws ProviderError in words: what is missing, or is refused and why
 */
export function readControlOrder(action: Action, msg: Incoming, settings: ControlSettings): ControlOrder {
  const { finished } = settings;
  switch (action) {
    case 'hang-up':
      // When the agent has said its own, the carrier's voice need not.
      return { action, finished, goodbye: finished ? '' : settings.goodbye || textOf(msg.goodbye) };
    case 'transfer':
      return { action, finished, order: readTransfer(msg, settings) };
    case 'recording-start':
      return { action, order: settings.recording };
    case 'transcription-start':
      return { action, order: settings.transcription };
    case 'recording-fetch':
      return { action, report: mustReport(msg), file: textOf(msg.filename) || settings.file };
    case 'recording-delete':
      return { action, report: reportOf(msg) };
    case 'digits':
      return { action, digits: readDigits(settings.digits || textOf(msg.digits)) };
    case 'set-values':
      return { action, values: readValues(msg, settings) };
    default:
      return { action };
  }
}

/** The report that a message brings, if its payload is one. */
export function reportOf({ payload }: Incoming): Report | undefined {
  if (!isRecord(payload)) return undefined;
  const { recordingId, node } = payload;
  return typeof recordingId === 'string' && recordingId !== '' && typeof node === 'string' && node !== ''
    ? { ...payload, recordingId, node }
    : undefined;
}

function mustReport(msg: Incoming): Report {
  const report = reportOf(msg);
  if (report) return report;
  throw refused('msg.payload must be the report of a recording (call.recording), with recordingId and node.');
}

function readTransfer(msg: Incoming, settings: ControlSettings): TransferOrder {
  const { to, callerId, allowed, ringMs, limitMs, afterwards } = settings;
  const verdict = checkNumber(to || textOf(msg.to), { allowed, fixed: to === '' ? [] : [to] });
  if (!verdict.right) throw refused(verdict.words);
  const wanted = callerId || textOf(msg.callerId);
  const shown = wanted === '' ? undefined : normaliseNumber(wanted);
  if (wanted !== '' && shown === undefined) {
    throw refused('the number to show (msg.callerId) must be in international form, such as +15551234567.');
  }
  return { to: verdict.number, ...(shown && { callerId: shown }), ringMs, limitMs, afterwards };
}

function readValues(msg: Incoming, settings: ControlSettings): Record<string, string> {
  let values: Record<string, string>;
  try {
    values = { ...settings.values, ...textMap(msg, 'values') };
  } catch (err) {
    throw refused(`msg.${err instanceof Error ? err.message : 'values cannot be read.'}`);
  }
  if (Object.keys(values).length > 0) return values;
  throw refused('there are no values to set: enter them, or send them as msg.values, such as {"name": "Ada"}.');
}

/** A text in a message; numbers become texts (a number that has lost its + is refused in words later). */
function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}
