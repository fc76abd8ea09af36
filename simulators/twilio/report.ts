import type { DeliveredCallback } from './callbacks';
import type { Interruption, SaidText, TurnLatency } from './caller';
import type { HeardWord } from './ear';
import type { Finding } from './findings';
import type { StreamEnd } from './media-stream';

/** Twilio's states of a call (contracts/twilio.md section 10.1). */
export type CallStatus =
  'queued' | 'initiated' | 'ringing' | 'in-progress' | 'completed' | 'busy' | 'failed' | 'no-answer' | 'canceled';

/** Who ended the call: the caller, the application by REST, its TwiML, or the phone company. */
export type EndedBy = 'caller' | 'application' | 'twiml' | 'phone-company';

/** One request for TwiML and its answer. */
export interface TwimlDocument {
  atMs: number;
  /** Empty where the TwiML came by REST. */
  url: string;
  /** HTTP status; 0: no answer. */
  status: number;
  body: string;
  /** Time of the request in ms. */
  tookMs: number;
  /** It answers a repeated webhook and was not carried out. */
  duplicate: boolean;
}

/** One media stream of the call. */
export interface StreamReport {
  streamSid: string;
  url: string;
  customParameters: Record<string, string>;
  /** Undefined: it never opened. */
  openedAtMs: number | undefined;
  endedAtMs: number | undefined;
  ended: StreamEnd | undefined;
  /** WebSocket close code. */
  closeCode: number | undefined;
  receivedBytes: number;
  /** Messages whose audio was no multiple of 160 bytes. */
  oddPayloads: number;
}

/** A mark on its way: sent by the application, echoed to it. */
export interface MarkReport {
  name: string;
  receivedAtMs: number;
  echoedAtMs: number | undefined;
}

/** A party that was called by Dial. */
export interface DialReport {
  to: string;
  callSid: string;
  callerId: string;
  atMs: number;
  status: 'completed' | 'busy' | 'no-answer' | 'failed' | 'canceled';
  talkedMs: number;
}

/** All that can be said of a call. Times in ms since it was answered; what came before is negative. */
export interface CallReport {
  callSid: string;
  from: string;
  to: string;
  direction: 'inbound' | 'outbound-api';
  status: CallStatus;
  /** Undefined while it lasts. */
  endedBy: EndedBy | undefined;
  reason: string;
  /** Between answer and end, or until now. */
  durationMs: number;
  heard: HeardWord[];
  /** The heard words, cut ones included, with single spaces. */
  heardText: string;
  said: SaidText[];
  turns: TurnLatency[];
  interruptions: Interruption[];
  clears: { atMs: number }[];
  marks: MarkReport[];
  streams: StreamReport[];
  dials: DialReport[];
  twiml: TwimlDocument[];
  callbacks: DeliveredCallback[];
  findings: Finding[];
  oddPayloads: number;
  /** Why the caller's script could not go on; undefined: it could. */
  failure: string | undefined;
}
