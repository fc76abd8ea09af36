import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { cough, silence, speakWords } from '../../../simulators/audio';
import { SIMULATOR_KEY } from '../../../simulators/loopback';
import { OpenAiSimulator } from '../../../simulators/openai';
import { Client, eventually, refused, type Message } from './ws-client';

const AUTH = { authorization: `Bearer ${SIMULATOR_KEY}` };
const COMPLETED = 'conversation.item.input_audio_transcription.completed';
const DELTA = 'conversation.item.input_audio_transcription.delta';
const VAD = { type: 'server_vad', threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 500 };

describe("OpenAI's Realtime simulator", () => {
  let openai: OpenAiSimulator;
  let url: string;

  beforeEach(async () => {
    openai = new OpenAiSimulator();
    await openai.start();
    url = `${openai.url.replace('http', 'ws')}/realtime?intent=transcription`;
  });
  afterEach(() => openai.close());

  /** A session for mu-law. */
  async function open(input: Message = {}): Promise<Client> {
    const client = await Client.open(url, AUTH);
    client.send(update({ format: { type: 'audio/pcmu' }, transcription: { model: 'gpt-transcribe' }, ...input }));
    await client.until(({ type }) => type === 'session.updated', 'session.updated');
    return client;
  }

  function update(input: Message, more: Message = {}): Message {
    const session = { type: 'transcription', audio: { input }, ...more };
    return { type: 'session.update', event_id: 'mine', session };
  }

  function speak(client: Client, ...pieces: Buffer[]): void {
    const audio = Buffer.concat(pieces);
    for (let at = 0; at < audio.length; at += 160) {
      client.send({ type: 'input_audio_buffer.append', audio: audio.subarray(at, at + 160).toString('base64') });
    }
  }

  const say = (text: string, pauseMs = 600): Buffer => Buffer.concat([speakWords(text).audio, silence(pauseMs)]);
  const errorOf = (message: Message): Message => message['error'] as Message;
  const anError = async (client: Client): Promise<Message> =>
    errorOf(await client.until(({ type }) => type === 'error', 'error'));

  it('wants the key at the handshake', async () => {
    for (const authorization of ['', 'Bearer wrong']) {
      const answer = await refused(url, authorization === '' ? {} : { authorization });
      assert.equal(answer.status, 401);
      assert.ok((JSON.parse(answer.body) as Message)['error']);
    }
    assert.equal((await refused(url.replace('/realtime', '/other'), AUTH)).status, 404);
  });

  it('has shut the beta: its header, and its events', async () => {
    const client = await Client.open(url, { ...AUTH, 'openai-beta': 'realtime=v1' });
    assert.equal((await client.closed).code, 4000);
    assert.equal(errorOf(client.ofType('error')[0] ?? {})['code'], 'beta_api_shape_disabled');
    const other = await open();
    other.send({ type: 'transcription_session.update', session: { input_audio_format: 'g711_ulaw' } });
    assert.equal((await other.closed).code, 4000);
  });

  it('takes no model in the address of a transcription', async () => {
    const client = await Client.open(`${url}&model=gpt-transcribe`, AUTH);
    assert.equal((await anError(client))['code'], 'invalid_model');
    await client.closed;
  });

  it('refuses a session that is not right, names the event, and goes on', async () => {
    const client = await Client.open(url, AUTH);
    const bad: [Message, string][] = [
      [{ format: { type: 'audio/pcmu', rate: 8000 } }, 'format.rate'],
      [{ format: { type: 'audio/pcm', rate: 16000 } }, 'format.rate'],
      [{ format: 'g711_ulaw' }, 'format'],
      [{ noise_reduction: { type: 'mid_field' } }, 'noise_reduction.type'],
      [{ transcription: { model: 'gpt-5' } }, 'transcription.model'],
      [{ transcription: { model: 'whisper-1', keywords: ['a'] } }, 'transcription.keywords'],
      [{ transcription: { model: 'gpt-realtime-whisper', prompt: 'a' } }, 'transcription.prompt'],
      [{ transcription: { model: 'gpt-transcribe', delay: 'low' } }, 'transcription.delay'],
      [{ transcription: { model: 'gpt-transcribe', language: 'english' } }, 'transcription.language'],
      [{ transcription: { model: 'gpt-live-transcribe' }, turn_detection: VAD }, 'turn_detection'],
      [{ turn_detection: { ...VAD, threshold: 2 } }, 'turn_detection.threshold'],
      [{ turn_detection: { ...VAD, create_response: true } }, 'turn_detection.create_response'],
      [{ turn_detection: { type: 'semantic_vad', eagerness: 'eager' } }, 'turn_detection.eagerness'],
      [{ voice: 'marin' }, 'voice'],
    ];
    for (const [i, [input, param]] of bad.entries()) {
      client.send(update(input));
      await eventually(() => client.ofType('error').length > i);
      const error = errorOf(client.ofType('error')[i] ?? {});
      assert.deepEqual([error['param'], error['event_id']], [`session.audio.input.${param}`, 'mine'], param);
    }
    client.send({ type: 'session.update', session: { audio: {} } });
    client.send({ type: 'session.update', session: { type: 'realtime' } });
    client.send('{"type":');
    client.send({ type: 'response.create' });
    client.send({ type: 'input_audio_buffer.append', audio: 'no base64!' });
    await eventually(() => client.ofType('error').length === bad.length + 5);
    client.send(update({ transcription: { model: 'gpt-live-transcribe' } }));
    const { session } = await client.until(({ type }) => type === 'session.updated');
    assert.match(JSON.stringify(session), /"turn_detection":null/);
  });

  it('hears voices by the bytes, at 8 to the ms, and transcribes what was in them', async () => {
    const client = await open({ turn_detection: VAD });
    speak(client, silence(1_000), say('Book a table,'), cough(400), silence(600), say('Bye'));
    await eventually(() => client.ofType(COMPLETED).length === 3);
    const at = (type: string, field: string): unknown[] => client.ofType(type).map((message) => message[field]);
    // Three words end at 1,560; the cough lasts from 2,200 to 2,600; the last word ends at 3,360.
    assert.deepEqual(at('input_audio_buffer.speech_started', 'audio_start_ms'), [700, 2_060, 3_100]);
    assert.deepEqual(at('input_audio_buffer.speech_stopped', 'audio_end_ms'), [2_060, 3_100, 3_860]);
    const items = at('input_audio_buffer.committed', 'item_id');
    // Said faster than in real time, they are transcribed side by side.
    const of = (item: unknown, type: string, field: string): unknown[] =>
      client.ofType(type).flatMap((message) => (message['item_id'] === item ? [message[field]] : []));
    assert.deepEqual(
      items.map((item) => of(item, COMPLETED, 'transcript')),
      [['Book a table,'], [''], ['Bye']],
    );
    assert.deepEqual(of(items[0], DELTA, 'delta'), ['Book', ' a', ' table,']);
    assert.deepEqual(at('input_audio_buffer.speech_started', 'item_id'), items);
    assert.deepEqual(at('input_audio_buffer.committed', 'previous_item_id'), [null, items[0], items[1]]);
  });

  it('completes out of order on command, and fails on command', async () => {
    openai.transcription.slow = 'first';
    openai.transcription.fails = 'third';
    const client = await open({ turn_detection: VAD });
    speak(client, say('first'), say('second'), say('third'));
    const failed = await client.until(({ type }) => String(type).endsWith('.failed'), 'failed');
    assert.equal(errorOf(failed)['code'], 'transcription_failed');
    await eventually(() => client.ofType(COMPLETED).length === 2);
    assert.deepEqual(
      client.ofType(COMPLETED).map(({ transcript }) => transcript),
      ['second', 'first'],
    );
  });

  it('waits for more where the words are not the end of a sentence, if it goes by them', async () => {
    openai.transcription.unsure = 'and$';
    const client = await open({ turn_detection: { type: 'semantic_vad', eagerness: 'high' } });
    speak(client, say('Yes', 600), say('I want and', 1_900));
    await client.until(({ transcript }) => transcript === 'Yes');
    assert.equal(client.ofType('input_audio_buffer.speech_stopped').length, 1);
    speak(client, silence(300));
    await client.until(({ transcript }) => transcript === 'I want and');
  });

  it('leaves the commit to the client where there is no turn detection, and takes none of less than 100 ms', async () => {
    const client = await open({ turn_detection: null });
    speak(client, silence(80));
    client.send({ type: 'input_audio_buffer.commit', event_id: 'c1' });
    const error = await anError(client);
    assert.deepEqual([error['code'], error['event_id']], ['input_audio_buffer_commit_empty', 'c1']);
    speak(client, say('Hello there', 0));
    client.send({ type: 'input_audio_buffer.commit' });
    await client.until(({ transcript }) => transcript === 'Hello there');
    assert.equal(client.ofType('input_audio_buffer.speech_started').length, 0);
    speak(client, say('forget this', 0));
    client.send({ type: 'input_audio_buffer.clear' });
    await client.until(({ type }) => type === 'input_audio_buffer.cleared');
    client.send({ type: 'input_audio_buffer.commit' });
    await eventually(() => client.ofType('error').length === 2);
  });

  it('ends a session when its time is over', async () => {
    openai.transcription.sessionMs = 60;
    const client = await Client.open(url, AUTH);
    const created = await client.until(({ type }) => type === 'session.created');
    const { expires_at } = created['session'] as { expires_at: number };
    assert.ok(Math.abs(expires_at - Date.now() / 1000) < 2);
    await client.closed;
    assert.equal(errorOf(client.ofType('error')[0] ?? {})['code'], 'session_expired');
    await eventually(() => openai.open.sockets === 0);
  });

  it('fails on command: before, at and in the middle', async () => {
    openai.faults.add({ kind: 'status', status: 402 }, { kind: 'refuse' });
    assert.match((await refused(url, AUTH)).body, /insufficient_quota/);
    await assert.rejects(refused(url, AUTH));
    openai.faults.add({ kind: 'status', status: 429, when: 'message', after: 1 });
    const client = await open();
    speak(client, silence(20));
    assert.equal((await anError(client))['code'], 'rate_limit_exceeded');
    await client.closed;
    openai.faults.add({ kind: 'stall-after-first-byte', after: 2 }, { kind: 'garbage', after: 0 });
    const stalled = await open();
    assert.equal(stalled.garbage.length, 1);
    speak(stalled, say('Hello'));
    stalled.send({ type: 'nonsense' });
    stalled.socket.close();
    await stalled.closed;
    assert.equal(stalled.messages.length, 2);
  });
});
