import type { CallFaults, CallOptions } from './call-options';
import type { CallerScript } from './script';

/** What happens when a number is called: by the REST API or by Dial. Plain data. */
export interface LineBehaviour {
  /** Default `answer`. */
  outcome?: 'answer' | 'busy' | 'no-answer' | 'failed';
  /** How long it rings before that, in ms; default 100. No-answer rings until the time-out of the call, but at most this. */
  ringMs?: number;
  /** Dial only: how long the two talk before the called party hangs up, in ms; default 1000. */
  talkMs?: number;
  /** Dial only: what the called party says to the caller. */
  says?: string;
  /** REST only: what the called person does. */
  script?: CallerScript;
  /** REST only: what goes wrong in that call, and how it is signed. */
  call?: CallFaults & Pick<CallOptions, 'signature' | 'network' | 'fields' | 'maxDurationMs'>;
  /** REST only: what answering machine detection finds; default `human`. */
  answeredBy?: string;
  /** REST only: how long that takes, in ms; default 200. */
  detectionMs?: number;
}

/** Ring time when none is given, in ms. Real ones are longer; nobody learns anything from waiting. */
export const DEFAULT_RING_MS = 100;
export const DEFAULT_TALK_MS = 1_000;

/** E.164, a client, or a SIP address: what Twilio can call. */
export function isCallable(address: string): boolean {
  return /^\+[1-9]\d{6,14}$/.test(address) || /^(client|sips?):\S+$/.test(address);
}
