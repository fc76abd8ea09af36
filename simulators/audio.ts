/**
 * Speech for machines: text carried inside mu-law 8 kHz audio bytes.
 *
 * Whoever "speaks" writes each word into the samples, 20 ms by 20 ms; whoever "hears" reads it back from the samples
 * alone. So a test knows, to the word, what was audible, whatever cut, re-chunked, delayed or repeated the audio on its
 * way. Every 20 ms frame of a word describes itself:
 *
 *     sync(4)  nonce(3)  k(2)  n(2)  length(2)  text  end(1)  fill ...        = 160 bytes
 *
 * - sync and end are bytes which neither UTF-8 nor our numbers, fill or silence (0xFF) can contain, so that a frame is
 *   found at any misalignment and a frame cut short can never be misread;
 * - numbers are base 128 (bytes below 0x80); k of n says which slice of its word the frame is;
 * - nonce is random for each spoken word: the same word said twice differs from the next slice of one word;
 * - fill is loud, so that voice detection by energy finds speech.
 */

/** Bytes in 20 ms of mu-law at 8 kHz. */
export const FRAME_BYTES = 160;
/** Bytes in one millisecond of mu-law at 8 kHz. */
export const BYTES_PER_MS = 8;

const FRAME_MS = FRAME_BYTES / BYTES_PER_MS;
const SILENCE_BYTE = 0xff;
/** 0xC0, 0xC1 and 0xF5 to 0xFE occur in no UTF-8 text. */
const SYNC = Buffer.from([0xc0, 0xf5, 0xc1, 0xf6]);
const END_OF_TEXT = 0xf7;
const NONCE_AT = SYNC.length;
const INDEX_AT = NONCE_AT + 3;
const COUNT_AT = INDEX_AT + 2;
const LENGTH_AT = COUNT_AT + 2;
const TEXT_AT = LENGTH_AT + 2;
/** Longer words are spoken in pieces; what is left of the frame must still sound loud. */
const MAX_TEXT_BYTES = 120;
/** Base-128 limit of k and n. */
const MAX_SLICES = 128 * 128 - 1;
/** Pause at the end of each word, part of its time, in ms. */
const GAP_MS = 40;
const DEFAULT_MS_PER_WORD = 200;

/** One word as spoken: where it begins and where its sound ends, in ms of the audio it was made with. */
export interface SpokenWord {
  text: string;
  startMs: number;
  endMs: number;
}

/** One word as heard. */
export interface HeardWord {
  text: string;
  /** Where its first heard slice begins, in ms of all bytes pushed so far. */
  offsetMs: number;
  /** How much of it was heard, in ms. Less than `totalMs - fromMs`: it was cut short. */
  heardMs: number;
  /** How long the whole word sounds, in ms, the pause after it not counted. */
  totalMs: number;
  /** Above 0: its beginning was not heard; the first heard slice lies so many ms into the word. */
  fromMs: number;
  /** Above 0: so many ms of something else were heard inside the word (an underrun, or a pause and its resumption). */
  brokenMs: number;
}

/**
 * Speak a text: each whitespace-separated word (punctuation included) takes `msPerWord`, of which the last 40 ms are
 * silent. The audio is made of whole 20 ms frames.
 *
 * @param o.msPerWord ms per word, rounded to whole frames, default 200
 */
export function speakWords(text: string, o: { msPerWord?: number } = {}): { audio: Buffer; words: SpokenWord[] } {
  const frames = Math.max(1, Math.round((o.msPerWord ?? DEFAULT_MS_PER_WORD) / FRAME_MS));
  if (frames > MAX_SLICES) throw new RangeError('msPerWord is too long');
  const gap = Math.min(GAP_MS / FRAME_MS, Math.floor(frames / 2));
  const voiced = frames - gap;
  const pieces = text.split(/\s+/u).filter(Boolean).flatMap(piecesOf);
  const audio = Buffer.alloc(pieces.length * frames * FRAME_BYTES, SILENCE_BYTE);
  const words = pieces.map((piece, i) => {
    const startMs = i * frames * FRAME_MS;
    writeWord(audio, startMs * BYTES_PER_MS, piece, voiced);
    return { text: piece, startMs, endMs: startMs + voiced * FRAME_MS };
  });
  return { audio, words };
}

/** Silence: `ms` of the byte that phone lines carry when nobody speaks. */
export function silence(ms: number): Buffer {
  return Buffer.alloc(Math.round(ms * BYTES_PER_MS), SILENCE_BYTE);
}

/** `ms` of voice energy without words: a cough, or noise in the room. */
export function cough(ms: number): Buffer {
  const noise = Buffer.alloc(Math.round(ms * BYTES_PER_MS));
  // 0x00-0x3F and 0x80-0xBF are the loud halves of mu-law, and hold neither sync nor end.
  for (let i = 0; i < noise.length; i++) noise[i] = (Math.imul(i + 1, 2654435761) >>> 24) & 0xbf;
  return noise;
}

/** Loudness of each mu-law byte: the absolute linear 16-bit sample (ITU-T G.711). */
const MAGNITUDE = Uint16Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff;
  return ((((code & 0x0f) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84;
});
/** Mean magnitude below which a frame is silent: about -40 dB of full scale. */
const SILENT_BELOW = 300;

/** Is this part of a spoken word? Whoever looks for other sounds can leave it out. */
export function carriesWords(frame: Buffer): boolean {
  return frame.includes(SYNC);
}

/** Is there no voice energy in these bytes? Noise does not count as silence, comfort noise does. */
export function isSilent(frame: Buffer): boolean {
  let sum = 0;
  for (let i = 0; i < frame.length; i++) sum += MAGNITUDE[frame[i] as number] as number;
  return sum < SILENT_BELOW * frame.length || frame.length === 0;
}

/**
 * Hears: push audio in pieces of any size, read the words.
 *
 * A word is heard as soon as the text in its first slice is complete (some 2 ms into it). A word that is said again,
 * or replayed from a point already heard, is a new entry; one that goes on where it stopped continues its entry.
 */
export class WordDecoder {
  /** Words begun so far, in order. The last entry's `heardMs` grows as its slices arrive. */
  readonly words: HeardWord[] = [];
  /** Called once for each new entry, at its first heard slice. */
  onWord?: (word: HeardWord) => void;

  /** What may be the beginning of a frame, at most one header and text. */
  private tail: Buffer | undefined;
  /** Bytes pushed before the tail. */
  private consumed = 0;
  private nonce = -1;
  private slice = -1;
  /** Stream position of the last slice's sync. */
  private sliceAt = 0;

  /** Bytes pushed so far, in ms. */
  get offsetMs(): number {
    return (this.consumed + (this.tail?.length ?? 0)) / BYTES_PER_MS;
  }

  push(bytes: Buffer): void {
    const data = this.tail === undefined ? bytes : Buffer.concat([this.tail, bytes]);
    let at = 0;
    let keepFrom: number;
    for (;;) {
      at = data.indexOf(SYNC, at);
      if (at < 0) {
        keepFrom = data.length - partialSync(data);
        break;
      }
      const size = this.readFrame(data, at);
      if (size === 'incomplete') {
        keepFrom = at;
        break;
      }
      at += size;
    }
    this.consumed += keepFrom;
    // Copied, as the caller may reuse its buffer.
    this.tail = keepFrom < data.length ? Buffer.from(data.subarray(keepFrom)) : undefined;
  }

  /** The audio has ended: what is incomplete will not become a word. */
  end(): void {
    this.consumed += this.tail?.length ?? 0;
    this.tail = undefined;
    this.nonce = -1;
  }

  /** Reads the frame at a sync; answers how many bytes it took, header and text, or that there are too few yet. */
  private readFrame(data: Buffer, at: number): number | 'incomplete' {
    for (let i = at + NONCE_AT; i < at + TEXT_AT; i++) {
      if (i >= data.length) return 'incomplete';
      if ((data[i] as number) >= 0x80) return SYNC.length;
    }
    const k = readNumber(data, at + INDEX_AT);
    const n = readNumber(data, at + COUNT_AT);
    const length = readNumber(data, at + LENGTH_AT);
    if (k >= n || length === 0 || length > MAX_TEXT_BYTES) return SYNC.length;
    const textAt = at + TEXT_AT;
    const endAt = textAt + length;
    for (let i = textAt; i < endAt; i++) {
      if (i >= data.length) return 'incomplete';
      if (data[i] === SYNC[0]) return SYNC.length;
    }
    if (endAt >= data.length) return 'incomplete';
    if (data[endAt] !== END_OF_TEXT) return SYNC.length;
    const nonce = ((data[at + NONCE_AT] as number) << 14) | readNumber(data, at + NONCE_AT + 1);
    this.hearSlice(data, textAt, endAt, nonce, k, n, this.consumed + at);
    return endAt + 1 - at;
  }

  private hearSlice(
    data: Buffer,
    textAt: number,
    endAt: number,
    nonce: number,
    k: number,
    n: number,
    position: number,
  ): void {
    const last = this.words[this.words.length - 1];
    if (last !== undefined && nonce === this.nonce && k > this.slice) {
      last.heardMs += FRAME_MS;
      last.brokenMs += Math.max(0, (position - this.sliceAt) / BYTES_PER_MS - (k - this.slice) * FRAME_MS);
      this.slice = k;
      this.sliceAt = position;
      return;
    }
    this.nonce = nonce;
    this.slice = k;
    this.sliceAt = position;
    const word: HeardWord = {
      text: data.toString('utf8', textAt, endAt),
      offsetMs: position / BYTES_PER_MS,
      heardMs: FRAME_MS,
      totalMs: n * FRAME_MS,
      fromMs: k * FRAME_MS,
      brokenMs: 0,
    };
    this.words.push(word);
    this.onWord?.(word);
  }
}

/** All words in a piece of audio, as text; for the simple cases. */
export function hearWords(audio: Buffer): string {
  const decoder = new WordDecoder();
  decoder.push(audio);
  decoder.end();
  return decoder.words.map((word) => word.text).join(' ');
}

function writeWord(audio: Buffer, at: number, text: string, slices: number): void {
  const bytes = Buffer.from(text, 'utf8');
  const nonce = Math.floor(Math.random() * 0x200000);
  for (let k = 0; k < slices; k++) {
    const frameAt = at + k * FRAME_BYTES;
    SYNC.copy(audio, frameAt);
    audio[frameAt + NONCE_AT] = (nonce >> 14) & 0x7f;
    writeNumber(audio, frameAt + NONCE_AT + 1, nonce & 0x3fff);
    writeNumber(audio, frameAt + INDEX_AT, k);
    writeNumber(audio, frameAt + COUNT_AT, slices);
    writeNumber(audio, frameAt + LENGTH_AT, bytes.length);
    bytes.copy(audio, frameAt + TEXT_AT);
    audio[frameAt + TEXT_AT + bytes.length] = END_OF_TEXT;
    // A square-like wave of changing height: 0x1x is loud negative, 0x9x loud positive.
    for (let i = TEXT_AT + bytes.length + 1; i < FRAME_BYTES; i++) audio[frameAt + i] = ((i & 8) << 4) | 0x10 | (i & 7);
  }
}

function piecesOf(word: string): string[] {
  if (Buffer.byteLength(word) <= MAX_TEXT_BYTES) return [word];
  const pieces: string[] = [];
  let piece = '';
  for (const character of word) {
    if (Buffer.byteLength(piece + character) > MAX_TEXT_BYTES) {
      pieces.push(piece);
      piece = '';
    }
    piece += character;
  }
  return [...pieces, piece];
}

function writeNumber(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value >> 7;
  buffer[at + 1] = value & 0x7f;
}

function readNumber(buffer: Buffer, at: number): number {
  return ((buffer[at] as number) << 7) | (buffer[at + 1] as number);
}

/** How many of the last bytes may be the beginning of a sync. */
function partialSync(data: Buffer): number {
  for (let length = Math.min(SYNC.length - 1, data.length); length > 0; length--) {
    if (data.subarray(data.length - length).equals(SYNC.subarray(0, length))) return length;
  }
  return 0;
}
