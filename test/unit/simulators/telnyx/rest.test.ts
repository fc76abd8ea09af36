import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { TelnyxCompany, type Call } from '../../../../simulators/telnyx';
import { Application, codeOf, type Json } from './application';

describe('the REST API of Telnyx', function () {
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

  const offered = async (): Promise<Call> => {
    const call = phone.ring({ webhookUrl: app.webhookUrl });
    await app.event('call.initiated');
    return call;
  };

  const answered = async (body: Json = {}): Promise<Call> => {
    const call = await offered();
    assert.equal((await app.command(call.callId, 'answer', body))[0], 200);
    return call;
  };

  /** Status and code of a refused command. */
  const refused = async (call: Call, name: string, body: unknown = {}): Promise<[number, string | undefined]> => {
    const [status, answer] = await app.command(call.callId, name, body);
    return [status, codeOf(answer)];
  };

  it('lets nobody in without the right key', async () => {
    const call = await offered();
    const path = `/calls/${encodeURIComponent(call.callId)}/actions/answer`;
    const [status, body] = await app.request('POST', path, {}, 'KEYwrong');
    assert.deepEqual([status, codeOf(body)], [401, '10009']);
    const bare = await fetch(phone.url + path, { method: 'POST' });
    assert.equal(bare.status, 401);
    assert.equal(call.isAnswered, false);
  });

  it('knows its calls only, by ids that are URL-encoded', async () => {
    const call = await offered();
    assert.deepEqual(codeOf((await app.command('v3:nobody', 'hangup'))[1]), '10005');
    assert.equal((await app.command('v3:nobody', 'hangup'))[0], 404);
    assert.deepEqual(codeOf((await app.command('nonsense', 'hangup'))[1]), '90015');
    const [status] = await app.request('POST', `/calls/${call.callId}/actions/hangup`, {});
    assert.equal(status, 422);
    assert.equal(call.isOver, false);
    assert.equal((await app.request('GET', '/nothing'))[0], 404);
    assert.equal((await app.command(call.callId, 'levitate'))[0], 404);
  });

  it('takes JSON objects only', async () => {
    const call = await offered();
    const path = `/calls/${encodeURIComponent(call.callId)}/actions/answer`;
    assert.equal((await app.request('POST', path, '{'))[0], 400);
    assert.equal((await app.request('POST', path, '[]'))[0], 400);
    const form = await fetch(phone.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${phone.apiKey}` },
      body: new URLSearchParams({ client_state: '' }),
    });
    assert.equal(form.status, 400);
  });

  it('refuses a parameter that is wrong, and names it', async () => {
    const call = await answered();
    const wrong: [name: string, body: object, code: string, pointer: string][] = [
      ['speak', { voice: 'female' }, '10004', '/payload'],
      ['speak', { payload: 'hello' }, '10004', '/voice'],
      ['speak', { payload: 'x'.repeat(3001), voice: 'female' }, '10033', '/payload'],
      ['speak', { payload: 'hello', voice: 'female', client_state: 'not base64!' }, '10015', '/client_state'],
      ['speak', { payload: 7, voice: 'female' }, '10015', '/payload'],
      ['streaming_start', {}, '10004', '/stream_url'],
      ['streaming_start', { stream_url: 'https://agent.example.net' }, '10015', '/stream_url'],
      ['streaming_start', { ...app.stream, stream_bidirectional_mode: 'rtcp' }, '10032', '/stream_bidirectional_mode'],
      ['streaming_start', { ...app.stream, stream_auth_token: 'x'.repeat(4001) }, '10033', '/stream_auth_token'],
      ['streaming_start', { ...app.stream, custom_parameters: [{ name: 'a' }] }, '10015', '/custom_parameters'],
      [
        'streaming_start',
        { ...app.stream, stream_bidirectional_sampling_rate: 44100 },
        '10032',
        '/stream_bidirectional_sampling_rate',
      ],
      ['transfer', { to: '911' }, '10016', '/to'],
      ['transfer', {}, '10004', '/to'],
      ['transfer', { to: '+14155550177', timeout_secs: 4 }, '10033', '/timeout_secs'],
      ['transfer', { to: '+14155550177', time_limit_secs: 14_401 }, '10033', '/time_limit_secs'],
      ['record_start', { channels: 'dual' }, '10004', '/format'],
      ['record_start', { channels: 'stereo', format: 'wav' }, '10032', '/channels'],
      ['send_dtmf', { digits: 'x' }, '10015', '/digits'],
    ];
    for (const [name, body, code, pointer] of wrong) {
      const [status, answer] = await app.command(call.callId, name, body);
      const [error] = answer['errors'] as { code: string; source: { pointer: string } }[];
      assert.deepEqual([status, error?.code, error?.source.pointer], [422, code, pointer], `${name} ${code}`);
    }
    const { findings, streams } = call.report();
    assert.equal(streams.length, 0);
    assert.ok(findings.every((finding) => finding.severity === 'error'));
    assert.equal(
      findings.reduce((sum, { count }) => sum + count, 0),
      wrong.length,
    );
  });

  it('ignores a field that nobody knows, and holds it against the application', async () => {
    const call = await answered({ stream_mode: 'rtp' });
    assert.deepEqual(
      call.report().findings.map(({ severity, message }) => [severity, message]),
      [['warning', 'answer: nobody knows the field "stream_mode"']],
    );
  });

  it('does first things first: nothing but an answer, a hang-up or a refusal before the answer', async () => {
    const call = await offered();
    assert.deepEqual(await refused(call, 'streaming_start', app.stream), [422, '90034']);
    assert.deepEqual(await refused(call, 'speak', { payload: 'hello', voice: 'female' }), [422, '90034']);
    assert.deepEqual(await refused(call, 'record_start', { format: 'wav', channels: 'dual' }), [422, '90020']);
    assert.equal((await app.command(call.callId, 'answer'))[0], 200);
    assert.deepEqual(await refused(call, 'answer'), [422, '90033']);
    assert.deepEqual(await refused(call, 'reject', { cause: 'USER_BUSY' }), [422, '90033']);
    assert.deepEqual(await refused(call, 'streaming_stop'), [422, '90033']);
    assert.deepEqual(await refused(call, 'record_stop'), [422, '90033']);
  });

  it('opens one stream at a time', async () => {
    const call = await answered(app.stream);
    await (await app.agent()).start();
    assert.deepEqual(await refused(call, 'streaming_start', app.stream), [422, '90045']);
    assert.equal(app.agents.length, 1);
  });

  it('fails on command: a status, no answer, a broken connection, nonsense', async () => {
    const call = await answered();
    phone.faults.add({ kind: 'status', status: 429, retryAfterMs: 1500, matchText: 'actions/hangup' });
    assert.deepEqual(await refused(call, 'speak', { payload: 'hello', voice: 'female' }), [200, undefined]);
    assert.deepEqual(await refused(call, 'hangup'), [429, '10011']);
    phone.faults.add({ kind: 'refuse' });
    await assert.rejects(app.command(call.callId, 'hangup'));
    phone.faults.add({ kind: 'garbage', when: 'connect' });
    await assert.rejects(app.command(call.callId, 'hangup'));
    assert.equal(call.isOver, false);
    // Carried out, but the answer is lost.
    phone.faults.add({ kind: 'close-mid-stream', when: 'message' });
    await assert.rejects(app.command(call.callId, 'hangup'));
    assert.equal((await call.ended).endedBy, 'application');
  });

  it('keeps what was asked of it', async () => {
    const call = await answered({ client_state: 'YQ==' });
    assert.deepEqual(phone.rest.log, [
      { method: 'POST', path: `/calls/${call.callId}/actions/answer`, body: { client_state: 'YQ==' }, status: 200 },
    ]);
    assert.deepEqual(
      call.report().commands.map(({ name, body, status }) => ({ name, body, status })),
      [{ name: 'answer', body: { client_state: 'YQ==' }, status: 200 }],
    );
  });
});
