import { ProviderError } from '../call/errors';
import type { ReportKind } from '../call/carrier/reports';

type Params = Readonly<Record<string, string>>;

/** A report of Twilio's, read. */
export interface Report {
  /** The carrier's id of the recording or transcription. */
  id: string;
  /** What tells it from the next report of the same. */
  mark: string;
  /** The payload of `call.recording` or `call.transcription`, but for what the desk adds. */
  payload: Record<string, unknown>;
}

/** Reads a report; undefined for what is none of this kind. */
export function readReport(kind: ReportKind, params: Params): Report | undefined {
  return kind === 'recording' ? readRecording(params) : readTranscription(params);
}

const RECORDING = new Map([
  ['in-progress', 'in-progress'],
  ['completed', 'completed'],
  ['absent', 'absent'],
  ['failed', 'failed'],
]);

/** contracts/twilio.md, section 10.3. */
function readRecording(params: Params): Report | undefined {
  const { RecordingSid: id, RecordingStatus = '', RecordingDuration, RecordingChannels, RecordingUrl } = params;
  const status = RECORDING.get(RecordingStatus);
  if (id === undefined || !isSid(id) || status === undefined) return undefined;
  const seconds = Number(RecordingDuration);
  const channels = Number(RecordingChannels);
  return {
    id,
    mark: status,
    payload: {
      recordingId: id,
      status,
      ...(status === 'completed' && RecordingDuration !== undefined && seconds >= 0 && { durationMs: seconds * 1_000 }),
      ...(channels >= 1 && { channels }),
      ...(status === 'completed' && RecordingUrl !== undefined && { url: `${RecordingUrl}.wav`, format: 'wav' }),
      raw: { ...params },
    },
  };
}

/** contracts/twilio.md, section 10.4; of an error the documentation has two pairs of names. */
function readTranscription(params: Params): Report | undefined {
  const { TranscriptionSid: id, TranscriptionEvent: event, SequenceId = '', Track, Final } = params;
  if (id === undefined || !isSid(id)) return undefined;
  const report = (status: string, more: Record<string, unknown>): Report => ({
    id,
    mark: `${event} ${SequenceId}`,
    payload: { transcriptionId: id, status, ...more, raw: { ...params } },
  });
  const track = /^(inbound|outbound)_track$/.exec(Track ?? '')?.[1];
  switch (event) {
    case 'transcription-started':
      return report('started', {});
    case 'transcription-stopped':
      return report('stopped', {});
    case 'transcription-content': {
      const { text, confidence } = readData(params.TranscriptionData);
      const status = Final === 'false' ? 'partial' : 'final';
      return report(status, { text, ...(track && { track }), ...(confidence !== undefined && { confidence }) });
    }
    case 'transcription-error': {
      const code = params.TranscriptionErrorCode ?? params.ErrorCode;
      const words = params.TranscriptionError ?? params.ErrorMessage ?? 'no reason given';
      return report('failed', { error: code === undefined ? words : `${words} (${code})` });
    }
    default:
      return undefined;
  }
}

/** `TranscriptionData`: JSON in a text. */
function readData(data: string | undefined): { text: string; confidence: number | undefined } {
  try {
    const value = JSON.parse(data ?? '{}') as { transcript?: unknown; confidence?: unknown } | null;
    const { transcript, confidence } = value ?? {};
    return {
      text: typeof transcript === 'string' ? transcript : '',
      confidence: typeof confidence === 'number' ? confidence : undefined,
    };
  } catch {
    return { text: '', confidence: undefined };
  }
}

/** Of what Twilio calls its things by: it becomes part of a URL. */
export function isSid(id: string): boolean {
  return /^[A-Z]{2}[0-9a-fA-F]{32}$/.test(id);
}

/** The id of a recording, as a message has it: it becomes part of a URL. An error, in words, for what is none. */
export function recordingIdOf(value: unknown): string | ProviderError {
  if (typeof value === 'string' && /^RE/.test(value) && isSid(value)) return value;
  const words = 'there is no recording to be had: msg.payload.recordingId must be one of Twilio’s, such as RE...';
  return new ProviderError('twilio', 'settings', words, { advice: '.' });
}
