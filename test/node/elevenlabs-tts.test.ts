import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { CallInfo } from '../../nodes/call/message';
import { countPlaces } from '../../nodes/call/places';
import elevenLabsAccount from '../../nodes/elevenlabs/elevenlabs-account';
import elevenLabsTts from '../../nodes/elevenlabs/elevenlabs-tts';
import { pool } from '../../nodes/elevenlabs/pool';
import { ElevenLabsSimulator } from '../../simulators/elevenlabs';
import type { ElevenLabsOptions } from '../../simulators/elevenlabs';
import { SIMULATOR_KEY } from '../../simulators/loopback';
import { until } from '../unit/call/utterance';
import { TtsStage } from './tts-stage';

const ELEVENLABS = {
  register: [elevenLabsAccount, elevenLabsTts],
  type: 'elevenlabs-tts',
  accountType: 'elevenlabs-account',
  // As a node that was just dragged in and given an account.
  config: {
    voice: 'voice-1',
    model: 'eleven_flash_v2_5',
    language: 'en',
    stability: '',
    similarity: '',
    style: '',
    speed: '',
    speakerBoost: 'voice',
    concurrency: 10,
    options: '{}',
    headers: '{}',
  },
};
type Stage = TtsStage<ElevenLabsSimulator>;

describe('elevenlabs-tts', function () {
  this.timeout(10_000);
  let stage: Stage;

  async function set(options: ElevenLabsOptions = {}): Promise<Stage> {
    const simulator = new ElevenLabsSimulator({ firstAudioMs: 20, pace: 20, finalAfterMs: 20, ...options });
    await simulator.start();
    stage = new TtsStage(simulator, ELEVENLABS);
    return stage;
  }

  beforeEach(() => set());

  afterEach(async () => {
    for (const call of stage.calls) call.end('caller-hangup');
    await until('all sockets are closed', () => pool.count().sockets === 0);
    assert.deepEqual(pool.count(), { sockets: 0, leases: 0, contexts: 0 });
    assert.deepEqual(countPlaces(), { active: 0, waiting: 0 });
    assert.ok(stage.simulator.contexts.every(({ phantom }) => !phantom));
    await stage.simulator.close();
  });

  it('speaks a reply that comes in pieces, opens its socket with the call, and tells the times', async () => {
    const call = stage.call();
    await until('the socket is open', () => stage.simulator.open.sockets === 1);
    assert.equal(stage.simulator.connections[0]?.texts.length, 0, 'nothing is sent before there is text');
    stage.reply(call, 'u1', ['Hello ', 'there.'], { kind: 'greeting' });
    assert.equal(await stage.spoken(call, 'u1'), 'Hello there.');
    assert.deepEqual(
      stage.audio(call).flatMap((msg) => msg.words ?? []),
      [
        { text: 'Hello', startMs: 0, endMs: 160 },
        { text: 'there.', startMs: 200, endMs: 360 },
      ],
    );
    assert.equal(stage.simulator.contexts.length, 1);
  });

  it('says the settings of the dialog, and only those that were set', async () => {
    const first = stage.call();
    stage.reply(first, 'u1', ['As it is.']);
    await stage.spoken(first, 'u1');
    stage.deploy({
      ...{ voice: 'voice-2', model: 'eleven_turbo_v2_5', language: 'de', stability: '0.4', similarity: 0.8 },
      ...{ style: '0', speed: '1.1', speakerBoost: 'off' },
      options: '{"seed":3,"voice_settings":{"speed":0.9},"generation_config":{"chunk_length_schedule":[50]}}',
      headers: '{"x-team":"voice"}',
    });
    stage.reply(first, 'u2', ['Otherwise.']);
    await stage.spoken(first, 'u2');
    const [plain, set2] = stage.simulator.connections;
    assert.ok(plain && set2);
    assert.deepEqual([plain.voice, plain.model, plain.language], ['voice-1', 'eleven_flash_v2_5', 'en']);
    assert.deepEqual(Object.keys(JSON.parse(plain.texts[0] ?? '{}') as object), ['text', 'context_id']);
    assert.deepEqual([set2.voice, set2.model, set2.language], ['voice-2', 'eleven_turbo_v2_5', 'de']);
    assert.match(set2.url, /[?&]seed=3(&|$)/);
    const opening = JSON.parse(set2.texts[0] ?? '{}') as Record<string, unknown>;
    assert.deepEqual(opening.voice_settings, {
      ...{ stability: 0.4, similarity_boost: 0.8, style: 0, speed: 0.9 },
      use_speaker_boost: false,
    });
    assert.deepEqual(opening.generation_config, { chunk_length_schedule: [50] });
    assert.deepEqual(stage.node.errors, []);
  });

  for (const [property, value, words] of [
    ['stability', '2', /stability must be a number from 0 to 1/],
    ['speed', '1.5', /speed must be a number from 0.7 to 1.2/],
    ['speakerBoost', 'maybe', /speakerBoost must be one of/],
    ['voice', '', /voice is missing/],
    ['options', '[]', /options must be a JSON object/],
    ['concurrency', '0', /concurrency must be a number from 1/],
  ] as const) {
    it(`says what is wrong with ${property}: ${value === '' ? 'nothing' : value}`, () => {
      stage.deploy({ [property]: value });
      const call = stage.call();
      stage.reply(call, 'u1', ['Hello.']);
      assert.match(stage.node.errors.map(({ err }) => err.message).join(), words);
      assert.equal(stage.simulator.connections.length, 0);
    });
  }

  it('falls silent at an interrupt, with or without ids, and stays so for late text and late audio', async () => {
    await stage.simulator.close();
    await set({ pace: 2, chunkBytes: 800 });
    const call = stage.call();
    const long = 'one two three four five six seven eight nine ten';
    stage.reply(call, 'u1', [long]);
    stage.reply(call, 'u2', [long], { done: false });
    stage.reply(call, 'notice', [long], { interruptible: false });
    await until('all are being spoken', () => ['u1', 'u2', 'notice'].every((id) => stage.audio(call, id).length > 0));
    stage.send(call, 'interrupt', { utterances: ['u1'], reason: 'caller' });
    stage.send(call, 'interrupt', {});
    const sent = [stage.audio(call, 'u1').length, stage.audio(call, 'u2').length];
    stage.reply(call, 'u2', ['', ' more']);
    assert.equal(await stage.spoken(call, 'notice'), long);
    await until('late audio has come', () => stage.simulator.contexts.every(({ final }) => final));
    assert.deepEqual([stage.audio(call, 'u1').length, stage.audio(call, 'u2').length], sent);
    assert.equal(stage.simulator.contexts.length, 3);
  });

  it('uses a changed account and voice from the next utterance on', async () => {
    const call = stage.call();
    const utterance = { id: 'u1', by: 'agent', kind: 'reply', interruptible: true };
    stage.send(call, 'reply', 'Old ', { utterance: { ...utterance, seq: 0, done: false } });
    await until('the first part is spoken', () => stage.audio(call).length > 0);
    stage.account(SIMULATOR_KEY, 'other-account');
    stage.deploy({ account: 'other-account', voice: 'voice-2' });
    stage.send(call, 'reply', 'voice.', { utterance: { ...utterance, seq: 1, done: true } });
    stage.reply(call, 'u2', ['New voice.']);
    await stage.spoken(call, 'u2');
    await until('the old one too', () => stage.audio(call, 'u1').some((msg) => msg.utterance?.done));
    assert.deepEqual(
      stage.simulator.contexts.map(({ voice, transcript }) => `${voice}: ${transcript.trim()}`),
      ['voice-1: Old voice.', 'voice-2: New voice.'],
    );
    await until('the old socket is closed', () => stage.simulator.open.sockets === 1);
  });

  it('says what is wrong to Catch, and closes the utterance', async () => {
    stage.account('wrong-key');
    stage.deploy();
    const call = stage.call();
    stage.reply(call, 'u1', ['Hello.']);
    await until('it has failed', () => stage.node.errors.length > 0);
    const { err, msg } = stage.node.errors[0] ?? {};
    assert.equal(msg?.provider, 'elevenlabs');
    assert.equal(msg.cause, 'authentication');
    assert.equal((msg.call as CallInfo).id, call.info.id);
    assert.match(err?.message ?? '', /check the key in the account node/);
    assert.equal(call.playback.isDead('u1'), true);
    assert.equal(stage.node.errors.length, 1);
    await until('the node shows it', () => stage.node.statuses.includes('common.status.failed'));
  });

  it('apologises with a clip of an earlier call, in the same voice', async () => {
    const first = stage.call();
    first.apology = 'Sorry, I cannot speak.';
    stage.reply(first, 'u1', ['Hello.']);
    await stage.spoken(first, 'u1');
    await until('the clip is made', () =>
      stage.simulator.contexts.some(({ final, transcript }) => final && transcript.trim() === first.apology),
    );
    await until('its place is free again', () => countPlaces().active === 0);
    stage.simulator.faults.add({ kind: 'status', when: 'message', status: 402, times: 'always' });
    const second = stage.call();
    second.apology = first.apology;
    stage.reply(second, 'u2', ['Never heard.']);
    await until('it has failed', () => stage.node.errors.length === 1);
    assert.equal(stage.heard(second), first.apology);
    const [notice] = stage.audio(second);
    assert.equal(notice?.utterance?.kind, 'notice');
    assert.equal(notice.words?.map((word) => word.text).join(' '), first.apology);
  });

  it('speaks with twenty calls at once, two on a socket, and mixes nothing up', async () => {
    await stage.simulator.close();
    await set({ concurrency: 3 });
    stage.deploy({ concurrency: 3 });
    const calls = Array.from({ length: 20 }, () => stage.call());
    calls.forEach((call, n) => stage.reply(call, `u${n}`, [`This is `, `call ${n}.`]));
    const heard = await Promise.all(calls.map((call, n) => stage.spoken(call, `u${n}`)));
    assert.deepEqual(
      heard,
      calls.map((_, n) => `This is call ${n}.`),
    );
    assert.equal(stage.simulator.open.sockets, 10);
    assert.deepEqual(stage.node.errors, []);
  });

  it('leaves nothing when the caller hangs up in the middle', async () => {
    const call = stage.call();
    stage.reply(call, 'u1', ['one two three four. '], { done: false });
    await until('it is being spoken', () => stage.audio(call).length > 0);
    call.end('caller-hangup');
    assert.deepEqual(countPlaces(), { active: 0, waiting: 0 });
    assert.equal(pool.count().contexts, 0);
    const sent = stage.node.sent.length;
    await until(
      'the simulator has nothing open',
      () => stage.simulator.open.sockets + stage.simulator.open.contexts === 0,
    );
    assert.equal(stage.node.sent.length, sent);
  });
});
