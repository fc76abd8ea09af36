import { VOICE } from './loudness';

/** Voice of less than this is a click, ms. */
const CLICK_MS = 60;
/** So long before the longest stretch is reached, the next gap between words ends it, ms. */
const GAP_SOUGHT_MS = 2_000;

export interface GateSettings {
  /** Mean magnitude from which on a frame is voice, as `loudness` measures it. */
  threshold: number;
  /** Silence after which the voice has ended, ms. */
  silenceMs: number;
  /** The longest stretch of voice, ms: then it is ended in any case, at a gap between words if there is one. */
  maxMs: number;
}

/** For a phone line: -40 dB of full scale, half a second, 15 s. */
export const GATE_DEFAULTS: GateSettings = { threshold: VOICE, silenceMs: 500, maxMs: 15_000 };

/**
 * Tells voice from silence by loudness alone: where a provider of speech-to-text does not say itself when a turn is over.
 * Its clock is the audio that it is given, so a replay gives what the first hearing gave.
 */
export class EnergyGate {
  /** True from the beginning of a voice until it has ended. */
  open = false;
  /** When the present, or the last, voice began and ended; ms of the audio heard. */
  startMs = 0;
  endMs = 0;
  private clockMs = 0;
  private voicedMs = 0;

  constructor(private readonly settings: GateSettings) {}

  /** Hears a frame. @returns what this frame changed */
  hear(level: number, ms: number): 'opened' | 'closed' | undefined {
    const { threshold, silenceMs, maxMs } = this.settings;
    const voice = level >= threshold;
    if (voice && this.voicedMs === 0 && !this.open) this.startMs = this.clockMs;
    this.clockMs += ms;
    this.voicedMs = voice ? this.voicedMs + ms : 0;
    if (voice) this.endMs = this.clockMs;
    if (!this.open) {
      if (this.voicedMs < CLICK_MS) return undefined;
      this.open = true;
      return 'opened';
    }
    const lasted = this.clockMs - this.startMs;
    const over = this.clockMs - this.endMs >= silenceMs || lasted >= maxMs;
    if (!over && (voice || lasted < maxMs - GAP_SOUGHT_MS)) return undefined;
    this.open = false;
    this.voicedMs = 0;
    return 'closed';
  }
}
