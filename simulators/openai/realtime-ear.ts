/** The audio buffer of a Realtime session: words and voices in mu-law, placed by the bytes appended alone. */
import { BYTES_PER_MS, FRAME_BYTES, WordDecoder, isSilent } from '../audio';
import type { VadConfig } from './realtime-config';

/** Voice of less than this is a click, ms. */
const CLICK_MS = 40;
/** A commit of less than this is refused, ms. */
const MIN_COMMIT_MS = 100;

/** What semantic turn detection waits for, ms of silence: as long when it is sure, and when it is not. */
const SEMANTIC: Record<string, { sureMs: number; maxMs: number }> = {
  low: { sureMs: 900, maxMs: 8_000 },
  medium: { sureMs: 600, maxMs: 4_000 },
  auto: { sureMs: 600, maxMs: 4_000 },
  high: { sureMs: 400, maxMs: 2_000 },
};

export interface EarEvents {
  started(audioStartMs: number): void;
  /** The caller has stopped; what was heard is committed. */
  stopped(audioEndMs: number): void;
}

export class RealtimeEar {
  vad: VadConfig | null = null;
  /** All audio appended, ms. */
  clockMs = 0;
  private readonly decoder = new WordDecoder();
  private committedMs = 0;
  private committedWords = 0;
  private voicedMs = 0;
  private voiceStartMs = 0;
  private voiceEndMs = 0;
  private speaking = false;
  private rest = Buffer.alloc(0);

  /** @param unsure a turn whose words it matches is over for the semantic detection only after the longest wait */
  constructor(
    private readonly events: EarEvents,
    private readonly unsure: RegExp | undefined,
  ) {}

  /** Block by block, so that what is heard does not depend on how the client cuts the audio. */
  append(bytes: Buffer): void {
    const data = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    let at = 0;
    for (; at + FRAME_BYTES <= data.length; at += FRAME_BYTES) this.hear(data.subarray(at, at + FRAME_BYTES));
    this.rest = Buffer.from(data.subarray(at));
  }

  /** Audio that was appended and not committed, ms. */
  get bufferedMs(): number {
    return this.clockMs + this.rest.length / BYTES_PER_MS - this.committedMs;
  }

  get canCommit(): boolean {
    return this.bufferedMs >= MIN_COMMIT_MS;
  }

  /** Ends the buffer here. @returns its words, and how long it was */
  commit(): { text: string; seconds: number } {
    const text = this.text;
    const seconds = Math.ceil(this.bufferedMs / 1000);
    this.clear();
    return { text, seconds };
  }

  clear(): void {
    this.committedWords = this.decoder.words.length;
    this.committedMs = this.clockMs;
    this.speaking = false;
    this.voicedMs = 0;
  }

  private get text(): string {
    const words = this.decoder.words.slice(this.committedWords);
    return words.map((word) => word.text).join(' ');
  }

  private hear(block: Buffer): void {
    const startMs = this.clockMs;
    this.decoder.push(block);
    this.clockMs += FRAME_BYTES / BYTES_PER_MS;
    const { vad } = this;
    if (!vad) return;
    if (isSilent(block)) {
      this.voicedMs = 0;
      if (this.speaking && this.clockMs - this.voiceEndMs >= this.silenceMs(vad)) this.stop();
      return;
    }
    if (this.voicedMs === 0 && !this.speaking) this.voiceStartMs = startMs;
    this.voicedMs += FRAME_BYTES / BYTES_PER_MS;
    this.voiceEndMs = this.clockMs;
    if (this.speaking || this.voicedMs < CLICK_MS) return;
    this.speaking = true;
    const paddingMs = vad.type === 'server_vad' ? vad.prefix_padding_ms : 300;
    this.events.started(Math.max(this.committedMs, this.voiceStartMs - paddingMs));
  }

  private stop(): void {
    this.speaking = false;
    this.events.stopped(this.clockMs);
  }

  private silenceMs(vad: VadConfig): number {
    if (vad.type === 'server_vad') return vad.silence_duration_ms;
    const { sureMs, maxMs } = SEMANTIC[vad.eagerness] ?? { sureMs: 600, maxMs: 4_000 };
    return this.unsure?.test(this.text) === true ? maxMs : sureMs;
  }
}
