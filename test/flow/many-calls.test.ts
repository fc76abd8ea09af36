import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type * as Remote from '../../simulators/remote';
import { atCarrier, CARRIER, IN, ringFarAway } from '../support/carriers';
import { change, example, KEYS, pointed } from '../support/example';
import { heart, live, PACKAGE_ROOT, Runtime, until } from '../support/runtime';
import { worldOptions } from '../support/stage';

const CALLS = 2_000;
const WARM_UP = 200;
const AT_ONCE = 40;
/** mocha's, the HTTP server's, this test's. */
const FEW_TIMERS = 4;

/** What this process holds open besides memory: sockets, servers, timers, requests. */
function handles(): Record<string, number> {
  const count: Record<string, number> = {};
  for (const resource of process.getActiveResourcesInfo()) count[resource] = (count[resource] ?? 0) + 1;
  return count;
}

/** Heap in use after a full collection, in bytes (mocha runs with --expose-gc). */
async function heap(): Promise<number> {
  for (let i = 0; i < 5; i++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}

/** The simulators are in another process: what is counted here is Node-RED and the pack. */
describe(`${CALLS} short calls of one turn each`, () => {
  let world: Remote.RemoteWorld;
  let nodeRed: Runtime;
  before(async () => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the built one: the child process runs it
    const { RemoteWorld } = require(`${PACKAGE_ROOT}/dist/simulators/remote.js`) as typeof Remote;
    Object.assign(process.env, KEYS);
    const few = { logLimit: 50 };
    world = await RemoteWorld.start(
      worldOptions({
        twilio: { rememberedCalls: 200 },
        telnyx: { rememberedCalls: 200 },
        deepgram: few,
        openai: few,
        cartesia: { ...few, concurrency: 100 },
      }),
    );
    nodeRed = await Runtime.start();
    const flow = pointed(atCarrier(example('01')), { ...world.addresses, publicUrl: nodeRed.url });
    const many = change(change(flow, 'cartesia-tts', { concurrency: 100 }), IN, { maxCalls: 100 });
    await nodeRed.deploy(
      change(many, 'llm-agent', { api: 'responses' }).filter(({ type }) => type !== 'debug' && type !== 'catch'),
    );
  });
  after(async () => {
    await nodeRed.stop();
    await world.stop();
  });

  async function calls(count: number): Promise<void> {
    let left = count;
    const line = async (): Promise<void> => {
      while (left-- > 0) {
        const report = await ringFarAway(world, {
          webhookUrl: `${nodeRed.url}/${CARRIER}/voice`,
          script: [{ waitForWords: 1 }, { say: 'Hi', msPerWord: 120 }, { waitForWords: 1 }, { hangUp: true }],
        });
        assert.equal(report.failure, undefined, report.failure);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, line));
    await until('the sessions are gone', async () => (await live()).sessions === 0, 10_000);
    const open = Object.entries(await world.open()).filter(([, n]) => n > 0);
    assert.deepEqual(open, [], 'nothing is left at the simulators');
    // Connections kept for the next request, and Node-RED's own timer for each upgrade, go after some seconds.
    await until('idle connections are closed', () => (handles().TCPSocketWrap ?? 0) === 0, 20_000);
    await until('timers have run out', () => (handles().Timeout ?? 0) <= FEW_TIMERS, 20_000).catch(() => undefined);
  }

  it('handles are equal and heap is within 5 % of where they were after the first 200', async () => {
    await calls(WARM_UP);
    const before = { heap: await heap(), handles: handles() };
    await calls(CALLS - WARM_UP);
    const timers = before.handles.Timeout ?? 0;
    await until('as many timers as before', () => (handles().Timeout ?? 0) <= timers, 20_000).catch(() => undefined);
    const then = { heap: await heap(), handles: handles() };
    const count = heart().registry.count();
    assert.equal(count.opened, CALLS);
    assert.equal(count.ended, CALLS);
    console.log(`      heap ${(before.heap / 1e6).toFixed(1)} MB -> ${(then.heap / 1e6).toFixed(1)} MB`);
    assert.deepEqual(then.handles, before.handles);
    assert.ok(then.heap < before.heap * 1.05, `heap grew from ${before.heap} to ${then.heap}`);
  }).timeout(600_000);
});
