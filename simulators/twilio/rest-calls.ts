import type { Call } from './call';
import type { CallOptions, StatusCallback } from './call-options';
import { rfc2822 } from './ids';
import { isCallable } from './callable';
import { RestError, notFound, type RestRequest, type RestRoute } from './rest';
import type { NextDocument } from './verbs';

/** `Twiml` of a call has at most this many characters (error 32018). */
const TWIML_LIMIT = 4_000;
const MAX_RING_S = 600;
const API_VERSION = '2010-04-01';

/** What the Calls resource needs of the phone company. */
export interface CallsHost {
  readonly accountSid: string;
  find(callSid: string): Call | undefined;
  list(): Call[];
  place(options: CallOptions): Call;
}

/** The Calls resource (contracts/twilio.md sections 9.1 and 9.2): start, fetch, list, change. */
export function callRoutes(host: CallsHost): RestRoute[] {
  const known = (callSid = ''): Call => {
    const call = host.find(callSid);
    if (!call) throw notFound(`/${API_VERSION}/Accounts/${host.accountSid}/Calls/${callSid}.json`);
    return call;
  };
  return [
    {
      method: 'POST',
      pattern: /^\/Calls$/,
      handle: ({ form }) => ({ status: 201, body: toResource(host.place(newCall(form)), host.accountSid) }),
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

function newCall(form: URLSearchParams): CallOptions {
  const to = form.get('To') ?? '';
  const from = form.get('From') ?? '';
  if (!to) throw new RestError(400, 21201, "No 'To' number is specified");
  if (!from) throw new RestError(400, 21213, "'From' number is required");
  if (!isCallable(to))
    throw new RestError(400, 21211, `The phone number you are attempting to call, ${to}, is not valid.`);
  if (!isCallable(from)) throw new RestError(400, 21212, `The source phone number provided, ${from}, is not valid.`);
  const document = documentOf(form);
  if (!document) throw new RestError(400, 21205, 'Url parameter is required.');
  const options: CallOptions = { direction: 'outbound-api', from, to, document };
  const fallbackUrl = form.get('FallbackUrl');
  if (fallbackUrl) options.fallback = { url: fallbackUrl, method: methodOf(form.get('FallbackMethod')) };
  const statusCallback = statusCallbackOf(form);
  if (statusCallback) options.statusCallback = statusCallback;
  const timeout = Number(form.get('Timeout') ?? 60);
  options.ringTimeoutMs = 1000 * Math.min(MAX_RING_S, timeout > 0 ? timeout : 60);
  const detection = form.get('MachineDetection');
  if (detection !== null && !form.get('SendDigits')) {
    if (detection !== 'Enable' && detection !== 'DetectMessageEnd') {
      throw new RestError(400, 21264, `Invalid MachineDetection "${detection}"`);
    }
    options.detection = {
      async: form.get('AsyncAmd') === 'true',
      callback: form.get('AsyncAmdStatusCallback') ?? undefined,
      method: methodOf(form.get('AsyncAmdStatusCallbackMethod')),
    };
  }
  return options;
}

function update(call: Call, { form }: RestRequest): void {
  if (call.isOver) throw new RestError(400, 21220, 'Call is not in-progress. Cannot redirect.');
  const status = form.get('Status');
  if (status === 'completed') return call.end('completed', 'application', 'REST: Status=completed');
  if (status === 'canceled') {
    // Only a call that nobody has answered can be cancelled; another is left as it is.
    if (call.answeredDate === undefined) call.end('canceled', 'application', 'REST: Status=canceled');
    return;
  }
  if (status !== null) throw new RestError(400, 21218, `Invalid Status "${status}"`);
  const document = documentOf(form);
  const statusCallback = statusCallbackOf(form);
  if (statusCallback) call.options.statusCallback = statusCallback;
  if (!document) {
    if (!statusCallback && !form.get('TimeLimit')) throw new RestError(400, 21205, 'Url parameter is required.');
    return;
  }
  if (call.answeredDate === undefined) throw new RestError(400, 21220, 'Call is not in-progress. Cannot redirect.');
  // `first` is for the first document of a call alone: its fallback, its faults.
  call.replace('url' in document ? { url: document.url, method: document.method } : document);
}

function documentOf(form: URLSearchParams): NextDocument | undefined {
  const url = form.get('Url');
  const twiml = form.get('Twiml');
  if (url) {
    if (!/^https?:\/\/[^/]/.test(url)) throw new RestError(400, 21205, `Url is not a valid URL: ${url}`);
    return { url, method: methodOf(form.get('Method')), first: true };
  }
  if (!twiml) return undefined;
  if (twiml.length > TWIML_LIMIT) throw new RestError(400, 32018, `Twiml is longer than ${TWIML_LIMIT} characters`);
  // Relative URLs in it lead nowhere: there is no document to be relative to.
  return { twiml, base: 'http://api.twilio.invalid/' };
}

function statusCallbackOf(form: URLSearchParams): StatusCallback | undefined {
  const url = form.get('StatusCallback');
  if (!url) return undefined;
  const names = ['initiated', 'ringing', 'answered', 'completed'] as const;
  const wanted = form.getAll('StatusCallbackEvent').flatMap((each) => each.split(' '));
  const events = names.filter((name) => wanted.includes(name));
  return { url, method: methodOf(form.get('StatusCallbackMethod')), ...(events.length > 0 ? { events } : {}) };
}

function methodOf(value: string | null): 'GET' | 'POST' {
  return value?.toUpperCase() === 'GET' ? 'GET' : 'POST';
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
