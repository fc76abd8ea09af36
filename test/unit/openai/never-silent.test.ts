import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { Fault } from '../../../simulators/faults';
import { OpenAiSimulator } from '../../../simulators/openai';
import { Caller, settings, WAYS } from './caller';

const FAULTS: Fault[] = [
  { kind: 'refuse' },
  { kind: 'refuse', when: 'message', after: 40 },
  { kind: 'status', status: 401 },
  { kind: 'status', status: 402 },
  { kind: 'status', status: 429, retryAfterMs: 3000 },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503, when: 'message', after: 30 },
  { kind: 'status', status: 401, when: 'message', after: 0 },
  { kind: 'stall-before-first-byte', when: 'connect' },
  { kind: 'stall-before-first-byte', when: 'message', after: 0 },
  { kind: 'stall-after-first-byte', after: 0 },
  { kind: 'stall-after-first-byte', after: 2 },
  { kind: 'stall-after-first-byte', after: 3 },
  { kind: 'stall-after-first-byte', after: 4 },
  { kind: 'close-mid-stream', after: 2 },
  { kind: 'close-mid-stream', after: 3, code: 1011 },
  { kind: 'close-mid-stream', after: 1, code: 4000 },
  { kind: 'garbage', after: 0 },
  { kind: 'wrong-json', after: 0 },
  { kind: 'garbage', when: 'connect' },
  { kind: 'wrong-json', when: 'connect' },
];

/** A fault that strikes once, and one that never ends; all at the same time, as the limit is in seconds. */
describe('whatever fails at OpenAI', function () {
  this.timeout(30_000);
  let openai: OpenAiSimulator;
  let callers: Caller[] = [];

  afterEach(async () => {
    for (const caller of callers) caller.close();
    await openai.close();
  });

  for (const { name, config } of WAYS) {
    for (const times of [1, 'always'] as const) {
      it(`within 6 s of his last word the caller is understood, or told that he is not (${name}, ${times})`, async () => {
        const keys = FAULTS.map((_, i) => `key-${i}`);
        openai = new OpenAiSimulator({ apiKey: keys });
        await openai.start();
        FAULTS.forEach((fault, i) => openai.faults.add({ ...fault, times, matchKey: keys[i] }));
        callers = keys.map((key) => new Caller(settings(openai.url, config, key)).pause(500));
        for (const caller of callers) caller.say('I would like to move my appointment');
        const lastWord = 500 + 7 * 200;
        await Promise.all(
          callers.map(async (caller, i) => {
            const what = JSON.stringify(FAULTS[i]);
            await caller.when(
              () => caller.texts('final').length + caller.texts('deaf').length > 0 || caller.now() > 9000,
            );
            const first = caller.heard.find(({ topic }) => topic === 'final' || topic === 'deaf');
            assert.ok(first && first.cameAt < lastWord + 5800, `${what}: ${first?.topic} at ${first?.cameAt}`);
            const words = caller.texts('final').join(' ');
            assert.ok('I would like to move my appointment'.startsWith(words), `${what}: ${words}`);
            const errors = caller.all('failed');
            // A stall in the gate's way may come when all has been understood.
            const needed = words === '' || FAULTS[i]?.kind !== 'stall-after-first-byte' ? 1 : 0;
            assert.ok(errors.length >= needed && errors.length <= 2, `${what}: ${errors.length} errors`);
            for (const { error } of errors) assert.equal(error?.provider, 'openai');
          }),
        );
      });
    }
  }
});
