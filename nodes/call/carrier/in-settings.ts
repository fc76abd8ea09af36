import type { CallLimits } from '../carried-call';
import type { RecordingOrder, TranscriptionOrder } from './control';
import { readRecordingOrder, readTranscriptionOrder } from '../control/settings';
import { checkNumber } from '../dial/number-check';
import type { ReportLimits } from './reports';
import { choice, number, SettingError, text, textMap } from '../settings';
import type { RawConfig } from '../settings';
import { readWorkerSettings } from '../workers/settings';
import type { WorkerSettings } from '../workers/settings';

/** What a caller gets when all lines are taken. */
export type Busy = 'say' | 'reject' | 'forward';

/** Whether each call is recorded or transcribed, and from when on. */
export type Always = 'off' | 'start' | 'notice';

/** What is done with each call, unasked. */
export interface AutomaticSettings {
  record: Always;
  recording: RecordingOrder;
  transcribe: Always;
  transcription: TranscriptionOrder;
  /** Spoken before all else where something is to begin after a notice; empty: a notice of the flow's is waited for. */
  notice: string;
}

/** What the in-nodes of all carriers have in common, as deployed. */
export interface InSettings extends CallLimits, ReportLimits {
  automatic: AutomaticSettings;
  /** Calls run in worker threads; undefined: in this runtime. */
  workers: WorkerSettings | undefined;
  path: string;
  /** What the flow finds in `msg.call.parameters`. */
  parameters: Record<string, string>;
  maxCalls: number;
  busy: Busy;
  busyText: string;
  forwardTo: string;
}

/**
 * Reads them.
 * @param ownPath the webhook's path if none is given
 * @throws SettingError in words for the ops person
 */
export function readInSettings(config: RawConfig, ownPath: string): InSettings {
  const path = text(config, 'path', ownPath);
  if (!/^\/[^\s?#]*$/.test(path))
    throw new SettingError(`The path must begin with / and have no spaces, ? or #, not "${path}".`);
  const busy = choice(config, 'busy', ['say', 'reject', 'forward'] as const, 'say');
  const forwardTo = busy === 'forward' ? readForward(text(config, 'forwardTo')) : '';
  return {
    path,
    parameters: textMap(config, 'parameters'),
    maxCalls: number(config, 'maxCalls', 20, 1, 10_000),
    busy,
    busyText: text(config, 'busyText', 'All lines are busy. Please call again later.'),
    forwardTo,
    maxDurationMs: number(config, 'maxDuration', 30, 0.01, 1_440) * 60_000,
    silenceMs: number(config, 'idleTimeout', 120, 0.1, 86_400) * 1_000,
    // Emptied on purpose it stays empty: then the call ends without a word.
    ...readReports(config),
    automatic: readAutomatic(config),
    workers: readWorkerSettings(config),
    goodbye: config.goodbye === undefined ? 'Goodbye.' : text(config, 'goodbye'),
  };
}

function readReports(config: RawConfig): ReportLimits {
  return {
    reportsMs: number(config, 'reportHours', 24, 0.01, 720) * 3_600_000,
    maxReports: number(config, 'maxReports', 10_000, 1, 1_000_000),
  };
}

const ALWAYS = ['off', 'start', 'notice'] as const;

function readAutomatic(config: RawConfig): AutomaticSettings {
  return {
    record: choice(config, 'record', ALWAYS, 'off'),
    recording: readRecordingOrder(config),
    transcribe: choice(config, 'transcribe', ALWAYS, 'off'),
    transcription: readTranscriptionOrder(config),
    notice: text(config, 'notice'),
  };
}

/** Checked as every number that is dialled; the ops person has fixed it, and so allowed it. */
function readForward(wanted: string): string {
  const verdict = checkNumber(wanted, { allowed: [], fixed: [wanted] });
  if (!verdict.right && verdict.refusal !== 'form' && verdict.refusal !== 'missing') {
    throw new SettingError(`The number to forward to: ${verdict.words}`);
  }
  if (verdict.right && verdict.number.startsWith('+')) return verdict.number;
  throw new SettingError('The number to forward to must be in international form, such as +15551234567.');
}
