/** WebSocket: a text frame that is final and, as a server's are, unmasked (RFC 6455, 5.2). */
const FINAL_TEXT = 0x81;
/** The length is in the byte itself; in two bytes; in eight. */
const SHORT = 125;
const TWO_BYTES = 126;
const MAX_TWO_BYTES = 0xffff;
const EIGHT_BYTES = 127;
const TAIL = Buffer.from('"}}');

/**
 * The carrier's share of all that is sent: audio in base64 in a text frame of a few hundred bytes, every 20 ms of every
 * call, with a mark behind each tenth. Written as the bytes of ready-made WebSocket frames, in one Buffer, it costs one
 * system call and half of what the general way does.
 */
export class MediaFrames {
  private readonly mediaHead: Buffer;

  /**
   * @param mediaHead the JSON of a media message up to its base64
   * @param markHead the JSON of a mark message up to its name
   */
  constructor(
    mediaHead: string,
    private readonly markHead: string,
  ) {
    this.mediaHead = Buffer.from(mediaHead, 'utf8');
  }

  /** The bytes of one media message, and of a mark behind it. */
  encode(audio: Buffer, mark?: string): Buffer {
    const { mediaHead } = this;
    const base64 = audio.toString('base64');
    const mediaBytes = mediaHead.length + base64.length + TAIL.length;
    const markText = mark === undefined ? '' : `${this.markHead}${JSON.stringify(mark)}}}`;
    const markBytes = mark === undefined ? 0 : Buffer.byteLength(markText);
    const frames = Buffer.allocUnsafe(
      headerBytes(mediaBytes) + mediaBytes + (mark === undefined ? 0 : headerBytes(markBytes) + markBytes),
    );
    let at = writeHeader(frames, 0, mediaBytes);
    frames.set(mediaHead, at);
    at += mediaHead.length;
    at += frames.write(base64, at, 'latin1');
    frames.set(TAIL, at);
    at += TAIL.length;
    if (mark !== undefined) {
      at = writeHeader(frames, at, markBytes);
      frames.write(markText, at, 'utf8');
    }
    return frames;
  }
}

function headerBytes(length: number): number {
  return length <= SHORT ? 2 : length <= MAX_TWO_BYTES ? 4 : 10;
}

/** @returns where the payload begins */
function writeHeader(frames: Buffer, at: number, length: number): number {
  frames[at] = FINAL_TEXT;
  if (length <= SHORT) {
    frames[at + 1] = length;
    return at + 2;
  }
  if (length <= MAX_TWO_BYTES) {
    frames[at + 1] = TWO_BYTES;
    frames.writeUInt16BE(length, at + 2);
    return at + 4;
  }
  frames[at + 1] = EIGHT_BYTES;
  frames.writeBigUInt64BE(BigInt(length), at + 2);
  return at + 10;
}
