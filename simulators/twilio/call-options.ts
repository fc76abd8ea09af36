import type { Resolve } from './address';
import type { CallbackFaults, DeliveredCallback } from './callbacks';
import type { SaidText } from './caller';
import type { HeardWord } from './ear';
import type { Finding } from './findings';
import type { LineBehaviour } from './line';
import type { MediaFaults, StreamEnd } from './media-stream';
import type { NetworkOptions } from './network';
import type { CallReport, DialReport, TwimlDocument } from './report';
import type { CallerScript } from './script';
import type { FormFields, UpgradeSignature, WebhookSignature } from './signatures';
import type { Ticker } from './ticker';
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
  /** So many ms after the stream's start its TCP connection breaks, without `stop` and close frame. */
  dropStreamAfterMs?: number;
  /** Does the call end with the broken stream (default), or go on with the next TwiML? */
  afterDrop?: 'call-ends' | 'call-goes-on';
  /** The first webhook comes twice, at once; which answer is carried out? */
  duplicateWebhook?: 'use-first' | 'use-last';
  callbacks?: CallbackFaults;
}

/** One call, in either direction. */
export interface CallOptions extends CallFaults {
  direction: 'inbound' | 'outbound-api';
  from: string;
  to: string;
  /** The first document. */
  document: NextDocument;
  /** Requested where the first document cannot be had. */
  fallback?: { url: string; method: WebhookMethod };
  script?: CallerScript;
  /** Further fields of every webhook of this call, e.g. ForwardedFrom. */
  fields?: FormFields;
  /** Which of Twilio's forms the requests are signed in. */
  signature?: { webhook?: WebhookSignature; upgrade?: UpgradeSignature };
  network?: NetworkOptions;
  statusCallback?: StatusCallback;
  /** Time-out of a webhook in ms, default 15 s. */
  webhookTimeoutMs?: number;
  /** The caller gives up after so many ms, default 2 min: no test hangs for ever. */
  maxDurationMs?: number;
  /** Outbound: ring time before no-answer, in ms. */
  ringTimeoutMs?: number;
  /** Answering machine detection was asked for (REST). */
  detection?: { async: boolean; callback?: string; method?: 'GET' | 'POST' };
}

/** What a call needs of its phone company. */
export interface Exchange {
  readonly accountSid: string;
  readonly authToken: string;
  readonly resolve: Resolve;
  readonly network: NetworkOptions;
  readonly ticker: Ticker;
  line(number: string): LineBehaviour;
  /** Sends a webhook and counts it as open while it lasts. */
  request(request: WebhookRequest): Promise<WebhookResponse>;
}

/**
 * The events of a call, for printing it live and for waiting without sleeping. The times in `twiml`, `finding` and `callback` count
 * from the offering of the call, as these may come before it is answered; the report counts all from the answer.
 */
export interface CallEvents {
  answered: [];
  twiml: [document: TwimlDocument];
  'stream-started': [streamSid: string];
  'stream-stopped': [streamSid: string, how: StreamEnd];
  word: [word: HeardWord];
  /** The caller begins to speak. */
  saying: [text: string, atMs: number];
  /** The caller has spoken to the end. */
  said: [said: SaidText];
  /** The next 20 ms of the caller's audio go out on the socket, now. */
  'frame-sent': [];
  /** Audio has come in on the socket, now; the caller hears it when its turn has come. */
  'audio-received': [audio: Buffer];
  clear: [atMs: number];
  mark: [name: string];
  'mark-echoed': [name: string];
  digit: [digit: string];
  finding: [finding: Finding];
  callback: [callback: DeliveredCallback];
  'dial-started': [dial: DialReport];
  /** The caller's script cannot go on. */
  failed: [reason: string];
  ended: [report: CallReport];
}
