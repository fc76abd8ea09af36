import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'mocha';
import WebSocket from 'ws';
import { cough, silence, speakWords } from '../../../simulators/audio';
import { DeepgramSimulator } from '../../../simulators/deepgram';
import { SIMULATOR_KEY } from '../../../simulators/loopback';
import { Client, eventually, refused, type Message } from './ws-client';

const AUTH = { authorization: `Token ${SIMULATOR_KEY}` };
const NOVA =
  '/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&interim_results=true&smart_format=true' +
  '&endpointing=300&utterance_end_ms=1000&vad_events=true';
const FLUX = '/v2/listen?model=flux-general-en&encoding=mulaw&sample_rate=8000';

function transcript(message: Message | undefined): string {
  const channel = message?.['channel'] as { alternatives: { transcript: string }[] } | undefined;
  return channel?.alternatives[0]?.transcript ?? '';
}

function events(client: Client): string[] {
  return client.ofType('TurnInfo').map((message) => String(message['event']));
}

describe('the Deepgram simulator', () => {
  let deepgram: DeepgramSimulator;

  beforeEach(async () => {
    deepgram = new DeepgramSimulator();
    await deepgram.start();
  });
  afterEach(() => deepgram.close());

  function speak(client: Client, ...pieces: Buffer[]): void {
    const audio = Buffer.concat(pieces);
    for (let at = 0; at < audio.length; at += 160) client.socket.send(audio.subarray(at, at + 160));
  }

  describe('at the handshake', () => {
    it('wants the key as Token, and says what is wrong', async () => {
      for (const authorization of ['Token wrong', `Bearer ${SIMULATOR_KEY}`, SIMULATOR_KEY]) {
        const answer = await refused(deepgram.url + NOVA, { authorization });
        assert.equal(answer.status, 401);
        assert.equal((JSON.parse(answer.body) as Message)['err_code'], 'INVALID_AUTH');
        assert.ok(answer.headers['dg-error']);
        assert.ok(answer.headers['dg-request-id']);
      }
    });

    it('refuses invalid parameters of v1', async () => {
      const bad: [string, number][] = [
        ['utterance_end_ms=900&interim_results=true', 400],
        ['utterance_end_ms=1000', 400],
        ['model=flux-general-en', 400],
        ['model=nova-33', 403],
        ['model=nova-2&keyterm=Acme', 400],
        ['model=nova-3&keywords=Acme', 400],
        ['encoding=mulaw', 400],
        ['encoding=mp5&sample_rate=8000', 400],
        ['interim_results=1', 400],
        ['endpointing=soon', 400],
        ['model=nova-3&model=nova-2', 400],
      ];
      for (const [query, status] of bad) {
        assert.equal((await refused(`${deepgram.url}/v1/listen?${query}`, AUTH)).status, status, query);
      }
      assert.equal((await refused(`${deepgram.url}/v3/listen`, AUTH)).status, 404);
      assert.equal(deepgram.refusals.length, bad.length + 1);
    });

    it('refuses invalid parameters of v2, names of v1 among them', async () => {
      const base = `${deepgram.url}${FLUX}`;
      const bad = ['&interim_results=true', '&channels=1', '&eot_threshold=0.4', '&eager_eot_threshold=0.2'];
      bad.push('&eot_threshold=0.6&eager_eot_threshold=0.7', '&eot_timeout_ms=100', '&language_hint=en');
      for (const query of bad) assert.equal((await refused(base + query, AUTH)).status, 400, query);
      assert.equal((await refused(`${deepgram.url}/v2/listen?encoding=mulaw&sample_rate=8000`, AUTH)).status, 400);
    });

    it('accepts and records what is right', async () => {
      const client = await Client.open(`${deepgram.url}${NOVA}&keyterm=Acme&keyterm=rebooking&odd=1`, AUTH);
      const [connection] = deepgram.connections;
      assert.equal(connection?.query['keyterm'], 'Acme,rebooking');
      assert.deepEqual(connection.complaints, ['unknown parameter odd']);
      assert.equal(deepgram.open.sockets, 1);
      client.socket.terminate();
    });
  });

  describe('on v1', () => {
    it('hears a sentence: speech, interim results, the endpoint, the end of the utterance', async () => {
      const client = await Client.open(deepgram.url + NOVA, AUTH);
      speak(client, silence(100), speakWords('I need a table for four.').audio, silence(1100));
      const end = await client.until((m) => m['type'] === 'UtteranceEnd');
      assert.deepEqual(end, { type: 'UtteranceEnd', channel: [0, 1], last_word_end: 1.26 });
      const started = client.ofType('SpeechStarted');
      assert.deepEqual(started, [{ type: 'SpeechStarted', channel: [0, 1], timestamp: 0.1 }]);
      const results = client.ofType('Results');
      const interim = results.filter((m) => m['is_final'] === false);
      assert.ok(interim.length >= 4 && interim.every((m) => 'I need a table for four.'.startsWith(transcript(m))));
      const final = results.find((m) => m['is_final'] === true);
      assert.equal(final?.['speech_final'], true);
      assert.equal(transcript(final), 'I need a table for four.');
      assert.equal(final['start'], 0);
      assert.equal(final['duration'], 1.56);
      const { words } = (final['channel'] as { alternatives: { words: Message[] }[] }).alternatives[0] ?? { words: [] };
      assert.deepEqual(
        { ...words[5], confidence: 0 },
        { word: 'four', start: 1.1, end: 1.26, confidence: 0, punctuated_word: 'four.' },
      );
      client.socket.terminate();
    });

    it('hears the same however the audio is cut', async () => {
      const audio = Buffer.concat([speakWords('one two').audio, silence(400), speakWords('three').audio, silence(400)]);
      const heard: string[][] = [];
      for (const size of [20, 137, 160, 3200, audio.length]) {
        const client = await Client.open(`${deepgram.url}${NOVA}`, AUTH);
        for (let at = 0; at < audio.length; at += size) client.socket.send(audio.subarray(at, at + size));
        client.send({ type: 'CloseStream' });
        await client.closed;
        heard.push(
          client
            .ofType('Results')
            .filter((m) => m['speech_final'] === true)
            .map(transcript),
        );
      }
      for (const transcripts of heard) assert.deepEqual(transcripts, ['one two', 'three']);
    });

    it('hears a cough as speech without words, and tells UtteranceEnd when noise hides the end', async () => {
      const client = await Client.open(deepgram.url + NOVA, AUTH);
      speak(client, cough(400), silence(400), speakWords('hello').audio, cough(1300));
      await client.until((m) => m['type'] === 'UtteranceEnd');
      const finals = client.ofType('Results').filter((m) => m['is_final'] === true);
      assert.deepEqual(
        finals.map((m) => [transcript(m), m['speech_final']]),
        [
          ['', true],
          ['hello', false],
        ],
      );
      assert.equal(client.ofType('SpeechStarted').length, 2);
      client.socket.terminate();
    });

    it('makes long speech final in segments, never inside a word, and silence empty', async () => {
      const client = await Client.open(deepgram.url + NOVA, AUTH);
      const said = Array.from({ length: 40 }, (_, i) => `w${i}`).join(' ');
      speak(client, speakWords(said).audio, silence(4000));
      client.send({ type: 'CloseStream' });
      await client.closed;
      const finals = client.ofType('Results').filter((m) => m['is_final'] === true);
      assert.ok(finals.length >= 4);
      assert.equal(finals.map(transcript).filter(Boolean).join(' '), said);
      assert.ok(finals.some((m) => transcript(m) === ''));
      let clock = 0;
      for (const final of finals) {
        assert.equal(final['start'], clock);
        clock = Math.round((clock + Number(final['duration'])) * 1000) / 1000;
      }
    });

    it('answers Finalize and CloseStream, the latter with Metadata and 1000', async () => {
      const client = await Client.open(deepgram.url + NOVA, AUTH);
      speak(client, speakWords('half a').audio);
      client.send({ type: 'Finalize' });
      assert.equal(transcript(await client.until((m) => m['from_finalize'] === true)), 'half a');
      speak(client, speakWords('sentence').audio);
      client.send({ type: 'CloseStream' });
      assert.equal((await client.closed).code, 1000);
      assert.equal(client.messages.at(-1)?.['type'], 'Metadata');
      assert.equal(client.messages.at(-1)?.['duration'], 0.6);
      assert.equal(transcript(client.messages.at(-2)), 'sentence');
      assert.deepEqual(deepgram.connections[0]?.transcripts, ['half a', 'sentence']);
      await eventually(() => deepgram.open.sockets === 0);
    });

    it('takes an empty frame for the end', async () => {
      const client = await Client.open(deepgram.url + NOVA, AUTH);
      client.socket.send(Buffer.alloc(0));
      assert.equal((await client.closed).code, 1000);
    });

    it('closes an idle stream, which only a text KeepAlive after audio keeps', async () => {
      await deepgram.close();
      deepgram = new DeepgramSimulator({ timeoutMs: 150 });
      await deepgram.start();
      const silent = await Client.open(deepgram.url + NOVA, AUTH);
      const kept = await Client.open(deepgram.url + NOVA, AUTH);
      kept.socket.send(silence(20));
      const alive = setInterval(() => {
        silent.send({ type: 'KeepAlive' });
        kept.send({ type: 'KeepAlive' });
      }, 30);
      const { code, reason } = await silent.closed;
      clearInterval(alive);
      assert.equal(code, 1011);
      assert.match(reason, /^NET-0001.*did not receive audio data or a text message within the timeout window/u);
      assert.equal(kept.socket.readyState, kept.socket.OPEN);
      assert.equal((await kept.closed).code, 1011);
    });

    it('measures how fast the audio came', async () => {
      const client = await Client.open(deepgram.url + NOVA, AUTH);
      speak(client, silence(3000));
      client.send({ type: 'CloseStream' });
      await client.closed;
      const [connection] = deepgram.connections;
      assert.equal(connection?.audioMs, 3000);
      assert.ok(connection.fastest > 1.25 && connection.fastest <= 3);
      assert.deepEqual(connection.chunkSizes, { 160: 150 });
    });
  });

  describe('on v2', () => {
    it('hears a turn from its start to its end, cumulatively', async () => {
      const client = await Client.open(deepgram.url + FLUX, AUTH);
      speak(client, cough(500), silence(300), speakWords('Can you move my appointment?').audio, silence(400));
      const end = await client.until((m) => m['event'] === 'EndOfTurn');
      assert.equal(end['transcript'], 'Can you move my appointment?');
      assert.equal(end['trigger'], 'model');
      assert.equal(end['turn_index'], 0);
      assert.equal(client.messages[0]?.['type'], 'Connected');
      const all = events(client).filter((event) => event !== 'Update');
      assert.deepEqual(all, ['StartOfTurn', 'EndOfTurn']);
      const start = await client.until((m) => m['event'] === 'StartOfTurn');
      assert.equal(start['transcript'], 'Can');
      const sequence = client.messages.map((m) => m['sequence_id']);
      assert.deepEqual(
        sequence,
        sequence.map((_, i) => i),
      );
      client.socket.terminate();
    });

    it('ends a turn eagerly, and takes it back when the caller goes on', async () => {
      const client = await Client.open(`${deepgram.url}${FLUX}&eager_eot_threshold=0.4`, AUTH);
      speak(client, speakWords('Move it').audio, silence(180), speakWords('to Friday').audio, silence(400));
      await client.until((m) => m['event'] === 'EndOfTurn');
      const told = client.ofType('TurnInfo').filter((m) => m['event'] !== 'Update');
      assert.deepEqual(
        told.map((m) => [m['event'], m['transcript']]),
        [
          ['StartOfTurn', 'Move'],
          ['EagerEndOfTurn', 'Move it'],
          ['TurnResumed', 'Move it to'],
          ['EagerEndOfTurn', 'Move it to Friday'],
          ['EndOfTurn', 'Move it to Friday'],
        ],
      );
      client.socket.terminate();
    });

    it('ends by time-out when the model is never sure, and by force', async () => {
      const client = await Client.open(`${deepgram.url}${FLUX}&eot_threshold=1.0&eot_timeout_ms=600`, AUTH);
      speak(client, speakWords('I want um').audio, silence(700), speakWords('a table').audio);
      client.send({ type: 'ForceEndTurn' });
      client.send({ type: 'ForceEndTurn' });
      await client.until((m) => m['type'] === 'Warning');
      const ends = client.ofType('TurnInfo').filter((m) => m['event'] === 'EndOfTurn');
      assert.deepEqual(
        ends.map((m) => [m['transcript'], m['trigger'], m['turn_index']]),
        [
          ['I want um', 'timeout', 0],
          ['a table', 'manual', 1],
        ],
      );
      client.socket.terminate();
    });

    it('configures all or nothing', async () => {
      const client = await Client.open(deepgram.url + FLUX, AUTH);
      client.send({ type: 'Configure', thresholds: { eot_threshold: 0.8, eager_eot_threshold: 0.5 } });
      const success = await client.until((m) => m['type'] === 'ConfigureSuccess');
      assert.deepEqual(success['thresholds'], { eot_threshold: 0.8, eager_eot_threshold: 0.5, eot_timeout_ms: 5000 });
      client.send({ type: 'Configure', thresholds: { eager_eot_threshold: 0.85 }, keyterms: ['Acme'] });
      const failure = await client.until((m) => m['type'] === 'ConfigureFailure');
      assert.match(String(failure['description']), /must not exceed/u);
      client.socket.terminate();
    });

    it('knows no KeepAlive', async () => {
      const client = await Client.open(deepgram.url + FLUX, AUTH);
      client.send({ type: 'KeepAlive' });
      await client.closed;
      assert.equal(client.messages.at(-1)?.['code'], 'UNPARSABLE_CLIENT_MESSAGE');
    });

    it('closes without EndOfTurn and without a code', async () => {
      const client = await Client.open(deepgram.url + FLUX, AUTH);
      speak(client, speakWords('last words').audio);
      client.send({ type: 'CloseStream' });
      assert.equal((await client.closed).code, 1005);
      assert.ok(!events(client).includes('EndOfTurn'));
      assert.equal(client.messages.at(-1)?.['transcript'], 'last words');
    });
  });

  it('hears across a slow and jittery network', async () => {
    await deepgram.close();
    deepgram = new DeepgramSimulator({ latencyMs: 30, jitterMs: 20, resultDelayMs: 40 });
    await deepgram.start();
    const client = await Client.open(deepgram.url + NOVA, AUTH);
    const sentAt = performance.now();
    speak(client, speakWords('all in order').audio, silence(400));
    const final = await client.until((m) => m['speech_final'] === true);
    assert.equal(transcript(final), 'all in order');
    assert.ok(performance.now() - sentAt >= 98);
    client.send({ type: 'CloseStream' });
    assert.equal((await client.closed).code, 1000);
  });

  it('may take many keys, of which a fault strikes one', async () => {
    await deepgram.close();
    deepgram = new DeepgramSimulator({ apiKey: ['first', 'second'] });
    await deepgram.start();
    deepgram.faults.add({ kind: 'status', status: 503, matchKey: 'second', times: 'always' });
    for (let i = 0; i < 2; i++) {
      (await Client.open(deepgram.url + NOVA, { authorization: 'Token first' })).socket.terminate();
      assert.equal((await refused(deepgram.url + NOVA, { authorization: 'Token second' })).status, 503);
    }
    deepgram.faults.clear();
    (await Client.open(deepgram.url + NOVA, { authorization: 'Token second' })).socket.terminate();
  });

  it('takes a browser’s key as a subprotocol', async () => {
    const socket = new WebSocket(deepgram.url + NOVA, ['token', SIMULATOR_KEY]);
    await once(socket, 'open');
    assert.equal(socket.protocol, 'token');
    socket.terminate();
  });

  describe('fails on command', () => {
    it('with a reset, a status, and then works again', async () => {
      deepgram.faults.add({ kind: 'refuse' }, { kind: 'status', status: 429, retryAfterMs: 1500 });
      deepgram.faults.add({ kind: 'status', status: 402 });
      await assert.rejects(refused(deepgram.url + NOVA, AUTH), { code: 'ECONNRESET' });
      const limited = await refused(deepgram.url + NOVA, AUTH);
      assert.equal(limited.status, 429);
      assert.equal(limited.headers['retry-after'], '2');
      const broke = await refused(deepgram.url + NOVA, AUTH);
      assert.equal((JSON.parse(broke.body) as Message)['err_code'], 'ASR_PAYMENT_REQUIRED');
      (await Client.open(deepgram.url + NOVA, AUTH)).socket.terminate();
      assert.equal(deepgram.faults.struck, 3);
    });

    it('in mid-stream: garbage, an unknown shape, a close, a reset, silence', async () => {
      deepgram.faults.add(
        { kind: 'garbage' },
        { kind: 'wrong-json' },
        { kind: 'close-mid-stream', code: 1011, after: 3 },
      );
      const client = await Client.open(deepgram.url + FLUX, AUTH);
      speak(client, silence(2000));
      assert.equal((await client.closed).code, 1011);
      assert.equal(client.garbage.length, 1);
      assert.ok(client.messages.some((m) => 'unexpected' in m));

      deepgram.faults.add({ kind: 'close-mid-stream' });
      const broken = await Client.open(deepgram.url + FLUX, AUTH);
      speak(broken, silence(1000));
      assert.equal((await broken.closed).code, 1006);

      deepgram.faults.add({ kind: 'stall-before-first-byte' });
      const stalled = await Client.open(deepgram.url + NOVA, AUTH);
      speak(stalled, speakWords('anybody there').audio, silence(1500));
      stalled.send({ type: 'CloseStream' });
      await stalled.closed;
      assert.deepEqual(stalled.messages, []);
    });
  });
});
