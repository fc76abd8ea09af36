import type { Resolve } from '../phone/address';
import type { CallbackFaults } from '../phone/callbacks';
import type { PhoneCallOptions } from '../phone/call-options';
import type { LineBehaviour } from '../phone/line';
import type { MediaFaults } from './media-stream';
import type { NetworkOptions } from '../phone/network';
import type { DetectionRequest } from './machine-detection';
import type { RecordingRequest } from './recordings';
import type { TranscriptionFault } from './transcriptions';
import type { FormFields, UpgradeSignature, WebhookSignature } from './signatures';
import type { Ticker } from '../phone/ticker';
import type { NextDocument } from './verbs';
import type { WebhookMethod, WebhookRequest, WebhookResponse } from './webhook';

/** Where to report what becomes of the call. */
export interface StatusCallback {
  url: string;
  method?: 'GET' | 'POST';
  /** Default: completed only. */
  events?: ('initiated' | 'ringing' | 'answered' | 'completed')[];
}

/** All that can go wrong on command. */
export interface CallFaults extends MediaFaults {
  /** The stream is never opened after the webhook; the caller waits in silence. */
  refuseStream?: boolean;
  /** Does the call end with the broken stream (default), or go on with the next TwiML? */
  afterDrop?: 'call-ends' | 'call-goes-on';
  /** The first webhook comes twice, at once; which answer is carried out? */
  duplicateWebhook?: 'use-first' | 'use-last';
  callbacks?: CallbackFaults;
  /** How long it takes from the end of a recording to its file, in ms; default 0. */
  recordingReadyAfterMs?: number;
  /** The file of a recording cannot be made. */
  recordingAbsent?: boolean;
  /** A transcription fails as soon as it is started. */
  transcriptionFault?: TranscriptionFault;
}

/** One call, in either direction. */
export interface CallOptions extends CallFaults, PhoneCallOptions {
  direction: 'inbound' | 'outbound-api';
  /** The first document. */
  document: NextDocument;
  /** Requested where the first document cannot be had. */
  fallback?: { url: string; method: WebhookMethod };
  /** Further fields of every webhook of this call, e.g. ForwardedFrom. */
  fields?: FormFields;
  /** Which of Twilio's forms the requests are signed in. */
  signature?: { webhook?: WebhookSignature; upgrade?: UpgradeSignature };
  statusCallback?: StatusCallback;
  /** Time-out of a webhook in ms, default 15 s. */
  webhookTimeoutMs?: number;
  /** Outbound: ring time before no-answer, in ms. */
  ringTimeoutMs?: number;
  /** Outbound: answering machine detection was asked for. */
  detection?: DetectionRequest;
  /** Outbound: the call ends so long after its answer, in ms. */
  timeLimitMs?: number;
  /** Outbound: keys that are pressed when it is answered. */
  sendDigits?: string;
  /** Outbound: a recording begins with the answer. */
  record?: RecordingRequest;
}

/** What is special about the call, where the application calls a number. */
export type LineCall = CallFaults &
  Pick<CallOptions, 'signature' | 'network' | 'fields' | 'maxDurationMs' | 'dropStreamAfterMs'>;

/** What a call needs of its phone company. */
export interface Exchange {
  readonly accountSid: string;
  readonly authToken: string;
  readonly resolve: Resolve;
  readonly network: NetworkOptions;
  readonly ticker: Ticker;
  line(number: string): LineBehaviour<LineCall>;
  /** Base URL of the REST API. */
  readonly url: string;
  /** The phone company closes down. */
  readonly signal: AbortSignal;
  /** Sends a webhook and counts it as open while it lasts. */
  request(request: WebhookRequest): Promise<WebhookResponse>;
}
