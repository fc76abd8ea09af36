import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { validateRequest } from 'twilio/lib/webhooks/webhooks';
import { PhoneCompany, type Call } from '../../../../simulators/twilio';
import { api } from './api';
import { Application, type Agent } from './application';

const DESK = '+14155550177';

describe('a caller who is put through with <Dial>', function () {
  this.timeout(15_000);

  let phone: PhoneCompany;
  let app: Application;

  beforeEach(async () => {
    phone = await new PhoneCompany().start();
    app = await new Application().start();
    app.answers.set('/voice', () => app.stream());
    app.answers.set('/dialled', '<Response><Hangup/></Response>');
    app.answers.set('/status', {});
  });

  afterEach(async () => {
    await phone.stop();
    await app.stop();
    assert.deepEqual(phone.open, { calls: 0, sockets: 0, requests: 0 });
  });

  const dial = (attributes = '', inside = `<Number>${DESK}</Number>`): string =>
    `<Response><Dial action="${app.url('/dialled')}" callerId="+14155550142" ${attributes}>${inside}</Dial></Response>`;
  const live = async (): Promise<{ call: Call; agent: Agent }> => {
    const coming = new Promise<Agent>((resolve) => (app.onAgent = resolve));
    const call = phone.ring({ webhookUrl: app.url('/voice'), statusCallback: { url: app.url('/status') } });
    const agent = await coming;
    await agent.start();
    return { call, agent };
  };
  const transfer = (call: Call, twiml: string): ReturnType<typeof api> =>
    api(phone, `/Calls/${call.callSid}`, { Twiml: twiml });
  const dialStarted = (call: Call): Promise<void> =>
    new Promise((resolve) => call.once('dial-started', () => resolve(undefined)));

  it('leaves the stream, talks, and comes back with how long it took', async () => {
    phone.setLine(DESK, { says: 'front desk', talkMs: 600 });
    app.answers.set('/dialled', () => app.stream());
    const { call, agent } = await live();
    const back = new Promise<Agent>((resolve) => (app.onAgent = resolve));
    await transfer(call, dial('answerOnBridge="true" timeout="25" timeLimit="60"'));
    const second = await back;
    await second.start();
    assert.equal(agent.messages.at(-1)?.['event'], 'stop');
    const { fields, headers } = await app.requested('/dialled');
    assert.deepEqual(
      ['CallStatus', 'DialCallStatus', 'DialCallSid', 'DialCallDuration', 'DialBridged'].map((name) => fields[name]),
      ['in-progress', 'completed', call.report().dials[0]?.callId, '1', 'true'],
    );
    assert.ok(validateRequest(phone.authToken, String(headers['x-twilio-signature']), app.url('/dialled'), fields));
    second.say('welcome back');
    await call.heard((_, text) => text === 'front desk welcome back');
    call.hangUp();
    assert.deepEqual((await call.ended).findings, []);
  });

  it('is back when it is busy, nobody answers in time, or there is no such number', async () => {
    for (const [line, status] of [
      [{ outcome: 'busy' }, 'busy'],
      [{ outcome: 'failed' }, 'failed'],
      [{ outcome: 'no-answer', ringMs: 20 }, 'no-answer'],
    ] as const) {
      const before = app.at('/dialled').length;
      phone.setLine(DESK, line);
      const { call } = await live();
      await transfer(call, dial());
      const { fields } = await app.requested('/dialled', before + 1);
      assert.deepEqual(
        [fields['DialCallStatus'], fields['DialBridged'], fields['DialCallDuration'], fields['CallStatus']],
        [status, 'false', undefined, 'in-progress'],
      );
      await call.ended;
    }
  });

  it('hangs up while it rings: the action is requested, and what it answers is not carried out', async () => {
    phone.setLine(DESK, { ringMs: 60_000 });
    app.answers.set('/dialled', () => app.stream());
    const { call } = await live();
    const ringing = dialStarted(call);
    await transfer(call, dial('timeout="60"'));
    await ringing;
    call.hangUp();
    const report = await call.ended;
    const { fields } = await app.requested('/dialled');
    assert.deepEqual([fields['CallStatus'], fields['DialCallStatus']], ['completed', 'canceled']);
    assert.equal(app.at('/status')[0]?.fields['CallStatus'], 'completed');
    assert.deepEqual([report.dials[0]?.status, report.endedBy, report.streams.length], ['canceled', 'caller', 1]);
  });

  it('is ended by the application while away, and the other side with it', async () => {
    phone.setLine(DESK, { says: 'front desk', talkMs: 60_000 });
    const { call } = await live();
    await transfer(call, dial());
    await call.heard((word) => word.text === 'desk');
    assert.equal((await api(phone, `/Calls/${call.callSid}`, { Status: 'completed' }))[0], 200);
    const report = await call.ended;
    assert.deepEqual([report.endedBy, report.dials[0]?.status], ['application', 'completed']);
    assert.ok((report.dials[0]?.talkedMs ?? 0) > 0);
    assert.equal((await app.requested('/dialled')).fields['CallStatus'], 'completed');
  });

  it('is fetched back by the application while away, and the action is not requested', async () => {
    phone.setLine(DESK, { talkMs: 60_000 });
    const { call } = await live();
    const ringing = dialStarted(call);
    await transfer(call, dial());
    await ringing;
    const back = new Promise<Agent>((resolve) => (app.onAgent = resolve));
    await transfer(call, app.stream());
    await (await back).start();
    call.hangUp();
    await call.ended;
    assert.equal(app.at('/dialled').length, 0);
  });

  it('is parted from the other at the time limit', async () => {
    phone.setLine(DESK, { talkMs: 60_000 });
    const { call } = await live();
    await transfer(call, dial('timeLimit="1"'));
    const report = await call.ended;
    assert.equal((await app.requested('/dialled')).fields['DialCallStatus'], 'completed');
    const talkedMs = report.dials[0]?.talkedMs ?? 0;
    assert.ok(talkedMs >= 990 && talkedMs < 1300, `${talkedMs} ms`);
  });

  it('is not answered before the other side is, where that is asked for', async () => {
    phone.setLine(DESK, { ringMs: 300, talkMs: 100 });
    app.answers.set('/voice', dial('answerOnBridge="true"'));
    const call = phone.ring({ webhookUrl: app.url('/voice') });
    await dialStarted(call);
    assert.equal(call.answeredDate, undefined);
    const report = await call.ended;
    assert.ok((report.dials[0]?.atMs ?? NaN) >= 0 && report.durationMs < 300, 'the ringing is not part of the call');
    app.answers.set('/voice', dial());
    const other = phone.ring({ webhookUrl: app.url('/voice') });
    await dialStarted(other);
    assert.notEqual(other.answeredDate, undefined);
    await other.ended;
  });

  it('reaches a SIP address by the noun for it, and nothing by the wrong one', async () => {
    phone.setLine('sip:desk@pbx.example.net', { says: 'desk', talkMs: 300 });
    const { call } = await live();
    await transfer(call, dial('', '<Sip>sip:desk@pbx.example.net</Sip>'));
    const report = await call.ended;
    assert.deepEqual([report.dials[0]?.status, report.heardText, report.findings], ['completed', 'desk', []]);
    for (const [inside, code] of [
      ['<Number>sip:desk@pbx.example.net</Number>', 13224],
      ['<Number>911</Number>', 13224],
      ['<Sip>desk</Sip>', 13241],
    ] as const) {
      const wrong = (await live()).call;
      await transfer(wrong, dial('', inside));
      const { dials, findings } = await wrong.ended;
      assert.deepEqual([dials[0]?.status, findings.map((each) => each.code)], ['failed', [code]]);
    }
  });

  it('rings as long as ever where the time-out is no number that can be', async () => {
    const { call } = await live();
    await transfer(call, dial('timeout="0" timeLimit="-1"'));
    const { findings, dials } = await call.ended;
    assert.deepEqual([dials[0]?.status, findings.map((each) => each.code)], ['completed', [13212, 13216]]);
  });
});
