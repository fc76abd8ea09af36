/**
 * Tones in mu-law audio: the keys of a phone (DTMF, ITU-T Q.23) made and found in the samples, and the beep of an answering machine.
 * So a test can tell from the bytes alone which digits were sent "by voice".
 */
import { BYTES_PER_MS, FRAME_BYTES, carriesWords, isSilent } from '../audio';

const SAMPLE_RATE = 8_000;
const LOW_HZ = [697, 770, 852, 941] as const;
const HIGH_HZ = [1209, 1336, 1477, 1633] as const;
const KEYS = ['123A', '456B', '789C', '*0#D'] as const;
/** One of the two tones is at most so much stronger than the other (8 dB, Q.24), as power. */
const MAX_TWIST = 6.3;
/** The two together make at least this part of all the energy; speech and noise spread theirs. */
const MIN_SHARE = 0.7;
/** A key counts when it sounds in so many frames of 20 ms one after the other: receivers want 40 ms (Q.24). */
const MIN_FRAMES = 2;
/** Length of a key's tone, and of the pause after it, in ms. */
const KEY_MS = 100;
const SILENCE = 0xff;
const BIAS = 0x84;
const CLIP = 32_635;

/** Linear 16-bit sample of each mu-law byte (ITU-T G.711). */
const LINEAR = Int16Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff;
  const magnitude = ((((code & 0x0f) << 3) + BIAS) << ((code >> 4) & 7)) - BIAS;
  return code & 0x80 ? -magnitude : magnitude;
});

/** Linear 16-bit sample of a mu-law byte. */
export function toLinear(byte: number): number {
  return LINEAR[byte & 0xff] as number;
}

/** Mu-law byte of a linear 16-bit sample. */
export function toMulaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(CLIP, Math.abs(Math.round(sample))) + BIAS;
  const exponent = Math.max(0, 31 - Math.clz32(magnitude) - 7);
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff;
}

/** `ms` of the given frequencies together, in mu-law at 8 kHz. */
export function tone(frequencies: readonly number[], ms: number, amplitude = 8_000): Buffer {
  const audio = Buffer.alloc(Math.round((ms * SAMPLE_RATE) / 1000));
  for (let i = 0; i < audio.length; i++) {
    let sample = 0;
    for (const hz of frequencies) sample += amplitude * Math.sin((2 * Math.PI * hz * i) / SAMPLE_RATE);
    audio[i] = toMulaw(sample);
  }
  return audio;
}

/** The tones of keys, 100 ms each and as long a pause behind it; `w` is a pause of 500 ms. Anything else is left out. */
export function keyTones(keys: string): Buffer {
  const parts = [...keys.toUpperCase()].flatMap((key) => {
    if (key === 'W') return [Buffer.alloc(500 * BYTES_PER_MS, SILENCE)];
    const row = KEYS.findIndex((each) => each.includes(key));
    const [low, high] = [LOW_HZ[row], HIGH_HZ[KEYS[row]?.indexOf(key) ?? -1]];
    if (low === undefined || high === undefined) return [];
    return [tone([low, high], KEY_MS), Buffer.alloc(KEY_MS * BYTES_PER_MS, SILENCE)];
  });
  return Buffer.concat(parts);
}

/** What an answering machine says before it records. */
export function beep(ms: number): Buffer {
  return tone([1_000], ms);
}

/** Hears the keys of a phone in what is said: frame by frame, 160 bytes each. */
export class ToneDecoder {
  /** The keys heard so far, in order: `12#`. */
  heard = '';
  private key: string | undefined;
  private frames = 0;

  /** The next 20 ms; `undefined` is silence. */
  push(frame: Buffer | undefined): void {
    const key = frame === undefined || frame.length < FRAME_BYTES ? undefined : keyIn(frame);
    if (key !== this.key) {
      this.key = key;
      this.frames = 0;
    }
    if (key !== undefined && ++this.frames === MIN_FRAMES) this.heard += key;
  }
}

/** The keys in a piece of audio, for the simple cases. */
export function hearTones(audio: Buffer): string {
  const decoder = new ToneDecoder();
  for (let at = 0; at + FRAME_BYTES <= audio.length; at += FRAME_BYTES) {
    decoder.push(audio.subarray(at, at + FRAME_BYTES));
  }
  return decoder.heard;
}

/** The key that sounds in a frame, if any. */
function keyIn(frame: Buffer): string | undefined {
  // The cheap questions first: nearly all frames are silence or words.
  if (isSilent(frame) || carriesWords(frame)) return undefined;
  let energy = 0;
  for (let i = 0; i < frame.length; i++) energy += toLinear(frame[i] as number) ** 2;
  const low = strongest(frame, LOW_HZ);
  const high = strongest(frame, HIGH_HZ);
  if (low.power > high.power * MAX_TWIST || high.power > low.power * MAX_TWIST) return undefined;
  // A sine of amplitude a has energy n a^2 / 2, and power (n a / 2)^2 in its own filter.
  if ((2 * (low.power + high.power)) / frame.length < MIN_SHARE * energy) return undefined;
  return KEYS[low.index]?.[high.index];
}

function strongest(frame: Buffer, frequencies: readonly number[]): { index: number; power: number } {
  let best = { index: 0, power: -1 };
  frequencies.forEach((hz, index) => {
    const power = goertzel(frame, hz);
    if (power > best.power) best = { index, power };
  });
  return best;
}

/** Power of one frequency in the frame (Goertzel's algorithm). */
function goertzel(frame: Buffer, hz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / SAMPLE_RATE);
  let last = 0;
  let before = 0;
  for (let i = 0; i < frame.length; i++) {
    const next = toLinear(frame[i] as number) + coefficient * last - before;
    before = last;
    last = next;
  }
  return last * last + before * before - coefficient * last * before;
}
