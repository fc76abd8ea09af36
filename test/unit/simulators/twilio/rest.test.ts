import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { PhoneCompany } from '../../../../simulators/twilio';
import { Application, type Agent } from './application';

type Json = Record<string, unknown>;

describe('the REST API of the phone company', function () {
  // Real time: the longest of these stories take three seconds, and the machine may be busy.
  this.timeout(15_000);

  let phone: PhoneCompany;
  let app: Application;

  beforeEach(async () => {
    phone = await new PhoneCompany({ apiKeySid: 'SK0', apiKeySecret: 'secret' }).start();
    app = await new Application().start();
    app.answers.set('/voice', () => app.stream());
    app.answers.set('/status', {});
  });

  afterEach(async () => {
    await phone.stop();
    await app.stop();
  });

  async function api(
    path: string,
    form?: Record<string, string | string[]>,
    auth = `${phone.accountSid}:${phone.authToken}`,
  ): Promise<[number, Json]> {
    const pairs = Object.entries(form ?? {}).flatMap(([key, value]) => [value].flat().map((each) => [key, each]));
    const response = await fetch(`${phone.url}/2010-04-01/Accounts/${phone.accountSid}${path}.json`, {
      method: form ? 'POST' : 'GET',
      headers: { authorization: `Basic ${Buffer.from(auth).toString('base64')}` },
      ...(form ? { body: new URLSearchParams(pairs) } : {}),
    });
    return [response.status, (await response.json()) as Json];
  }

  const nextAgent = (): Promise<Agent> => new Promise((resolve) => (app.onAgent = resolve));

  it('lets in the auth token and the API key, and nobody else', async () => {
    const call = phone.ring({ webhookUrl: app.url('/voice') });
    assert.equal((await api(`/Calls/${call.callSid}`))[0], 200);
    assert.equal((await api(`/Calls/${call.callSid}`, undefined, 'SK0:secret'))[0], 200);
    const [status, body] = await api(`/Calls/${call.callSid}`, undefined, 'SK0:wrong');
    assert.deepEqual(
      [status, body],
      [
        401,
        { code: 20003, message: 'Authenticate', more_info: 'https://www.twilio.com/docs/errors/20003', status: 401 },
      ],
    );
  });

  it('says 20404 of what it does not know', async () => {
    const [status, body] = await api('/Calls/CA00');
    assert.deepEqual([status, body['code'], body['status']], [404, 20404, 404]);
    assert.match(
      String(body['message']),
      /^The requested resource \/2010-04-01\/Accounts\/.*\/Calls\/CA00\.json was not found$/,
    );
  });

  it('completes a call: stop, close, and only then the callback', async () => {
    const agentComes = nextAgent();
    const call = phone.ring({ webhookUrl: app.url('/voice'), statusCallback: { url: app.url('/status') } });
    const agent = await agentComes;
    await agent.start();
    let closedAtCallback: number | undefined;
    app.answers.set('/status', () => {
      closedAtCallback = agent.closed;
      return {};
    });
    const [status, body] = await api(`/Calls/${call.callSid}`, { Status: 'completed' });
    assert.deepEqual([status, body['status'], body['duration']], [200, 'completed', '1']);
    const report = await call.ended;
    assert.equal(agent.messages.at(-1)?.['event'], 'stop');
    assert.equal(closedAtCallback, 1000);
    assert.equal(report.endedBy, 'application');
    const [again, error] = await api(`/Calls/${call.callSid}`, { Status: 'completed' });
    assert.deepEqual([again, error['code']], [400, 21220]);
  });

  it('puts other TwiML in the place of the stream, and what was buffered is not heard', async () => {
    const agentComes = nextAgent();
    const call = phone.ring({ webhookUrl: app.url('/voice') });
    const agent = await agentComes;
    await agent.start();
    agent.say('one two three four five six seven eight nine ten');
    await call.heard((word) => word.text === 'two');
    const [status] = await api(`/Calls/${call.callSid}`, { Twiml: '<Response><Say>Hold on</Say></Response>' });
    assert.equal(status, 200);
    const report = await call.ended;
    assert.match(report.heardText, /^one two( three)?( four)? Hold on$/);
    assert.deepEqual(
      report.streams.map((stream) => [stream.ended, stream.closeCode]),
      [['phone-company', 1000]],
    );
    assert.equal(report.endedBy, 'twiml');
  });

  it('fetches new TwiML from a URL', async () => {
    app.answers.set('/transfer', '<Response><Hangup/></Response>');
    const agentComes = nextAgent();
    const call = phone.ring({ webhookUrl: app.url('/voice') });
    await (await agentComes).start();
    await api(`/Calls/${call.callSid}`, { Url: app.url('/transfer'), Method: 'GET' });
    await call.ended;
    assert.deepEqual(
      [app.at('/transfer')[0]?.method, app.at('/transfer')[0]?.fields['CallSid']],
      ['GET', call.callSid],
    );
  });

  it('places a call, tells its progress, and connects who answers', async () => {
    phone.setLine('+14155550177', { script: [{ waitFor: 'hello' }, { hangUp: true }] });
    app.onAgent = (agent) => void agent.start().then(() => agent.say('hello'));
    const [status, body] = await api('/Calls', {
      To: '+14155550177',
      From: '+14155550142',
      Url: app.url('/voice'),
      StatusCallback: app.url('/status'),
      StatusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
    });
    assert.deepEqual([status, body['status'], body['direction']], [201, 'queued', 'outbound-api']);
    const call = phone.calls.get(String(body['sid']));
    assert.ok(call);
    const report = await call.ended;
    assert.equal(report.heardText, 'hello');
    const told = app.at('/status').map(({ fields }) => [fields['CallStatus'], fields['SequenceNumber']]);
    assert.deepEqual(told, [
      ['initiated', '0'],
      ['ringing', '1'],
      ['in-progress', '2'],
      ['completed', '3'],
    ]);
    assert.equal(app.at('/voice')[0]?.fields['Direction'], 'outbound-api');
  });

  it('says busy, and can be cancelled while it rings', async () => {
    phone.setLine('+14155550177', { outcome: 'busy' });
    const request = { From: '+14155550142', Url: app.url('/voice'), StatusCallback: app.url('/status') };
    const [, busy] = await api('/Calls', { ...request, To: '+14155550177' });
    assert.equal((await phone.calls.get(String(busy['sid']))?.ended)?.status, 'busy');
    phone.setLine('+14155550178', { ringMs: 60_000 });
    const [, ringing] = await api('/Calls', { ...request, To: '+14155550178' });
    await api(`/Calls/${String(ringing['sid'])}`, { Status: 'canceled' });
    assert.equal((await phone.calls.get(String(ringing['sid']))?.ended)?.status, 'canceled');
    assert.deepEqual(
      app.at('/status').map(({ fields }) => fields['CallStatus']),
      ['busy', 'canceled'],
    );
  });

  it('reports an answering machine asynchronously', async () => {
    phone.setLine('+14155550177', { answeredBy: 'machine_start', detectionMs: 20 });
    app.answers.set('/amd', {});
    const [, body] = await api('/Calls', {
      To: '+14155550177',
      From: '+14155550142',
      Twiml: '<Response><Pause length="60"/></Response>',
      MachineDetection: 'Enable',
      AsyncAmd: 'true',
      AsyncAmdStatusCallback: app.url('/amd'),
    });
    const { fields } = await app.requested('/amd');
    assert.deepEqual(fields, {
      AccountSid: phone.accountSid,
      CallSid: body['sid'],
      AnsweredBy: 'machine_start',
      MachineDetectionDuration: '20',
    });
    await api(`/Calls/${String(body['sid'])}`, { Status: 'completed' });
  });

  it('refuses numbers that it cannot call, and TwiML that is too long', async () => {
    const good = { To: '+14155550177', From: '+14155550142', Url: app.url('/voice') };
    assert.equal((await api('/Calls', { ...good, To: '911' }))[1]['code'], 21211);
    assert.equal((await api('/Calls', { ...good, Url: '' }))[1]['code'], 21205);
    assert.equal((await api('/Calls', { ...good, Url: '', Twiml: 'x'.repeat(4001) }))[1]['code'], 32018);
  });

  it('fails on command', async () => {
    phone.rest.failNext(1, 429, 20429);
    const [status, body] = await api('/Calls/CA00', { Status: 'completed' });
    assert.deepEqual([status, body['code']], [429, 20429]);
    assert.equal((await api('/Calls/CA00', { Status: 'completed' }))[0], 404);
    assert.deepEqual(
      phone.rest.log.map((entry) => [entry.method, entry.status, entry.form['Status']]),
      [
        ['POST', 429, 'completed'],
        ['POST', 404, 'completed'],
      ],
    );
  });
});
