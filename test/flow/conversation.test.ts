import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { change, example } from '../support/example';
import { insert } from '../support/flows';
import { RUN_IN } from '../support/run-in';
import { heart, pool } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';

describe('a phone number answers (example 01)', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());
  beforeEach(async () => {
    stage.world.openai.requests.length = 0;
    stage.world.openai.replies.length = 0;
    await stage.deploy(stage.prepare(example('01')));
  });
  afterEach(() => stage.nothingIsLeft());

  const told = (): { role: string; text: string }[] =>
    (stage.world.openai.requests.at(-1)?.messages ?? []).filter(({ role }) => role === 'user' || role === 'assistant');

  it('caller is greeted, asks, is answered, asks again: the model gets the whole conversation', async () => {
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
    assert.deepEqual(
      told().map(({ role, text }) => [role, plain(text)]),
      [
        ['assistant', plain(GREETING)],
        ['user', 'do you open on sunday'],
        ['assistant', 'yes from ten to four'],
        ['user', 'and on monday'],
      ],
    );
  });

  it('caller interrupts: nothing of the cut reply is heard after the clear, and history holds the words heard', async () => {
    const long = Array.from({ length: 40 }, (_, i) => `word${i + 1}`).join(' ');
    stage.world.openai.replies.push({ match: 'tell me', reply: long }, { match: 'stop', reply: 'I stopped.' });
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'Tell me everything' },
      { interruptAfterWords: 8, say: 'Stop it' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    assert.ok(plain(report.heardText).startsWith(`${plain(GREETING)} word1 `), report.heardText);
    assert.ok(plain(report.heardText).endsWith('i stopped'), report.heardText);
    const cut = plain(report.heardText).slice(plain(GREETING).length, -'i stopped'.length).trim();
    assert.ok(plain(long).startsWith(cut) && cut.split(' ').length < 20, `heard of the cut reply: ${cut}`);
    const kept = plain(told().find(({ role, text }) => role === 'assistant' && text.includes('word1'))?.text ?? '');
    const words = kept.split(' ').filter((word) => word.startsWith('word'));
    const missing = cut.split(' ').length - words.length;
    assert.ok(missing === 0 || missing === 1, `heard "${cut}", kept "${kept}"`);
    assert.deepEqual(words, cut.split(' ').slice(0, words.length));
  });

  it('words said before anything of a reply is heard join the turn: one answer, not two', async () => {
    stage.world.openai.replies.push(
      { match: 'table.*four', reply: 'A table for four it is.' },
      { match: 'table', reply: 'For how many?', firstTokenMs: 1500 },
    );
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'I want a table' },
      { pause: 700 },
      { say: 'for four' },
      { waitForSilence: 800 },
      { hangUp: true },
    ]);
    wentWell(report);
    heard(report, GREETING, 'A table for four it is.');
    assert.deepEqual(
      told().map(({ role, text }) => [role, plain(text)]),
      [
        ['assistant', plain(GREETING)],
        ['user', 'i want a table for four'],
      ],
    );
  });

  it('a greeting that may not be interrupted is heard in full; what the caller said meanwhile is answered next', async () => {
    stage.world.openai.replies.push({ match: 'bicycle', reply: 'Which one?' });
    await stage.deploy(change(stage.prepare(example('01')), 'llm-agent', { greetingInterruptible: false }));
    const report = await stage.call([
      { interruptAfterWords: 2, say: 'I want a bicycle' },
      { waitFor: 'which one' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    heard(report, GREETING, 'Which one?');
    assert.equal(report.clears.length, 0);
  });

  it(`the call is where calls of this run are: ${RUN_IN}`, async () => {
    const call = stage.ring([]);
    await once(call, 'word');
    const { registry } = heart();
    const [here, there] = RUN_IN === 'runtime' ? [1, 0] : [0, 1];
    assert.deepEqual([registry.all().length, pool().count().calls], [here, there]);
    assert.deepEqual([(await pool().countInWorkers()).calls ?? 0, registry.everywhere().length], [there, 1]);
    call.hangUp();
    await call.ended;
  });

  it('a cough stops nothing', async () => {
    const report = await stage.call([{ waitForWords: 2 }, { cough: 400 }, { waitForSilence: 800 }, { hangUp: true }]);
    wentWell(report);
    heard(report, GREETING);
    assert.equal(report.clears.length, 0);
  });

  it('pause and resume: after a cough the reply goes on from the word where it stopped, nothing twice', async () => {
    await stage.deploy(change(stage.prepare(example('01')), 'llm-agent', { bargeIn: 'speech' }));
    const report = await stage.call([{ waitForWords: 3 }, { cough: 300 }, { waitForSilence: 3_500 }, { hangUp: true }]);
    wentWell(report);
    assert.equal(report.clears.length, 1);
    const whole = report.heard.filter((word) => !word.cut && word.fromMs === 0).map(({ text }) => text);
    assert.equal(plain(whole.join(' ')), plain(GREETING));
  });

  it('a protected notice queued behind a cut reply is heard in full', async () => {
    // A Function node beside the agent has a notice said behind each long reply.
    await stage.deploy(
      insert(stage.prepare(example('01')), 'deepgram-stt', {
        type: 'function',
        func: `node.send(msg);
          if (msg.topic === 'transcript' && /everything/i.test(msg.payload)) {
            setTimeout(() => node.send({ call: msg.call, topic: 'agent.say',
              payload: { text: 'Mind that this call is being recorded.', interruptible: false } }), 700);
          }`,
        outputs: 1,
      }),
    );
    const long = Array.from({ length: 40 }, (_, i) => `word${i + 1}`).join(' ');
    stage.world.openai.replies.push({ match: 'everything', reply: long }, { match: 'stop', reply: 'I stopped.' });
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'Tell me everything' },
      { interruptAfterWords: 8, say: 'Stop it' },
      { waitFor: 'I stopped' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    const text = plain(report.heardText);
    assert.ok(text.endsWith('mind that this call is being recorded i stopped'), text);
    assert.ok(!text.includes('word25'), text);
    const notice = report.heard
      .filter(({ text: word }) => /^(Mind|that|this|call|is|being|recorded\.)$/.test(word))
      .slice(-7);
    assert.deepEqual(
      notice.filter(({ cut, fromMs }) => cut || fromMs > 0),
      [],
    );
  });
});
