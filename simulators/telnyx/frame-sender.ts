import { BYTES_PER_MS, FRAME_BYTES } from '../audio';
import { SILENT_FRAME } from '../phone/ear';

export type Track = 'inbound' | 'outbound';

/** How the frames of a stream go out. */
export interface FrameSenderOptions {
  streamId: string;
  /** Size of the inbound payloads in bytes. */
  chunkBytes: number;
  /** Each second frame comes before the one that it follows. */
  outOfOrder: boolean;
}

const SILENT_PAYLOAD = SILENT_FRAME.toString('base64');

/** Makes media frames of the two voices of a call: `chunk` and `timestamp` count for each track, `sequence_number` for the whole stream. */
export class FrameSender {
  private sequence = 0;
  private readonly chunks = { inbound: 0, outbound: 0 };
  private readonly sentBytes = { inbound: 0, outbound: 0 };
  private rest: Buffer | undefined;
  /** A frame that the next one overtakes. */
  private overtaken: string | undefined;

  constructor(
    private readonly options: FrameSenderOptions,
    private readonly push: (frame: string) => void,
  ) {}

  /** The next `sequence_number`, for frames that are no media. */
  next(): string {
    return String(++this.sequence);
  }

  /** 20 ms of one voice; returns how many frames were made of it. */
  send(track: Track, audio: Buffer): number {
    const size = this.options.chunkBytes;
    if (size === FRAME_BYTES || track === 'outbound') {
      this.frame(track, audio);
      return 1;
    }
    let pending = this.rest ? Buffer.concat([this.rest, audio]) : audio;
    let count = 0;
    for (; pending.length >= size; count++) {
      this.frame(track, pending.subarray(0, size));
      pending = pending.subarray(size);
    }
    this.rest = pending;
    return count;
  }

  /** Nothing more will overtake the last frame. */
  flush(): void {
    if (this.overtaken !== undefined) this.push(this.overtaken);
    this.overtaken = undefined;
  }

  private frame(track: Track, bytes: Buffer): void {
    const chunk = ++this.chunks[track];
    this.sentBytes[track] += bytes.length;
    // As in the documented sample: where the frame ends, not where it begins.
    const timestamp = Math.floor(this.sentBytes[track] / BYTES_PER_MS);
    // Built by hand: fifty a second for every call. Nothing in it needs escaping.
    const frame =
      `{"event":"media","sequence_number":"${this.next()}","media":{"track":"${track}","chunk":"${chunk}",` +
      `"timestamp":"${timestamp}","payload":"${bytes === SILENT_FRAME ? SILENT_PAYLOAD : bytes.toString('base64')}"},` +
      `"stream_id":"${this.options.streamId}"}`;
    if (!this.options.outOfOrder) return this.push(frame);
    if (this.overtaken === undefined) {
      this.overtaken = frame;
      return;
    }
    this.push(frame);
    this.flush();
  }
}
