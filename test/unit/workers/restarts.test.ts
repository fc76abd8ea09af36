import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { Restarts } from '../../../nodes/call/workers/pool/restarts';

describe('how soon a worker that failed is replaced', () => {
  let now: number;
  let restarts: Restarts;
  beforeEach(() => {
    now = 5_000;
    restarts = new Restarts(() => now);
  });

  /** Each fails as soon as it is there. */
  function waits(count: number): number[] {
    return Array.from({ length: count }, () => {
      const wait = restarts.failed();
      now += wait;
      return wait;
    });
  }

  it('at once, then ever later, and never later than a minute', () => {
    assert.deepEqual(waits(9), [0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('at once again after a minute without a failure', () => {
    waits(4);
    now += 59_999;
    assert.equal(restarts.failed(), 8_000, 'it was not a minute');
    now += 8_000 + 60_000;
    assert.deepEqual(waits(2), [0, 1_000]);
  });

  it('the wait for a replacement is not a minute without a failure', () => {
    waits(8);
    assert.equal(restarts.failed(), 60_000);
    now += 60_000;
    assert.equal(restarts.failed(), 60_000);
  });
});
