import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'mocha';
import type { OpenAiRequest } from '../../simulators/openai';
import type { CallReport } from '../../simulators/phone/report';
import { CARRIER, IN } from '../support/carriers';
import { change, example } from '../support/example';
import { NodeRedProcess } from '../support/node-red-process';
import { byPlace, sharedContext } from '../support/run-in';
import { makeUserDir, NODE_RED, PACKAGE_ROOT, pool, until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';

/** Where callers are remembered that may come to another worker the next time. */
const STORE = 'disk';

describe('the examples, as shipped', () => {
  let stage: Stage;
  /** Example 03, where that has to be so with the store that its comment tells of. */
  const ownAgent = (): FlowNode[] => {
    const flows = stage.prepare(example('03'));
    const stored = ({ func, ...node }: FlowNode): FlowNode => ({ ...node, func: String(func).replace('STORE = undefined', `STORE = '${STORE}'`) }); // prettier-ignore
    return byPlace('context of one runtime', {
      runtime: flows,
      workers: flows.map((node) => (node.type === 'function' ? stored(node) : node)),
    });
  };
  before(async () => {
    stage = await Stage.set({}, sharedContext(STORE));
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
    await stage.deploy(ownAgent());
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

  describe('03: callers are remembered', () => {
    const said = ({ messages }: OpenAiRequest): string[] => messages.map(({ role, text }) => `${role}: ${text}`);
    const rings = async (from: string, question: string, url = stage.nodeRed.url): Promise<OpenAiRequest> => {
      const script = [{ waitForSilence: 500 }, { say: question }, { waitForSilence: 500 }, { hangUp: true }] as const;
      const webhookUrl = `${url}/${CARRIER}/own-agent`;
      const report = await stage.world[CARRIER].ring({ webhookUrl, script, from }).ended;
      wentWell(report);
      const asked = stage.world.openai.requests.at(-1);
      assert.ok(asked);
      return asked;
    };
    const knows = (request: OpenAiRequest, words: string): boolean => plain(said(request).join(' ')).includes(words);

    it('who calls again is known: the model is shown what was said, as it was heard; who has never called is not', async () => {
      await stage.deploy(ownAgent());
      const long = Array.from({ length: 40 }, (_, i) => `word${i + 1}`).join(' ');
      stage.world.openai.replies.push({ match: 'everything', reply: long });
      const from = '+14155550111';
      const first = await stage.call(
        [
          { waitForSilence: 500 },
          { say: 'Tell me everything' },
          { interruptAfterWords: 8, say: 'My name is Ada' },
          { waitForSilence: 600 },
          { hangUp: true },
        ],
        { path: '/twilio/own-agent', from },
      );
      wentWell(first);
      await stage.nothingIsLeft();
      const again = await rings(from, 'Who am I');
      const [, greeting, asked, cut = '', name, answer, between, ...now] = said(again);
      assert.deepEqual(
        [greeting, asked, name, answer].map((text) => plain(text ?? '')),
        ['assistant hello this is acme how can i help you', 'user tell me everything', 'user my name is ada', 'assistant you said my name is ada'],
      ); // prettier-ignore
      assert.match(cut, /^assistant: word1 .*word\d+ —$/, 'cut where the caller stopped hearing it');
      assert.ok(
        !cut.includes('word20') && plain(first.heardText).includes(plain(cut.slice('assistant: '.length))),
        cut,
      );
      assert.match(between ?? '', /^system: The call of .* is over/);
      assert.deepEqual(now.map(plain), ['assistant hello this is acme how can i help you', 'user who am i']);
      const other = await rings('+14155550112', 'Who am I');
      assert.deepEqual(said(other).slice(1).map(plain), [
        'assistant hello this is acme how can i help you',
        'user who am i',
      ]);
      await stage.nothingIsLeft();
    }).timeout(60_000);

    it('whose number is withheld is nobody: what one has said is not told to the next', async () => {
      await stage.deploy(ownAgent());
      for (const from of ['anonymous', '+266696687']) {
        await rings(from, 'My secret is tangerine');
        assert.ok(!knows(await rings(from, 'What was it'), 'tangerine'), from);
      }
      await stage.nothingIsLeft();
    }).timeout(60_000);

    it('of too many callers the one is forgotten who has not called for the longest time; of a long talk the beginning', async () => {
      const flows = ownAgent().map((node) => {
        if (node.id !== 'va03ask000000001') return node;
        const func = String(node.func);
        const less = func.replace('MAX_CALLERS = 1000', 'MAX_CALLERS = 1').replace('MAX_SAID = 20', 'MAX_SAID = 3');
        assert.notEqual(less, func);
        return { ...node, func: less };
      });
      await stage.deploy(flows);
      await rings('+14155550121', 'I like apples');
      const again = await rings('+14155550121', 'I like pears');
      assert.ok(knows(again, 'user i like apples') && !knows(again, 'how can i help you you said'), said(again).join());
      assert.equal(said(again).filter((text) => plain(text).endsWith('how can i help you')).length, 2);
      await rings('+14155550122', 'I like plums');
      assert.ok(!knows(await rings('+14155550121', 'And I'), 'apples'), 'forgotten');
      await stage.nothingIsLeft();
    }).timeout(60_000);

    it('with a context store on the disk, also when Node-RED has been started anew', async () => {
      const userDir = makeUserDir();
      const nodeRedDir = join(PACKAGE_ROOT, 'node_modules', NODE_RED);
      const more = byPlace<Record<string, unknown>>('context of one runtime', {
        runtime: { contextStorage: { default: { module: 'localfilesystem' } } },
        workers: sharedContext(STORE),
      });
      let nodeRed = await NodeRedProcess.start(nodeRedDir, userDir, [], more);
      try {
        const port = Number(new URL(nodeRed.url).port);
        const flows = ownAgent().map((node) => ('publicUrl' in node ? { ...node, publicUrl: nodeRed.url } : node)); // prettier-ignore
        const headers = { 'content-type': 'application/json' };
        await fetch(`${nodeRed.url}/flows`, { method: 'POST', headers, body: JSON.stringify(flows) });
        // The answer comes before they run.
        await until('the flows run', () => nodeRed.log.split('Started flows').length === 3, 10_000);
        await rings('+14155550131', 'My name is Ada', nodeRed.url);
        await nodeRed.stop();
        nodeRed = await NodeRedProcess.start(nodeRedDir, userDir, flows, more, port);
        assert.ok(knows(await rings('+14155550131', 'Who am I', nodeRed.url), 'my name is ada'));
        assert.ok(!knows(await rings('+14155550132', 'Who am I', nodeRed.url), 'ada'));
      } finally {
        await nodeRed.stop();
        rmSync(userDir, { recursive: true, force: true });
      }
    }).timeout(90_000);
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

  it('15: two callers in worker threads are told the price of what they ask for; the turns of both are in one file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'voice-agent-turns-'));
    const file = (process.env.TURNS_FILE = join(folder, 'turns.jsonl'));
    const kept = (): Set<unknown> => {
      const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
      return new Set(lines.map((line) => (JSON.parse(line) as { call: unknown }).call));
    };
    try {
      await stage.deploy(change(stage.prepare(example('15')), IN, { workers: 2 }));
      stage.world.openai.replies.push(
        { match: '\\[falcon 17 saddle: 23 dollars\\]$', reply: 'It costs twenty three dollars.' },
        { match: '\\[cobalt 5 bell: 9 dollars\\]$', reply: 'It costs nine dollars.' },
      );
      const rings = (question: string): Promise<CallReport> =>
        stage.call([{ waitForSilence: 500 }, { say: question }, { waitForSilence: 500 }, { hangUp: true }], {
          path: '/twilio/workers',
        });
      const calls = [rings('How much is the falcon 17 saddle'), rings('And the cobalt 5 bell')];
      await until('both are in workers', () => pool().count().calls === 2);
      const [first, second] = await Promise.all(calls);
      assert.ok(first && second);
      wentWell(first);
      wentWell(second);
      heard(first, GREETING, 'It costs twenty three dollars.');
      heard(second, GREETING, 'It costs nine dollars.');
      await until('turns of both are in the file', () => kept().size === 2);
      assert.deepEqual(kept(), new Set([first.callId, second.callId]));
      await stage.nothingIsLeft();
    } finally {
      delete process.env.TURNS_FILE;
      rmSync(folder, { recursive: true, force: true });
    }
  }).timeout(30_000);
});
