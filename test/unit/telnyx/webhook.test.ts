import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { hangupReason } from '../../../nodes/telnyx/hangup-cause';
import { checkWebhook, readEvent, readPublicKey } from '../../../nodes/telnyx/webhook';
import { SigningKey } from '../../../simulators/telnyx';
import type { WebhookSignature } from '../../../simulators/telnyx';

const telnyx = new SigningKey();
const BODY = '{"data":{"event_type":"call.initiated","id":"1","payload":{"call_control_id":"v3:ü"}}}';

function check(variant: WebhookSignature, key = telnyx.publicKey, body = BODY): string {
  const publicKey = readPublicKey(key) ?? assert.fail('no key');
  return checkWebhook(publicKey, { headers: telnyx.headers(BODY, variant), rawBody: Buffer.from(body) });
}

describe("Telnyx's signatures", () => {
  it('are right by either form of the public key, and by it in a PEM', () => {
    const pem = `-----BEGIN PUBLIC KEY-----\n${telnyx.publicKeySpki}\n-----END PUBLIC KEY-----\n`;
    for (const key of [telnyx.publicKey, ` ${telnyx.publicKey}\n`, telnyx.publicKeySpki, pem]) {
      assert.equal(check('right', key), 'right');
    }
  });

  it('that are missing, wrong, or of another time are told apart', () => {
    assert.equal(check('missing'), 'missing');
    for (const variant of ['wrong-key', 'wrong-body', 'garbage'] as const)
      assert.equal(check(variant), 'wrong', variant);
    assert.equal(check('right', telnyx.publicKey, `${BODY} `), 'wrong', 'one more byte');
    assert.equal(check('right', new SigningKey().publicKey), 'wrong');
    assert.equal(check('old'), 'old');
    assert.equal(check('future'), 'old');
  });

  it('hold for 300 s on both sides, and the time is signed', () => {
    const key = readPublicKey(telnyx.publicKey) ?? assert.fail('no key');
    const rawBody = Buffer.from(BODY);
    const at = (timestamp: string): Record<string, string> => ({
      'telnyx-timestamp': timestamp,
      'telnyx-signature-ed25519': telnyx.sign(timestamp, BODY),
    });
    const headers = at('1790000000');
    for (const [s, verdict] of [
      [-300, 'right'],
      [300, 'right'],
      [-301, 'old'],
      [301, 'old'],
    ] as const) {
      assert.equal(checkWebhook(key, { headers, rawBody }, (1_790_000_000 + s) * 1_000), verdict, String(s));
    }
    const moved = { ...headers, 'telnyx-timestamp': '1790000500' };
    assert.equal(checkWebhook(key, { headers: moved, rawBody }, 1_790_000_500_000), 'wrong');
    assert.equal(checkWebhook(key, { headers: at('soon'), rawBody }), 'wrong');
  });

  it('need a key that is one', () => {
    const rsa = Buffer.from('30820122300d06092a864886f70d01010105', 'hex').toString('base64');
    for (const text of [
      '',
      'KEY0123',
      'nonsense!',
      Buffer.alloc(31).toString('base64'),
      Buffer.alloc(44).toString('base64'),
      rsa,
    ]) {
      // prettier-ignore
      assert.equal(readPublicKey(text), undefined, text);
    }
  });
});

describe("Telnyx's events", () => {
  const envelope = (data: unknown): Buffer => Buffer.from(JSON.stringify({ data, meta: { attempt: 1 } }));
  const payload = { call_control_id: 'v3:Qm9nd', call_session_id: 's1', from: '+442079460321' };

  it('are read from their envelope', () => {
    const event = readEvent(envelope({ record_type: 'event', event_type: 'call.initiated', id: 'e1', payload }));
    assert.deepEqual(
      [event?.id, event?.type, event?.callControlId, event?.sessionId, event?.payload.from],
      ['e1', 'call.initiated', 'v3:Qm9nd', 's1', '+442079460321'],
    );
    assert.deepEqual(event?.raw.meta, { attempt: 1 });
  });

  it('are none where something is missing or strange', () => {
    const right = { event_type: 'call.initiated', id: 'e1', payload };
    for (const data of [
      undefined,
      [],
      { ...right, id: '' },
      { ...right, id: 7 },
      { ...right, event_type: null },
      { ...right, payload: 'x' },
      { ...right, payload: {} },
      { ...right, payload: { call_control_id: 'with space' } },
      { ...right, payload: { call_control_id: 'x'.repeat(257) } },
    ]) {
      assert.equal(readEvent(envelope(data)), undefined, JSON.stringify(data));
    }
    assert.equal(readEvent(Buffer.from('no JSON')), undefined);
  });

  it('tell why a call is over in our words', () => {
    const reason = (hangup_cause: string, hangup_source = 'caller') => hangupReason({ hangup_cause, hangup_source }, 'inbound'); // prettier-ignore
    assert.equal(reason('normal_clearing'), 'caller-hangup');
    assert.equal(reason('normal_clearing', 'unknown'), 'caller-hangup');
    assert.equal(reason('normal_clearing', 'callee'), 'agent-hangup');
    assert.equal(reason('originator_cancel'), 'canceled');
    assert.equal(reason('time_limit'), 'max-duration');
    assert.equal(reason('call_rejected'), 'rejected');
    assert.equal(reason('user_busy'), 'busy');
    assert.equal(reason('timeout'), 'no-answer');
    assert.equal(reason('something_new'), 'carrier-failed');
    assert.equal(hangupReason({}, 'inbound'), 'caller-hangup');
    // Of a call that we made it is the callee who is the other one.
    const dialled = (hangup_source: string) => hangupReason({ hangup_cause: 'normal_clearing', hangup_source }, 'outbound'); // prettier-ignore
    assert.equal(dialled('callee'), 'caller-hangup');
    assert.equal(dialled('caller'), 'agent-hangup');
  });
});
