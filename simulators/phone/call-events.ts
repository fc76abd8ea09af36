import type { SaidText } from './caller';
import type { HeardWord } from './ear';
import type { Finding } from './findings';
import type { CallReport, DialReport, StreamEnd } from './report';

/**
 * The events of a call, for printing it live and for waiting without sleeping. The time in `finding` counts from the offering of
 * the call, as it may come before the answer; the report counts all from the answer.
 */
export interface CallEvents<Report extends CallReport = CallReport> {
  answered: [];
  'stream-started': [streamId: string];
  'stream-stopped': [streamId: string, how: StreamEnd];
  word: [word: HeardWord];
  /** The caller begins to speak. */
  saying: [text: string, atMs: number];
  /** The caller has spoken to the end. */
  said: [said: SaidText];
  /** The next 20 ms of the caller's audio go out on the socket, now. */
  'frame-sent': [];
  /** Audio has come in on the socket, now; the caller hears it when its turn has come. */
  'audio-received': [audio: Buffer];
  /** The answering machine on the line has beeped; it records from now on. */
  beeped: [atMs: number];
  clear: [atMs: number];
  mark: [name: string];
  'mark-echoed': [name: string];
  digit: [digit: string];
  finding: [finding: Finding];
  'dial-started': [dial: DialReport];
  /** The caller's script cannot go on. */
  failed: [reason: string];
  ended: [report: Report];
}
