import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { change, example } from '../support/example';
import { sinkAt } from '../support/flows';
import { heard, plain, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';

describe('example 01 with Flux, and replies that begin before the turn is surely over', function () {
  this.timeout(40_000);
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());
  beforeEach(async () => {
    stage.world.openai.requests.length = 0;
    stage.world.openai.replies.length = 0;
    stage.world.deepgram.connections.length = 0;
    stage.nodeRed.forget();
    const flow = change(stage.prepare(example('01')), 'deepgram-stt', {
      model: 'flux-general-en',
      eagerEotThreshold: 0.4,
      eotThreshold: 0.8,
    });
    await stage.deploy(sinkAt(flow, 'deepgram-stt', 0, 'speech'));
  });
  afterEach(() => stage.nothingIsLeft());

  const told = (): string[] =>
    (stage.world.openai.requests.at(-1)?.messages ?? [])
      .filter(({ role }) => role === 'user' || role === 'assistant')
      .map(({ role, text }) => `${role}: ${plain(text)}`);
  const topics = (topic: string): unknown[] =>
    stage.nodeRed.received('speech').flatMap((msg) => (msg['topic'] === topic ? [msg['payload']] : []));

  it('holds a conversation: each turn is answered once', async () => {
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
    assert.deepEqual(topics('transcript.eager'), ['Do you open on Sunday', 'And on Monday']);
    assert.deepEqual(topics('transcript'), ['Do you open on Sunday', 'And on Monday']);
    const [connection] = stage.world.deepgram.connections;
    assert.equal(connection?.version, 2);
    assert.deepEqual(connection?.complaints, []);
  });

  it('is interrupted by the caller, and history holds the words heard', async () => {
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
    const said = plain(report.heardText)
      .split(' ')
      .filter((word) => word.startsWith('word'));
    assert.ok(said.length >= 8 && said.length < 20, `${said.length} words of the cut reply were heard`);
    const kept = told().find((line) => line.startsWith('assistant') && line.includes('word1')) ?? '';
    const words = kept.split(' ').filter((word) => word.startsWith('word'));
    assert.ok(
      said.length - words.length <= 1 && words.length <= said.length,
      `heard ${said.length}, kept ${words.length}`,
    );
  });

  it('drops what it had begun to answer when the caller goes on after all', async () => {
    stage.world.openai.replies.push(
      { match: 'table for four', reply: 'A table for four it is.' },
      { match: 'table', reply: 'For how many?' },
    );
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'I want a table' },
      { pause: 210 },
      { say: 'for four' },
      { waitFor: 'it is' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    heard(report, GREETING, 'A table for four it is.');
    assert.deepEqual(told(), [`assistant: ${plain(GREETING)}`, 'user: i want a table for four']);
    assert.ok(topics('transcript.resumed').length === 1, JSON.stringify(topics('transcript.resumed')));
  });
});
