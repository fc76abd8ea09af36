import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { Fault } from '../../../simulators/faults';
import { DeepgramSimulator } from '../../../simulators/deepgram';
import { Caller, settings } from './caller';

const FAULTS: Fault[] = [
  { kind: 'refuse' },
  { kind: 'refuse', when: 'message', after: 40 },
  { kind: 'status', status: 401 },
  { kind: 'status', status: 402 },
  { kind: 'status', status: 429, retryAfterMs: 3000 },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503, when: 'message', after: 30 },
  { kind: 'stall-before-first-byte', when: 'connect' },
  { kind: 'stall-before-first-byte', when: 'message', after: 0 },
  { kind: 'stall-after-first-byte', after: 0 },
  { kind: 'stall-after-first-byte', after: 3 },
  { kind: 'close-mid-stream', after: 2 },
  { kind: 'close-mid-stream', after: 2, code: 1011 },
  { kind: 'close-mid-stream', after: 0, code: 1008, reason: 'DATA-0000' },
  { kind: 'garbage', after: 0 },
  { kind: 'wrong-json', after: 0 },
  { kind: 'garbage', when: 'connect' },
  { kind: 'wrong-json', when: 'connect' },
];

/** A fault that strikes once, and one that never ends; all at the same time, as the limit is in seconds. */
describe('whatever fails at Deepgram', function () {
  this.timeout(30_000);
  let deepgram: DeepgramSimulator;
  let callers: Caller[] = [];

  afterEach(async () => {
    for (const caller of callers) caller.close();
    await deepgram.close();
  });

  for (const model of ['nova-3', 'flux-general-en']) {
    for (const times of [1, 'always'] as const) {
      it(`within 6 s of his last word the caller is understood, or told that he is not (${model}, ${times})`, async () => {
        const keys = FAULTS.map((_, i) => `key-${i}`);
        deepgram = new DeepgramSimulator({ apiKey: keys });
        await deepgram.start();
        // v2 gets a message where v1 gets four.
        const perFrame = model === 'nova-3' ? 1 : 4;
        FAULTS.forEach((fault, i) => {
          const after = fault.when === 'message' && { after: (fault.after ?? 0) / perFrame };
          deepgram.faults.add({ ...fault, ...after, times, matchKey: keys[i] });
        });
        callers = keys.map((key) => new Caller(settings(deepgram.url, { model }, key)).pause(500));
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
            assert.ok(errors.length >= 1 && errors.length <= 2, `${what}: ${errors.length} errors`);
            assert.equal(errors[0]?.error?.provider, 'deepgram');
          }),
        );
      });
    }
  }
});
