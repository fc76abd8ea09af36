import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { afterEach, describe, it } from 'mocha';
import { pool } from '../../../nodes/elevenlabs/pool';
import { socketPath } from '../../../nodes/elevenlabs/requests';
import type { VoiceSettings } from '../../../nodes/elevenlabs/requests';
import { ElevenLabsSocket } from '../../../nodes/elevenlabs/socket';
import { ElevenLabsSimulator } from '../../../simulators/elevenlabs';
import type { ElevenLabsOptions } from '../../../simulators/elevenlabs';
import type { SpeechUnderTest } from '../call/speech-under-test';
import { SENTENCE, shareASocket, tellStories } from '../call/synthesis-stories';
import { endpoint, nothingIsLeft, Speaker, until, VOICE } from './speaker';

const noop = (): void => undefined;

describe('An utterance at ElevenLabs', function () {
  this.timeout(15_000);
  const simulators: ElevenLabsSimulator[] = [];
  const speakers: Speaker[] = [];

  async function simulate(options: ElevenLabsOptions = {}): Promise<ElevenLabsSimulator> {
    const simulator = new ElevenLabsSimulator({ firstAudioMs: 20, pace: 20, finalAfterMs: 20, ...options });
    simulators.push(simulator);
    await simulator.start();
    return simulator;
  }

  function speaker(
    simulator: ElevenLabsSimulator,
    more: ConstructorParameters<typeof Speaker>[1] = {},
    at: Parameters<typeof endpoint>[2] = {},
  ): Speaker {
    const one = new Speaker(endpoint(simulator.url, more.voice, at), more);
    speakers.push(one);
    return one;
  }

  function leave(one: Speaker): void {
    speakers.splice(speakers.indexOf(one), 1);
    one.leave();
  }

  const sent = (simulator: ElevenLabsSimulator): Record<string, unknown>[] =>
    simulator.connections.flatMap(({ texts }) => texts.map((text) => JSON.parse(text) as Record<string, unknown>));

  afterEach(async () => {
    for (const one of speakers.splice(0)) one.leave();
    await nothingIsLeft();
    for (const one of simulators.splice(0)) {
      await until('the simulator has nothing open', () => one.open.sockets + one.open.contexts === 0);
      assert.equal(one.contexts.filter(({ phantom }) => phantom).length, 0, 'no phantom contexts');
      assert.ok(one.connections.every(({ mostContexts }) => mostContexts <= 5));
      await one.close();
    }
  });

  it('joins its pieces in one context, flushes before it closes, and says when each word is heard', async () => {
    const simulator = await simulate();
    const one = speaker(simulator);
    const utterance = one.begin().say('Good morning, ');
    await until('it is begun', () => simulator.contexts.length === 1);
    await utterance.say('how are', ' you?').end();
    assert.equal(utterance.heard, 'Good morning, how are you?');
    utterance.assertTimesAreTrue(1);
    assert.equal(simulator.contexts.length, 1);
    assert.deepEqual(simulator.contexts[0]?.inputs, [' ', 'Good morning, ', 'how are you? ']);
    assert.equal(simulator.contexts[0]?.lost, '');
    assert.equal(simulator.contexts[0]?.final, true);
    const [first, ...rest] = sent(simulator);
    assert.equal(first?.text, ' ');
    assert.deepEqual(Object.keys(rest.at(-2) ?? {}), ['context_id', 'flush']);
    assert.deepEqual(Object.keys(rest.at(-1) ?? {}), ['context_id', 'close_context']);
    assert.deepEqual(simulator.connections[0]?.errors, []);
    assert.deepEqual(utterance.troubles, []);
  });

  it('says the voice settings once, in the first message of each context', async () => {
    const simulator = await simulate();
    const tone = { stability: 0.4, similarity_boost: 0.8, style: 0.1, use_speaker_boost: true, speed: 1.1 };
    const voice: VoiceSettings = { ...VOICE, tone, options: { generation_config: { chunk_length_schedule: [50] } } };
    const one = speaker(simulator, { voice });
    assert.equal((await one.begin().say('One. ', 'Two.').end()).heard, 'One. Two.');
    assert.equal((await one.speak('Three.')).heard, 'Three.');
    const openings = sent(simulator).filter((message) => 'voice_settings' in message);
    assert.deepEqual(
      openings.map(({ text, voice_settings }) => [text, voice_settings]),
      [
        [' ', tone],
        [' ', tone],
      ],
    );
    assert.deepEqual(openings[0]?.generation_config, { chunk_length_schedule: [50] });
    const url = new URL(simulator.connections[0]?.url ?? '', 'ws://x');
    assert.equal(url.pathname, '/v1/text-to-speech/voice-1/multi-stream-input');
    assert.equal(url.searchParams.get('output_format'), 'ulaw_8000');
    assert.equal(url.searchParams.get('language_code'), 'en');
  });

  it('takes options as query parameters or first message, but not another format', () => {
    const options = { output_format: 'mp3_44100_128', seed: 7, auto_mode: false, inactivity_timeout: 60 };
    const query = new URL(socketPath({ ...VOICE, voice: 'a/b', options }), 'ws://x');
    assert.equal(query.pathname, '/v1/text-to-speech/a%2Fb/multi-stream-input');
    assert.deepEqual(Object.fromEntries(query.searchParams), {
      model_id: 'eleven_flash_v2_5',
      sync_alignment: 'true',
      auto_mode: 'false',
      inactivity_timeout: '60',
      language_code: 'en',
      seed: '7',
      output_format: 'ulaw_8000',
    });
    const old = new URL(socketPath({ ...VOICE, model: 'eleven_multilingual_v2' }), 'ws://x');
    assert.equal(old.searchParams.get('language_code'), null, 'that model refuses a language');
  });

  it('collects words that trickle in to clauses, and lets go of what is not followed by more', async () => {
    const simulator = await simulate();
    const utterance = speaker(simulator).begin().say('So, ');
    await until('it is begun', () => simulator.contexts[0]?.inputs.length === 2);
    for (const token of ['hel', 'lo', ' there', ', ', 'it', ' costs', ' 3', '.', '50', ' today']) utterance.say(token);
    await until('the rest was let go', () => simulator.contexts[0]?.inputs.length === 4);
    await utterance.say(' for', ' you.', ' Good', 'bye').end();
    const [, ...inputs] = simulator.contexts[0]?.inputs ?? [];
    assert.deepEqual(inputs, ['So, ', 'hello there, ', 'it costs 3.50 today ', 'for you. ', 'Goodbye ']);
  });

  for (const [name, options] of Object.entries({
    'snake case': { spelling: 'snake' },
    'the spelling of the specification': { spelling: 'specification' },
    'times from the start of the context': { timesFrom: 'context' },
    'chunks that end within words': { chunkBytes: 777 },
    'the final mark on the last audio': { finalOn: 'last-audio' },
    'everything at once': { pace: Infinity, chunkBytes: 480, timesFrom: 'context', finalOn: 'last-audio' },
  } as const)) {
    it(`understands ${name}`, async () => {
      const simulator = await simulate(options);
      const utterance = speaker(simulator).begin().say('First a clause, ', `${SENTENCE} `);
      await until('some is spoken', () => utterance.audioMs > 400);
      await utterance.say('And one more.').end();
      assert.equal(utterance.heard, `First a clause, ${SENTENCE} And one more.`);
      utterance.assertTimesAreTrue(1);
      assert.deepEqual(utterance.troubles, []);
    });
  }

  it('speaks without any times too', async () => {
    const simulator = await simulate();
    const voice = { ...VOICE, options: { sync_alignment: false } };
    const utterance = await speaker(simulator, { voice }).speak(SENTENCE);
    assert.equal(utterance.heard, SENTENCE);
    assert.deepEqual(utterance.words, []);
  });

  describe('that waits for text', () => {
    it('is kept alive, gives its place back meanwhile, and goes on in its context', async () => {
      const simulator = await simulate({ inactivityMs: 1_000 });
      const voice = { ...VOICE, options: { inactivity_timeout: 1 } };
      const one = speaker(simulator, { voice, patience: { restMs: 100 } }, { keepAliveMs: 250 });
      const utterance = one.begin().say('Let me see. ');
      await until('it is spoken', () => utterance.audioMs >= 600);
      assert.equal(utterance.timed, 'Let me see.', 'no word waits for the next');
      await until('its place is free', () => one.places.active === 0);
      await until('it was kept alive', () => (simulator.contexts[0]?.keepAlives ?? 0) >= 5);
      await utterance.say('Here it is.').end();
      assert.equal(utterance.heard, 'Let me see. Here it is.');
      assert.equal(simulator.contexts.length, 1);
      assert.equal(one.places.active, 0);
      assert.deepEqual(utterance.troubles, []);
    });

    it('too long is left, and goes on in a new context', async () => {
      const simulator = await simulate();
      const one = speaker(simulator, { patience: { expiryMs: 150, restMs: 50 } });
      const utterance = one.begin().say('First part, ');
      await until('it is left', () => simulator.contexts[0]?.final === true);
      await utterance.say('second part.').end();
      assert.equal(utterance.heard, 'First part, second part.');
      utterance.assertTimesAreTrue(1);
      assert.equal(simulator.contexts.length, 2);
      assert.deepEqual(utterance.troubles, []);
    });

    it('waits for a place again when text comes, and says so if there is none', async () => {
      const simulator = await simulate();
      const one = speaker(simulator, { concurrency: 1, patience: { restMs: 50, stallMs: 300 } });
      const utterance = one.begin().say('First. ');
      await until('its place is free', () => utterance.audioMs >= 200 && one.places.active === 0);
      const held = one.places.take(1, () => undefined);
      utterance.say('Second. ');
      await until('it waits', () => one.places.waiting === 1);
      held.release();
      await until('it goes on', () => utterance.heard === 'First. Second.');
      await until('its place is free again', () => one.places.active === 0);
      const again = one.places.take(1, () => undefined);
      await utterance.say('Never.').end();
      again.release();
      assert.equal(utterance.error?.cause, 'rate-limit');
      assert.equal(utterance.heard, 'First. Second.');
    });
  });

  it('with a model that there is not is not tried again', async () => {
    const simulator = await simulate();
    const voice = { ...VOICE, model: 'eleven_v3', language: '' };
    const utterance = await speaker(simulator, { voice }).speak(SENTENCE);
    assert.equal(utterance.error?.cause, 'bad-request');
    assert.match(utterance.error?.message ?? '', /check the model in this node/);
    assert.equal(utterance.troubles.length, 0);
  });

  it('that is cancelled is closed, and what had been flushed is dropped', async () => {
    const simulator = await simulate({ pace: 10, chunkBytes: 800 });
    const one = speaker(simulator);
    const utterance = one.begin().say(SENTENCE);
    await once(utterance, 'audio');
    utterance.synthesis.cancel();
    const chunks = utterance.chunks.length;
    assert.equal(one.places.active, 1, 'it counts as long as ElevenLabs is at it');
    const before = simulator.contexts[0]?.audioMs ?? 0;
    await until('its place is free', () => one.places.active === 0);
    assert.equal(simulator.contexts[0]?.final, true);
    assert.ok((simulator.contexts[0]?.audioMs ?? 0) > before, 'late audio did come');
    assert.equal(utterance.chunks.length, chunks);
    assert.deepEqual(sent(simulator).filter((message) => message.close_context === true).length, 1);
  });

  it('that is cancelled before its first text sends nothing at all', async () => {
    const simulator = await simulate();
    const one = speaker(simulator);
    await one.lease.connect();
    const utterance = one.begin().say('Hel');
    await until('it has a context', () => pool.count().contexts === 1);
    utterance.synthesis.cancel();
    const next = await one.speak('Hello.');
    assert.equal(next.heard, 'Hello.');
    assert.equal(simulator.contexts.length, 1);
  });

  describe('of several', () => {
    it('the sixth goes to another socket: five count on each, also those that are closed and not final', async () => {
      const simulator = await simulate({ concurrency: 20 });
      const one = speaker(simulator, { concurrency: 20 });
      const texts = Array.from({ length: 12 }, (_, n) => `This is number ${n}.`);
      const all = await Promise.all(texts.map((text) => one.speak(text)));
      assert.deepEqual(
        all.map((utterance) => utterance.heard),
        texts,
      );
      assert.deepEqual(
        simulator.connections.map(({ mostContexts }) => mostContexts),
        [5, 5, 2],
      );
      assert.deepEqual(
        all.flatMap(({ troubles }) => troubles),
        [],
      );
    });

    it('cut in quick succession never meets the limit of five', async () => {
      const simulator = await simulate({ pace: 4, finalAfterMs: 300, concurrency: 40 });
      const one = speaker(simulator, { concurrency: 40 });
      for (let n = 0; n < 20; n++) {
        const utterance = one.begin().say(SENTENCE);
        await once(utterance, 'audio');
        utterance.synthesis.cancel();
      }
      assert.equal((await one.speak('I stopped.')).heard, 'I stopped.');
      assert.deepEqual(
        simulator.connections.flatMap(({ errors }) => errors),
        [],
      );
      assert.ok(
        simulator.connections.some(({ mostContexts }) => mostContexts === 5),
        'the limit was reached',
      );
    });

    it('cut where the plan allows one at a time: the next waits until ElevenLabs is through with it', async () => {
      const simulator = await simulate({ pace: 10, concurrency: 1 });
      const one = speaker(simulator, { concurrency: 1 });
      for (let n = 0; n < 3; n++) {
        const utterance = one.begin().say(SENTENCE);
        await once(utterance, 'audio');
        utterance.synthesis.cancel();
      }
      assert.equal((await one.speak('I stopped.')).heard, 'I stopped.');
      assert.deepEqual(simulator.connections[0]?.errors, []);
    });

    it('leaves a socket on which what was cut never gets final', async () => {
      const simulator = await simulate();
      simulator.faults.add({ kind: 'stall-after-first-byte', after: 1 });
      const told: string[] = [];
      const socket = new ElevenLabsSocket(
        endpoint(simulator.url),
        () => told.push('gone'),
        () => told.push('closed'),
        { finalMs: 150, tendMs: 20 },
      );
      const other = await socket.ready;
      const heard = new EventEmitter();
      const listener = { audio: () => heard.emit('audio'), words: noop, done: noop, failed: noop, odd: noop };
      const context = other.open(VOICE, listener);
      context.say('One two three. ', true);
      await once(heard, 'audio');
      context.cancel();
      assert.equal(socket.usable, true, 'it still has room');
      const since = performance.now();
      await until('the socket is left', () => told.length === 2);
      assert.ok(performance.now() - since >= 145);
      assert.deepEqual(told, ['gone', 'closed']);
    });
  });

  const speech: SpeechUnderTest<ElevenLabsSimulator> = {
    provider: 'elevenlabs',
    simulate,
    speaker,
    speakerWithKey: (simulator, apiKey) => speaker(simulator, {}, { apiKey }),
    leave,
    sockets: () => pool.count().sockets,
    lostAfter: 4,
    timesWithinMs: 1,
    losses: {
      'is closed 1008 without a reason that says why': { kind: 'close-mid-stream', code: 1008, reason: 'Policy' },
      'says that the system is busy': { kind: 'status', when: 'mid-stream', status: 429, errorCode: 'system_busy' },
    },
    refusals: {
      'a wrong key': {
        fault: { kind: 'status', status: 401 },
        cause: 'authentication',
        advice: /check the key in the account/,
      },
      'a wrong key, told after the upgrade': {
        simulate: () => simulate({ refuse: 'after', apiKey: 'other' }),
        cause: 'authentication',
        advice: /key/,
      },
      'a quota used up': {
        fault: { kind: 'status', status: 402 },
        cause: 'billing',
        advice: /check the subscription/,
      },
      'a quota used up, told with 1008': {
        fault: { kind: 'status', status: 402, when: 'message' },
        cause: 'billing',
        advice: /subscription/,
      },
      'an unknown voice': {
        simulate: () => simulate({ voices: ['another'] }),
        cause: 'bad-request',
        advice: /check the voice in this node/,
      },
      'an unknown voice, at the handshake': {
        simulate: () => simulate({ voices: ['x'], refuse: 'handshake' }),
        cause: 'bad-request',
        advice: /voice in this/,
      },
    },
    outages: {
      'a busy system': [{ kind: 'status', status: 429, when: 'message', errorCode: 'system_busy' }, 'unavailable'],
    },
    idle: { simulate: () => simulate({ inactivityMs: 150 }), says: /^input_timeout_exceeded: / },
    // Three chunks; the fourth is the final one.
    messagesOfThreeWords: 3,
    callsOnASocket: 2,
  };

  tellStories(speech);

  it('two calls share a socket, the third opens another; both close with their last call', () => shareASocket(speech));
});
