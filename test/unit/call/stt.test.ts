import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { AudioLog } from '../../../nodes/call/stt/audio-log';
import { Pacer } from '../../../nodes/call/stt/pacer';
import { StreamMap } from '../../../nodes/call/stt/stream-map';
import { cut } from '../../../nodes/call/stt/unfinished';

describe('the log of what the caller said', () => {
  it('gives back every byte by its number, also across the end of its ring and its growth', () => {
    const log = new AudioLog(100_000);
    let written = 0;
    while (written < 350_000) {
      const frame = Buffer.from(Array.from({ length: 161 }, (_, i) => (written + i) % 251));
      log.append(frame, written / 8);
      written += 161;
      if (written % 5 === 0) log.trim(written - 20_000);
    }
    for (let pos = log.start; pos + 300 < log.end; pos += 997) {
      assert.deepEqual(
        [...log.read(pos, 300)],
        Array.from({ length: 300 }, (_, i) => (pos + i) % 251),
      );
    }
    assert.equal(log.end, written);
    assert.ok(log.end - log.start <= 100_000);
  });

  it('keeps a copy: what others do to the memory of a payload does not matter', () => {
    const log = new AudioLog(1000);
    const frame = Buffer.alloc(160, 1);
    log.append(frame, 20);
    frame.fill(9);
    assert.equal(log.read(0, 1)[0], 1);
  });

  it('knows when each byte was said, over pauses', () => {
    const log = new AudioLog(100_000);
    for (let i = 1; i <= 50; i++) log.append(Buffer.alloc(160), i * 20 + (i % 3));
    for (let i = 1; i <= 50; i++) log.append(Buffer.alloc(160), 5000 + i * 20);
    assert.ok(Math.abs(log.clockAt(500 * 8) - 500) <= 5);
    assert.ok(Math.abs(log.clockAt(1500 * 8) - 5500) <= 5);
  });
});

describe('the map of a stream', () => {
  it('finds the byte of a time, over what was left out', () => {
    const map = new StreamMap(8000);
    map.sent = 1600;
    map.jump(20_000);
    map.sent = 3200;
    assert.equal(map.posAt(100), 8800);
    assert.equal(map.posAt(300), 20_800);
    assert.equal(map.posAt(9999), 21_600);
  });
});

describe('the pace of a replay', () => {
  it('stays below 1.25 times real time', () => {
    const pacer = new Pacer(0);
    let sent = 0;
    for (let now = 0; now <= 10_000; now += 20) {
      pacer.tick(now);
      while (pacer.spend(160)) sent += 20;
    }
    assert.ok(sent > 11_800 && sent <= 12_000, `${sent}`);
  });
});

describe('where a broken turn is taken up', () => {
  const word = (text: string, startMs: number, endMs: number) => ({ text, startMs, endMs });

  it('is the last clean pause between words that will not change', () => {
    const words = [
      word('a', 0, 160),
      word('b', 200, 360),
      word('c', 360, 500),
      word('d', 540, 700),
      word('e', 740, 900),
    ];
    const found = cut({ text: 'so', words, fromMs: 0, heardMs: 1150 });
    assert.deepEqual([found.text, found.fromMs, found.rest.length], ['so a b c', 520, 2]);
  });

  it('is the beginning where words run into each other', () => {
    const words = [word('a', 0, 200), word('b', 200, 400), word('c', 400, 600)];
    assert.deepEqual(cut({ text: '', words, fromMs: 0, heardMs: 5000 }).fromMs, 0);
  });
});
