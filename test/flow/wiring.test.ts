import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { IN } from '../support/carriers';
import { change, example, the } from '../support/example';
import { insert, sinkAt } from '../support/flows';
import { heart, live, until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';
const ASK = [{ waitForSilence: 500 }, { say: 'Do you hear me' }, { waitForSilence: 700 }, { hangUp: true }] as const;

/** Sets the wires of a node's output. */
function wire(flows: readonly FlowNode[], type: string, output: number, to: string[]): FlowNode[] {
  return flows.map((node) =>
    node.type === type && node.wires ? { ...node, wires: node.wires.map((old, i) => (i === output ? to : old)) } : node,
  );
}

describe('wires that fork, join, loop and lead astray', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());
  beforeEach(() => {
    stage.world.openai.requests.length = 0;
    stage.world.openai.replies.length = 0;
    stage.nodeRed.forget();
  });
  afterEach(() => stage.nothingIsLeft());

  /** Example 01 with a second agent beside the first: an agent takes the caller's words off the wire, so the STT's forks. */
  function twoAgents(): FlowNode[] {
    const flow = stage.prepare(example('01'));
    const first = the(flow, 'llm-agent');
    const second = { ...first, id: 'second-agent', greeting: 'And I am Bob.', instructions: 'You are Bob.', y: 300 };
    return [...wire(flow, 'deepgram-stt', 0, [first.id, second.id]), second];
  }

  it('two agents on one call: both speak, one after the other, and each remembers only its own lines', async () => {
    await stage.deploy(twoAgents());
    stage.world.openai.replies.push(
      { match: 'hear me', matchInstructions: 'Bob', reply: 'Bob hears you.' },
      { match: 'hear me', reply: 'Acme hears you.' },
      { match: 'and now', matchInstructions: 'Bob', reply: 'Bob again.' },
      { match: 'and now', reply: 'Acme again.' },
    );
    const report = await stage.call([
      { waitForSilence: 600 },
      { say: 'Do you hear me' },
      { waitForSilence: 900 },
      { say: 'And now' },
      { waitForSilence: 900 },
      { hangUp: true },
    ]);
    wentWell(report);
    const text = plain(report.heardText);
    for (const line of [GREETING, 'And I am Bob.', 'Bob hears you.', 'Acme hears you.', 'Bob again.', 'Acme again.']) {
      assert.equal(text.split(plain(line)).length, 2, `"${line}" is heard once in: ${text}`);
    }
    for (const request of stage.world.openai.requests.slice(-2)) {
      const own = request.messages.filter(({ role }) => role === 'assistant').map((message) => plain(message.text));
      const bob = request.instructions.includes('Bob');
      assert.deepEqual(own, bob ? ['and i am bob', 'bob hears you'] : [plain(GREETING), 'acme hears you']);
    }
  });

  it('a barge-in stops both agents', async () => {
    await stage.deploy(twoAgents());
    const long = Array.from({ length: 30 }, (_, i) => `word${i + 10}`).join(' ');
    // For the agent whose reply was not heard yet, both things that the caller said are one turn.
    stage.world.openai.replies.push({ match: 'stop', reply: 'Stopped.' }, { match: 'everything', reply: long });
    const report = await stage.call([
      { waitForSilence: 600 },
      { say: 'Tell me everything' },
      { interruptAfterWords: 6, say: 'Stop please' },
      { waitForSilence: 900 },
      { hangUp: true },
    ]);
    wentWell(report);
    const words = plain(report.heardText).split(' ');
    assert.ok(words.filter((word) => word.startsWith('word')).length < 15, words.join(' '));
    assert.equal(words.filter((word) => word === 'stopped').length, 2, 'both answered what came next');
  });

  it('STT wired twice to one agent: one greeting, one answer', async () => {
    const flow = stage.prepare(example('01'));
    const agent = the(flow, 'llm-agent').id;
    const detour = insert(flow, 'deepgram-stt', { type: 'test-sink', name: 'detour' });
    const stt = the(detour, 'deepgram-stt');
    await stage.deploy(wire(detour, 'deepgram-stt', 0, [...(stt.wires?.[0] ?? []), agent, agent]));
    const report = await stage.call([...ASK]);
    wentWell(report);
    heard(report, GREETING, 'You said: Do you hear me.');
    assert.equal(stage.world.openai.requests.length, 1);
  });

  it('a ring of wires: no storm', async () => {
    const flow = stage.prepare(example('01'));
    const stt = the(flow, 'deepgram-stt').id;
    const tts = the(flow, 'cartesia-tts');
    const ring = sinkAt(wire(flow, 'cartesia-tts', 0, [...(tts.wires?.[0] ?? []), stt]), 'cartesia-tts', 0, 'around');
    await stage.deploy(ring);
    const report = await stage.call([...ASK]);
    wentWell(report);
    heard(report, GREETING, 'You said: Do you hear me.');
    assert.ok(
      stage.nodeRed.received('around').length < 400,
      `${stage.nodeRed.received('around').length} messages went round`,
    );
  });

  it('an agent with no STT before it: no echo', async () => {
    const flow = stage.prepare(example('01'));
    await stage.deploy(wire(flow, IN, 0, [the(flow, 'llm-agent').id]));
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'Do you hear me' },
      { pause: 800 },
      { hangUp: true },
    ]);
    wentWell(report);
    heard(report, GREETING);
  });

  it('a flow whose wires drop call.ended: no session 2 s later', async () => {
    const flow = insert(stage.prepare(example('01')), IN, {
      type: 'function',
      func: "return msg.topic === 'call.ended' ? null : msg;",
      outputs: 1,
    });
    await stage.deploy(flow);
    const report = await stage.call([...ASK]);
    wentWell(report);
    heard(report, GREETING, 'You said: Do you hear me.');
    await until('the call has ended', () => heart().registry.count().calls === 0);
    await until('no session is left', async () => (await live()).sessions === 0, 2_200);
  });

  it('a Function node that answers with msg.payload = answer; return msg: it is spoken', async () => {
    const flow = stage.prepare(example('01'));
    const tts = the(flow, 'cartesia-tts').id;
    const stt = the(flow, 'deepgram-stt');
    const answer: FlowNode = {
      id: 'answer',
      type: 'function',
      z: stt.z ?? '',
      func: "if (msg.topic === 'transcript') msg.payload = 'The answer is ' + msg.payload.split(' ').length;\nreturn msg;",
      outputs: 1,
      x: 500,
      y: 300,
      wires: [[tts]],
    };
    await stage.deploy([...wire(flow, 'deepgram-stt', 0, [answer.id]), answer]);
    const report = await stage.call([
      { pause: 400 },
      { say: 'One two three' },
      { waitForSilence: 600 },
      { hangUp: true },
    ]);
    wentWell(report);
    heard(report, 'The answer is 3');
  });

  describe('a slow translator (an HTTP request) between agent and TTS', () => {
    let translator: http.Server;
    let delay = 300;
    before(async () => {
      translator = http.createServer((req, res) => {
        let body = '';
        req.on('data', (chunk: Buffer) => (body += chunk.toString()));
        req.on('end', () => setTimeout(() => res.end(body.toUpperCase()), delay));
      });
      await new Promise<void>((resolve) => translator.listen(0, '127.0.0.1', resolve));
    });
    after(() => translator.close());

    function translated(): FlowNode[] {
      const flow = change(stage.prepare(example('01')), 'llm-agent', { chunking: 'sentence' });
      const agent = the(flow, 'llm-agent');
      const tts = the(flow, 'cartesia-tts').id;
      const z = agent.z ?? '';
      const url = `http://127.0.0.1:${(translator.address() as AddressInfo).port}/`;
      return [
        ...wire(flow, 'llm-agent', 0, ['is-text']),
        {
          id: 'is-text',
          type: 'switch',
          z,
          property: 'topic',
          propertyType: 'msg',
          rules: [{ t: 'eq', v: 'reply', vt: 'str' }, { t: 'else' }],
          checkall: 'false',
          outputs: 2,
          x: 500,
          y: 300,
          wires: [['translate'], [tts]],
        },
        {
          id: 'translate',
          type: 'http request',
          z,
          method: 'POST',
          ret: 'txt',
          url,
          paytoqs: 'ignore',
          persist: true,
          headers: [],
          x: 600,
          y: 300,
          wires: [[tts]],
        },
      ];
    }

    it('order is kept', async () => {
      delay = 300;
      await stage.deploy(translated());
      stage.world.openai.replies.push({ match: 'hear me', reply: 'One is first. Two is second. Three is third.' });
      const report = await stage.call([
        { waitForSilence: 900 },
        { say: 'Do you hear me' },
        { waitForSilence: 1500 },
        { hangUp: true },
      ]);
      wentWell(report);
      heard(report, GREETING, 'One is first. Two is second. Three is third.');
      assert.ok(report.heardText.includes('SECOND'), 'it went through the translator');
    });

    it('nothing is heard after an interrupt', async () => {
      delay = 300;
      await stage.deploy(translated());
      const sentence = (n: number): string => `Sentence${n} goes on and on and on.`;
      stage.world.openai.replies.push(
        { match: 'everything', reply: Array.from({ length: 8 }, (_, i) => sentence(i + 1)).join(' '), tokenMs: 60 },
        { match: 'stop', reply: 'Stopped.' },
      );
      const report = await stage.call([
        { waitForSilence: 900 },
        { say: 'Tell me everything' },
        { interruptAfterWords: 4, say: 'Stop please' },
        { waitForSilence: 1500 },
        { hangUp: true },
      ]);
      wentWell(report);
      const text = plain(report.heardText);
      assert.ok(text.endsWith(' stopped'), text);
      assert.ok(!text.includes('sentence3'), text);
    });
  });
});
