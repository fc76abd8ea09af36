import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { hearWords } from '../../../../simulators/audio';
import { TelnyxCompany, type Call } from '../../../../simulators/telnyx';
import { Application, codeOf, type Agent } from './application';

describe('a call by way of Telnyx', function () {
  // Real time: the longest of these stories take three seconds, and the machine may be busy.
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

  const ring = (options: Partial<Parameters<TelnyxCompany['ring']>[0]> = {}): Call =>
    phone.ring({ webhookUrl: app.webhookUrl, ...options });

  /** A call that the application has answered with a stream that carries both voices. */
  const live = async (
    options: Partial<Parameters<TelnyxCompany['ring']>[0]> = {},
    more: object = {},
  ): Promise<{ call: Call; agent: Agent }> => {
    const call = ring(options);
    await app.event('call.initiated');
    const [status] = await app.command(call.callId, 'answer', { ...app.stream, ...more });
    assert.equal(status, 200);
    const agent = await app.agent();
    await agent.start();
    return { call, agent };
  };

  it('begins with a signed webhook that says who calls', async () => {
    const call = ring({ from: '+12025550111', to: '+12025550122', fields: { caller_id_name: 'Ada' } });
    const { headers, body, payload, meta } = await app.event('call.initiated');
    const { call_control_id, direction, state, from, to, client_state, connection_id, caller_id_name } = payload;
    assert.deepEqual(
      { call_control_id, direction, state, from, to, client_state, connection_id, caller_id_name },
      {
        call_control_id: call.callId,
        direction: 'incoming',
        state: 'parked',
        from: '+12025550111',
        to: '+12025550122',
        client_state: null,
        connection_id: phone.connectionId,
        caller_id_name: 'Ada',
      },
    );
    assert.match(call.callId, /^v3:/);
    assert.deepEqual(meta, { attempt: 1, delivered_to: app.webhookUrl });
    const raw = Buffer.from(phone.publicKey, 'base64');
    assert.equal(raw.length, 32);
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]);
    assert.equal(spki.toString('base64'), phone.signingKey.publicKeySpki);
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    const signed = Buffer.from(`${String(headers['telnyx-timestamp'])}|${body}`);
    assert.ok(verify(null, signed, key, Buffer.from(String(headers['telnyx-signature-ed25519']), 'base64')));
    assert.ok(Math.abs(Date.now() / 1000 - Number(headers['telnyx-timestamp'])) < 5);
  });

  it('rings until it is answered: the caller neither speaks nor hears before', async () => {
    const call = ring({ ringTimeoutMs: 150, script: [{ say: 'hello' }] });
    await app.event('call.initiated');
    const report = await call.ended;
    assert.deepEqual([report.status, report.endedBy, report.durationMs], ['canceled', 'caller', 0]);
    assert.deepEqual(report.said, []);
    const { payload } = await app.event('call.hangup');
    assert.deepEqual(
      [payload['hangup_cause'], payload['hangup_source'], payload['sip_hangup_cause']],
      ['originator_cancel', 'caller', '487'],
    );
  });

  it('opens the stream with connected, start and media, all counts as strings', async () => {
    const { agent, call } = await live(
      {},
      { client_state: 'eyJzIjoxfQ==', custom_parameters: [{ name: 'a', value: 'b' }] },
    );
    await agent.message('media', (each) => (each['media'] as { chunk: string }).chunk === '2');
    const [connected, start, first, second] = agent.messages;
    assert.deepEqual(connected, { event: 'connected', version: '1.0.0' });
    const stream_id = String(start?.['stream_id']);
    assert.match(stream_id, /^[0-9a-f-]{36}$/);
    const { user_id: _, ...about } = start?.['start'] as Record<string, unknown>;
    assert.equal(start?.['sequence_number'], '1');
    assert.deepEqual(about, {
      call_control_id: call.callId,
      call_session_id: call.callSessionId,
      from: call.from,
      to: call.to,
      tags: [],
      client_state: 'eyJzIjoxfQ==',
      media_format: { encoding: 'PCMU', sample_rate: 8000, channels: 1 },
      custom_parameters: { a: 'b' },
    });
    const payload = Buffer.alloc(160, 0xff).toString('base64');
    assert.deepEqual(first, {
      event: 'media',
      sequence_number: '2',
      media: { track: 'inbound', chunk: '1', timestamp: '20', payload },
      stream_id,
    });
    assert.deepEqual(second?.['media'], { track: 'inbound', chunk: '2', timestamp: '40', payload });
    assert.equal(agent.request.url, '/media/4f1c');
    await app.event('streaming.started');
    assert.deepEqual(app.types(), ['call.initiated', 'call.answered', 'streaming.started']);
    assert.equal(app.received[1]?.payload['client_state'], 'eyJzIjoxfQ==');
  });

  it('carries the words of both sides, and reports turns and latency as any carrier', async () => {
    const { call, agent } = await live({
      script: [
        { waitForSilence: 300 },
        { say: 'a table for tomorrow please' },
        { waitFor: 'done' },
        { waitForSilence: 100 },
        { hangUp: true },
      ],
    });
    agent.say('Hello, how can I help?');
    await agent.heard('a table for tomorrow please');
    agent.say('Done.');
    const report = await call.ended;
    assert.equal(report.heardText, 'Hello, how can I help? Done.');
    assert.ok(report.heard.every((word) => !word.cut && word.source === 'stream'));
    assert.equal(hearWords(agent.audio()), 'a table for tomorrow please');
    assert.deepEqual([report.status, report.endedBy, report.failure], ['completed', 'caller', undefined]);
    assert.deepEqual(report.findings, []);
    assert.equal(report.turns.length, 1);
    assert.ok((report.turns[0]?.latencyMs ?? NaN) >= 0);
  });

  it('tells of the end in order: stop and streaming.stopped, then call.hangup', async () => {
    const { call, agent } = await live();
    call.hangUp();
    const report = await call.ended;
    assert.deepEqual(app.types().slice(-2), ['streaming.stopped', 'call.hangup']);
    assert.equal(agent.messages.at(-1)?.['event'], 'stop');
    assert.equal(agent.closed, 1000);
    const { payload } = await app.event('call.hangup');
    assert.deepEqual([payload['hangup_cause'], payload['hangup_source']], ['normal_clearing', 'caller']);
    assert.deepEqual([report.hangupCause, report.streams[0]?.ended], ['normal_clearing', 'phone-company']);
  });

  it('lets the caller interrupt, and a clear cuts what is heard to the word', async () => {
    const { call, agent } = await live({
      script: [{ interruptAfterWords: 3, say: 'wait' }, { waitForSilence: 100 }, { hangUp: true }],
    });
    agent.say('one two three four five six seven eight');
    agent.mark('end');
    await agent.until(() => hearWords(agent.audio()) !== '');
    agent.clear();
    await agent.message('mark');
    await agent.heard('wait');
    agent.say('sorry');
    const report = await call.ended;
    assert.match(report.heardText, /^one two three( four)? sorry$/);
    assert.equal(report.clears.length, 1);
    assert.deepEqual(
      report.marks.map((mark) => [mark.name, mark.echoedAtMs !== undefined]),
      [['end', true]],
    );
    assert.deepEqual([report.interruptions.length, report.failure], [1, undefined]);
  });

  it('echoes marks at the time of playing, and at once when nothing is queued', async () => {
    const { call, agent } = await live({ script: [{ waitFor: 'one' }, { pause: 400 }, { hangUp: true }] });
    agent.mark('before');
    agent.say('one');
    agent.mark('one');
    const report = await call.ended;
    const [before, one] = report.marks.map((mark) => (mark.echoedAtMs ?? NaN) - mark.receivedAtMs);
    // Both are whole ms, and a ms may end between them.
    assert.ok(before !== undefined && before <= 1, `mark before after ${before} ms`);
    assert.ok(one !== undefined && one >= 180 && one < 300, `mark one after ${one} ms`);
  });

  it('tells of each key twice: on the socket and by webhook', async () => {
    const script = [{ waitFor: 'go' }, { press: '5#' }, { pause: 60 }, { hangUp: true as const }];
    const { call, agent } = await live({ script });
    agent.say('Go.');
    await call.ended;
    const keys = agent.messages.filter((each) => each['event'] === 'dtmf');
    assert.deepEqual(
      keys.map((each) => each['dtmf']),
      [{ digit: '5' }, { digit: '#' }],
    );
    assert.match(String(keys[0]?.['occurred_at']), /^\d{4}-.*\.\d{6}Z$/);
    const told = app.received.filter((each) => each.type === 'call.dtmf.received');
    assert.deepEqual(
      told.map((each) => each.payload['digit']),
      ['5', '#'],
    );
  });

  it('goes on when the application closes the socket: only hangup ends the call', async () => {
    const { call, agent } = await live();
    agent.socket.close(1000);
    await app.event('streaming.stopped');
    assert.equal(call.isOver, false);
    assert.equal((await app.command(call.callId, 'streaming_start', app.stream))[0], 200);
    const second = await app.agent(2);
    await second.start();
    second.say('back again');
    await call.heard((_, text) => text === 'back again');
    assert.equal((await app.command(call.callId, 'hangup'))[0], 200);
    const report = await call.ended;
    assert.deepEqual([report.endedBy, report.status], ['application', 'completed']);
    assert.equal((await app.event('call.hangup')).payload['hangup_source'], 'callee');
    assert.deepEqual(
      report.streams.map((stream) => stream.ended),
      ['application', 'phone-company'],
    );
    assert.deepEqual(report.findings, []);
  });

  it('stops the stream on command, and the caller stays on the line', async () => {
    const { call, agent } = await live();
    const [, start] = agent.messages;
    assert.equal((await app.command(call.callId, 'streaming_stop', { stream_id: 'another' }))[0], 422);
    assert.equal((await app.command(call.callId, 'streaming_stop', { stream_id: start?.['stream_id'] }))[0], 200);
    await agent.until(() => agent.closed !== undefined);
    assert.equal(agent.messages.at(-1)?.['event'], 'stop');
    await app.event('streaming.stopped');
    assert.equal(call.isOver, false);
  });

  it('is rejected as busy, or as not wanted, without ever being answered', async () => {
    for (const [cause, status, told, sip] of [
      ['USER_BUSY', 'busy', 'user_busy', '486'],
      ['CALL_REJECTED', 'no-answer', 'call_rejected', '603'],
    ]) {
      const call = ring();
      await app.until(() => app.received.find((each) => each.payload['call_control_id'] === call.callId));
      assert.equal((await app.command(call.callId, 'reject', { cause }))[0], 200);
      const report = await call.ended;
      assert.deepEqual([report.status, report.durationMs, report.hangupCause], [status, 0, told]);
      assert.equal(app.received.at(-1)?.payload['sip_hangup_cause'], sip);
    }
  });

  it('speaks with its own voice, one text after another, and says when it has done', async () => {
    const call = ring();
    await app.event('call.initiated');
    await app.command(call.callId, 'answer');
    await app.command(call.callId, 'speak', { payload: 'All lines are busy', voice: 'female', language: 'en-US' });
    await app.command(call.callId, 'speak', { payload: 'Good bye', voice: 'female' });
    await app.event('call.speak.ended', 2);
    await app.command(call.callId, 'hangup');
    const report = await call.ended;
    assert.deepEqual([report.heardText, report.heard[0]?.source], ['All lines are busy Good bye', 'carrier']);
    const ended = app.received.filter((each) => each.type === 'call.speak.ended');
    assert.deepEqual(
      ended.map((each) => each.payload['status']),
      ['completed', 'completed'],
    );
    assert.deepEqual(report.findings, []);
  });

  it('breaks off its own voice when the caller hangs up, and says so', async () => {
    const call = ring({ script: [{ waitFor: 'lines' }, { hangUp: true }] });
    await app.event('call.initiated');
    await app.command(call.callId, 'answer');
    await app.command(call.callId, 'speak', { payload: 'All lines are busy now and for ever', voice: 'female' });
    const report = await call.ended;
    assert.match(report.heardText, /^All lines/);
    assert.equal((await app.event('call.speak.ended')).payload['status'], 'call_hangup');
  });

  it('takes a command with the same id once', async () => {
    const { call } = await live();
    const body = { payload: 'once', voice: 'female', command_id: 'c1' };
    assert.deepEqual(await app.command(call.callId, 'speak', body), [200, { data: { result: 'ok' } }]);
    assert.deepEqual(await app.command(call.callId, 'speak', body), [200, { data: { result: 'ok' } }]);
    await app.event('call.speak.ended');
    call.hangUp();
    const report = await call.ended;
    assert.equal(report.heardText, 'once');
    assert.deepEqual(
      report.commands.map((each) => [each.name, each.ignored]),
      [
        ['answer', false],
        ['speak', false],
        ['speak', true],
      ],
    );
  });

  it('tells of all that follows at another URL, where the answer names one', async () => {
    const { call } = await live({}, { webhook_url: `http://${app.host}/this-call` });
    call.hangUp();
    await call.ended;
    assert.deepEqual(
      app.received.map(({ type, path }) => [type, path]),
      [
        ['call.initiated', '/events'],
        ['call.answered', '/this-call'],
        ['streaming.started', '/this-call'],
        ['streaming.stopped', '/this-call'],
        ['call.hangup', '/this-call'],
      ],
    );
  });

  it('answers 90018 to a command that comes after the end, which is nobody’s fault', async () => {
    const { call } = await live();
    call.hangUp();
    const [status, body] = await app.command(call.callId, 'hangup');
    assert.deepEqual([status, codeOf(body)], [422, '90018']);
    assert.deepEqual((await call.ended).findings, []);
    const [, known] = await app.request('GET', `/calls/${encodeURIComponent(call.callId)}`);
    assert.equal((known['data'] as { is_alive: boolean }).is_alive, false);
  });
});
