/** One frame: call (4 bytes), length of the audio (4), length of the mark's name (4), the name in UTF-8, the audio; all little-endian. */
const HEAD_BYTES = 12;

/** Audio of one call, for the other thread. */
export interface Frame {
  n: number;
  audio: Buffer;
  /** Behind the audio; '' for none. */
  mark: string;
}

/** Frames of many calls as one piece of memory, which is not shared with anything: it can be handed over without a copy. */
export function packFrames(frames: readonly Frame[]): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const { audio, mark } of frames) size += HEAD_BYTES + Buffer.byteLength(mark) + audio.length;
  // Not of Buffer's pool: to clone a view is to clone all of what it is a view of.
  const packed = Buffer.from(new ArrayBuffer(size));
  let at = 0;
  for (const { n, audio, mark } of frames) {
    packed.writeUInt32LE(n, at);
    packed.writeUInt32LE(audio.length, at + 4);
    const named = mark === '' ? 0 : packed.write(mark, at + HEAD_BYTES);
    packed.writeUInt32LE(named, at + 8);
    at += HEAD_BYTES + named;
    audio.copy(packed, at);
    at += audio.length;
  }
  return new Uint8Array(packed.buffer);
}

/** Tells each frame, in order. The audio is a view of what came: nobody may write to it. */
export function eachFrame(packed: Uint8Array, tell: (n: number, audio: Buffer, mark: string) => void): void {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at < bytes.length;) {
    const n = bytes.readUInt32LE(at);
    const length = bytes.readUInt32LE(at + 4);
    const named = bytes.readUInt32LE(at + 8);
    const from = at + HEAD_BYTES + named;
    const mark = named === 0 ? '' : bytes.toString('utf8', at + HEAD_BYTES, from);
    at = from + length;
    tell(n, bytes.subarray(from, at), mark);
  }
}
