import { DEFAULT_RING_MS, DEFAULT_TALK_MS } from '../phone/line';
import { wait } from '../phone/network';
import type { DialReport } from '../phone/report';
import { isCallable } from './callable';
import { newSid } from './ids';
import type { FormFields } from './signatures';
import { textOf, type Verb } from './twiml';
import { absolute, methodOf, type Outcome, type VerbHost } from './verbs';
import type { XmlElement } from './xml';

const DEFAULT_TIMEOUT_S = 30;
/** Four hours. */
const DEFAULT_TIME_LIMIT_S = 14_400;

interface Leg {
  to: string;
  /** A conference has nobody in it who could hang up, unless its name has a behaviour. */
  isConference: boolean;
  noun: XmlElement | undefined;
}

/**
 * Carries out `<Dial>`: rings, lets the two talk, and says what to request then (contracts/twilio.md section 10.5). Where the call itself ends
 * meanwhile, `action` is requested all the same, with CallStatus=completed, and what it answers is not carried out.
 */
export async function dial(verb: Verb, base: string, host: VerbHost, signal: AbortSignal): Promise<Outcome> {
  const legs: Leg[] = verb.nouns.map((noun) => ({ to: textOf(noun), isConference: noun.name === 'Conference', noun }));
  if (legs.length === 0 && verb.text) legs.push({ to: verb.text, isConference: false, noun: undefined });
  const callerId = verb.attributes['callerId'] ?? host.from;
  if (verb.attributes['callerId'] !== undefined && !isCallable(callerId)) {
    host.finding('error', 13214, `Dial: Invalid callerId value "${callerId}"`);
  }
  const timeoutMs = 1000 * seconds(verb, 'timeout', DEFAULT_TIMEOUT_S, 5, 600, 13212, host);
  const limitMs = 1000 * seconds(verb, 'timeLimit', DEFAULT_TIME_LIMIT_S, 1, 86_400, 13216, host);
  if (verb.attributes['answerOnBridge'] !== 'true') host.answer();
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
  if (signal.aborted && host.isOver())
    host.farewell(absolute(action, base), methodOf(verb.attributes['method']), fields);
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
  const wrong = wrongAddress(leg);
  if (wrong) {
    host.finding('error', wrong.code, wrong.message);
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
    host.answer();
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

/** What cannot be called, by its noun. */
function wrongAddress({ to, isConference, noun }: Leg): { code: number; message: string } | undefined {
  if (isConference || noun?.name === 'Client' || noun?.name === 'Queue') return undefined;
  if (noun?.name === 'Sip') {
    if (/^sips?:[^\s@]+@[^\s@]+$/.test(to)) return undefined;
    return { code: 13241, message: `Dial->Sip: Invalid SIP URI "${to}"` };
  }
  if (/^\+/.test(to) && isCallable(to)) return undefined;
  return { code: 13224, message: `Dial: Invalid phone number "${to}"` };
}

/** A number of seconds; one out of range is a warning, and the default is used. */
function seconds(
  verb: Verb,
  name: string,
  fallback: number,
  least: number,
  most: number,
  code: number,
  host: VerbHost,
): number {
  const value = verb.attributes[name];
  if (value === undefined) return fallback;
  if (/^\d+$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value);
  host.finding('warning', code, `Dial: Invalid ${name} value "${value}"`);
  return fallback;
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
