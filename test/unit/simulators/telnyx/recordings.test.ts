import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { hearWords, isSilent } from '../../../../simulators/audio';
import { readWav } from '../../../../simulators/phone';
import { TelnyxCompany, type Call } from '../../../../simulators/telnyx';
import { Application, codeOf, type Agent, type Json, type Received } from './application';

describe('recordings at Telnyx', function () {
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
    answer: Json = {},
  ): Promise<{ call: Call; agent: Agent }> => {
    const call = phone.ring({ webhookUrl: app.webhookUrl, ...options });
    await app.event('call.initiated');
    await app.command(call.callId, 'answer', { ...app.stream, ...answer });
    const agent = await app.agent();
    await agent.start();
    return { call, agent };
  };

  const start = { format: 'wav', channels: 'dual' };
  const urlOf = ({ payload }: Received, format = 'wav'): string => String((payload['recording_urls'] as Json)[format]);
  const channels = async (saved: Received): Promise<Buffer[]> => {
    const response = await fetch(urlOf(saved));
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'audio/x-wav']);
    return readWav(Buffer.from(await response.arrayBuffer()));
  };

  it('keep what went over the line: the caller on channel A, the application on channel B', async () => {
    const { call, agent } = await live();
    assert.equal((await app.command(call.callId, 'record_start', start))[0], 200);
    await call.perform({ say: 'a table for two' });
    agent.say('with pleasure');
    await call.heard((_, text) => text === 'with pleasure');
    await call.perform({ pause: 200 }, { say: 'at eight' });
    assert.equal((await app.command(call.callId, 'record_stop'))[0], 200);
    const saved = await app.event('call.recording.saved');
    assert.deepEqual((await channels(saved)).map(hearWords), ['a table for two at eight', 'with pleasure']);
    assert.deepEqual([saved.payload['channels'], saved.payload['public_recording_urls']], ['dual', {}]);
    assert.deepEqual(call.report().findings, []);
  });

  it('are told of without the call control id, but with the latest state that a command has set', async () => {
    const { call } = await live();
    await app.command(call.callId, 'record_start', { ...start, client_state: 'cmVj' });
    await app.command(call.callId, 'record_stop');
    const { payload } = await app.event('call.recording.saved');
    assert.deepEqual(
      [payload['call_control_id'], payload['call_session_id'], payload['call_leg_id'], payload['client_state']],
      [undefined, call.callSessionId, call.callLegId, 'cmVj'],
    );
    assert.match(String(payload['recording_id']), /^[0-9a-f-]{36}$/);
  });

  it('leave out what is said while they are paused', async () => {
    const { call } = await live();
    await app.command(call.callId, 'record_start', start);
    await call.perform({ say: 'my card is' });
    assert.equal((await app.command(call.callId, 'record_pause'))[0], 200);
    await call.perform({ say: 'four two four two' });
    assert.equal((await app.command(call.callId, 'record_resume'))[0], 200);
    await call.perform({ say: 'thank you' });
    await app.command(call.callId, 'record_stop');
    const [caller] = await channels(await app.event('call.recording.saved'));
    assert.equal(caller && hearWords(caller), 'my card is thank you');
  });

  it('go on to the end of the call, and are saved after it', async () => {
    const { call } = await live();
    await app.command(call.callId, 'record_start', start);
    await call.perform({ say: 'good bye' }, { hangUp: true });
    await call.ended;
    assert.deepEqual(app.types().slice(-2), ['call.hangup', 'call.recording.saved']);
    const [caller] = await channels(await app.event('call.recording.saved'));
    assert.equal(caller && hearWords(caller), 'good bye');
  });

  it('are mono for a single track, or where both are mixed', async () => {
    const { call, agent } = await live();
    for (const [body, words] of [
      [{ ...start, recording_track: 'inbound' }, 'caller'],
      [{ ...start, recording_track: 'outbound' }, 'agent'],
      [{ ...start, channels: 'single' }, 'caller agent'],
    ] as const) {
      const before = app.types().filter((type) => type === 'call.recording.saved').length;
      const heard = call.report().heard.length;
      await app.command(call.callId, 'record_start', body);
      await call.perform({ say: 'caller' }, { pause: 60 });
      agent.say('agent');
      await call.heard((_, text) => text.split(' ').length > heard);
      await call.perform({ pause: 300 });
      await app.command(call.callId, 'record_stop');
      const saved = await app.event('call.recording.saved', before + 1);
      assert.equal(saved.payload['channels'], 'single');
      assert.deepEqual((await channels(saved)).map(hearWords), [words]);
    }
  });

  it('are cut at the ends where silence is to be trimmed', async () => {
    const { call } = await live();
    await app.command(call.callId, 'record_start', { ...start, trim: 'trim-silence' });
    await call.perform({ pause: 200 }, { say: 'one' }, { pause: 100 }, { say: 'two' }, { pause: 200 });
    await app.command(call.callId, 'record_stop');
    const [caller = Buffer.alloc(0)] = await channels(await app.event('call.recording.saved'));
    assert.equal(hearWords(caller), 'one two');
    assert.equal(isSilent(caller.subarray(0, 160)) || isSilent(caller.subarray(-160)), false);
  });

  it('begin with a beep that the caller hears, and stop at their length, or when all are silent', async () => {
    const { call } = await live();
    await app.command(call.callId, 'record_start', { ...start, play_beep: true, max_length: 1 });
    const [, application = Buffer.alloc(0)] = await channels(await app.event('call.recording.saved'));
    assert.equal(application.length, 8_000);
    assert.equal(isSilent(application.subarray(0, 1_600)), false);
    await app.command(call.callId, 'record_start', { ...start, timeout_secs: 1 });
    await call.perform({ say: 'hello' });
    const second = await channels(await app.event('call.recording.saved', 2));
    assert.deepEqual(second.map(hearWords), ['hello', '']);
    assert.equal(call.isOver, false);
  });

  it('are refused where they are wrong', async () => {
    const { call } = await live();
    for (const [name, body, code] of [
      ['record_start', { channels: 'dual' }, '10004'],
      ['record_start', { format: 'wav' }, '10004'],
      ['record_start', { ...start, format: 'ogg' }, '10032'],
      ['record_start', { ...start, recording_track: 'caller' }, '10032'],
      ['record_start', { ...start, max_length: 14_401 }, '10033'],
      ['record_stop', {}, '90033'],
      ['record_pause', {}, '90033'],
      ['record_resume', {}, '90033'],
    ] as const) {
      const [status, answer] = await app.command(call.callId, name, body);
      assert.deepEqual([name, status, codeOf(answer)], [name, 422, code]);
    }
    assert.equal((await app.command(call.callId, 'record_start', start))[0], 200);
    assert.equal(codeOf((await app.command(call.callId, 'record_start', start))[1]), '90033');
    assert.equal(codeOf((await app.command(call.callId, 'record_stop', { recording_id: 'another' }))[1]), '90033');
  });

  it('fail on command, and are told without an id on command', async () => {
    const failing = await live({ recordingError: 'Internal server error' });
    await app.command(failing.call.callId, 'record_start', start);
    failing.call.hangUp();
    await failing.call.ended;
    const { payload } = await app.event('call.recording.error');
    assert.deepEqual([payload['call_control_id'], payload['reason']], [failing.call.callId, 'Internal server error']);

    const call = phone.ring({ webhookUrl: app.webhookUrl, recordingWithoutId: true });
    await app.event('call.initiated', 2);
    await app.command(call.callId, 'answer', { record: 'record-from-answer', record_format: 'wav' });
    await app.event('call.answered', 2);
    call.hangUp();
    await call.ended;
    const saved = await app.event('call.recording.saved');
    assert.equal(saved.payload['recording_id'], undefined);
    // It can still be found by the call's leg.
    const [status, found] = await app.request('GET', `/recordings?filter[call_leg_id]=${call.callLegId}`);
    const [only, ...others] = found['data'] as Json[];
    assert.deepEqual([status, only?.['call_control_id'], others.length], [200, call.callId, 0]);
    assert.deepEqual((await app.request('GET', `/recordings?filter[call_leg_id]=none`))[1], { data: [] });
  });

  it('begin with the answer of a dial, whose reply tells the id', async () => {
    const next = phone.nextCall();
    const [, body] = await app.request('POST', '/calls', {
      ...{ connection_id: phone.connectionId, to: '+14155550188', from: '+14155550142' },
      ...{ webhook_url: app.webhookUrl, record: 'record-from-answer', record_format: 'mp3' },
    });
    const call = await next;
    await app.event('call.answered');
    call.hangUp();
    await call.ended;
    const saved = await app.event('call.recording.saved');
    const { channels: count, recording_id: id } = saved.payload;
    assert.deepEqual([count, id], ['dual', (body['data'] as Json)['recording_id']]);
    assert.match(urlOf(saved, 'mp3'), /\.mp3\?/);
  });

  describe('their files', () => {
    const saved = async (): Promise<Received> => {
      const { call } = await live(
        { script: [{ say: 'for the record' }, { hangUp: true }] },
        { record: 'record-from-answer', record_format: 'wav' },
      );
      await call.ended;
      return app.event('call.recording.saved');
    };

    it('lie at another host, and want no key: who sends one gets nothing', async () => {
      const event = await saved();
      const url = urlOf(event);
      assert.notEqual(new URL(url).host, new URL(phone.url).host);
      const keyed = await fetch(url, { headers: { authorization: `Bearer ${phone.apiKey}` } });
      assert.equal(keyed.status, 400);
      assert.equal(phone.storage.log.at(-1)?.authorization, `Bearer ${phone.apiKey}`);
      assert.equal((await fetch(url)).status, 200);
      assert.equal(phone.storage.log.at(-1)?.authorization, undefined);
      assert.equal((await fetch(url.replace(/\?.*/, ''))).status, 403);
      assert.equal((await fetch(url.replace(/Signature=./, 'Signature=x'))).status, 403);
    });

    it('can be had for ten minutes, and then by a new link from the API', async () => {
      phone.storage.linkMs = 0;
      const event = await saved();
      await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal((await fetch(urlOf(event))).status, 403);
      phone.storage.linkMs = 600_000;
      const id = String(event.payload['recording_id']);
      const [status, body] = await app.request('GET', `/recordings/${id}`);
      const { download_urls: urls, duration_millis: ms, status: state } = body['data'] as Json;
      assert.deepEqual([status, state, Number(ms) > 500], [200, 'completed', true]);
      const response = await fetch(String((urls as Json)['wav']));
      const [caller] = readWav(Buffer.from(await response.arrayBuffer()));
      assert.equal(caller && hearWords(caller), 'for the record');
      assert.equal((await app.request('GET', `/recordings/${id}`, undefined, 'wrong'))[0], 401);
    });

    it('are gone with the recording', async () => {
      const event = await saved();
      const path = `/recordings/${String(event.payload['recording_id'])}`;
      assert.equal((await app.request('DELETE', path, undefined, 'wrong'))[0], 401);
      const [status, body] = await app.request('DELETE', path);
      assert.deepEqual([status, (body['data'] as Json)['id']], [200, event.payload['recording_id']]);
      assert.equal((await fetch(urlOf(event))).status, 404);
      assert.equal((await app.request('GET', path))[0], 404);
      assert.equal((await app.request('DELETE', path))[0], 404);
    });

    it('come with a status, not at all, or in part, on command', async () => {
      const url = urlOf(await saved());
      phone.storage.faults.add(
        { kind: 'status', status: 503 },
        { kind: 'refuse' },
        { kind: 'close-mid-stream', when: 'connect' },
      );
      assert.equal((await fetch(url)).status, 503);
      await assert.rejects(fetch(url));
      await assert.rejects(fetch(url).then((response) => response.arrayBuffer()));
      assert.equal((await fetch(url)).status, 200);
    });
  });
});
