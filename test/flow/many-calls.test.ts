import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { change, example } from '../support/example';
import { heart } from '../support/runtime';
import { Stage } from '../support/stage';

const CALLS = 2_000;
const WARM_UP = 200;
const AT_ONCE = 40;

/** What the process holds open besides memory: sockets, servers, timers. */
function handles(): Record<string, number> {
  const count: Record<string, number> = {};
  for (const resource of process.getActiveResourcesInfo()) count[resource] = (count[resource] ?? 0) + 1;
  return count;
}

/** Heap in use after a full collection, in bytes (mocha runs with --expose-gc). */
async function heap(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}

describe('2,000 short calls of one turn each', () => {
  let stage: Stage;
  before(async () => {
    const few = { logLimit: 50 };
    stage = await Stage.set({ twilio: { rememberedCalls: 100 }, deepgram: few, openai: few, cartesia: { ...few, concurrency: 100 } });
    const flow = stage.prepare(example('01')).filter(({ type }) => type !== 'debug');
    await stage.deploy(change(change(flow, 'cartesia-tts', { concurrency: 100 }), 'twilio-in', { maxCalls: 100 }));
  });
  after(() => stage.strike());

  async function calls(count: number): Promise<void> {
    let left = count;
    const line = async (): Promise<void> => {
      while (left-- > 0) {
        const report = await stage.call([
          { waitForWords: 1 },
          { say: 'Hi', msPerWord: 120 },
          { waitForWords: 1 },
          { hangUp: true },
        ]);
        assert.equal(report.failure, undefined, report.failure);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, line));
    await stage.nothingIsLeft();
  }

  it('handles are equal and heap is within 5 % of where they were after the first 200', async () => {
    await calls(WARM_UP);
    const before = { heap: await heap(), handles: handles() };
    await calls(CALLS - WARM_UP);
    const after_ = { heap: await heap(), handles: handles() };
    const count = heart().registry.count();
    assert.equal(count.opened, CALLS);
    assert.equal(count.ended, CALLS);
    console.log(`      heap ${(before.heap / 1e6).toFixed(1)} MB -> ${(after_.heap / 1e6).toFixed(1)} MB`);
    assert.deepEqual(after_.handles, before.handles);
    assert.ok(after_.heap < before.heap * 1.05, `heap grew from ${before.heap} to ${after_.heap}`);
  }).timeout(600_000);
});
