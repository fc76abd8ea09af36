import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { refused } from '../../../nodes/call/refused';
import { FrameOrder } from '../../../nodes/telnyx/frame-order';
import { KeyPresses } from '../../../nodes/telnyx/key-presses';

describe('frames of the caller', () => {
  let heard: number[];
  let order: FrameOrder;
  let late: number;

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    mock.method(performance, 'now', () => Date.now());
    heard = [];
    late = refused.late;
    order = new FrameOrder((payload) => heard.push(payload.readUInt32BE()));
  });
  afterEach(() => {
    mock.restoreAll();
    mock.timers.reset();
  });

  const come = (...chunks: number[]): void => {
    for (const chunk of chunks) {
      const payload = Buffer.alloc(4);
      payload.writeUInt32BE(chunk);
      order.add(chunk, payload);
    }
  };
  const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

  it('in order go straight through, whether they are counted from 0 or 1', () => {
    come(1);
    assert.deepEqual(heard, [1]);
    come(2, 3, 4);
    assert.deepEqual(heard, [1, 2, 3, 4]);
    order = new FrameOrder((payload) => heard.push(payload.readUInt32BE()));
    come(0, 1);
    assert.deepEqual(heard, [1, 2, 3, 4, 0, 1]);
  });

  it('out of order are put right as soon as the missing one comes', () => {
    come(1, 3, 4, 6);
    assert.deepEqual(heard, [1]);
    come(2);
    assert.deepEqual(heard, [1, 2, 3, 4]);
    come(5, 7);
    assert.deepEqual(heard, range(1, 7));
    mock.timers.tick(1_000);
    assert.equal(refused.late, late);
  });

  it('wait for a missing one that is in the socket already, where the event loop is busy for longer than that', async () => {
    mock.restoreAll();
    mock.timers.reset();
    const { port1, port2 } = new MessageChannel();
    const came = new Promise<void>((resolve) => {
      port2.onmessage = () => {
        come(2);
        resolve();
      };
    });
    come(1, 3, 4);
    // Sent while nobody reads: as a frame is.
    setImmediate(() => {
      port1.postMessage('frame 2');
      const until = performance.now() + 150;
      while (performance.now() < until);
    });
    await came;
    assert.deepEqual(heard, [1, 2, 3, 4]);
    assert.equal(refused.late, late);
    port1.close();
  });

  it('also when the very first come in the wrong order', () => {
    come(2, 1, 4, 3);
    assert.deepEqual(heard, [1, 2, 3, 4]);
  });

  it('wait 60 ms for a missing one, and no longer; each gap has its own time', () => {
    come(1, 3);
    mock.timers.tick(40);
    come(5);
    mock.timers.tick(19);
    assert.deepEqual(heard, [1]);
    mock.timers.tick(1);
    assert.deepEqual(heard, [1, 3]);
    mock.timers.tick(39);
    assert.deepEqual(heard, [1, 3]);
    mock.timers.tick(1);
    assert.deepEqual(heard, [1, 3, 5]);
    come(6, 2, 4);
    assert.deepEqual(heard, [1, 3, 5, 6], 'what comes after that is dropped');
    assert.equal(refused.late, late + 2);
  });

  it('that come twice are heard once', () => {
    come(1, 1, 2, 4, 4, 3, 3, 5);
    assert.deepEqual(heard, range(1, 5));
    assert.equal(refused.late, late + 3);
  });

  it('behind a gap are 50 at most: the 51st gives the missing one up', () => {
    come(1, ...range(3, 52));
    assert.deepEqual(heard, [1]);
    come(53);
    assert.deepEqual(heard, [1, ...range(3, 53)]);
  });

  it('of a stream that is taken up in its midst begin where they are', () => {
    come(700);
    mock.timers.tick(60);
    come(701, 702);
    assert.deepEqual(heard, [700, 701, 702]);
  });

  it('that are counted anew do not mute the caller', () => {
    come(...range(1, 100));
    heard = [];
    come(...range(1, 50));
    assert.deepEqual(heard, range(25, 50));
    assert.equal(refused.late, late + 24);
  });

  it('that wait are delivered at the end, and no timer is left', () => {
    come(1, 3, 5);
    order.flush();
    assert.deepEqual(heard, [1, 3, 5]);
    mock.timers.tick(1_000);
    assert.deepEqual(heard, [1, 3, 5]);
  });
});

describe('keys of the phone, told on the socket and by webhook', () => {
  let now = 0;
  const counted = (...reports: string[]): string => {
    const keys = new KeyPresses(() => now);
    return reports
      .filter((report) => keys.isNew(report.slice(1), report.startsWith('s') ? 'socket' : 'webhook'))
      .map((report) => report.slice(1))
      .join('');
  };

  it('count once, whichever comes first', () => {
    assert.equal(counted('s1', 'w1', 'w2', 's2'), '12');
    assert.equal(counted('s1', 's1', 'w1', 'w1'), '11', 'one key pressed twice');
    assert.equal(counted('s1', 'w1', 's1', 'w1'), '11');
    assert.equal(counted('s1', 's2', 's3', 'w3', 'w1', 'w2'), '123', 'webhooks in any order');
    assert.equal(counted('w1', 'w1', 's1', 's1', 'w1', 's1'), '111');
  });

  it('count where only one of the two tells them', () => {
    assert.equal(counted('s1', 's1', 's2'), '112');
    assert.equal(counted('w1', 'w1', 'w2'), '112');
    assert.equal(counted('s1', 'w1', 'w5', 's7', 'w7'), '157');
  });

  it('do not swallow a press half a minute later, and are not kept for ever', () => {
    now = 0;
    const keys = new KeyPresses(() => now);
    assert.ok(keys.isNew('1', 'socket'));
    now = 30_000;
    assert.ok(!keys.isNew('1', 'webhook'));
    assert.ok(keys.isNew('2', 'socket'));
    now = 60_001;
    assert.ok(keys.isNew('2', 'webhook'));
    for (let i = 0; i < 65; i++) assert.ok(keys.isNew('9', 'socket'));
    for (let i = 0; i < 64; i++) assert.ok(!keys.isNew('9', 'webhook'));
    assert.ok(keys.isNew('9', 'webhook'), 'the oldest of 65 was forgotten');
  });
});
