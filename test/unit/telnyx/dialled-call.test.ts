import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { registry } from '../../../nodes/call/heart';
import type { Call } from '../../../nodes/call/call';
import type { CallInfo } from '../../../nodes/call/message';
import { Tokens } from '../../../nodes/call/carrier/tokens';
import { DialledCall } from '../../../nodes/telnyx/dialled-call';
import { dialIdOf } from '../../../nodes/telnyx/dial-request';
import { Legs } from '../../../nodes/telnyx/legs';
import { answeredBy } from '../../../nodes/telnyx/machine-detection';
import { TelnyxRest } from '../../../nodes/telnyx/rest';
import { TelnyxCompany } from '../../../simulators/telnyx';

const DIAL_ID = 'dial-00000000-0000-4000-8000-000000000000';
const RING_MS = 30_000;

describe('a call that we dial at Telnyx', () => {
  let company: TelnyxCompany;
  let tokens: Tokens;
  let call: Call;
  let dialled: DialledCall;
  let left: boolean[];
  let told: [string, unknown][];
  let hungUp: string[];
  let now: number;

  beforeEach(async () => {
    company = await new TelnyxCompany().start();
    mock.timers.enable({ apis: ['setTimeout'] });
    now = 0;
    tokens = new Tokens(() => now);
    left = [];
    told = [];
    hungUp = [];
    dialled = new DialledCall(DIAL_ID, RING_MS, (one) => left.push(one.isNamed));
    const info: CallInfo = { id: DIAL_ID, carrier: 'telnyx', direction: 'outbound', from: '+14155550142', to: '+442079460321', startedAt: 0, parameters: {}, media: { encoding: 'mulaw', sampleRate: 8000 } }; // prettier-ignore
    call = registry.open(info, dialled, 'in', () => ({ maxDurationMs: 1e9, silenceMs: 1e9, goodbye: '' }));
    call.tap(({ topic, payload }) => told.push([topic, payload]));
    const rest = new TelnyxRest(() => ({ account: { baseUrl: company.url, apiKey: company.apiKey }, headers: {} }));
    rest.command = (id, action) => {
      hungUp.push(`${action} ${id}`);
      return Promise.resolve();
    };
    dialled.attach(call, {
      tokens,
      url: 'https://voice.example.com/telnyx/voice',
      fail: (error) => assert.fail(error),
      hearer: { audio: () => undefined },
      expect: () => 'token',
      legs: new Legs(),
      rest,
      settings: () => ({ voice: 'female', language: 'en-US', options: {} }),
      show: () => undefined,
    });
  });
  afterEach(async () => {
    call.end('shutdown');
    mock.timers.reset();
    await company.stop();
  });

  const place = (id = 'v3:one'): Promise<CallInfo> => dialled.place(() => Promise.resolve(id));
  const event = (type: string, payload: Record<string, unknown> = {}, callControlId = 'v3:one'): void =>
    dialled.event({ id: type, type, callControlId, sessionId: '', payload, raw: { type } });
  const story = (): unknown[] => told.map(([topic, payload]) => (payload as { status?: string }).status ?? topic);

  it('goes by our name until Telnyx names it, and is found by that from then on', async () => {
    assert.equal(registry.get(DIAL_ID), call);
    const { id } = await place();
    assert.equal(id, 'v3:one');
    assert.equal(registry.get('v3:one'), call);
    assert.equal(registry.get(DIAL_ID), undefined);
    assert.equal(registry.callsOf('in').length, 1);
    // Telnyx says it again, by webhook.
    event('call.initiated');
    assert.deepEqual(story(), ['ringing']);
    call.end('canceled');
    assert.equal(registry.hasEnded('v3:one'), true);
    assert.deepEqual(left, [true]);
  });

  it('of which no news comes is given up 5 s after the ringing, and hung up', async () => {
    await place();
    event('call.initiated');
    mock.timers.tick(RING_MS + 4_999);
    assert.equal(call.state, 'offered');
    mock.timers.tick(1);
    assert.equal(call.state, 'ended');
    assert.deepEqual(story(), ['ringing', 'no-answer', 'call.ended']);
    assert.deepEqual(hungUp, ['hangup v3:one']);
  });

  it('has a token for its stream for as long as it may ring, and 20 s more', async () => {
    for (const [at, works] of [
      [RING_MS + 20_000, true],
      [RING_MS + 20_001, false],
    ] as const) {
      now = 0;
      let url = '';
      await dialled.place((stream) => {
        url = stream.stream_url ?? '';
        return Promise.resolve('v3:one');
      });
      assert.match(url, /^wss:\/\/voice\.example\.com\/telnyx\/voice\/media\/[0-9a-f]{32}$/);
      now = at;
      // Issued before and after it had its name: both are the call's.
      assert.equal(tokens.consume(url.slice(-32)) !== undefined, works);
    }
  });

  it('takes its tokens with it', async () => {
    let url = '';
    await dialled.place((stream) => {
      url = stream.stream_url ?? '';
      return Promise.resolve('v3:one');
    });
    event('call.hangup', { hangup_cause: 'user_busy' });
    assert.equal(tokens.consume(url.slice(-32)), undefined);
    assert.equal(tokens.size, 0);
  });

  it('has no name if the dial fails, and says so to its desk', async () => {
    await assert.rejects(
      dialled.place(() => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.deepEqual(story(), ['failed', 'call.ended']);
    assert.deepEqual(left, [false]);
    assert.deepEqual(hungUp, []);
  });

  it('is answered once, and a late word that it rings is no news', async () => {
    await place();
    event('call.answered');
    event('call.initiated');
    event('call.answered');
    assert.deepEqual(story(), ['answered']);
    // No stream: the watch looks after it now, and the ringing is over.
    mock.timers.tick(9_999);
    assert.equal(call.state, 'offered');
  });

  it('knows its own dial by client_state, and nobody else’s', () => {
    const state = (text: string): string => Buffer.from(text).toString('base64');
    assert.equal(dialIdOf({ client_state: state(DIAL_ID) }), DIAL_ID);
    for (const client_state of [null, undefined, 7, '', state('dial-x'), state(`${DIAL_ID}0`), 'x'.repeat(1_000)]) {
      assert.equal(dialIdOf({ client_state }), undefined);
    }
  });

  it('tells who answered, in whatever words Telnyx has for it', () => {
    const found = (type: string, result: string): unknown =>
      answeredBy({ id: '', type, callControlId: '', sessionId: '', payload: { result }, raw: {} });
    for (const [result, by] of [
      ['human', 'human'],
      ['machine', 'machine'],
      ['not_sure', 'unknown'],
    ]) {
      assert.deepEqual(found('call.machine.detection.ended', result ?? ''), { by, state: 'detected' });
    }
    for (const [result, by] of [
      ['human_residence', 'human'],
      ['human_business', 'human'],
      ['machine', 'machine'],
      ['fax_detected', 'fax'],
      ['silence', 'unknown'],
    ]) {
      assert.deepEqual(found('call.machine.premium.detection.ended', result ?? ''), { by, state: 'detected' });
    }
    assert.deepEqual(found('call.machine.greeting.ended', 'beep_detected'), { by: 'machine', state: 'beep' });
    assert.deepEqual(found('call.machine.greeting.ended', 'ended'), { by: 'machine', state: 'greeting-ended' });
    assert.deepEqual(found('call.machine.premium.greeting.ended', 'no_beep'), { by: 'machine', state: 'greeting-ended' }); // prettier-ignore
    assert.equal(found('call.answered', 'human'), undefined);
  });
});
