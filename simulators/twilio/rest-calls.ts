import type { Call } from './call';
import type { CallOptions } from './call-options';
import { rfc2822 } from './ids';
import { documentOf, newCall, statusCallbackOf } from './new-call';
import { fieldsOf, whole } from './parameters';
import type { RestRequest, RestRoute } from './rest';
import { RestError } from './rest-error';
import { callOf, type CallResourcesHost } from './rest-recordings';

const API_VERSION = '2010-04-01';

/** What the Calls resource needs of the phone company. */
export interface CallsHost extends CallResourcesHost {
  place(options: CallOptions): Call;
}

/** The Calls resource (contracts/twilio.md sections 9.1 and 9.2): start, fetch, list, change. */
export function callRoutes(host: CallsHost): RestRoute[] {
  const known = (callSid?: string): Call => callOf(host, callSid);
  return [
    {
      method: 'POST',
      pattern: /^\/Calls$/,
      handle: ({ form }) => {
        const { options, oddities } = newCall(form);
        const call = host.place(options);
        for (const oddity of oddities) call.finding('warning', 0, oddity);
        return { status: 201, body: toResource(call, host.accountSid) };
      },
    },
    {
      method: 'GET',
      pattern: /^\/Calls$/,
      handle: ({ query }) => ({ status: 200, body: page(query, host) }),
    },
    {
      method: 'GET',
      pattern: /^\/Calls\/([^/]+)$/,
      handle: ({ path }) => ({ status: 200, body: toResource(known(path[0]), host.accountSid) }),
    },
    {
      method: 'POST',
      pattern: /^\/Calls\/([^/]+)$/,
      handle: (request) => {
        const call = known(request.path[0]);
        update(call, request);
        return { status: 200, body: toResource(call, host.accountSid) };
      },
    },
  ];
}

function update(call: Call, { form }: RestRequest): void {
  if (call.isOver) throw new RestError(400, 21220, 'Call is not in-progress. Cannot redirect.');
  const status = form.get('Status');
  if (status === 'completed') {
    const ended = call.answeredDate ? 'completed' : 'canceled';
    return call.end(ended, 'application', 'REST: Status=completed');
  }
  if (status === 'canceled') {
    // Only a call that nobody has answered can be cancelled; another is left as it is.
    if (call.answeredDate === undefined) call.end('canceled', 'application', 'REST: Status=canceled');
    return;
  }
  if (status !== null) throw new RestError(400, 21218, `Invalid Status "${status}"`);
  const document = documentOf(form);
  const statusCallback = statusCallbackOf(form);
  if (form.get('TimeLimit')) call.limitTo(1000 * whole(fieldsOf(form), 'TimeLimit', 1, 86_400, 0));
  if (statusCallback) call.options.statusCallback = statusCallback;
  if (!document) {
    if (!statusCallback && !form.get('TimeLimit')) throw new RestError(400, 21205, 'Url parameter is required.');
    return;
  }
  if (call.answeredDate === undefined) throw new RestError(400, 21220, 'Call is not in-progress. Cannot redirect.');
  // `first` is for the first document of a call alone: its fallback, its faults.
  call.replace('url' in document ? { url: document.url, method: document.method } : document);
}

function page(query: URLSearchParams, host: CallsHost): Record<string, unknown> {
  const status = query.get('Status');
  const calls = host.list().filter((call) => status === null || call.status === status);
  const size = Number(query.get('PageSize') ?? 50);
  return {
    calls: calls.slice(0, size).map((call) => toResource(call, host.accountSid)),
    page: 0,
    page_size: size,
    first_page_uri: `/${API_VERSION}/Accounts/${host.accountSid}/Calls.json?PageSize=${size}&Page=0`,
    next_page_uri: null,
    previous_page_uri: null,
    uri: `/${API_VERSION}/Accounts/${host.accountSid}/Calls.json`,
    start: 0,
    end: Math.max(0, Math.min(calls.length, size) - 1),
  };
}

function toResource(call: Call, accountSid: string): Record<string, unknown> {
  const uri = `/${API_VERSION}/Accounts/${accountSid}/Calls/${call.callSid}`;
  return {
    sid: call.callSid,
    account_sid: accountSid,
    to: call.to,
    from: call.from,
    to_formatted: call.to,
    from_formatted: call.from,
    status: call.status === 'initiated' ? 'queued' : call.status,
    direction: call.options.direction,
    start_time: call.answeredDate ? rfc2822(call.answeredDate) : null,
    end_time: call.endedDate ? rfc2822(call.endedDate) : null,
    duration: call.endedDate ? String(Math.ceil(call.durationMs / 1000)) : null,
    price: null,
    price_unit: 'USD',
    answered_by: call.answeredBy ?? null,
    api_version: API_VERSION,
    date_created: rfc2822(call.createdAt),
    date_updated: rfc2822(call.endedDate ?? call.answeredDate ?? call.createdAt),
    parent_call_sid: null,
    phone_number_sid: null,
    forwarded_from: null,
    caller_name: null,
    group_sid: null,
    queue_time: '0',
    trunk_sid: null,
    annotation: null,
    uri: `${uri}.json`,
    subresource_uris: { recordings: `${uri}/Recordings.json`, transcriptions: `${uri}/Transcriptions.json` },
  };
}
