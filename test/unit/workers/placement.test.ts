import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { readWorkerSettings } from '../../../nodes/call/workers/settings';
import { choose, room, wantsOf } from '../../../nodes/call/workers/pool/placement';
import type { Wisher } from '../../../nodes/call/workers/pool/placement';
import type { RawConfig } from '../../../nodes/call/settings';

const CORES = 4;

function wisher(config: RawConfig, maxCalls = 20): Wisher {
  const workers = readWorkerSettings({ runIn: 'workers', ...config });
  assert.ok(workers);
  return { workers, maxCalls };
}

describe('what all in-nodes together want of a generation of workers', () => {
  const workers = (...wishers: Wisher[]): number | undefined => wantsOf(wishers, CORES)?.workers;

  it('nothing where none wants any', () => {
    assert.equal(wantsOf([], CORES), undefined);
  });

  it('a worker for each core, or as many as the ops person says', () => {
    assert.equal(workers(wisher({})), 4);
    assert.equal(workers(wisher({ workers: 2 })), 2);
    assert.equal(workers(wisher({ workers: 2 }), wisher({ workers: 7 }, 1)), 7);
    assert.equal(workers(wisher({ workers: 2 }), wisher({})), 4);
  });

  it('with few calls in each, as many as all lines need', () => {
    assert.equal(workers(wisher({ callsPerWorker: 1 }, 20)), 20);
    assert.equal(workers(wisher({ callsPerWorker: 3 }, 20)), 7);
    assert.equal(workers(wisher({ callsPerWorker: 10 }, 20)), 4, 'but a worker for each core at least');
    assert.equal(workers(wisher({ callsPerWorker: 1, workers: 3 }, 20)), 3);
  });

  it('room for the fewest calls, memory for the most, and the node types of all', () => {
    const wants = wantsOf(
      [
        wisher({ callsPerWorker: 5, workerMemory: 100, workerNodes: 'b, a' }),
        wisher({ workerMemory: 300, workerNodes: 'c, a' }),
      ],
      CORES,
    );
    assert.deepEqual([wants?.callsPerWorker, wants?.memoryMb, wants?.nodeTypes], [5, 300, ['a', 'b', 'c']]);
    assert.equal(wantsOf([wisher({})], CORES)?.callsPerWorker, Infinity);
  });
});

describe('the worker in which a call is placed', () => {
  it('is the one with the fewest calls, of equals the first', () => {
    const [busy, free, other] = [3, 1, 1].map((size) => ({ size, limit: Infinity }));
    assert.ok(busy && free && other);
    assert.equal(choose([busy, free, other], Infinity), free);
  });

  it('has room by its own calls and by the new one', () => {
    assert.equal(choose([{ size: 2, limit: 2 }], Infinity), undefined, 'the calls in it stay so few');
    assert.equal(choose([{ size: 2, limit: Infinity }], 2), undefined, 'the new one wants to be with so few');
    const third = { size: 2, limit: 3 };
    assert.equal(choose([{ size: 1, limit: 1 }, third], 3), third);
  });

  it('room is never less than none', () => {
    assert.equal(room({ size: 5, limit: Infinity }, 2), 0);
    assert.equal(room({ size: 5, limit: 9 }, 7), 2);
    assert.equal(room({ size: 5, limit: Infinity }, Infinity), Infinity);
  });
});
