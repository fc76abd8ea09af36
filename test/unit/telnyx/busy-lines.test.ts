import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ProviderError } from '../../../nodes/call/errors';
import { BusyLines } from '../../../nodes/telnyx/busy-lines';
import type { TelnyxInSettings } from '../../../nodes/telnyx/in-settings';
import type { TelnyxRest } from '../../../nodes/telnyx/rest';
import type { TelnyxEvent } from '../../../nodes/telnyx/webhook';

describe('a caller for whom there is no line', () => {
  let sent: string[];
  let failed: string[];
  let refusal: ((action: string) => Error | undefined) | undefined;
  let lines: BusyLines;

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    refusal = undefined;
    busy('say');
  });
  afterEach(() => mock.timers.reset());

  function busy(kind: TelnyxInSettings['busy']): void {
    sent = [];
    failed = [];
    const settings = {
      busy: kind,
      busyText: 'All busy.',
      forwardTo: '+14155550177',
      voice: 'female',
      language: 'en-US',
    };
    const command = (id: string, action: string, body?: Record<string, string>): Promise<void> => {
      const what = body?.cause ?? body?.to ?? body?.payload;
      sent.push(`${id} ${action}${what === undefined ? '' : ` ${what}`}`);
      const error = refusal?.(action);
      return error ? Promise.reject(error) : Promise.resolve();
    };
    lines = new BusyLines({
      rest: { command } as unknown as TelnyxRest,
      settings: settings as TelnyxInSettings,
      fail: (error) => failed.push(error.message),
    });
  }
  const event = (callControlId: string, type: string, sessionId = ''): TelnyxEvent => ({ id: '1', type, callControlId, sessionId, payload: {}, raw: {} }); // prettier-ignore
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('is told so, once, and hung up when that was said', () => {
    lines.take(event('a', 'call.initiated'));
    lines.take(event('a', 'call.initiated'));
    assert.deepEqual(sent, ['a answer']);
    lines.event(event('a', 'call.answered'));
    lines.event(event('a', 'call.answered'));
    lines.event(event('a', 'call.speak.ended'));
    assert.deepEqual(sent, ['a answer', 'a speak All busy.', 'a hangup']);
    assert.equal(lines.size, 0);
  });

  it('who hangs up first is forgotten', () => {
    lines.take(event('a', 'call.initiated'));
    lines.event(event('a', 'call.hangup'));
    lines.event(event('a', 'call.answered'));
    assert.deepEqual(sent, ['a answer']);
    assert.equal(lines.size, 0);
    mock.timers.tick(600_000);
    assert.deepEqual(sent, ['a answer']);
  });

  it('is hung up though nobody tells that it was said', () => {
    lines.take(event('a', 'call.initiated'));
    lines.event(event('a', 'call.answered'));
    mock.timers.tick(15_000 + 'All busy.'.length * 120 - 1);
    assert.equal(lines.size, 1);
    mock.timers.tick(1);
    assert.deepEqual(sent.at(-1), 'a hangup');
    assert.equal(lines.size, 0);
  });

  it('is the 201st at once: rejected', () => {
    for (let i = 1; i <= 200; i++) lines.take(event(`c${i}`, 'call.initiated'));
    assert.equal(sent.at(-1), 'c200 answer');
    lines.take(event('c201', 'call.initiated'));
    assert.equal(sent.at(-1), 'c201 reject USER_BUSY');
    assert.equal(lines.size, 200);
  });

  it('is not left in silence when the command fails, and the ops person is told', async () => {
    refusal = (action) =>
      action === 'speak' ? new ProviderError('telnyx', 'bad-request', 'no such voice') : undefined;
    lines.take(event('a', 'call.initiated'));
    lines.event(event('a', 'call.answered'));
    await turn();
    assert.deepEqual(sent, ['a answer', 'a speak All busy.', 'a hangup']);
    assert.match(failed.join(), /no such voice/);
    assert.equal(lines.size, 0);
    // Who has gone meanwhile is no fault.
    refusal = () => new ProviderError('telnyx', 'bad-request', 'ended', { code: '90018' });
    lines.take(event('b', 'call.initiated'));
    await turn();
    assert.equal(failed.length, 1);
    assert.equal(lines.size, 0);
  });

  it('is forwarded, and rejected if the other number does not take the call', () => {
    busy('forward');
    lines.take(event('a', 'call.initiated', 's1'));
    lines.take(event('b', 'call.initiated', 's2'));
    assert.deepEqual(sent, ['a transfer +14155550177', 'b transfer +14155550177']);
    lines.event(event('a', 'call.bridged', 's1'));
    lines.event(event('leg-b-of-a', 'call.hangup', 's1'));
    lines.event(event('leg-b-of-b', 'call.hangup', 's2'));
    assert.deepEqual(sent.slice(2), ['b reject USER_BUSY']);
    assert.equal(lines.size, 0);
  });
});
