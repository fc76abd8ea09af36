import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'mocha';
import { example } from '../support/example';
import { heard, plain, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';

describe('the examples, as shipped', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());
  beforeEach(() => {
    stage.world.openai.requests.length = 0;
    stage.world.openai.replies.length = 0;
  });

  it('02: the model reads at what time each thing was said; the caller hears no brackets', async () => {
    await stage.deploy(stage.prepare(example('02')));
    stage.world.openai.replies.push({ match: 'clock', reply: 'It is early.' });
    const report = await stage.call(
      [{ waitForSilence: 500 }, { say: 'What does the clock say' }, { waitForSilence: 500 }, { hangUp: true }],
      { path: '/twilio/stamped' },
    );
    wentWell(report);
    heard(report, GREETING, 'It is early.');
    const asked = stage.world.openai.requests.at(-1)?.messages.findLast(({ role }) => role === 'user')?.text ?? '';
    assert.match(asked, /^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] What does the clock say/);
    await stage.nothingIsLeft();
  });

  it('03: an agent of your own answers, and falls silent when the caller interrupts', async () => {
    await stage.deploy(stage.prepare(example('03')));
    const long = Array.from({ length: 40 }, (_, i) => `word${i + 1}`).join(' ');
    stage.world.openai.replies.push({ match: 'everything', reply: long }, { match: 'stop', reply: 'I stopped.' });
    const report = await stage.call(
      [
        { waitForSilence: 500 },
        { say: 'Tell me everything' },
        { interruptAfterWords: 8, say: 'Stop it' },
        { waitForSilence: 600 },
        { hangUp: true },
      ],
      { path: '/twilio/own-agent' },
    );
    wentWell(report);
    const words = plain(report.heardText);
    assert.ok(words.startsWith(`${plain(GREETING)} word1 `) && words.endsWith('i stopped'), words);
    assert.ok(!words.includes('word20'), words);
    const messages = stage.world.openai.requests.at(-1)?.messages ?? [];
    const kept = messages.filter(({ role }) => role === 'assistant').map(({ text }) => plain(text));
    assert.equal(kept[0], plain(GREETING));
    assert.ok(words.includes(kept[1] ?? '?') && kept[1]?.startsWith('word1 '), `kept: ${kept[1] ?? ''}`);
    await stage.nothingIsLeft();
  });

  it('04: the echo sends the same bytes back', async () => {
    await stage.deploy(stage.prepare(example('04')));
    const report = await stage.call([{ pause: 300 }, { say: 'Is anybody there' }, { pause: 600 }, { hangUp: true }], {
      path: '/twilio/echo',
    });
    wentWell(report);
    heard(report, 'Is anybody there');
    await stage.nothingIsLeft();
  });

  it('04: the parrot says what it has understood', async () => {
    await stage.deploy(stage.prepare(example('04')));
    const report = await stage.call(
      [{ pause: 300 }, { say: 'Polly wants a cracker' }, { waitForSilence: 600 }, { hangUp: true }],
      { path: '/twilio/parrot' },
    );
    wentWell(report);
    heard(report, 'Polly wants a cracker');
    await stage.nothingIsLeft();
  });

  it('05: a TTS of your own speaks, can be interrupted, and the history holds what was heard', async () => {
    await stage.deploy(stage.prepare(example('05')));
    const long = Array.from({ length: 40 }, (_, i) => `word${i + 10}`).join(' ');
    stage.world.openai.replies.push({ match: 'everything', reply: long }, { match: 'stop', reply: 'I stopped.' });
    const report = await stage.call(
      [
        { waitForSilence: 500 },
        { say: 'Tell me everything' },
        { interruptAfterWords: 8, say: 'Stop it' },
        { waitForSilence: 600 },
        { hangUp: true },
      ],
      { path: '/twilio/own-tts' },
    );
    wentWell(report);
    const words = plain(report.heardText);
    assert.ok(words.startsWith(`${plain(GREETING)} word10 `) && words.endsWith('i stopped'), words);
    const cut = words.slice(plain(GREETING).length, -'i stopped'.length).trim().split(' ');
    assert.ok(cut.length < 20, `too much was heard: ${cut.join(' ')}`);
    const messages = stage.world.openai.requests.at(-1)?.messages ?? [];
    const kept = plain(messages.find(({ role, text }) => role === 'assistant' && text.includes('word10'))?.text ?? '');
    const keptWords = kept.split(' ').filter((word) => word.startsWith('word'));
    assert.ok(
      cut.length - keptWords.length <= 1 && keptWords.length <= cut.length,
      `heard ${cut.length}, kept ${kept}`,
    );
    await stage.nothingIsLeft();
  });
});
