import type { Interruption, SaidText, TurnLatency } from './caller';
import type { HeardWord } from './ear';
import type { Finding } from './findings';

/** The states of a call, in Twilio's words, which every carrier's report uses (contracts/twilio.md section 10.1). */
export type CallStatus =
  'queued' | 'initiated' | 'ringing' | 'in-progress' | 'completed' | 'busy' | 'failed' | 'no-answer' | 'canceled';

/** Who ended the call: the caller, the application by a command, its TwiML, or the phone company. */
export type EndedBy = 'caller' | 'application' | 'twiml' | 'phone-company';

/** Why a stream is over. */
export type StreamEnd = 'phone-company' | 'application' | 'failed' | 'dropped';

/** One media stream of the call. */
export interface StreamReport {
  streamId: string;
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

/** A party that was called on behalf of the caller. */
export interface DialReport {
  to: string;
  callId: string;
  callerId: string;
  atMs: number;
  status: 'completed' | 'busy' | 'no-answer' | 'failed' | 'canceled';
  talkedMs: number;
}

/** What can be said of a call of any carrier. Times in ms since it was answered; what came before is negative. */
export interface CallReport {
  /** The carrier's own name of the call: what `msg.call.id` should be. */
  callId: string;
  from: string;
  to: string;
  direction: 'inbound' | 'outbound';
  status: CallStatus;
  /** Undefined while it lasts. */
  endedBy: EndedBy | undefined;
  reason: string;
  /** Between answer and end, or until now. */
  durationMs: number;
  heard: HeardWord[];
  /** The heard words, cut ones included, with single spaces. */
  heardText: string;
  /** The keys of a phone that were in the audio, as tones. */
  heardTones: string;
  /** Where an answering machine answered: the words that it recorded after its beep. */
  messageLeft: string | undefined;
  said: SaidText[];
  turns: TurnLatency[];
  interruptions: Interruption[];
  clears: { atMs: number }[];
  marks: MarkReport[];
  streams: StreamReport[];
  dials: DialReport[];
  findings: Finding[];
  oddPayloads: number;
  /** Why the caller's script could not go on; undefined: it could. */
  failure: string | undefined;
}
