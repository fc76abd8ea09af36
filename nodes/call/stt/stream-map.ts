import { BYTES_PER_MS } from '../mulaw';

/** Jumps remembered; results name the last seconds only. */
const MAX_JUMPS = 64;

/**
 * Which byte of the log lies at which time of one socket's stream: the provider counts the audio that it was sent, the log
 * what was said, and between them silence may have been left out.
 */
export class StreamMap {
  /** Bytes sent on this socket. */
  sent = 0;
  private readonly jumps: { sent: number; pos: number }[];

  /** @param pos the log's byte that is sent first */
  constructor(pos: number) {
    this.jumps = [{ sent: 0, pos }];
  }

  /** The next byte to be sent is another than the one after the last. */
  jump(pos: number): void {
    const last = this.jumps[this.jumps.length - 1];
    if (last?.sent === this.sent) last.pos = pos;
    else this.jumps.push({ sent: this.sent, pos });
    if (this.jumps.length > MAX_JUMPS) this.jumps.shift();
  }

  /** The log's byte at a time of the stream, ms. */
  posAt(ms: number): number {
    const at = Math.min(ms * BYTES_PER_MS, this.sent);
    for (let i = this.jumps.length - 1; i >= 0; i--) {
      const jump = this.jumps[i];
      if (jump && (jump.sent <= at || i === 0)) return Math.round(jump.pos + at - jump.sent);
    }
    return 0;
  }
}
