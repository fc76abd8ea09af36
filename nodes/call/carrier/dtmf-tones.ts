import type { Call } from '../call';
import { nextMessageId } from '../message';
import { encodeMulaw, SILENCE } from '../mulaw';

/** Hz of a key's two tones: row and column (ITU-T Q.23). */
const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];
const KEYS = ['123A', '456B', '789C', '*0#D'];
const SAMPLE_RATE_HZ = 8_000;
/** Of a tone and of the pause behind it, ms; receivers need 40 of each (ITU-T Q.24). */
const TONE_MS = 120;
const GAP_MS = 80;
/** `w` waits so long, ms. */
const WAIT_MS = 500;
/** Of each of the two tones: together they stay below full scale. */
const AMPLITUDE = 9_000;

/** Key tones as mu-law, 8 kHz. @param digits 0-9 A-D * # w; what is none of these makes no sound */
export function dtmfTones(digits: string): Buffer {
  return Buffer.concat([...digits.toUpperCase()].map((key) => (key === 'W' ? silence(WAIT_MS) : tone(key))));
}

/**
 * Plays key tones to the other side, as an utterance that is not interrupted and says no words.
 * @returns false if there is no room for them
 */
export function playTones(call: Call, digits: string): boolean {
  const info = { id: nextMessageId(), by: 'agent', kind: 'notice', seq: 0, done: true, interruptible: false } as const;
  return call.playback.addAudio(info, dtmfTones(digits), [], 'call-control');
}

function tone(key: string): Buffer {
  const row = KEYS.findIndex((keys) => keys.includes(key));
  if (row < 0) return Buffer.alloc(0);
  const frequencies = [ROWS[row] ?? 0, COLUMNS[KEYS[row]?.indexOf(key) ?? 0] ?? 0];
  const sound = Buffer.alloc((TONE_MS * SAMPLE_RATE_HZ) / 1_000);
  for (let i = 0; i < sound.length; i++) {
    const at = (2 * Math.PI * i) / SAMPLE_RATE_HZ;
    sound[i] = encodeMulaw(frequencies.reduce((sum, hz) => sum + AMPLITUDE * Math.sin(at * hz), 0));
  }
  return Buffer.concat([sound, silence(GAP_MS)]);
}

function silence(ms: number): Buffer {
  return Buffer.alloc((ms * SAMPLE_RATE_HZ) / 1_000, SILENCE);
}
