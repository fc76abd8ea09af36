/** What the Deepgram simulator remembers of one connection. */
import { BYTES_PER_MS } from '../audio';

/** A client's frames of different sizes that are counted one by one. */
const MAX_SIZES = 64;
/** Client texts that are kept; a KeepAlive every few seconds must not fill the memory. */
const MAX_TEXTS = 200;
const WINDOW_MS = 1000;
const BIN_MS = 100;

/** One socket, as plain data. Times are of Date.now(), durations in ms. */
export class DeepgramConnection {
  readonly startedAt = Date.now();
  closedAt: number | undefined;
  audioBytes = 0;
  /** Most audio that arrived within any second, in seconds: 1 is real time, above 1.25 is too fast a replay. */
  fastest = 0;
  /** How many binary frames of each size (in bytes) came. */
  readonly chunkSizes: Record<number, number> = {};
  /** Text messages received, the last 200. */
  readonly texts: string[] = [];
  /** Messages sent, by type (v2: by event). */
  readonly sent: Record<string, number> = {};
  /** Final transcripts sent: is_final ones with words on v1, EndOfTurn ones on v2. */
  readonly transcripts: string[] = [];
  /** What the client did that Deepgram tolerates but that is wrong. */
  readonly complaints: string[] = [];
  /** Code with which the socket closed; 1005 for none, 1006 for a break. */
  closeCode: number | undefined;
  closeReason: string | undefined;

  private readonly bins = new Float64Array(WINDOW_MS / BIN_MS);
  private bin = -1;

  constructor(
    readonly requestId: string,
    readonly version: 1 | 2,
    readonly key: string,
    /** Parameters of the URL; repeated ones joined by commas. */
    readonly query: Record<string, string>,
  ) {}

  /** Audio received, in ms. */
  get audioMs(): number {
    return this.audioBytes / BYTES_PER_MS;
  }

  /** Count a binary frame that arrived at `now` (ms of a monotonic clock). */
  countAudio(bytes: number, now: number): void {
    this.audioBytes += bytes;
    if (bytes in this.chunkSizes || Object.keys(this.chunkSizes).length < MAX_SIZES) {
      this.chunkSizes[bytes] = (this.chunkSizes[bytes] ?? 0) + 1;
    }
    const bin = Math.floor(now / BIN_MS);
    // Bins between the last frame and this one passed without audio.
    const passed = this.bin < 0 ? this.bins.length : Math.min(bin - this.bin, this.bins.length);
    for (let i = 0; i < passed; i++) this.bins[(bin - i) % this.bins.length] = 0;
    this.bin = bin;
    const slot = bin % this.bins.length;
    this.bins[slot] = (this.bins[slot] as number) + bytes;
    let sum = 0;
    for (const inBin of this.bins) sum += inBin;
    this.fastest = Math.max(this.fastest, sum / BYTES_PER_MS / WINDOW_MS);
  }

  /** Each complaint once. */
  complain(about: string): void {
    if (!this.complaints.includes(about)) this.complaints.push(about);
  }

  countText(text: string): void {
    this.texts.push(text);
    if (this.texts.length > MAX_TEXTS) this.texts.shift();
  }

  countSent(type: string): void {
    this.sent[type] = (this.sent[type] ?? 0) + 1;
  }
}
