import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { DeepgramSimulator } from '../../../simulators/deepgram';
import { Caller, settings } from './caller';

const SENTENCES = ['one two three four five six seven eight', 'nine ten eleven', 'twelve thirteen fourteen fifteen'];

/** Sixteen callers say the same; each one's socket breaks elsewhere: after so many messages of either side. */
describe('wherever the socket breaks', function () {
  this.timeout(40_000);
  let deepgram: DeepgramSimulator;
  let callers: Caller[] = [];

  afterEach(async () => {
    for (const caller of callers) caller.close();
    await deepgram.close();
  });

  for (const model of ['nova-3', 'flux-general-en']) {
    it(`no word is lost or doubled (${model})`, async () => {
      const keys = Array.from({ length: 16 }, (_, i) => `key-${i}`);
      deepgram = new DeepgramSimulator({ apiKey: keys, latencyMs: 20, jitterMs: 20 });
      await deepgram.start();
      const perFrame = model === 'nova-3' ? 1 : 4;
      keys.forEach((matchKey, i) => {
        const after = Math.round((20 + i * 17) / perFrame);
        deepgram.faults.add({ kind: 'close-mid-stream', when: 'message', after, matchKey });
        if (i % 2)
          deepgram.faults.add({ kind: 'close-mid-stream', when: 'message', after: after / 2, code: 1011, matchKey });
        if (i % 3 === 0) deepgram.faults.add({ kind: 'status', status: 503, matchKey });
      });
      callers = keys.map((key) => new Caller(settings(deepgram.url, { model }, key)).pause(300));
      for (const caller of callers) for (const sentence of SENTENCES) caller.say(sentence).pause(900);
      const whole = SENTENCES.join(' ');
      await Promise.all(
        callers.map(async (caller, i) => {
          await caller.when(() => caller.texts('final').join(' ').length >= whole.length);
          assert.equal(caller.texts('final').join(' '), whole, `caller ${i}`);
          assert.equal(caller.all('started').length, caller.all('stopped').length);
          assert.equal(caller.listener.droppedBytes, 0);
        }),
      );
      assert.ok(deepgram.connections.length > keys.length * 2, `${deepgram.connections.length} connections`);
    });
  }
});
