/**
 * The signatures of Twilio's requests (contracts/twilio.md section 4). The official package computes them; this file only adds
 * the forms of the URL that the real Twilio is known to sign, which an application must accept.
 */
import { getExpectedBodyHash, getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks';

/** Form fields in the order of sending. A field sent several times has an array. */
export type FormFields = Record<string, string | string[]>;

/**
 * Which form of a webhook's URL is signed: `as-twilio` leaves the port out for https and keeps it for http, which is what Twilio
 * does today; `with-port` adds the standard port, `without-port` removes any. `wrong` and `missing` are what an attacker sends.
 */
export type WebhookSignature = 'as-twilio' | 'as-given' | 'with-port' | 'without-port' | 'wrong' | 'missing';

/** Which form of the media stream's URL is signed: as written in the TwiML, with a slash at the end, with the port, or both. */
export type UpgradeSignature = 'plain' | 'slash' | 'port' | 'port-slash' | 'wrong' | 'missing';

interface UrlParts {
  scheme: string;
  userInfo: string;
  host: string;
  port: string;
  rest: string;
}

// No `new URL()`: it would normalise the very characters that were signed.
function split(url: string): UrlParts | undefined {
  const match = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#@]*@)?(\[[^\]]*\]|[^:/?#]*)(:\d*)?(.*)$/is.exec(url);
  if (!match) return undefined;
  return {
    scheme: match[1] ?? '',
    userInfo: match[2] ?? '',
    host: match[3] ?? '',
    port: match[4] ?? '',
    rest: match[5] ?? '',
  };
}

/** The URL without its port, every other character untouched. */
export function withoutPort(url: string): string {
  const parts = split(url);
  return parts ? parts.scheme + parts.userInfo + parts.host + parts.rest : url;
}

/** The URL with the standard port of its scheme, if it has no port. */
export function withPort(url: string): string {
  const parts = split(url);
  if (!parts || parts.port) return url;
  const port = /^(https|wss):/i.test(parts.scheme) ? ':443' : ':80';
  return parts.scheme + parts.userInfo + parts.host + port + parts.rest;
}

function signedForm(url: string, variant: WebhookSignature): string {
  switch (variant) {
    case 'as-twilio':
      return /^https:/i.test(url) ? withoutPort(url) : url;
    case 'with-port':
      return withPort(url);
    case 'without-port':
      return withoutPort(url);
    default:
      return url;
  }
}

function sign(authToken: string, url: string, fields: FormFields, wrong: boolean): string {
  // A wrong signature has the right shape, so that nothing but the comparison can find it out.
  return getExpectedTwilioSignature(wrong ? `not-${authToken}` : authToken, url, fields);
}

/** Signature of a form POST: URL and sorted fields. `undefined` for the variant `missing`. */
export function signForm(
  authToken: string,
  url: string,
  fields: FormFields,
  variant: WebhookSignature = 'as-twilio',
): string | undefined {
  if (variant === 'missing') return undefined;
  return sign(authToken, signedForm(url, variant), fields, variant === 'wrong');
}

/** Signature of a GET: the URL with its whole query, and nothing else. */
export function signGet(authToken: string, url: string, variant: WebhookSignature = 'as-twilio'): string | undefined {
  return signForm(authToken, url, {}, variant);
}

/** Signature of a JSON POST. The URL to request is a new one: it carries the body's hash as `bodySHA256`. */
export function signJson(
  authToken: string,
  url: string,
  body: string,
  variant: WebhookSignature = 'as-twilio',
): { url: string; signature: string | undefined } {
  const hashed = `${url}${url.includes('?') ? '&' : '?'}bodySHA256=${getExpectedBodyHash(body)}`;
  return { url: hashed, signature: signForm(authToken, hashed, {}, variant) };
}

/** Signature of a media stream's upgrade request. `url` is the `wss://` (on loopback `ws://`) URL as written in the TwiML. */
export function signUpgrade(authToken: string, url: string, variant: UpgradeSignature = 'plain'): string | undefined {
  if (variant === 'missing') return undefined;
  const ported = variant === 'port' || variant === 'port-slash' ? withPort(url) : url;
  const signed = variant === 'slash' || variant === 'port-slash' ? `${ported}/` : ported;
  return sign(authToken, signed, {}, variant === 'wrong');
}
