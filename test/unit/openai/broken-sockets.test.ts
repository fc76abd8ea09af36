import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { OpenAiSimulator } from '../../../simulators/openai';
import { Caller, settings, WAYS } from './caller';

const SENTENCES = ['one two three four five six seven eight', 'nine ten eleven', 'twelve thirteen fourteen fifteen'];

/** Sixteen callers say the same; each one's socket breaks elsewhere: after so many messages of either side. */
describe("wherever OpenAI's socket breaks", function () {
  this.timeout(60_000);
  let openai: OpenAiSimulator;
  let callers: Caller[] = [];

  afterEach(async () => {
    for (const caller of callers) caller.close();
    await openai.close();
  });

  for (const { name, config } of WAYS) {
    it(`no word is lost or doubled (${name})`, async () => {
      const keys = Array.from({ length: 16 }, (_, i) => `key-${i}`);
      openai = new OpenAiSimulator({ apiKey: keys, latencyMs: 20, jitterMs: 20 });
      await openai.start();
      keys.forEach((matchKey, i) => {
        const after = 20 + i * 13;
        openai.faults.add({ kind: 'close-mid-stream', when: 'message', after, matchKey });
        if (i % 2) openai.faults.add({ kind: 'close-mid-stream', after: 1 + i, code: 1011, matchKey });
        if (i % 3 === 0) openai.faults.add({ kind: 'status', status: 503, matchKey });
      });
      callers = keys.map((key) => new Caller(settings(openai.url, config, key)).pause(300));
      for (const caller of callers) for (const sentence of SENTENCES) caller.say(sentence).pause(900);
      const whole = SENTENCES.join(' ');
      await Promise.all(
        callers.map(async (caller, i) => {
          await caller.when(() => caller.texts('final').join(' ').length >= whole.length);
          assert.equal(caller.texts('final').join(' '), whole, `caller ${i}`);
          await caller.when(() => caller.all('started').length === caller.all('stopped').length);
          assert.equal(caller.listener.droppedBytes, 0);
          assert.ok(caller.all('started').length <= SENTENCES.length + 2, `caller ${i}`);
        }),
      );
      assert.ok(openai.sessions.length > keys.length * 1.5, `${openai.sessions.length} sessions`);
    });
  }
});
