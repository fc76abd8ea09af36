import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { eachFrame, packFrames } from '../../../nodes/call/workers/frames';
import type { Frame } from '../../../nodes/call/workers/frames';

const frame = (n: number, bytes: number, mark = ''): Frame => ({ n, audio: Buffer.alloc(bytes, n), mark });

function unpacked(packed: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  eachFrame(packed, (n, audio, mark) => frames.push({ n, audio: Buffer.from(audio), mark }));
  return frames;
}

describe('frames of many calls as one piece of memory', () => {
  it('come out as they went in, in their order', () => {
    const frames = [frame(1, 160), frame(70_000, 1_600, 'reply/0/1600'), frame(4_294_967_295, 160, 'a'), frame(1, 0)];
    assert.deepEqual(unpacked(packFrames(frames)), frames);
  });

  it('with names of marks as a flow may make them, of any letters and any length', () => {
    const frames = [frame(1, 160, 'grüße-안녕-🙂/0/160'), frame(2, 160, 'x'.repeat(70_000)), frame(3, 160, 'end')];
    assert.deepEqual(unpacked(packFrames(frames)), frames);
  });

  it('the memory is theirs alone, so that it can be handed over whole', () => {
    const packed = packFrames([frame(1, 160, 'm')]);
    assert.equal(packed.buffer.byteLength, packed.byteLength);
    structuredClone(packed, { transfer: [packed.buffer] });
    assert.equal(packed.byteLength, 0);
  });

  it('what is read is no copy, and what was written is one', () => {
    const audio = Buffer.alloc(160, 1);
    const packed = packFrames([{ n: 1, audio, mark: '' }]);
    audio.fill(2);
    eachFrame(packed, (_n, heard) => {
      assert.equal(heard[0], 1);
      assert.equal(heard.buffer, packed.buffer);
    });
  });

  it('a piece of a larger memory is read from where it begins', () => {
    const packed = packFrames([frame(5, 160, 'm')]);
    const larger = new Uint8Array(packed.length + 100);
    larger.set(packed, 33);
    assert.deepEqual(unpacked(larger.subarray(33, 33 + packed.length)), [frame(5, 160, 'm')]);
  });

  it('none at all are none', () => {
    assert.deepEqual(unpacked(packFrames([])), []);
  });
});
