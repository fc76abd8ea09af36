/** The TwiML that we answer with (contracts/twilio.md, section 3). */

/** Where a call's requests go to, absolute URLs. */
export interface CallUrls {
  next: string;
  streamStatus: string;
  /** `wss://`, with a one-time token as its last part: Twilio drops a query. */
  media: string;
}

/** A `Twiml` parameter of the REST API may have 4,000 characters (error 32018); the rest is our own verbs. */
const MAX_SAY = 3_000;

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** Text for an element or attribute: escaped, without the control characters that XML forbids. */
export function escapeXml(text: string): string {
  const allowed = text.replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, (c) => (/\s/.test(c) ? ' ' : ''));
  return allowed.replace(/[&<>"']/g, (c) => ESCAPES[c] ?? c);
}

function response(verbs: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Response>${verbs}</Response>`;
}

function sayVerb(text: string): string {
  let words = text.trim();
  if (words === '') return '';
  while (escapeXml(words).length > MAX_SAY) words = words.slice(0, -Math.ceil((escapeXml(words).length - MAX_SAY) / 6));
  return `<Say>${escapeXml(words)}</Say>`;
}

/** Connects the caller to us; when the stream ends, Twilio asks `next` what to do. */
export function connect(urls: CallUrls): string {
  const { next, media, streamStatus } = urls;
  return response(
    `<Connect action="${escapeXml(next)}" method="POST"><Stream url="${escapeXml(media)}"` +
      ` statusCallback="${escapeXml(streamStatus)}" statusCallbackMethod="POST"/></Connect>`,
  );
}

/** Says a text by Twilio's own voice, then asks `next`: by then the token of a `<Stream>` written here might be too old. */
export function sayThenNext(text: string, next: string): string {
  return response(`${sayVerb(text)}<Redirect method="POST">${escapeXml(next)}</Redirect>`);
}

/** Ends the call, after some words if there are any. */
export function hangup(text = ''): string {
  return response(`${sayVerb(text)}<Hangup/>`);
}

/** A busy tone; costs nothing, for the call is not answered. */
export function rejectBusy(): string {
  return response('<Reject reason="busy"/>');
}

/** How the caller is put through. */
export interface DialVerb {
  /** E.164 or a SIP address. */
  to: string;
  callerId: string;
  /** Seconds that it may ring. */
  timeout: number;
  /** Seconds that the two may talk. */
  timeLimit: number;
  /** Asked what to do when it is over. */
  next: string;
  /** Told that whoever was called has answered, and of the end of their call. */
  legStatus: string;
}

/** Puts the caller through; while it rings the caller hears that, and is not charged for an answer. */
export function dial({ to, callerId, timeout, timeLimit, next, legStatus }: DialVerb): string {
  const noun = /^sips?:/i.test(to) ? 'Sip' : 'Number';
  return response(
    `<Dial answerOnBridge="true" callerId="${escapeXml(callerId)}" timeout="${timeout}" timeLimit="${timeLimit}"` +
      ` action="${escapeXml(next)}" method="POST"><${noun} statusCallback="${escapeXml(legStatus)}"` +
      ` statusCallbackMethod="POST" statusCallbackEvent="answered completed">${escapeXml(to)}</${noun}></Dial>`,
  );
}

/** Passes the caller on to another number. */
export function forward(number: string): string {
  return response(`<Dial><Number>${escapeXml(number)}</Number></Dial>`);
}

/** Nothing to do. */
export function nothing(): string {
  return response('');
}
