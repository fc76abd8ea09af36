import type { RecordingOrder, TranscriptionOrder } from '../carrier/control';
import { ACTIONS, readDigits } from './actions';
import type { Action } from './actions';
import { readRecordingOrder, readTranscriptionOrder } from './settings';
import { readPrefixes } from '../dial/order';
import { checkNumber, normaliseNumber } from '../dial/number-check';
import { choice, flag, number, SettingError, text, textMap, topics } from '../settings';
import type { RawConfig } from '../settings';

/** `call-control`, as deployed. */
export interface ControlSettings {
  /** `message`: what `msg.action` says. */
  action: Action | 'message';
  /** Topics that it acts on; none: every message but audio. */
  on: ReadonlySet<string>;
  /** Hang up and transfer only when the agent has finished speaking. */
  finished: boolean;
  /** Words by the carrier's voice before it hangs up. */
  goodbye: string;
  /** Empty: from the message. */
  to: string;
  callerId: string;
  ringMs: number;
  limitMs: number;
  afterwards: 'end' | 'back';
  /** Allowed prefixes, and hosts of SIP addresses. */
  allowed: string[];
  /** Calls to one number in an hour. */
  perHour: number;
  recording: RecordingOrder;
  transcription: TranscriptionOrder;
  /** Empty: from the message. */
  digits: string;
  values: Record<string, string>;
  /** A file, or a folder if it ends with a slash; empty: the audio goes into the message. */
  file: string;
  createDir: boolean;
  /** Where a file's path begins that is not absolute, as for Node-RED's own file nodes; empty: where Node-RED was started. */
  folder: string;
  /** Delete at the carrier what has been fetched. */
  remove: boolean;
}

/**
 * Reads them.
 * @param folder Node-RED's `fileWorkingDirectory`
 * @throws SettingError in words for the ops person, about what the chosen action needs only
 */
export function readControlSettings(config: RawConfig, folder = ''): ControlSettings {
  const action = choice(config, 'action', [...ACTIONS, 'message'] as const, 'hang-up');
  /** What other actions need may stand there wrong: nobody sees it in the dialog. */
  const of = (...actions: Action[]): RawConfig =>
    action === 'message' || actions.some((one) => one === action) ? config : {};
  const finished = choice(of('hang-up', 'transfer'), 'when', ['finished', 'now'] as const, 'finished') === 'finished';
  const values = of('set-values');
  const fetching = of('recording-fetch');
  return {
    action,
    on: topics(config, 'on', 'Act on'),
    finished,
    goodbye: finished ? '' : text(config, 'goodbye'),
    ...readTransfer(of('transfer')),
    recording: readRecordingOrder(of('recording-start')),
    transcription: readTranscriptionOrder(of('transcription-start')),
    digits: readFixedDigits(of('digits')),
    values: textMap(values, 'values'),
    file: readFile(fetching),
    folder,
    createDir: flag(fetching, 'createDir', false),
    remove: flag(fetching, 'remove', false),
  };
}

/** Of a variable that nobody has set Node-RED leaves the name: that is no place for a recording. */
function readFile(config: RawConfig): string {
  const file = text(config, 'file');
  if (!/^\$\{[^}]*\}$/.test(file)) return file;
  throw new SettingError(
    `The environment variable ${file.slice(2, -1)} is not set: it says where recordings are kept.`,
  );
}

function readTransfer(config: RawConfig) {
  const to = text(config, 'to');
  const allowed = readPrefixes(config);
  if (to !== '') {
    const verdict = checkNumber(to, { allowed, fixed: [to] });
    if (!verdict.right) throw new SettingError(`The number to transfer to: ${verdict.words}`);
  }
  const callerId = text(config, 'callerId');
  if (callerId !== '' && normaliseNumber(callerId) === undefined) {
    throw new SettingError('The number to show must be in international form, such as +15551234567.');
  }
  return {
    to,
    callerId,
    allowed,
    ringMs: number(config, 'ringTimeout', 30, 5, 600) * 1_000,
    limitMs: number(config, 'timeLimit', 240, 0.5, 240) * 60_000,
    afterwards: choice(config, 'afterwards', ['end', 'back'] as const, 'end'),
    perHour: number(config, 'perHour', 10, 1, 1_000),
  };
}

function readFixedDigits(config: RawConfig): string {
  const digits = text(config, 'digits');
  if (digits === '') return '';
  try {
    return readDigits(digits);
  } catch (err) {
    throw new SettingError(err instanceof Error ? err.message : 'Digits cannot be sent.');
  }
}
