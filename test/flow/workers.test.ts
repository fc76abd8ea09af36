import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { CallReport } from '../../simulators/phone/report';
import type { CallerStep } from '../../simulators/phone';
import { IN, OUT } from '../support/carriers';
import { change, example } from '../support/example';
import { catchAll, insert } from '../support/flows';
import { pool, until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';
const APOLOGY = 'Sorry, I am having trouble right now. Could you say that again?';
/** From the failure of its worker to the apology, ms; and from the caller's last sound to the words that make it fail. */
const APOLOGY_MS = 2_000;
const HEARD_MS = 600;

/** What brings a thread down, in a Function node. */
const FAULTS = {
  crashed: `Promise.resolve().then(() => { throw new Error('boom'); });`,
  stuck: `for (;;) {}`,
  memory: `const all = []; for (;;) all.push(new Array(100000).fill(all.length));`,
};

describe('calls in worker threads (example 01)', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());
  beforeEach(() => {
    const { openai } = stage.world;
    openai.requests.length = 0;
    openai.replies.splice(0, Infinity, { match: 'sunday', reply: 'Yes, from ten to four.' });
    stage.nodeRed.forget();
  });
  afterEach(() => stage.nothingIsLeft());

  const flow = (more: Record<string, unknown> = {}): FlowNode[] =>
    change(stage.prepare(example('01')), IN, { runIn: 'workers', workers: 2, ...more });

  const ASKS: CallerStep[] = [
    { waitForSilence: 500 },
    { say: 'Do you open on Sunday' },
    { waitForSilence: 500 },
    { hangUp: true },
  ];

  function wasAnswered(report: CallReport): void {
    wentWell(report);
    heard(report, GREETING, 'Yes, from ten to four.');
  }

  it('caller is greeted, asks, and is answered', async () => {
    await stage.deploy(flow());
    wasAnswered(await stage.call(ASKS));
  });

  for (const [cause, func] of Object.entries(FAULTS)) {
    it(`a Function node brings down the thread of one call (${cause}): its caller hears the apology, the others notice nothing`, async () => {
      const faulty = `if (msg.topic === 'transcript' && /fail/.test(msg.payload)) { ${func} } return msg;`;
      const told = insert(catchAll(flow({ workerMemory: 64 })), 'deepgram-stt', {
        ...{ func: faulty, outputs: 1, timeout: 0, initialize: '', finalize: '', libs: [], name: 'Faulty' },
      });
      await stage.deploy(told);
      const unlucky = stage.ring([{ waitForSilence: 500 }, { say: 'Now please fail' }]);
      const other = stage.ring([
        ...[{ waitForSilence: 700 }, { say: 'Do you open on Sunday' }, { waitForSilence: 500 }],
        ...[{ say: 'On Sunday, really' }, { waitForSilence: 500 }, { hangUp: true as const }],
      ]);
      const report = await unlucky.ended;
      assert.equal(plain(report.heardText), plain(`${GREETING} ${APOLOGY} Goodbye.`));
      assert.notEqual(report.endedBy, 'caller');
      assert.deepEqual(report.findings, []);
      assert.ok((report.turns[0]?.latencyMs ?? Infinity) < HEARD_MS + APOLOGY_MS, JSON.stringify(report.turns));
      const luckier = await other.ended;
      wentWell(luckier);
      heard(luckier, GREETING, 'Yes, from ten to four.', 'Yes, from ten to four.');
      for (const { latencyMs } of luckier.turns)
        assert.ok((latencyMs ?? Infinity) < 1_000, JSON.stringify(luckier.turns));

      const error = await stage.nodeRed.message('errors', (msg) => msg.provider === 'workers');
      assert.equal((error.call as { id: string }).id, report.callId);
      assert.equal(error.code, cause);
      await until('another thread is in its place', () => pool().count().threads === 2);
    }).timeout(40_000);
  }

  it('a call in each thread: when all have theirs, the next caller hears that the lines are busy', async () => {
    await stage.deploy(flow({ callsPerWorker: 1 }));
    const calls = [stage.ring(ASKS), stage.ring(ASKS)];
    for (const call of calls) await call.heard((word) => word.text === 'help');
    assert.equal(pool().count().threads, 2);
    const busy = await stage.call([]);
    assert.equal(plain(busy.heardText), 'all lines are busy please call again later');
    for (const call of calls) wasAnswered(await call.ended);
    wasAnswered(await stage.call(ASKS));
  }).timeout(40_000);

  it('a Deploy: calls under way finish on the flow that they began on, new calls are on the new one', async () => {
    const old = change(flow(), 'llm-agent', { instructions: 'Old prompt.' });
    await stage.deploy(old);
    const before = stage.ring([
      ...[{ waitForSilence: 500 }, { say: 'Do you open on Sunday' }, { waitForSilence: 3_000 }],
      ...[{ say: 'On Sunday, really' }, { waitForSilence: 500 }, { hangUp: true as const }],
    ]);
    await before.heard((_word, text) => plain(text).endsWith('ten to four'));
    await stage.deploy(change(old, OUT, { x: 900 }));
    assert.equal(pool().count().generations, 1, 'to move a node changes nothing that runs');
    await stage.deploy(change(old, 'llm-agent', { instructions: 'New prompt.' }));
    assert.equal(pool().count().generations, 2);
    const after = stage.ring(ASKS);
    const reports = [await before.ended, await after.ended] as const;
    heard(reports[0], GREETING, 'Yes, from ten to four.', 'Yes, from ten to four.');
    for (const report of reports) wentWell(report);
    wasAnswered(reports[1]);
    const prompts = stage.world.openai.requests.map(({ instructions }) => instructions);
    assert.deepEqual(prompts.sort(), ['New prompt.', 'Old prompt.', 'Old prompt.']);
    await until('the old threads have ended', () => pool().count().generations === 1);
    assert.equal(pool().count().threads, 2);
  }).timeout(40_000);

  it('a new flow that is broken takes no calls: the old one goes on, and the ops person is told why', async () => {
    const old = change(flow(), 'llm-agent', { instructions: 'Old prompt.' });
    await stage.deploy(old);
    const broken = insert(catchAll(change(old, 'llm-agent', { instructions: 'New prompt.' })), 'deepgram-stt', {
      ...{ func: 'return msg; }', outputs: 1, timeout: 0, initialize: '', finalize: '', libs: [], name: 'Broken' },
    });
    await stage.deploy(broken);
    const error = await stage.nodeRed.message('errors', (msg) => msg.provider === 'workers');
    assert.match(String((error.error as { message?: unknown }).message), /function Broken: Unexpected token/);
    wasAnswered(await stage.call(ASKS));
    assert.deepEqual(
      new Set(stage.world.openai.requests.map(({ instructions }) => instructions)),
      new Set(['Old prompt.']),
    );
    await stage.deploy(change(old, 'llm-agent', { instructions: 'New prompt.' }));
    wasAnswered(await stage.call(ASKS));
    assert.equal(stage.world.openai.requests.at(-1)?.instructions, 'New prompt.');
  }).timeout(40_000);

  it('the flows are stopped: callers hear goodbye, and no thread is left; started again they take calls', async () => {
    await stage.deploy(flow());
    const call = stage.ring([]);
    await call.heard((word) => word.text === 'help');
    await stage.nodeRed.state('stop');
    const report = await call.ended;
    assert.match(plain(report.heardText), / goodbye$/);
    await until('no thread is left', () => pool().count().threads === 0, 10_000);
    await stage.nodeRed.state('start');
    await until('there are threads again', () => pool().count().threads === 2);
    await pool().settled();
    wasAnswered(await stage.call(ASKS));
  }).timeout(40_000);
});
