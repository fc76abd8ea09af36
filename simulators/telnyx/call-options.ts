import type { Resolve } from '../phone/address';
import type { PhoneCallOptions } from '../phone/call-options';
import type { HttpAnswer, OutgoingRequest } from '../phone/http-request';
import type { LineBehaviour } from '../phone/line';
import type { NetworkOptions } from '../phone/network';
import type { Ticker } from '../phone/ticker';
import type { Archive } from './archive';
import type { Body } from './fields';
import type { Detection } from './machine-detection';
import type { MediaFaults } from './media-stream';
import type { SigningKey, WebhookSignature } from './signing';
import type { StreamRequest } from './stream-request';
import type { WebhookFaults } from './webhooks';

/** All that can go wrong on command. */
export interface CallFaults extends MediaFaults {
  /** The stream is never opened though it was asked for; the caller waits in silence. */
  refuseStream?: boolean;
  webhooks?: WebhookFaults;
  /** How keys are told: on the socket, by webhook, or (as in truth, and the default) both. */
  dtmf?: 'both' | 'socket' | 'webhook';
  /** How the webhooks are signed. */
  signature?: WebhookSignature;
  /** A bridge ends the stream, by Telnyx's side; default: it goes on, as a fork of the call's media does. */
  bridgeEndsStream?: boolean;
  /** Recordings fail with this `reason` (`call.recording.error`), e.g. `Internal server error`. */
  recordingError?: string;
  /** `call.recording.saved` brings no `recording_id`: it is in the documented samples, but not in the published types. */
  recordingWithoutId?: boolean;
}

/** One call, in either direction. */
export interface CallOptions extends CallFaults, PhoneCallOptions {
  direction: 'incoming' | 'outgoing';
  webhookUrl: string;
  /** Tried when the first URL gives no 200. */
  failoverUrl?: string;
  /** Time-out of a webhook in ms, default 5 s. */
  webhookTimeoutMs?: number;
  /** Pause before a webhook is tried again, in ms, default 500. */
  webhookRetryMs?: number;
  /** Incoming: so long the caller waits for an answer, in ms, default 30 s; outgoing: so long it rings, default 30 s. */
  ringTimeoutMs?: number;
  /** Further fields of `call.initiated`, e.g. `{ caller_id_name: 'Ada' }`. */
  fields?: Body;
  /** Outgoing: `client_state` of the dial. */
  clientState?: string;
  /** Outgoing: the stream to open when it is answered. */
  stream?: StreamRequest;
  /** Outgoing: `answering_machine_detection`, with its settings. */
  detection?: Detection;
  /** Outgoing: the call ends so long after its answer, in ms. */
  timeLimitMs?: number;
  /** Outgoing: a recording begins with the answer; fields of the dial. */
  record?: Body;
  /** Outgoing: its id, which the answer to the dial has told. */
  recordingId?: string;
}

/** What is special about the call, where the application calls a number. */
export type LineCall = CallFaults &
  Pick<CallOptions, 'network' | 'fields' | 'maxDurationMs' | 'dropStreamAfterMs' | 'webhookTimeoutMs'>;

/** What a call needs of its phone company. */
export interface Exchange {
  readonly connectionId: string;
  readonly userId: string;
  readonly key: SigningKey;
  readonly resolve: Resolve;
  readonly network: NetworkOptions;
  readonly ticker: Ticker;
  /** The phone company closes down. */
  readonly signal: AbortSignal;
  /** Where recordings are saved. */
  readonly archive: Archive;
  line(number: string): LineBehaviour<LineCall>;
  /** Sends a request and counts it as open while it lasts. */
  request(request: OutgoingRequest): Promise<HttpAnswer>;
}
