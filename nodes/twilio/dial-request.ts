import type { DialOrder } from '../call/dial/order';
import type { TwilioDialSettings } from './dial-settings';
import type { RestForm } from './rest';

/** The longest call that Twilio gives every account, s (contracts/twilio.md, section 9.1). */
const MAX_LIMIT_S = 14_400;
/** Our own limit comes first, with a goodbye: Twilio's is for the day on which nobody here is left to hang up, s. */
const SPARE_S = 60;

/** What a dial needs to know besides what it is told to do. */
export interface DialFacts {
  /** Part of each URL of the call, and so tells whose it is before it has a name. */
  dialId: string;
  /** Public URL and path of the `twilio-in`. */
  url: string;
  /** The longest that the call may last, ms. */
  maxDurationMs: number;
}

/** The form of `POST /Calls` (section 9.1). Ours come last: what else the ops person wants cannot undo them. */
export function dialRequest(
  { from, to }: DialOrder,
  settings: TwilioDialSettings,
  { dialId, url, maxDurationMs }: DialFacts,
): RestForm {
  return {
    ...further(settings.options),
    To: to,
    From: from,
    Url: `${url}/answered/${dialId}`,
    Method: 'POST',
    StatusCallback: `${url}/status/${dialId}`,
    StatusCallbackMethod: 'POST',
    StatusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
    Timeout: String(Math.ceil(settings.ringMs / 1_000)),
    TimeLimit: String(Math.min(MAX_LIMIT_S, Math.ceil(maxDurationMs / 1_000) + SPARE_S)),
    ...detection(settings, `${url}/amd/${dialId}`),
  };
}

/** Always asynchronous: nobody who answers waits in silence until Twilio knows who it is. */
function detection({ detection: wanted, answer }: TwilioDialSettings, callback: string): RestForm {
  if (wanted === 'off' && answer.detect === 'off') return {};
  const toTheEnd = wanted === 'detect_beep' || answer.detect === 'greeting-end';
  return {
    MachineDetection: toTheEnd ? 'DetectMessageEnd' : 'Enable',
    AsyncAmd: 'true',
    AsyncAmdStatusCallback: callback,
    AsyncAmdStatusCallbackMethod: 'POST',
  };
}

/** TwiML of another than ours would take the call away from the flow. */
const OURS = new Set(['Twiml', 'ApplicationSid', 'FallbackUrl']);

/** Further parameters, as a form has them. */
function further(options: Readonly<Record<string, unknown>>): RestForm {
  const form: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(options)) {
    if (OURS.has(name) || value === null || value === undefined) continue;
    form[name] = Array.isArray(value) ? value.map(asText) : asText(value);
  }
  return form;
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
