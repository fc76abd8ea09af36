import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { validateRequest, validateRequestWithBody } from 'twilio/lib/webhooks/webhooks';
import { hearWords } from '../../../../simulators/audio';
import { PhoneCompany, signUpgrade } from '../../../../simulators/twilio';
import { Application, type Agent } from './application';

describe('what can go wrong on command', function () {
  // Real time: the longest of these stories take three seconds, and the machine may be busy.
  this.timeout(15_000);

  let phone: PhoneCompany;
  let app: Application;

  beforeEach(async () => {
    phone = await new PhoneCompany().start();
    app = await new Application().start();
    app.answers.set('/voice', () => app.stream('', 'action="/next"'));
    app.answers.set('/next', '<Response/>');
    app.answers.set('/status', {});
  });

  afterEach(async () => {
    await phone.stop();
    await app.stop();
    assert.deepEqual(phone.open, { calls: 0, sockets: 0, requests: 0 });
  });

  const ring = (options: Partial<Parameters<PhoneCompany['ring']>[0]> = {}): ReturnType<PhoneCompany['ring']> =>
    phone.ring({ webhookUrl: app.url('/voice'), ...options });

  const nextAgent = (): Promise<Agent> => new Promise((resolve) => (app.onAgent = resolve));

  it('media comes in odd chunks, no byte lost, timestamps in step', async () => {
    const agentComes = nextAgent();
    const call = ring({ chunkBytes: 137 });
    const agent = await agentComes;
    await agent.start();
    await call.perform({ say: 'every byte counts' }, { pause: 60 });
    const media = agent.messages
      .filter((each) => each['event'] === 'media')
      .map((each) => each['media'] as { payload: string; timestamp: string });
    assert.ok(media.every(({ payload }) => Buffer.from(payload, 'base64').length === 137));
    assert.deepEqual(
      media.slice(0, 3).map((each) => each.timestamp),
      ['0', '17', '34'],
    );
    assert.equal(hearWords(agent.audio()), 'every byte counts');
  });

  it('timestamps come later than their audio', async () => {
    const agentComes = nextAgent();
    ring({ lateTimestamps: 67 });
    const media = (await (await agentComes).message('media'))['media'] as { timestamp: string };
    assert.equal(media.timestamp, '67');
  });

  it('the network is far away: both directions take half the round trip, in order', async () => {
    const agentComes = nextAgent();
    const call = ring({ network: { delayMs: 200, jitterMs: 100 } });
    const agent = await agentComes;
    await agent.start();
    const sentAt = performance.now();
    agent.mark('there and back');
    await agent.message('mark');
    const tookMs = performance.now() - sentAt;
    assert.ok(tookMs >= 145 && tookMs < 320, `the round trip took ${tookMs} ms`);
    await call.perform({ say: 'in order' });
    call.hangUp();
    await call.ended;
    const numbers = agent.messages.slice(1).map((each) => Number(each['sequenceNumber']));
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i + 1),
    );
    assert.equal(agent.messages.at(-1)?.['event'], 'stop');
  });

  it('the media connection breaks: no stop, and the call is over', async () => {
    const agentComes = nextAgent();
    const call = ring({ dropStreamAfterMs: 60, statusCallback: { url: app.url('/status') } });
    const agent = await agentComes;
    const report = await call.ended;
    await agent.until(() => agent.closed !== undefined);
    assert.equal(agent.closed, 1006);
    assert.equal(
      agent.messages.some((each) => each['event'] === 'stop'),
      false,
    );
    assert.equal(report.streams[0]?.ended, 'dropped');
    assert.equal(report.endedBy, 'phone-company');
    assert.equal(app.at('/next').length, 0);
    assert.equal(app.at('/status')[0]?.fields['CallStatus'], 'completed');
  });

  it('the media connection breaks, and the call goes on with the action', async () => {
    const call = ring({ dropStreamAfterMs: 60, afterDrop: 'call-goes-on' });
    await call.ended;
    assert.equal(app.at('/next').length, 1);
  });

  it('the application breaks the connection itself: 31903, and the call goes on', async () => {
    const agentComes = nextAgent();
    const call = ring();
    const agent = await agentComes;
    await agent.start();
    agent.socket.terminate();
    const report = await call.ended;
    assert.deepEqual(
      report.findings.map((finding) => finding.code),
      [31903],
    );
    assert.equal(app.at('/next').length, 1);
  });

  it('the stream is never opened', async () => {
    const call = ring({ refuseStream: true, script: [{ pause: 100 }, { hangUp: true }] });
    const report = await call.ended;
    assert.equal(app.agents.length, 0);
    assert.deepEqual([report.endedBy, report.streams.length], ['caller', 0]);
  });

  it('the webhook comes twice, with one idempotency token', async () => {
    app.answers.set('/voice', '<Response><Reject/></Response>');
    const report = await ring({ duplicateWebhook: 'use-last' }).ended;
    const [first, second] = app.at('/voice');
    assert.ok(first && second);
    assert.equal(first.headers['i-twilio-idempotency-token'], second.headers['i-twilio-idempotency-token']);
    assert.equal(first.body, second.body);
    assert.deepEqual(report.twiml.map((document) => document.duplicate).sort(), [false, true]);
  });

  it('callbacks come twice', async () => {
    app.answers.set('/voice', '<Response><Pause/></Response>');
    const call = ring({ callbacks: { duplicate: true }, statusCallback: { url: app.url('/status') } });
    await once(call, 'answered');
    call.hangUp();
    await call.ended;
    assert.deepEqual(
      app.at('/status').map((each) => each.fields['CallStatus']),
      ['completed', 'completed'],
    );
  });

  it('each second callback overtakes the one before it', async () => {
    app.answers.set('/voice', app.stream('', '', `statusCallback="${app.url('/status')}"`));
    const agentComes = nextAgent();
    const call = ring({ callbacks: { outOfOrder: true } });
    await (await agentComes).start();
    call.hangUp();
    await call.ended;
    assert.deepEqual(
      app.at('/status').map((each) => each.fields['StreamEvent']),
      ['stream-stopped', 'stream-started'],
    );
  });

  it('the webhook comes as GET, or as JSON with the hash of its body', async () => {
    const get = ring({ method: 'GET' });
    const { method, url, fields, headers } = await app.requested('/voice');
    assert.deepEqual([method, fields['CallSid']], ['GET', get.callSid]);
    assert.ok(validateRequest(phone.authToken, String(headers['x-twilio-signature']), url.href, {}));
    const json = ring({ method: 'JSON' });
    const second = await app.requested('/voice', 2);
    assert.equal((JSON.parse(second.body) as Record<string, string>)['CallSid'], json.callSid);
    assert.ok(
      validateRequestWithBody(
        phone.authToken,
        String(second.headers['x-twilio-signature']),
        second.url.href,
        second.body,
      ),
    );
  });

  it('public addresses lead to this machine, and are signed as the public knows them', async () => {
    const far = await new PhoneCompany({
      authToken: phone.authToken,
      resolve: { 'agent.example.net': app.host },
    }).start();
    try {
      app.answers.set(
        '/voice',
        '<Response><Connect><Stream url="wss://agent.example.net/media"/></Connect></Response>',
      );
      for (const upgrade of ['plain', 'slash', 'port', 'port-slash'] as const) {
        const agentComes = nextAgent();
        const call = far.ring({
          webhookUrl: 'https://agent.example.net/voice',
          signature: { webhook: 'with-port', upgrade },
        });
        const agent = await agentComes;
        const expected = signUpgrade(phone.authToken, 'wss://agent.example.net/media', upgrade);
        assert.equal(agent.request.headers['x-twilio-signature'], expected);
        assert.equal(agent.request.headers.host, 'agent.example.net');
        call.hangUp();
        assert.deepEqual((await call.ended).findings, []);
      }
      const { headers, fields } = await app.requested('/voice');
      assert.ok(
        validateRequest(
          phone.authToken,
          String(headers['x-twilio-signature']),
          'https://agent.example.net/voice',
          fields,
        ),
      );
      const lost = far.ring({ webhookUrl: 'https://elsewhere.example.net/voice' });
      lost.once('finding', () => lost.hangUp());
      assert.deepEqual(
        (await lost.ended).findings.map((finding) => finding.code),
        [11210],
      );
    } finally {
      await far.stop();
    }
  });
});
