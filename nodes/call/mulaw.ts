/** Audio of a phone line: mu-law, 8000 Hz, mono, one byte a sample. */
export const BYTES_PER_MS = 8;
/** A frame of 20 ms, what phone companies send and like to get. */
export const FRAME_BYTES = 160;
/** Silence in mu-law. */
export const SILENCE = 0xff;

const BIAS = 0x84;
const CLIP = 32_635;

/** A linear 16-bit sample as mu-law (ITU-T G.711). */
export function encodeMulaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(CLIP, Math.abs(Math.round(sample))) + BIAS;
  const exponent = Math.max(0, 24 - Math.clz32(magnitude));
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}
