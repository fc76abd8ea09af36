import type { LineBehaviour } from '../phone/line';
import { wait } from '../phone/network';
import type { DialReport } from '../phone/report';
import type { FormFields } from './signatures';
import { dial } from './dial';
import { attributesAs, type Field } from './parameters';
import { TwimlError, elementsOf, type Verb } from './twiml';
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
  /** Is the whole call over? */
  isOver(): boolean;
  /** Requests a document as ever, but the call is over and nobody carries it out. */
  farewell(url: string, method: 'GET' | 'POST', fields: FormFields): void;
  /** Takes the call off the hook, if it is not yet. */
  answer(): void;
  /** The keys' tones, to the caller. */
  playKeys(keys: string, signal: AbortSignal): Promise<void>;
  /** `<Start><Recording>`. */
  record(field: Field): void;
  /** `<Start><Transcription>`. */
  transcribe(field: Field): void;
  /** `<Stop><Transcription name>`. */
  stopTranscribing(name: string): void;
}

/** Name plus value of a stream's parameter must stay under this (contracts/twilio.md section 3.1). */
const PARAMETER_LIMIT = 500;

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
    case 'Play':
      if (attributes['digits']) await host.playKeys(attributes['digits'], signal);
      else host.finding('warning', 0, 'The simulator plays digits only');
      return 'next';
    case 'Start':
    case 'Stop':
      for (const noun of verb.nouns) startOrStop(verb.name, noun, base, host);
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

const RECORDING_NAMES = { RecordingTrack: 'track', RecordingChannels: 'channels' };

function startOrStop(verb: 'Start' | 'Stop', noun: XmlElement, base: string, host: VerbHost): void {
  const { name, attributes } = noun;
  const callbackKey = name === 'Recording' ? 'recordingStatusCallback' : 'statusCallbackUrl';
  const callback = attributes[callbackKey];
  const own = callback === undefined ? attributes : { ...attributes, [callbackKey]: absolute(callback, base) };
  if (verb === 'Start' && name === 'Recording') host.record(attributesAs(own, RECORDING_NAMES));
  else if (verb === 'Start' && name === 'Transcription') host.transcribe(attributesAs(own));
  else if (verb === 'Stop' && name === 'Transcription') host.stopTranscribing(attributes['name'] ?? '');
  else host.finding('warning', 0, `The simulator does not carry out <${verb}><${name}>`);
}

/** The method that an attribute names. */
export function methodOf(value: string | undefined): 'GET' | 'POST' {
  return value === 'GET' ? 'GET' : 'POST';
}

/** A URL as the document means it. Throws a TwimlError 11100 for one that is none. */
export function absolute(url: string, base: string): string {
  try {
    return new URL(url, base).href;
  } catch {
    throw new TwimlError(11100, `Invalid URL: ${url}`);
  }
}
