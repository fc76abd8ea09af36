import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { CallReport } from '../../simulators/phone/report';
import { change, example } from '../support/example';
import { catchAll } from '../support/flows';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';
import { ELEVENLABS_VOICE, withElevenLabs } from '../support/voices';

const GREETING = 'Hello, this is Acme. How can I help you?';
const LONG = Array.from({ length: 30 }, (_, i) => `word${i + 1}`).join(' ');

describe('a phone number answers with a voice of ElevenLabs', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set({ elevenlabs: { voices: [ELEVENLABS_VOICE], finalAfterMs: 200, pace: 1.2 } });
  });
  after(() => stage.strike());

  const flow = (tts: Record<string, unknown> = {}): FlowNode[] =>
    catchAll(stage.prepare(withElevenLabs(example('01'), tts)));

  beforeEach(async () => {
    const { openai, elevenlabs } = stage.world;
    openai.requests.length = 0;
    openai.replies.length = 0;
    elevenlabs.connections.length = 0;
    elevenlabs.contexts.length = 0;
    stage.nodeRed.forget();
    await stage.deploy(flow());
  });
  afterEach(async () => {
    await stage.nothingIsLeft();
    const { contexts, connections } = stage.world.elevenlabs;
    assert.deepEqual(
      contexts.filter(({ phantom }) => phantom),
      [],
      'no phantom contexts',
    );
    assert.ok(connections.every(({ mostContexts }) => mostContexts <= 5));
  });

  const errors = (): { provider?: unknown; cause?: unknown; text: string }[] =>
    stage.nodeRed.received('errors').map((msg) => ({
      provider: msg.provider,
      cause: msg.cause,
      text: (msg.error as { message?: string } | undefined)?.message ?? '',
    }));
  const told = (): { role: string; text: string }[] =>
    (stage.world.openai.requests.at(-1)?.messages ?? []).filter(({ role }) => role === 'user' || role === 'assistant');

  it('caller is greeted, asks, is answered, asks again: each word once and in order', async () => {
    stage.world.openai.replies.push(
      { match: 'sunday', reply: 'Yes, from ten to four. Do you need directions?' },
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
    heard(report, GREETING, 'Yes, from ten to four. Do you need directions?', 'On Monday, we are closed.');
    assert.deepEqual(
      told().map(({ role, text }) => [role, plain(text)]),
      [
        ['assistant', plain(GREETING)],
        ['user', 'do you open on sunday'],
        ['assistant', 'yes from ten to four do you need directions'],
        ['user', 'and on monday'],
      ],
    );
    assert.deepEqual(errors(), []);
    assert.equal(stage.world.elevenlabs.connections.length, 1);
  });

  it('caller interrupts: nothing of the cut reply is heard after it, and history holds the words heard', async () => {
    stage.world.openai.replies.push({ match: 'tell me', reply: LONG }, { match: 'stop', reply: 'I stopped.' });
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'Tell me everything' },
      { interruptAfterWords: 8, say: 'Stop it' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    const text = plain(report.heardText);
    assert.ok(text.startsWith(`${plain(GREETING)} word1 `) && text.endsWith('i stopped'), text);
    const cut = text.slice(plain(GREETING).length, -'i stopped'.length).trim().split(' ');
    assert.deepEqual(cut, LONG.split(' ').slice(0, cut.length));
    assert.ok(cut.length < 20, text);
    const kept = plain(
      told().find(({ role, text: said }) => role === 'assistant' && said.includes('word1'))?.text ?? '',
    )
      .split(' ')
      .filter((word) => word.startsWith('word'));
    assert.deepEqual(kept, cut.slice(0, kept.length));
    assert.ok(cut.length - kept.length <= 1, `heard ${cut.join(' ')}, kept ${kept.join(' ')}`);
    assert.deepEqual(errors(), []);
  });

  it('ten barge-ins in quick succession: each is answered, and no socket meets its sixth context', async () => {
    stage.world.openai.replies.push(
      { match: 'enough', reply: 'I stopped.' },
      { match: 'more', reply: `${LONG} ${LONG}` },
    );
    const cuts = Array.from({ length: 10 }, (_, i) => ({ interruptAfterWords: 2, say: `more ${i}` }));
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'Tell me more' },
      ...cuts,
      { interruptAfterWords: 2, say: 'Enough' },
      { waitForSilence: 600 },
      { hangUp: true },
    ]);
    wentWell(report);
    assert.ok(plain(report.heardText).endsWith('i stopped'), report.heardText);
    assert.equal(plain(report.heardText).split('word1 ').length - 1, 11, 'each reply was begun');
    const { connections } = stage.world.elevenlabs;
    // What was cut is made to its end by ElevenLabs, and counts as long as that takes.
    assert.ok(connections.length > 1 && connections.some(({ mostContexts }) => mostContexts === 5));
    assert.deepEqual(
      connections.flatMap(({ errors: said }) => said),
      [],
    );
    assert.deepEqual(errors(), []);
  }).timeout(60_000);

  for (const [how, fault] of Object.entries({
    'is reset': { kind: 'close-mid-stream' },
    'is closed 1008': { kind: 'close-mid-stream', code: 1008, reason: 'Sorry, something went wrong.' },
  } as const)) {
    it(`the socket ${how} in mid-sentence: no word is lost or doubled`, async () => {
      stage.world.openai.replies.push({ match: 'tell me', reply: LONG });
      stage.world.elevenlabs.faults.add({ ...fault, matchText: 'word1 ', after: 7 });
      const report = await stage.call([
        { waitForSilence: 500 },
        { say: 'Tell me everything' },
        { waitForSilence: 700, timeoutMs: 20_000 },
        { hangUp: true },
      ]);
      wentWell(report);
      heard(report, GREETING, LONG);
      assert.deepEqual(
        errors().map(({ provider }) => provider),
        ['elevenlabs'],
      );
    }).timeout(30_000);
  }

  const failsFromTheStart = async (): Promise<CallReport> => {
    const report = await stage.call([{ waitForSilence: 1500, timeoutMs: 15_000 }, { hangUp: true }]);
    assert.equal(report.failure, undefined);
    assert.ok(report.heard.length > 0 && report.heard.every(({ source }) => source === 'carrier'), report.heardText);
    return report;
  };

  it('a wrong voice: the caller hears the carrier, and Catch is told what to do', async () => {
    await stage.deploy(flow({ voice: 'nobody' }));
    await failsFromTheStart();
    const [error] = errors();
    assert.equal(error?.provider, 'elevenlabs');
    assert.equal(error.cause, 'bad-request');
    assert.match(error.text, /voice_not_found.*check the voice in this node/);
  });

  it('a wrong key: the caller hears the carrier, and Catch is told what to do', async () => {
    // With this model nothing was ever spoken: there is no clip of an apology.
    const fresh = flow({ model: 'eleven_turbo_v2_5' });
    await stage.deploy(change(fresh, 'elevenlabs-account', { credentials: { apiKey: 'wrong' } }));
    await failsFromTheStart();
    const [error] = errors();
    assert.equal(error?.provider, 'elevenlabs');
    assert.equal(error.cause, 'authentication');
    assert.match(error.text, /check the key in the account node/);
  });

  it('a quota that is used up in the middle of a day: the agent says sorry in its own voice', async () => {
    stage.world.openai.replies.push({ match: 'sunday', reply: 'Yes, from ten to four.' });
    const first = await stage.call([{ waitForSilence: 700 }, { hangUp: true }]);
    wentWell(first);
    const quota = { kind: 'status', status: 402, matchText: 'from ten', times: 'always' } as const;
    stage.world.elevenlabs.faults.add({ ...quota, when: 'message' });
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'Do you open on Sunday' },
      { waitForSilence: 700 },
      { hangUp: true },
    ]);
    stage.world.elevenlabs.faults.clear();
    wentWell(report);
    heard(report, GREETING, 'Sorry, I am having trouble right now. Could you say that again?');
    assert.ok(report.heard.every(({ source }) => source !== 'carrier'));
    assert.deepEqual(
      errors().map(({ cause }) => cause),
      ['billing'],
    );
  });
});
