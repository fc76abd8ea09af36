import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { readDialSettings, readOrder } from '../../../nodes/call/dial/order';
import { DialProgress, statusOfEnd } from '../../../nodes/call/dial/status';
import { ProviderError } from '../../../nodes/call/errors';

const RING = { min: 5, max: 600 };
const settings = (more: object = {}) =>
  readDialSettings({ enter: 'in', from: '+14155550142', allowed: '+44, +49', ...more }, RING, false);
const order = (msg: Record<string, unknown>, more: object = {}) => readOrder('acme-dial', msg, settings(more));
const refused = (words: RegExp, msg: Record<string, unknown>, more: object = {}): void =>
  assert.throws(
    () => order(msg, more),
    (err) => err instanceof ProviderError && err.provider === 'acme-dial' && !err.retryable && words.test(err.message),
  );

describe('an order to dial', () => {
  it('has what stands in the node first, then msg.to, then the payload', () => {
    assert.equal(order({ payload: '+442079460321' }).to, '+442079460321');
    assert.equal(order({ payload: 'ignored', to: '+44 20 7946 0322' }).to, '+442079460322');
    assert.equal(order({ to: '+49301234567' }, { to: '+442079460323' }).to, '+442079460323');
    assert.equal(order({ payload: '+442079460321', from: '+4930000000' }).from, '+14155550142');
    assert.equal(order({ payload: '+442079460321', from: '+49 30 000000' }, { from: '' }).from, '+4930000000');
  });

  it('is refused in words: no number, none to call from, one that is not allowed', () => {
    refused(/acme-dial: there is no number to dial/, {});
    refused(/there is no number to dial/, { payload: { to: '+442079460321' } });
    refused(/international form/, { payload: Date.now() });
    refused(/no number to call from.*msg\.from/, { payload: '+442079460321' }, { from: '' });
    refused(/no number to call from/, { payload: '+442079460321', from: 'Acme' }, { from: '' });
    refused(/not among the allowed prefixes/, { payload: '+33123456789' });
    refused(/only numbers that stand in the node/, { payload: '+442079460321' }, { allowed: '' });
  });

  it('carries parameters: those of the node, and those of the message on top', () => {
    const { parameters } = order(
      { payload: '+442079460321', parameters: { customer: 17, vip: true, shop: 'south' } },
      { parameters: '{"shop":"north","kind":"reminder"}' },
    );
    assert.deepEqual(parameters, { shop: 'south', kind: 'reminder', customer: '17', vip: 'true' });
    refused(/msg\.parameters: the value of "x" must be text/, { payload: '+442079460321', parameters: { x: {} } });
    refused(/msg\.parameters must be a JSON object/, { payload: '+442079460321', parameters: ['x'] });
  });

  it('takes 50 parameters and 4 kB of them, and no more', () => {
    const payload = '+442079460321';
    const many = (n: number): object => Object.fromEntries(Array.from({ length: n }, (_, i) => [`p${i}`, 1]));
    assert.equal(Object.keys(order({ payload, parameters: many(50) }).parameters).length, 50);
    refused(/50 entries and 4 kB/, { payload, parameters: many(51) });
    const long = (bytes: number): object => ({ x: 'x'.repeat(bytes - '{"x":""}'.length) });
    assert.equal(order({ payload, parameters: long(4_096) }).parameters.x?.length, 4_088);
    refused(/50 entries and 4 kB/, { payload, parameters: long(4_097) });
  });

  it('is read by settings that say what is wrong with them', () => {
    assert.throws(() => settings({ enter: '' }), /Choose the node that the answered call enters/);
    assert.throws(() => settings({ from: 'Acme' }), /number to call from must be in international form/);
    assert.throws(() => settings({ to: '911' }), /emergency numbers/);
    assert.throws(() => settings({ to: '+19005550142' }), /premium-rate/);
    assert.throws(() => settings({ allowed: '+49, 030' }), /such as \+49 .*, not "030"/);
    assert.throws(() => settings({ ringTimeout: 4 }), /ringTimeout must be a number from 5 to 600/);
    assert.throws(() => settings({ perHour: 0 }), /perHour/);
    const { ringMs, perHour, allowed } = settings({ allowed: '+49 (30)\n+1-212; sip:pbx.example.com,' });
    assert.deepEqual([ringMs, perHour, allowed], [30_000, 10, ['+4930', '+1212', 'sip:pbx.example.com']]);
  });
});

describe('what becomes of a dialled call', () => {
  it('is told in order, each once, whatever the order of the news', () => {
    const told = (...news: Parameters<DialProgress['advance']>[0][]): string[] => {
      const progress = new DialProgress();
      return news.filter((status) => progress.advance(status));
    };
    assert.deepEqual(told('ringing', 'ringing', 'answered', 'answered'), ['ringing', 'answered']);
    assert.deepEqual(told('answered', 'ringing'), ['answered']);
    assert.deepEqual(told('ringing', 'busy', 'ringing', 'answered', 'failed'), ['ringing', 'busy']);
    assert.deepEqual(told('answered', 'busy'), ['answered']);
  });

  it('is, where nobody answered, what ended it', () => {
    for (const reason of ['busy', 'no-answer', 'rejected', 'canceled'] as const)
      assert.equal(statusOfEnd(reason), reason);
    assert.equal(statusOfEnd('carrier-failed'), 'failed');
    for (const reason of ['agent-hangup', 'shutdown', 'flow-removed', 'max-duration'] as const) {
      assert.equal(statusOfEnd(reason), 'canceled');
    }
  });
});
