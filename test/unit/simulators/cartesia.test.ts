import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { WordDecoder } from '../../../simulators/audio';
import { CartesiaSimulator, type CartesiaOptions } from '../../../simulators/cartesia';
import { SIMULATOR_KEY } from '../../../simulators/loopback';
import { Client, eventually, refused, type Message } from './ws-client';

const HEADERS = { 'x-api-key': SIMULATOR_KEY, 'cartesia-version': '2026-03-01' };
const SETTINGS = {
  model_id: 'sonic-3.5',
  voice: { mode: 'id', id: '5c42302c-194b-4d0c-ba1a-8cb485c84ab9' },
  language: 'en',
  output_format: { container: 'raw', encoding: 'pcm_mulaw', sample_rate: 8000 },
  max_buffer_delay_ms: 0,
  add_timestamps: true,
};

/** Chunks of a context, decoded. */
function spoken(client: Client, id: string): { audio: Buffer; text: string } {
  const chunks = client.ofType('chunk').filter((m) => m['context_id'] === id);
  const audio = Buffer.concat(chunks.map((m) => Buffer.from(String(m['data']), 'base64')));
  const decoder = new WordDecoder();
  decoder.push(audio);
  return { audio, text: decoder.words.map((word) => word.text).join(' ') };
}

describe('the Cartesia simulator', () => {
  let cartesia: CartesiaSimulator;
  let url: string;

  async function start(options: CartesiaOptions = {}): Promise<void> {
    cartesia = new CartesiaSimulator({ firstAudioMs: 1, pace: Infinity, ...options });
    url = `${await cartesia.start()}/tts/websocket`;
  }
  afterEach(() => cartesia.close());

  function say(client: Client, id: string, transcript: string, continues = false, extra: object = {}): void {
    client.send({ ...SETTINGS, context_id: id, transcript, continue: continues, ...extra });
  }
  const done = (client: Client, id: string): Promise<Message> =>
    client.until((m) => m['type'] === 'done' && m['context_id'] === id, `done ${id}`);
  const failed = (client: Client, id?: string): Promise<Message> =>
    client.until((m) => m['type'] === 'error' && m['context_id'] === id, `error ${id}`);

  describe('at the handshake', () => {
    it('wants a version and a key, by header or query', async () => {
      await start();
      assert.equal((await refused(url, { 'x-api-key': SIMULATOR_KEY })).status, 400);
      assert.equal((await refused(url, { ...HEADERS, 'cartesia-version': '2027-01-01' })).status, 400);
      const wrong = await refused(url, { ...HEADERS, 'x-api-key': 'wrong' });
      assert.equal(wrong.status, 401);
      assert.equal((JSON.parse(wrong.body) as Message)['error_code'], 'authentication_failed');
      const old = await refused(url, { 'x-api-key': 'wrong', 'cartesia-version': '2024-11-13' });
      assert.match(old.body, /^Authentication failed: /u);
      const bearer = { authorization: `Bearer ${SIMULATOR_KEY}`, 'cartesia-version': '2026-08-14' };
      (await Client.open(url, bearer)).socket.terminate();
      (await Client.open(`${url}?api_key=${SIMULATOR_KEY}&cartesia_version=2026-03-01`)).socket.terminate();
      assert.equal((await refused(url.replace('tts', 'stt'), HEADERS)).status, 404);
    });
  });

  it('speaks a text: audio, timestamps, done', async () => {
    await start();
    const client = await Client.open(url, HEADERS);
    say(client, 'c1', 'Good morning, how are you?');
    await done(client, 'c1');
    const { audio, text } = spoken(client, 'c1');
    assert.equal(text, 'Good morning, how are you?');
    assert.equal(audio.length, 5 * 1600);
    const stamps = client.ofType('timestamps').map((m) => m['word_timestamps'] as Record<string, unknown[]>);
    assert.deepEqual(
      stamps.flatMap((s) => s['words']),
      ['Good', 'morning,', 'how', 'are', 'you?'],
    );
    assert.deepEqual(
      stamps.flatMap((s) => s['start']),
      [0, 0.2, 0.4, 0.6, 0.8],
    );
    assert.deepEqual(
      stamps.flatMap((s) => s['end']),
      [0.16, 0.36, 0.56, 0.76, 0.96],
    );
    assert.equal(client.messages.at(-1)?.['type'], 'done');
    await eventually(() => cartesia.open.contexts === 0);
    const [context] = cartesia.contexts;
    assert.equal(context?.audioMs, 1000);
    assert.equal(context.done, true);
  });

  it('joins the texts of a context; times go on', async () => {
    await start({ chunkBytes: 137 });
    const client = await Client.open(url, HEADERS);
    say(client, 'c1', 'Good morning, ', true);
    say(client, 'c1', 'how are', true);
    say(client, 'c1', ' you?', true);
    say(client, 'c1', '', false);
    await done(client, 'c1');
    assert.equal(spoken(client, 'c1').text, 'Good morning, how are you?');
    assert.equal(cartesia.contexts[0]?.transcript, 'Good morning, how are you?');
    const starts = client.ofType('timestamps').flatMap((m) => (m['word_timestamps'] as { start: number[] }).start);
    assert.deepEqual(starts, [0, 0.2, 0.4, 0.6, 0.8]);
    assert.equal(client.ofType('flush_done').length, 3);
  });

  it('generates each text as it is without buffering, and waits for the sentence with it', async () => {
    await start();
    const client = await Client.open(url, HEADERS);
    say(client, 'hasty', 'Hel', true);
    say(client, 'hasty', 'lo.', false);
    await done(client, 'hasty');
    assert.equal(spoken(client, 'hasty').text, 'Hel lo.');
    const patient = { max_buffer_delay_ms: 2000 };
    say(client, 'patient', 'Hel', true, patient);
    say(client, 'patient', 'lo. ', true, patient);
    await client.until((m) => m['context_id'] === 'patient' && m['type'] === 'chunk');
    assert.equal(spoken(client, 'patient').text, 'Hello.');
    say(client, 'patient', 'And then', true, patient);
    say(client, 'patient', '', true, { ...patient, flush: true });
    await client.until((m) => m['context_id'] === 'patient' && m['type'] === 'flush_done');
    assert.equal(spoken(client, 'patient').text, 'Hello. And then');
    client.socket.terminate();
  });

  it('speaks several contexts on one socket, faster than real time', async () => {
    await start({ pace: 10 });
    const client = await Client.open(url, HEADERS);
    const startedAt = performance.now();
    say(client, 'a', 'one two three four five six');
    say(client, 'b', 'seven eight nine');
    await Promise.all([done(client, 'a'), done(client, 'b')]);
    const took = performance.now() - startedAt;
    assert.ok(took >= 98, `1,000 ms before the last chunk at ten times real time took ${took}`);
    const order = client.ofType('chunk').map((m) => m['context_id']);
    assert.ok(order.lastIndexOf('a') > order.indexOf('b'));
    assert.equal(spoken(client, 'b').text, 'seven eight nine');
  });

  it('can send timestamps late, and done after them', async () => {
    await start({ timestampsDelayMs: 30 });
    const client = await Client.open(url, HEADERS);
    say(client, 'c1', 'one two three');
    await done(client, 'c1');
    const types = client.messages.map((m) => m['type']);
    assert.deepEqual(types, ['chunk', 'chunk', 'chunk', 'timestamps', 'timestamps', 'timestamps', 'done']);
  });

  it('sends a little more after a cancel, then nothing', async () => {
    await start({ pace: 20, chunksAfterCancel: 2 });
    const client = await Client.open(url, HEADERS);
    say(client, 'c1', 'a long text that will be cancelled before its end has come', true);
    await client.until((m) => m['type'] === 'chunk');
    const before = client.ofType('chunk').length;
    client.send({ context_id: 'c1', cancel: true });
    await eventually(() => cartesia.open.contexts === 0);
    say(client, 'c2', 'next');
    await done(client, 'c2');
    const after = client.ofType('chunk').filter((m) => m['context_id'] === 'c1').length;
    assert.ok(after >= before + 1 && after <= before + 4, `${before} chunks before, ${after} in all`);
    assert.equal(cartesia.contexts[0]?.cancelled, true);
    assert.equal(client.ofType('done').length, 1);
    client.send({ context_id: 'c1', cancel: true });
    client.send({ context_id: 'c1', cancel: true, voice: 'x' });
    await failed(client, 'c1');
  });

  it('lets a context expire after its last audio, and answers late text with an error', async () => {
    await start({ expiryMs: 50 });
    const client = await Client.open(url, HEADERS);
    say(client, 'c1', 'Hello ', true);
    await eventually(() => cartesia.contexts[0]?.expired === true);
    say(client, 'c1', 'again', true);
    const error = await failed(client, 'c1');
    assert.equal(error['status_code'], 400);
    assert.match(String(error['message']), /expired/u);
    assert.equal(error['done'], true);
    assert.equal(cartesia.open.contexts, 0);
  });

  it('limits contexts and sockets', async () => {
    await start({ concurrency: 2 });
    const client = await Client.open(url, HEADERS);
    for (const id of ['a', 'b', 'c']) say(client, id, 'Hello ', true);
    assert.equal((await failed(client, 'c'))['error_code'], 'concurrency_limited');
    const more = await Promise.all(Array.from({ length: 19 }, () => Client.open(url, HEADERS)));
    assert.equal((await refused(url, HEADERS)).status, 429);
    for (const other of more) other.socket.terminate();
    await eventually(() => cartesia.open.sockets === 1);
  });

  it('closes an idle socket', async () => {
    await start({ idleMs: 40 });
    const client = await Client.open(url, HEADERS);
    assert.deepEqual(await client.closed, { code: 1000, reason: 'connection idle timeout' });
  });

  describe('refuses', () => {
    it('what the contract does not allow, and serves the socket on', async () => {
      await start();
      const client = await Client.open(url, HEADERS);
      const bad: [object, number, string | null][] = [
        [{ model_id: 'sonic-2' }, 404, 'model_not_found'],
        [{ model_id: 'tonic' }, 404, 'model_not_found'],
        [{ voice: 'an-id' }, 400, null],
        [{ voice: { id: 'x' } }, 400, null],
        [{ locale: 'en-GB', language: undefined }, 400, null],
        [{ output_format: { container: 'wav', encoding: 'pcm_mulaw', sample_rate: 8000 } }, 400, null],
        [{ output_format: { container: 'raw', encoding: 'mulaw', sample_rate: 8000 } }, 400, null],
        [{ output_format: { container: 'raw', encoding: 'pcm_mulaw', sample_rate: 8001 } }, 400, null],
        [{ max_buffer_delay_ms: 5001 }, 400, null],
        [{ generation_config: { speed: 2 } }, 400, null],
        [{ transcript: '' }, 400, null],
        [{ transcript: undefined }, 400, null],
        [{ continue: 'yes' }, 400, null],
        [{ language: 'english' }, 400, null],
        [{ text: 'hello' }, 400, null],
      ];
      for (const [i, [change, status, code]] of bad.entries()) {
        say(client, `bad${i}`, 'hello', false, change);
        const error = await failed(client, `bad${i}`);
        assert.deepEqual(
          [error['status_code'], error['error_code'], error['done']],
          [status, code, true],
          JSON.stringify(change),
        );
      }
      client.send('not json');
      await failed(client);
      say(client, 'good', 'hello');
      await done(client, 'good');
      assert.equal(cartesia.contexts.length, 1);
    });

    it('inputs of a context that differ, and text after the last', async () => {
      await start();
      const client = await Client.open(url, HEADERS);
      say(client, 'c1', 'Hello ', true);
      say(client, 'c1', 'there', true, { language: 'de' });
      assert.match(String((await failed(client, 'c1'))['message']), /same settings/u);
      say(client, 'c2', 'Hello', false);
      say(client, 'c2', 'there', false);
      await failed(client, 'c2');
    });

    it('in the shape of the version', async () => {
      await start({ voices: ['known'] });
      const old = await Client.open(url, { ...HEADERS, 'cartesia-version': '2025-04-16' });
      say(old, 'c1', 'Hello');
      const error = await failed(old, 'c1');
      assert.equal(error['error'], 'Voice not found: No voice with this id.');
      assert.ok(!('error_code' in error));
      const newest = await Client.open(url, { ...HEADERS, 'cartesia-version': '2026-08-14' });
      say(newest, 'c1', 'Hello', false, { voice: 'known', language: undefined, locale: 'en-GB' });
      await done(newest, 'c1');
      say(newest, 'c2', 'Hello', false, { voice: { embedding: [1] } });
      await failed(newest, 'c2');
    });
  });

  describe('fails on command', () => {
    it('at the handshake, and as an event', async () => {
      await start();
      cartesia.faults.add({ kind: 'status', status: 402 }, { kind: 'refuse' });
      const answer = await refused(url, HEADERS);
      assert.equal(answer.status, 402);
      await assert.rejects(refused(url, HEADERS), { code: 'ECONNRESET' });
      cartesia.faults.add({ kind: 'status', when: 'message', status: 402, matchText: 'expensive' });
      const client = await Client.open(url, HEADERS);
      say(client, 'c1', 'cheap');
      say(client, 'c2', 'an expensive text');
      assert.equal((await failed(client, 'c2'))['status_code'], 402);
      await done(client, 'c1');
    });

    it('in the middle: garbage, an unknown shape, silence, a close', async () => {
      await start();
      cartesia.faults.add({ kind: 'garbage' }, { kind: 'wrong-json' });
      const client = await Client.open(url, HEADERS);
      say(client, 'c1', 'one two three');
      await done(client, 'c1');
      assert.equal(client.garbage.length, 1);
      assert.ok(client.ofType('chunk').some((m) => typeof m['data'] === 'object'));
      cartesia.faults.add({ kind: 'stall-after-first-byte' });
      say(client, 'c2', 'one two three');
      await eventually(() => cartesia.contexts[1]?.endedAt !== undefined);
      cartesia.faults.add({ kind: 'stall-before-first-byte' });
      say(client, 'c3', 'one two three');
      cartesia.faults.add({ kind: 'close-mid-stream', code: 1011, matchText: 'last' });
      say(client, 'c4', 'the last one');
      assert.equal((await client.closed).code, 1011);
      assert.equal(client.messages.filter((m) => m['context_id'] === 'c2').length, 1);
      assert.equal(client.messages.filter((m) => m['context_id'] === 'c3').length, 0);
    });
  });
});
