import { errors } from './errors';
import { text, type Body } from './fields';

/** The carrier's own speech-to-text on one call, of the caller's side: `transcription_start` to `transcription_stop`. */
export class Transcription {
  private tracks: string | undefined;

  constructor(private readonly tell: (data: Body) => void) {}

  start(body: Body): void {
    if (this.tracks !== undefined) throw errors.transcribing('Call transcription can not be started more than once.');
    this.tracks = text(body, 'transcription_tracks') ?? 'inbound';
  }

  stop(): void {
    if (this.tracks === undefined) throw errors.unable('The call is not being transcribed.');
    this.tracks = undefined;
  }

  /** The caller has said something to its end. */
  said(words: string): void {
    if (this.tracks === undefined || this.tracks === 'outbound') return;
    this.tell({ transcript: words, confidence: 0.94, is_final: true, transcription_track: 'inbound' });
  }
}
