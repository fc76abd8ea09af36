import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { TelnyxCompany, type Call } from '../../../../simulators/telnyx';
import { Application, codeOf, type Agent, type Json } from './application';

describe('what Telnyx does with a call on command', function () {
  this.timeout(15_000);

  let phone: TelnyxCompany;
  let app: Application;

  beforeEach(async () => {
    phone = await new TelnyxCompany().start();
    app = await new Application(phone).start();
  });

  afterEach(async () => {
    await phone.stop();
    await app.stop();
    assert.deepEqual(phone.open, { calls: 0, sockets: 0, requests: 0 });
  });

  const live = async (
    options: Partial<Parameters<TelnyxCompany['ring']>[0]> = {},
  ): Promise<{ call: Call; agent: Agent }> => {
    const call = phone.ring({ webhookUrl: app.webhookUrl, ...options });
    await app.event('call.initiated');
    await app.command(call.callId, 'answer', app.stream);
    const agent = await app.agent();
    await agent.start();
    return { call, agent };
  };

  const ofLeg = (id: string): [type: string, cause: unknown][] =>
    app.received
      .filter((each) => each.payload['call_control_id'] === id)
      .map((each) => [each.type, each.payload['hangup_cause']]);

  describe('transfer', () => {
    it('bridges the caller with a second leg, and ends when the called party hangs up', async () => {
      phone.setLine('+14155550177', { says: 'Front desk', talkMs: 600 });
      const { call } = await live();
      const body = { to: '+14155550177', from: '+14155550142', target_leg_client_state: 'YQ==' };
      assert.equal((await app.command(call.callId, 'transfer', body))[0], 200);
      const report = await call.ended;
      assert.deepEqual(
        report.heard.map((word) => [word.text, word.source]),
        [
          ['Front', 'callee'],
          ['desk', 'callee'],
        ],
      );
      const [dial] = report.dials;
      assert.ok(dial);
      assert.deepEqual([dial.to, dial.callerId, dial.status], ['+14155550177', '+14155550142', 'completed']);
      assert.deepEqual(ofLeg(dial.callId), [
        ['call.initiated', undefined],
        ['call.answered', undefined],
        ['call.bridged', undefined],
        ['call.hangup', 'normal_clearing'],
      ]);
      const leg = await app.event('call.initiated', 2);
      assert.deepEqual(
        [leg.payload['direction'], leg.payload['client_state'], leg.payload['call_session_id']],
        ['outgoing', 'YQ==', call.callSessionId],
      );
      assert.equal((await app.event('call.bridged', 2)).payload['call_control_id'], call.callId);
      assert.deepEqual([report.endedBy, report.hangupCause], ['phone-company', 'normal_clearing']);
    });

    it('leaves the caller with the application when nobody answers, it is busy, or there is no such number', async () => {
      for (const [outcome, status, cause] of [
        ['busy', 'busy', 'user_busy'],
        ['no-answer', 'no-answer', 'timeout'],
        ['failed', 'failed', 'not_found'],
      ] as const) {
        phone.setLine('+14155550177', { outcome, ringMs: 20 });
        const call = phone.ring({ webhookUrl: app.webhookUrl });
        await app.until(() => ofLeg(call.callId).length > 0);
        await app.command(call.callId, 'answer');
        await app.command(call.callId, 'transfer', { to: '+14155550177' });
        const leg = await app.until(() => call.report().dials[0]?.callId);
        await app.until(() => ofLeg(leg).find(([type]) => type === 'call.hangup'));
        assert.deepEqual(ofLeg(leg), [
          ['call.initiated', undefined],
          ['call.hangup', cause],
        ]);
        assert.deepEqual([call.isOver, call.report().dials[0]?.status], [false, status]);
        call.hangUp();
        await call.ended;
      }
    });

    it('brings the caller back where that was asked for, and takes a new stream then', async () => {
      phone.setLine('+14155550177', { talkMs: 50 });
      const { call } = await live();
      await app.command(call.callId, 'transfer', { to: '+14155550177', park_after_unbridge: 'self' });
      await app.event('call.bridged', 2);
      assert.equal((await app.command(call.callId, 'streaming_stop'))[0], 200);
      await app.event('streaming.stopped');
      const leg = call.report().dials[0]?.callId ?? '';
      await app.until(() => ofLeg(leg).find(([type]) => type === 'call.hangup'));
      assert.equal((await app.command(call.callId, 'streaming_start', app.stream))[0], 200);
      const agent = await app.agent(2);
      await agent.start();
      agent.say('welcome back');
      await call.heard((_, text) => text === 'welcome back');
      assert.deepEqual([call.isOver, call.report().findings], [false, []]);
    });

    it('leaves the stream open, and holds it against the application to speak into what the two say', async () => {
      phone.setLine('+14155550177', { talkMs: 1_500 });
      const { call, agent } = await live({ script: [{ pause: 100 }, { say: 'a private word' }] });
      await app.command(call.callId, 'transfer', { to: '+14155550177' });
      await app.event('call.bridged', 2);
      agent.say('hello?');
      await agent.heard('a private word');
      const { findings } = await call.ended;
      assert.deepEqual(
        findings.map((each) => each.message),
        ['The stream speaks into the conversation of the caller and somebody else'],
      );
    });

    it('ends the stream, where Telnyx is told to be so', async () => {
      phone.setLine('+14155550177', { talkMs: 50 });
      const { call, agent } = await live({ bridgeEndsStream: true });
      await app.command(call.callId, 'transfer', { to: '+14155550177', park_after_unbridge: 'self' });
      await agent.message('stop');
      await app.until(() => agent.closed === 1000);
      const [status, body] = await app.command(call.callId, 'streaming_stop');
      assert.deepEqual([status, codeOf(body)], [422, '90033']);
    });

    it('shows the called party the number that was called, unless another is given', async () => {
      const { call } = await live();
      await app.command(call.callId, 'transfer', { to: 'sip:desk@example.net', time_limit_secs: 60 });
      assert.equal((await app.event('call.initiated', 2)).payload['from'], call.to);
    });

    it('takes time limits of half a minute to four hours, and ringing times of five seconds to ten minutes', async () => {
      const { call } = await live();
      for (const wrong of [
        { time_limit_secs: 29 },
        { time_limit_secs: 14_401 },
        { timeout_secs: 4 },
        { timeout_secs: 601 },
      ]) {
        const [status, body] = await app.command(call.callId, 'transfer', { to: '+14155550177', ...wrong });
        assert.deepEqual([status, codeOf(body)], [422, '10033']);
      }
    });

    it('ends for both when the application hangs up while the caller is away', async () => {
      phone.setLine('+14155550177', { talkMs: 60_000 });
      const { call } = await live();
      await app.command(call.callId, 'transfer', { to: '+14155550177', park_after_unbridge: 'self' });
      await app.event('call.bridged', 2);
      const leg = call.report().dials[0]?.callId ?? '';
      assert.equal((await app.command(call.callId, 'transfer', { to: '+14155550178' }))[0], 422);
      assert.equal((await app.command(call.callId, 'hangup'))[0], 200);
      const report = await call.ended;
      await app.until(() => ofLeg(leg).find(([type]) => type === 'call.hangup'));
      assert.deepEqual(ofLeg(leg).at(-1), ['call.hangup', 'normal_clearing']);
      assert.deepEqual([report.endedBy, report.dials[0]?.status], ['application', 'completed']);
    });

    it('is broken off when the caller hangs up while it rings, and leaves nothing behind', async () => {
      phone.setLine('+14155550177', { ringMs: 60_000 });
      const { call } = await live();
      await app.command(call.callId, 'transfer', { to: '+14155550177', timeout_secs: 600 });
      await app.event('call.initiated', 2);
      call.hangUp();
      const report = await call.ended;
      assert.equal(report.dials[0]?.status, 'canceled');
      assert.deepEqual(ofLeg(report.dials[0].callId).at(-1), ['call.hangup', 'originator_cancel']);
    });
  });

  describe('a dial', () => {
    const dial = (more: Json = {}): Json => ({
      connection_id: phone.connectionId,
      to: '+14155550188',
      from: '+14155550142',
      webhook_url: app.webhookUrl,
      ...more,
    });

    it('calls somebody, and opens the stream when they answer', async () => {
      phone.setLine('+14155550188', {
        script: [{ waitFor: 'hello' }, { say: 'who is there' }, { pause: 150 }, { hangUp: true }],
      });
      const next = phone.nextCall();
      const [status, body] = await app.request('POST', '/calls', dial({ ...app.stream, client_state: 'YQ==' }));
      const call = await next;
      const data = body['data'] as Json;
      assert.deepEqual([status, data['call_control_id'], data['record_type']], [200, call.callId, 'call']);
      const agent = await app.agent();
      assert.equal((await agent.start())['client_state'], 'YQ==');
      agent.say('hello');
      await agent.heard('who is there');
      const report = await call.ended;
      assert.deepEqual([report.direction, report.heardText, report.status], ['outbound', 'hello', 'completed']);
      assert.deepEqual(app.types().slice(0, 2), ['call.initiated', 'call.answered']);
      assert.deepEqual(
        [app.received[0]?.payload['direction'], app.received[0]?.payload['state']],
        ['outgoing', 'bridging'],
      );
      assert.deepEqual(report.findings, []);
    });

    it('ends with the reason when nobody can be had', async () => {
      for (const [outcome, status, cause] of [
        ['busy', 'busy', 'user_busy'],
        ['no-answer', 'no-answer', 'timeout'],
        ['failed', 'failed', 'not_found'],
      ] as const) {
        phone.setLine('+14155550188', { outcome, ringMs: 10 });
        const next = phone.nextCall();
        await app.request('POST', '/calls', dial());
        const report = await (await next).ended;
        assert.deepEqual([report.status, report.hangupCause, report.streams.length], [status, cause, 0]);
      }
    });

    it('can be hung up while it rings', async () => {
      phone.setLine('+14155550188', { ringMs: 60_000 });
      const next = phone.nextCall();
      await app.request('POST', '/calls', dial({ timeout_secs: 600 }));
      const call = await next;
      await app.event('call.initiated');
      assert.equal((await app.command(call.callId, 'hangup'))[0], 200);
      const report = await call.ended;
      assert.deepEqual([report.status, report.hangupCause], ['canceled', 'originator_cancel']);
    });

    it('finds out who has answered', async () => {
      for (const [mode, answeredBy, events] of [
        ['detect', 'human', [['call.machine.detection.ended', 'human']]],
        [
          'greeting_end',
          'machine',
          [
            ['call.machine.detection.ended', 'machine'],
            ['call.machine.greeting.ended', 'ended'],
          ],
        ],
        [
          'premium',
          'machine',
          [
            ['call.machine.premium.detection.ended', 'machine'],
            ['call.machine.premium.greeting.ended', 'beep_detected'],
          ],
        ],
      ] as const) {
        phone.setLine('+14155550188', { answeredBy, detectionMs: 30, ringMs: 10 });
        const next = phone.nextCall();
        await app.request('POST', '/calls', dial({ answering_machine_detection: mode }));
        const call = await next;
        const found = (): [string, unknown][] =>
          app.received
            .filter((each) => each.payload['call_control_id'] === call.callId && each.type.startsWith('call.machine'))
            .map((each) => [each.type, each.payload['result']]);
        await app.until(() => found().length === events.length);
        assert.deepEqual(found(), events);
        call.hangUp();
        await call.ended;
      }
    });

    it('is refused where it is wrong', async () => {
      for (const [more, code] of [
        [{ to: '911' }, '10016'],
        [{ from: undefined }, '10004'],
        [{ connection_id: '1' }, '10015'],
        [{ webhook_url: undefined }, '10015'],
        [{ answering_machine_detection: 'yes' }, '10032'],
        [{ timeout_secs: 601 }, '10033'],
      ] as const) {
        const [status, body] = await app.request('POST', '/calls', dial(more));
        assert.deepEqual([status, codeOf(body)], [422, code]);
      }
      assert.equal(phone.calls.size, 0);
    });
  });

  it('sends digits: the caller hears their tones, with pauses', async () => {
    const { call } = await live();
    assert.equal((await app.command(call.callId, 'send_dtmf', { digits: '1w#', duration_millis: 250 }))[0], 200);
    await call.perform({ pause: 1_200 });
    assert.deepEqual([call.report().dtmfSent, call.report().heardTones], [['1w#'], '1#']);
    for (const wrong of ['', '12x', '1'.repeat(513)]) {
      assert.equal((await app.command(call.callId, 'send_dtmf', { digits: wrong }))[0], 422);
    }
  });
});
