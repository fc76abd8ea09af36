import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Call } from '../../../nodes/call/call';
import type { CallLimits } from '../../../nodes/call/carried-call';
import type { Carrier } from '../../../nodes/call/carrier';
import type { CarrierControl } from '../../../nodes/call/carrier/control';

const GENEROUS: CallLimits = { maxDurationMs: 1e9, silenceMs: 1e9, goodbye: 'Goodbye.' };

/** A live call whose limits the test changes, as a Deploy would; tells how it ended. */
function liveCall(limits: CallLimits): { call: Call; ended: Promise<string>; goodbyes: (string | undefined)[] } {
  const goodbyes: (string | undefined)[] = [];
  const carrier: Carrier = {
    name: 'test',
    connected: true,
    control: {} as CarrierControl,
    play: () => undefined,
    mark: () => undefined,
    clear: () => undefined,
    hangUp: (goodbye) => {
      goodbyes.push(goodbye);
      return Promise.resolve();
    },
    say: () => Promise.resolve(),
    dispose: () => undefined,
  };
  const info = { id: 'CA1', carrier: 'test', direction: 'inbound', from: '', to: '', startedAt: 0 } as const;
  let tell: (reason: string) => void;
  const ended = new Promise<string>((resolve) => (tell = resolve));
  const media = { encoding: 'mulaw', sampleRate: 8000 } as const;
  const call = new Call(
    { ...info, parameters: {}, media },
    carrier,
    'in',
    () => limits,
    (_call, why) => tell(why),
  );
  call.streamOpened();
  return { call, ended, goodbyes };
}

describe('no call runs for ever', () => {
  it('past its longest duration it hears the goodbye and ends, once', async () => {
    const limits = { ...GENEROUS };
    const { call, ended, goodbyes } = liveCall(limits);
    call.tick();
    assert.deepEqual(goodbyes, []);
    limits.maxDurationMs = -1;
    call.tick();
    call.tick();
    assert.equal(await ended, 'max-duration');
    assert.deepEqual(goodbyes, ['Goodbye.']);
  });

  it('without words from either side likewise', async () => {
    const limits = { ...GENEROUS };
    const { call, ended, goodbyes } = liveCall(limits);
    call.noteWords();
    call.tick();
    assert.deepEqual(goodbyes, []);
    limits.silenceMs = -1;
    call.tick();
    assert.equal(await ended, 'silence');
    assert.deepEqual(goodbyes, ['Goodbye.']);
  });
});
