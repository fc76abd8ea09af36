import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { BUFFER_LIMIT_BYTES, PlaybackBuffer } from '../../../../simulators/phone/playback-buffer';

function buffer(): { buffer: PlaybackBuffer; echoes: string[] } {
  const echoes: string[] = [];
  return { buffer: new PlaybackBuffer((name) => echoes.push(name)), echoes };
}

describe('the playback buffer of a media stream', () => {
  it('echoes a mark at once when nothing is buffered', () => {
    const { buffer: playback, echoes } = buffer();
    playback.mark('a');
    assert.deepEqual(echoes, ['a']);
  });

  it('echoes a mark when the last frame before it has been heard to its end, not when it begins', () => {
    const { buffer: playback, echoes } = buffer();
    playback.push(Buffer.alloc(320, 1));
    playback.mark('a');
    playback.take();
    playback.take();
    assert.deepEqual(echoes, []);
    assert.equal(playback.take(), undefined);
    assert.deepEqual(echoes, ['a']);
  });

  it('holds a mark that comes while the last frame is still sounding', () => {
    const { buffer: playback, echoes } = buffer();
    playback.push(Buffer.alloc(160, 1));
    playback.take();
    playback.mark('a');
    assert.deepEqual(echoes, []);
    playback.take();
    assert.deepEqual(echoes, ['a']);
  });

  it('plays payloads of any size as one stream, and fills the rest of a last frame with silence', () => {
    const { buffer: playback } = buffer();
    playback.push(Buffer.alloc(137, 1));
    playback.push(Buffer.alloc(137, 2));
    const first = playback.take();
    const second = playback.take();
    assert.deepEqual(first, Buffer.concat([Buffer.alloc(137, 1), Buffer.alloc(23, 2)]));
    assert.deepEqual(second, Buffer.concat([Buffer.alloc(114, 2), Buffer.alloc(46, 0xff)]));
    assert.equal(playback.take(), undefined);
  });

  it('gives all marks back at a clear, in order, and plays nothing more of what was before', () => {
    const { buffer: playback, echoes } = buffer();
    playback.push(Buffer.alloc(1600, 1));
    playback.mark('a');
    playback.push(Buffer.alloc(1600, 1));
    playback.mark('b');
    playback.take();
    playback.clear();
    assert.deepEqual(echoes, ['a', 'b']);
    assert.equal(playback.take(), undefined);
    playback.push(Buffer.alloc(160, 3));
    playback.mark('c');
    assert.deepEqual(playback.take(), Buffer.alloc(160, 3));
    assert.deepEqual(echoes, ['a', 'b']);
    playback.take();
    assert.deepEqual(echoes, ['a', 'b', 'c']);
  });

  it('drops what goes beyond ten minutes', () => {
    const { buffer: playback } = buffer();
    assert.equal(playback.push(Buffer.alloc(BUFFER_LIMIT_BYTES)), 0);
    assert.equal(playback.push(Buffer.alloc(160)), 160);
    playback.take();
    assert.equal(playback.push(Buffer.alloc(320)), 160);
  });
});
