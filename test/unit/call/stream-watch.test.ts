import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { EndReason } from '../../../nodes/call/message';
import { StreamWatch } from '../../../nodes/call/carrier/stream-watch';

describe('the watch over a call without a stream', () => {
  let asked: number[];
  let told: string[];
  const at = (answer: () => Promise<EndReason | undefined>): StreamWatch => {
    asked = [];
    told = [];
    const began = Date.now();
    return new StreamWatch(() => (asked.push(Date.now() - began), answer()), {
      over: (reason) => told.push(reason),
      gaveUp: () => told.push('gave up'),
    });
  };
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 100) {
      mock.timers.tick(100);
      await Promise.resolve()
        .then(() => undefined)
        .then(() => undefined);
    }
  };
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    mock.method(performance, 'now', () => Date.now());
  });
  afterEach(() => {
    mock.restoreAll();
    mock.timers.reset();
  });

  it('asks at once and again, and gives up when the carrier says nothing', async () => {
    const watch = at(() => Promise.reject(new Error('no')));
    watch.start(10_000);
    await pass(10_100);
    // The clock of this test moves by 100 ms.
    assert.deepEqual(asked, [100, 500, 1_000, 2_000, 5_000]);
    assert.deepEqual(told, ['gave up']);
  });

  it('ends with the news that the call is over, and asks no more', async () => {
    let reason: EndReason | undefined = undefined;
    const watch = at(() => Promise.resolve(reason));
    watch.start(10_000);
    await pass(700);
    reason = 'caller-hangup';
    await pass(20_000);
    assert.deepEqual(told, ['caller-hangup']);
    assert.equal(asked.length, 3);
  });

  it('tells nothing once it is stopped', async () => {
    const watch = at(() => Promise.resolve('caller-hangup'));
    watch.start(10_000, 2_000);
    await pass(1_900);
    assert.equal(asked.length, 0);
    watch.stop();
    await pass(20_000);
    assert.deepEqual([asked, told], [[], []]);
  });
});
