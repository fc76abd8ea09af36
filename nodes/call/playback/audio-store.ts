import { BYTES_PER_MS, SILENCE } from '../mulaw';

/** Two seconds of audio. */
const BLOCK_BYTES = 2_000 * BYTES_PER_MS;
/** Blocks kept for the next utterance: 4 MB for the whole process. */
const MAX_FREE = 256;

const free: Buffer[] = [];

/**
 * One utterance's audio, numbered from its first byte, in blocks that are used again. Audio is kept for seconds, until it
 * has been heard: thousands of small Buffers that live so long would keep the garbage collector at work.
 */
export class AudioStore {
  private blocks: Buffer[] = [];
  /** Number of the first block's first byte. */
  private first = 0;
  private next = 0;

  /** Bytes added so far. */
  get length(): number {
    return this.next;
  }

  /** Number of the oldest byte that is still there. */
  get start(): number {
    return this.first;
  }

  append(audio: Uint8Array): void {
    for (let done = 0; done < audio.length;) {
      const at = this.next - this.first;
      const index = Math.floor(at / BLOCK_BYTES);
      let block = this.blocks[index];
      if (!block) this.blocks.push((block = free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES)));
      const offset = at % BLOCK_BYTES;
      const count = Math.min(audio.length - done, BLOCK_BYTES - offset);
      block.set(done === 0 && count === audio.length ? audio : audio.subarray(done, done + count), offset);
      done += count;
      this.next += count;
    }
  }

  /** `bytes` from a byte on, with silence behind them. Valid until the next change: whoever wants to keep it copies it. */
  read(from: number, bytes: number, padding: number): Buffer {
    const at = from - this.first;
    const offset = at % BLOCK_BYTES;
    const block = this.blocks[Math.floor(at / BLOCK_BYTES)];
    if (block && padding === 0 && offset + bytes <= BLOCK_BYTES) return block.subarray(offset, offset + bytes);
    const audio = Buffer.alloc(bytes + padding, SILENCE);
    for (let done = 0; done < bytes;) {
      const source = this.blocks[Math.floor((at + done) / BLOCK_BYTES)];
      if (!source) break;
      const start = (at + done) % BLOCK_BYTES;
      done += source.copy(audio, done, start, Math.min(BLOCK_BYTES, start + bytes - done));
    }
    return audio;
  }

  /** Lets go what lies before a byte, as far as whole blocks do. */
  trim(upTo: number): void {
    while (this.blocks.length > 0 && this.first + BLOCK_BYTES <= Math.min(upTo, this.next)) {
      giveBack(this.blocks.shift());
      this.first += BLOCK_BYTES;
    }
  }

  /** Lets go everything. */
  drop(): void {
    for (const block of this.blocks) giveBack(block);
    this.blocks = [];
    this.first = this.next;
  }
}

function giveBack(block: Buffer | undefined): void {
  if (block && free.length < MAX_FREE) free.push(block);
}
