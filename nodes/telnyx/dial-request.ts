import { isDialId } from '../call/dial/book';
import type { DialOrder } from '../call/dial/order';
import type { Detection, TelnyxDialSettings } from './dial-settings';

/** The longest call that Telnyx lets one ask for, and the shortest, s (contracts/telnyx.md, section 3.2). */
const MAX_LIMIT_S = 14_400;
const MIN_LIMIT_S = 30;
/** Our own limit comes first, with a goodbye: Telnyx's is for the day on which nobody here is left to hang up, s. */
const SPARE_S = 60;

/** What a dial needs to know besides what it is told to do. */
export interface DialFacts {
  /** Comes back in each webhook of the call, and so tells whose it is before it has a name. */
  dialId: string;
  webhookUrl: string;
  /** The longest that the call may last, ms. */
  maxDurationMs: number;
  /** What opens the stream the moment that the call is answered. */
  stream: Readonly<Record<string, string>>;
}

/** The body of `POST /calls` (section 3.2). Ours come last: what else the ops person wants cannot undo them. */
export function dialRequest(
  { from, to }: DialOrder,
  settings: TelnyxDialSettings,
  { dialId, webhookUrl, maxDurationMs, stream }: DialFacts,
): Record<string, unknown> {
  const { connectionId, ringMs, options } = settings;
  const detection = detectionOf(settings);
  const limit = Math.ceil(maxDurationMs / 1_000) + SPARE_S;
  return {
    ...options,
    connection_id: connectionId,
    to,
    from,
    webhook_url: webhookUrl,
    client_state: Buffer.from(dialId).toString('base64'),
    command_id: dialId,
    timeout_secs: Math.ceil(ringMs / 1_000),
    time_limit_secs: Math.min(MAX_LIMIT_S, Math.max(MIN_LIMIT_S, limit)),
    ...(detection !== 'off' && { answering_machine_detection: detection }),
    ...stream,
  };
}

/** How Telnyx listens: as set, if that tells what is to be known. */
function detectionOf({ detection, answer }: Pick<TelnyxDialSettings, 'detection' | 'answer'>): Detection {
  if (answer.detect === 'off') return 'off';
  if (answer.detect === 'who') return detection === 'off' ? 'detect' : detection;
  return detection === 'off' || detection === 'detect' ? 'detect_beep' : detection;
}

/** The id that we gave a dial, of a webhook's `client_state`; undefined where it is none of ours. */
export function dialIdOf(payload: Readonly<Record<string, unknown>>): string | undefined {
  const state = payload.client_state;
  if (typeof state !== 'string' || state.length > 100) return undefined;
  const text = Buffer.from(state, 'base64').toString('latin1');
  return isDialId(text) ? text : undefined;
}
