import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import OpenAI from 'openai';
import { OpenAiSimulator, type OpenAiOptions } from '../../../simulators/openai';
import { SIMULATOR_KEY } from '../../../simulators/loopback';
import { eventually } from './ws-client';

const MODEL = 'gpt-5.6-luna';
const HOURS = {
  name: 'opening_hours',
  description: 'Look up opening hours',
  parameters: {
    type: 'object',
    properties: { day: { type: 'string' } },
    required: ['day'],
    additionalProperties: false,
  },
  strict: true,
};
const FLAT_TOOL = { type: 'function' as const, ...HOURS };
const CHAT_TOOL = { type: 'function' as const, function: HOURS };
const ASK: { role: 'user'; content: string } = { role: 'user', content: 'Do you open on Sunday?' };

describe('the OpenAI simulator', () => {
  let openai: OpenAiSimulator;
  let client: OpenAI;

  async function start(options: OpenAiOptions = {}): Promise<void> {
    openai = new OpenAiSimulator({ firstTokenMs: 2, tokenMs: 0, ...options });
    client = new OpenAI({ baseURL: await openai.start(), apiKey: SIMULATOR_KEY, maxRetries: 0, logLevel: 'off' });
  }
  afterEach(() => openai.close());

  async function post(
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<[number, string | null]> {
    const response = await fetch(openai.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${SIMULATOR_KEY}`, ...headers },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (response.ok) return [response.status, null];
    const { error } = JSON.parse(text) as { error: { code: string | null } };
    return [response.status, error.code];
  }

  describe('on command', () => {
    const ask = (api: string): Record<string, unknown> =>
      api === 'responses'
        ? { model: MODEL, input: [ASK], stream: true }
        : { model: MODEL, messages: [ASK], stream: true };

    /** The bytes of a streamed answer. */
    async function stream(api: string): Promise<Buffer> {
      const response = await fetch(`${openai.url}/${api}`, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${SIMULATOR_KEY}` },
        body: JSON.stringify(ask(api)),
      });
      assert.match(response.headers.get('content-type') ?? '', /event-stream/);
      return Buffer.from(await response.arrayBuffer());
    }
    const events = (bytes: Buffer): Record<string, unknown>[] =>
      bytes
        .toString()
        .split('\n')
        .filter((line) => line.startsWith('data: {'))
        .map((line) => JSON.parse(line.slice('data: '.length)) as Record<string, unknown>);

    it('declines: by events of their own, and in a part of its own', async () => {
      await start({ replies: [{ refusal: 'I cannot help.' }] });
      const responses = events(await stream('responses'));
      assert.equal(
        responses.filter(({ type }) => type === 'response.refusal.delta').map(({ delta }) => delta).join(''),
        'I cannot help.',
      ); // prettier-ignore
      assert.ok(!responses.some(({ type }) => String(type).includes('output_text')));
      const last = responses.at(-1)?.response as { output: { content: unknown[] }[] };
      assert.deepEqual(last.output[0]?.content, [{ type: 'refusal', refusal: 'I cannot help.' }]);
      const chat = await stream('chat/completions');
      const deltas = events(chat).flatMap((chunk) => (chunk.choices as { delta: { refusal?: string; content?: string } }[]).map(({ delta }) => delta)); // prettier-ignore
      assert.equal(deltas.map(({ refusal }) => refusal ?? '').join(''), 'I cannot help.');
      assert.equal(deltas.map(({ content }) => content ?? '').join(''), '');
    });

    it('thinks and says nothing: tokens are counted, none is text', async () => {
      await start({ replies: [{ reasoningOnly: true, finish: 'length' }] });
      const responses = events(await stream('responses'));
      assert.equal(responses.at(-1)?.type, 'response.incomplete');
      const { output, usage } = responses.at(-1)?.response as {
        output: { type: string }[];
        usage: { output_tokens: number; output_tokens_details: { reasoning_tokens: number } };
      };
      assert.deepEqual(output.map(({ type }) => type), ['reasoning']); // prettier-ignore
      assert.ok(usage.output_tokens > 0 && usage.output_tokens === usage.output_tokens_details.reasoning_tokens);
      const last = events(await stream('chat/completions')).at(-1)?.choices as { finish_reason: string }[];
      assert.equal(last[0]?.finish_reason, 'length');
    });

    it('calls a function that nobody offered, if told to; else that is a mistake in the rule', async () => {
      const toolCall = { name: 'transfer', arguments: {} };
      await start({ replies: [{ toolCall: { ...toolCall, unoffered: true }, times: 1 }, { toolCall }] });
      const responses = events(await stream('responses'));
      assert.ok(responses.some(({ type }) => type === 'response.function_call_arguments.done'));
      assert.deepEqual(await post('/responses', ask('responses')), [500, null]);
    });

    it('ends an answer in good order before its last event', async () => {
      await start({ replies: [{ reply: 'one two three four five' }] });
      for (const api of ['responses', 'chat/completions']) {
        openai.faults.add({ kind: 'close-mid-stream', code: 1000, after: 2 });
        const bytes = await stream(api);
        assert.match(bytes.toString(), /two/);
        assert.doesNotMatch(bytes.toString(), /three|response\.completed|\[DONE\]/);
      }
    });

    it('sends bytes that are no UTF-8, as they are', async () => {
      await start();
      openai.faults.add({ kind: 'garbage', after: 0, body: 'data: caf\xe9\n\n' });
      assert.ok((await stream('responses')).includes(Buffer.from([0x66, 0xe9, 0x0a])));
    });

    it('answers by a page of something in between, and leads elsewhere', async () => {
      await start();
      openai.faults.add(
        { kind: 'status', status: 502, body: '<html></html>' },
        { kind: 'status', status: 307, body: '' },
      );
      const get = (): Promise<Response> =>
        fetch(`${openai.url}/responses`, { method: 'POST', redirect: 'manual', body: '{}' });
      const page = await get();
      assert.deepEqual([page.status, page.headers.get('content-type')], [502, 'text/html']);
      const moved = await get();
      assert.deepEqual([moved.status, new URL(moved.headers.get('location') ?? '').pathname], [307, '/elsewhere']);
    });

    it('has no room for a conversation', async () => {
      await start();
      openai.faults.add({ kind: 'status', status: 400, errorCode: 'context_length_exceeded' });
      assert.deepEqual(await post('/responses', ask('responses')), [400, 'context_length_exceeded']);
    });
  });

  describe('streams responses', () => {
    it('in the order of events that the real one has, and logs what it was asked', async () => {
      await start({ replies: [{ match: 'open on (\\w+)', reply: 'Yes, $1 from ten – to four.' }] });
      const stream = await client.responses.create({
        model: MODEL,
        instructions: 'You answer the phone for Acme.',
        input: [ASK, { role: 'assistant', content: 'One moment' }, { role: 'user', content: 'Do you open on Monday?' }],
        store: false,
        stream: true,
      });
      const events: string[] = [];
      let text = '';
      for await (const event of stream) {
        assert.equal(event.sequence_number, events.length);
        events.push(event.type);
        if (event.type === 'response.output_text.delta') text += event.delta;
        if (event.type === 'response.completed') {
          assert.equal(event.response.status, 'completed');
          assert.equal(event.response.usage?.output_tokens, 7);
        }
      }
      assert.equal(text, 'Yes, Monday from ten – to four.');
      assert.deepEqual(
        events.filter((type, i) => type !== events[i - 1]),
        [
          'response.created',
          'response.in_progress',
          'response.output_item.added',
          'response.content_part.added',
          'response.output_text.delta',
          'response.output_text.done',
          'response.content_part.done',
          'response.output_item.done',
          'response.completed',
        ],
      );
      const [request] = openai.requests;
      assert.equal(request?.instructions, 'You answer the phone for Acme.');
      assert.deepEqual(request.messages.at(-1), { role: 'user', text: 'Do you open on Monday?' });
      assert.equal(request.body['store'], false);
      assert.equal(request.textSent, text);
      assert.ok(!JSON.stringify(request.headers).includes(SIMULATOR_KEY));
    });

    it('calls a function, and goes on with its result', async () => {
      const rule = {
        match: 'open',
        toolCall: { name: 'opening_hours', arguments: { day: 'sunday' }, callId: 'call_K1' },
      };
      await start({ replies: [rule, { match: 'open', reply: 'It says $tool.' }] });
      const params = { model: MODEL, store: false, tools: [FLAT_TOOL] };
      const first = await client.responses.stream({ ...params, input: [ASK] }).finalResponse();
      const [call] = first.output;
      assert.ok(call?.type === 'function_call');
      assert.equal(call.arguments, '{"day":"sunday"}');
      const { call_id, name, arguments: args } = call;
      const second = client.responses.stream({
        ...params,
        input: [
          ASK,
          { type: 'function_call', call_id, name, arguments: args },
          { type: 'function_call_output', call_id, output: 'ten to four' },
        ],
      });
      assert.equal((await second.finalResponse()).output_text, 'It says ten to four.');
    });

    it('stops at max_output_tokens', async () => {
      await start({ replies: [{ reply: Array.from({ length: 30 }, (_, i) => `w${i}`).join(' ') }] });
      const response = await client.responses
        .stream({ model: MODEL, input: 'hi', max_output_tokens: 16 })
        .finalResponse();
      assert.equal(response.status, 'incomplete');
      assert.equal(response.incomplete_details?.reason, 'max_output_tokens');
    });

    it('answers without streaming too', async () => {
      await start();
      const response = await client.responses.create({ model: MODEL, input: 'Hello there!' });
      assert.equal(response.output_text, 'You said: Hello there.');
    });
  });

  describe('streams chat completions', () => {
    it('token by token, with usage', async () => {
      await start();
      const stream = await client.chat.completions.create({
        model: 'gpt-5.4-mini',
        stream: true,
        stream_options: { include_usage: true },
        messages: [{ role: 'developer', content: 'Be brief.' }, ASK],
      });
      const pieces: string[] = [];
      let usage = 0;
      for await (const chunk of stream) {
        const content = chunk.choices[0]?.delta.content;
        if (content) pieces.push(content);
        usage = chunk.usage?.total_tokens ?? usage;
      }
      assert.deepEqual(pieces, ['You', ' said:', ' Do', ' you', ' open', ' on', ' Sunday.']);
      assert.equal(usage, 14);
      assert.equal(openai.requests[0]?.instructions, 'Be brief.');
    });

    it('calls functions in pieces', async () => {
      const calls = [
        { name: 'opening_hours', arguments: { day: 'sunday' } },
        { name: 'opening_hours', arguments: '{"day": broken' },
      ];
      await start({ replies: [{ match: 'open', reply: 'Let me see.', toolCall: calls }] });
      const body = { model: 'gpt-5.4-mini', messages: [ASK], tools: [CHAT_TOOL], stream: true as const };
      const runner = await client.chat.completions.create(body);
      const parts: string[] = ['', ''];
      let finish: string | null = null;
      for await (const chunk of runner) {
        const [choice] = chunk.choices;
        for (const part of choice?.delta.tool_calls ?? []) parts[part.index] += part.function?.arguments ?? '';
        finish = choice?.finish_reason ?? finish;
      }
      assert.deepEqual(parts, ['{"day":"sunday"}', '{"day": broken']);
      assert.equal(finish, 'tool_calls');
    });

    it('survives writes cut at any byte', async () => {
      await start({ sseSplitBytes: 3, replies: [{ reply: 'Grüße – 日本語' }] });
      const stream = client.chat.completions.stream({ model: 'gpt-4.1', messages: [ASK] });
      assert.equal((await stream.finalChatCompletion()).choices[0]?.message.content, 'Grüße – 日本語');
      const response = await client.responses.stream({ model: MODEL, input: 'x' }).finalResponse();
      assert.equal(response.output_text, 'Grüße – 日本語');
    });
  });

  it('notices that the client has hung up', async () => {
    await start({ tokenMs: 20, replies: [{ reply: 'a very long answer '.repeat(100) }] });
    const stream = await client.responses.create({ model: MODEL, input: 'hi', stream: true });
    for await (const event of stream) {
      if (event.type === 'response.output_text.delta' && event.delta === ' very') break;
    }
    await eventually(() => openai.open.requests === 0);
    assert.equal(openai.requests[0]?.aborted, true);
    assert.ok(openai.requests[0].textSent.length < 200);
  });

  it('keeps to its times', async () => {
    await start({ replies: [{ reply: 'one two three four', firstTokenMs: 60, tokenMs: 20 }] });
    await client.responses.stream({ model: MODEL, input: 'hi' }).finalResponse();
    const [request] = openai.requests;
    assert.ok(request?.firstTokenAt !== undefined && request.finishedAt !== undefined);
    assert.ok(request.firstTokenAt - request.startedAt >= 58);
    // By the clock, from the start: a first token that comes late does not hold up the others.
    assert.ok(request.finishedAt - request.startedAt >= 118);
  });

  it('can go away and come back on its port', async () => {
    await start();
    const { port } = openai;
    const ask = async (): Promise<string> => (await client.responses.create({ model: MODEL, input: 'hi' })).output_text;
    assert.equal(await ask(), 'You said: hi.');
    await openai.close();
    await assert.rejects(ask(), OpenAI.APIConnectionError);
    await openai.start(port);
    assert.equal(await ask(), 'You said: hi.');
  });

  describe('refuses', () => {
    it('wrong keys, paths and models', async () => {
      await start();
      const body = { model: MODEL, input: 'hi', stream: true };
      assert.deepEqual(await post('/responses', body, { authorization: 'Bearer wrong' }), [401, 'invalid_api_key']);
      assert.deepEqual(await post('/responses', body, { authorization: '' }), [401, null]);
      assert.deepEqual(await post('/response', body), [404, null]);
      assert.deepEqual(await post('/responses', { ...body, model: 'gpt-3.5-turbo' }), [404, 'model_not_found']);
      assert.deepEqual(await post('/responses', body, { 'content-type': 'text/plain' }), [400, null]);
      assert.equal(openai.requests.length, 0);
      assert.equal(openai.refusals.length, 5);
    });

    it('malformed responses requests', async () => {
      await start();
      const good = { model: MODEL, input: [ASK], stream: true };
      const call = { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' };
      const bad: [object, string | null][] = [
        [{ messages: [ASK] }, 'unknown_parameter'],
        [{ max_tokens: 20 }, 'unknown_parameter'],
        [{ max_output_tokens: 5 }, 'invalid_value'],
        [{ temperature: 0.5 }, 'unsupported_parameter'],
        [{ input: [] }, 'missing_required_parameter'],
        [{ input: [{ role: 'tool', content: 'x' }] }, 'invalid_value'],
        [{ input: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] }, 'invalid_value'],
        [{ input: [{ role: 'assistant', content: [{ type: 'input_text', text: 'x' }] }] }, 'invalid_value'],
        [{ input: [ASK, call] }, null],
        [{ input: [ASK, { type: 'function_call_output', call_id: 'c1', output: 'x' }] }, null],
        [{ tools: [CHAT_TOOL] }, 'unknown_parameter'],
        [
          { tools: [{ ...FLAT_TOOL, parameters: { ...HOURS.parameters, required: [] } }] },
          'invalid_function_parameters',
        ],
        [{ tools: [{ ...FLAT_TOOL, name: 'opening hours' }] }, 'invalid_value'],
        [{ reasoning: { effort: 'huge' } }, 'invalid_value'],
        [{ stream_options: { include_usage: true } }, 'unknown_parameter'],
        [{ previous_response_id: 'resp_none' }, 'previous_response_not_found'],
        [{ store: 'no' }, 'invalid_type'],
      ];
      for (const [change, code] of bad) {
        assert.deepEqual(await post('/responses', { ...good, ...change }), [400, code], JSON.stringify(change));
      }
      assert.deepEqual(await post('/responses', { ...good, temperature: 0.5, reasoning: { effort: 'none' } }), [
        200,
        null,
      ]);
    });

    it('malformed chat requests', async () => {
      await start();
      const good = { model: 'gpt-5.4-mini', messages: [ASK], stream: true };
      const calls = {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
      };
      const result = { role: 'tool', tool_call_id: 'c1', content: 'x' };
      const bad: [object, string | null][] = [
        [{ input: 'hi' }, 'unknown_parameter'],
        [{ max_tokens: 20 }, 'unsupported_parameter'],
        [{ tools: [CHAT_TOOL], reasoning_effort: 'low' }, null],
        [{ tools: [FLAT_TOOL] }, 'missing_required_parameter'],
        [{ tools: [] }, 'empty_array'],
        [{ tool_choice: 'auto' }, 'invalid_value'],
        [{ messages: [] }, 'empty_array'],
        [{ messages: [ASK, calls] }, null],
        [{ messages: [ASK, calls, ASK] }, null],
        [{ messages: [ASK, result] }, null],
        [{ messages: [{ role: 'caller', content: 'x' }] }, 'invalid_value'],
        [{ messages: [{ role: 'assistant' }] }, 'missing_required_parameter'],
        [{ messages: [{ ...ASK, heard: true }] }, 'unknown_parameter'],
        [{ stream: false, stream_options: { include_usage: true } }, 'invalid_value'],
      ];
      for (const [change, code] of bad) {
        assert.deepEqual(await post('/chat/completions', { ...good, ...change }), [400, code], JSON.stringify(change));
      }
      const fine = { ...good, messages: [ASK, calls, result], tools: [CHAT_TOOL], reasoning_effort: 'none' };
      assert.deepEqual(await post('/chat/completions', fine), [200, null]);
      assert.deepEqual(await post('/chat/completions', { ...good, model: 'gpt-4.1', max_tokens: 20 }), [200, null]);
    });
  });

  describe('fails on command', () => {
    async function ask(): Promise<string> {
      return (await client.responses.stream({ model: MODEL, input: 'one two three' }).finalResponse()).output_text;
    }

    it('by status: rate limit, billing, server error', async () => {
      await start();
      openai.faults.add({ kind: 'status', status: 429, retryAfterMs: 700 }, { kind: 'status', status: 402 });
      openai.faults.add({ kind: 'status', status: 500, matchModel: MODEL });
      await assert.rejects(ask(), (error) => {
        assert.ok(error instanceof OpenAI.RateLimitError);
        assert.equal(error.headers?.get('retry-after-ms'), '700');
        return error.code === 'rate_limit_exceeded';
      });
      await assert.rejects(ask(), { status: 429, code: 'insufficient_quota' });
      await assert.rejects(ask(), OpenAI.InternalServerError);
      assert.equal(await ask(), 'You said: one two three.');
    });

    it('by a reset, before and in the stream', async () => {
      await start();
      openai.faults.add({ kind: 'refuse' });
      await assert.rejects(ask(), OpenAI.APIConnectionError);
      openai.faults.add({ kind: 'close-mid-stream', after: 2 });
      await assert.rejects(ask());
      assert.equal(openai.requests[0]?.textSent, 'You said:');
      assert.equal(openai.requests[0].aborted, false);
    });

    it('by silence, until the client gives up', async () => {
      await start();
      for (const kind of ['stall-before-first-byte', 'stall-after-first-byte'] as const) {
        openai.faults.add({ kind });
        const controller = new AbortController();
        const body = { model: MODEL, input: 'hi', stream: true as const };
        const read = (async () => {
          for await (const _ of await client.responses.create(body, { signal: controller.signal }));
        })();
        await eventually(() => openai.requests.at(-1)?.fault === kind);
        controller.abort();
        await read.catch(() => undefined);
        await eventually(() => openai.open.requests === 0);
        assert.equal(openai.requests.at(-1)?.aborted, true);
      }
      assert.equal(openai.requests.at(-1)?.textSent, 'You');
    });

    it('by an error, garbage or an unknown shape in the stream', async () => {
      await start();
      const chat = (): Promise<unknown> =>
        client.chat.completions.stream({ model: 'gpt-5.4', messages: [ASK] }).finalChatCompletion();
      openai.faults.add({ kind: 'status' });
      await assert.rejects(chat(), OpenAI.APIError);
      openai.faults.add({ kind: 'garbage' });
      await assert.rejects(chat());
      openai.faults.add({ kind: 'wrong-json' });
      const response = await fetch(`${openai.url}/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${SIMULATOR_KEY}` },
        body: JSON.stringify({ model: 'gpt-5.4', messages: [ASK], stream: true }),
      });
      const text = await response.text();
      assert.match(text, /\{"hello":"world"/u);
      assert.match(text, /data: \[DONE\]\n\n$/u);
    });
  });
});
