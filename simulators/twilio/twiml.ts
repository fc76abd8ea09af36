import { XmlError, parseXml, type XmlElement } from './xml';

/** A verb to carry out: its element, checked against the rules below. */
export interface Verb {
  name: string;
  attributes: Record<string, string>;
  nouns: XmlElement[];
  /** All text inside the verb, with the white space of the markup collapsed. */
  text: string;
}

/** What is wrong with a document, by Twilio's error code. */
export interface TwimlProblem {
  code: number;
  severity: 'error' | 'warning';
  message: string;
}

/** A document that was understood: its verbs in order, and what Twilio's debugger would say of it. */
export interface Twiml {
  verbs: Verb[];
  problems: TwimlProblem[];
}

/** A document that cannot be carried out at all: the call hears an application error. */
export class TwimlError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

interface Rule {
  attributes: string;
  required?: string;
  /** Names of permitted children. `*`: any, unchecked (SSML, and what the simulator does not act on). */
  children?: string;
  text?: boolean;
}

const STREAM = 'url name track statusCallback statusCallbackMethod connectorName';
const LEG =
  'url method statusCallback statusCallbackMethod statusCallbackEvent byoc machineDetection amdStatusCallback amdStatusCallbackMethod';

const RULES: Record<string, Rule> = {
  Response: { attributes: '', children: 'Connect Start Stop Say Pause Play Hangup Reject Dial Redirect Gather Record' },
  Connect: { attributes: 'action method', children: 'Stream' },
  Start: { attributes: 'action method', children: 'Stream Recording Transcription Siprec' },
  Stop: { attributes: '', children: 'Stream Transcription Siprec' },
  Stream: { attributes: STREAM, children: 'Parameter' },
  Parameter: { attributes: 'name value', required: 'name value' },
  Recording: {
    attributes:
      'recordingStatusCallback recordingStatusCallbackMethod recordingStatusCallbackEvent trim track channels',
  },
  Transcription: {
    attributes:
      'name track statusCallbackUrl statusCallbackMethod inboundTrackLabel outboundTrackLabel partialResults languageCode transcriptionEngine profanityFilter speechModel hints enableAutomaticPunctuation intelligenceService',
    children: '*',
  },
  Siprec: { attributes: 'name connectorName track statusCallback statusCallbackMethod', children: 'Parameter' },
  Say: { attributes: 'voice loop language', children: '*', text: true },
  Pause: { attributes: 'length' },
  Play: { attributes: 'loop digits', text: true },
  Hangup: { attributes: '' },
  Reject: { attributes: 'reason' },
  Redirect: { attributes: 'method', text: true },
  Dial: {
    attributes:
      'action method timeout hangupOnStar timeLimit callerId record trim recordingStatusCallback recordingStatusCallbackMethod recordingStatusCallbackEvent answerOnBridge ringTone recordingTrack sequential referUrl referMethod events',
    children: 'Number Client Sip Conference Queue',
    text: true,
  },
  Number: { attributes: `sendDigits phoneNumberSid ${LEG}`, text: true },
  Client: { attributes: LEG, children: 'Identity Parameter', text: true },
  Sip: { attributes: `username password ${LEG}`, text: true },
  Identity: { attributes: '', text: true },
  Queue: { attributes: 'url method reservationSid postWorkActivitySid', text: true },
  Conference: {
    attributes:
      'muted beep startConferenceOnEnter endConferenceOnExit waitUrl waitMethod maxParticipants record region coach trim statusCallbackEvent statusCallback statusCallbackMethod recordingStatusCallback recordingStatusCallbackMethod recordingStatusCallbackEvent eventCallbackUrl jitterBufferSize participantLabel',
    text: true,
  },
  Gather: {
    attributes:
      'input action method timeout speechTimeout maxSpeechTime profanityFilter finishOnKey numDigits partialResultCallback partialResultCallbackMethod language hints bargeIn debug actionOnEmptyResult speechModel enhanced',
    children: 'Say Pause Play',
  },
  Record: {
    attributes:
      'action method timeout finishOnKey maxLength playBeep trim recordingStatusCallback recordingStatusCallbackEvent recordingStatusCallbackMethod transcribe transcribeCallback',
  },
};

/** Values that an attribute may have, where only a few are allowed. Methods are checked everywhere. */
const VALUES: Record<string, string> = {
  'Reject.reason': 'rejected busy',
  'Stream.track': 'inbound_track outbound_track both_tracks',
  'Dial.answerOnBridge': 'true false',
  'Conference.startConferenceOnEnter': 'true false',
  'Conference.endConferenceOnExit': 'true false',
};

/**
 * Reads TwiML. Not well-formed: TwimlError 12100; another root: 12102. Anything that the schema does not know is a warning
 * 12200 and is not carried out, as with Twilio: the call goes on without it.
 */
export function parseTwiml(text: string): Twiml {
  let root: XmlElement;
  try {
    root = parseXml(text);
  } catch (error) {
    if (error instanceof XmlError) throw new TwimlError(12100, `Document parse failure: ${error.message}`);
    throw error;
  }
  if (root.name !== 'Response') throw new TwimlError(12102, `The root element must be <Response>, not <${root.name}>`);
  const problems: TwimlProblem[] = [];
  check(root, problems);
  return { verbs: elementsOf(root).map(toVerb), problems };
}

/** The child elements of an element. */
export function elementsOf(element: XmlElement): XmlElement[] {
  return element.children.filter((child) => typeof child !== 'string');
}

/** All text of an element, white space collapsed. */
export function textOf(element: XmlElement): string {
  const join = (each: XmlElement | string): string =>
    typeof each === 'string' ? each : each.children.map(join).join(' ');
  return join(element).replace(/\s+/g, ' ').trim();
}

function toVerb(element: XmlElement): Verb {
  return { name: element.name, attributes: element.attributes, nouns: elementsOf(element), text: textOf(element) };
}

/** Removes from the tree what the schema does not know, and says so. */
function check(element: XmlElement, problems: TwimlProblem[]): void {
  const rule = RULES[element.name];
  if (!rule) return;
  const invalid = (message: string): void => {
    problems.push({ code: 12200, severity: 'warning', message: `Schema validation: ${message}` });
  };
  const known = rule.attributes.split(' ');
  for (const [key, value] of Object.entries(element.attributes)) {
    if (!known.includes(key) || key === '') invalid(`attribute "${key}" is not allowed in <${element.name}>`);
    const permitted = /method$/i.test(key) ? 'GET POST' : VALUES[`${element.name}.${key}`];
    if (permitted && !permitted.split(' ').includes(value)) {
      invalid(`"${value}" is no value for attribute "${key}" of <${element.name}>`);
      delete element.attributes[key];
    }
  }
  for (const key of rule.required?.split(' ') ?? []) {
    if (element.attributes[key] === undefined) invalid(`<${element.name}> needs the attribute "${key}"`);
  }
  if (!rule.text && element.children.some((child) => typeof child === 'string' && child.trim() !== '')) {
    invalid(`<${element.name}> has no text`);
  }
  if (rule.children === '*') return;
  const permitted = rule.children?.split(' ') ?? [];
  element.children = element.children.filter((child) => {
    if (typeof child === 'string') return true;
    if (permitted.includes(child.name)) return true;
    invalid(`<${child.name}> is not allowed in <${element.name}>`);
    return false;
  });
  for (const child of elementsOf(element)) check(child, problems);
}
