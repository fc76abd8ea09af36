import { BYTES_PER_MS, FRAME_BYTES } from '../audio';

/** At most ten minutes of unplayed audio are buffered per stream: what Twilio documents (error 31931), taken for every carrier. */
export const BUFFER_LIMIT_BYTES = 600_000 * BYTES_PER_MS;

interface PendingMark {
  name: string;
  /** The mark is reached when this many bytes have been played. */
  position: number;
}

/**
 * What a stream has sent and the caller has not yet heard. The playback clock takes one frame of 20 ms at a time; positions count
 * bytes since the stream's start. Kept apart from sockets and timers: time passes only by `take`.
 */
export class PlaybackBuffer {
  private chunks: Buffer[] = [];
  private offset = 0; // in the first chunk
  private received = 0; // position after the last byte accepted
  private taken = 0; // position after the last byte handed to the phone line
  private played = 0; // position after the last byte that the caller has heard to its end
  private marks: PendingMark[] = [];

  /** `echo` is told each mark when the caller has heard all that was sent before it, or when a clear has emptied the buffer. */
  constructor(private readonly echo: (name: string) => void) {}

  /** Audio waiting, in bytes. */
  get waiting(): number {
    return this.received - this.taken;
  }

  /** Marks not yet echoed. */
  get pendingMarks(): number {
    return this.marks.length;
  }

  /** Accepts audio of any length; returns how many bytes did not fit and were dropped. */
  push(audio: Buffer): number {
    const room = BUFFER_LIMIT_BYTES - this.waiting;
    const accepted = audio.length <= room ? audio : audio.subarray(0, room);
    if (accepted.length > 0) {
      this.chunks.push(accepted);
      this.received += accepted.length;
    }
    return audio.length - accepted.length;
  }

  mark(name: string): void {
    if (this.received === this.played) this.echo(name);
    else this.marks.push({ name, position: this.received });
  }

  /** Empties the buffer. The frame that is on the line already is heard to its end; all marks come back at once. */
  clear(): void {
    this.chunks = [];
    this.offset = 0;
    this.received = this.taken;
    const marks = this.marks;
    this.marks = [];
    for (const mark of marks) this.echo(mark.name);
  }

  /**
   * The next 20 ms for the caller's ear, or undefined if there is nothing to play; a rest shorter than a frame is filled up with
   * silence. The frame taken before it counts as heard from now on.
   */
  take(): Buffer | undefined {
    this.played = this.taken;
    while (this.marks[0] && this.marks[0].position <= this.played) {
      const mark = this.marks.shift();
      if (mark) this.echo(mark.name);
    }
    const first = this.chunks[0];
    if (!first) return undefined;
    if (first.length - this.offset >= FRAME_BYTES) {
      const frame = first.subarray(this.offset, this.offset + FRAME_BYTES);
      this.advance(first, FRAME_BYTES);
      return frame;
    }
    const frame = Buffer.alloc(FRAME_BYTES, 0xff);
    for (let filled = 0; filled < FRAME_BYTES;) {
      const chunk = this.chunks[0];
      if (!chunk) break;
      const copied = chunk.copy(frame, filled, this.offset, this.offset + FRAME_BYTES - filled);
      filled += copied;
      this.advance(chunk, copied);
    }
    return frame;
  }

  private advance(chunk: Buffer, bytes: number): void {
    this.taken += bytes;
    this.offset += bytes;
    if (this.offset === chunk.length) {
      this.chunks.shift();
      this.offset = 0;
    }
  }
}
