import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Call } from '../../../nodes/call/call';
import { registry } from '../../../nodes/call/heart';
import type { CallInfo } from '../../../nodes/call/message';
import { Tokens } from '../../../nodes/call/carrier/tokens';
import { DialledCall } from '../../../nodes/twilio/dialled-call';
import { answeredBy } from '../../../nodes/twilio/machine-detection';
import { TwilioRest } from '../../../nodes/twilio/rest';

const DIAL_ID = 'dial-00000000-0000-4000-8000-00000000000a';
const RING_MS = 30_000;
const SID = `CA${'0'.repeat(32)}`;
const ACCOUNT = { id: 'a', name: '', publicUrl: 'https://voice.example.com', baseUrl: '', accountSid: 'AC0', authToken: 't', apiKeySid: '', apiKeySecret: '' }; // prettier-ignore

describe('a call that we dial at Twilio', () => {
  let call: Call;
  let dialled: DialledCall;
  let left: boolean[];
  let told: [string, unknown][];
  let updates: string[];

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    left = [];
    told = [];
    updates = [];
    dialled = new DialledCall(DIAL_ID, ACCOUNT, RING_MS, (one) => left.push(one.isNamed));
    const info: CallInfo = { id: DIAL_ID, carrier: 'twilio', direction: 'outbound', from: '+14155550142', to: '+442079460321', startedAt: 0, parameters: {}, media: { encoding: 'mulaw', sampleRate: 8000 } }; // prettier-ignore
    call = registry.open(info, dialled, 'in', () => ({ maxDurationMs: 1e9, silenceMs: 1e9, goodbye: '' }));
    call.tap(({ topic, payload }) => told.push([topic, payload]));
    const rest = new TwilioRest(() => ACCOUNT);
    rest.updateCall = (accountSid, callSid, form) => {
      updates.push(`${accountSid} ${callSid} ${String(form.Status)}`);
      return Promise.resolve();
    };
    dialled.attach(call, {
      tokens: new Tokens(),
      url: 'https://voice.example.com/twilio/voice',
      fail: (error) => assert.fail(error),
      expect: () => '',
      hearer: { audio: () => undefined },
      rest,
    });
  });
  afterEach(() => {
    call.end('shutdown');
    // The time for last words, which the real clock would never end.
    mock.timers.tick(10_000);
    mock.timers.reset();
  });

  const place = (): Promise<CallInfo> => dialled.place(() => Promise.resolve(SID));
  const status = (CallStatus: string): void => dialled.status({ CallSid: SID, AccountSid: 'AC0', CallStatus });
  const story = (): unknown[] => told.map(([topic, payload]) => (payload as { status?: string }).status ?? topic);

  it('goes by our name until Twilio names it, by its answer or a report that was faster', async () => {
    assert.equal(registry.get(DIAL_ID), call);
    const never = new Promise<string>(() => undefined);
    const placed = dialled.place(() => never);
    status('ringing');
    assert.equal((await placed).id, SID);
    assert.deepEqual([registry.get(SID), registry.get(DIAL_ID)], [call, undefined]);
    assert.equal(dialled.callSid, SID);
    assert.deepEqual(story(), ['ringing']);
    call.end('canceled');
    assert.deepEqual(left, [true]);
  });

  it('of which no news comes is given up 10 s after the ringing, and hung up', async () => {
    await place();
    status('ringing');
    mock.timers.tick(RING_MS + 9_999);
    assert.equal(call.state, 'offered');
    mock.timers.tick(1);
    assert.equal(call.state, 'ended');
    assert.deepEqual(story(), ['ringing', 'no-answer', 'call.ended']);
    assert.deepEqual(updates, [`AC0 ${SID} completed`]);
  });

  it('is answered by the request for TwiML, which connects it, and once', async () => {
    await place();
    const params = { CallSid: SID, AccountSid: 'AC0', CallStatus: 'in-progress' };
    const first = dialled.pickUp(params);
    assert.match(first, /<Connect action="https:\/\/voice\.example\.com\/twilio\/voice\/next\/CA0+" method="POST"><Stream url="wss:\/\/voice\.example\.com\/twilio\/voice\/media\/[0-9a-f]{32}"/); // prettier-ignore
    status('ringing');
    status('in-progress');
    assert.match(dialled.pickUp(params), /<Stream /);
    assert.deepEqual(story(), ['answered'], 'a late word that it rings is no news');
  });

  it('that is over is told in whatever order the reports come', async () => {
    await place();
    status('completed');
    status('in-progress');
    status('ringing');
    assert.deepEqual(story(), ['answered', 'call.ended']);
    assert.match(dialled.pickUp({ CallSid: SID, CallStatus: 'in-progress' }), /<Hangup\/>/);
  });

  it('tells each of its ends without an answer', () => {
    for (const [word, ours, reason] of [
      ['busy', 'busy', 'busy'],
      ['no-answer', 'no-answer', 'no-answer'],
      ['canceled', 'canceled', 'canceled'],
      ['failed', 'failed', 'carrier-failed'],
    ] as const) {
      const info = { ...call.info, id: `dial-${word}` };
      const one = new DialledCall(info.id, ACCOUNT, RING_MS, () => undefined);
      const other = registry.open(info, one, 'in', () => ({ maxDurationMs: 1e9, silenceMs: 1e9, goodbye: '' }));
      const heard: unknown[] = [];
      other.tap(({ payload }) => heard.push(payload));
      one.attach(other, { tokens: new Tokens(), url: '', fail: (error) => assert.fail(error), expect: () => '', hearer: { audio: () => undefined }, rest: new TwilioRest(() => ACCOUNT) }); // prettier-ignore
      one.status({ CallSid: `CA${word}`, CallStatus: word });
      assert.deepEqual(heard.map((each) => (each as { status?: string; reason?: string }).status ?? (each as { reason: string }).reason), [ours, reason]); // prettier-ignore
    }
  });

  it('has no name if the dial fails, and says so to its desk', async () => {
    await assert.rejects(
      dialled.place(() => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.deepEqual(story(), ['failed', 'call.ended']);
    assert.deepEqual([left, updates], [[false], []]);
  });

  it('tells once who has answered, in our words', async () => {
    await place();
    for (const AnsweredBy of ['machine_start', 'machine_start', 'machine_end_beep', 'machine_end_beep', '']) {
      dialled.detected({ CallSid: SID, AnsweredBy });
    }
    const found = told.filter(([topic]) => topic === 'call.answered-by').map(([, payload]) => payload);
    assert.deepEqual(
      found.map((each) => [(each as { by: string }).by, (each as { state: string }).state]),
      [
        ['machine', 'detected'],
        ['machine', 'beep'],
      ],
    );
    const words = ['human', 'machine_end_silence', 'machine_end_other', 'fax', 'unknown', 'machine_new', 'new', ''];
    assert.deepEqual(
      words.map((word) => {
        const { by, state } = answeredBy(word) ?? {};
        return `${by} ${state}`;
      }),
      [
        'human detected',
        'machine greeting-ended',
        'machine greeting-ended',
        'fax detected',
        'unknown detected',
        'machine detected',
        'unknown detected',
        'undefined undefined',
      ],
    );
  });
});
