import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { envNames, fill } from '../../../nodes/call/template';

const call = {
  id: 'c1',
  carrier: 'twilio',
  direction: 'inbound',
  from: '+15551234567',
  to: '+15557654321',
  startedAt: 0,
  parameters: { name: '{{env.KEY}}' },
  media: { encoding: 'mulaw', sampleRate: 8000 },
} as const;

describe('The template', () => {
  const values = {
    call,
    env: (name: string) => (name === 'SHOP' ? 'Acme' : undefined),
    now: new Date(2026, 10, 22, 9, 5),
  };

  it('fills in the call, the environment and the date', () => {
    const template = '{{call.from}}>{{ call.to }} {{env.SHOP}} {{weekday}} {{date}} {{time}} {{call.parameters.x}}.';
    assert.equal(fill(template, values), '+15551234567>+15557654321 Acme Sunday 22 November 2026 09:05 .');
  });
  it('tells another time in the next minute, and the same in the same', () => {
    const at = (...[minute, second]: [number, number]): string =>
      fill('{{date}} {{time}}', { ...values, now: new Date(2026, 11, 31, 23, minute, second) });
    assert.deepEqual([at(59, 0), at(59, 59)], Array(2).fill('31 December 2026 23:59'));
    assert.equal(at(60, 0), '1 January 2027 00:00');
  });
  it('reads no value as a template', () => assert.equal(fill('{{call.parameters.name}}', values), '{{env.KEY}}'));
  it('leaves what is not its own', () =>
    assert.equal(fill('{{name}} {{constructor}}', values), '{{name}} {{constructor}}'));
  it('knows no inherited names', () => assert.equal(fill('{{call.parameters.constructor}}', values), ''));
  it('names the variables', () => assert.deepEqual(envNames('{{env.A}} {{ env.B_2 }} {{date}}'), ['A', 'B_2']));
});

describe('A template that may look into the message', () => {
  const message = {
    payload: 'five {{call.from}}',
    customer: { name: 'Ada', orders: [{ id: 17 }], vip: true, none: null, say: () => 'x' },
    call: { from: 'somebody else' },
    date: 'never',
  };
  const filled = (template: string): string => fill(template, { call, env: () => undefined, message });

  it('finds what is in it, however deep', () => {
    assert.equal(filled('{{customer.name}} {{ customer.orders.0.id }} {{customer.vip}}'), 'Ada 17 true');
  });
  it('reads no value as a template', () => assert.equal(filled('{{payload}}'), 'five {{call.from}}'));
  it('says nothing in place of what is missing, or no text', () => {
    assert.equal(filled('<{{nothing}}{{customer}}{{customer.none}}{{customer.say}}{{customer.name.length}}>'), '<>');
  });
  it('knows no inherited names', () => assert.equal(filled('<{{constructor}}{{customer.toString}}>'), '<>'));
  it('has the call and the date of its own', () => {
    assert.equal(filled('{{call.from}} {{call.nothing}}'), '+15551234567 ');
    assert.notEqual(filled('{{date}}'), 'never');
  });
});
