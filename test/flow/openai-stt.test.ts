import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { example, the } from '../support/example';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';
/** What decides that the caller's turn is over, and with what models. */
const WAYS: { name: string; config: Record<string, unknown> }[] = [
  { name: 'server VAD', config: {} },
  { name: 'semantic VAD', config: { turnDetection: 'semantic', eagerness: 'high' } },
  { name: 'energy gate', config: { model: 'gpt-realtime-whisper' } },
];

describe('example 01 with openai-stt in place of deepgram-stt', function () {
  this.timeout(40_000);
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());
  beforeEach(() => {
    const { openai } = stage.world;
    openai.requests.length = 0;
    openai.replies.length = 0;
    openai.sessions.length = 0;
    delete openai.transcription.slow;
    delete openai.transcription.fails;
  });
  afterEach(() => stage.nothingIsLeft());

  /** The node exchanged, and nothing else. */
  async function deploy(config: Record<string, unknown> = {}): Promise<void> {
    const flow = stage.prepare(example('01'));
    const { id, z, x, y, wires } = the(flow, 'deepgram-stt');
    const account = the(flow, 'openai-account').id;
    const node: FlowNode = { id, type: 'openai-stt', account, version: 1, name: '', x, y, ...config };
    const placed = { ...node, ...(z !== undefined && { z }), ...(wires && { wires }) };
    const rest = flow.filter(({ type }) => type !== 'deepgram-account');
    await stage.deploy(rest.map((one) => (one.id === id ? placed : one)));
  }

  const told = (): string[] =>
    (stage.world.openai.requests.at(-1)?.messages ?? [])
      .filter(({ role }) => role === 'user' || role === 'assistant')
      .map(({ role, text }) => `${role}: ${plain(text)}`);

  for (const { name, config } of WAYS) {
    it(`holds a conversation (${name})`, async () => {
      await deploy(config);
      stage.world.openai.replies.push(
        { match: 'sunday', reply: 'Yes, from ten to four.' },
        { match: 'monday', reply: 'On Monday, we are closed.' },
      );
      const report = await stage.call([
        { waitForSilence: 500 },
        { say: 'Do you open on Sunday' },
        { waitForSilence: 500 },
        { say: 'And on Monday' },
        { waitForSilence: 500 },
        { hangUp: true },
      ]);
      wentWell(report);
      heard(report, GREETING, 'Yes, from ten to four.', 'On Monday, we are closed.');
      assert.deepEqual(told(), [
        `assistant: ${plain(GREETING)}`,
        'user: do you open on sunday',
        'assistant: yes from ten to four',
        'user: and on monday',
      ]);
      assert.deepEqual(stage.world.openai.sessions[0]?.transcripts, ['Do you open on Sunday', 'And on Monday']);
    });

    it(`is interrupted by the caller (${name})`, async () => {
      await deploy(config);
      const long = Array.from({ length: 40 }, (_, i) => `word${i + 1}`).join(' ');
      stage.world.openai.replies.push({ match: 'tell me', reply: long }, { match: 'stop', reply: 'I stopped.' });
      const report = await stage.call([
        { waitForSilence: 500 },
        { say: 'Tell me everything' },
        { interruptAfterWords: 8, say: 'Stop it' },
        { waitFor: 'I stopped' },
        { waitForSilence: 500 },
        { hangUp: true },
      ]);
      wentWell(report);
      assert.ok(plain(report.heardText).endsWith('i stopped'), report.heardText);
      const words = plain(report.heardText)
        .split(' ')
        .filter((word) => word.startsWith('word'));
      assert.ok(words.length >= 8 && words.length < 25, `${words.length} words of the cut reply were heard`);
    });
  }

  it('answers two utterances as they were said, though the second is understood first', async () => {
    await deploy();
    const { openai } = stage.world;
    openai.transcription.slow = 'table';
    openai.transcription.slowMs = 2_000;
    openai.replies.push({ match: 'table.*four', reply: 'A table for four it is.' }, { match: 'table', reply: 'When?' });
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'I want a table' },
      { pause: 700 },
      { say: 'for four' },
      { waitFor: 'it is' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    assert.deepEqual(openai.sessions[0]?.transcripts, ['for four', 'I want a table']);
    heard(report, GREETING, 'A table for four it is.');
    assert.deepEqual(told(), [`assistant: ${plain(GREETING)}`, 'user: i want a table for four']);
  });

  it('loses no word when the socket breaks in mid-utterance', async () => {
    await deploy();
    const { openai } = stage.world;
    openai.replies.push({ match: 'appointment', reply: 'To which day?' });
    const said = 'I would like to move my appointment please';
    const call = stage.ring([
      { waitForSilence: 500 },
      { say: said },
      { waitFor: 'which day' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    openai.faults.add({ kind: 'close-mid-stream', after: 3, code: 1011, matchText: '/v1/realtime' });
    const report = await call.ended;
    wentWell(report);
    heard(report, GREETING, 'To which day?');
    assert.equal(openai.sessions.length, 2);
    assert.deepEqual(told(), [`assistant: ${plain(GREETING)}`, `user: ${plain(said)}`]);
  });

  it('tells the caller when what he said cannot be transcribed, and understands what he says next', async () => {
    await deploy();
    const { openai } = stage.world;
    openai.transcription.fails = 'mumble';
    openai.replies.push({ match: 'hello', reply: 'Good day.' });
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'Mumble mumble' },
      { waitFor: 'say that again' },
      { waitForSilence: 500 },
      { say: 'Hello again' },
      { waitFor: 'Good day' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    assert.deepEqual(told().at(-1), 'user: hello again');
  });
});
