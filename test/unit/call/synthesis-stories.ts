/** What holds of an utterance at every provider of text-to-speech, whatever its protocol: told once, for each of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Cause } from '../../../nodes/call/errors';
import type { Fault } from '../../../simulators/faults';
import type { Simulated, SpeechUnderTest } from './speech-under-test';
import { until } from './utterance';
import type { Utterance } from './utterance';

export const SENTENCE = 'The quick brown fox jumps over the lazy dog today.';

const LOSSES: Record<string, Fault> = {
  'is reset': { kind: 'close-mid-stream' },
  'is closed 1011': { kind: 'close-mid-stream', code: 1011, reason: 'oops' },
  'falls silent': { kind: 'stall-after-first-byte' },
  'sends garbage': { kind: 'garbage' },
  'sends wrong JSON': { kind: 'wrong-json' },
  'says 500': { kind: 'status', when: 'mid-stream', status: 500 },
};

const OUTAGES: Record<string, [Fault, Cause]> = {
  refused: [{ kind: 'refuse' }, 'refused'],
  '500 at connect': [{ kind: 'status', status: 500 }, 'unavailable'],
  '429 at connect': [{ kind: 'status', status: 429 }, 'rate-limit'],
  '429 on the socket': [{ kind: 'status', status: 429, when: 'message' }, 'rate-limit'],
  'a stalled handshake': [{ kind: 'stall-before-first-byte', when: 'connect' }, 'timeout'],
  silence: [{ kind: 'stall-before-first-byte' }, 'timeout'],
  'garbage in place of a handshake': [{ kind: 'garbage', when: 'connect' }, 'protocol'],
  'an HTTP answer in place of a handshake': [{ kind: 'wrong-json', when: 'connect' }, 'protocol'],
};

/** Tells all of it; to be called within the provider's `describe`, whose hooks clean up. */
export function tellStories<S extends Simulated>(of: SpeechUnderTest<S>): void {
  it('has no context, and no error, for text without a sound', async () => {
    const simulator = await of.simulate();
    const utterance = await of.speaker(simulator).begin().say('  ', '').end();
    assert.ok(utterance.isDone);
    assert.equal(simulator.contexts.length, 0);
  });

  describe('when its socket is lost', () => lostSocket(of));
  describe('when it cannot begin', () => noBeginning(of));

  it('that falls silent again and again is given up', async () => {
    const simulator = await of.simulate();
    simulator.faults.add({ kind: 'stall-after-first-byte', after: 3, times: 'always' });
    const utterance = await of.speaker(simulator, { patience: { stallMs: 300 } }).speak(SENTENCE);
    assert.equal(utterance.error?.cause, 'timeout');
    assert.ok(SENTENCE.startsWith(utterance.heard.slice(0, 9)));
  });

  it('is over when all words have come, though nobody says that it is done', async () => {
    const simulator = await of.simulate();
    simulator.faults.add({ kind: 'stall-after-first-byte', after: of.messagesOfThreeWords });
    const utterance = await of.speaker(simulator, { patience: { stallMs: 300 } }).speak('one two three');
    assert.ok(utterance.isDone);
    assert.equal(utterance.heard, 'one two three');
    assert.deepEqual(utterance.troubles, []);
    assert.equal(simulator.contexts.length, 1);
  });

  describe('of several', () => several(of));
}

function lostSocket<S extends Simulated>(of: SpeechUnderTest<S>): void {
  for (const [how, fault] of Object.entries({ ...LOSSES, ...of.losses })) {
    it(`${how}: asks again from the first word without audio`, async () => {
      const simulator = await of.simulate({ chunkBytes: 1600 });
      simulator.faults.add({ ...fault, after: of.lostAfter });
      const utterance = await of.speaker(simulator, { patience: { stallMs: 400 } }).speak(SENTENCE);
      assert.equal(utterance.error, undefined);
      assert.equal(utterance.heard, SENTENCE, 'each word once, in order');
      utterance.assertTimesAreTrue(of.timesWithinMs);
      assert.equal(utterance.troubles.length, 1);
      assert.equal(simulator.contexts.length, 2);
    });
  }

  it('in the middle of a word: goes on with the next', async () => {
    const simulator = await of.simulate({ chunkBytes: 1000 });
    simulator.faults.add({ kind: 'close-mid-stream', after: 4 });
    const utterance = await of.speaker(simulator).speak(SENTENCE);
    assert.equal(utterance.heard, SENTENCE);
    assert.equal(utterance.timed, SENTENCE);
  });

  it('others on it ask again too, and each hears its own words once', async () => {
    const simulator = await of.simulate();
    simulator.faults.add({ kind: 'close-mid-stream', after: 5 });
    const texts = ['one two three four five six', 'seven eight nine ten eleven twelve', 'a b c d e f'];
    const sharing = texts.slice(0, of.callsOnASocket);
    const all = await Promise.all(sharing.map((text) => of.speaker(simulator).speak(text)));
    assert.deepEqual(
      all.map((utterance) => utterance.heard),
      sharing,
    );
  });

  it('while it waits for text: nothing is reported, the next text has a new one', async () => {
    const { simulate, says } = of.idle;
    const simulator = await simulate();
    const one = of.speaker(simulator);
    assert.equal((await one.speak('First.')).heard, 'First.');
    await until('the idle socket is closed', () => of.sockets() === 0);
    if (says) assert.match(simulator.connections[0]?.errors[0] ?? '', says);
    const utterance = await one.speak('Second.');
    assert.equal(utterance.heard, 'Second.');
    assert.deepEqual(utterance.troubles, []);
  });
}

function noBeginning<S extends Simulated>(of: SpeechUnderTest<S>): void {
  async function failing(simulator: S, fault?: Fault): Promise<Utterance> {
    if (fault) simulator.faults.add({ times: 'always', ...fault });
    const began = Date.now();
    const utterance = await of.speaker(simulator, { firstAudioMs: 1_200 }).speak(SENTENCE);
    assert.ok(Date.now() - began < 1_200 + 250, 'within its time');
    assert.equal(utterance.error?.provider, of.provider);
    return utterance;
  }

  for (const [what, { fault, simulate, cause, advice }] of Object.entries(of.refusals)) {
    it(`${what}: is not tried again, and says what to do`, async () => {
      const { error, troubles } = await failing(await (simulate ?? of.simulate)(), fault);
      assert.equal(error?.cause, cause);
      assert.match(error?.message ?? '', advice);
      assert.equal(troubles.length, 0);
    });
  }

  for (const [what, [fault, cause]] of Object.entries({ ...OUTAGES, ...of.outages })) {
    it(`${what}: is given up in time`, async () => {
      assert.equal((await failing(await of.simulate(), fault)).error?.cause, cause);
    });
    it(`${what}, once: is tried again in time`, async () => {
      const simulator = await of.simulate();
      simulator.faults.add({ ...fault, times: 1 });
      const utterance = await of.speaker(simulator).speak(SENTENCE);
      assert.equal(utterance.heard, SENTENCE);
      assert.equal(utterance.troubles[0]?.cause, cause);
    });
  }

  it('a key is missing, or cannot be a header: says so', async () => {
    const simulator = await of.simulate();
    for (const [apiKey, cause] of [
      ['', 'authentication'],
      ['a\nb', 'settings'],
    ] as const) {
      assert.equal((await of.speakerWithKey(simulator, apiKey).speak('Hello.')).error?.cause, cause);
    }
  });
}

function several<S extends Simulated>(of: SpeechUnderTest<S>): void {
  it('waits for a place where the plan allows few, first come, first served', async () => {
    const simulator = await of.simulate({ concurrency: 2 });
    const one = of.speaker(simulator, { concurrency: 2 });
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
    const simulator = await of.simulate();
    const one = of.speaker(simulator, { concurrency: 1, firstAudioMs: 300 });
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
}

/** As many calls as may share a socket do, and one more opens another; both close with their last call. The limit is in the title. */
export async function shareASocket<S extends Simulated>(of: SpeechUnderTest<S>): Promise<void> {
  const simulator = await of.simulate();
  const calls = Array.from({ length: of.callsOnASocket + 1 }, () => of.speaker(simulator));
  await Promise.all(calls.map((call, n) => call.speak(`call ${n}`)));
  assert.deepEqual(
    calls.map((call) => call.utterances[0]?.heard),
    calls.map((_, n) => `call ${n}`),
  );
  assert.equal(simulator.open.sockets, 2);
  for (const call of calls.slice(0, of.callsOnASocket)) of.leave(call);
  await until('the first socket is closed', () => simulator.open.sockets === 1);
}
