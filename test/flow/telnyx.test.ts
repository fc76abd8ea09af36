/**
 * What only Telnyx does, on example 01 with its ends exchanged. The stories that every carrier can tell are in the other files, which run
 * on Telnyx too (CARRIER=telnyx).
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { Call, CallReport, CallerScript, RingOptions } from '../../simulators/telnyx';
import { change, example } from '../support/example';
import { catchAll, onTelnyx, sinkAt } from '../support/flows';
import { onlyIn } from '../support/run-in';
import { heart, until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { plain, Stage } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';
const LONG = Array.from({ length: 40 }, (_, i) => `word${i + 1}`).join(' ');

describe('a phone number at Telnyx answers (example 01, its ends exchanged)', () => {
  let stage: Stage;
  let flows: FlowNode[];
  before(async () => {
    stage = await Stage.set();
    flows = sinkAt(catchAll(stage.prepare(onTelnyx(example('01')))), 'telnyx-in', 1, 'events');
  });
  after(() => stage.strike());
  beforeEach(async () => {
    stage.world.openai.requests.length = 0;
    stage.world.openai.replies.length = 0;
    stage.nodeRed.forget();
    await stage.deploy(flows);
  });
  afterEach(async () => {
    await stage.nothingIsLeft();
    assert.equal(heart().registry.count().opened, heart().registry.count().ended);
  });

  const ring = (script: CallerScript, options: Partial<RingOptions> = {}): Call =>
    stage.world.telnyx.ring({ webhookUrl: `${stage.nodeRed.url}/telnyx/voice`, script, ...options });
  const told = (): { role: string; text: string }[] =>
    (stage.world.openai.requests.at(-1)?.messages ?? []).filter(({ role }) => role === 'user' || role === 'assistant');
  const topics = (): unknown[] => stage.nodeRed.received('events').map(({ topic }) => topic);
  const wentWell = (report: CallReport): void => {
    assert.equal(report.failure, undefined, `${report.failure ?? ''} - heard: "${report.heardText}"`);
    assert.deepEqual(report.findings, []);
    assert.deepEqual(stage.nodeRed.received('errors'), []);
  };
  const TALK: CallerScript = [
    { waitForSilence: 500 },
    { say: 'Do you open on Sunday' },
    { waitForSilence: 500 },
    { say: 'And on Monday' },
    { waitForSilence: 500 },
    { hangUp: true },
  ];
  const talk = async (options: Partial<RingOptions> = {}): Promise<CallReport> => {
    stage.world.openai.replies.push(
      { match: 'sunday', reply: 'Yes, from ten to four.' },
      { match: 'monday', reply: 'On Monday, we are closed.' },
    );
    const report = await ring(TALK, options).ended;
    wentWell(report);
    const all = `${GREETING} Yes, from ten to four. On Monday, we are closed.`;
    assert.equal(plain(report.heardText), plain(all));
    assert.deepEqual(
      told().map(({ role, text }) => [role, plain(text)]),
      [
        ['assistant', plain(GREETING)],
        ['user', 'do you open on sunday'],
        ['assistant', 'yes from ten to four'],
        ['user', 'and on monday'],
      ],
    );
    return report;
  };

  it('caller is greeted, asks, is answered, asks again: the model gets the whole conversation', async () => {
    await talk();
    await stage.nodeRed.message('events', ({ topic }) => topic === 'call.ended');
    const kept = topics();
    assert.equal(kept[0], 'call.started');
    assert.equal(kept.at(-1), 'call.ended');
    assert.equal(kept.filter((topic) => topic === 'playback.finished').length, 3);
  });

  it('and just so where frames come out of order, webhooks twice and late, from far away', async () => {
    await talk({
      framesOutOfOrder: true,
      webhooks: { duplicate: true, late: { 'call.answered': 700, 'streaming.started': 400 } },
      network: { delayMs: 30, jitterMs: 10 },
    });
    await stage.nodeRed.message('events', ({ topic }) => topic === 'call.ended');
    assert.equal(topics().filter((topic) => topic === 'call.started').length, 1);
    assert.equal(topics().filter((topic) => topic === 'call.ended').length, 1);
  });

  it('a key that is told twice is pressed once', async () => {
    for (const dtmf of ['both', 'socket', 'webhook'] as const) {
      stage.nodeRed.forget();
      const report = await ring([{ waitForSilence: 400 }, { press: '1#1' }, { pause: 300 }, { hangUp: true }], { dtmf }).ended; // prettier-ignore
      wentWell(report);
      const keys = stage.nodeRed.received('events').filter(({ topic }) => topic === 'call.dtmf');
      assert.deepEqual(keys.map(({ payload }) => payload), ['1', '#', '1'], dtmf); // prettier-ignore
    }
  });

  it('caller hangs up in the middle of a reply: nothing stays open on either side', async () => {
    stage.world.openai.replies.push({ match: 'story', reply: LONG, tokenMs: 100 });
    const call = ring([{ waitForSilence: 400 }, { say: 'Tell me a story' }, { waitForWords: 3 }, { hangUp: true }]);
    const report = await call.ended;
    wentWell(report);
    await until('the model is let go', () => stage.world.openai.requests.at(-1)?.aborted === true || stage.world.openai.open.requests === 0); // prettier-ignore
    const end = await stage.nodeRed.message('events', ({ topic }) => topic === 'call.ended');
    assert.equal((end.payload as { reason: string }).reason, 'caller-hangup');
    const cut = stage.nodeRed.received('events').findLast(({ topic }) => topic === 'playback.interrupted');
    assert.equal((cut?.payload as { reason: string }).reason, 'call-ended');
  });

  onlyIn('runtime', 'Deploy in mid-call', () => {
    it('the agent is edited while people talk, and the node is taken away: the caller hears the goodbye', async () => {
      stage.world.openai.replies.push({ match: 'sunday', reply: LONG });
      const call = ring([{ waitForSilence: 500 }, { say: 'Do you open on Sunday' }]);
      await call.heard((word) => word.text === 'word3');
      await stage.deploy(change(flows, 'llm-agent', { instructions: 'Be brief.' }), 'full');
      await call.heard((word) => word.text === 'word12');
      await stage.deploy(flows.filter(({ type }) => type !== 'telnyx-in'));
      const report = await call.ended;
      assert.match(plain(report.heardText), / goodbye$/);
      // Who asks for the node after that finds none.
      const { findings } = report;
      assert.deepEqual(findings.filter(({ message }) => !/(streaming.stopped|call.hangup) was answered 404/.test(message)), []); // prettier-ignore
    });
  });

  it('the flows are stopped: the caller hears the goodbye and is hung up', async () => {
    const call = ring([]);
    await call.heard((word) => word.text === 'help');
    await stage.nodeRed.state('stop');
    const report = await call.ended;
    assert.match(plain(report.heardText), / goodbye$/);
    assert.deepEqual([report.endedBy, report.commands.map(({ name }) => name)], ['application', ['answer', 'speak', 'hangup']]); // prettier-ignore
    await stage.nodeRed.state('start');
  });

  it('a TTS that fails is stood in for by the voice of Telnyx, and the caller talks on', async () => {
    // With an apology of which no clip can have been kept.
    await stage.deploy(change(flows, 'llm-agent', { apology: 'Nobody has ever said this.' }));
    stage.world.cartesia.faults.add({ kind: 'status', status: 402, times: 'always' });
    const call = ring([]);
    await call.heard((_word, text) => /hold the line/i.test(text));
    stage.world.cartesia.faults.clear();
    stage.world.openai.replies.push({ match: 'there', reply: 'Yes, I am.' });
    await call.perform({ say: 'Are you there' }, { waitFor: 'yes I am' }, { hangUp: true });
    const report = await call.ended;
    assert.deepEqual(report.findings, []);
    assert.equal(report.streams.length, 1);
  });
});

describe('example 07', () => {
  it('is example 01 with its ends exchanged', () => {
    const nodes = (flow: readonly FlowNode[]): unknown[] =>
      flow
        .filter(({ type }) => type !== 'tab' && type !== 'comment')
        .map(
          (node) =>
            JSON.parse(JSON.stringify(node).replaceAll(/va0\d/g, 'va').replaceAll('vatwilio', 'vatelnyx')) as object,
        ) // prettier-ignore
        .map((node) => ({ ...node, name: '' }));
    assert.deepEqual(nodes(example('07')), nodes(onTelnyx(example('01'))));
  });
});
