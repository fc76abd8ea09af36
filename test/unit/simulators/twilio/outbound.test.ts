import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { LineBehaviour } from '../../../../simulators/phone';
import { PhoneCompany, type Call, type CallReport } from '../../../../simulators/twilio';
import { api, type Form } from './api';
import { Application } from './application';

const TO = '+14155550177';

describe('a call that the application places', function () {
  this.timeout(15_000);

  let phone: PhoneCompany;
  let app: Application;

  beforeEach(async () => {
    phone = await new PhoneCompany().start();
    app = await new Application().start();
    app.answers.set('/voice', () => app.stream());
    app.answers.set('/amd', {});
    app.answers.set('/status', {});
  });

  afterEach(async () => {
    await phone.stop();
    await app.stop();
    assert.deepEqual(phone.open, { calls: 0, sockets: 0, requests: 0 });
  });

  const good = (): Form => ({
    To: TO,
    From: '+14155550142',
    Twiml: '<Response><Pause length="60"/></Response>',
  });
  const place = async (more: Form = {}, line: LineBehaviour = {}): Promise<Call> => {
    phone.setLine(TO, { ringMs: 10, ...line });
    const [status, body] = await api(phone, '/Calls', { ...good(), ...more });
    assert.equal(status, 201, JSON.stringify(body));
    return phone.calls.get(String(body['sid'])) ?? assert.fail();
  };
  const async = (mode: string): Form => ({
    MachineDetection: mode,
    AsyncAmd: 'true',
    AsyncAmdStatusCallback: app.url('/amd'),
  });

  it('is ended by the phone company at its time limit, which counts from the answer', async () => {
    const call = await place({ TimeLimit: '1' }, { ringMs: 300 });
    const report = await call.ended;
    assert.deepEqual([report.status, report.endedBy], ['completed', 'phone-company']);
    assert.match(report.reason, /time limit/);
    // Not from the ringing, which would leave 700 ms. (Timers and clocks differ by a millisecond.)
    assert.ok(report.durationMs >= 990 && report.durationMs < 2_000, `${report.durationMs} ms`);
  });

  it('can be given another time limit while it lasts', async () => {
    const call = await place();
    await new Promise((resolve) => call.once('answered', () => resolve(undefined)));
    assert.equal((await api(phone, `/Calls/${call.callSid}`, { TimeLimit: '1' }))[0], 200);
    assert.equal((await call.ended).endedBy, 'phone-company');
  });

  it('presses keys when it is answered', async () => {
    const call = await place({ SendDigits: 'w12#', TimeLimit: '2' });
    assert.equal((await call.ended).heardTones, '12#');
  });

  it('finds a machine at once with Enable, while it is still greeting', async () => {
    const machine = { greeting: 'this is the answering machine of Ada' };
    const call = await place(async('Enable'), { machine, detectionMs: 50 });
    const { fields } = await app.requested('/amd');
    assert.deepEqual([fields['AnsweredBy'], fields['MachineDetectionDuration']], ['machine_start', '50']);
    assert.equal(call.report().said.length, 0);
    assert.equal((await api(phone, `/Calls/${call.callSid}`))[1]['answered_by'], 'machine_start');
    call.hangUp();
    await call.ended;
  });

  it('waits for the end of the greeting with DetectMessageEnd, and what is said then is on the tape', async () => {
    let said: Promise<void> | undefined;
    app.onAgent = async (agent) => {
      await agent.start();
      await app.requested('/amd');
      agent.say('your table is ready');
      agent.mark('end');
      said = agent.message('mark').then(() => {});
    };
    const machine = { greeting: 'please leave a message' };
    const call = await place({ ...async('DetectMessageEnd'), Twiml: '', Url: app.url('/voice') }, { machine });
    const { fields } = await app.requested('/amd');
    assert.equal(fields['AnsweredBy'], 'machine_end_beep');
    // Four words of 200 ms, and 300 ms of beep.
    const ms = Number(fields['MachineDetectionDuration']);
    assert.ok(ms >= 1000 && ms < 1400, `${ms} ms`);
    await call.heard((_, text) => text.endsWith('ready'));
    await said;
    call.hangUp();
    assert.equal((await call.ended).messageLeft, 'your table is ready');
  });

  it('finds out by silence where the machine has no beep, and gives up in time', async () => {
    const machine = { greeting: 'leave a message', beep: false };
    const quick = { ...async('DetectMessageEnd'), MachineDetectionSpeechEndThreshold: '500' };
    const silent = await place(quick, { machine });
    assert.equal((await app.requested('/amd')).fields['AnsweredBy'], 'machine_end_silence');
    silent.hangUp();
    await silent.ended;
    const long = { greeting: Array(20).fill('la').join(' ') };
    const endless = await place({ ...async('DetectMessageEnd'), MachineDetectionTimeout: '3' }, { machine: long });
    const { fields } = await app.requested('/amd', 2);
    assert.equal(fields['AnsweredBy'], 'unknown');
    assert.ok(Number(fields['MachineDetectionDuration']) >= 2990);
    endless.hangUp();
    await endless.ended;
  });

  it('has results in the words of its mode, whatever the line says', async () => {
    for (const [mode, answeredBy, word] of [
      ['Enable', 'machine_end_beep', 'machine_start'],
      ['Enable', 'human', 'human'],
      ['DetectMessageEnd', 'machine', 'machine_end_beep'],
      ['DetectMessageEnd', 'machine_end_other', 'machine_end_other'],
      ['Enable', 'fax', 'fax'],
      ['Enable', 'not_sure', 'unknown'],
    ] as const) {
      const before = app.at('/amd').length;
      const call = await place(async(mode), { answeredBy, detectionMs: 5 });
      assert.equal((await app.requested('/amd', before + 1)).fields['AnsweredBy'], word, `${mode} ${answeredBy}`);
      call.hangUp();
      await call.ended;
    }
  });

  it('asks for no TwiML before the result where detection is not asynchronous', async () => {
    const wait = { MachineDetection: 'Enable', Twiml: '', Url: app.url('/voice') };
    const call = await place(wait, { answeredBy: 'human', detectionMs: 300 });
    const { fields } = await app.requested('/voice');
    assert.equal(fields['AnsweredBy'], 'human');
    assert.ok((call.report().twiml[0]?.atMs ?? 300) >= 295);
    call.hangUp();
    await call.ended;
  });

  it('does not tell of a machine when the call has ended before', async () => {
    const call = await place(async('Enable'), { answeredBy: 'machine', detectionMs: 10_000 });
    await new Promise((resolve) => call.once('answered', () => resolve(undefined)));
    call.hangUp();
    await call.ended;
    assert.equal(app.at('/amd').length, 0);
  });

  it('refuses numbers out of their range', async () => {
    for (const [form, code] of [
      [{ Timeout: '601' }, 20001],
      [{ Timeout: '2.5' }, 20001],
      [{ TimeLimit: '0' }, 20001],
      [{ MachineDetection: 'On' }, 21264],
      [{ MachineDetection: 'Enable', MachineDetectionTimeout: '2' }, 20001],
      [{ MachineDetection: 'Enable', MachineDetectionTimeout: '60' }, 20001],
      [{ MachineDetection: 'Enable', MachineDetectionSpeechThreshold: '999' }, 20001],
      [{ MachineDetection: 'Enable', MachineDetectionSpeechEndThreshold: '5001' }, 20001],
      [{ MachineDetection: 'Enable', MachineDetectionSilenceTimeout: '10001' }, 20001],
      [{ MachineDetection: 'Enable', AsyncAmd: 'yes' }, 20001],
      [{ MachineDetection: 'Enable', AsyncAmdStatusCallback: '/amd' }, 21609],
      [{ Record: '1' }, 20001],
      [{ SendDigits: '12 34' }, 20001],
    ] as const) {
      const [status, body] = await api(phone, '/Calls', { ...good(), ...form });
      assert.deepEqual([status, body['code']], [400, code], JSON.stringify(form));
    }
    assert.equal(phone.calls.size, 0);
  });

  it('says what is odd about a request that is accepted', async () => {
    const odd = async (more: Form): Promise<CallReport['findings']> => {
      const call = await place({ ...more, TimeLimit: '600' });
      call.hangUp();
      return (await call.ended).findings;
    };
    for (const [form, message] of [
      [{ MachineDetectionn: 'Enable' }, /nobody knows the parameter "MachineDetectionn"/],
      [{ AsyncAmd: 'true' }, /does nothing without MachineDetection/],
      [{ MachineDetection: 'Enable', AsyncAmd: 'true' }, /nobody is told/],
      [{ MachineDetection: 'Enable', SendDigits: '1' }, /turns MachineDetection off/],
    ] as const) {
      const findings = await odd(form);
      assert.match(findings[0]?.message ?? '', message);
    }
    assert.deepEqual(await odd({ MachineDetection: 'Enable' }), []);
  });
});
