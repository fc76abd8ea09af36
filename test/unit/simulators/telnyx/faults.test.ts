import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { hearWords, speakWords } from '../../../../simulators/audio';
import { KEYS, TELNYX_SIGNING_SEED } from '../../../../simulators/keys';
import { SigningKey, TelnyxCompany, type Call } from '../../../../simulators/telnyx';
import { Application, type Agent, type Received } from './application';

describe('what goes wrong at Telnyx on command', function () {
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

  type Ring = Partial<Parameters<TelnyxCompany['ring']>[0]>;

  const live = async (options: Ring = {}, more: object = {}): Promise<{ call: Call; agent: Agent }> => {
    const call = phone.ring({ webhookUrl: app.webhookUrl, ...options });
    await app.event('call.initiated');
    await app.command(call.callId, 'answer', { ...app.stream, ...more });
    const agent = await app.agent();
    await agent.start();
    return { call, agent };
  };

  describe('webhooks', () => {
    const verified = ({ headers, body }: Received): boolean => {
      const key = createPublicKey({
        key: Buffer.from(phone.signingKey.publicKeySpki, 'base64'),
        format: 'der',
        type: 'spki',
      });
      const signature = Buffer.from(String(headers['telnyx-signature-ed25519']), 'base64');
      return verify(null, Buffer.from(`${String(headers['telnyx-timestamp'])}|${body}`), key, signature);
    };

    it('come again until they are answered 200, with the same id', async () => {
      let asked = 0;
      app.status = () => (++asked < 3 ? 500 : 200);
      const call = phone.ring({ webhookUrl: app.webhookUrl, webhookRetryMs: 10 });
      await app.event('call.initiated', 3);
      call.hangUp();
      const report = await call.ended;
      const tries = app.received.filter((each) => each.type === 'call.initiated');
      assert.deepEqual(
        tries.map((each) => each.meta.attempt),
        [1, 2, 3],
      );
      assert.equal(new Set(tries.map((each) => each.id)).size, 1);
      assert.ok(tries.every(verified));
      assert.match(report.findings[0]?.message ?? '', /call.initiated was answered 500/);
    });

    it('come again when there is no answer in time, and then at the other URL', async () => {
      app.status = ({ path }) => (path === '/other' ? 200 : new Promise(() => {}));
      const call = phone.ring({
        webhookUrl: app.webhookUrl,
        failoverUrl: `http://${app.host}/other`,
        webhookTimeoutMs: 40,
        webhookRetryMs: 10,
      });
      const taken = await app.until(() => app.received.find((each) => each.path === '/other'));
      assert.deepEqual([taken.type, taken.meta.attempt], ['call.initiated', 4]);
      assert.equal(taken.meta.delivered_to, `http://${app.host}/other`);
      call.hangUp();
      await call.ended;
    });

    it('are given up after three tries', async () => {
      app.status = () => 404;
      const call = phone.ring({ webhookUrl: app.webhookUrl, webhookRetryMs: 5, ringTimeoutMs: 100 });
      const report = await call.ended;
      assert.equal(report.webhooks.filter((each) => each.eventType === 'call.initiated').length, 3);
    });

    it('come twice, with one id', async () => {
      const call = phone.ring({ webhookUrl: app.webhookUrl, webhooks: { duplicate: true } });
      const second = await app.event('call.initiated', 2);
      assert.equal(second.body, app.received[0]?.body);
      call.hangUp();
      await call.ended;
      assert.equal(app.received.length, 4);
    });

    it('overtake one another', async () => {
      const { call } = await live({ webhooks: { outOfOrder: true } });
      call.hangUp();
      await call.ended;
      assert.deepEqual(app.types(), [
        'call.initiated',
        'streaming.started',
        'call.answered',
        'call.hangup',
        'streaming.stopped',
      ]);
    });

    it('come late, as long as the test says, after the stream has begun', async () => {
      const { call, agent } = await live({ webhooks: { late: { 'call.answered': 200 } } });
      await agent.message('media');
      assert.equal(app.types().includes('call.answered'), false);
      await app.event('call.answered');
      call.hangUp();
      await call.ended;
    });

    it('are forged, old, or not signed at all', async () => {
      for (const signature of ['wrong-key', 'wrong-body', 'garbage', 'missing'] as const) {
        const call = phone.ring({ webhookUrl: app.webhookUrl, signature });
        const received = await app.until(() =>
          app.received.find((each) => each.payload['call_control_id'] === call.callId),
        );
        assert.equal(
          signature === 'missing' ? received.headers['telnyx-timestamp'] : verified(received) || undefined,
          undefined,
        );
        call.hangUp();
        await call.ended;
      }
      for (const [signature, off] of [
        ['old', -301],
        ['future', 301],
      ] as const) {
        const call = phone.ring({ webhookUrl: app.webhookUrl, signature });
        const received = await app.until(() =>
          app.received.find((each) => each.payload['call_control_id'] === call.callId),
        );
        assert.ok(verified(received));
        assert.ok(Math.abs(Number(received.headers['telnyx-timestamp']) - off - Date.now() / 1000) < 3);
        call.hangUp();
        await call.ended;
      }
    });

    it('are signed with a known key where the examples need one', () => {
      assert.equal(new SigningKey(TELNYX_SIGNING_SEED).publicKey, KEYS.TELNYX_PUBLIC_KEY);
      assert.notEqual(new SigningKey().publicKey, new SigningKey().publicKey);
    });
  });

  describe('media', () => {
    it('frames come out of order, and chunk puts them right', async () => {
      const { call, agent } = await live({ framesOutOfOrder: true });
      await call.perform({ say: 'every word counts' }, { pause: 60 });
      const chunks = agent.frames().map((each) => Number(each.chunk));
      assert.deepEqual(chunks.slice(0, 6), [2, 1, 4, 3, 6, 5]);
      assert.equal(hearWords(agent.audio()), 'every word counts');
      const asCame = Buffer.concat(agent.frames().map((each) => Buffer.from(each.payload, 'base64')));
      assert.notEqual(hearWords(asCame), 'every word counts');
      call.hangUp();
      await call.ended;
      // The last one is not lost.
      const sorted = agent
        .frames()
        .map((each) => Number(each.chunk))
        .sort((a, b) => a - b);
      assert.deepEqual(
        sorted,
        sorted.map((_, i) => i + 1),
      );
    });

    it('comes in odd chunks, no byte lost', async () => {
      const { call, agent } = await live({ chunkBytes: 137 });
      await call.perform({ say: 'every byte counts' }, { pause: 60 });
      assert.ok(agent.frames().every((each) => Buffer.from(each.payload, 'base64').length === 137));
      assert.equal(hearWords(agent.audio()), 'every byte counts');
    });

    it('has both tracks where they are asked for, each with numbers of its own', async () => {
      const { call, agent } = await live({}, { stream_track: 'both_tracks' });
      agent.say('from the agent');
      await call.perform({ say: 'from the caller' }, { pause: 40 });
      await agent.until(() => hearWords(agent.audio('outbound')) === 'from the agent');
      assert.equal(hearWords(agent.audio('inbound')), 'from the caller');
      assert.equal(agent.frames('outbound')[0]?.chunk, '1');
    });

    it('is thrown away in the default mode, which is mp3', async () => {
      const { call, agent } = await live({}, { stream_bidirectional_mode: undefined });
      agent.say('never heard');
      agent.say('nor this');
      await agent.message('error');
      assert.deepEqual(agent.errors()[0]?.['code'], 100005);
      agent.mark('at once');
      await agent.message('mark');
      const { heard, findings } = call.report();
      assert.deepEqual(heard, []);
      assert.deepEqual(
        findings.map(({ code }) => code),
        [0, 100005],
      );
    });

    it('is thrown away in another codec than the stream was opened with', async () => {
      const { call, agent } = await live({}, { stream_bidirectional_codec: 'L16' });
      agent.say('noise');
      await agent.through();
      assert.equal(call.report().streams[0]?.receivedBytes, 0);
      assert.equal(call.report().findings.length, 1);
    });

    it('is answered with error frames where it is wrong, and the stream goes on', async () => {
      const { call, agent } = await live();
      const payload = Buffer.alloc(160, 0xff).toString('base64');
      agent.socket.send('{');
      agent.socket.send(Buffer.from('{}'));
      agent.send({ event: 'hello' });
      agent.send({ event: 'media', payload });
      agent.send({ event: 'mark', mark: {} });
      agent.send({ event: 'media', media: { payload: '***' } });
      agent.send({ event: 'media', media: { payload: '' } });
      agent.media(Buffer.alloc(159, 0xff));
      agent.media(Buffer.alloc(240_001, 0xff));
      await agent.through();
      assert.deepEqual(
        agent.errors().map((each) => [each['code'], each['title']]),
        [
          ...Array.from({ length: 5 }, () => [100003, 'malformed_frame']),
          ...Array.from({ length: 4 }, () => [100004, 'invalid_media']),
        ],
      );
      agent.media(Buffer.alloc(160, 0xff));
      agent.media(Buffer.alloc(240_000, 0xff));
      agent.send({ event: 'clear', stream_id: 'is not needed' });
      agent.say('still here');
      await call.heard((_, text) => text === 'still here');
      assert.equal(agent.errors().length, 9);
    });

    it('holds a field that nobody knows against the application', async () => {
      const { call, agent } = await live();
      agent.send({ event: 'clear', streamSid: 'MZ1' });
      await agent.through();
      assert.deepEqual(
        call.report().findings.map(({ message }) => message),
        ['Stream: clear: unknown field "streamSid"'],
      );
    });

    it('is told of older encodings and of parameters under another key', async () => {
      const options = { encodingName: 'audio/x-mulaw', customParametersKey: 'customParameters' } as const;
      const { agent } = await live(options, { custom_parameters: [{ name: 'a', value: 'b' }] });
      const start = await agent.start();
      assert.equal((start['media_format'] as { encoding: string }).encoding, 'audio/x-mulaw');
      assert.deepEqual(start['customParameters'], { a: 'b' });
    });

    it('breaks: no stop, streaming.failed, and the caller waits', async () => {
      const { call, agent } = await live({ dropStreamAfterMs: 60 });
      await agent.until(() => agent.closed !== undefined);
      assert.equal(agent.closed, 1006);
      const { payload } = await app.event('streaming.failed');
      assert.equal(payload['stream_id'], agent.messages[1]?.['stream_id']);
      assert.ok(payload['failure_reason']);
      assert.equal(call.isOver, false);
      assert.equal(app.types().includes('streaming.stopped'), false);
    });

    it('cannot be connected: streaming.failed, and the caller waits', async () => {
      app.refuseUpgrade = 403;
      const call = phone.ring({ webhookUrl: app.webhookUrl });
      await app.event('call.initiated');
      await app.command(call.callId, 'answer', app.stream);
      const { payload } = await app.event('streaming.failed');
      assert.match(String(payload['failure_reason']), /403/);
      assert.deepEqual([call.isOver, call.openSockets], [false, 0]);
      app.refuseUpgrade = undefined;
      assert.equal((await app.command(call.callId, 'streaming_start', app.stream))[0], 200);
      await (await app.agent()).start();
    });

    it('goes to addresses of this machine and to wss:// only', async () => {
      const call = phone.ring({ webhookUrl: app.webhookUrl });
      await app.event('call.initiated');
      await app.command(call.callId, 'answer', { ...app.stream, stream_url: 'ws://agent.example.net/media' });
      assert.match(String((await app.event('streaming.failed')).payload['failure_reason']), /wss/);
      await app.command(call.callId, 'streaming_start', { ...app.stream, stream_url: 'wss://agent.example.net/media' });
      assert.match(String((await app.event('streaming.failed', 2)).payload['failure_reason']), /no address/);
    });

    it('is never asked for: the stream is not opened', async () => {
      const call = phone.ring({
        webhookUrl: app.webhookUrl,
        refuseStream: true,
        script: [{ pause: 100 }, { hangUp: true }],
      });
      await app.event('call.initiated');
      await app.command(call.callId, 'answer', app.stream);
      const report = await call.ended;
      assert.deepEqual([app.agents.length, report.streams.length, report.endedBy], [0, 0, 'caller']);
    });

    it('keys come on the socket alone, or by webhook alone', async () => {
      for (const [dtmf, onSocket, byWebhook] of [
        ['socket', 1, 0],
        ['webhook', 0, 1],
      ] as const) {
        const before = app.agents.length;
        const call = phone.ring({
          webhookUrl: app.webhookUrl,
          dtmf,
          script: [{ waitFor: 'go' }, { press: '7' }, { pause: 40 }, { hangUp: true }],
        });
        await app.until(() => app.received.find((each) => each.payload['call_control_id'] === call.callId));
        await app.command(call.callId, 'answer', app.stream);
        const agent = await app.agent(before + 1);
        await agent.start();
        agent.say('Go.');
        await call.ended;
        const told = app.received.filter(
          (each) => each.type === 'call.dtmf.received' && each.payload['call_control_id'] === call.callId,
        );
        assert.deepEqual(
          [agent.messages.filter((each) => each['event'] === 'dtmf').length, told.length],
          [onSocket, byWebhook],
        );
      }
    });
  });

  it('the network is far away: both directions take half the round trip', async () => {
    const { call, agent } = await live({ network: { delayMs: 200, jitterMs: 100 } });
    const sentAt = performance.now();
    agent.mark('there and back');
    await agent.message('mark');
    const tookMs = performance.now() - sentAt;
    assert.ok(tookMs >= 145 && tookMs < 320, `the round trip took ${tookMs} ms`);
    call.hangUp();
    await call.ended;
    assert.equal(agent.messages.at(-1)?.['event'], 'stop');
  });

  it('public addresses lead to this machine, and the token of a stream goes with it', async () => {
    const far = await new TelnyxCompany({ apiKey: phone.apiKey, resolve: { 'agent.example.net': app.host } }).start();
    try {
      const call = far.ring({ webhookUrl: 'https://agent.example.net/telnyx/voice' });
      const { headers, path } = await app.event('call.initiated');
      assert.deepEqual([headers.host, path], ['agent.example.net', '/telnyx/voice']);
      const stream = { ...app.stream, stream_url: 'wss://agent.example.net/media/4f1c', stream_auth_token: 'secret' };
      await fetch(`${far.url}/calls/${encodeURIComponent(call.callId)}/actions/answer`, {
        method: 'POST',
        headers: { authorization: `Bearer ${phone.apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(stream),
      });
      const { request } = await app.agent();
      assert.deepEqual([request.headers.host, request.url], ['agent.example.net', '/media/4f1c']);
      assert.equal(request.headers.authorization, 'Bearer secret');
    } finally {
      await far.stop();
    }
  });

  it('a mark in a burst of audio comes back in time however large the payload is', async () => {
    const { call, agent } = await live();
    const words = speakWords('one two three').audio;
    agent.media(words);
    agent.mark('end');
    const [word] = await Promise.all([call.heard((each) => each.text === 'three'), agent.message('mark')]);
    const mark = call.report().marks[0];
    assert.ok((mark?.echoedAtMs ?? 0) >= word.atMs + word.totalMs - 40);
  });
});
