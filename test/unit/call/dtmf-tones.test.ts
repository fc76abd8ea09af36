import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { dtmfTones } from '../../../nodes/call/carrier/dtmf-tones';
import { hearTones, toLinear } from '../../../simulators/phone/tones';

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];
const KEYS = ['123A', '456B', '789C', '*0#D'];

/** The power of one frequency in a stretch of samples (Goertzel). */
function power(samples: readonly number[], hz: number): number {
  const k = 2 * Math.cos((2 * Math.PI * hz) / 8_000);
  let [one, two] = [0, 0];
  for (const sample of samples) [one, two] = [sample + k * one - two, one];
  return (one * one + two * two - k * one * two) / samples.length ** 2;
}

/** Index of the strongest of these frequencies; -1 if it does not stand out by 3 dB, as much as 20 ms can tell. */
function strongest(samples: readonly number[], among: readonly number[]): number {
  const powers = among.map((hz) => power(samples, hz));
  const [best = 0, next = 0] = [...powers].sort((a, b) => b - a);
  return best > 2 * next ? powers.indexOf(best) : -1;
}

const linear = (audio: Buffer): number[] => [...audio].map((byte) => toLinear(byte));

/** The keys in some audio, as a receiver hears them: windows of 20 ms; a pause between two keys. */
function keysIn(audio: Buffer): { keys: string; toneMs: number[]; pauseMs: number[] } {
  let [keys, last] = ['', ''];
  const [toneMs, pauseMs]: [number[], number[]] = [[], []];
  for (let at = 0; at < audio.length; at += 160) {
    const window = linear(audio.subarray(at, at + 160));
    const silent = window.every((sample) => Math.abs(sample) < 50);
    const key = silent ? '' : (KEYS[strongest(window, ROWS)]?.[strongest(window, COLUMNS)] ?? '?');
    const lengths = key === '' ? pauseMs : toneMs;
    if (key === last) lengths[lengths.length - 1] = (lengths.at(-1) ?? 0) + 20;
    else {
      lengths.push(20);
      keys += key;
    }
    last = key;
  }
  return { keys, toneMs, pauseMs };
}

describe('key tones in the audio', () => {
  it('are the sixteen keys, told apart by their two frequencies', () => {
    const all = '0123456789ABCD*#';
    assert.equal(keysIn(dtmfTones(all)).keys, all);
    assert.equal(hearTones(dtmfTones(all)), all, 'by a receiver of the simulated phone company, too');
  });

  it('last 120 ms, with 80 ms of silence behind: three times what a receiver needs, and twice', () => {
    assert.deepEqual(keysIn(dtmfTones('11')), { keys: '11', toneMs: [120, 120], pauseMs: [80, 80] });
  });

  it('w waits half a second; small letters are keys too; what is no key makes no sound', () => {
    assert.deepEqual(keysIn(dtmfTones('1w2')).pauseMs, [580, 80]);
    assert.equal(keysIn(dtmfTones('ad')).keys, 'AD');
    assert.equal(dtmfTones('x -').length, 0);
  });

  it('are loud enough, as loud as each other, and not clipped', () => {
    const samples = linear(dtmfTones('5').subarray(0, 960));
    const peak = Math.max(...samples.map(Math.abs));
    assert.ok(peak < 32_000 && peak > 12_000, String(peak));
    const twist = 10 * Math.log10(power(samples, 770) / power(samples, 1336));
    assert.ok(Math.abs(twist) < 1, `${twist} dB`);
  });
});
