import assert from 'node:assert/strict';
import { mock } from 'node:test';
import type { CarrierControl } from '../../nodes/call/carrier/control';
import { afterEach, describe, it } from 'mocha';
import { registry } from '../../nodes/call/heart';
import { NodeSlot } from '../../nodes/call/node-slot';
import { OutSession } from '../../nodes/call/carrier/out-session';
import type { OutSettings } from '../../nodes/call/carrier/out-session';

describe('a service of speech that is down', () => {
  afterEach(() => mock.timers.reset());

  it('is stood in for by the voice of the phone company, 30 times in a call and no more', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    let said = 0;
    const nothing = (): void => undefined;
    const carrier = {
      ...{
        name: 'acme',
        connected: true,
        control: {} as CarrierControl,
        play: nothing,
        mark: nothing,
        clear: nothing,
        dispose: nothing,
      },
      hangUp: () => Promise.resolve(),
      say: () => Promise.resolve(void said++),
    };
    const call = registry.open(
      {
        ...{ id: 'call-last-resorts', carrier: 'acme', direction: 'inbound', from: '', to: '', startedAt: 0 },
        ...{ parameters: {}, media: { encoding: 'mulaw', sampleRate: 8000 } },
      },
      carrier,
      'in',
      () => ({ maxDurationMs: 60_000, silenceMs: 60_000, goodbye: '' }),
    );
    const settings = { type: 'acme-out', carrier: 'acme', company: 'Acme', lastResort: true, lastResortText: 'Sorry.' };
    const session = new OutSession(call, new NodeSlot<OutSettings>('out', 'acme-out', settings));
    for (let turn = 1; turn <= 35; turn++) {
      const id = `reply-${turn}`;
      call.playback.openUtterance({ id, kind: 'reply', interruptible: true }, 'tts');
      call.playback.fail(id, 'tts-failed');
      mock.timers.tick(300);
      assert.equal(said, Math.min(turn, 30), `turn ${turn}`);
    }
    session.dispose();
    call.end('agent-hangup');
    mock.timers.tick(2_000);
  });
});
