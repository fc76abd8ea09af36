import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { validateRequest } from 'twilio/lib/webhooks/webhooks';
import { hearWords, speakWords } from '../../../../simulators/audio';
import { PhoneCompany } from '../../../../simulators/twilio';
import { Application, type Agent } from './application';

describe('a call to an application', function () {
  // Real time: the longest of these stories take three seconds, and the machine may be busy.
  this.timeout(15_000);

  let phone: PhoneCompany;
  let app: Application;

  beforeEach(async () => {
    phone = await new PhoneCompany().start();
    app = await new Application().start();
    app.answers.set('/voice', () => app.stream());
  });

  afterEach(async () => {
    await phone.stop();
    await app.stop();
    assert.deepEqual(phone.open, { calls: 0, sockets: 0, requests: 0 });
  });

  const ring = (options: Partial<Parameters<PhoneCompany['ring']>[0]> = {}): ReturnType<PhoneCompany['ring']> =>
    phone.ring({ webhookUrl: app.url('/voice'), ...options });

  const agentOf = async (): Promise<Agent> => {
    if (app.agents[0]) return app.agents[0];
    return new Promise((resolve) => (app.onAgent = resolve));
  };

  it('begins with a signed webhook that says who calls', async () => {
    const call = ring({ from: '+12025550111', to: '+12025550122', fields: { StirVerstat: 'TN-Validation-Passed-A' } });
    const { fields, headers } = await app.requested('/voice');
    assert.equal(fields['CallSid'], call.callSid);
    assert.match(call.callSid, /^CA[0-9a-f]{32}$/);
    assert.deepEqual(
      [
        fields['From'],
        fields['To'],
        fields['CallStatus'],
        fields['Direction'],
        fields['StirVerstat'],
        fields['AccountSid'],
      ],
      ['+12025550111', '+12025550122', 'ringing', 'inbound', 'TN-Validation-Passed-A', phone.accountSid],
    );
    assert.ok(validateRequest(phone.authToken, String(headers['x-twilio-signature']), app.url('/voice'), fields));
    assert.ok(headers['i-twilio-idempotency-token']);
  });

  it('opens the stream with connected, start and media, all numbers as strings', async () => {
    app.answers.set('/voice', app.stream('<Parameter name="token" value="a &amp; b"/>'));
    ring();
    const agent = await agentOf();
    await agent.message('media', (each) => (each['media'] as { chunk: string }).chunk === '3');
    const [connected, start, first, second] = agent.messages;
    assert.deepEqual(connected, { event: 'connected', protocol: 'Call', version: '1.0.0' });
    assert.equal(start?.['sequenceNumber'], '1');
    assert.deepEqual((start?.['start'] as Record<string, unknown>)['customParameters'], { token: 'a & b' });
    assert.deepEqual((start?.['start'] as Record<string, unknown>)['mediaFormat'], {
      encoding: 'audio/x-mulaw',
      sampleRate: 8000,
      channels: 1,
    });
    const silent = Buffer.alloc(160, 0xff).toString('base64');
    assert.deepEqual(first, {
      event: 'media',
      sequenceNumber: '2',
      media: { track: 'inbound', chunk: '1', timestamp: '0', payload: silent },
      streamSid: agent.streamSid,
    });
    assert.deepEqual(second?.['media'], { track: 'inbound', chunk: '2', timestamp: '20', payload: silent });
    const signature = String(agent.request.headers['x-twilio-signature']);
    assert.ok(validateRequest(phone.authToken, signature, `ws://${app.host}/media`, {}));
    assert.equal(agent.request.headers['origin'], undefined);
  });

  it('carries the words of both sides, and reports turns and latency', async () => {
    app.onAgent = async (agent) => {
      await agent.start();
      agent.say('Hello, how can I help?');
      await agent.heard('a table for tomorrow please');
      agent.say('Done.');
    };
    const call = ring({
      script: [
        { waitForSilence: 300 },
        { say: 'a table for tomorrow please' },
        { waitFor: 'done' },
        { waitForSilence: 100 },
        { hangUp: true },
      ],
    });
    const report = await call.ended;
    assert.equal(report.heardText, 'Hello, how can I help? Done.');
    assert.ok(report.heard.every((word) => !word.cut && word.source === 'stream'));
    assert.equal(hearWords(app.agents[0]?.audio() ?? Buffer.alloc(0)), 'a table for tomorrow please');
    assert.deepEqual([report.status, report.endedBy, report.failure], ['completed', 'caller', undefined]);
    assert.deepEqual(report.findings, []);
    assert.deepEqual(
      report.said.map((said) => said.text),
      ['a table for tomorrow please'],
    );
    // The words come 200 ms apart on the phone's own clock.
    assert.equal((report.heard[1]?.atMs ?? 0) - (report.heard[0]?.atMs ?? 0), 200);
    assert.equal(app.agents[0]?.messages.at(-1)?.['event'], 'stop');
    assert.equal(app.agents[0]?.closed, 1000);
  });

  it('lets the caller interrupt, and a clear cuts what is heard to the word', async () => {
    app.onAgent = async (agent) => {
      await agent.start();
      agent.say('one two three four five six seven eight');
      agent.mark('end');
      await agent.until(() => hearWords(agent.audio()) !== '');
      agent.clear();
      await agent.heard('wait');
      await agent.message('mark');
      agent.say('sorry');
    };
    const call = ring({ script: [{ interruptAfterWords: 3, say: 'wait' }, { waitForSilence: 100 }, { hangUp: true }] });
    const report = await call.ended;
    assert.match(report.heardText, /^one two three( four)? sorry$/);
    assert.equal(report.clears.length, 1);
    assert.deepEqual(
      report.marks.map((mark) => [mark.name, mark.echoedAtMs !== undefined]),
      [['end', true]],
    );
    assert.equal(report.interruptions.length, 1);
    assert.ok((report.interruptions[0]?.agentStoppedAfterMs ?? 1e9) < 400);
  });

  it('echoes marks in the order of playing, at the time of playing', async () => {
    const call = ring({ script: [{ waitFor: 'two' }, { pause: 300 }, { hangUp: true }] });
    const agent = await agentOf();
    await agent.start();
    agent.mark('before');
    agent.media(speakWords('one').audio);
    agent.mark('one');
    agent.media(speakWords('two').audio);
    agent.mark('two');
    const report = await call.ended;
    assert.deepEqual(agent.marks(), ['before', 'one', 'two']);
    const [before, one, two] = report.marks.map((mark) => (mark.echoedAtMs ?? NaN) - mark.receivedAtMs);
    assert.ok(before !== undefined && before >= 0 && before < 20, `mark before after ${before} ms`);
    assert.ok(one !== undefined && one >= 180 && one < 280, `mark one after ${one} ms`);
    assert.ok(two !== undefined && two >= 380 && two < 480, `mark two after ${two} ms`);
  });

  it('sends the keys that the caller presses', async () => {
    const call = ring({ script: [{ waitForWords: 1 }, { press: '5#' }, { hangUp: true }] });
    const agent = await agentOf();
    await agent.start();
    agent.say('press');
    await call.ended;
    const keys = agent.messages.filter((each) => each['event'] === 'dtmf');
    assert.deepEqual(
      keys.map((each) => each['dtmf']),
      [
        { track: 'inbound_track', digit: '5' },
        { track: 'inbound_track', digit: '#' },
      ],
    );
  });

  it('holds every breach of the protocol against the application, and goes on', async () => {
    const call = ring();
    const agent = await agentOf();
    await agent.start();
    const payload = Buffer.alloc(160, 0xff).toString('base64');
    const { streamSid } = agent;
    agent.socket.send(Buffer.from('{}'));
    agent.socket.send('{');
    agent.send({ event: 'hello', streamSid });
    agent.send({ event: 'media', streamSid: 'MZ0', media: { payload } });
    agent.send({ event: 'media', streamSid, media: { payload, track: 'outbound' } });
    agent.send({ event: 'media', media: { payload } });
    agent.send({ event: 'media', streamSid, media: { payload: '***' } });
    agent.send({ event: 'clear', streamSid, clear: {} });
    agent.media(Buffer.alloc(100, 0xff));
    agent.media(Buffer.from('RIFF0123WAVE'));
    agent.mark('through');
    await agent.message('mark');
    const { findings, oddPayloads } = call.report();
    assert.deepEqual(
      findings.map((finding) => finding.code),
      [31950, 31951, 31951, 31951, 31951, 31951, 31951, 31951, 0],
    );
    assert.equal(oddPayloads, 2);
  });

  it('requests the action of Connect when the application closes the stream, and carries out what it answers', async () => {
    app.answers.set('/voice', app.stream('', 'action="/next"'));
    app.answers.set('/next', '<Response><Say>Good bye</Say><Hangup/></Response>');
    const call = ring({ statusCallback: { url: app.url('/status') } });
    app.answers.set('/status', {});
    const agent = await agentOf();
    await agent.start();
    agent.socket.close(1000);
    const report = await call.ended;
    const { fields, headers } = await app.requested('/next');
    assert.equal(fields['CallStatus'], 'in-progress');
    assert.ok(validateRequest(phone.authToken, String(headers['x-twilio-signature']), app.url('/next'), fields));
    assert.deepEqual(
      report.heard.map((word) => [word.text, word.source, word.cut]),
      [
        ['Good', 'carrier', false],
        ['bye', 'carrier', false],
      ],
    );
    assert.deepEqual([report.endedBy, report.reason], ['twiml', '<Hangup>']);
    const status = await app.requested('/status');
    assert.deepEqual(
      [status.fields['CallStatus'], status.fields['CallDuration'], status.fields['SequenceNumber']],
      ['completed', '1', '0'],
    );
  });

  it('can have one stream after another, each with marks and numbers of its own', async () => {
    app.answers.set('/voice', app.stream('', 'action="/next"'));
    app.answers.set('/next', () => app.stream());
    const call = ring();
    const first = await agentOf();
    await first.start();
    first.say('this is never heard to its end');
    first.mark('lost');
    await call.heard((word) => word.text === 'is');
    const comes = new Promise<Agent>((resolve) => (app.onAgent = resolve));
    first.socket.close(1000);
    const second = await comes;
    await second.start();
    second.say('back');
    second.mark('kept');
    await second.message('mark');
    assert.notEqual(first.streamSid, second.streamSid);
    call.hangUp();
    const report = await call.ended;
    assert.match(report.heardText, /^this is( never)? back$/);
    assert.deepEqual(
      report.marks.map((mark) => [mark.name, mark.echoedAtMs !== undefined]),
      [
        ['lost', false],
        ['kept', true],
      ],
    );
    assert.deepEqual(
      report.streams.map((stream) => [stream.ended, stream.closeCode]),
      [
        ['application', 1000],
        ['phone-company', 1000],
      ],
    );
  });

  it('goes on with the next verb without an action, and ends when there is none', async () => {
    const call = ring();
    const agent = await agentOf();
    await agent.start();
    agent.socket.close();
    const report = await call.ended;
    assert.deepEqual([report.endedBy, report.reason, report.findings.length], ['twiml', 'no more TwiML', 0]);
    assert.deepEqual(
      agent.messages.filter((each) => each['event'] === 'stop'),
      [],
    );
  });

  it('tells of the stream by callbacks', async () => {
    const attributes = `name="agent-1" statusCallback="${app.url('/stream')}"`;
    app.answers.set('/voice', app.stream('', '', attributes));
    app.answers.set('/stream', {});
    const call = ring();
    const agent = await agentOf();
    await agent.start();
    call.hangUp();
    await call.ended;
    const events = app
      .at('/stream')
      .map(({ fields }) => [fields['StreamEvent'], fields['StreamName'], fields['StreamSid']]);
    assert.deepEqual(events, [
      ['stream-started', 'agent-1', agent.streamSid],
      ['stream-stopped', 'agent-1', agent.streamSid],
    ]);
  });

  it('dials, reports the result to the action, and can bring the caller back', async () => {
    phone.setLine('+14155550177', { outcome: 'busy' });
    app.answers.set(
      '/voice',
      `<Response><Dial callerId="+14155550142" action="/dialled"><Number statusCallback="${app.url('/leg')}" statusCallbackEvent="initiated completed">+14155550177</Number></Dial><Say>never</Say></Response>`,
    );
    app.answers.set('/dialled', () => app.stream());
    app.answers.set('/leg', {});
    const call = ring();
    const agent = await agentOf();
    await agent.start();
    call.hangUp();
    const report = await call.ended;
    const { fields } = await app.requested('/dialled');
    assert.deepEqual(
      [fields['DialCallStatus'], fields['DialBridged'], fields['DialCallSid']],
      ['busy', 'false', report.dials[0]?.callId],
    );
    assert.equal(report.heardText, '');
    assert.deepEqual(
      app.at('/leg').map((leg) => leg.fields['CallStatus']),
      ['initiated', 'busy'],
    );
  });

  it('lets the caller hear who answers a dial', async () => {
    phone.setLine('+14155550177', { says: 'Front desk', talkMs: 500 });
    app.answers.set('/voice', '<Response><Dial action="/dialled">+14155550177</Dial></Response>');
    app.answers.set('/dialled', '<Response/>');
    const report = await ring().ended;
    assert.deepEqual(
      report.heard.map((word) => [word.text, word.source]),
      [
        ['Front', 'callee'],
        ['desk', 'callee'],
      ],
    );
    assert.equal(app.at('/dialled')[0]?.fields['DialCallStatus'], 'completed');
    assert.equal(app.at('/dialled')[0]?.fields['DialCallDuration'], '1');
  });

  it('rejects with a busy tone without answering', async () => {
    app.answers.set('/voice', '<Response><Reject reason="busy"/></Response>');
    const report = await ring({ statusCallback: { url: app.url('/status') } }).ended;
    assert.deepEqual([report.status, report.durationMs], ['busy', 0]);
    assert.equal(app.at('/status')[0]?.fields['CallStatus'], 'busy');
  });

  it('speaks of an application error when there is no usable TwiML, and names the code', async () => {
    for (const [answer, code] of [
      [{ status: 500 }, 11200],
      [{ body: '<Response/>', type: 'text/html' }, 12300],
      [{ body: '<Response>' }, 12100],
      [{ body: `<Response><!--${'x'.repeat(70_000)}--></Response>` }, 11750],
    ] as const) {
      app.answers.set('/voice', answer);
      const call = ring();
      const [finding] = (await once(call, 'finding')) as [{ code: number }];
      assert.equal(finding.code, code);
      call.hangUp();
      const report = await call.ended;
      assert.equal(report.findings.length, 1);
    }
  });

  it('gives up on a webhook that does not answer, and asks the fallback', async () => {
    app.answers.set('/voice', () => new Promise(() => {}));
    app.answers.set('/fallback', '<Response><Reject/></Response>');
    const report = await ring({ webhookTimeoutMs: 50, fallbackUrl: app.url('/fallback') }).ended;
    assert.deepEqual(
      report.findings.map((finding) => finding.code),
      [11200],
    );
    assert.equal(app.at('/fallback')[0]?.fields['ErrorCode'], '11200');
  });

  for (const [what, url, code] of [
    ['has a query string', (host: string) => `ws://${host}/media?token=1`, 31920],
    ['is not a WebSocket', (host: string) => `http://${host}/media`, 31922],
    ['is ws on a public host', () => 'ws://agent.example.net/media', 31922],
    ['is no URL', () => 'wss://', 31923],
    ['leads to a port where nobody listens', () => 'ws://127.0.0.1:1/media', 31902],
  ] as const) {
    it(`does not open a stream whose URL ${what}`, async () => {
      app.answers.set('/voice', `<Response><Connect><Stream url="${url(app.host)}"/></Connect></Response>`);
      const report = await ring().ended;
      assert.deepEqual(
        report.findings.map((finding) => finding.code),
        [code],
      );
      assert.equal(report.streams[0]?.ended, 'failed');
      assert.equal(app.agents.length, 0);
    });
  }

  it('reports a refused upgrade, by callback too', async () => {
    app.refuseUpgrade = 403;
    app.answers.set('/voice', app.stream('', '', `statusCallback="${app.url('/stream')}"`));
    app.answers.set('/stream', {});
    const report = await ring().ended;
    assert.deepEqual(
      report.findings.map((finding) => finding.code),
      [31920],
    );
    assert.equal(app.at('/stream')[0]?.fields['StreamEvent'], 'stream-error');
    assert.match(app.at('/stream')[0]?.fields['StreamError'] ?? '', /403/);
  });

  it('does not pass parameters of 500 characters and more, nor another track', async () => {
    app.answers.set(
      '/voice',
      app.stream(
        `<Parameter name="big" value="${'x'.repeat(497)}"/><Parameter name="fits" value="${'x'.repeat(495)}"/>`,
      ),
    );
    const call = ring();
    const agent = await agentOf();
    assert.deepEqual(Object.keys((await agent.start()).customParameters), ['fits']);
    assert.deepEqual(
      call.report().findings.map((finding) => finding.code),
      [12200],
    );
    app.answers.set('/voice', app.stream('', '', 'track="both_tracks"'));
    const report = await ring().ended;
    assert.deepEqual(
      report.findings.map((finding) => finding.code),
      [31941],
    );
  });

  it('says which step of the script failed, and hangs up', async () => {
    const call = ring({ script: [{ waitFor: 'hello', timeoutMs: 300 }, { say: 'never' }] });
    const agent = await agentOf();
    await agent.start();
    agent.say('goodbye');
    const report = await call.ended;
    assert.match(report.failure ?? '', /Step 1 .*"waitFor":"hello".* not met within 300 ms; heard since: "goodbye"/);
    assert.equal(report.said.length, 0);
  });

  it('is cancelled when the caller does not wait for the answer', async () => {
    app.answers.set('/voice', () => new Promise(() => {}));
    const call = ring({ statusCallback: { url: app.url('/status') } });
    await app.requested('/voice');
    call.hangUp();
    const report = await call.ended;
    assert.deepEqual(
      [report.status, report.durationMs, report.findings.map((finding) => finding.code)],
      ['canceled', 0, [15003]],
    );
    assert.equal(app.at('/status')[0]?.fields['CallStatus'], 'canceled');
  });

  it('takes further steps while it lasts', async () => {
    const call = ring();
    const agent = await agentOf();
    await agent.start();
    await call.perform({ say: 'hello there' });
    await agent.until(() => hearWords(agent.audio()) === 'hello there');
    const later = call.perform({ waitFor: 'anything' });
    call.hangUp();
    await assert.rejects(later, /The call ended before/);
  });
});
