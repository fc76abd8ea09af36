import { BYTES_PER_MS, FRAME_BYTES, WordDecoder, isSilent } from '../audio';
import { SILENT_FRAME } from './ear';

/** A pause of so many ms ends what is being said; a shorter one is between two words. */
const END_MS = 240;

/** What is told of one side of the line. */
export interface TrackListener {
  /** What has been said up to now of something that is not over. */
  partial(text: string): void;
  /** All of it, to its end. */
  final(text: string): void;
}

/** The carrier's own speech-to-text on one side of a line: words from the bytes alone, 20 ms at a time. */
export class TrackWords {
  private readonly decoder = new WordDecoder();
  private from = 0;
  private silentMs = 0;

  constructor(private readonly listener: TrackListener) {
    this.decoder.onWord = () => this.listener.partial(this.text());
  }

  /** The next 20 ms; undefined: silence. */
  hear(frame: Buffer = SILENT_FRAME): void {
    this.decoder.push(frame);
    this.silentMs = isSilent(frame) ? this.silentMs + FRAME_BYTES / BYTES_PER_MS : 0;
    if (this.silentMs >= END_MS) this.finish();
  }

  /** Nothing more is heard: what is open is final. */
  finish(): void {
    const text = this.text();
    this.from = this.decoder.words.length;
    if (text !== '') this.listener.final(text);
  }

  private text(): string {
    return this.decoder.words
      .slice(this.from)
      .map((word) => word.text)
      .join(' ');
  }
}
