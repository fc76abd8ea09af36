import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, it } from 'mocha';
import { countSockets } from '../../../nodes/cartesia/pool';
import { CartesiaSimulator } from '../../../simulators/cartesia';
import type { CartesiaOptions } from '../../../simulators/cartesia';
import { endpoint, nothingIsLeft, Speaker, until, VOICE } from './speaker';
import type { Utterance } from './speaker';

const SENTENCE = 'The quick brown fox jumps over the lazy dog today.';

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

  function speaker(simulator: CartesiaSimulator, more: ConstructorParameters<typeof Speaker>[1] = {}): Speaker {
    const one = new Speaker(endpoint(simulator.url), more);
    speakers.push(one);
    return one;
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
      const one = new Speaker(endpoint(simulator.url, { apiVersion }), { voice: { ...VOICE, apiVersion, speed: 1.2 } });
      speakers.push(one);
      const utterance = await one.speak('Hello there.');
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

  it('has no context, and no error, for text without a sound', async () => {
    const simulator = await simulate();
    const utterance = await speaker(simulator).begin().say('  ', '').end();
    assert.ok(utterance.isDone);
    assert.equal(simulator.contexts.length, 0);
  });

  describe('when its socket is lost', () => {
    for (const [how, fault] of Object.entries({
      'is reset': { kind: 'close-mid-stream' },
      'is closed 1011': { kind: 'close-mid-stream', code: 1011, reason: 'oops' },
      'falls silent': { kind: 'stall-after-first-byte' },
      'sends garbage': { kind: 'garbage' },
      'sends wrong JSON': { kind: 'wrong-json' },
      'says 500': { kind: 'status', when: 'mid-stream', status: 500 },
    } as const)) {
      it(`${how}: asks again from the first word without audio`, async () => {
        const simulator = await simulate({ chunkBytes: 1600 });
        simulator.faults.add({ ...fault, after: 5 });
        const utterance = await speaker(simulator, { patience: { stallMs: 400 } }).speak(SENTENCE);
        assert.equal(utterance.error, undefined);
        assert.equal(utterance.heard, SENTENCE, 'each word once, in order');
        // The times of "brown" were lost with the socket.
        utterance.assertTimesAreTrue(50);
        assert.equal(utterance.troubles.length, 1);
        assert.equal(simulator.contexts.length, 2);
      });
    }

    it('in the middle of a word: goes on with the next', async () => {
      const simulator = await simulate({ chunkBytes: 1000 });
      simulator.faults.add({ kind: 'close-mid-stream', after: 4 });
      const utterance = await speaker(simulator).speak(SENTENCE);
      assert.equal(utterance.heard, SENTENCE);
      assert.equal(utterance.timed, SENTENCE);
    });

    it('without timestamps: goes on by proportion, and misses and repeats little', async () => {
      const simulator = await simulate({ chunkBytes: 1600 });
      simulator.faults.add({ kind: 'close-mid-stream', after: 5 });
      const voice = { ...VOICE, options: { add_timestamps: false } };
      const utterance = await speaker(simulator, { voice }).speak(SENTENCE);
      assert.ok(utterance.isDone);
      assert.ok(utterance.heard.startsWith('The quick brown fox jumps'));
      assert.ok(utterance.heard.endsWith('lazy dog today.'));
    });

    it('others on it ask again too, and each hears its own words once', async () => {
      const simulator = await simulate();
      simulator.faults.add({ kind: 'close-mid-stream', after: 5 });
      const texts = ['one two three four five six', 'seven eight nine ten eleven twelve', 'a b c d e f'];
      const all = await Promise.all(texts.map((text) => speaker(simulator).speak(text)));
      assert.deepEqual(
        all.map((utterance) => utterance.heard),
        texts,
      );
    });

    it('while it waits for text: nothing is reported, the next text has a new one', async () => {
      const simulator = await simulate({ idleMs: 200 });
      const one = speaker(simulator);
      await one.speak('First.');
      await until('the idle socket is closed', () => countSockets().sockets === 0);
      const utterance = await one.speak('Second.');
      assert.equal(utterance.heard, 'Second.');
      assert.deepEqual(utterance.troubles, []);
    });
  });

  describe('when it cannot begin', () => {
    async function failing(fault: Parameters<CartesiaSimulator['faults']['add']>[0], ms = 1200): Promise<Utterance> {
      const simulator = await simulate();
      simulator.faults.add({ times: 'always', ...fault });
      const began = Date.now();
      const utterance = await speaker(simulator, { firstAudioMs: ms }).speak(SENTENCE);
      assert.ok(Date.now() - began < ms + 250, 'within its time');
      assert.ok(utterance.error);
      return utterance;
    }

    for (const status of [400, 401, 402, 404]) {
      const cause = { 400: 'bad-request', 401: 'authentication', 402: 'billing', 404: 'bad-request' }[status];
      for (const when of ['connect', 'message'] as const) {
        it(`${status} at ${when}: is not tried again`, async () => {
          const utterance = await failing({ kind: 'status', status, when });
          assert.equal(utterance.error?.cause, cause);
          assert.equal(utterance.error?.provider, 'cartesia');
          assert.equal(utterance.troubles.length, 0);
        });
      }
    }

    for (const [name, fault, cause] of [
      ['refused', { kind: 'refuse' }, 'refused'],
      ['500 at connect', { kind: 'status', status: 500 }, 'unavailable'],
      ['429 at connect', { kind: 'status', status: 429 }, 'rate-limit'],
      ['429 on the context', { kind: 'status', status: 429, when: 'message' }, 'rate-limit'],
      ['a stalled handshake', { kind: 'stall-before-first-byte', when: 'connect' }, 'timeout'],
      ['silence', { kind: 'stall-before-first-byte' }, 'timeout'],
      ['garbage in place of a handshake', { kind: 'garbage', when: 'connect' }, 'protocol'],
      ['an HTTP answer in place of a handshake', { kind: 'wrong-json', when: 'connect' }, 'protocol'],
    ] as const) {
      it(`${name}: is given up in time`, async () => {
        const utterance = await failing(fault);
        assert.equal(utterance.error?.cause, cause);
      });
      it(`${name}, once: is tried again in time`, async () => {
        const simulator = await simulate();
        simulator.faults.add({ ...fault, times: 1 });
        const utterance = await speaker(simulator).speak(SENTENCE);
        assert.equal(utterance.heard, SENTENCE);
        assert.equal(utterance.troubles[0]?.cause, cause);
      });
    }

    it('a key is missing, or cannot be a header: says so', async () => {
      const simulator = await simulate();
      for (const apiKey of ['', 'a\nb']) {
        const one = new Speaker(endpoint(simulator.url, { apiKey }));
        speakers.push(one);
        const utterance = await one.speak('Hello.');
        assert.ok(['authentication', 'settings'].includes(utterance.error?.cause ?? ''));
      }
    });
  });

  for (const apiVersion of ['2025-11-04', '2026-03-01']) {
    it(`is told in the words of version ${apiVersion} what is wrong`, async () => {
      const simulator = await simulate({ voices: ['another'] });
      const one = new Speaker(endpoint(simulator.url, { apiVersion }));
      speakers.push(one);
      const utterance = await one.speak('Hello.');
      assert.equal(utterance.error?.cause, 'bad-request');
      assert.match(utterance.error?.message ?? '', /No voice with this id/);
    });
  }

  it('that falls silent again and again is given up', async () => {
    const simulator = await simulate();
    simulator.faults.add({ kind: 'stall-after-first-byte', after: 3, times: 'always' });
    const utterance = await speaker(simulator, { patience: { stallMs: 300 } }).speak(SENTENCE);
    assert.equal(utterance.error?.cause, 'timeout');
    assert.ok(SENTENCE.startsWith(utterance.heard.slice(0, 9)));
  });

  it('is over when all words have come, though nobody says that it is done', async () => {
    const simulator = await simulate();
    simulator.faults.add({ kind: 'stall-after-first-byte', after: 6 });
    // Three words: three chunks, three timestamps; the seventh message is "done".
    const utterance = await speaker(simulator, { patience: { stallMs: 300 } }).speak('one two three');
    assert.ok(utterance.isDone);
    assert.equal(utterance.heard, 'one two three');
    assert.equal(simulator.contexts.length, 1);
  });

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

  it('waits for a place where the plan allows few, first come, first served', async () => {
    const simulator = await simulate({ concurrency: 2 });
    const one = speaker(simulator, { concurrency: 2 });
    const order: number[] = [];
    const all = [0, 1, 2, 3, 4].map((n) => {
      const utterance = one.begin().say(`number ${n}`);
      utterance.once('audio', () => order.push(n));
      return utterance.end();
    });
    await Promise.all(all);
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
    assert.deepEqual(simulator.connections[0]?.errors, []);
  });

  it('gives up in time where no place gets free, but only if the caller waits for it', async () => {
    const simulator = await simulate();
    const one = speaker(simulator, { concurrency: 1, firstAudioMs: 300 });
    const held = one.places.take(1, () => undefined);
    let urgent = false;
    const later = one.begin({ urgent: () => urgent }).say('Later.');
    const now = await one.speak('Now.');
    assert.equal(now.error?.cause, 'rate-limit');
    assert.equal(later.error, undefined);
    held.release();
    urgent = true;
    await later.end();
    assert.equal(later.heard, 'Later.');
  });

  it('ten calls share a socket, the eleventh opens another; both close with their last call', async () => {
    const simulator = await simulate();
    const calls = Array.from({ length: 11 }, () => speaker(simulator));
    await Promise.all(calls.map((call, n) => call.speak(`call ${n}`)));
    assert.deepEqual(
      calls.map((call) => call.utterances[0]?.heard),
      calls.map((_, n) => `call ${n}`),
    );
    assert.equal(simulator.open.sockets, 2);
    calls.splice(0, 10).forEach((call) => {
      speakers.splice(speakers.indexOf(call), 1);
      call.leave();
    });
    await until('the first socket is closed', () => simulator.open.sockets === 1);
  });
});
