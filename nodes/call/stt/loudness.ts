/** How loud mu-law is: enough to know speech from a silent line, not to know it from noise. */

/** Magnitude of each mu-law byte as a linear 16-bit sample (ITU-T G.711). */
const MAGNITUDE = Uint16Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff;
  return ((((code & 0x0f) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84;
});

/** Mean magnitude from which on a frame counts as voice: about -40 dB of full scale. */
export const VOICE = 300;
/** Mean magnitude below which nobody can be speaking, however softly: about -50 dB. */
export const QUIET = 100;

/** Every fourth sample tells as much, at a quarter of the work. */
const STEP = 4;

/** Mean magnitude, 0 to 32124, of mu-law bytes. */
export function loudness(audio: Uint8Array): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < audio.length; i += STEP, count++) sum += MAGNITUDE[audio[i] as number] as number;
  return count === 0 ? 0 : sum / count;
}

/** The mean magnitude of decibels below full scale, such as -40. */
export function magnitudeOf(decibels: number): number {
  return 32_124 * 10 ** (decibels / 20);
}
