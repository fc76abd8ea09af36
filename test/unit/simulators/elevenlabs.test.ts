import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { hearWords } from '../../../simulators/audio';
import { ElevenLabsSimulator, type ElevenLabsOptions } from '../../../simulators/elevenlabs';
import { SIMULATOR_KEY } from '../../../simulators/loopback';
import { Client, eventually, refused, type Message } from './ws-client';

const HEADERS = { 'xi-api-key': SIMULATOR_KEY };
const QUERY = 'model_id=eleven_flash_v2_5&output_format=ulaw_8000&sync_alignment=true';

function spoken(client: Client, id: string): { audio: Buffer; text: string; chunks: Message[] } {
  const chunks = client.messages.filter((m) => m['contextId'] === id && typeof m['audio'] === 'string');
  const audio = Buffer.concat(chunks.map((m) => Buffer.from(String(m['audio']), 'base64')));
  return { audio, text: hearWords(audio), chunks };
}

describe('the ElevenLabs simulator', () => {
  let elevenlabs: ElevenLabsSimulator;
  let base: string;
  let url: string;

  async function start(options: ElevenLabsOptions = {}): Promise<void> {
    elevenlabs = new ElevenLabsSimulator({ firstAudioMs: 1, pace: Infinity, finalAfterMs: 5, ...options });
    base = `${await elevenlabs.start()}/v1/text-to-speech/george/multi-stream-input`;
    url = `${base}?${QUERY}`;
  }
  afterEach(() => elevenlabs.close());

  const open = (): Promise<Client> => Client.open(url, HEADERS);
  const begin = (client: Client, id: string, extra: object = {}): void =>
    client.send({ text: ' ', context_id: id, ...extra });
  const say = (client: Client, id: string, text: string, flush = true): void =>
    client.send({ text, context_id: id, ...(flush && { flush }) });
  const close = (client: Client, id: string): void => client.send({ context_id: id, close_context: true });
  const final = (client: Client, id: string): Promise<Message> =>
    client.until((m) => m['isFinal'] === true && m['contextId'] === id, `final ${id}`);
  /** An error, and the close that follows. */
  const failed = async (client: Client): Promise<[unknown, number]> => {
    const { code } = await client.closed;
    return [client.messages.at(-1)?.['error'], code];
  };

  describe('at the handshake', () => {
    it('wants a key in the header, a path with a voice, and parameters that exist', async () => {
      await start();
      assert.equal((await refused(url)).status, 401);
      const wrong = await refused(url, { 'xi-api-key': 'wrong' });
      assert.equal(wrong.status, 401);
      assert.deepEqual(JSON.parse(wrong.body), { detail: { status: 'invalid_api_key', message: 'Invalid API key' } });
      assert.equal((await refused(url.replace('multi-', ''), HEADERS)).status, 404);
      for (const query of [
        'output_format=mp3_44100_128',
        'output_format=mulaw_8000&model_id=eleven_flash_v2_5',
        `${QUERY}&inactivity_timeout=181`,
        `${QUERY}&inactivity_timeout=soon`,
        `${QUERY}&auto_mode=yes`,
        `${QUERY}&apply_text_normalization=maybe`,
        `${QUERY}&seed=-1`,
        `${QUERY}&stability=0.5`,
        `${QUERY}&language_code=english`,
        'output_format=ulaw_8000&model_id=eleven_multilingual_v2&language_code=en',
      ]) {
        assert.equal((await refused(`${base}?${query}`, HEADERS)).status, 400, query);
      }
      assert.equal(elevenlabs.connections.length, 0);
    });

    it('or only after it: a model, a voice, a key', async () => {
      await start({ voices: ['anna'], refuse: 'after' });
      for (const [where, headers, error] of [
        [`${base}?output_format=ulaw_8000&model_id=eleven_v3`, HEADERS, 'model_not_found'],
        [url, HEADERS, 'voice_not_found'],
        [url, { 'xi-api-key': 'wrong' }, 'invalid_api_key'],
      ] as const) {
        const client = await Client.open(where, headers);
        begin(client, 'a');
        assert.deepEqual(await failed(client), [error, 1008]);
      }
    });
  });

  it('speaks what is flushed: audio with its characters, isFinal null, and at the end the final message', async () => {
    await start();
    const client = await open();
    begin(client, 'c1');
    say(client, 'c1', 'Good morning, ', false);
    say(client, 'c1', 'how are you? ');
    close(client, 'c1');
    await final(client, 'c1');
    const { audio, text, chunks } = spoken(client, 'c1');
    assert.equal(text, 'Good morning, how are you?');
    assert.equal(audio.length, 5 * 1600);
    assert.ok(chunks.every((m) => m['isFinal'] === null));
    const { chars, charStartTimesMs } = chunks[1]?.['alignment'] as { chars: string[]; charStartTimesMs: number[] };
    assert.equal(chars.join(''), 'morning, ');
    assert.equal(charStartTimesMs[0], 0, 'times count from the start of the chunk');
    assert.deepEqual(client.messages.at(-1), { isFinal: true, contextId: 'c1' });
    await eventually(() => elevenlabs.open.contexts === 0);
  });

  it('waits for enough text without a flush, or speaks each in auto mode; a close throws away the rest', async () => {
    await start();
    const patient = await open();
    begin(patient, 'c1', { generation_config: { chunk_length_schedule: [50] } });
    say(patient, 'c1', 'These are far fewer than fifty. ', false);
    say(patient, 'c1', 'Now they are more than that. ', false);
    say(patient, 'c1', 'Never heard. ', false);
    close(patient, 'c1');
    await final(patient, 'c1');
    assert.equal(spoken(patient, 'c1').text, 'These are far fewer than fifty. Now they are more than that.');
    assert.equal(elevenlabs.contexts[0]?.lost, 'Never heard.');
    const hasty = await Client.open(`${url}&auto_mode=true`, HEADERS);
    begin(hasty, 'c1');
    say(hasty, 'c1', 'At once. ', false);
    close(hasty, 'c1');
    await final(hasty, 'c1');
    assert.equal(spoken(hasty, 'c1').text, 'At once.');
  });

  it('plays out what was flushed after a close, and counts the context until its final message', async () => {
    await start({ pace: 20, finalAfterMs: 30 });
    const client = await open();
    begin(client, 'c1');
    say(client, 'c1', 'one two three four five ');
    await client.until((m) => typeof m['audio'] === 'string');
    close(client, 'c1');
    assert.equal(elevenlabs.open.contexts, 1);
    await final(client, 'c1');
    assert.equal(spoken(client, 'c1').text, 'one two three four five');
    await eventually(() => elevenlabs.open.contexts === 0);
    begin(client, 'c1');
    say(client, 'c1', 'again ');
    close(client, 'c1');
    await eventually(() => elevenlabs.contexts.length === 2 && elevenlabs.contexts[1]?.final === true);
  });

  it('closes at the sixth context, with the error first', async () => {
    await start({ finalAfterMs: 1000 });
    const client = await open();
    for (const id of ['a', 'b', 'c', 'd', 'e']) begin(client, id);
    // Closed, but not final: it still counts.
    close(client, 'a');
    begin(client, 'f');
    const { code, reason } = await client.closed;
    assert.equal(code, 1008);
    assert.match(reason, /^Maximum simultaneous contexts per WebSocket connection exceeded \(5\)/);
    assert.ok(Buffer.byteLength(reason) <= 123);
    assert.equal(client.messages.at(-1)?.['error'], 'max_active_conversations');
    assert.equal(elevenlabs.connections[0]?.mostContexts, 5);
    await eventually(() => elevenlabs.open.contexts === 0);
  });

  it('lets a flush, a keep-alive or a close for an unknown id open a phantom, which spoils a later beginning', async () => {
    await start();
    const client = await open();
    client.send({ context_id: 'a', flush: true });
    client.send({ text: '', context_id: 'b' });
    client.send({ text: '' });
    await eventually(() => elevenlabs.contexts.length === 3);
    assert.deepEqual(
      elevenlabs.contexts.map(({ id, phantom }) => [id, phantom]),
      [
        ['a', true],
        ['b', true],
        ['default', true],
      ],
    );
    begin(client, 'b', { voice_settings: { stability: 0.5 } });
    assert.deepEqual(await failed(client), ['invalid_voice_settings', 1008]);
  });

  it('lets voice settings be repeated, not changed', async () => {
    await start();
    const client = await open();
    const settings = { voice_settings: { stability: 0.5, speed: 1 } };
    begin(client, 'a', settings);
    client.send({ text: 'Hello ', context_id: 'a', flush: true, ...settings });
    await client.until((m) => typeof m['audio'] === 'string');
    client.send({ text: 'there ', context_id: 'a', voice_settings: { stability: 0.6 } });
    assert.deepEqual(await failed(client), ['invalid_voice_settings', 1008]);
  });

  it('closes what gets no text for too long; a keep-alive is enough', async () => {
    await start({ inactivityMs: 400 });
    const idle = await open();
    assert.deepEqual(await failed(idle), ['input_timeout_exceeded', 1008]);
    const client = await open();
    begin(client, 'a');
    begin(client, 'b');
    const alive = setInterval(() => client.send({ text: '', context_id: 'a' }), 50);
    // "b" is not kept alive, and takes the socket with it.
    assert.deepEqual(await failed(client), ['input_timeout_exceeded', 1008]);
    clearInterval(alive);
    const kept = await open();
    begin(kept, 'a');
    for (let i = 0; i < 6; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      kept.send({ text: '', context_id: 'a' });
    }
    say(kept, 'a', 'Still here. ');
    await kept.until((m) => typeof m['audio'] === 'string');
    kept.socket.terminate();
  });

  it('finishes all contexts when asked to close', async () => {
    await start();
    const client = await open();
    begin(client, 'a');
    say(client, 'a', 'Goodbye. ');
    client.send({ close_socket: true });
    assert.equal((await client.closed).code, 1000);
    assert.equal(spoken(client, 'a').text, 'Goodbye.');
  });

  it('refuses more that speak at once than the plan allows; those that wait do not count', async () => {
    await start({ concurrency: 1, pace: 4 });
    const first = await open();
    const second = await open();
    begin(first, 'a');
    begin(second, 'a');
    say(first, 'a', 'one two three four five ');
    await first.until((m) => typeof m['audio'] === 'string');
    say(second, 'a', 'six ');
    assert.deepEqual(await failed(second), ['too_many_concurrent_requests', 1008]);
  });

  for (const [what, message] of Object.entries({
    'not JSON': undefined,
    'an unknown field': { text: 'Hello ', context_id: 'a', transcript: 'Hello' },
    'nothing to do': { context_id: 'a' },
    'a number as text': { text: 5, context_id: 'a' },
    'a camel-case id': { text: ' ', contextId: 'a' },
    'a speed too high': { text: ' ', context_id: 'a', voice_settings: { speed: 1.3 } },
    'an unknown voice setting': { text: ' ', context_id: 'a', voice_settings: { pitch: 1 } },
    'a schedule too short': { text: ' ', context_id: 'a', generation_config: { chunk_length_schedule: [20] } },
  })) {
    it(`closes at ${what}`, async () => {
      await start();
      const client = await open();
      if (message) client.send(message);
      else client.socket.send('{');
      const [error, code] = await failed(client);
      assert.match(String(error), /^invalid_/);
      assert.equal(code, 1008);
    });
  }

  describe('can be another', () => {
    for (const [spelling, key, starts] of [
      ['snake', 'context_id', 'char_start_times_ms'],
      ['specification', 'contextId', 'charsStartTimesMs'],
    ] as const) {
      it(`in its spelling: ${spelling}`, async () => {
        await start({ spelling, timesFrom: 'context', finalOn: 'last-audio' });
        const client = await open();
        begin(client, 'a');
        say(client, 'a', 'one two ');
        close(client, 'a');
        const last = await client.until((m) => (m['isFinal'] ?? m['is_final']) === true);
        assert.equal(last[key], 'a');
        const audio = client.messages.filter((m) => typeof m['audio'] === 'string');
        const second = audio[1]?.['alignment'] as Record<string, number[]>;
        assert.equal(second[starts]?.[0], 200, 'times count from the start of the context');
      });
    }
  });

  it('fails on command: a status as an error and a close, garbage, silence, a reset', async () => {
    await start();
    elevenlabs.faults.add({ kind: 'status', status: 402, when: 'message' });
    const poor = await open();
    begin(poor, 'a');
    say(poor, 'a', 'Hello. ');
    assert.deepEqual(await failed(poor), ['quota_exceeded', 1008]);
    elevenlabs.faults.add({ kind: 'status', status: 402 });
    const answer = await refused(url, HEADERS);
    assert.equal(answer.status, 401);
    assert.match(answer.body, /quota_exceeded/);
    elevenlabs.faults.add({ kind: 'garbage' });
    const noisy = await open();
    begin(noisy, 'a');
    say(noisy, 'a', 'one two three ');
    close(noisy, 'a');
    await final(noisy, 'a');
    assert.equal(noisy.garbage.length, 1);
    elevenlabs.faults.add({ kind: 'stall-after-first-byte' }, { kind: 'close-mid-stream', matchText: 'bye' });
    begin(noisy, 'b');
    say(noisy, 'b', 'one two ');
    begin(noisy, 'c');
    say(noisy, 'c', 'good bye now ');
    assert.equal((await noisy.closed).code, 1006);
    assert.equal(spoken(noisy, 'b').text, 'one');
  });
});
