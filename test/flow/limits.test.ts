import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { ACCOUNT, IN, onlyOn } from '../support/carriers';
import { change, example } from '../support/example';
import { sinkAt } from '../support/flows';
import { onlyIn } from '../support/run-in';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';
const KEY = { sid: 'SK00000000000000000000000000000001', secret: 'the secret of the key' };

/** Why the call ended, as the flow was told. */
interface Ended {
  topic: string;
  payload: { reason?: string };
}

describe('no call runs for ever, and none comes in that has no line', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set({ twilio: { apiKeySid: KEY.sid, apiKeySecret: KEY.secret } });
  });
  after(() => stage.strike());
  beforeEach(() => {
    stage.nodeRed.forget();
    stage.world.twilio.rest.log.length = 0;
  });
  afterEach(() => stage.nothingIsLeft());

  const withIn = (properties: Record<string, unknown>): FlowNode[] =>
    sinkAt(change(stage.prepare(example('01')), IN, properties), IN, 1, 'events');

  /** The flow whose account names an API key for the REST API; webhooks are signed with the auth token all the same. */
  const withKey = (flow: FlowNode[], secret: string): FlowNode[] =>
    flow.map((node) =>
      node.type === ACCOUNT
        ? {
            ...node,
            credentials: { ...(node.credentials as object), apiKeySid: KEY.sid, apiKeySecret: secret },
          }
        : node,
    );

  const endedFor = async (): Promise<string | undefined> => {
    const msg = (await stage.nodeRed.message('events', ({ topic }) => topic === 'call.ended')) as unknown as Ended;
    return msg.payload.reason;
  };

  it('the longest duration is over: the caller hears the goodbye, and the call is ended by us', async () => {
    await stage.deploy(withIn({ maxDuration: '0.1', goodbye: 'Time is up. Goodbye.' }));
    const report = await stage.call([{ waitFor: 'help you' }, { waitForSilence: 400 }, { say: 'Are you still there' }]);
    heard(report, GREETING, 'You said: Are you still there.', 'Time is up. Goodbye.');
    assert.notEqual(report.endedBy, 'caller');
    assert.equal(await endedFor(), 'max-duration');
    assert.ok(report.durationMs < 12_000, `${report.durationMs} ms`);
  });

  it('nobody says a word: the caller hears the goodbye, and the call is ended by us', async () => {
    await stage.deploy(withIn({ idleTimeout: '3', goodbye: 'I hear nobody. Goodbye.' }));
    const report = await stage.call([]);
    heard(report, GREETING, 'I hear nobody. Goodbye.');
    assert.notEqual(report.endedBy, 'caller');
    assert.equal(await endedFor(), 'silence');
  });

  it('all lines are taken: the next caller is told so, gets the busy tone, or is put through to another number', async () => {
    for (const busy of ['say', 'reject', 'forward']) {
      await stage.deploy(withIn({ maxCalls: 1, busy, busyText: 'All are busy.', forwardTo: '+15557654321' }));
      const first = stage.ring([]);
      await once(first, 'stream-started');
      const second = await stage.call([]);
      if (busy === 'say') heard(second, 'All are busy.');
      else if (busy === 'reject') assert.equal(second.status, 'busy');
      else {
        const dialled = second.dials.map(({ to, status }) => `${to} ${status}`);
        assert.deepEqual(dialled, ['+15557654321 completed']);
      }
      // The first caller has noticed nothing.
      await first.perform({ waitForSilence: 400 }, { say: 'Is this line mine' }, { waitFor: 'line mine' });
      first.hangUp();
      const report = await first.ended;
      wentWell(report);
      heard(report, GREETING, 'You said: Is this line mine.');
      await stage.nothingIsLeft();
    }
  }).timeout(60_000);

  onlyOn('twilio', 'key beside the token', () => {
    it('with an API key, the REST API is asked with it; a wrong one is told, and the goodbye is heard all the same', async () => {
      const flow = withIn({ idleTimeout: '2' });
      await stage.deploy(withKey(flow, KEY.secret));
      heard(await stage.call([]), GREETING, 'Goodbye.');
      assert.ok(stage.world.twilio.rest.log.length > 0);
      assert.deepEqual([...new Set(stage.world.twilio.rest.log.map(({ status }) => status))], [200]);

      stage.world.twilio.rest.log.length = 0;
      await stage.deploy(withKey(flow, 'not the secret'));
      heard(await stage.call([]), GREETING, 'Goodbye.');
      assert.ok(stage.world.twilio.rest.log.some(({ status }) => status === 401));
    });
  });
});

describe('other ways to the model, and other keys', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());
  beforeEach(() => {
    stage.nodeRed.forget();
    stage.world.openai.requests.length = 0;
    stage.world.openai.replies.length = 0;
  });
  afterEach(() => stage.nothingIsLeft());

  it('Chat Completions of a compatible server, as picked from the base URL: talk, barge-in, and what was heard', async () => {
    await stage.deploy(change(stage.prepare(example('01')), 'llm-agent', { api: 'auto', model: 'gpt-4.1-mini' }));
    const long = Array.from({ length: 40 }, (_, i) => `word${i + 1}`).join(' ');
    stage.world.openai.replies.push({ match: 'tell me', reply: long }, { match: 'stop', reply: 'I stopped.' });
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'Tell me everything' },
      { interruptAfterWords: 6, say: 'Stop it' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    assert.match(plain(report.heardText), /i stopped$/);
    const requests = stage.world.openai.requests;
    assert.deepEqual(new Set(requests.map(({ api }) => api)), new Set(['chat']));
    const cut =
      requests
        .at(-1)
        ?.messages.filter(({ role }) => role === 'assistant')
        .at(-1)?.text ?? '';
    const words = plain(cut).match(/word\d+/g) ?? [];
    const heardWords = report.heard.filter(({ text }) => /^word\d+/.test(text)).length;
    assert.ok(words.length >= 5 && words.length <= heardWords, `history: ${words.length}, heard: ${heardWords}`);
  });

  onlyIn('runtime', 'Deploy in mid-call', () => {
    it('a key that is changed by a Deploy in mid-call counts from the next turn', async () => {
      const flow = stage.prepare(example('01'));
      const keyed = (type: string, apiKey: string): FlowNode[] =>
        flow.map((node) => (node.type === type ? { ...node, credentials: { apiKey } } : node));
      const errors: FlowNode[] = [
        { id: 'catch', type: 'catch', z: flow[0]?.id, scope: null, uncaught: false, x: 1, y: 1, wires: [['sink']] },
        { id: 'sink', type: 'test-sink', z: flow[0]?.id, name: 'errors', x: 2, y: 1, wires: [[]] },
      ];
      await stage.deploy([...flow, ...errors]);
      const call = stage.ring([]);
      await call.perform({ waitForSilence: 500 }, { say: 'First question' }, { waitFor: 'first question' });
      await call.perform({ waitForSilence: 500 });
      await stage.deploy([...keyed('openai-account', 'sk-revoked'), ...errors], 'nodes');
      await call.perform({ say: 'Second question' }, { waitForSilence: 800 });
      const told = await stage.nodeRed.message('errors', ({ provider }) => provider === 'openai');
      assert.equal(told.cause, 'authentication');
      await stage.deploy([...flow, ...errors], 'nodes');
      await call.perform({ say: 'Third question' }, { waitFor: 'third question' }, { hangUp: true });
      const report = await call.ended;
      wentWell(report);
      assert.equal(report.streams.length, 1);
      assert.doesNotMatch(plain(report.heardText), /you said second/);
    });
  });
});
