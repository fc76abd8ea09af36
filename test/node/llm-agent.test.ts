import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Call } from '../../nodes/call/call';
import type { Carrier } from '../../nodes/call/carrier';
import type { CarrierControl } from '../../nodes/call/carrier/control';
import { registry } from '../../nodes/call/heart';
import { slotOf } from '../../nodes/call/lifecycle';
import { nextMessageId } from '../../nodes/call/message';
import type { CallInfo, VoiceMessage, Word } from '../../nodes/call/message';
import { OpenAiSimulator } from '../../simulators/openai';
import type { OpenAiRequest } from '../../simulators/openai';
import agentNode from '../../nodes/agent/llm-agent';
import accountNode from '../../nodes/openai/openai-account';
import { catchNode, helper } from './agent-red';

/** A phone line whose caller hears what the test says. */
class FakeCarrier implements Carrier {
  readonly name = 'fake';
  connected = true;
  readonly control = {} as CarrierControl;
  marks: string[] = [];
  clears = 0;
  play(_audio: Buffer, mark?: string): void {
    if (mark !== undefined) this.mark(mark);
  }
  mark(name: string): void {
    this.marks.push(name);
  }
  clear(): void {
    this.clears++;
    this.marks = [];
  }
  async hangUp(): Promise<void> {}
  async say(): Promise<void> {}
  dispose(): void {}
}

type Got = VoiceMessage & { output: number };

/** What came of the agent, in order, and waiting for more of it. */
class Wire {
  readonly got: Got[] = [];
  private readonly waiting: { fits: (msg: Got) => boolean; resolve: (msg: Got) => void }[] = [];

  take(output: number, msg: VoiceMessage): void {
    // The last words of an earlier test's call.
    if (msg.call.id !== call.info.id) return;
    const got = { ...msg, output };
    this.got.push(got);
    for (const one of [...this.waiting]) {
      if (!one.fits(got)) continue;
      this.waiting.splice(this.waiting.indexOf(one), 1);
      one.resolve(got);
    }
  }

  /** The next message of this kind, counted from `from`. */
  async next(fits: (msg: Got) => boolean, from = 0): Promise<Got> {
    const found = this.got.slice(from).find(fits);
    if (found) return found;
    return new Promise((resolve) => this.waiting.push({ fits, resolve }));
  }

  of(topic: string): Got[] {
    return this.got.filter((msg) => msg.topic === topic);
  }
}

let simulator: OpenAiSimulator;
let wire: Wire;
let call: Call;
let carrier: FakeCarrier;
let errors: Record<string, unknown>[];

async function load(config: Record<string, unknown> = {}, key = 'simulator-key', more: object[] = []): Promise<void> {
  const flow = [
    { id: 'tab', type: 'tab', label: 'test' },
    { id: 'acc', type: 'openai-account', baseUrl: simulator.url },
    {
      id: 'agent',
      z: 'tab',
      type: 'llm-agent',
      account: 'acc',
      wires: [['o0'], ['o1'], ['o2']],
      api: 'responses',
      ...config,
    },
    ...['o0', 'o1', 'o2'].map((id) => ({ id, z: 'tab', type: 'helper' })),
    { id: 'catcher', z: 'tab', type: 'catch', wires: [['caught']] },
    { id: 'caught', z: 'tab', type: 'helper' },
    ...more,
  ];
  await helper.load([accountNode, agentNode, catchNode], flow, { acc: { apiKey: key } });
  [0, 1, 2].forEach((output) =>
    helper.getNode(`o${output}`).on('input', (msg: unknown) => wire.take(output, msg as VoiceMessage)),
  );
  helper.getNode('caught').on('input', (msg: unknown) => errors.push(msg as Record<string, unknown>));
}

function ring(id = `call-${nextMessageId()}`): Call {
  const info: CallInfo = {
    id,
    carrier: 'fake',
    direction: 'inbound',
    from: '+15551234567',
    to: '+15557654321',
    startedAt: Date.now(),
    parameters: { name: 'Ada' },
    media: { encoding: 'mulaw', sampleRate: 8000 },
  };
  const opened = registry.open(info, carrier, 'in', () => ({ maxDurationMs: 1e9, silenceMs: 1e9, goodbye: '' }));
  opened.streamOpened();
  return opened;
}

/** A message as another node would send it. */
function send(topic: string, payload: unknown, more: object = {}, to = 'agent'): void {
  helper.getNode(to).receive({ _msgid: nextMessageId(), topic, payload, call: { ...call.info }, ...more });
}

const hear = (text: string, more: object = {}): void => send('transcript', text, more);

function replyText(id: string): string {
  return wire
    .of('reply')
    .filter((msg) => msg.utterance?.id === id)
    .map((msg) => String(msg.payload))
    .join('');
}

/** The last piece of the n-th utterance. */
async function written(n = 0): Promise<{ id: string; text: string; last: Got }> {
  let seen = -1;
  const ids = new Set<string>();
  const last = await wire.next((msg) => {
    if (msg.topic !== 'reply' || !msg.utterance) return false;
    if (!ids.has(msg.utterance.id)) {
      ids.add(msg.utterance.id);
      seen++;
    }
    return msg.utterance.done && [...ids].indexOf(msg.utterance.id) === n && seen >= n;
  });
  const id = last.utterance?.id ?? '';
  return { id, text: replyText(id), last };
}

const SECOND = 8000;

/** As a TTS and the phone would: audio for an utterance, of which the caller has heard the first words by now. */
function speak(id: string, heardWords: string[], all = false): void {
  const utterance = { id, by: 'agent', kind: 'reply', seq: 0, done: all, interruptible: true } as const;
  const words: Word[] = heardWords.map((text, i) => ({ text, startMs: i * 10, endMs: i * 10 + 10 }));
  if (!all) words.push({ text: 'never', startMs: 600_000, endMs: 600_500 });
  call.playback.addAudio(utterance, Buffer.alloc(all ? 1600 : 10 * SECOND, 0xff), words, 'tts');
  if (heardWords.length > 0 || all)
    for (const mark of all ? [...carrier.marks] : carrier.marks.slice(0, 1)) call.playback.echo(mark);
}

const userTexts = (request: OpenAiRequest | undefined): string[] =>
  (request?.messages ?? []).filter(({ role }) => role === 'user').map(({ text }) => text);

describe('llm-agent', function () {
  this.timeout(6000);

  beforeEach(async () => {
    simulator = new OpenAiSimulator({ firstTokenMs: 5, tokenMs: 1 });
    await simulator.start();
    await new Promise<void>((resolve) => helper.startServer(resolve));
    wire = new Wire();
    carrier = new FakeCarrier();
    errors = [];
  });

  afterEach(async () => {
    for (const one of registry.all()) one.end('caller-hangup');
    await helper.unload();
    await new Promise<void>((resolve) => helper.stopServer(() => resolve()));
    await simulator.close();
  });

  it('greets once, answers, and tells of the turn what was heard', async () => {
    await load({ greeting: 'Hello {{call.parameters.name}}!', instructions: 'You serve {{call.from}}.' });
    simulator.replies.push({ match: 'sunday', reply: 'Yes, **from ten** to four. Anything else?' });
    call = ring();
    send('call.started', { raw: {} });
    send('call.started', { raw: {} });
    const greeting = await written(0);
    assert.equal(greeting.text, 'Hello Ada!');
    assert.equal(greeting.last.utterance?.kind, 'greeting');
    assert.equal(wire.got[0]?.topic, 'call.started');
    speak(greeting.id, ['Hello', 'Ada!'], true);
    hear('Do you open on Sunday?', { customer: { id: 7 }, timing: { speechEndedAt: call.now() } });
    const reply = await written(1);
    assert.equal(reply.text, 'Yes, from ten to four. Anything else?');
    const pieces = wire.of('reply').filter((msg) => msg.utterance?.id === reply.id);
    assert.equal(pieces[0]?.payload, 'Yes, ');
    assert.deepEqual(
      pieces.map((msg) => msg.utterance?.seq),
      pieces.map((_, i) => i),
    );
    assert.ok(pieces.every((msg) => (msg.customer as { id: number }).id === 7));
    assert.equal(typeof pieces[0]?.timing?.firstTokenAt, 'number');
    speak(reply.id, ['Yes,'], true);
    const turn = await wire.next((msg) => msg.topic === 'turn');
    assert.equal(turn.output, 2);
    const report = turn.payload as Record<string, unknown>;
    assert.equal(report.user, 'Do you open on Sunday?');
    assert.deepEqual(report.agent, {
      heard: 'Yes, from ten to four. Anything else?',
      generated: 'Yes, **from ten** to four. Anything else?',
      cut: false,
    });
    assert.ok(turn.customer);
    const [request] = simulator.requests;
    assert.equal(request?.api, 'responses');
    assert.equal(request?.body.store, false);
    assert.equal(request?.instructions, 'You serve +15551234567.');
    assert.deepEqual(
      request?.messages.map(({ text }) => text),
      ['Hello Ada!', 'Do you open on Sunday?'],
    );
    assert.equal(wire.of('reply').filter((msg) => msg.utterance?.kind === 'greeting').length, 1);
  });

  it('barge-in: stops on the first words, remembers what was heard, answers what was said', async () => {
    await load();
    simulator.replies.push({ match: 'hours', reply: 'We open at ten. ' + 'And so on. '.repeat(20) });
    call = ring();
    hear('Your hours?');
    const reply = await written(0);
    speak(reply.id, ['We', 'open']);
    send('transcript.partial', 'no');
    const interrupt = await wire.next((msg) => msg.topic === 'interrupt');
    assert.deepEqual(interrupt.payload, { utterances: [reply.id], reason: 'caller' });
    assert.equal(carrier.clears, 1);
    assert.equal(call.playback.record(reply.id)?.heardText, 'We open');
    hear('no, on Monday');
    await written(1);
    assert.deepEqual(
      simulator.requests[1]?.messages.map(({ text }) => text),
      ['Your hours?', 'We open —', 'no, on Monday'],
    );
    const turn = await wire.next((msg) => msg.topic === 'turn');
    const { agent } = turn.payload as { agent: { heard: string; generated: string; cut: boolean } };
    assert.equal(agent.heard, 'We open');
    assert.equal(agent.cut, true);
    assert.match(agent.generated, /^We open at ten/);
  });

  it('aborts the request when the reply is stopped in its midst', async () => {
    await load({ chunking: 'stream' });
    simulator.replies.push({ reply: 'word '.repeat(500), tokenMs: 20 });
    call = ring();
    hear('go');
    const first = await wire.next((msg) => msg.topic === 'reply');
    speak(first.utterance?.id ?? '', ['word']);
    send('transcript.partial', 'stop');
    await wire.next((msg) => msg.topic === 'turn');
    await until(() => simulator.open.requests === 0);
    assert.equal(simulator.requests[0]?.aborted, true);
    const count = wire.of('reply').length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(wire.of('reply').length, count);
  });

  it('words before anything is heard join the turn: one answer, one entry', async () => {
    await load();
    simulator.replies.push({ match: '^I want a table$', reply: 'For how many?', firstTokenMs: 5000 });
    call = ring();
    hear('I want a table');
    await until(() => simulator.requests.length === 1);
    hear('for two');
    await written(0);
    assert.deepEqual(userTexts(simulator.requests[1]), ['I want a table for two']);
    assert.equal(simulator.requests[0]?.aborted, true);
    // Written already, but not heard: the same.
    const { id } = await written(0);
    hear('tonight');
    const second = await written(1);
    assert.ok(call.playback.isDead(id));
    assert.deepEqual(userTexts(simulator.requests[2]), ['I want a table for two tonight']);
    speak(second.id, [], true);
    const turn = await wire.next((msg) => msg.topic === 'turn');
    assert.equal((turn.payload as { user: string }).user, 'I want a table for two tonight');
    assert.equal(wire.of('turn').length, 1);
  });

  it('an uninterruptible greeting is heard out; what was said meanwhile is answered next, as one', async () => {
    await load({ greeting: 'This call is recorded.', greetingInterruptible: false });
    call = ring();
    send('call.started', {});
    const greeting = await written(0);
    speak(greeting.id, ['This']);
    send('transcript.partial', 'hello');
    hear('hello');
    hear('are you there');
    await new Promise((resolve) => setTimeout(resolve, 40));
    assert.equal(wire.of('interrupt').length, 0);
    assert.equal(simulator.requests.length, 0);
    call.playback.fail(greeting.id, 'timeout');
    for (const mark of [...carrier.marks]) call.playback.echo(mark);
    await written(1);
    assert.deepEqual(userTexts(simulator.requests[0]), ['hello are you there']);
  });

  it('mode speech: a cough pauses and the reply goes on; words stop it', async () => {
    await load({ bargeIn: 'speech' });
    call = ring();
    hear('hi');
    const reply = await written(0);
    speak(reply.id, ['You']);
    send('speech.started', { atMs: 1 });
    const pause = await wire.next((msg) => msg.topic === 'reply.pause');
    assert.deepEqual(pause.payload, { utterances: [reply.id] });
    send('transcript', '');
    await wire.next((msg) => msg.topic === 'reply.resume');
    send('speech.started', { atMs: 2 });
    send('transcript.partial', 'wait');
    await wire.next((msg) => msg.topic === 'interrupt');
    assert.equal(wire.of('reply.resume').length, 1);
    assert.equal(wire.of('speech.started').length, 0);
  });

  it('eager: begins unheard, goes on if the words were final, else begins anew', async () => {
    await load();
    call = ring();
    send('transcript.eager', 'what time is it');
    await until(() => simulator.requests[0]?.finishedAt !== undefined);
    assert.equal(wire.of('reply').length, 0);
    hear('what time is it');
    const reply = await written(0);
    assert.equal(reply.text, 'You said: what time is it.');
    assert.equal(simulator.requests.length, 1);
    speak(reply.id, [], true);
    await wire.next((msg) => msg.topic === 'turn');
    simulator.replies.push({ match: '^and$', reply: 'no', firstTokenMs: 3000 });
    send('transcript.eager', 'and');
    await until(() => simulator.requests.length === 2);
    send('transcript.resumed', 'and');
    await until(() => simulator.requests[1]?.aborted === true);
    hear('and tomorrow');
    assert.equal((await written(1)).text, 'You said: and tomorrow.');
  });

  it('Chat Completions for any other server', async () => {
    await load({ api: 'auto', options: '{"seed": 4}', maxReplyTokens: 100, headers: '{"x-team": "voice"}' });
    simulator.replies.push({ reply: 'Fine.' });
    call = ring();
    hear('How are you?');
    assert.equal((await written(0)).text, 'Fine.');
    const [request] = simulator.requests;
    assert.equal(request?.api, 'chat');
    assert.equal(request?.body.max_completion_tokens, 100);
    assert.equal(request?.body.seed, 4);
    assert.equal(request?.headers['x-team'], 'voice');
    assert.equal(request?.body.temperature, undefined);
  });

  it('agent.set, say, respond, reset act on this call and stay off the wire', async () => {
    await load({ instructions: 'A' });
    call = ring();
    send('agent.set', { instructions: 'B', history: [{ role: 'user', text: 'earlier' }] });
    send('agent.say', { text: 'One moment.', interruptible: false }, { ticket: 4 });
    const said = await written(0);
    assert.equal(said.text, 'One moment.');
    assert.equal(said.last.utterance?.kind, 'prompt');
    assert.equal(said.last.utterance?.interruptible, false);
    assert.equal(said.last.ticket, 4);
    send('agent.respond', { text: 'The order is on its way', instructions: 'Be brief.' });
    speak(said.id, [], true);
    const reply = await written(1);
    assert.equal(simulator.requests[0]?.instructions, 'B\n\nBe brief.');
    assert.deepEqual(
      simulator.requests[0]?.messages.map(({ text }) => text),
      ['earlier', 'One moment.', 'The order is on its way'],
    );
    speak(reply.id, [], true);
    send('agent.reset', '');
    hear('Hello again');
    await written(2);
    assert.deepEqual(
      simulator.requests[1]?.messages.map(({ text }) => text),
      ['Hello again'],
    );
    send('agent.set', { instruction: 'typo' });
    await until(() => errors.length === 1);
    assert.deepEqual(
      wire.got.filter((msg) => msg.topic.startsWith('agent.')),
      [],
    );
  });

  it('call.ended passes last, after the last turn and the conversation', async () => {
    await load({ greeting: 'Hello' });
    call = ring();
    send('call.started', {});
    const greeting = await written(0);
    speak(greeting.id, ['Hello'], true);
    simulator.replies.push({ match: 'bye', reply: 'never', firstTokenMs: 5000 });
    hear('good bye');
    await until(() => simulator.requests.length === 1);
    call.end('caller-hangup');
    hear('really');
    send('call.ended', { reason: 'caller-hangup', durationMs: 1 });
    await wire.next((msg) => msg.topic === 'call.ended');
    assert.deepEqual(
      wire.got.filter((msg) => msg.output === 2 || msg.topic === 'call.ended').map(({ topic }) => topic),
      ['turn', 'turn', 'conversation', 'call.ended'],
    );
    const [conversation] = wire.of('conversation');
    const { messages } = conversation?.payload as { messages: { role: string; text?: string; heard?: string }[] };
    assert.deepEqual(
      messages.map(({ text, heard }) => text ?? heard),
      ['Hello', 'good bye', 'really'],
    );
    await until(() => simulator.open.requests === 0);
  });

  it('says turn and conversation by itself where the wires lose call.ended', async () => {
    await load();
    call = ring();
    hear('hi');
    await written(0);
    call.end('caller-hangup');
    await wire.next((msg) => msg.topic === 'conversation');
    await until(() => registry.count().sessions === 0);
    assert.equal(wire.of('turn').length, 1);
  });

  it('an interrupt of the flow gives up what is being made and spoken', async () => {
    await load();
    simulator.replies.push({ match: 'long', reply: 'no', firstTokenMs: 5000 });
    call = ring();
    hear('long');
    await until(() => simulator.requests.length === 1);
    send('interrupt', { reason: 'operator' });
    await wire.next((msg) => msg.topic === 'turn');
    await until(() => simulator.requests[0]?.aborted === true);
    assert.equal(wire.of('interrupt').length, 1);
  });

  it('two agents: both speak, a barge-in stops both, each remembers its own', async () => {
    const second = {
      id: 'agent2',
      z: 'tab',
      type: 'llm-agent',
      account: 'acc',
      api: 'responses',
      wires: [['o0'], [], []],
      greeting: 'B',
    };
    await load({ greeting: 'A' }, 'simulator-key', [second]);
    call = ring();
    send('call.started', {});
    send('call.started', {}, {}, 'agent2');
    const a = await written(0);
    const b = await written(1);
    assert.deepEqual([a.text, b.text], ['A', 'B']);
    speak(a.id, ['A']);
    send('transcript.partial', 'hey');
    const interrupt = await wire.next((msg) => msg.topic === 'interrupt');
    assert.deepEqual(interrupt.payload, { utterances: [a.id, b.id], reason: 'caller' });
    hear('hey');
    await until(() => simulator.requests.length === 1);
    assert.deepEqual(
      simulator.requests[0]?.messages.map(({ text }) => text),
      ['A —', 'hey'],
    );
  });

  it('a changed prompt counts from the next turn, and the reply under way goes on', async () => {
    await load({ instructions: 'Old.', chunking: 'stream' });
    simulator.replies.push({ match: 'first', reply: 'one two three four', tokenMs: 30 });
    call = ring();
    hear('first');
    await wire.next((msg) => msg.topic === 'reply');
    const slot = slotOf('agent');
    assert.ok(slot);
    slot.settings = { ...(slot.settings as object), instructions: 'New.' };
    const reply = await written(0);
    assert.equal(reply.text, 'one two three four');
    speak(reply.id, [], true);
    hear('second');
    await written(1);
    assert.deepEqual(
      simulator.requests.map(({ instructions }) => instructions),
      ['Old.', 'New.'],
    );
  });

  it('a deleted agent ends what it held: the request, and the utterance at what there is of it', async () => {
    await load({ chunking: 'stream' });
    simulator.replies.push({ reply: 'word '.repeat(500), tokenMs: 20 });
    call = ring();
    hear('go');
    const { utterance } = await wire.next((msg) => msg.topic === 'reply');
    slotOf('agent')?.dispose();
    await until(() => simulator.open.requests === 0);
    assert.ok(call.playback.isDead(utterance?.id ?? ''));
    assert.equal(call.playback.busy, false);
    assert.equal(call.sessions.size, 0);
  });

  it("the caller's audio goes no further; the agent's and all events pass", async () => {
    await load();
    call = ring();
    send('audio', Buffer.alloc(160), { event: { seq: 1, atMs: 0 } });
    send('audio', Buffer.alloc(160), { utterance: { id: 'x', by: 'agent', kind: 'reply', seq: 0, done: false } });
    send('call.dtmf', '5');
    send('playback.started', { heardMs: 0 });
    send('weather', 'It rains');
    await wire.next((msg) => msg.topic === 'weather');
    assert.deepEqual(
      wire.got.map(({ topic }) => topic),
      ['audio', 'call.dtmf', 'playback.started', 'weather'],
    );
  });

  describe('when the model fails', () => {
    const APOLOGY = 'Sorry, I am having trouble right now. Could you say that again?';
    const cells = [
      { name: 'refused', fault: { kind: 'refuse' }, cause: 'refused' },
      { name: '401', fault: { kind: 'status', status: 401 }, cause: 'authentication', once: true },
      { name: 'billing', fault: { kind: 'status', status: 402 }, cause: 'billing', once: true },
      { name: '429', fault: { kind: 'status', status: 429, retryAfterMs: 100 }, cause: 'rate-limit' },
      {
        name: '429, later',
        fault: { kind: 'status', status: 429, retryAfterMs: 60_000 },
        cause: 'rate-limit',
        once: true,
      },
      { name: '500', fault: { kind: 'status', status: 500 }, cause: 'unavailable' },
      { name: '400', fault: { kind: 'status', status: 400 }, cause: 'bad-request', once: true },
      { name: 'a stall before the first byte', fault: { kind: 'stall-before-first-byte' }, cause: 'timeout' },
      {
        name: 'an error at the start of the stream',
        fault: { kind: 'status', when: 'mid-stream', after: 0 },
        cause: 'unavailable',
      },
      { name: 'a close at the start of the stream', fault: { kind: 'close-mid-stream', after: 0 }, cause: 'closed' },
      { name: 'garbage at the start of the stream', fault: { kind: 'garbage', after: 0 }, cause: 'protocol' },
    ] as const;
    for (const api of ['responses', 'chat'] as const) {
      for (const cell of cells) {
        it(`${api}, ${cell.name}: the apology in time, and Catch knows why`, async () => {
          await load({ api, timeBudget: 2 });
          simulator.faults.add({ times: 'always', ...cell.fault } as never);
          call = ring();
          hear('Help', { timing: { speechEndedAt: call.now() } });
          const startedAt = call.now();
          const apology = await written(0);
          assert.equal(apology.text, APOLOGY);
          assert.equal(apology.last.utterance?.kind, 'notice');
          assert.ok(call.now() - startedAt < 1400, `${call.now() - startedAt} ms`);
          await until(() => errors.length > 0);
          assert.equal(errors.length, 1);
          assert.equal(errors[0]?.provider, 'openai');
          assert.equal(errors[0]?.cause, cell.cause);
          assert.equal((errors[0]?.call as CallInfo).id, call.info.id);
          assert.ok(!JSON.stringify(errors[0]?.payload).includes('simulator-key'));
          speak(apology.id, [], true);
          const turn = await wire.next((msg) => msg.topic === 'turn');
          const report = turn.payload as { error: { cause: string }; agent: { heard: string } };
          assert.equal(report.error.cause, cell.cause);
          assert.equal(report.agent.heard, APOLOGY);
          simulator.faults.clear();
          hear('Again');
          assert.equal((await written(1)).text, 'You said: Again.');
          assert.ok(userTexts(simulator.requests.at(-1)).includes('Help'));
        });
      }

      it(`${api}: one failure is made up for`, async () => {
        await load({ api });
        simulator.faults.add({ kind: 'status', status: 503 });
        call = ring();
        hear('Help');
        assert.equal((await written(0)).text, 'You said: Help.');
        assert.equal(errors.length, 0);
      });

      it(`${api}: broken in mid-reply, what was said stays`, async () => {
        await load({ api, chunking: 'sentence' });
        simulator.replies.push({ match: 'Help', reply: 'One sentence is said. The other is not said.' });
        simulator.faults.add({ kind: 'close-mid-stream', after: 6 });
        call = ring();
        hear('Help');
        const reply = await written(0);
        assert.match(reply.text, /^One sentence is said\. /);
        assert.equal(reply.last.utterance?.kind, 'reply');
        await until(() => errors.length === 1);
        assert.equal(errors[0]?.cause, 'closed');
        speak(reply.id, [], true);
        await wire.next((msg) => msg.topic === 'turn');
      });

      it(`${api}: JSON of an unknown shape is told to Catch, and the reply goes on`, async () => {
        await load({ api });
        simulator.faults.add({ kind: 'wrong-json', times: 2 });
        call = ring();
        hear('Help');
        assert.equal((await written(0)).text, 'You said: Help.');
        await until(() => errors.length === 1);
        assert.equal(errors[0]?.cause, 'protocol');
      });

      it(`${api}: stopped by the content filter, and an empty reply`, async () => {
        await load({ api });
        simulator.replies.push({ match: 'Help', reply: '', finish: 'content_filter' }, { match: 'Again', reply: '🙂' });
        call = ring();
        hear('Help');
        const first = await written(0);
        assert.equal(first.text, APOLOGY);
        speak(first.id, [], true);
        hear('Again');
        assert.equal((await written(1)).text, APOLOGY);
        await until(() => errors.length === 2);
      });
    }

    it('a stall in mid-reply ends the reply after 4 s', async () => {
      await load({ chunking: 'stream' });
      simulator.faults.add({ kind: 'stall-after-first-byte', after: 2 });
      call = ring();
      hear('Help');
      const reply = await written(0);
      assert.equal(reply.text.trim(), 'You said:');
      await until(() => errors.length === 1);
      assert.equal(errors[0]?.cause, 'timeout');
      await until(() => simulator.open.requests === 0);
    });

    it('the account is missing: the events of the call pass all the same', async () => {
      await load({ account: '' });
      call = ring();
      send('call.started', {});
      await wire.next((msg) => msg.topic === 'call.started');
    });
  });
});

/** Waits for something that no message tells. */
async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 2));
}
