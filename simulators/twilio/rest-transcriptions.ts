import { rfc2822 } from './ids';
import { fieldsOf } from './parameters';
import type { RestRoute } from './rest';
import { callOf, type CallResourcesHost } from './rest-recordings';
import { transcriptionRequest, type Transcription } from './transcriptions';

/** The Transcriptions resource (contracts/twilio.md section 9.4): start, and stop by sid or name. */
export function transcriptionRoutes(host: CallResourcesHost): RestRoute[] {
  const resource = (transcription: Transcription, callSid: string): Record<string, unknown> => ({
    sid: transcription.sid,
    account_sid: host.accountSid,
    call_sid: callSid,
    name: transcription.name,
    status: transcription.status,
    date_updated: rfc2822(transcription.updatedAt),
    uri: `/2010-04-01/Accounts/${host.accountSid}/Calls/${callSid}/Transcriptions/${transcription.sid}.json`,
  });
  return [
    {
      method: 'POST',
      pattern: /^\/Calls\/([^/]+)\/Transcriptions$/,
      handle: ({ path, form }) => {
        const call = callOf(host, path[0]);
        const transcription = call.transcriptions.start(transcriptionRequest(fieldsOf(form)));
        return { status: 201, body: resource(transcription, call.callSid) };
      },
    },
    {
      method: 'POST',
      pattern: /^\/Calls\/([^/]+)\/Transcriptions\/([^/]+)$/,
      handle: ({ path, form }) => {
        const call = callOf(host, path[0]);
        const id = decodeURIComponent(path[1] ?? '');
        return { status: 200, body: resource(call.transcriptions.update(id, fieldsOf(form)), call.callSid) };
      },
    },
  ];
}
