import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { TICK_MS, Ticker } from '../../../../simulators/phone/ticker';

describe('the ticker of all calls', () => {
  it('makes good what a busy event loop has missed', async () => {
    const ticker = new Ticker();
    const startedAt = performance.now();
    let ticks = 0;
    await new Promise<void>((resolve) => {
      const stop = ticker.subscribe(() => {
        // Each fifth step the process is busy for longer than a step.
        if (++ticks % 5 === 0) for (const until = performance.now() + 30; performance.now() < until;);
        if (ticks === 20) {
          stop();
          resolve();
        }
      });
    });
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs >= 19 * TICK_MS && tookMs < 22 * TICK_MS + 30, `20 steps took ${tookMs} ms`);
  });

  it('spreads its subscribers, and is silent when there are none', async () => {
    const ticker = new Ticker();
    const stops: (() => void)[] = [];
    const order: number[] = [];
    await new Promise<void>((resolve) => {
      for (let i = 0; i < 4; i++) {
        stops.push(
          ticker.subscribe(() => {
            order.push(i);
            if (order.length === 8) resolve();
          }),
        );
      }
    });
    for (const stop of stops) stop();
    assert.deepEqual([...order.slice(0, 4)].sort(), [0, 1, 2, 3]);
    // A machine that is late makes good for more than the eight at once.
    assert.deepEqual(order.slice(4, 8), order.slice(0, 4));
  });
});
