import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { validateRequest } from 'twilio/lib/webhooks/webhooks';
import { hearWords } from '../../../../simulators/audio';
import { readWav } from '../../../../simulators/phone';
import { PhoneCompany, type Call, type RingOptions } from '../../../../simulators/twilio';
import { api, basic, type Form } from './api';
import { Application, type Agent, type Received } from './application';

describe('a recording at the phone company', function () {
  this.timeout(15_000);

  let phone: PhoneCompany;
  let app: Application;

  beforeEach(async () => {
    phone = await new PhoneCompany().start();
    app = await new Application().start();
    app.answers.set('/voice', () => app.stream());
    app.answers.set('/recording', {});
    app.answers.set('/status', {});
  });

  afterEach(async () => {
    await phone.stop();
    await app.stop();
    assert.deepEqual(phone.open, { calls: 0, sockets: 0, requests: 0 });
  });

  const live = async (options: Partial<RingOptions> = {}): Promise<{ call: Call; agent: Agent; path: string }> => {
    const coming = new Promise<Agent>((resolve) => (app.onAgent = resolve));
    const call = phone.ring({ webhookUrl: app.url('/voice'), ...options });
    const agent = await coming;
    await agent.start();
    return { call, agent, path: `/Calls/${call.callSid}/Recordings` };
  };

  const all = { RecordingStatusCallbackEvent: 'in-progress completed absent' };
  const dual = (): Record<string, string> => ({
    RecordingStatusCallback: app.url('/recording'),
    RecordingChannels: 'dual',
    ...all,
  });

  const media = (url: string, password?: string): Promise<Response> =>
    fetch(url, { headers: { authorization: basic(phone, password) } });
  /** The words of each channel of a recording. */
  const words = async (url: unknown): Promise<string[]> => {
    const response = await media(`${String(url)}.wav`);
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'audio/x-wav']);
    return readWav(Buffer.from(await response.arrayBuffer())).map((channel) => hearWords(channel));
  };
  const statuses = (): unknown[] => app.at('/recording').map(({ fields }) => fields['RecordingStatus']);

  it('holds what each side has said, on a channel of its own', async () => {
    const { call, agent, path } = await live();
    const [status, body] = await api(phone, path, dual());
    assert.deepEqual(
      [status, body['status'], body['channels'], body['source'], body['duration']],
      [201, 'in-progress', 2, 'StartCallRecordingAPI', null],
    );
    agent.say('how can I help');
    await call.heard((_, text) => text === 'how can I help');
    await call.perform({ say: 'a table please' }, { hangUp: true });
    await call.ended;
    const { fields, headers } = await app.requested('/recording', 2);
    assert.equal(fields['RecordingSid'], body['sid']);
    assert.deepEqual(statuses(), ['in-progress', 'completed']);
    assert.match(fields['RecordingDuration'] ?? '', /^[1-3]$/);
    assert.deepEqual(
      [fields['RecordingChannels'], fields['RecordingTrack'], fields['CallSid'], fields['ErrorCode']],
      ['2', 'both', call.callSid, undefined],
    );
    assert.ok(validateRequest(phone.authToken, String(headers['x-twilio-signature']), app.url('/recording'), fields));
    assert.deepEqual(await words(fields['RecordingUrl']), ['a table please', 'how can I help']);
  });

  it('is told after the end of the call, and the audio is for the account only', async () => {
    const { call, path } = await live({ statusCallback: { url: app.url('/status') }, recordingReadyAfterMs: 30 });
    await api(phone, path, { RecordingStatusCallback: app.url('/recording') });
    await call.perform({ say: 'one' });
    call.hangUp();
    await app.requested('/status');
    const url = String((await app.requested('/recording')).fields['RecordingUrl']);
    assert.deepEqual(
      app.received.map(({ path: each }) => each),
      ['/voice', '/status', '/recording'],
    );
    assert.equal((await media(`${url}.wav`, 'wrong')).status, 401);
    assert.equal((await fetch(`${url}.mp3`)).status, 401);
    const mp3 = await media(`${url}.mp3`);
    assert.deepEqual([mp3.status, mp3.headers.get('content-type')], [200, 'audio/mpeg']);
    // Without an ending it is a WAV file; mono is one channel with both voices.
    assert.equal(readWav(Buffer.from(await (await media(url)).arrayBuffer())).length, 1);
    assert.deepEqual(await words(url), ['one']);
  });

  it('leaves out what is said while it is paused, or has silence in its place', async () => {
    for (const [behaviour, longer] of [
      ['skip', 0],
      ['silence', 400],
    ] as const) {
      const before = app.at('/recording').length;
      const { call, path } = await live();
      await api(phone, path, { RecordingStatusCallback: app.url('/recording') });
      await call.perform({ say: 'my number is' });
      const pause = { Status: 'paused', PauseBehavior: behaviour };
      const [status, body] = await api(phone, `${path}/Twilio.CURRENT`, pause);
      assert.deepEqual([status, body['status']], [200, 'paused']);
      await call.perform({ say: 'four two' });
      const [, resumed] = await api(phone, `${path}/${String(body['sid'])}`, { Status: 'in-progress' });
      assert.equal(resumed['status'], 'in-progress');
      await call.perform({ say: 'thank you' });
      await api(phone, `${path}/Twilio.CURRENT`, { Status: 'stopped' });
      const { fields } = await app.requested('/recording', before + 1);
      const file = Buffer.from(await (await media(String(fields['RecordingUrl']))).arrayBuffer());
      const [channel = Buffer.alloc(0)] = readWav(file);
      assert.equal(hearWords(channel), 'my number is thank you');
      const spoken = 5 * 200 + longer;
      assert.ok(channel.length / 8 >= spoken && channel.length / 8 < spoken + 300, `${channel.length / 8} ms`);
      call.hangUp();
      await call.ended;
    }
  });

  it('is of one side where that is asked for, and loses the silence at its ends', async () => {
    const { call, agent, path } = await live();
    const only = { ...dual(), RecordingTrack: 'inbound', Trim: 'trim-silence' };
    await api(phone, path, only);
    agent.say('who is there');
    await call.heard((_, text) => text === 'who is there');
    await call.perform({ pause: 300 }, { say: 'Ada' }, { pause: 300 });
    await api(phone, `${path}/Twilio.CURRENT`, { Status: 'stopped' });
    const { fields } = await app.requested('/recording', 2);
    const file = Buffer.from(await (await media(String(fields['RecordingUrl']))).arrayBuffer());
    const [caller = Buffer.alloc(0), other = Buffer.alloc(0)] = readWav(file);
    assert.deepEqual([hearWords(caller), hearWords(other)], ['Ada', '']);
    assert.equal(caller.length, 160 * 8);
  });

  it('is read, and gone when it is deleted', async () => {
    const { call, path } = await live();
    const [, body] = await api(phone, path, dual());
    const sid = String(body['sid']);
    assert.equal((await api(phone, `/Recordings/${sid}`, undefined, 'DELETE'))[1]['code'], 21220);
    await call.perform({ say: 'hello' });
    await api(phone, `${path}/${sid}`, { Status: 'stopped' });
    await app.requested('/recording', 2);
    assert.equal((await api(phone, `/Recordings/${sid}`))[1]['status'], 'completed');
    assert.deepEqual(((await api(phone, path))[1]['recordings'] as unknown[]).length, 1);
    assert.deepEqual(await api(phone, `/Recordings/${sid}`, undefined, 'DELETE'), [204, {}]);
    const [status, gone] = await api(phone, `/Recordings/${sid}`, undefined, 'DELETE');
    assert.deepEqual([status, gone['code']], [404, 20404]);
    const url = `${phone.url}/2010-04-01/Accounts/${phone.accountSid}/Recordings/${sid}.wav`;
    assert.equal((await media(url)).status, 404);
  });

  it('is refused where there is nobody to record, with what nobody knows, and a second time', async () => {
    const refused = async (path: string, form: Form): Promise<unknown[]> => {
      const [status, body] = await api(phone, path, form);
      return [status, body['code']];
    };
    const { call, path } = await live();
    for (const form of [
      { RecordingChannels: 'stereo' },
      { RecordingTrack: 'caller' },
      { Trim: 'yes' },
      { RecordingStatusCallback: app.url('/recording'), RecordingStatusCallbackEvent: 'finished' },
    ] as Form[]) {
      assert.deepEqual(await refused(path, form), [400, 20001], JSON.stringify(form));
    }
    assert.deepEqual(await refused(path, { RecordingStatusCallback: '/recording' }), [400, 21609]);
    assert.deepEqual(await refused(`${path}/Twilio.CURRENT`, { Status: 'paused' }), [404, 20404]);
    assert.deepEqual(await refused(path, {}), [201, undefined]);
    assert.deepEqual(await refused(path, {}), [400, 21220]);
    assert.deepEqual(await refused(`${path}/Twilio.CURRENT`, { Status: 'on' }), [400, 20001]);
    call.hangUp();
    await call.ended;
    assert.deepEqual(await refused(path, {}), [400, 21220]);
    assert.deepEqual(await refused('/Calls/CA00/Recordings', {}), [404, 20404]);
  });

  it('is absent when its file cannot be made, and is reported twice or in another order on command', async () => {
    const { call, path } = await live({ recordingAbsent: true, callbacks: { duplicate: true, outOfOrder: true } });
    await api(phone, path, dual());
    await call.perform({ say: 'hello' });
    call.hangUp();
    await call.ended;
    assert.deepEqual(statuses().sort(), ['absent', 'absent', 'in-progress', 'in-progress']);
    const absent = app.at('/recording').find(({ fields }: Received) => fields['RecordingStatus'] === 'absent');
    assert.deepEqual([absent?.fields['ErrorCode'], absent?.fields['RecordingDuration']], ['16101', undefined]);
  });

  it('begins with the call where TwiML or the dial say so', async () => {
    const start = `<Start><Recording recordingStatusCallback="/recording" channels="dual" track="both"/></Start>`;
    app.answers.set('/voice', () => app.stream().replace('<Response>', `<Response>${start}`));
    const { call } = await live({ script: [{ say: 'good morning' }, { hangUp: true }] });
    await call.ended;
    assert.deepEqual(await words((await app.requested('/recording')).fields['RecordingUrl']), ['good morning', '']);
    assert.deepEqual(call.report().findings, []);
    phone.setLine('+14155550177', { script: [{ say: 'yes' }, { hangUp: true }] });
    const [, body] = await api(phone, '/Calls', {
      To: '+14155550177',
      From: '+14155550142',
      Twiml: '<Response><Pause length="9"/></Response>',
      Record: 'true',
      RecordingStatusCallback: app.url('/recording'),
    });
    await phone.calls.get(String(body['sid']))?.ended;
    const { fields } = await app.requested('/recording', 2);
    assert.deepEqual([fields['RecordingSource'], fields['RecordingChannels']], ['OutboundAPI', '1']);
    assert.deepEqual(await words(fields['RecordingUrl']), ['yes']);
  });
});
