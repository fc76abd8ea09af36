import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ChatReader, chatBody, streamChat } from '../../../nodes/agent/chat';
import { pickApi } from '../../../nodes/agent/model';
import type { ModelEvent, ModelRequest } from '../../../nodes/agent/model';
import { modelError } from '../../../nodes/agent/model-errors';
import { requestHeaders, requestOptions } from '../../../nodes/agent/request-settings';
import { ResponsesReader, responsesBody, streamResponses } from '../../../nodes/agent/responses';
import { OpenAiSimulator } from '../../../simulators/openai';

let simulator: OpenAiSimulator;

const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  baseUrl: simulator.url,
  apiKey: 'simulator-key',
  api: 'responses',
  model: 'gpt-5.4-mini',
  instructions: 'Be brief.',
  messages: [{ role: 'user', text: 'Hi' }],
  maxTokens: 100,
  temperature: undefined,
  reasoningEffort: undefined,
  options: {},
  headers: {},
  ...more,
});

async function all(stream: AsyncIterable<ModelEvent>): Promise<ModelEvent[]> {
  const events: ModelEvent[] = [];
  for await (const event of stream) if (event.type !== 'alive') events.push(event);
  return events;
}

const textOf = (events: ModelEvent[]): string =>
  events.map((event) => (event.type === 'text' || event.type === 'refusal' ? event.text : '')).join('');

describe('The model on its wire', () => {
  beforeEach(async () => {
    simulator = new OpenAiSimulator({
      firstTokenMs: 1,
      tokenMs: 0,
      sseSplitBytes: 7,
      replies: [{ reply: 'Grüße 你好, yes.' }],
    });
    await simulator.start();
  });
  afterEach(async () => simulator.close());

  it('both APIs: text, model, usage; cut at any byte', async () => {
    for (const stream of [streamResponses, streamChat]) {
      const events = await all(stream(request(), new AbortController().signal));
      assert.equal(textOf(events), 'Grüße 你好, yes.');
      const end = events.at(-1);
      assert.ok(end?.type === 'end' && end.finish === 'stop' && end.model === 'gpt-5.4-mini');
      assert.ok((end.usage?.outputTokens ?? 0) > 0);
    }
    assert.equal(simulator.refusals.length, 0);
  });

  it('is accepted by the strict simulator in all its settings', async () => {
    const full = { temperature: 0.5, reasoningEffort: 'none', options: { text: { verbosity: 'low' } } };
    await all(streamResponses(request(full), new AbortController().signal));
    await all(streamChat(request({ ...full, options: { verbosity: 'low' } }), new AbortController().signal));
    await all(streamResponses(request({ messages: [], instructions: '' }), new AbortController().signal));
    await all(streamChat(request({ messages: [], instructions: '' }), new AbortController().signal));
    assert.deepEqual(simulator.refusals, []);
  });

  it('the length limit is told', async () => {
    simulator.replies[0] = { reply: 'one two three four '.repeat(30) };
    for (const stream of [streamResponses, streamChat]) {
      const end = (await all(stream(request({ maxTokens: 16 }), new AbortController().signal))).at(-1);
      assert.ok(end?.type === 'end' && end.finish === 'length');
    }
  });

  it('an abort ends the stream quietly and closes the request', async () => {
    simulator.replies[0] = { reply: 'x', firstTokenMs: 5000 };
    for (const stream of [streamResponses, streamChat]) {
      const controller = new AbortController();
      const events = all(stream(request(), controller.signal));
      while (simulator.open.requests === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      controller.abort();
      assert.deepEqual(await events, []);
      while (simulator.open.requests > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });

  it('connections are kept from one request to the next', async () => {
    const ports = new Set<number>();
    const server = simulator as unknown as {
      server: { on(event: 'connection', then: (socket: { remotePort: number }) => void): void };
    };
    server.server.on('connection', (socket) => ports.add(socket.remotePort));
    for (let turn = 0; turn < 4; turn++) {
      await all(streamResponses(request(), new AbortController().signal));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(ports.size, 1);
  });

  it('keys are not in errors', async () => {
    simulator.faults.add({
      kind: 'status',
      status: 401,
      body: {
        error: { message: 'Incorrect API key provided: sk-proj-abcd****wxyz.', type: 'x', code: 'invalid_api_key' },
      },
    });
    await assert.rejects(all(streamResponses(request(), new AbortController().signal)), (err: Error) => {
      assert.match(err.message, /check the key in the account/);
      assert.doesNotMatch(err.message, /sk-|wxyz/);
      return true;
    });
  });
});

describe('Which API', () => {
  it('by the base URL', () => {
    assert.equal(pickApi('auto', 'https://api.openai.com/v1'), 'responses');
    assert.equal(pickApi('auto', 'https://eu.api.openai.com/v1'), 'responses');
    assert.equal(pickApi('auto', 'http://127.0.0.1:11434/v1'), 'chat');
    assert.equal(pickApi('responses', 'http://127.0.0.1:11434/v1'), 'responses');
  });

  it('compatible servers get the dialect that all of them understand', () => {
    const body = chatBody({ ...plain(), baseUrl: 'http://127.0.0.1:11434/v1', model: 'gpt-oss:20b' });
    assert.deepEqual(body, {
      model: 'gpt-oss:20b',
      messages: [
        { role: 'system', content: 'A' },
        { role: 'user', content: 'Hi' },
      ],
      max_tokens: 50,
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it('options win over every field, null takes one out, objects are put together; stream and store are ours', () => {
    const ours = { temperature: 0.5, reasoningEffort: 'low' };
    const bodies = [
      [responsesBody, { reasoning: { summary: 'auto' }, stream_options: { include_obfuscation: true } }],
      [chatBody, { reasoning_effort: 'high', stream_options: { include_obfuscation: true } }],
    ] as const;
    for (const [body, nested] of bodies) {
      const before = body({ ...plain(), ...ours });
      for (const name of Object.keys(before)) {
        const own = name === 'stream' || name === 'store';
        assert.equal(name in body({ ...plain(), ...ours, options: { [name]: null } }), own, `${name}: null`);
        const replaced = body({ ...plain(), ...ours, options: { [name]: 'else' } })[name];
        assert.equal(replaced, own ? name === 'stream' : 'else', name);
      }
      const after = body({ ...plain(), ...ours, options: { ...nested, user: 'u' } });
      assert.equal(after.user, 'u');
      const options = after.stream_options as Record<string, unknown>;
      assert.equal(options.include_obfuscation, true);
      if (body === chatBody) assert.equal(options.include_usage, true, 'beside it the rest stays');
      else assert.deepEqual(after.reasoning, { effort: 'low', summary: 'auto' });
    }
  });

  it('a server of its own that does not know store is not sent it, if an option takes it out', () => {
    const elsewhere = { ...plain(), baseUrl: 'http://127.0.0.1:8000/v1', model: 'llama' };
    assert.equal(responsesBody(elsewhere).store, false);
    assert.equal('store' in responsesBody({ ...elsewhere, options: { store: null } }), false);
  });

  it('an option named as a part of every object is a field like any other', () => {
    const options = JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, unknown>;
    const body = chatBody({ ...plain(), options });
    assert.ok(JSON.stringify(body).includes('"__proto__":{"polluted":true}'));
    assert.equal((body as { polluted?: unknown }).polluted, undefined);
  });

  it('settings: what is ours in the request is refused in words', () => {
    assert.throws(() => requestOptions({ options: '{"stream": false}' }), /stream is always true/);
    assert.throws(() => requestOptions({ options: '{"store": true}' }), /store is always false/);
    assert.deepEqual(requestOptions({ options: '{"stream": true, "store": false, "n": 1}' }), {
      ...{ stream: true, store: false, n: 1 },
    });
    const refused = { Authorization: 'account', 'Content-Type': 'connection', host: 'connection', 'a b': 'characters' };
    for (const [name, words] of Object.entries(refused)) {
      assert.throws(() => requestHeaders({ headers: { [name]: 'x' } }), new RegExp(words), name);
    }
    assert.throws(() => requestHeaders({ headers: { 'x-team': 'a\r\nb: c' } }), /characters/);
    assert.deepEqual(requestHeaders({ headers: '{"OpenAI-Project": "p", "x-n": 4}' }), {
      ...{ 'OpenAI-Project': 'p', 'x-n': '4' },
    });
  });

  function plain(): ModelRequest {
    return {
      baseUrl: 'https://api.openai.com/v1',
      apiKey: 'k',
      api: 'chat',
      model: 'gpt-5.4-mini',
      instructions: 'A',
      messages: [{ role: 'user', text: 'Hi' }],
      maxTokens: 50,
      temperature: undefined,
      reasoningEffort: undefined,
      options: {},
      headers: {},
    };
  }
});

describe('Events as the contract shows them', () => {
  it('responses: errors flat and nested, failed, refusal, two messages', () => {
    const reader = new ResponsesReader();
    assert.throws(() => reader.read({ type: 'error', code: 'insufficient_quota', message: 'm' }), { cause: 'billing' });
    const nested = { type: 'error', error: { type: 'insufficient_quota', code: 'x', message: 'm' } };
    assert.throws(() => reader.read(nested), { cause: 'billing' });
    const failed = { type: 'response.failed', response: { error: { code: 'rate_limit_exceeded', message: 'm' } } };
    assert.throws(() => reader.read(failed), { cause: 'rate-limit' });
    assert.deepEqual(reader.read({ type: 'response.refusal.delta', delta: 'No.' }), { type: 'refusal', text: 'No.' });
    reader.read({ type: 'response.output_text.delta', item_id: 'a', delta: 'Let me see.' });
    const second = reader.read({ type: 'response.output_text.delta', item_id: 'b', delta: 'Yes' });
    assert.deepEqual(second, { type: 'text', text: ' Yes' });
    assert.equal(reader.read({ hello: 'world' }).type, 'strange');
    assert.equal(reader.read(null).type, 'strange');
    assert.equal(reader.read({ type: 'response.something.new' }).type, 'alive');
  });

  it('chat: a first chunk without choices, usage on every chunk, an error in the stream', () => {
    const reader = new ChatReader();
    assert.equal(reader.read({ choices: [], prompt_filter_results: [] }).type, 'alive');
    assert.deepEqual(reader.read({ choices: [{ delta: { content: 'Hi' } }], usage: { prompt_tokens: 1 } }), {
      type: 'text',
      text: 'Hi',
    });
    assert.throws(() => reader.read({ error: { message: 'm', type: 'server_error' } }), { cause: 'unavailable' });
    assert.throws(() => reader.end(), { cause: 'closed' });
    assert.throws(() => new ChatReader().end(), { cause: 'protocol' });
  });

  it('what is no error of the SDK is a broken stream', () => {
    assert.equal(modelError(new TypeError('terminated')).cause, 'closed');
    assert.equal(modelError(new SyntaxError('x')).cause, 'protocol');
  });
});
