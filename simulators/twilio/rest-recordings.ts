import type { Call } from './call';
import { rfc2822 } from './ids';
import { fieldsOf, oneOf } from './parameters';
import { recordingRequest, type Recording } from './recordings';
import type { RestRoute } from './rest';
import { notFound } from './rest-error';

const API_VERSION = '2010-04-01';

/** What the resources below a call need of the phone company. */
export interface CallResourcesHost {
  readonly accountSid: string;
  find(callSid: string): Call | undefined;
  list(): Call[];
}

/** The call of a path, or the error 20404. */
export function callOf(host: CallResourcesHost, callSid = ''): Call {
  const call = host.find(callSid);
  if (!call) throw notFound(`/${API_VERSION}/Accounts/${host.accountSid}/Calls/${callSid}.json`);
  return call;
}

/** The Recordings resource (contracts/twilio.md section 9.3): start, change, read, delete, and the audio itself. */
export function recordingRoutes(host: CallResourcesHost): RestRoute[] {
  const owner = (sid = ''): { call: Call; recording: Recording } => {
    for (const call of host.list()) {
      const recording = call.recordings.find(sid);
      if (recording) return { call, recording };
    }
    throw notFound(`/${API_VERSION}/Accounts/${host.accountSid}/Recordings/${sid}.json`);
  };
  const resource = (recording: Recording): Record<string, unknown> => toResource(recording, host.accountSid);
  const page = (recordings: Recording[], uri: string): Record<string, unknown> => ({
    recordings: recordings.map(resource),
    page: 0,
    page_size: 50,
    uri: `/${API_VERSION}/Accounts/${host.accountSid}${uri}`,
    next_page_uri: null,
  });
  return [
    {
      method: 'POST',
      pattern: /^\/Calls\/([^/]+)\/Recordings$/,
      handle: ({ path, form }) => {
        const request = recordingRequest(fieldsOf(form), 'StartCallRecordingAPI');
        return { status: 201, body: resource(callOf(host, path[0]).recordings.start(request)) };
      },
    },
    {
      method: 'POST',
      pattern: /^\/Calls\/([^/]+)\/Recordings\/([^/]+)$/,
      handle: ({ path, form }) => {
        const recording = callOf(host, path[0]).recordings.update(path[1] ?? '', fieldsOf(form));
        return { status: 200, body: resource(recording) };
      },
    },
    {
      method: 'GET',
      pattern: /^\/Calls\/([^/]+)\/Recordings$/,
      handle: ({ path }) => {
        const call = callOf(host, path[0]);
        return { status: 200, body: page(call.recordings.list, `/Calls/${call.callSid}/Recordings.json`) };
      },
    },
    {
      method: 'GET',
      pattern: /^\/Recordings\/(RE[^/.]+)$/,
      handle: ({ path }) => ({ status: 200, body: resource(owner(path[0]).recording) }),
    },
    {
      method: 'DELETE',
      pattern: /^\/(?:Calls\/[^/]+\/)?Recordings\/(RE[^/.]+)$/,
      handle: ({ path }) => {
        const { call, recording } = owner(path[0]);
        call.recordings.delete(recording.sid);
        return { status: 204 };
      },
    },
    {
      method: 'GET',
      pattern: /^\/Recordings\/(RE[^/.]+)\.(wav|mp3)$/,
      handle: ({ path, query }) => {
        const { recording } = owner(path[0]);
        if (recording.status !== 'completed') throw notFound(`/Recordings/${path[0]}.${path[1]}`);
        const asked = oneOf((name) => query.get(name) ?? undefined, 'RequestedChannels', ['1', '2'], '2');
        const wav = recording.tape.wav(asked === '1' ? 1 : recording.request.channels);
        // No MP3 is made here: what is sent in its place only looks like one from outside.
        const mp3 = path[1] === 'mp3';
        const data = mp3 ? Buffer.concat([Buffer.from('ID3\x04\0\0\0\0\0\0', 'latin1'), wav]) : wav;
        return { status: 200, data, type: mp3 ? 'audio/mpeg' : 'audio/x-wav' };
      },
    },
  ];
}

function toResource(recording: Recording, accountSid: string): Record<string, unknown> {
  const { sid, callSid, status, startedAt, updatedAt, request } = recording;
  const isOver = status === 'completed';
  return {
    sid,
    call_sid: callSid,
    account_sid: accountSid,
    status,
    channels: request.channels,
    track: request.track,
    source: request.source,
    duration: isOver ? String(recording.seconds) : null,
    start_time: rfc2822(startedAt),
    price: null,
    price_unit: 'USD',
    error_code: status === 'absent' ? 16101 : null,
    encryption_details: null,
    conference_sid: null,
    date_created: rfc2822(startedAt),
    date_updated: rfc2822(updatedAt),
    uri: `/${API_VERSION}/Accounts/${accountSid}/Calls/${callSid}/Recordings/${sid}.json`,
    api_version: API_VERSION,
  };
}
