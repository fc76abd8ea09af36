/** What a flow asks of an agent while people talk: example 01, and keys that the caller presses. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { OpenAiRequest } from '../../simulators/openai';
import { IN } from '../support/carriers';
import { change, example, the } from '../support/example';
import { catchAll, sinkAt } from '../support/flows';
import { onlyIn } from '../support/run-in';
import { until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';
const TERMS = 'These are our terms, and you must hear all of them before you can order.';
const NUMBER = 'Your number is seven.';
const NOTE = 'We close in ten minutes.';
const LONG = Array.from({ length: 60 }, (_, i) => `word${i + 1}`).join(' ');

/** By key: what the flow sends, to the agent; or, of key 4, straight to the text-to-speech. */
const ORDERS = {
  1: { topic: 'interrupt', payload: { reason: 'operator' } },
  2: { topic: 'agent.respond', payload: { text: 'the terms', interruptible: false } },
  3: { topic: 'agent.reset', payload: '' },
  4: { topic: 'queue', payload: NUMBER },
  5: { topic: 'agent.say', payload: NOTE },
};

describe('a flow and its agent', () => {
  let stage: Stage;
  let flows: FlowNode[];

  before(async () => {
    stage = await Stage.set();
    const row = sinkAt(catchAll(stage.prepare(example('01'))), 'llm-agent', 2, 'turns');
    const agent = the(row, 'llm-agent');
    const keys: FlowNode = {
      ...{ id: 'keys', type: 'function', z: agent.z, name: 'keys', outputs: 2, x: 300, y: 500 },
      func: `const order = msg.topic === 'call.dtmf' && ${JSON.stringify(ORDERS)}[msg.payload];
             if (!order) return null;
             const told = { ...order, call: msg.call };
             return order.topic === 'queue' ? [null, told] : [told, null];`,
      wires: [[agent.id], [the(row, 'cartesia-tts').id]],
    };
    flows = [
      ...row.map((node) => (node.type === IN ? { ...node, wires: [node.wires?.[0] ?? [], ['keys']] } : node)),
      keys,
    ];
  });
  after(() => stage.strike());
  beforeEach(async () => {
    stage.world.openai.requests.length = 0;
    stage.world.openai.replies.length = 0;
    stage.world.openai.replies.push(
      { match: 'everything', reply: LONG, tokenMs: 60 },
      { match: 'the terms$', reply: TERMS },
      { match: 'first', reply: 'That was the first.' },
      { match: 'second', reply: 'That was the second.' },
    );
    stage.nodeRed.forget();
    await stage.deploy(flows);
  });
  afterEach(() => stage.nothingIsLeft());

  const request = (index: number): OpenAiRequest | undefined => stage.world.openai.requests[index];
  const told = (index: number): string[] => (request(index)?.messages ?? []).map(({ text }) => plain(text));
  const turns = (): { user: string; agent: { heard: string; cut: boolean } }[] =>
    stage.nodeRed
      .received('turns')
      .filter(({ topic }) => topic === 'turn')
      .map(({ payload }) => payload as { user: string; agent: { heard: string; cut: boolean } });
  const noErrors = (): void => assert.deepEqual(stage.nodeRed.received('errors'), []);

  it('interrupts it: silence at once, the request closed at the model, the history cut; and the talk goes on', async () => {
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'Tell me everything' },
      { waitFor: 'word5' },
      { press: '1' },
      { pause: 1_500 },
      { say: 'The second question' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    assert.equal(request(0)?.aborted, true);
    assert.ok(plain(report.heardText).endsWith('that was the second'), report.heardText);
    assert.ok(!plain(report.heardText).includes('word30'), report.heardText);
    const [first] = turns();
    assert.equal(first?.agent.cut, true);
    assert.ok(
      told(1).some((text) => text.startsWith('word1 word2') && !text.includes('word30')),
      told(1).join('|'),
    );
    noErrors();
  });

  it('has it say what must be heard: to its end, though the caller talks; the words meanwhile are answered next', async () => {
    const report = await stage.call([
      { waitForSilence: 500 },
      { press: '2' },
      { interruptAfterWords: 3, say: 'My first question' },
      { waitFor: 'the first' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    heard(report, GREETING, TERMS, 'That was the first.');
    assert.equal(report.clears.length, 0);
    assert.deepEqual(told(1).slice(-2), [plain(TERMS), 'my first question']);
    noErrors();
  });

  it('has it forget, in the midst of an answer: the next is made of this turn and itself', async () => {
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'My first question' },
      { waitFor: 'that was' },
      { press: '3' },
      { waitForSilence: 500 },
      { say: 'The second question' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    heard(report, GREETING, 'That was the first.', 'That was the second.');
    const instructions = request(1)?.messages.filter(({ role }) => role === 'developer').length ?? 0;
    assert.deepEqual(told(1).slice(instructions), ['my first question', 'that was the first', 'the second question']);
    noErrors();
  });

  it('speaks itself, by the text-to-speech and by the agent: each is heard once, and the model knows of both', async () => {
    const report = await stage.call([
      { waitForSilence: 500 },
      { press: '4' },
      { waitFor: 'seven' },
      { press: '5' },
      { waitFor: 'minutes' },
      { waitForSilence: 500 },
      { say: 'The second question' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    heard(report, GREETING, NUMBER, NOTE, 'That was the second.');
    assert.deepEqual(told(0).slice(-4), [GREETING, NUMBER, NOTE, 'The second question'].map(plain)); // prettier-ignore
    noErrors();
  });

  onlyIn('runtime', 'Deploy in mid-call', () => {
    it('loses it by a Deploy in the midst of an answer: the request is closed, and the call goes on', async () => {
      const call = stage.ring([
        { waitForSilence: 500 },
        { say: 'Tell me everything' },
        { waitFor: 'word2' },
        { pause: 4_000 },
        { say: 'Are you there' },
        { waitFor: 'are you there' },
        { hangUp: true },
      ]);
      await until('the model is at work', () => (request(0)?.textSent ?? '').includes('word12'), 15_000);
      const agent = the(flows, 'llm-agent');
      const parrot = flows
        .filter((node) => node !== agent)
        .map((node) => (node.type === 'deepgram-stt' ? { ...node, wires: agent.wires?.slice(0, 1) ?? [] } : node))
        .map((node) => (node.id === 'keys' ? { ...node, wires: [[], []] } : node));
      await stage.deploy(parrot);
      await until('the request is aborted', () => request(0)?.aborted === true);
      const report = await call.ended;
      wentWell(report);
      assert.ok(plain(report.heardText).endsWith('are you there'), report.heardText);
      assert.ok(!plain(report.heardText).includes('word50'));
    });

    it('gives it a wrong option: the caller is asked to say it again, Catch knows why, and a Deploy puts it right', async () => {
      await stage.deploy(change(flows, 'llm-agent', { options: '{"temprature": 1}' }));
      const call = stage.ring([
        { waitForSilence: 500 },
        { say: 'My first question' },
        { waitFor: 'say that again' },
        { waitForSilence: 2_500 },
        { say: 'The second question' },
        { waitFor: 'the second' },
        { hangUp: true },
      ]);
      await until('an error', () => stage.nodeRed.received('errors').length > 0, 15_000);
      await stage.deploy(flows);
      wentWell(await call.ended);
      const [error] = stage.nodeRed.received('errors') as { cause: string; error: { message: string } }[];
      assert.equal(error?.cause, 'bad-request');
      assert.match(error?.error.message ?? '', /temprature.* - check the settings of this node/);
    });
  });
});
