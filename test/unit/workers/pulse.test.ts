import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { watchPulse } from '../../../nodes/call/workers/pool/pulse';

describe("the watch over a worker's event loop", () => {
  let now: number;
  let stuckFor: number[];
  let end: () => void;
  let beat: () => void;

  beforeEach(() => {
    now = 5_000;
    mock.timers.enable({ apis: ['setInterval'] });
    mock.method(performance, 'now', () => now);
    stuckFor = [];
    const buffer = new SharedArrayBuffer(4);
    const pulse = new Int32Array(buffer);
    beat = () => void Atomics.add(pulse, 0, 1);
    end = watchPulse(buffer, (ms) => stuckFor.push(ms));
  });

  afterEach(() => {
    end();
    mock.reset();
    mock.timers.reset();
  });

  /** So much time passes, and the main thread looks in time. */
  const pass = (ms: number): void => {
    for (const until = now + ms; now < until;) {
      now += 250;
      mock.timers.tick(250);
    }
  };

  it('tells once of one that has stood still for more than a second, and within 1.5 s', () => {
    pass(1_000);
    assert.deepEqual(stuckFor, []);
    pass(500);
    assert.deepEqual(stuckFor, [1_250]);
    pass(5_000);
    assert.equal(stuckFor.length, 1);
  });

  it('says nothing of one that moves, however slowly', () => {
    for (let i = 0; i < 10; i++) {
      pass(1_000);
      beat();
    }
    assert.deepEqual(stuckFor, []);
  });

  it('says nothing where the main thread itself, or the whole machine, had stopped', () => {
    pass(750);
    // A laptop sleeps for a minute; then both go on.
    now += 60_000;
    mock.timers.tick(250);
    pass(1_000);
    assert.deepEqual(stuckFor, []);
    pass(250);
    assert.equal(stuckFor.length, 1, 'if it does not go on, it is stuck after all');
  });

  it('ends when the thread does', () => {
    end();
    pass(5_000);
    assert.deepEqual(stuckFor, []);
  });
});
