import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { registry } from '../../../nodes/call/heart';
import { packFrames } from '../../../nodes/call/workers/frames';
import { clips } from '../../../nodes/call/tts/clips';
import { FakeCall, PoolStage, settled } from './pool-stage';
import type { FakeInNode, FakeThread } from './pool-stage';

const IN_TIME_MS = 10_000;
const LAST_WORDS_MS = 2_000;

describe('the pool of worker threads', () => {
  let stage: PoolStage;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 });
    stage = new PoolStage();
  });
  afterEach(() => {
    stage.strike();
    clips.clear();
    mock.timers.reset();
  });

  const first = <T>(all: readonly T[]): T => {
    const [one] = all;
    assert.ok(one !== undefined);
    return one;
  };
  const last = <T>(all: readonly T[]): T => first(all.slice(-1));
  const states = (): string[] => stage.threads.map(({ state }) => state);

  describe('when flows are deployed', () => {
    it('starts a worker for each core, or as many as wanted, all at once', () => {
      stage.inNode();
      stage.deploy();
      assert.deepEqual(states(), ['starting', 'starting']);
      const four = new PoolStage();
      four.inNode({ workers: 4 });
      four.deploy();
      assert.equal(four.threads.length, 4);
      assert.equal(first(four.threads).wants.memoryMb, 256);
      four.strike();
    });

    it('starts none where no in-node wants any', () => {
      stage.inNode({ runIn: 'runtime' });
      stage.deploy();
      assert.equal(stage.threads.length, 0);
    });

    it('leaves them alone where what they run has not changed', async () => {
      const inNode = stage.inNode();
      await stage.run();
      inNode.deploy();
      stage.deploy();
      await settled();
      assert.equal(stage.threads.length, 2);
      assert.deepEqual(states(), ['ready', 'ready']);
    });

    it('has new workers run the new flow, and new calls go there at once; calls under way stay where they are', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const [old] = await stage.run('old prompt');
      const before = stage.call(inNode).stream();
      stage.deploy('new prompt');
      const after = stage.call(inNode).stream();
      assert.deepEqual(old?.opened, [before.call.info.id], 'the new call waits for the new flow');
      const young = last(stage.threads);
      assert.deepEqual(young.plan.load.flows, [{ id: 'x', type: 'function', func: 'new prompt' }]);
      await young.begin();
      assert.deepEqual(young.opened, [after.call.info.id]);
      assert.deepEqual(young.toldOf(after.n), ['open', 'stream'], 'with all that has happened meanwhile');
      before.opened.hearer.audio(Buffer.alloc(160, 1));
      assert.equal(old?.frames.length, 1);
      assert.equal(old?.state, 'ready');
    });

    it('goes by what was deployed also where a call comes before anybody has told it', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run('old');
      stage.start('new');
      stage.call(inNode);
      assert.deepEqual(stage.spread, [0, 0]);
      inNode.deploy({ workers: 1, callsPerWorker: 1 });
      stage.start('newer');
      assert.equal(stage.pool.full('in'), true);
      assert.equal(stage.threads.length, 3);
      stage.start('newest');
      void stage.pool.settled();
      assert.equal(stage.threads.length, 4);
    });

    it('ends the old workers with their last call, when it has had its last words', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const old = first(await stage.run('old'));
      const before = stage.call(inNode).stream();
      await stage.run('new');
      before.call.end('caller-hangup');
      mock.timers.tick(LAST_WORDS_MS - 1);
      assert.equal(old.state, 'ready');
      mock.timers.tick(1);
      assert.equal(old.state, 'stopping');
      assert.equal(stage.pool.houseOf(before.call.info.id), undefined);
      assert.deepEqual(stage.pool.count(), { threads: 2, generations: 2, calls: 0 });
      await old.isStopped();
      assert.deepEqual(stage.pool.count(), { threads: 1, generations: 1, calls: 0 });
      assert.deepEqual(stage.gone, [1]);
    });

    it('ends an old worker without calls at once, but not before a new one is ready', async () => {
      stage.inNode({ workers: 1 });
      const old = first(await stage.run('old'));
      stage.deploy('new');
      assert.equal(old.state, 'ready');
      await last(stage.threads).begin();
      assert.equal(old.state, 'stopping');
    });

    it('lets old calls go on for as long as the in-node says, and then ends them politely', async () => {
      const inNode = stage.inNode({ workers: 1, oldCalls: 10, goodbye: 'So long.' });
      const old = first(await stage.run('old'));
      const before = stage.call(inNode).stream();
      await stage.run('new');
      mock.timers.tick(10 * 60_000 - 1);
      assert.equal(before.carrier.hungUp, undefined);
      mock.timers.tick(1);
      await settled();
      assert.equal(before.carrier.hungUp, 'flow-removed So long.');
      assert.equal(before.call.state, 'ended');
      assert.deepEqual(old.toldOf(before.n), ['open', 'stream', 'end'], 'its own flow hears of it');
      mock.timers.tick(LAST_WORDS_MS);
      assert.equal(old.state, 'stopping');
    });

    it('does not end an old call by the clock that has ended by itself', async () => {
      const inNode = stage.inNode({ workers: 1, oldCalls: 10 });
      await stage.run('old');
      const before = stage.call(inNode).stream();
      await stage.run('new');
      before.call.end('caller-hangup');
      mock.timers.tick(11 * 60_000);
      assert.equal(before.carrier.hungUp, undefined);
    });

    it('of two Deploys in a row only the last is waited for', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run('old');
      stage.deploy('middle');
      const call = stage.call(inNode);
      stage.deploy('new');
      const [, middle, young] = stage.threads;
      assert.equal(middle?.state, 'stopping');
      await middle?.begin();
      assert.deepEqual(stage.spread, [0, 0, 0], 'though it was ready in spite of all');
      await young?.begin();
      assert.deepEqual(young?.opened, [call.call.info.id]);
    });

    it('a Deploy that changes nothing starts nothing anew while workers start', async () => {
      const inNode = stage.inNode({ workers: 1 });
      stage.deploy('flow');
      inNode.deploy();
      stage.deploy('flow');
      assert.equal(stage.threads.length, 1);
      await first(stage.threads).begin();
      stage.call(inNode);
      assert.deepEqual(stage.spread, [1]);
    });

    it('a flow that is deployed back to what runs needs no new worker, and takes the calls that wait', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const old = first(await stage.run('old'));
      stage.deploy('new');
      stage.call(inNode);
      stage.deploy('old');
      assert.deepEqual(stage.spread, [1, 0]);
      assert.deepEqual(states(), ['ready', 'stopping']);
      assert.equal(old.opened.length, 1);
    });

    it('without any in-node that wants them each ends with its last call', async () => {
      const inNode = stage.inNode({ workers: 2 });
      await stage.run();
      const call = stage.call(inNode).stream();
      inNode.deploy({ runIn: 'runtime' });
      stage.deploy();
      assert.deepEqual(states(), ['ready', 'stopping']);
      call.call.end('caller-hangup');
      mock.timers.tick(LAST_WORDS_MS);
      assert.deepEqual(states(), ['stopping', 'stopping']);
      assert.equal(stage.threads.length, 2);
    });

    it('a call that waits for a worker when workers are given up goes to one that there is', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const old = first(await stage.run('old'));
      stage.deploy('new');
      const call = stage.call(inNode);
      inNode.deploy({ runIn: 'runtime' });
      stage.deploy('new');
      assert.deepEqual(old.opened, [call.call.info.id]);
      assert.equal(old.state, 'ready');
    });

    it('or, where there is none and none is wanted any more, ends with the apology', async () => {
      const inNode = stage.inNode({ workers: 1 });
      stage.deploy();
      const call = stage.call(inNode).stream();
      inNode.deploy({ runIn: 'runtime' });
      stage.deploy();
      await settled();
      assert.match(call.carrier.hungUp ?? '', /^worker-failed/);
      assert.deepEqual(states(), ['stopping']);
    });

    it('also where there is one that has no room', async () => {
      const inNode = stage.inNode({ workers: 1, callsPerWorker: 1 });
      await stage.run();
      const [lives, waits] = [stage.call(inNode).stream(), stage.call(inNode).stream()];
      inNode.deploy({ runIn: 'runtime' });
      stage.deploy();
      await settled();
      assert.equal(lives.carrier.hungUp, undefined);
      assert.match(waits.carrier.hungUp ?? '', /^worker-failed/);
    });

    it('starts them anew where they are wanted again', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run();
      inNode.deploy({ runIn: 'runtime' });
      stage.deploy();
      inNode.deploy({ runIn: 'workers', workers: 1 });
      stage.deploy();
      assert.deepEqual(states(), ['stopping', 'starting']);
    });

    it('a node that is deleted wants none any more', async () => {
      const inNode = stage.inNode();
      await stage.run();
      inNode.slot.instance = undefined;
      stage.deploy();
      assert.deepEqual(states(), ['stopping', 'stopping']);
    });
  });

  describe('places calls', () => {
    it('in the worker with the fewest', async () => {
      const inNode = stage.inNode({ workers: 3 });
      await stage.run();
      const calls = Array.from({ length: 7 }, () => stage.call(inNode));
      assert.deepEqual(stage.spread, [3, 2, 2]);
      calls[1]?.call.end('caller-hangup');
      stage.call(inNode);
      assert.deepEqual(stage.spread, [3, 3, 2], 'the one that was freed has the fewest now');
      assert.equal(stage.pool.count().calls, 7);
    });

    it('that wait, as soon as a worker is ready, and in the order in which they came', async () => {
      const inNode = stage.inNode({ workers: 2 });
      stage.deploy();
      const calls = [stage.call(inNode), stage.call(inNode), stage.call(inNode)];
      calls[0]?.stream();
      assert.deepEqual(stage.spread, [0, 0]);
      assert.equal(stage.pool.count().calls, 3);
      await stage.threads[1]?.begin();
      assert.deepEqual(
        stage.threads[1]?.opened,
        calls.map(({ call }) => call.info.id),
      );
    });

    it('a call that nobody waits for any more is not opened', async () => {
      const inNode = stage.inNode({ workers: 1 });
      stage.deploy();
      const call = stage.call(inNode);
      call.call.end('caller-hangup');
      await first(stage.threads).begin();
      assert.deepEqual(stage.spread, [0]);
      assert.equal(stage.pool.count().calls, 0);
      assert.equal(call.counted, 1);
      assert.equal(registry.carried(call.call.info.id), undefined);
    });

    it('one by one where calls are to be alone, with one worker kept warm ahead', async () => {
      const inNode = stage.inNode({ callsPerWorker: 1, maxCalls: 3 });
      await stage.run();
      assert.equal(stage.threads.length, 1, 'one for the first call');
      stage.call(inNode);
      assert.equal(stage.threads.length, 2, 'one for the next');
      const second = stage.call(inNode);
      assert.equal(stage.threads.length, 3, 'one for this call, which the second will take, and one ahead');
      await stage.threads[1]?.begin();
      assert.deepEqual(stage.threads[1]?.opened, [second.call.info.id]);
      stage.call(inNode);
      await stage.threads[2]?.begin();
      assert.deepEqual(stage.spread, [1, 1, 1]);
      assert.equal(stage.threads.length, 3, 'as many as there are lines');
    });

    it('ends workers that were started for callers who did not wait', async () => {
      const inNode = stage.inNode({ callsPerWorker: 1, maxCalls: 5 });
      stage.deploy();
      const calls = [stage.call(inNode), stage.call(inNode)];
      assert.equal(stage.threads.length, 3);
      for (const { call } of calls) call.end('caller-hangup');
      for (const thread of stage.threads) await thread.begin();
      mock.timers.tick(60_000);
      assert.equal(states().filter((state) => state === 'ready').length, 1);
    });

    it('ends an idle one when its time has come, and one that has room beside it is found later', async () => {
      const inNode = stage.inNode({ workers: 2, callsPerWorker: 2 });
      await stage.run();
      const calls = [stage.call(inNode), stage.call(inNode)];
      await last(stage.threads).begin();
      assert.deepEqual(stage.spread, [2, 0]);
      mock.timers.tick(120_000);
      assert.deepEqual(states(), ['ready', 'ready'], 'the first has no room');
      calls[0]?.call.end('caller-hangup');
      mock.timers.tick(60_000);
      assert.deepEqual(states(), ['ready', 'stopping']);
    });

    it('counts the minute from the last call', async () => {
      const inNode = stage.inNode({ workers: 2, callsPerWorker: 1 });
      await stage.run();
      const long = stage.call(inNode);
      await last(stage.threads).begin();
      mock.timers.tick(30_000);
      stage.call(inNode).call.end('caller-hangup');
      long.call.end('caller-hangup');
      mock.timers.tick(LAST_WORDS_MS);
      mock.timers.tick(59_999);
      assert.deepEqual(states(), ['ready', 'ready']);
      mock.timers.tick(1);
      assert.equal(states().filter((state) => state === 'ready').length, 1);
    });

    it('ends idle workers beyond the one kept warm after a minute', async () => {
      const inNode = stage.inNode({ callsPerWorker: 1, maxCalls: 5 });
      await stage.run();
      const calls = [stage.call(inNode)];
      for (let i = 1; i < 3; i++) {
        await last(stage.threads).begin();
        calls.push(stage.call(inNode));
      }
      await last(stage.threads).begin();
      assert.deepEqual(stage.spread, [1, 1, 1, 0]);
      mock.timers.tick(600_000);
      for (const { call } of calls) call.end('caller-hangup');
      mock.timers.tick(59_999);
      assert.equal(states().filter((state) => state === 'ready').length, 4);
      mock.timers.tick(60_000);
      assert.equal(states().filter((state) => state === 'ready').length, 1);
      stage.call(inNode);
      assert.equal(registry.callsOf('in').length, 1);
      assert.equal(stage.threads.length, 5, 'and another is started when that one is taken');
    });

    it('keeps all workers that are wanted where calls share them', async () => {
      stage.inNode({ workers: 3 });
      await stage.run();
      mock.timers.tick(600_000);
      assert.deepEqual(states(), ['ready', 'ready', 'ready']);
    });

    it('with as few others as the most careful of them wants', async () => {
      const many = stage.inNode({ workers: 2 }, 'many');
      const few = stage.inNode({ callsPerWorker: 2 }, 'few');
      await stage.run();
      await stage.threads[1]?.begin();
      stage.call(few);
      stage.call(many);
      stage.call(many);
      await last(stage.threads).begin();
      for (const { opened } of stage.threads.slice(0, 1)) assert.ok(opened.length <= 2);
    });

    it('tells the in-node that it is full when all places are taken', async () => {
      const inNode = stage.inNode({ workers: 2, callsPerWorker: 2, maxCalls: 100 });
      stage.deploy();
      assert.equal(stage.pool.full('in'), false, 'one that comes may wait for the start');
      const calls = Array.from({ length: 4 }, () => {
        assert.equal(stage.pool.full('in'), false);
        return stage.call(inNode);
      });
      assert.equal(stage.pool.full('in'), true, 'those that wait have their places already');
      for (const thread of stage.threads) await thread.begin();
      for (const thread of stage.threads) if (thread.state === 'starting') await thread.begin();
      assert.deepEqual(stage.spread, [2, 2]);
      assert.equal(stage.pool.full('in'), true);
      calls[3]?.call.end('caller-hangup');
      assert.equal(stage.pool.full('in'), false);
    });

    it('is full for all in-nodes where the calls of one want to be alone', async () => {
      const few = stage.inNode({ workers: 1, callsPerWorker: 1 }, 'few');
      stage.inNode({ workers: 1 }, 'many');
      await stage.run();
      assert.equal(stage.pool.full('many'), false);
      stage.call(few);
      assert.equal(stage.pool.full('many'), true);
    });

    it('is never full where any number of calls may share a worker', async () => {
      const inNode = stage.inNode({ workers: 1 });
      assert.equal(stage.pool.full('nobody'), false);
      await stage.run();
      for (let i = 0; i < 50; i++) stage.call(inNode);
      assert.equal(stage.pool.full('in'), false);
    });

    it('one that found no room has it as soon as another call ends', async () => {
      const inNode = stage.inNode({ workers: 1, callsPerWorker: 1 });
      const thread = first(await stage.run());
      const [before, next] = [stage.call(inNode), stage.call(inNode)];
      assert.equal(thread.opened.length, 1);
      before.call.end('caller-hangup');
      assert.deepEqual(thread.opened, [before.call.info.id, next.call.info.id]);
    });

    it('has a call that waits for too long go on in the old flow', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const old = first(await stage.run('old'));
      stage.deploy('new');
      const call = stage.call(inNode).stream();
      mock.timers.tick(IN_TIME_MS - 1);
      assert.deepEqual(old.opened, []);
      mock.timers.tick(1);
      assert.deepEqual(old.opened, [call.call.info.id]);
      assert.equal(call.carrier.hungUp, undefined);
    });

    it('ends a call that waits for too long, and where there is no old flow, with the apology', async () => {
      const inNode = stage.inNode({ workers: 1, workerApology: 'Sorry.' });
      stage.deploy();
      const call = stage.call(inNode).stream();
      mock.timers.tick(IN_TIME_MS);
      await settled();
      assert.equal(call.carrier.hungUp, 'worker-failed Sorry.');
      assert.match(first(inNode.errors).message, /no worker thread was there for this call in time/);
    });

    it('refuses a call that is open already, and loses nothing by it', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run();
      const { call } = stage.call(inNode);
      assert.throws(() => new FakeCall(stage.pool, inNode, call.info.id), /open already/);
      assert.equal(stage.pool.count().calls, 1);
      assert.equal(registry.carried(call.info.id), call);
    });
  });

  describe('when the new flow does not start', () => {
    it('goes on with the old one, shows and tells why, and lets the waiting call in', async () => {
      const inNode = stage.inNode({ workers: 2 });
      await stage.run('old');
      stage.deploy('broken');
      const call = stage.call(inNode).stream();
      const [, , one, other] = stage.threads;
      await one?.failToBegin('Cannot find module x');
      assert.equal(inNode.errors.length, 0, 'the other may start yet');
      await other?.failToBegin('whatever');
      assert.deepEqual(stage.spread, [1, 0, 0, 0]);
      assert.equal(call.carrier.hungUp, undefined);
      const { message, msg } = first(inNode.errors);
      assert.match(message, /does not start in a worker thread: Cannot find module x.*as it was deployed before/);
      assert.deepEqual([msg.provider, msg.cause], ['workers', 'settings']);
      assert.equal(inNode.problems.at(-1), 'no worker: Cannot find module x');
      assert.deepEqual(states(), ['ready', 'ready', 'gone', 'gone']);
      assert.deepEqual(stage.pool.count(), { threads: 2, generations: 1, calls: 1 });
    });

    it('tries again with the next Deploy, though it be the same flow, and takes back what it showed when that starts', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const old = first(await stage.run('old'));
      stage.deploy('broken');
      await last(stage.threads).failToBegin('the disk was full');
      stage.deploy('broken');
      assert.equal(stage.threads.length, 3);
      assert.match(inNode.problems.at(-1) ?? '', /disk/, 'kept until one starts');
      await last(stage.threads).begin();
      assert.equal(inNode.problems.at(-1), undefined);
      assert.equal(old.state, 'stopping');
    });

    it('tells it anew with each Deploy', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run('old');
      for (const flow of ['broken', 'broken']) {
        stage.deploy(flow);
        await last(stage.threads).failToBegin('it is broken');
      }
      assert.equal(inNode.errors.length, 2);
    });

    it('does not try again by itself while the old one serves', async () => {
      stage.inNode({ workers: 1 });
      await stage.run('old');
      stage.deploy('broken');
      await last(stage.threads).failToBegin('it is broken');
      mock.timers.tick(120_000);
      assert.equal(stage.threads.length, 2);
    });

    it('is no error any more where the old flow is deployed again', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run('old');
      stage.deploy('broken');
      await last(stage.threads).failToBegin('it is broken');
      stage.deploy('old');
      assert.equal(inNode.problems.at(-1), undefined);
      stage.call(inNode);
      assert.deepEqual(stage.spread, [1, 0]);
    });

    it('a flow that cannot even be read is told likewise', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run('old');
      stage.unfit = 'no registry';
      stage.deploy('odd');
      assert.match(first(inNode.errors).message, /no registry/);
      stage.call(inNode);
      assert.deepEqual(stage.spread, [1]);
      assert.ok(inNode.lines.some((line) => line.startsWith('workers.started node=in workers=1')));
    });

    it('also where another was about to start: that is not awaited any more', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run('old');
      stage.deploy('new');
      stage.unfit = 'no registry';
      stage.deploy('odd');
      assert.deepEqual(states(), ['ready', 'stopping']);
      stage.call(inNode);
      assert.deepEqual(stage.spread, [1, 0]);
    });

    it('is of no interest any more where no in-node wants workers', async () => {
      const inNode = stage.inNode({ workers: 1 });
      stage.deploy('broken');
      await first(stage.threads).failToBegin('it is broken');
      inNode.deploy({ runIn: 'runtime' });
      stage.deploy('broken');
      assert.equal(stage.pool.problem, undefined);
      mock.timers.tick(120_000);
      assert.equal(stage.threads.length, 1);
    });

    it('a flow that runs, but with a node that does not work, takes no calls from one that works', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run('whole');
      stage.deploy('half');
      const half = last(stage.threads);
      half.problems = ['function B: unexpected token'];
      await half.begin();
      stage.call(inNode);
      assert.deepEqual(stage.spread, [1, 0]);
      assert.equal(half.state, 'stopping');
      assert.match(first(inNode.errors).message, /does not start in a worker thread: function B: unexpected token/);
    });

    it('but where there is no other it does, and what did not work before need not work now', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const begin = async (flow: string, ...problems: string[]): Promise<void> => {
        stage.deploy(flow);
        last(stage.threads).problems = problems;
        await last(stage.threads).begin();
      };
      await begin('half', 'function A: unexpected token');
      stage.call(inNode);
      await begin('half, and more', 'function A: unexpected token');
      stage.call(inNode);
      assert.deepEqual(stage.spread, [1, 1]);
      await begin('less than half', 'function A: unexpected token', 'function B: unexpected token');
      stage.call(inNode);
      assert.deepEqual(stage.spread, [1, 2, 0]);
      await begin('whole');
      await begin('half again', 'function A: unexpected token');
      stage.call(inNode);
      assert.deepEqual(stage.spread, [1, 2, 0, 1, 0], 'it has worked meanwhile');
    });

    it('without an old one callers hear the apology, those who wait and those who come', async () => {
      const inNode = stage.inNode({ workers: 1, workerApology: 'Sorry.' });
      stage.deploy('broken');
      const waits = stage.call(inNode).stream();
      await first(stage.threads).failToBegin('it is broken');
      await settled();
      assert.equal(waits.carrier.hungUp, 'worker-failed Sorry.');
      assert.equal(waits.counted, 1);
      assert.equal(stage.pool.full('in'), false, 'which is not the busy line');
      const comes = stage.call(inNode);
      const goes = stage.call(inNode);
      goes.call.end('caller-hangup');
      await settled();
      assert.equal(comes.carrier.hungUp, undefined, 'who cannot hear it yet');
      assert.equal(stage.pool.count().calls, 0, 'nothing is waited for any more');
      mock.timers.tick(1_000);
      await last(stage.threads).begin();
      assert.deepEqual(stage.spread, [0, 0], 'and has no other call');
      comes.stream();
      await settled();
      assert.equal(comes.carrier.hungUp, 'worker-failed Sorry.');
      const calls = inNode.errors.flatMap(({ msg }) => (msg.call ? [(msg.call as { id: string }).id] : []));
      assert.deepEqual(calls, [waits.call.info.id, comes.call.info.id]);
      assert.equal(stage.pool.count().calls, 0);
    });

    it('without an old one it is tried again, ever later, and told once', async () => {
      const inNode = stage.inNode({ workers: 1 });
      stage.deploy('broken');
      await last(stage.threads).failToBegin('the machine was too slow');
      for (const [i, wait] of [1_000, 1_000, 2_000].entries()) {
        mock.timers.tick(wait - 1);
        assert.equal(stage.threads.length, i + 1);
        mock.timers.tick(1);
        assert.equal(stage.threads.length, i + 2);
        if (i < 2) await last(stage.threads).failToBegin('the machine was too slow');
      }
      assert.equal(inNode.errors.length, 1);
      await last(stage.threads).begin();
      assert.equal(inNode.problems.at(-1), undefined);
      stage.call(inNode);
      assert.equal(last(stage.spread), 1);
    });
  });

  describe('when a worker fails', () => {
    it('its callers hear the apology at once, and no other call is touched; another takes its place', async () => {
      const inNode = stage.inNode({ workers: 2, workerApology: 'Sorry.' });
      const [one, other] = await stage.run();
      const calls = [stage.call(inNode).stream(), stage.call(inNode).stream(), stage.call(inNode).stream()];
      await one?.isLost('crashed', 'x is not defined');
      assert.deepEqual(
        calls.map(({ carrier }) => carrier.hungUp),
        ['worker-failed Sorry.', undefined, 'worker-failed Sorry.'],
      );
      assert.equal(stage.threads.length, 3, 'at once');
      assert.deepEqual(other?.toldOf(calls[1]?.n ?? 0), ['open', 'stream']);
      assert.equal(stage.pool.count().calls, 1);
      await last(stage.threads).begin();
      stage.call(inNode);
      assert.equal(last(stage.spread), 1);
    });

    it('nobody has a call in a worker any more, where the last was there', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const one = first(await stage.run());
      stage.call(inNode).stream();
      assert.equal(stage.occupied.at(-1), true);
      await one.isLost('crashed', '');
      assert.equal(stage.occupied.at(-1), false);
    });

    it('what the ops person said for that call counts, also where its in-node wants no workers any more', async () => {
      const inNode = stage.inNode({ workers: 1, workerApology: 'Sorry.', oldCalls: 1 });
      const one = first(await stage.run());
      const [call, other] = [stage.call(inNode).stream(), stage.call(inNode).stream()];
      inNode.deploy({ runIn: 'runtime' });
      stage.deploy();
      call.call.end('caller-hangup');
      mock.timers.tick(59_999);
      assert.equal(other.carrier.hungUp, undefined);
      await one.isLost('crashed', '');
      assert.equal(other.carrier.hungUp, 'worker-failed Sorry.');
    });

    it('what waits to take its place is not waited for when the flow changes', async () => {
      stage.inNode({ workers: 1 });
      await stage.run('old');
      await last(stage.threads).isLost('crashed', '');
      await last(stage.threads).begin();
      await last(stage.threads).isLost('crashed', '');
      await stage.run('new');
      assert.deepEqual(stage.pool.count(), { threads: 1, generations: 1, calls: 0 });
      mock.timers.tick(60_000);
      assert.equal(stage.threads.length, 3);
    });

    for (const [cause, words] of [
      ['crashed', /crashed \(x is not defined\).* - look for code .* that throws/],
      ['stuck', /did nothing else for a second .* - look for an endless loop/],
      ['memory', /needed more memory than it may .* raise the memory/],
    ] as const) {
      it(`Catch gets an error for each call, with what happened and what to do: ${cause}`, async () => {
        const inNode = stage.inNode({ workers: 1 });
        const [one] = await stage.run();
        const calls = [stage.call(inNode).stream(), stage.call(inNode).stream()];
        await one?.isLost(cause, 'x is not defined');
        assert.deepEqual(
          inNode.errors.map(({ msg }) => [(msg.call as { id: string }).id, msg.provider, msg.code]),
          calls.map(({ call }) => [call.info.id, 'workers', cause]),
        );
        for (const { message } of inNode.errors) assert.match(message, words);
      });
    }

    it('one without calls is an error of the in-node', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const [one] = await stage.run();
      await one?.isLost('memory', 'too much');
      assert.equal(inNode.errors.length, 1);
      assert.match(first(inNode.errors).message, /workers: a worker thread needed more memory than it may/);
      assert.equal(first(inNode.errors).msg.call, undefined);
      assert.equal(stage.threads.length, 2);
    });

    it('the flow learns of the end of each call in another worker', async () => {
      const inNode = stage.inNode({ workers: 2 });
      const [one, other] = await stage.run();
      const call = stage.call(inNode).stream();
      mock.timers.tick(4_000);
      await one?.isLost('stuck', '');
      const told = other?.sent.find((item) => item.t === 'afterwards');
      assert.ok(told?.t === 'afterwards');
      assert.equal(told.topic, 'call.ended');
      assert.deepEqual([told.ownerId, told.info.id], ['in', call.call.info.id]);
      assert.deepEqual([told.payload.reason, told.payload.durationMs], ['worker-failed', 4_000]);
      assert.equal(told.info.endedAt, told.info.startedAt + 4_000);
      assert.ok(inNode.lines.some((line) => /^call.ended .*reason=worker-failed/.test(line)));
    });

    it('or in the main runtime, where there is no other', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const [one] = await stage.run();
      const call = stage.call(inNode).stream();
      await one?.isLost('crashed', '');
      const told = first(inNode.sent);
      assert.equal(told.topic, 'call.ended');
      assert.equal((told.call as { id: string }).id, call.call.info.id);
    });

    it('the end of a call whose worker lives is told there, and nowhere else', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const one = first(await stage.run());
      const call = stage.call(inNode).stream();
      call.call.end('caller-hangup');
      assert.deepEqual(one.toldOf(call.n), ['open', 'stream', 'end']);
      assert.equal(one.sent.filter((item) => item.t === 'afterwards').length, 0);
      assert.deepEqual(inNode.sent, []);
    });

    it('a caller who talks with somebody else goes on, and hears the apology when back', async () => {
      const inNode = stage.inNode({ workers: 1, workerApology: 'Sorry.' });
      const one = first(await stage.run());
      const call = stage.call(inNode).stream();
      call.call.leave('+15550003');
      await one.isLost('crashed', '');
      assert.equal(call.carrier.hungUp, undefined);
      assert.equal(call.call.state, 'away');
      call.stream();
      await settled();
      assert.equal(call.carrier.hungUp, 'worker-failed Sorry.');
    });

    it('a phone that rings stops ringing', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const one = first(await stage.run());
      const call = stage.call(inNode, 'outbound');
      await one.isLost('crashed', '');
      assert.equal(call.carrier.hungUp, 'worker-failed');
      assert.equal(call.call.state, 'ended');
    });

    it('a call that was being ended politely is, and nothing is said twice', async () => {
      const inNode = stage.inNode({ workers: 1, workerApology: 'Sorry.' });
      const one = first(await stage.run());
      const call = stage.call(inNode).stream();
      let done: () => void = () => undefined;
      mock.method(call.carrier, 'hangUp', (goodbye: string) => {
        call.carrier.hungUp ??= goodbye;
        return new Promise<void>((resolve) => (done = resolve));
      });
      void call.call.hangUp('agent-hangup', 'Bye.');
      await one.isLost('crashed', '');
      assert.equal(call.carrier.hungUp, 'Bye.');
      done();
      await settled();
      assert.equal(call.call.state, 'ended');
    });

    it('restarts are damped', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run();
      await last(stage.threads).isLost('crashed', '');
      assert.equal(stage.threads.length, 2, 'the first at once');
      for (const [i, wait] of [1_000, 2_000, 4_000].entries()) {
        await last(stage.threads).begin();
        await last(stage.threads).isLost('crashed', '');
        mock.timers.tick(wait - 1);
        assert.equal(stage.threads.length, i + 2);
        mock.timers.tick(1);
        assert.equal(stage.threads.length, i + 3);
      }
      await last(stage.threads).failToBegin('again');
      assert.match(last(inNode.errors).message, /could not be started again: again - it is tried again in 8 s/);
      mock.timers.tick(8_000);
      assert.equal(stage.threads.length, 6);
    });

    it('however many calls come meanwhile, where they can be placed', async () => {
      const inNode = stage.inNode({ workers: 2 });
      await stage.run();
      await stage.threads[0]?.isLost('crashed', '');
      await stage.threads[2]?.begin();
      await stage.threads[2]?.isLost('crashed', '');
      const call = stage.call(inNode);
      call.call.end('caller-hangup');
      assert.equal(stage.threads.length, 3, 'the next is due in a second');
      assert.equal(stage.pool.full('in'), false);
    });

    it('but nobody waits in silence for one that is due later, where there is no other', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run();
      for (let i = 0; i < 2; i++) {
        await last(stage.threads).isLost('crashed', '');
        if (i === 0) await last(stage.threads).begin();
      }
      assert.equal(stage.threads.length, 2);
      const [call] = [stage.call(inNode), stage.call(inNode)];
      assert.equal(stage.threads.length, 3);
      await last(stage.threads).begin();
      assert.equal(last(stage.threads).opened[0], call.call.info.id);
      mock.timers.tick(60_000);
      assert.equal(stage.threads.length, 3, 'and that is the one that was due');
    });

    it('with a call in each, one that fails with each call does not have the next started at once', async () => {
      const inNode = stage.inNode({ callsPerWorker: 1, maxCalls: 9 });
      await stage.run();
      await last(stage.threads).isLost('crashed', '');
      await last(stage.threads).begin();
      await last(stage.threads).isLost('crashed', '');
      assert.equal(stage.threads.length, 2, 'there is no call');
      const call = stage.call(inNode).stream();
      assert.equal(stage.threads.length, 3, 'there is one');
      await last(stage.threads).begin();
      assert.deepEqual(last(stage.threads).opened, [call.call.info.id]);
    });

    it('an old one that fails is not replaced', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const old = first(await stage.run('old'));
      const call = stage.call(inNode).stream();
      await stage.run('new');
      await old.isLost('crashed', '');
      mock.timers.tick(60_000);
      assert.equal(stage.threads.length, 2);
      assert.equal(call.call.state, 'ended');
      assert.deepEqual(stage.pool.count(), { threads: 1, generations: 1, calls: 0 });
    });

    it('one that did not start with the others is started again', async () => {
      stage.inNode({ workers: 2 });
      stage.deploy();
      await stage.threads[0]?.failToBegin('no memory');
      assert.equal(stage.threads.length, 2, 'not before it is known that the flow can start');
      await stage.threads[1]?.begin();
      assert.equal(stage.threads.length, 3);
    });

    it('one that is lost before it has started has not started', async () => {
      const inNode = stage.inNode({ workers: 1 });
      stage.deploy();
      await first(stage.threads).isLost('memory', 'too small');
      assert.match(first(inNode.errors).message, /does not start in a worker thread: too small/);
    });

    it('one that is lost while it ends has ended', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const old = first(await stage.run('old'));
      await stage.run('new');
      assert.equal(old.state, 'stopping');
      await old.isLost('stuck', '');
      assert.deepEqual(stage.pool.count(), { threads: 1, generations: 1, calls: 0 });
      assert.equal(inNode.errors.length, 0);
    });

    it('what it had of what there is only one of is free for others', async () => {
      stage.inNode({ workers: 2 });
      const [one, other] = await stage.run();
      one?.says({ t: 'ask', r: 1, what: 'place', args: [1, 'an account', 1, false] });
      other?.says({ t: 'ask', r: 1, what: 'place', args: [1, 'an account', 1, false] });
      await settled();
      const answers = (thread?: FakeThread): number => thread?.sent.filter(({ t }) => t === 'answer').length ?? 0;
      assert.deepEqual([answers(one), answers(other)], [1, 0]);
      await one?.isLost('crashed', '');
      assert.equal(answers(other), 1);
    });

    it('a worker that cannot even be made has failed, too', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const { pool } = stage;
      const parts = (pool as unknown as { parts: { starter: unknown } }).parts;
      parts.starter = () => () => {
        throw new Error('too many threads');
      };
      stage.deploy();
      await settled();
      assert.match(first(inNode.errors).message, /too many threads/);
    });
  });

  describe('what a worker wants of a call', () => {
    let inNode: FakeInNode;
    let thread: FakeThread;
    let call: FakeCall;
    beforeEach(async () => {
      inNode = stage.inNode({ workers: 2, goodbye: 'So long.' });
      thread = first(await stage.run());
      call = stage.call(inNode).stream();
      thread.says({ t: 'stream-known', n: call.n, nth: 1 });
    });

    it('is played, marked and cleared', () => {
      const audio = Buffer.alloc(160, 7);
      thread.says({ t: 'frames', bytes: packFrames([{ n: call.n, audio, mark: 'a' }]) });
      thread.says({ t: 'mark', n: call.n, mark: 'b' });
      assert.deepEqual(call.carrier.played, [audio]);
      assert.deepEqual(call.carrier.marks, ['a', 'b']);
      thread.says({ t: 'clear', n: call.n });
      assert.deepEqual(call.carrier.marks, []);
    });

    it('concerns no call of another worker', () => {
      stage.threads[1]?.says({ t: 'mark', n: call.n, mark: 'b' });
      assert.deepEqual(call.carrier.marks, []);
    });

    it('its end: the carrier knows, and the call is over', () => {
      thread.says({ t: 'over', n: call.n, reason: 'agent-hangup' });
      assert.equal(call.call.state, 'ended');
      assert.equal(call.counted, 1);
      assert.equal(registry.carried(call.call.info.id), undefined);
    });

    it('its end, for it has no such node: the caller hears the apology, and Catch why', async () => {
      thread.says({ t: 'over', n: call.n, reason: 'flow-removed' });
      await settled();
      assert.match(call.carrier.hungUp ?? '', /^worker-failed .+/);
      assert.equal(call.call.state, 'ended');
      assert.match(inNode.errors.at(-1)?.message ?? '', /has no such node/);
    });

    it('values, and that nothing may be seen', () => {
      thread.says({ t: 'parameters', n: call.n, parameters: { customer: '7' } });
      thread.says({ t: 'private', n: call.n, on: true });
      assert.deepEqual(call.call.info.parameters, { customer: '7' });
      assert.equal(call.call.isPrivate, true);
    });

    it("a clip of the agent's voice, which the caller hears if the worker fails, and then the end", async () => {
      const audio = new Uint8Array(800).fill(9);
      thread.says({ t: 'clip', n: call.n, key: 'voice and words', clip: { audio, words: [] } });
      assert.ok(clips.get('voice and words'), 'others may have it too');
      await thread.isLost('crashed', '');
      assert.deepEqual(call.carrier.played, [Buffer.from(audio)]);
      assert.equal(call.carrier.hungUp, undefined, 'it is to be heard');
      mock.timers.tick(100 + 500);
      await settled();
      assert.equal(call.carrier.hungUp, 'worker-failed So long.');
    });

    it('is asked of the services, and answered', async () => {
      thread.says({ t: 'ask', r: 5, what: 'hang-up', args: [call.n, 'agent-hangup', 'Bye.'] });
      await settled();
      assert.equal(call.carrier.hungUp, 'agent-hangup Bye.');
      assert.deepEqual(last(thread.sent), { t: 'answer', r: 5, value: undefined });
      assert.deepEqual(thread.toldOf(call.n), ['open', 'stream', 'end']);
    });

    it('what it wants of none is handed on', () => {
      thread.says({ t: 'log', entry: {} });
      thread.says({ t: 'deliver', node: ['x'], msg: {} });
      assert.deepEqual(stage.news, ['log', 'deliver']);
    });

    it('a carrier that throws takes no other call with it', () => {
      const other = stage.call(inNode);
      const beside = [stage.call(inNode)].find(({ n }) => thread.toldOf(n).length > 0);
      assert.ok(beside && thread.toldOf(other.n).length === 0);
      beside.stream();
      thread.says({ t: 'stream-known', n: beside.n, nth: 1 });
      mock.method(call.carrier, 'play', () => {
        throw new Error('socket gone');
      });
      const audio = Buffer.alloc(160);
      const frames = [call, beside].map(({ n }) => ({ n, audio, mark: '' }));
      thread.says({ t: 'frames', bytes: packFrames(frames) });
      assert.equal(beside.carrier.played.length, 1);
      assert.match(first(inNode.errors).message, /socket gone/);
    });
  });

  describe('what the carrier tells of a call', () => {
    it('an error is told by its in-node in the worker, or here where there is none', async () => {
      const inNode = stage.inNode({ workers: 1 });
      stage.deploy();
      const call = stage.call(inNode);
      call.opened.fail(new Error('early'));
      assert.match(first(inNode.errors).message, /early/);
      await first(stage.threads).begin();
      call.opened.fail(new Error('in between'));
      assert.deepEqual(first(stage.threads).toldOf(call.n), ['open', 'call-failed']);
      call.call.end('caller-hangup');
      call.opened.fail(new Error('late'));
      assert.deepEqual(
        inNode.errors.map(({ message }) => message),
        ['early', 'late'],
      );
    });

    it('a line of the log is written here', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run();
      const call = stage.call(inNode);
      call.opened.note('info', 'stream.opened');
      assert.ok(inNode.lines.some((line) => line.startsWith(`stream.opened call=${call.call.info.id} node=in`)));
    });

    it('a call that the carrier names while it waits keeps its old name until the worker is told the new one', async () => {
      const inNode = stage.inNode({ workers: 1 });
      stage.deploy();
      const call = stage.call(inNode, 'outbound');
      const before = call.call.info.id;
      registry.rename(call.call, `${before}-named`);
      await first(stage.threads).begin();
      assert.deepEqual(first(stage.threads).opened, [before]);
      assert.deepEqual(first(stage.threads).toldOf(call.n), ['open', 'named']);
      assert.equal(stage.pool.houseOf(`${before}-named`)?.number, 1);
    });
  });

  describe('knows where a call lives', () => {
    it('while it lives, and afterwards as long as the worker does', async () => {
      const inNode = stage.inNode({ workers: 2 });
      await stage.run();
      const calls = [stage.call(inNode), stage.call(inNode)];
      const ids = calls.map(({ call }) => call.info.id);
      const houses = (): (number | undefined)[] => ids.map((id) => stage.pool.houseOf(id)?.number);
      assert.deepEqual(houses(), [1, 2]);
      calls[1]?.call.end('caller-hangup');
      assert.deepEqual(houses(), [1, 2]);
      await stage.threads[1]?.isLost('crashed', '');
      assert.deepEqual(houses(), [1, undefined]);
      assert.equal(stage.pool.houseOf('unknown'), undefined);
    });

    it('while it waits for a worker, too: what a flow sends to it arrives when there is one', async () => {
      const inNode = stage.inNode({ workers: 1 });
      stage.deploy();
      const { call } = stage.call(inNode);
      const home = stage.pool.homeOf(call.info.id);
      assert.deepEqual([home?.gone, home?.runs('x'), home?.runs('y')], [false, true, false]);
      home?.send({ t: 'deliver', node: ['x'], msg: { payload: 'early' } });
      await first(stage.threads).begin();
      const told = first(stage.threads).sent.map((item) => item.t);
      assert.deepEqual(told.slice(0, 2), ['open', 'deliver']);
      assert.equal(stage.pool.homeOf(call.info.id), stage.pool.houseOf(call.info.id));
      assert.equal(stage.pool.homeOf('unknown'), undefined);
    });

    it('and a worker runs what is not a proxy there', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run();
      const house = stage.pool.houseOf(stage.call(inNode).call.info.id);
      assert.equal(house?.runs('x'), true);
      assert.equal(house?.runs('y'), false);
      assert.equal(house?.gone, false);
    });

    it('a report goes where the call lived, else to a worker of the newest flow, else nowhere', async () => {
      const inNode = stage.inNode({ workers: 1 });
      assert.equal(stage.pool.tellAfterwards('in', 'call.recording', {}, infoOf('nobody')), false);
      const old = first(await stage.run('old'));
      const call = stage.call(inNode).stream();
      const id = call.call.info.id;
      const young = first(await stage.run('new'));
      call.call.end('caller-hangup');
      const told = (thread: FakeThread): string[] =>
        thread.sent.flatMap((item) => (item.t === 'afterwards' ? [item.info.id] : []));
      assert.equal(stage.pool.tellAfterwards('in', 'call.recording', {}, infoOf(id)), true);
      assert.deepEqual([told(old), told(young)], [[id], []]);
      mock.timers.tick(LAST_WORDS_MS);
      await old.isStopped();
      assert.equal(stage.pool.tellAfterwards('in', 'call.recording', {}, infoOf(id)), true);
      assert.deepEqual([told(old), told(young)], [[id], [id]]);
    });

    it('somebody is told when the first call comes to a worker, and when the last has had its last words', async () => {
      const inNode = stage.inNode({ workers: 2 });
      await stage.run();
      const calls = [stage.call(inNode), stage.call(inNode)];
      assert.equal(stage.occupied.at(-1), true);
      for (const { call } of calls) call.end('caller-hangup');
      assert.equal(stage.occupied.at(-1), true);
      mock.timers.tick(LAST_WORDS_MS);
      assert.equal(stage.occupied.at(-1), false);
    });
  });

  describe('when the flows are stopped', () => {
    it('ends all threads, those that start among them, and starts anew with the flows', async () => {
      const inNode = stage.inNode({ workers: 1 });
      await stage.run('flow');
      stage.deploy('next');
      stage.pool.stopped();
      assert.deepEqual(states(), ['stopping', 'stopping']);
      for (const thread of stage.threads) await thread.isStopped();
      assert.deepEqual(stage.pool.count(), { threads: 0, generations: 0, calls: 0 });
      inNode.deploy();
      await stage.run('next');
      stage.call(inNode);
      assert.deepEqual(stage.spread, [0, 0, 1]);
    });

    it('a call that is still being ended keeps its worker until then', async () => {
      const inNode = stage.inNode({ workers: 1 });
      const [thread] = await stage.run();
      const call = stage.call(inNode).stream();
      stage.pool.stopped();
      assert.equal(thread?.state, 'ready');
      call.call.end('shutdown');
      mock.timers.tick(LAST_WORDS_MS);
      assert.equal(thread?.state, 'stopping');
    });

    it('no thread is tried again then', async () => {
      stage.inNode({ workers: 1 });
      stage.deploy('broken');
      await first(stage.threads).failToBegin('it is broken');
      stage.pool.stopped();
      mock.timers.tick(120_000);
      assert.equal(stage.threads.length, 1);
    });
  });

  describe('for tests', () => {
    it('tells when all have started or failed', async () => {
      stage.inNode({ workers: 2 });
      let told = false;
      stage.deploy();
      void stage.pool.settled().then(() => (told = true));
      await stage.threads[0]?.begin();
      assert.equal(told, false);
      await stage.threads[1]?.begin();
      assert.equal(told, true);
      await stage.pool.settled();
    });

    it('tells it where the only one fails, and where there is none', async () => {
      await stage.pool.settled();
      stage.inNode({ workers: 1 });
      stage.deploy();
      const told = stage.pool.settled();
      await stage.threads[0]?.failToBegin('it is broken');
      await told;
    });

    it('sums up what the workers count, whatever becomes of them meanwhile', async () => {
      stage.inNode({ workers: 2 });
      const [one, other] = await stage.run();
      const count = stage.pool.countInWorkers();
      for (const thread of [one, other]) assert.equal(thread?.sent.filter(({ t }) => t === 'count').length, 1);
      one?.says({ t: 'count', count: { calls: 2, sessions: 8 } });
      other?.says({ t: 'count', count: { calls: 1, sessions: 4 } });
      assert.deepEqual(await count, { calls: 3, sessions: 12 });
      const again = stage.pool.countInWorkers();
      one?.says({ t: 'count', count: { calls: 2 } });
      await other?.isLost('stuck', '');
      assert.deepEqual(await again, { calls: 2 });
    });
  });
});

function infoOf(id: string): FakeCall['call']['info'] {
  return {
    ...{ id, carrier: 'fake', direction: 'inbound', from: '', to: '', startedAt: 0, endedAt: 1, parameters: {} },
    media: { encoding: 'mulaw', sampleRate: 8000 },
  };
}
