import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, it } from 'mocha';
import type { Cause } from '../../../nodes/call/errors';
import { countSockets } from '../../../nodes/cartesia/pool';
import { CartesiaSimulator } from '../../../simulators/cartesia';
import type { CartesiaOptions } from '../../../simulators/cartesia';
import { SENTENCE, shareASocket, tellStories } from '../call/synthesis-stories';
import type { Refusal, SpeechUnderTest } from '../call/speech-under-test';
import { endpoint, nothingIsLeft, Speaker, until, VOICE } from './speaker';

/** A status that is told at the handshake, or as the answer to a message. */
const refusals = (
  name: string,
  status: number,
  cause: Cause,
  advice: RegExp,
): Record<string, Refusal<CartesiaSimulator>> => ({
  [`${name} at connect`]: { fault: { kind: 'status', status, when: 'connect' }, cause, advice },
  [`${name} at message`]: { fault: { kind: 'status', status, when: 'message' }, cause, advice },
});

describe('An utterance at Cartesia', function () {
  this.timeout(15_000);
  const simulators: CartesiaSimulator[] = [];
  const speakers: Speaker[] = [];

  async function simulate(options: CartesiaOptions = {}): Promise<CartesiaSimulator> {
    const simulator = new CartesiaSimulator({ firstAudioMs: 20, pace: 20, ...options });
    simulators.push(simulator);
    await simulator.start();
    return simulator;
  }

  function speaker(
    simulator: CartesiaSimulator,
    more: ConstructorParameters<typeof Speaker>[1] = {},
    at: Parameters<typeof endpoint>[1] = {},
  ): Speaker {
    const one = new Speaker(endpoint(simulator.url, at), more);
    speakers.push(one);
    return one;
  }

  function leave(one: Speaker): void {
    speakers.splice(speakers.indexOf(one), 1);
    one.leave();
  }

  afterEach(async () => {
    for (const one of speakers.splice(0)) one.leave();
    await nothingIsLeft();
    for (const one of simulators.splice(0)) {
      assert.deepEqual(one.open, { sockets: 0, contexts: 0 });
      await one.close();
    }
  });

  it('joins its pieces in one context and says when each word is heard', async () => {
    const simulator = await simulate();
    const utterance = await speaker(simulator).begin().say('Good morning, ', 'how are', ' you?').end();
    assert.equal(utterance.heard, 'Good morning, how are you?');
    utterance.assertTimesAreTrue();
    assert.equal(simulator.contexts.length, 1);
    assert.equal(simulator.contexts[0]?.transcript, 'Good morning, how are you?');
    assert.equal(simulator.contexts[0]?.done, true);
    assert.deepEqual(simulator.connections[0]?.errors, []);
  });

  for (const apiVersion of ['2024-11-13', '2026-03-01', '2026-08-14']) {
    it(`names the voice as version ${apiVersion} wants it`, async () => {
      const simulator = await simulate();
      const voice = { ...VOICE, apiVersion, speed: 1.2 };
      const utterance = await speaker(simulator, { voice }, { apiVersion }).speak('Hello there.');
      assert.equal(utterance.heard, 'Hello there.');
      const request = JSON.parse(simulator.connections[0]?.texts[0] ?? '') as Record<string, unknown>;
      assert.deepEqual(request.voice, apiVersion < '2026-08' ? { mode: 'id', id: 'voice-1' } : { id: 'voice-1' });
      assert.deepEqual(request.generation_config, { speed: 1.2 });
    });
  }

  it('goes on in a new context when text comes after the old one has expired', async () => {
    const simulator = await simulate({ expiryMs: 150 });
    const patience = { expiryMs: 150, doubtfulMs: 100 };
    const one = speaker(simulator, { patience });
    const utterance = one.begin().say('First part, ');
    await until(
      'the first part is spoken and its place free again',
      () => one.places.active === 0 && utterance.audioMs >= 400,
    );
    utterance.say('second part');
    await until('the second part is spoken', () => utterance.audioMs >= 800);
    await new Promise((resolve) => setTimeout(resolve, 120));
    utterance.say(' and third.');
    await utterance.end();
    assert.equal(utterance.heard, 'First part, second part and third.');
    utterance.assertTimesAreTrue();
    assert.equal(simulator.contexts.length, 3);
    assert.deepEqual(utterance.troubles, []);
    assert.deepEqual(simulator.connections[0]?.errors, []);
  });

  it('ends at once when its end comes after the context has expired', async () => {
    const simulator = await simulate({ expiryMs: 150 });
    const utterance = speaker(simulator, { patience: { expiryMs: 150, doubtfulMs: 100 } })
      .begin()
      .say('All of it.');
    await until('it is spoken', () => utterance.audioMs >= 600);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = Date.now();
    await utterance.end();
    assert.ok(Date.now() - before < 50);
    assert.ok(utterance.isDone);
    assert.equal(utterance.timed, 'All of it.');
  });

  it('takes timestamps that come long after their audio', async () => {
    const simulator = await simulate({ timestampsDelayMs: 120, pace: Infinity });
    const utterance = await speaker(simulator).speak(SENTENCE);
    assert.equal(utterance.heard, SENTENCE);
    utterance.assertTimesAreTrue();
  });

  it('passes chunks of any size on as they come', async () => {
    const simulator = await simulate({ chunkBytes: 777 });
    const utterance = await speaker(simulator).speak(SENTENCE);
    assert.equal(utterance.heard, SENTENCE);
    utterance.assertTimesAreTrue();
    assert.ok(utterance.chunks.some((chunk) => chunk.length === 777));
  });

  it('without timestamps, when its socket is lost: goes on by proportion, and misses and repeats little', async () => {
    const simulator = await simulate({ chunkBytes: 1600 });
    simulator.faults.add({ kind: 'close-mid-stream', after: 5 });
    const voice = { ...VOICE, options: { add_timestamps: false } };
    const utterance = await speaker(simulator, { voice }).speak(SENTENCE);
    assert.ok(utterance.isDone);
    assert.ok(utterance.heard.startsWith('The quick brown fox jumps'));
    assert.ok(utterance.heard.endsWith('lazy dog today.'));
  });

  for (const apiVersion of ['2025-11-04', '2026-03-01']) {
    it(`is told in the words of version ${apiVersion} what is wrong`, async () => {
      const simulator = await simulate({ voices: ['another'] });
      const utterance = await speaker(simulator, {}, { apiVersion }).speak('Hello.');
      assert.equal(utterance.error?.cause, 'bad-request');
      assert.match(utterance.error?.message ?? '', /No voice with this id/);
    });
  }

  it('that is cancelled is not heard of again, and frees its place', async () => {
    const simulator = await simulate({ pace: 4, chunksAfterCancel: 5 });
    const one = speaker(simulator);
    const utterance = one.begin().say(SENTENCE);
    await once(utterance, 'audio');
    utterance.synthesis.cancel();
    const chunks = utterance.chunks.length;
    assert.equal(one.places.active, 0);
    await until('the simulator has stopped', () => simulator.open.contexts === 0);
    assert.equal(utterance.chunks.length, chunks);
    assert.equal(simulator.contexts[0]?.cancelled, true);
  });

  const speech: SpeechUnderTest<CartesiaSimulator> = {
    provider: 'cartesia',
    simulate,
    speaker,
    speakerWithKey: (simulator, apiKey) => speaker(simulator, {}, { apiKey }),
    leave,
    sockets: () => countSockets().sockets,
    lostAfter: 5,
    // The times of "brown" are lost with the socket.
    timesWithinMs: 50,
    losses: {},
    refusals: {
      ...refusals('400', 400, 'bad-request', /check the settings/),
      ...refusals('401', 401, 'authentication', /check the key in the account node/),
      ...refusals('402', 402, 'billing', /check credit and billing/),
      ...refusals('404', 404, 'bad-request', /check the settings/),
    },
    outages: {},
    idle: { simulate: () => simulate({ idleMs: 200 }) },
    // Three chunks and three timestamps; the seventh is "done".
    messagesOfThreeWords: 6,
    callsOnASocket: 10,
  };

  tellStories(speech);

  it('ten calls share a socket, the eleventh opens another; both close with their last call', () =>
    shareASocket(speech));
});
