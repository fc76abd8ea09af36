/** What an agent does while the caller is with somebody else, and when it counts as having something to say. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Call } from '../../nodes/call/call';
import { registry } from '../../nodes/call/heart';
import { nextMessageId } from '../../nodes/call/message';
import type { VoiceMessage } from '../../nodes/call/message';
import agentNode from '../../nodes/agent/llm-agent';
import accountNode from '../../nodes/openai/openai-account';
import { OpenAiSimulator } from '../../simulators/openai';
import { LoneCarrier } from '../unit/call/lone-call';
import { until } from '../unit/call/utterance';
import { catchNode, helper } from './agent-red';

let simulator: OpenAiSimulator;
let call: Call;
let carrier: LoneCarrier;
let got: VoiceMessage[];
let caught: { message: string }[];

async function load(config: Record<string, unknown> = {}): Promise<void> {
  const flow = [
    { id: 'tab', type: 'tab', label: 'test' },
    { id: 'acc', type: 'openai-account', baseUrl: simulator.url },
    {
      ...{ id: 'agent', z: 'tab', type: 'llm-agent', account: 'acc', api: 'responses' },
      ...{ wires: [['out'], [], ['out']], ...config },
    },
    { id: 'out', z: 'tab', type: 'helper' },
    { id: 'catcher', z: 'tab', type: 'catch', wires: [['caught']] },
    { id: 'caught', z: 'tab', type: 'helper' },
  ];
  await helper.load([accountNode, agentNode, catchNode], flow, { acc: { apiKey: 'simulator-key' } });
  helper.getNode('out').on('input', (msg) => {
    if ((msg as VoiceMessage).call.id === call.info.id) got.push(msg as VoiceMessage);
  });
  helper.getNode('caught').on('input', (msg) => caught.push((msg as { error: { message: string } }).error));
  carrier = new LoneCarrier();
  call = registry.open(
    {
      ...{ id: `call-${nextMessageId()}`, carrier: 'fake', direction: 'inbound', from: '+15550001', to: '+15550002' },
      ...{ startedAt: Date.now(), parameters: {}, media: { encoding: 'mulaw', sampleRate: 8000 } },
    },
    carrier,
    'in',
    () => ({ maxDurationMs: 1e9, silenceMs: 1e9, goodbye: '' }),
  );
  call.streamOpened();
}

function send(topic: string, payload: unknown, more: object = {}): void {
  helper.getNode('agent').receive({ _msgid: nextMessageId(), topic, payload, call: { ...call.info }, ...more });
}

/** As an in-node does: the event happens in the call, and goes down the wire. */
const leave = (): void => {
  call.leave('+15559999');
  send('call.away', { to: '+15559999' });
};
const comeBack = (reason: string, to = '+15559999'): void => {
  call.streamOpened();
  send('call.resumed', { reason, to });
};

const of = (topic: string): VoiceMessage[] => got.filter((msg) => msg.topic === topic);

/** The whole texts that were spoken, in order. */
function spoken(): { id: string; kind: string; text: string; done: boolean }[] {
  const all = new Map<string, { id: string; kind: string; text: string; done: boolean }>();
  for (const { utterance, payload } of of('reply')) {
    if (!utterance) continue;
    const { id, kind } = utterance;
    const one = all.get(id) ?? { id, kind, text: '', done: false };
    all.set(id, { ...one, text: one.text + String(payload), done: utterance.done });
  }
  return [...all.values()];
}

const said = async (count: number): Promise<ReturnType<typeof spoken>> => {
  await until(`${count} texts`, () => spoken().filter(({ done }) => done).length >= count);
  return spoken();
};

/** As a TTS and the phone would: an utterance is heard to its end. */
function hearOut(id: string): void {
  const record = call.playback.record(id);
  assert.ok(record, 'it is open');
  const utterance = { id, by: 'agent', kind: record.kind, seq: 0, done: true, interruptible: true } as const;
  call.playback.addAudio(utterance, Buffer.alloc(1_600, 1), [], 'tts');
  for (const mark of carrier.marks.splice(0)) call.playback.echo(mark);
}

const texts = (index: number): string[] => (simulator.requests[index]?.messages ?? []).map(({ text }) => text);

/** True if "when the agent has finished speaking" is now. */
async function isSilent(): Promise<boolean> {
  let silent = false;
  void call.whenSilent(10_000).then(() => (silent = true));
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  return silent;
}

describe('llm-agent and call control', function () {
  this.timeout(8_000);

  beforeEach(async () => {
    [got, caught] = [[], []];
    simulator = new OpenAiSimulator({ firstTokenMs: 5, tokenMs: 1 });
    await simulator.start();
    await new Promise<void>((resolve) => helper.startServer(resolve));
  });
  afterEach(async () => {
    for (const one of registry.all()) one.end('caller-hangup');
    await helper.unload();
    await new Promise<void>((resolve) => helper.stopServer(() => resolve()));
    await simulator.close();
  });

  describe('while the caller is away', () => {
    it('the request is aborted, the turn is told, and the words stay in the history', async () => {
      await load();
      simulator.replies.push({ match: '^Sales', reply: 'never', firstTokenMs: 5_000 });
      send('transcript', 'Sales, please.');
      await until('a request', () => simulator.requests.length === 1);
      leave();
      await until('an aborted request', () => simulator.requests[0]?.aborted === true);
      await until('a turn', () => of('turn').length === 1);
      assert.equal((of('turn')[0]?.payload as { user: string }).user, 'Sales, please.');
      comeBack('busy');
      await until('another request', () => simulator.requests.length === 2);
      assert.deepEqual(texts(1), ['Sales, please.']);
    });

    it('what is being spoken is given up, and what was heard of it stays', async () => {
      await load();
      simulator.replies.push({ match: '^Sales', reply: 'I will put you through now. One moment please.' });
      send('transcript', 'Sales, please.');
      const [reply] = await said(1);
      leave();
      assert.ok(reply && call.playback.isDead(reply.id));
      await until('a turn', () => of('turn').length === 1);
      assert.equal(call.playback.busy, false);
    });

    it('a reply begun on words that were probably final is dropped', async () => {
      await load();
      simulator.replies.push({ match: '.', reply: 'never', firstTokenMs: 5_000 });
      send('transcript.eager', 'Sales, please.');
      await until('a request', () => simulator.requests.length === 1);
      leave();
      await until('an aborted request', () => simulator.requests[0]?.aborted === true);
      send('transcript.eager', 'Sales, please.');
      // Whatever else was asked before this has come, too.
      for (let i = 0; i < 3; i++) await (await fetch(simulator.url)).arrayBuffer();
      assert.equal(simulator.requests.length, 1, 'nor is another begun');
    });

    it('last words of the caller are remembered and not answered', async () => {
      await load();
      leave();
      send('transcript', 'Thank you so much.');
      await until('a turn', () => of('turn').length === 1);
      assert.equal(simulator.requests.length, 0);
      comeBack('no-answer');
      await until('a request', () => simulator.requests.length === 1);
      assert.deepEqual(texts(0), ['Thank you so much.']);
    });

    it('what waited for its answer is not answered later, when it is stale', async () => {
      await load({ greeting: 'This call is recorded.', greetingInterruptible: false });
      send('call.started', {});
      await said(1);
      send('transcript', 'hello');
      leave();
      await until('a turn', () => of('turn').length === 1);
      comeBack('failed');
      await until('a request', () => simulator.requests.length === 1);
      assert.deepEqual(texts(0), ['hello']);
      await said(2);
      assert.equal(simulator.requests.length, 1);
    });

    it('agent.say waits and is spoken first when the caller is back; 8 of them, the oldest go first', async () => {
      await load();
      leave();
      for (let i = 1; i <= 9; i++) send('agent.say', `Text ${i}.`);
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(spoken(), []);
      comeBack('busy');
      const heard = await said(8);
      assert.deepEqual(heard.map(({ text }) => text), [2, 3, 4, 5, 6, 7, 8, 9].map((i) => `Text ${i}.`)); // prettier-ignore
      for (const { id } of heard) hearOut(id);
      const all = await said(9);
      assert.equal(all[8]?.kind, 'reply', 'and then why');
    });

    it('agent.respond waits, and is answered together with the return', async () => {
      await load();
      leave();
      send('agent.respond', { text: '', instructions: 'Tell them that order 7 has been shipped.' });
      comeBack('busy');
      await said(1);
      assert.equal(simulator.requests.length, 1);
      assert.match(simulator.requests[0]?.instructions ?? '', /line was busy[\s\S]*order 7/);
    });

    it('a call that ends meanwhile tells its conversation all the same', async () => {
      await load();
      send('transcript', 'Sales, please.');
      await said(1);
      leave();
      call.end('transferred');
      send('call.ended', { reason: 'transferred' });
      await until('the conversation', () => of('conversation').length === 1);
      const { messages } = of('conversation')[0]?.payload as { messages: { text?: string }[] };
      assert.equal(messages[0]?.text, 'Sales, please.');
    });
  });

  describe('when the caller is back', () => {
    const OUTCOMES: [reason: string, words: RegExp][] = [
      ['busy', /put through to \+15559999, but the line was busy/],
      ['no-answer', /but nobody answered/],
      ['failed', /but the connection could not be made/],
      ['canceled', /but the transfer was called off/],
      ['completed', /they have talked, and the other side has hung up/],
      ['something new', /but it did not work/],
    ];
    for (const [reason, words] of OUTCOMES) {
      it(`after ${reason} the agent knows why, and speaks of itself`, async () => {
        await load({ instructions: 'You serve a shop.' });
        simulator.replies.push({
          matchInstructions: 'back with you now',
          reply: 'I am sorry, they are busy. And now?',
        });
        leave();
        comeBack(reason);
        const [reply] = await said(1);
        assert.equal(reply?.text, 'I am sorry, they are busy. And now?');
        assert.match(simulator.requests[0]?.instructions ?? '', /^You serve a shop\.\n\n/);
        assert.match(simulator.requests[0]?.instructions ?? '', words);
        assert.deepEqual(of('call.resumed').length, 1, 'the event goes on');
        hearOut(reply.id);
        await until('a turn', () => of('turn').length === 1);
        send('transcript', 'Then call me back.');
        await until('the next request', () => simulator.requests.length === 2);
        assert.doesNotMatch(simulator.requests[1]?.instructions ?? '', /put through/, 'for that answer alone');
        assert.deepEqual(texts(1), ['I am sorry, they are busy. And now?', 'Then call me back.']);
      });
    }

    it('a flow may put a name in place of the number', async () => {
      await load();
      leave();
      comeBack('busy', 'the sales department');
      await said(1);
      assert.match(simulator.requests[0]?.instructions ?? '', /put through to the sales department,/);
    });

    it('words of the caller before anything is heard join: one answer, that knows of both', async () => {
      await load();
      simulator.replies.push({ matchInstructions: 'was busy', times: 1, reply: 'no', firstTokenMs: 5_000 });
      leave();
      comeBack('busy');
      await until('a request', () => simulator.requests.length === 1);
      send('transcript', 'Hello? Are you there?');
      await said(1);
      assert.equal(simulator.requests.length, 2);
      assert.deepEqual(texts(1), ['Hello? Are you there?']);
      assert.match(simulator.requests[1]?.instructions ?? '', /was busy/);
    });

    it('words that come before call.resumed are answered together with it', async () => {
      await load();
      simulator.replies.push({ match: 'Hello', times: 1, reply: 'no', firstTokenMs: 5_000 });
      leave();
      call.streamOpened();
      send('transcript', 'Hello?');
      await until('a request', () => simulator.requests.length === 1);
      send('call.resumed', { reason: 'no-answer', to: '+15559999' });
      await said(1);
      assert.deepEqual(texts(1), ['Hello?']);
      assert.match(simulator.requests[1]?.instructions ?? '', /nobody answered/);
    });

    it('the model fails: the apology, within the budget, and Catch knows why', async () => {
      await load({ apology: 'Sorry, one moment.' });
      simulator.faults.add({ kind: 'status', status: 401, times: 'always' });
      leave();
      comeBack('busy');
      const [reply] = await said(1);
      assert.deepEqual([reply?.text, reply?.kind], ['Sorry, one moment.', 'notice']);
      await until('an error', () => caught.length > 0);
    });

    it('away again before it is told: nothing of the first return is said', async () => {
      await load();
      simulator.replies.push({ matchInstructions: 'was busy', times: 1, reply: 'no', firstTokenMs: 5_000 });
      leave();
      comeBack('busy');
      await until('a request', () => simulator.requests.length === 1);
      leave();
      await until('an aborted request', () => simulator.requests[0]?.aborted === true);
      comeBack('no-answer');
      await said(1);
      assert.match(simulator.requests[1]?.instructions ?? '', /nobody answered/);
      assert.doesNotMatch(simulator.requests[1]?.instructions ?? '', /was busy/);
    });

    it('one who is away again when the event comes gets no answer', async () => {
      await load();
      leave();
      call.streamOpened();
      leave();
      send('call.resumed', { reason: 'busy', to: '+15559999' });
      comeBack('no-answer');
      await said(1);
      assert.equal(simulator.requests.length, 1);
      assert.match(simulator.requests[0]?.instructions ?? '', /nobody answered/);
    });
  });

  describe('has something to say', () => {
    it("from the caller's words until its answer has been heard", async () => {
      await load();
      assert.equal(await isSilent(), true);
      simulator.replies.push({ match: 'Bye', reply: 'Goodbye, have a nice day.', firstTokenMs: 150 });
      send('transcript', 'Bye.');
      assert.equal(await isSilent(), false, 'thinking');
      const [reply] = await said(1);
      assert.equal(await isSilent(), false, 'speaking');
      hearOut(reply?.id ?? '');
      assert.equal(await isSilent(), true);
    });

    it('from agent.respond on, also where that waits for something else to be heard', async () => {
      await load();
      send('agent.say', { text: 'One moment.', interruptible: false });
      const [prompt] = await said(1);
      send('agent.respond', 'Say goodbye.');
      await until('the message', () => prompt !== undefined);
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
      hearOut(prompt?.id ?? '');
      assert.equal(await isSilent(), false);
      const [, reply] = await said(2);
      hearOut(reply?.id ?? '');
      assert.equal(await isSilent(), true);
    });

    /** The turn comes to nothing: a request without an end, and what puts an end to it. */
    const nothing: Record<string, () => unknown> = {
      'an interrupt of the flow': () => send('interrupt', {}),
      'the caller put through': leave,
      'the agent deleted': () => helper.unload(),
    };
    for (const [what, happens] of Object.entries(nothing)) {
      it(`until it comes to nothing: ${what}`, async () => {
        await load();
        simulator.replies.push({ reply: 'never', firstTokenMs: 5_000 });
        send('transcript', 'Bye.');
        await until('a request', () => simulator.requests.length === 1);
        assert.equal(await isSilent(), false);
        await happens();
        let silent = false;
        void call.whenSilent(6_000).then(() => (silent = true));
        await until('silence', () => silent);
      });
    }

    it('until it comes to nothing: the model fails, and there is no apology', async () => {
      await load({ apology: '' });
      simulator.faults.add({ kind: 'status', status: 401, times: 'always' });
      send('transcript', 'Bye.');
      await until('an error', () => caught.length > 0);
      assert.equal(await isSilent(), true);
    });

    it('a failed or empty reply: until its apology has been heard', async () => {
      await load({ apology: 'Sorry.' });
      simulator.replies.push({ match: '.', reply: '' });
      send('transcript', 'Bye.');
      const [apology] = await said(1);
      assert.equal(apology?.text, 'Sorry.');
      assert.equal(await isSilent(), false);
      hearOut(apology.id);
      assert.equal(await isSilent(), true);
    });

    it('a reply that the caller stopped before it was heard is none, until more words come', async () => {
      await load();
      send('transcript', 'Bye.');
      const [reply] = await said(1);
      call.playback.interrupt([reply?.id ?? ''], 'caller');
      assert.equal(await isSilent(), true);
      send('transcript', 'And thanks.');
      assert.equal(await isSilent(), false);
      await said(2);
    });

    it('nothing is left of it when the call ends', async () => {
      await load();
      simulator.replies.push({ reply: 'never', firstTokenMs: 5_000 });
      send('transcript', 'Bye.');
      await until('a request', () => simulator.requests.length === 1);
      call.end('caller-hangup');
      assert.equal(await isSilent(), true);
      await until('an aborted request', () => simulator.requests[0]?.aborted === true);
    });
  });
});
