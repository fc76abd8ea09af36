/** What the Realtime simulator remembers of one transcription session. */
import { BYTES_PER_MS } from '../audio';

const WINDOW_MS = 1000;
const BIN_MS = 100;

/** One socket, as plain data. Times are of Date.now(), durations in ms. */
export class TranscriptionLog {
  readonly startedAt = Date.now();
  closedAt: number | undefined;
  /** Bytes of audio appended, decoded. */
  audioBytes = 0;
  /** Most audio that was appended within any second, in seconds: 1 is real time, above 1.25 is too fast a replay. */
  fastest = 0;
  /** Client events, by type. */
  readonly received: Record<string, number> = {};
  /** Server events, by type. */
  readonly sent: Record<string, number> = {};
  /** Transcripts with words, in the order in which they were completed. */
  readonly transcripts: string[] = [];
  /** The session as it was last agreed. */
  session: Record<string, unknown> = {};
  closeCode: number | undefined;
  closeReason: string | undefined;
  private readonly bins = new Float64Array(WINDOW_MS / BIN_MS);
  private bin = -1;

  constructor(readonly key: string) {}

  /** Counts audio that arrived at `now` (ms of a monotonic clock). */
  countAudio(bytes: number, now: number): void {
    this.audioBytes += bytes;
    const bin = Math.floor(now / BIN_MS);
    const passed = this.bin < 0 ? this.bins.length : Math.min(bin - this.bin, this.bins.length);
    for (let i = 0; i < passed; i++) this.bins[(bin - i) % this.bins.length] = 0;
    this.bin = bin;
    const slot = bin % this.bins.length;
    this.bins[slot] = (this.bins[slot] ?? 0) + bytes;
    const sum = this.bins.reduce((all, one) => all + one, 0);
    this.fastest = Math.max(this.fastest, sum / BYTES_PER_MS / WINDOW_MS);
  }

  countReceived(type: string): void {
    this.received[type] = (this.received[type] ?? 0) + 1;
  }

  countSent(type: string): void {
    this.sent[type] = (this.sent[type] ?? 0) + 1;
  }
}
