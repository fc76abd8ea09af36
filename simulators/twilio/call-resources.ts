import { wait } from '../phone/network';
import type { Call } from './call';
import type { CallOptions, Exchange } from './call-options';
import type { CallRequests } from './call-requests';
import { recordingRequest, Recordings, type RecordingHost } from './recordings';
import { RestError } from './rest-error';
import { transcriptionRequest, Transcriptions } from './transcriptions';
import type { VerbHost } from './verbs';

/** What can be recorded and transcribed of a call. */
export function resources(
  call: Call,
  options: CallOptions,
  exchange: Exchange,
  requests: CallRequests,
): { recordings: Recordings; transcriptions: Transcriptions } {
  const common: Pick<RecordingHost, 'callSid' | 'isLive' | 'tap' | 'callback'> = {
    callSid: call.callSid,
    isLive: () => call.answeredDate !== undefined && !call.isOver,
    tap: (tap) => call.tap(tap),
    callback: (url, method, fields) => requests.callback(url, method, fields, true),
  };
  const { recordingReadyAfterMs = 0, recordingAbsent = false, transcriptionFault } = options;
  const recordings = new Recordings({
    ...common,
    accountUrl: () => `${exchange.url}/2010-04-01/Accounts/${exchange.accountSid}`,
    readyAfterMs: recordingReadyAfterMs,
    isAbsent: recordingAbsent,
    pause: (ms) => wait(ms, exchange.signal),
  });
  return { recordings, transcriptions: new Transcriptions({ ...common, fault: transcriptionFault }) };
}

/** The same by TwiML: what the REST API would refuse is a finding. */
export function twimlResources(call: Call): Pick<VerbHost, 'record' | 'transcribe' | 'stopTranscribing'> {
  const attempt = (act: () => unknown): void => {
    try {
      act();
    } catch (error) {
      if (!(error instanceof RestError)) throw error;
      call.finding('error', error.code, error.message);
    }
  };
  return {
    record: (field) => attempt(() => call.recordings.start(recordingRequest(field, 'StartCallRecordingAPI'))),
    transcribe: (field) => attempt(() => call.transcriptions.start(transcriptionRequest(field))),
    stopTranscribing: (name) =>
      attempt(() => call.transcriptions.update(name, (key) => (key === 'Status' ? 'stopped' : undefined))),
  };
}
