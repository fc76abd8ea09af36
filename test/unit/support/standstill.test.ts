import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'mocha';
import { Standstill } from '../../support/standstill';

describe('how long the machine let a test stand still', () => {
  it('is what the event loop was held up for, and nothing of what lies further apart', async () => {
    const machine = new Standstill().start();
    const hold = async (ms: number): Promise<void> => {
      const known = machine.within(Infinity);
      for (const until = performance.now() + ms; performance.now() < until;);
      while (machine.within(Infinity) === known) await turn();
    };
    await hold(300);
    await hold(400);
    machine.stop();
    const [both, one] = [machine.within(Infinity), machine.within(200)];
    assert.ok(both >= 600, `${both} ms of 700`);
    assert.ok(one >= 350 && one < both - 200, `${one} ms of 400`);
  });
});
