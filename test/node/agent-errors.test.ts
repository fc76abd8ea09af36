/**
 * Whatever goes wrong with the model: the caller hears words within the budget, Catch is told provider, cause and what to do,
 * the call goes on, and the next turn works.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Cause } from '../../nodes/call/errors';
import { slotOf } from '../../nodes/call/lifecycle';
import type { ReplyRule } from '../../simulators/openai';
import type { Fault } from '../../simulators/faults';
import { until } from '../unit/call/utterance';
import { AgentStage, APOLOGY } from './agent-stage';

type Api = 'responses' | 'chat';

/** Of a time budget of 2 s the model may take so much; a little more for a busy machine. */
const IN_TIME_MS = 1_500;

let stage: AgentStage;

interface Failure {
  what: string;
  /** What the server does, each time. */
  fault?: Fault | ((api: Api) => Fault);
  /** Or what the model writes. */
  reply?: ReplyRule;
  /** Or what else is wrong. */
  account?: { baseUrl?: string; apiKey?: string };
  options?: string;
  cause: Cause | Cause[] | undefined;
  advice?: RegExp;
  /** What the caller hears; by default the apology. */
  heard?: string | RegExp;
  chunking?: string;
  /** It was asked again. */
  twice?: boolean;
  maxReplyTokens?: number;
  /** Odd, told to Catch, but the turn is answered. */
  goesOn?: boolean;
}

const status = (code: number, more: Partial<Fault> = {}): Fault => ({ kind: 'status', status: code, ...more });
const HTML = '<html><body>Bad gateway</body></html>';
const begun = { reply: { reply: 'One sentence is said. The other is not said.' }, chunking: 'sentence' };
const BEGUN = /^One sentence is said\./;

/** A piece of an answer of either API that is told as bytes. */
const frame = (api: Api, text: string): string =>
  api === 'chat'
    ? `data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"${text}"}}]}\n\n`
    : `data: {"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"${text}"}\n\n`;

const FAILURES: Failure[] = [
  // What it answers in place of a reply.
  { what: '400, an option that no model knows', options: '{"temprature": 1}', cause: 'bad-request', advice: /temprature.*settings of this node/ },
  { what: '400, a model that takes no temperature', options: '{"temperature": 1}', cause: 'bad-request', advice: /temperature/ },
  { what: '400, too long for the model', fault: status(400, { errorCode: 'context_length_exceeded' }), cause: 'bad-request', advice: /lower Memory/ },
  { what: '401, a wrong key', account: { apiKey: 'wrong' }, cause: 'authentication', advice: /key in the account/ },
  { what: '401, no key', account: { apiKey: '' }, cause: 'authentication', advice: /key in the account/ },
  { what: 'a key that no header can hold', account: { apiKey: 'sk-\u{1F511}' }, cause: 'settings', advice: /enter it anew/ },
  { what: '403', fault: status(403), cause: 'authentication', advice: /may not use this model/ },
  { what: '404, a model that does not exist', options: '{"model": "gpt-9000"}', cause: 'bad-request', advice: /check the model/ },
  { what: '404, a base URL that leads nowhere', account: { baseUrl: '/else' }, cause: 'bad-request', advice: /base URL/ },
  { what: '408', fault: status(408), cause: 'timeout', twice: true },
  { what: '409', fault: status(409), cause: 'unavailable', twice: true },
  { what: '413', fault: status(413), cause: 'bad-request', advice: /lower Memory/ },
  { what: '422', fault: status(422), cause: 'bad-request', advice: /settings of this node/ },
  { what: '429, come back soon', fault: status(429, { retryAfterMs: 100 }), cause: 'rate-limit', advice: /plan's limits/, twice: true },
  { what: '429, without a word of when', fault: status(429), cause: 'rate-limit', twice: true },
  { what: '429, come back when the caller has gone', fault: status(429, { retryAfterMs: 30_000 }), cause: 'rate-limit' },
  { what: '429, no credit', fault: status(429, { errorCode: 'insufficient_quota' }), cause: 'billing', advice: /credit and billing/ },
  { what: '500', fault: status(500), cause: 'unavailable', twice: true },
  { what: '502, a page of something in between', fault: status(502, { body: HTML }), cause: 'unavailable', twice: true },
  { what: '503', fault: status(503), cause: 'unavailable', twice: true },
  { what: '504', fault: status(504, { body: HTML }), cause: 'unavailable', twice: true },
  { what: '307, to somewhere else', fault: status(307, { body: '' }), cause: 'bad-request', advice: /set the base URL/ },
  { what: '200, a page of something in between', fault: status(200, { body: HTML }), cause: 'protocol', advice: /base URL/, twice: true },
  { what: '200, JSON that is no stream', fault: status(200, { body: { id: 'x', choices: [] } }), cause: 'protocol', advice: /base URL/, twice: true },
  // The network.
  { what: 'nobody listens there', account: { baseUrl: 'http://127.0.0.1:9/v1' }, cause: 'refused', advice: /base URL/ },
  { what: 'a name that does not exist', account: { baseUrl: 'http://no-such-host.invalid/v1' }, cause: ['refused', 'timeout'] },
  { what: 'a reset before the headers', fault: { kind: 'refuse' }, cause: 'refused', twice: true },
  { what: 'a stall before the first byte', fault: { kind: 'stall-before-first-byte' }, cause: 'timeout' },
  { what: 'a stall before the first word', fault: { kind: 'stall-before-first-byte', when: 'mid-stream', after: 0 }, cause: 'timeout' },
  { what: 'a stall before the first sentence', fault: { kind: 'stall-after-first-byte', after: 2 }, chunking: 'sentence', cause: 'timeout' },
  { what: 'a stall while the whole is awaited', fault: { kind: 'stall-after-first-byte', after: 2 }, chunking: 'whole', cause: 'timeout' },
  { what: 'a reset in mid-stream', fault: { kind: 'close-mid-stream', after: 6 }, ...begun, heard: BEGUN, cause: 'closed' },
  { what: 'an end without the last event', fault: { kind: 'close-mid-stream', code: 1000, after: 6 }, ...begun, heard: BEGUN, cause: 'closed' },
  { what: 'an end without any event', fault: { kind: 'close-mid-stream', code: 1000, after: 0 }, cause: ['protocol', 'closed'], twice: true },
  // What comes in the stream.
  { what: 'JSON that is broken, at the start', fault: { kind: 'garbage', after: 0 }, cause: 'protocol', twice: true },
  { what: 'JSON that is broken, in its midst', fault: { kind: 'garbage', after: 6 }, ...begun, heard: BEGUN, cause: 'protocol' },
  { what: 'JSON of an unknown shape', fault: { kind: 'wrong-json', after: 1 }, ...begun, heard: /not said\.$/, cause: 'protocol', goesOn: true },
  { what: 'a line without an end', fault: { kind: 'garbage', after: 0, body: `data: ${'x'.repeat(4_300_000)}` }, cause: 'protocol', twice: true },
  { what: 'bytes that are no UTF-8', fault: (api) => ({ kind: 'garbage', after: 0, times: 1, body: frame(api, 'A caf\xe9. ') }), ...begun, heard: /^A caf\. One sentence/, cause: undefined },
  { what: 'an error at the start', fault: { kind: 'status', when: 'mid-stream', after: 0 }, cause: 'unavailable', twice: true },
  { what: 'an error in its midst', fault: { kind: 'status', when: 'mid-stream', after: 6 }, ...begun, heard: BEGUN, cause: 'unavailable' },
  { what: 'a rate limit in its midst', fault: { kind: 'status', when: 'mid-stream', after: 6, errorCode: 'rate_limit_exceeded' }, ...begun, heard: BEGUN, cause: 'rate-limit' },
  { what: 'no credit any more, at the start', fault: { kind: 'status', when: 'mid-stream', after: 0, errorCode: 'insufficient_quota' }, cause: 'billing' },
  // What the model makes of it.
  { what: 'the length limit in mid-reply', reply: { reply: 'word '.repeat(60) }, maxReplyTokens: 16, heard: /^(word ?){16}$/, cause: undefined },
  { what: 'the length limit before the first word', reply: { reasoningOnly: true, finish: 'length' }, cause: 'bad-request', advice: /Longest reply/ },
  { what: 'the content filter in mid-reply', reply: { reply: 'I will say. ', finish: 'content_filter' }, heard: 'I will say.', cause: 'bad-request', advice: /instructions/ },
  { what: 'the content filter before the first word', reply: { reply: '', finish: 'content_filter' }, cause: 'bad-request', advice: /instructions/ },
  { what: 'a refusal: its words are heard', reply: { refusal: 'I cannot help with that.' }, heard: 'I cannot help with that.', cause: undefined },
  { what: 'an empty reply', reply: { reply: '' }, cause: 'protocol', advice: /instructions/ },
  { what: 'thoughts alone', reply: { reasoningOnly: true }, cause: 'protocol', advice: /instructions/ },
  { what: 'a tool that nobody offered', reply: { toolCall: { name: 'transfer', arguments: {}, unoffered: true } }, cause: 'protocol', advice: /instructions/ },
  { what: 'signs that nobody can speak', reply: { reply: '---\n```\n```\n🙂' }, cause: 'protocol', advice: /instructions/ },
]; // prettier-ignore

describe('When the model fails', function () {
  this.timeout(6_000);
  beforeEach(async () => {
    stage = new AgentStage();
    await stage.set();
  });
  afterEach(() => stage.strike());

  for (const api of ['responses', 'chat'] as const) {
    for (const failure of FAILURES) {
      const {
        what,
        fault,
        reply,
        account = {},
        options,
        cause,
        advice,
        heard = APOLOGY,
        chunking = 'clause',
      } = failure;
      it(`${api}: ${what}`, async () => {
        const { baseUrl } = account;
        stage.account = {
          ...account,
          ...(baseUrl !== undefined && { baseUrl: baseUrl.startsWith('/') ? stage.simulator.url + baseUrl : baseUrl }),
        };
        const { maxReplyTokens = 100 } = failure;
        await stage.load({ api, chunking, maxReplyTokens, timeBudget: 2, ...(options !== undefined && { options }) });
        if (fault)
          stage.simulator.faults.add({ times: 'always', ...(typeof fault === 'function' ? fault(api) : fault) });
        if (reply) stage.simulator.replies.push({ match: 'Help', ...reply });
        const at = stage.call.now();
        stage.send('transcript', 'Help', { timing: { speechEndedAt: at } });
        await until('the first sound', () => stage.spoken.length > 0);
        assert.ok(stage.call.now() - at < IN_TIME_MS, `after ${stage.call.now() - at} ms`);
        const words = await stage.said(0);
        if (typeof heard === 'string') assert.equal(words.text.trim(), heard);
        else assert.match(words.text, heard);
        assert.equal(words.kind, words.text === APOLOGY ? 'notice' : 'reply');
        if (cause === undefined) assert.deepEqual(stage.caught, []);
        else {
          await until('an error', () => stage.caught.length > 0);
          assert.equal(stage.caught.length, 1, 'told once');
          const [error] = stage.caught;
          assert.ok(error);
          assert.ok([cause].flat().includes(error.cause as Cause), `${error.cause}: ${error.error.message}`);
          assert.match(error.error.message, advice ?? / - \w+/);
          assert.deepEqual([error.provider, error.call.id], ['openai', stage.call.info.id]);
          assert.ok(!/simulator-key|sk-/.test(JSON.stringify(error)));
        }
        if (failure.twice) assert.equal(attempts(), 2);
        stage.hearOut(words.id);
        await until('a turn', () => stage.turns.length === 1);
        const [turn] = stage.turns;
        assert.deepEqual([turn?.user, turn?.agent.heard], ['Help', words.text.trim()]);
        assert.equal(turn?.error?.cause, failure.goesOn ? undefined : stage.caught[0]?.cause);
        assert.equal(stage.call.state, 'live');

        // What was wrong is put right, by the flow or by itself, and the next turn works. (An account: see below.)
        stage.simulator.faults.clear();
        if (options !== undefined) stage.send('agent.set', { options: {} });
        if (Object.keys(account).length > 0) return;
        stage.send('transcript', 'Again');
        const next = await stage.said(1);
        assert.equal(next.text, 'You said: Again.');
        assert.deepEqual(stage.texts(stage.requests.length - 1), ['Help', words.text.trim(), 'Again']);
      });
    }
  }

  /** How often the model's server was asked. */
  function attempts(): number {
    const { requests, refusals, faults } = stage.simulator;
    // One that was reset stands in neither list.
    return requests.length + refusals.length || faults.struck;
  }

  for (const api of ['responses', 'chat'] as const) {
    it(`${api}: a conversation that is too long for the model is shortened, and the caller answered`, async () => {
      await stage.load({ api });
      for (const text of ['one', 'two', 'three', 'four']) {
        stage.send('transcript', text);
        stage.hearOut((await stage.said(stage.spoken.length)).id);
      }
      stage.simulator.faults.add(status(400, { errorCode: 'context_length_exceeded', times: 2 }));
      stage.send('transcript', 'five');
      const answer = await stage.said(4);
      assert.equal(answer.text, 'You said: five.');
      assert.deepEqual(stage.caught, []);
      assert.deepEqual(stage.texts(4), ['four', 'You said: four.', 'five'], 'four turns before it, then two, then one');
      stage.hearOut(answer.id);
      stage.send('transcript', 'six');
      await stage.said(5);
      assert.deepEqual(stage.texts(5), ['five', 'You said: five.', 'six'], 'and stays so short');
    });

    it(`${api}: an account that is put right by a Deploy serves the same call`, async () => {
      stage.account = { apiKey: 'wrong' };
      await stage.load({ api });
      stage.send('transcript', 'Help');
      stage.hearOut((await stage.said(0)).id);
      const slot = slotOf('agent');
      assert.ok(slot);
      slot.settings = { ...(slot.settings as object), apiKey: 'simulator-key' };
      stage.send('transcript', 'Again');
      assert.equal((await stage.said(1)).text, 'You said: Again.');
    });
  }

  it('an apology may be protected as the answer was in whose place it stands', async () => {
    await stage.load();
    stage.simulator.faults.add(status(401));
    stage.send('agent.respond', { text: 'the law', interruptible: false });
    const apology = await stage.said(0);
    assert.deepEqual([apology.text, apology.interruptible], [APOLOGY, false]);
  });

  it('a model that writes slowly, but writes, is not given up', async () => {
    await stage.load({ chunking: 'sentence', timeBudget: 1 });
    stage.simulator.replies.push({
      match: 'Help',
      reply: 'This is one slow sentence.',
      firstTokenMs: 200,
      tokenMs: 250,
    });
    stage.send('transcript', 'Help');
    assert.equal((await stage.said(0)).text, 'This is one slow sentence.');
    assert.equal(stage.requests.length, 1);
  });
});
