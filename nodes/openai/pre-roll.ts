/** The last moments before a voice, kept without allocation: the beginning of a word is softer than the word. */
export class PreRoll {
  private readonly bytes: Buffer;
  private filled = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  /** Bytes that are kept. */
  get length(): number {
    return this.filled;
  }

  add(audio: Uint8Array): void {
    const { bytes } = this;
    const kept = audio.length > bytes.length ? audio.subarray(audio.length - bytes.length) : audio;
    const stays = Math.min(this.filled, bytes.length - kept.length);
    bytes.copyWithin(0, this.filled - stays, this.filled);
    bytes.set(kept, stays);
    this.filled = stays + kept.length;
  }

  /** What is kept, oldest first; valid until the next `add`. */
  take(): Buffer {
    const all = this.bytes.subarray(0, this.filled);
    this.filled = 0;
    return all;
  }
}
