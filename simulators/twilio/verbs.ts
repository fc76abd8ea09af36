import { newSid } from './ids';
import { isCallable } from './callable';
import { DEFAULT_RING_MS, DEFAULT_TALK_MS, type LineBehaviour } from '../phone/line';
import { wait } from '../phone/network';
import type { DialReport } from '../phone/report';
import type { FormFields } from './signatures';
import { TwimlError, elementsOf, textOf, type Verb } from './twiml';
import type { XmlElement } from './xml';
import type { WebhookMethod } from './webhook';

/** A document to fetch, or one that is already here. */
export type NextDocument =
  { url: string; method: WebhookMethod; fields?: FormFields; first?: boolean } | { twiml: string; base: string };

/** What to do after a verb: the next one, another document, or the end of the call. */
export type Outcome = 'next' | NextDocument | { hangUp: string } | { lost: string } | { reject: 'busy' | 'rejected' };

/** What `<Connect><Stream>` asks for, checked. */
export interface StreamRequest {
  url: string;
  base: string;
  name: string | undefined;
  statusCallback: string | undefined;
  statusCallbackMethod: 'GET' | 'POST';
  customParameters: Record<string, string>;
}

/** What the verbs need of the call. */
export interface VerbHost {
  readonly callSid: string;
  readonly from: string;
  finding(severity: 'error' | 'warning', code: number, message: string): void;
  /** Says a text to the caller; resolves when it is heard to its end, or on abort. */
  speak(text: string, source: 'carrier' | 'callee', signal: AbortSignal): Promise<void>;
  /** Opens a stream; resolves when it is over. False: the whole call is over with it. */
  connect(request: StreamRequest, signal: AbortSignal): Promise<boolean>;
  line(number: string): LineBehaviour;
  dialled(report: DialReport): void;
  now(): number;
  callback(url: string, method: 'GET' | 'POST', fields: FormFields): void;
}

/** Name plus value of a stream's parameter must stay under this (contracts/twilio.md section 3.1). */
const PARAMETER_LIMIT = 500;
const DEFAULT_DIAL_TIMEOUT_S = 30;

/** Carries out one verb. Resolves early when the signal aborts; the outcome does not count then. */
export async function carryOut(verb: Verb, base: string, host: VerbHost, signal: AbortSignal): Promise<Outcome> {
  const { attributes } = verb;
  switch (verb.name) {
    case 'Say':
      // loop="0" is "for ever".
      for (let left = Number(attributes['loop'] ?? 1) || Infinity; left > 0 && !signal.aborted && verb.text; left--) {
        await host.speak(verb.text, 'carrier', signal);
      }
      return 'next';
    case 'Pause':
      await wait(1000 * Number(attributes['length'] ?? 1), signal);
      return 'next';
    case 'Hangup':
      return { hangUp: '<Hangup>' };
    case 'Reject':
      return { reject: attributes['reason'] === 'busy' ? 'busy' : 'rejected' };
    case 'Redirect':
      return { url: absolute(verb.text || base, base), method: methodOf(attributes['method']) };
    case 'Connect':
      return connect(verb, base, host, signal);
    case 'Dial':
      return dial(verb, base, host, signal);
    default:
      host.finding('warning', 0, `The simulator does not carry out <${verb.name}>`);
      return 'next';
  }
}

async function connect(verb: Verb, base: string, host: VerbHost, signal: AbortSignal): Promise<Outcome> {
  const stream = verb.nouns[0];
  if (!stream || verb.nouns.length > 1) {
    host.finding('error', 12200, '<Connect> needs exactly one <Stream>');
    return 'next';
  }
  const request = streamRequest(stream, base, host);
  if (request && !(await host.connect(request, signal))) return { lost: 'the media connection broke' };
  const action = verb.attributes['action'];
  return action ? { url: absolute(action, base), method: methodOf(verb.attributes['method']) } : 'next';
}

function streamRequest(stream: XmlElement, base: string, host: VerbHost): StreamRequest | undefined {
  const { url = '', name, track, statusCallback } = stream.attributes;
  if (track !== undefined && track !== 'inbound_track') {
    host.finding('error', 31941, `Stream - Invalid track configuration: <Connect> has no "${track}"`);
    return undefined;
  }
  if (statusCallback !== undefined && !/^https?:\/\//.test(statusCallback)) {
    host.finding('error', 11100, `statusCallback of <Stream> must be an absolute URL: "${statusCallback}"`);
  }
  const customParameters: Record<string, string> = {};
  for (const parameter of elementsOf(stream)) {
    const { name: key = '', value = '' } = parameter.attributes;
    if (key.length + value.length >= PARAMETER_LIMIT) {
      host.finding(
        'error',
        12200,
        `<Parameter name="${key.slice(0, 40)}"> has ${key.length + value.length} characters, the limit is ${PARAMETER_LIMIT}`,
      );
    } else if (key) customParameters[key] = value;
  }
  const usable = statusCallback !== undefined && /^https?:\/\//.test(statusCallback) ? statusCallback : undefined;
  const statusCallbackMethod = methodOf(stream.attributes['statusCallbackMethod']);
  return { url, base, name, statusCallback: usable, statusCallbackMethod, customParameters };
}

interface Leg {
  to: string;
  /** A conference has nobody in it who could hang up, unless its name has a behaviour. */
  isConference: boolean;
  noun: XmlElement | undefined;
}

async function dial(verb: Verb, base: string, host: VerbHost, signal: AbortSignal): Promise<Outcome> {
  const legs: Leg[] = verb.nouns.map((noun) => ({ to: textOf(noun), isConference: noun.name === 'Conference', noun }));
  if (legs.length === 0 && verb.text) legs.push({ to: verb.text, isConference: false, noun: undefined });
  const callerId = verb.attributes['callerId'] ?? host.from;
  if (verb.attributes['callerId'] !== undefined && !isCallable(callerId)) {
    host.finding('error', 13214, `Dial: Invalid callerId value "${callerId}"`);
  }
  const timeoutMs = 1000 * (Number(verb.attributes['timeout']) || DEFAULT_DIAL_TIMEOUT_S);
  const limitMs = 1000 * (Number(verb.attributes['timeLimit']) || Infinity);
  // Several numbers ring at the same time and the first to answer wins; here the first in the list that will answer.
  const leg = legs.find((each) => (host.line(each.to).outcome ?? 'answer') === 'answer') ?? legs[0];
  if (!leg) {
    host.finding('error', 12200, '<Dial> has nobody to call');
    return 'next';
  }
  const report: DialReport = {
    to: leg.to,
    callId: newSid('CA'),
    callerId,
    atMs: host.now(),
    status: 'failed',
    talkedMs: 0,
  };
  host.dialled(report);
  await ringAndTalk(leg, report, timeoutMs, limitMs, host, signal);
  const action = verb.attributes['action'];
  if (!action) return 'next';
  const fields: FormFields = {
    DialCallStatus: report.status,
    DialCallSid: report.callId,
    DialBridged: String(report.talkedMs > 0),
  };
  if (report.talkedMs > 0) fields['DialCallDuration'] = String(Math.ceil(report.talkedMs / 1000));
  return { url: absolute(action, base), method: methodOf(verb.attributes['method']), fields };
}

async function ringAndTalk(
  leg: Leg,
  report: DialReport,
  timeoutMs: number,
  limitMs: number,
  host: VerbHost,
  signal: AbortSignal,
): Promise<void> {
  const told = legCallbacks(leg, report, host);
  const sip = leg.noun?.name === 'Sip' || leg.noun?.name === 'Client';
  if (!leg.isConference && !sip && !isCallable(leg.to)) {
    host.finding('error', 13224, `Dial: Invalid phone number "${leg.to}"`);
    return;
  }
  const { outcome = 'answer', ringMs = DEFAULT_RING_MS, talkMs, says } = host.line(leg.to);
  told('initiated');
  told('ringing');
  await wait(Math.min(ringMs, timeoutMs), signal);
  if (signal.aborted) report.status = 'canceled';
  else if (outcome === 'answer' && ringMs > timeoutMs) report.status = 'no-answer';
  else if (outcome !== 'answer') report.status = outcome;
  else {
    told('in-progress');
    const answeredAt = host.now();
    if (says) await host.speak(says, 'callee', signal);
    const talk = talkMs ?? (leg.isConference ? 2 ** 31 - 1 : DEFAULT_TALK_MS);
    await wait(Math.min(talk, limitMs) - (host.now() - answeredAt), signal);
    report.talkedMs = Math.max(1, host.now() - answeredAt);
    report.status = 'completed';
  }
  told(report.status);
}

/** Reports on the called leg, for the events that were asked for. */
function legCallbacks(leg: Leg, report: DialReport, host: VerbHost): (status: string) => void {
  const { statusCallback, statusCallbackMethod, statusCallbackEvent = 'completed' } = leg.noun?.attributes ?? {};
  if (!statusCallback || leg.isConference) return () => {};
  const events = statusCallbackEvent.split(' ');
  let sequence = 0;
  return (status) => {
    const event =
      status === 'in-progress' ? 'answered' : ['initiated', 'ringing'].includes(status) ? status : 'completed';
    if (!events.includes(event)) return;
    host.callback(statusCallback, methodOf(statusCallbackMethod), {
      CallSid: report.callId,
      ParentCallSid: host.callSid,
      From: report.callerId,
      To: report.to,
      CallStatus: status,
      Direction: 'outbound-dial',
      CallbackSource: 'call-progress-events',
      SequenceNumber: String(sequence++),
    });
  };
}

function methodOf(value: string | undefined): 'GET' | 'POST' {
  return value === 'GET' ? 'GET' : 'POST';
}

function absolute(url: string, base: string): string {
  try {
    return new URL(url, base).href;
  } catch {
    throw new TwimlError(11100, `Invalid URL: ${url}`);
  }
}
