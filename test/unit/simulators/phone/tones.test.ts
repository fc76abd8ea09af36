import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { cough, silence, speakWords } from '../../../../simulators/audio';
import { beep, hearTones, keyTones, toLinear, toMulaw, tone } from '../../../../simulators/phone/tones';
import { readWav, writeWav } from '../../../../simulators/phone/wav';

describe('tones in the audio', () => {
  it('are heard as the keys that they were made of, each once, wherever the frames begin', () => {
    const keys = '1234567890*#ABCD11';
    for (const shiftMs of [0, 3, 10, 17]) {
      assert.equal(hearTones(Buffer.concat([silence(shiftMs), keyTones(keys)])), keys, `shifted by ${shiftMs} ms`);
    }
    assert.equal(hearTones(keyTones('1w1')), '11');
  });

  it('are not found in words, noise, a beep, a single tone, or one that is too short', () => {
    const nothing = [
      speakWords('press one two three').audio,
      cough(1_000),
      beep(300),
      tone([697], 200),
      tone([1209], 200),
      tone([697, 1209], 20),
      tone([697, 770], 200),
      silence(500),
    ];
    for (const audio of nothing) assert.equal(hearTones(audio), '');
  });

  it('need about the same strength', () => {
    const mix = (low: number, high: number): Buffer => {
      const [a, b] = [tone([697], 100, low), tone([1209], 100, high)];
      return Buffer.from(a.map((byte, i) => toMulaw(toLinear(byte) + toLinear(b[i] as number))));
    };
    assert.equal(hearTones(mix(8_000, 5_000)), '1');
    assert.equal(hearTones(mix(8_000, 2_000)), '');
  });

  it('are coded as ITU-T G.711 says', () => {
    for (let byte = 0; byte < 256; byte++) {
      const back = toMulaw(toLinear(byte));
      // 0x7f is minus zero.
      assert.equal(back, byte === 0x7f ? 0xff : byte);
    }
    assert.deepEqual([toLinear(0x00), toLinear(0x80), toLinear(0xff)], [-32_124, 32_124, 0]);
  });
});

describe('a WAV file of the line', () => {
  it('gives back the bytes of each channel', () => {
    const left = speakWords('left side').audio;
    const right = speakWords('right side').audio.subarray(0, left.length);
    assert.deepEqual(readWav(writeWav([left, right])), [left, right]);
    assert.deepEqual(readWav(writeWav([left])), [left]);
    assert.deepEqual(readWav(writeWav([Buffer.alloc(0)])), [Buffer.alloc(0)]);
  });

  it('says of its length and form what players read', () => {
    const file = writeWav([Buffer.alloc(160), Buffer.alloc(160)]);
    assert.equal(file.readUInt32LE(4), file.length - 8);
    assert.deepEqual([file.readUInt16LE(20), file.readUInt16LE(22), file.readUInt32LE(24)], [7, 2, 8000]);
    assert.deepEqual([file.readUInt32LE(28), file.readUInt16LE(32), file.readUInt32LE(46)], [16_000, 2, 160]);
    assert.throws(() => readWav(Buffer.from('hello')), /not a WAV/);
  });
});
