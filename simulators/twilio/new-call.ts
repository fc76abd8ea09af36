import type { CallOptions, StatusCallback } from './call-options';
import { isCallable } from './callable';
import { detectionRequest } from './machine-detection';
import { fieldsOf, flag, invalid, whole } from './parameters';
import { recordingRequest } from './recordings';
import { RestError } from './rest-error';
import type { NextDocument } from './verbs';

/** `Twiml` of a call has at most this many characters (error 32018). */
const TWIML_LIMIT = 4_000;
const MAX_RING_S = 600;
const MAX_TIME_LIMIT_S = 86_400;

/** All that is known here (contracts/twilio.md section 9.1); Twilio ignores what it does not know. */
const KNOWN = new Set(
  (
    'To From Url Twiml ApplicationSid Method FallbackUrl FallbackMethod StatusCallback StatusCallbackMethod StatusCallbackEvent ' +
    'Timeout TimeLimit SendDigits Record RecordingChannels RecordingTrack RecordingStatusCallback RecordingStatusCallbackMethod ' +
    'RecordingStatusCallbackEvent RecordingConfigurationId Trim MachineDetection MachineDetectionTimeout ' +
    'MachineDetectionSpeechThreshold MachineDetectionSpeechEndThreshold MachineDetectionSilenceTimeout AsyncAmd ' +
    'AsyncAmdStatusCallback AsyncAmdStatusCallbackMethod SipAuthUsername SipAuthPassword CallerId CallReason CallToken Byoc ' +
    'ClientNotificationUrl'
  ).split(' '),
);

/** The call that a form asks for, checked, and what is odd about the form. Throws a RestError if it is refused. */
export function newCall(form: URLSearchParams): { options: CallOptions; oddities: string[] } {
  const field = fieldsOf(form);
  const to = field('To') ?? '';
  const from = field('From') ?? '';
  if (!to) throw new RestError(400, 21201, "No 'To' number is specified");
  if (!from) throw new RestError(400, 21213, "'From' number is required");
  if (!isCallable(to))
    throw new RestError(400, 21211, `The phone number you are attempting to call, ${to}, is not valid.`);
  if (!isCallable(from)) throw new RestError(400, 21212, `The source phone number provided, ${from}, is not valid.`);
  const document = documentOf(form);
  if (!document) throw new RestError(400, 21205, 'Url parameter is required.');
  const options: CallOptions = { direction: 'outbound-api', from, to, document };
  const fallbackUrl = field('FallbackUrl');
  if (fallbackUrl) options.fallback = { url: fallbackUrl, method: methodOf(form.get('FallbackMethod')) };
  const statusCallback = statusCallbackOf(form);
  if (statusCallback) options.statusCallback = statusCallback;
  options.ringTimeoutMs = 1000 * whole(field, 'Timeout', 1, MAX_RING_S, 60);
  const limit = whole(field, 'TimeLimit', 1, MAX_TIME_LIMIT_S, 0);
  if (limit > 0) options.timeLimitMs = 1000 * limit;
  const digits = field('SendDigits');
  if (digits !== undefined && !/^[0-9*#wWA-D]+$/.test(digits)) throw invalid('SendDigits', digits);
  if (digits !== undefined) options.sendDigits = digits;
  const detection = detectionRequest(field);
  if (detection) options.detection = detection;
  // Where the recording comes with the call, silence is trimmed unless told otherwise.
  const recording = recordingRequest(field, 'OutboundAPI', 'trim-silence');
  if (flag(field, 'Record', false)) options.record = recording;
  return { options, oddities: odditiesOf(form, options) };
}

function odditiesOf(form: URLSearchParams, { detection }: CallOptions): string[] {
  const unknown = [...new Set(form.keys())].filter((name) => !KNOWN.has(name));
  const oddities = unknown.map((name) => `Calls: nobody knows the parameter "${name}"`);
  if (form.get('Url') && form.get('Twiml')) oddities.push('Calls: Twiml is ignored where there is a Url');
  if (form.get('SendDigits') && form.get('MachineDetection'))
    oddities.push('Calls: SendDigits turns MachineDetection off');
  if (!detection && form.get('AsyncAmd')) oddities.push('Calls: AsyncAmd does nothing without MachineDetection');
  if (detection?.async && !detection.callback) oddities.push('Calls: nobody is told of the AsyncAmd result');
  return oddities;
}

/** The TwiML that a form names or brings; undefined: none. */
export function documentOf(form: URLSearchParams): NextDocument | undefined {
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

/** Where the progress of a call is to be told; undefined: nowhere. */
export function statusCallbackOf(form: URLSearchParams): StatusCallback | undefined {
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
