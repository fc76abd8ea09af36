import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { CallerStep, PhoneCall } from '../../simulators/phone';
import type { CallReport } from '../../simulators/phone/report';
import { IN, OUT } from '../support/carriers';
import { change, example, the } from '../support/example';
import { insert, intoSubflow, random, sinkAt } from '../support/flows';
import { byPlace, onlyIn } from '../support/run-in';
import { heart, until } from '../support/runtime';
import type { DeployType, FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';
const TYPES: DeployType[] = ['full', 'flows', 'nodes'];
/** In worker threads each starts two of them. */
const DEPLOYS = byPlace('Deploy in mid-call', { runtime: 20, workers: 6 });
const PEOPLE = 5;
const TURNS = 7;

/** What an ops person changes while people talk; each keeps what the ones before it changed. */
const CHANGES: ((flow: FlowNode[], n: number) => FlowNode[])[] = [
  (flow, n) => change(flow, 'llm-agent', { instructions: `Prompt number ${n}.` }),
  (flow, n) => change(flow, 'cartesia-tts', { voice: `voice-${n}` }),
  (flow, n) => change(flow, 'openai-account', { name: `Account ${n}` }),
  (flow, n) => change(flow, OUT, { x: 900 + n }),
  (flow, n) =>
    flow.map((node) =>
      node.type === 'deepgram-stt' ? { ...node, wires: [[...(node.wires?.[0] ?? [])].reverse()], y: 140 + n } : node,
    ),
  (flow, n) => change(flow, IN, { maxDuration: 30 + n }),
  (flow, n) => change(flow, 'deepgram-stt', { keyterms: `Acme${n}` }),
];

describe('Deploy while people talk', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());
  beforeEach(() => {
    stage.world.openai.requests.length = 0;
    stage.nodeRed.forget();
  });
  afterEach(() => stage.nothingIsLeft());

  const script = (person: number, silenceMs: number): CallerStep[] => [
    { waitForSilence: silenceMs, timeoutMs: 20_000 },
    ...Array.from({ length: TURNS }, (_, turn): CallerStep[] => [
      { say: `Person${person} asks question${turn}` },
      { waitForSilence: silenceMs, timeoutMs: 20_000 },
    ]).flat(),
    { hangUp: true },
  ];

  /**
   * Five people talk while the flow is deployed again and again, at moments drawn by the seed.
   * @param silenceMs after what silence the people take their turn: more than the longest Deploy
   */
  async function deployDuring(
    flow: FlowNode[],
    seed: number,
    pauseMs: number,
    silenceMs = 400,
  ): Promise<{ reports: CallReport[]; flow: FlowNode[] }> {
    const draw = random(seed);
    await stage.deploy(flow);
    const calls = Array.from({ length: PEOPLE }, (_, i) => stage.ring(script(i + 1, silenceMs)));
    let current = flow;
    for (let n = 1; n <= DEPLOYS; n++) {
      await new Promise((resolve) => setTimeout(resolve, draw() * 2 * pauseMs));
      const alter = CHANGES[n % CHANGES.length];
      current = alter?.(current, n) ?? current;
      await stage.deploy(current, TYPES[n % TYPES.length]);
    }
    return { reports: await Promise.all(calls.map((call) => call.ended)), flow: current };
  }

  function nobodyNoticed(reports: CallReport[]): void {
    for (const [i, report] of reports.entries()) {
      wentWell(report);
      assert.equal(report.endedBy, 'caller');
      assert.equal(report.streams.length, 1, 'the stream was never lost');
      const answers = Array.from({ length: TURNS }, (_, turn) => `You said: Person${i + 1} asks question${turn}.`);
      heard(report, GREETING, ...answers);
      assert.deepEqual(
        report.heard.filter((word) => word.cut || word.brokenMs > 0 || word.fromMs > 0).map(({ text }) => text),
        [],
        'no word was cut',
      );
    }
    const said = stage.nodeRed.received('turns').map((msg) => plain((msg.payload as { user?: string }).user ?? ''));
    for (let person = 1; person <= PEOPLE; person++) {
      for (let turn = 0; turn < TURNS; turn++) {
        const words = `person${person} asks question${turn}`;
        assert.equal(said.filter((text) => text === words).length, 1, `"${words}" is in one transcript`);
      }
    }
  }

  const whatCounts = byPlace('Deploy in mid-call', {
    runtime: 'the next turn uses the new setting',
    workers: 'each call goes on as it began',
  });
  it(`${DEPLOYS} times at random moments: no call drops, no word is lost or said twice, ${whatCounts}`, async () => {
    const flow = sinkAt(stage.prepare(example('01')), 'llm-agent', 2, 'turns');
    const { reports, flow: last } = await deployDuring(flow, 7, 1000);
    nobodyNoticed(reports);
    const prompts = stage.world.openai.requests.map(({ instructions }) => instructions);
    const voices = new Set(stage.world.cartesia.contexts.map(({ voice }) => voice));
    byPlace('Deploy in mid-call', {
      runtime: () => {
        const now = the(last, 'llm-agent').instructions;
        assert.equal(prompts.at(-1), now, 'the last turn was answered with the prompt that was deployed last');
        assert.ok(voices.size > 1, 'a changed voice was used');
      },
      workers: () => {
        assert.deepEqual(
          prompts.filter((prompt) => prompt.startsWith('Prompt number')),
          [],
        );
        assert.equal(voices.size, 1);
      },
    })();
  }).timeout(120_000);

  it('the same with a foreign node in the chain that takes a second to close', async () => {
    const flow = sinkAt(stage.prepare(example('01')), 'llm-agent', 2, 'turns');
    const slow = insert(flow, 'deepgram-stt', { type: 'test-slow-close' });
    const { reports } = await deployDuring(insert(slow, 'cartesia-tts', { type: 'test-slow-close' }), 11, 700, 1_500);
    nobodyNoticed(reports);
  }).timeout(120_000);

  it('the same inside a subflow instance', async () => {
    const flow = intoSubflow(sinkAt(stage.prepare(example('01')), 'llm-agent', 2, 'turns'));
    const { reports } = await deployDuring(flow, 23, 1000);
    nobodyNoticed(reports);
  }).timeout(120_000);

  onlyIn('runtime', 'Deploy in mid-call', () => {
    it('the prompt that is deployed while the agent speaks is used in the next turn', async () => {
      const flow = stage.prepare(example('01'));
      await stage.deploy(flow);
      const call = stage.ring([
        { waitForSilence: 400 },
        { say: 'Question one' },
        { waitForSilence: 400 },
        { hangUp: true },
      ]);
      await call.heard((word) => word.text.startsWith('Hello'));
      await stage.deploy(change(flow, 'llm-agent', { instructions: 'You are new here.' }), 'nodes');
      wentWell(await call.ended);
      assert.equal(stage.world.openai.requests.at(-1)?.instructions, 'You are new here.');
    });
  });
});

describe('what is deleted, disabled or stopped', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());
  afterEach(async () => {
    await stage.nodeRed.state('start').catch(() => undefined);
    await stage.nothingIsLeft();
  });

  const talking = async (flow: FlowNode[]): Promise<PhoneCall> => {
    await stage.deploy(flow);
    const call = stage.ring([]);
    await call.heard((_word, text) => plain(text).endsWith('help you'));
    return call;
  };

  const goodbye = (report: CallReport): void => {
    const words = report.heard.filter(({ source }) => source === 'carrier').map(({ text }) => text);
    assert.equal(plain(words.join(' ')), 'goodbye', `heard: ${report.heardText}`);
    assert.notEqual(report.endedBy, 'caller');
    assert.equal(report.status, 'completed');
  };

  onlyIn('runtime', 'Deploy in mid-call', () => {
    it('deleting llm-agent ends what it held, and the call goes on', async () => {
      const flow = stage.prepare(example('01'));
      const call = await talking(flow);
      const agent = flow.find(({ type }) => type === 'llm-agent')?.id ?? '';
      const sessions = (): string[] =>
        heart()
          .registry.all()
          .flatMap((one) => [...one.sessions.keys()]);
      assert.ok(sessions().includes(agent));
      await stage.deploy(
        flow
          .filter(({ id }) => id !== agent)
          .map((node) => ({ ...node, wires: node.wires?.map((to) => to.filter((id) => id !== agent)) })),
        'nodes',
      );
      assert.ok(!sessions().includes(agent));
      assert.equal(call.isOver, false);
      call.hangUp();
      await call.ended;
    });

    it(`deleting ${IN} says goodbye to its calls`, async () => {
      const flow = stage.prepare(example('01'));
      const call = await talking(flow);
      await stage.deploy(flow.filter(({ type }) => type !== IN));
      goodbye(await call.ended);
    });

    it(`disabling ${IN} says goodbye to its calls`, async () => {
      const flow = stage.prepare(example('01'));
      const call = await talking(flow);
      await stage.deploy(change(flow, IN, { d: true }), 'nodes');
      goodbye(await call.ended);
    });

    it('disabling its tab says goodbye to its calls', async () => {
      const flow = stage.prepare(example('01'));
      const call = await talking(flow);
      await stage.deploy(change(flow, 'tab', { disabled: true }), 'flows');
      goodbye(await call.ended);
    });

    it('deleting the subflow instance that holds it says goodbye to its calls', async () => {
      const flow = intoSubflow(stage.prepare(example('01')));
      const call = await talking(flow);
      await stage.deploy(
        flow.filter(({ id }) => id !== 'instance000001'),
        'nodes',
      );
      goodbye(await call.ended);
    });
  });

  it('stopping the flows says goodbye to the calls', async () => {
    const call = await talking(stage.prepare(example('01')));
    await stage.nodeRed.state('stop');
    goodbye(await call.ended);
    await until('the call has ended here too', () => heart().registry.count().calls === 0);
  });
});
