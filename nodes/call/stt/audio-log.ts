import { BYTES_PER_MS } from '../mulaw';

const FIRST_BYTES = 4_000 * BYTES_PER_MS;
/** Arrival times that differ by no more than this from an even flow are jitter, ms. */
const JITTER_MS = 30;
const MAX_ANCHORS = 1_000;

/**
 * The last seconds of what the caller said, as one run of bytes numbered from the call's first: what may have to be sent
 * (again). Copies what it is given, for a payload's memory may be shared with other branches of the flow.
 *
 * It also knows when each byte was said, whatever pauses and bursts there were.
 */
export class AudioLog {
  private bytes: Buffer;
  private first = 0;
  private next = 0;
  /** From byte `pos` on, audio flowed evenly from `at` ms on. */
  private anchors: { pos: number; at: number }[] = [];
  /** The last of them: asked for each frame. */
  private lastPos = -1;
  private lastAt = 0;

  /** @param maxBytes how much is kept at most; beyond that the oldest goes */
  constructor(private readonly maxBytes: number) {
    this.bytes = Buffer.allocUnsafe(Math.min(FIRST_BYTES, maxBytes));
  }

  /** Number of the oldest byte kept. */
  get start(): number {
    return this.first;
  }

  /** Number of the next byte to come. */
  get end(): number {
    return this.next;
  }

  /** Adds audio that had arrived in full at `atMs` of the call's clock. */
  append(audio: Uint8Array, atMs: number): void {
    const kept = audio.length > this.maxBytes ? audio.subarray(audio.length - this.maxBytes) : audio;
    const saidAt = Math.max(0, atMs - kept.length / BYTES_PER_MS);
    const evenAt = this.lastAt + (this.next - this.lastPos) / BYTES_PER_MS;
    if (this.lastPos < 0 || Math.abs(evenAt - saidAt) > JITTER_MS) this.anchor(saidAt);
    this.makeRoom(kept.length);
    const at = this.next % this.bytes.length;
    const head = Math.min(kept.length, this.bytes.length - at);
    if (head === kept.length) this.bytes.set(kept, at);
    else {
      this.bytes.set(kept.subarray(0, head), at);
      this.bytes.set(kept.subarray(head), 0);
    }
    this.next += kept.length;
  }

  /** Forgets all before a byte. */
  trim(pos: number): void {
    if (pos <= this.first) return;
    this.first = Math.min(Math.floor(pos), this.next);
    while (this.anchors.length > 1 && (this.anchors[1]?.pos ?? Infinity) <= this.first) this.anchors.shift();
  }

  /** Audio from a byte on; valid until the next `append`. */
  read(pos: number, length: number): Buffer {
    const at = pos % this.bytes.length;
    if (at + length <= this.bytes.length) return this.bytes.subarray(at, at + length);
    return Buffer.concat([this.bytes.subarray(at), this.bytes.subarray(0, length - (this.bytes.length - at))]);
  }

  /** When a byte was said: ms on the call's clock. */
  clockAt(pos: number): number {
    for (let i = this.anchors.length - 1; i >= 0; i--) {
      const anchor = this.anchors[i];
      if (anchor && (anchor.pos <= pos || i === 0)) {
        return Math.max(0, Math.round(anchor.at + (pos - anchor.pos) / BYTES_PER_MS));
      }
    }
    return 0;
  }

  /** From the next byte on, audio flows evenly from `at` on. */
  private anchor(at: number): void {
    this.lastPos = this.next;
    this.lastAt = at;
    this.anchors.push({ pos: this.next, at });
    if (this.anchors.length > MAX_ANCHORS) this.anchors.shift();
  }

  private makeRoom(length: number): void {
    const needed = this.next + length - this.first;
    if (needed > this.maxBytes) this.trim(this.next + length - this.maxBytes);
    if (needed <= this.bytes.length || this.bytes.length === this.maxBytes) return;
    let size = this.bytes.length;
    while (size < needed && size < this.maxBytes) size = Math.min(size * 2, this.maxBytes);
    const larger = Buffer.allocUnsafe(size);
    for (let pos = this.first; pos < this.next;) {
      const from = pos % this.bytes.length;
      const to = pos % size;
      const count = Math.min(this.next - pos, this.bytes.length - from, size - to);
      this.bytes.copy(larger, to, from, from + count);
      pos += count;
    }
    this.bytes = larger;
  }
}
