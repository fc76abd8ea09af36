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

    it('brings the caller back where that was asked for', async () => {
      phone.setLine('+14155550177', { talkMs: 50 });
      const { call, agent } = await live();
      await app.command(call.callId, 'transfer', { to: '+14155550177', park_after_unbridge: 'self' });
      const leg = await app.until(() => call.report().dials[0]?.callId);
      await app.until(() => ofLeg(leg).find(([type]) => type === 'call.hangup'));
      agent.say('welcome back');
      await call.heard((_, text) => text === 'welcome back');
      assert.equal(call.isOver, false);
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

    it('is recorded from the answer on', async () => {
      const next = phone.nextCall();
      await app.request('POST', '/calls', dial({ record: 'record-from-answer', record_format: 'wav' }));
      const call = await next;
      await app.event('call.answered');
      call.hangUp();
      await call.ended;
      const { payload } = await app.event('call.recording.saved');
      assert.match(String((payload['recording_urls'] as Json)['wav']), /\.wav$/);
    });
  });

  it('records, and tells where the recording is without naming the call by its control id', async () => {
    const { call } = await live();
    assert.equal((await app.command(call.callId, 'record_start', { format: 'mp3', channels: 'dual' }))[0], 200);
    assert.equal((await app.command(call.callId, 'record_start', { format: 'mp3', channels: 'dual' }))[0], 422);
    assert.equal((await app.command(call.callId, 'record_pause'))[0], 200);
    assert.equal((await app.command(call.callId, 'record_stop'))[0], 200);
    const { payload } = await app.event('call.recording.saved');
    assert.deepEqual(
      [payload['call_control_id'], payload['call_session_id'], payload['channels']],
      [undefined, call.callSessionId, 'dual'],
    );
    await app.command(call.callId, 'record_start', { format: 'wav', channels: 'single' });
    call.hangUp();
    await call.ended;
    // What was being recorded at the end is saved too, after the end.
    assert.deepEqual(app.types().slice(-2), ['call.hangup', 'call.recording.saved']);
  });

  it('transcribes what the caller says, while it is asked to', async () => {
    const { call } = await live();
    await call.perform({ say: 'not yet' });
    assert.equal((await app.command(call.callId, 'transcription_start', { transcription_engine: 'Deepgram' }))[0], 200);
    const [status, body] = await app.command(call.callId, 'transcription_start');
    assert.deepEqual([status, codeOf(body)], [422, '90054']);
    await call.perform({ say: 'book a table' });
    const { payload } = await app.event('call.transcription');
    assert.deepEqual(payload['transcription_data'], {
      transcript: 'book a table',
      confidence: 0.94,
      is_final: true,
      transcription_track: 'inbound',
    });
    assert.equal((await app.command(call.callId, 'transcription_stop'))[0], 200);
    await call.perform({ say: 'no more' });
    call.hangUp();
    const { webhooks } = await call.ended;
    assert.equal(webhooks.filter((each) => each.eventType === 'call.transcription').length, 1);
  });

  it('sends digits', async () => {
    const { call } = await live();
    assert.equal((await app.command(call.callId, 'send_dtmf', { digits: '1w#', duration_millis: 250 }))[0], 200);
    assert.deepEqual(call.report().dtmfSent, ['1w#']);
  });
});
