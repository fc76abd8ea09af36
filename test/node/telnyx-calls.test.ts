/** What is of Telnyx alone; what becomes of a call at any company is in calls.test.ts. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { WebSocket } from 'ws';
import { registry } from '../../nodes/call/heart';
import { refused } from '../../nodes/call/refused';
import { WordDecoder } from '../../simulators/audio';
import { SigningKey } from '../../simulators/telnyx';
import type { TelnyxCompany, WebhookSignature } from '../../simulators/telnyx';
import { until } from '../support/runtime';
import { callId, CarrierStage, reasonOf } from './carrier-stage';
import { commands, postEvent, TELNYX } from './companies';
import type { Config, FakeRed, Message } from './twilio-red';

describe('a call at Telnyx', function () {
  this.timeout(20_000);
  let red: FakeRed;
  let company: TelnyxCompany;
  let url: string;
  const stage = new CarrierStage(TELNYX);
  const { begin, flow, nothingLeft, over, play, ring } = stage;

  beforeEach(async () => {
    await stage.set();
    ({ red, company, url } = stage);
  });
  afterEach(() => stage.strike());

  const post = (type: string, id: string, more?: object, sign?: WebhookSignature): Promise<Response> =>
    postEvent(stage, type, id, more, sign);

  it('is heard in the right order though its frames come in the wrong one, and every key counts once', async () => {
    await red.deploy(flow());
    const ear = new WordDecoder();
    const keys: unknown[] = [];
    red.on('in:0', (msg: Message) => {
      if (msg.topic === 'audio') ear.push(msg.payload as Buffer);
      if (msg.topic === 'call.dtmf') keys.push(msg.payload);
    });
    const reason = reasonOf(over());
    // Who speaks before the stream is there is not heard: this caller waits to be greeted.
    const { caller, msg } = await begin({
      framesOutOfOrder: true,
      script: [
        { waitFor: 'Hello' },
        { say: 'one two three four five' },
        { press: '1122' },
        { pause: 300 },
        { hangUp: true },
      ],
    });
    play(msg, 'Hello');
    await reason;
    await caller.ended;
    assert.deepEqual(
      ear.words.map(({ text, heardMs, totalMs, fromMs, brokenMs }) => [text, heardMs === totalMs, fromMs, brokenMs]),
      ['one', 'two', 'three', 'four', 'five'].map((word) => [word, true, 0, 0]),
    );
    assert.deepEqual(keys, ['1', '1', '2', '2']);
  });

  it('takes one of the lines, and with 30 at once the rest get the busy answer', async () => {
    await red.deploy(flow({ maxCalls: 10, busyText: 'Later please' }));
    const callers = Array.from({ length: 30 }, () => ring());
    await until('ten have a stream', () => callers.filter((each) => each.isStreaming).length === 10);
    const rest = callers.filter((each) => !each.isStreaming);
    const reports = await Promise.all(rest.map((each) => each.ended));
    for (const report of reports) {
      assert.equal(report.heardText, 'Later please');
      assert.equal(report.endedBy, 'application');
      assert.deepEqual(report.findings, []);
      assert.deepEqual(report.commands.map(({ name }) => name), ['answer', 'speak', 'hangup']); // prettier-ignore
    }
    assert.equal(registry.callsOf('in').length, 10);
    await red.deploy(flow({ maxCalls: 10, busy: 'reject' }));
    const rejected = await ring().ended;
    assert.deepEqual([rejected.status, rejected.endedBy, rejected.findings], ['busy', 'application', []]);
    await red.deploy(flow({ maxCalls: 10, busy: 'forward', forwardTo: '+14155550177' }));
    company.setLine('+14155550177', { says: 'Sales department' });
    const forwarded = ring();
    await until('it is forwarded', () => forwarded.report().dials.length === 1);
    assert.equal(forwarded.report().dials[0]?.to, '+14155550177');
    forwarded.hangUp();
    // A number that does not answer leaves nobody waiting.
    company.setLine('+14155550177', { outcome: 'busy' });
    assert.equal((await ring().ended).status, 'busy');
    for (const each of callers) each.hangUp();
    await Promise.all([...callers, forwarded].map((each) => each.ended));
    await until('the lines are free', () => registry.all().length === 0);
    const next = ring();
    await once(next, 'stream-started');
  });

  it('whose webhooks come twice and in any order is one call', async () => {
    await red.deploy(flow());
    const reason = reasonOf(over());
    const { caller } = await begin({
      webhooks: { duplicate: true, late: { 'call.answered': 300 } },
      script: [{ press: '7' }],
    });
    const topics = (): string[] => red.node('log')?.received.map((each) => each.topic) ?? [];
    await until('the key has come', () => topics().includes('call.dtmf'));
    await sleep(400);
    caller.hangUp();
    await reason;
    await caller.ended;
    assert.deepEqual(topics(), ['call.started', 'call.dtmf', 'call.ended']);
    assert.deepEqual(commands(caller), ['answer']);
    // The end is told first, then the beginning: nobody is there any more.
    await post('call.hangup', 'v3:stillborn', { hangup_cause: 'originator_cancel' });
    assert.equal((await post('call.initiated', 'v3:stillborn')).status, 200);
    assert.equal(registry.all().length, 0);
    // And of a call that has ended nothing begins anew.
    assert.equal((await post('call.initiated', caller.callId)).status, 200);
    assert.equal(registry.all().length, 0);
    // What we dial ourselves is announced too.
    await post('call.initiated', 'v3:outgoing', { direction: 'outgoing' });
    assert.equal(registry.all().length, 0);
  });

  it('that Telnyx has not signed is refused, and leaves nothing', async () => {
    await red.deploy(flow());
    const { signature } = refused;
    const status = async (sign: WebhookSignature): Promise<number> => (await post('call.initiated', 'v3:forged', {}, sign)).status; // prettier-ignore
    assert.equal(await status('missing'), 400);
    for (const sign of ['wrong-key', 'wrong-body', 'garbage', 'old', 'future'] as const) {
      assert.equal(await status(sign), 403, sign);
    }
    assert.equal(refused.signature, signature + 6);
    assert.equal(registry.all().length, 0);
    assert.equal(company.rest.log.length, 0);
    // The ops person is told once a minute.
    assert.equal(red.warnings.filter((line) => line.includes('403')).length, 1);
    assert.equal((await post('call.initiated', 'v3:huge', { x: 'x'.repeat(70_000) })).status, 413);
    assert.equal((await fetch(`${url}/telnyx/voice`, { method: 'PUT' })).status, 405);
    assert.equal((await fetch(`${url}/telnyx/voice`)).status, 400);
    // Signed, but not the event of a call.
    const body = '{"data":{"event_type":"message.received","id":"1","payload":{}}}';
    const headers = company.signingKey.headers(body);
    assert.equal((await fetch(`${url}/telnyx/voice`, { method: 'POST', body, headers })).status, 200);
  });

  it('whose clock is wrong is told so', async () => {
    await red.deploy(flow());
    await post('call.initiated', 'v3:old', {}, 'old');
    assert.match(red.warnings.at(-1) ?? '', /by its time it is 30\d s old.*clock/);
  });

  it('has a stream by its token alone, once', async () => {
    await red.deploy(flow());
    const { token, start } = refused;
    const { caller } = await begin();
    const media = caller.report().streams[0]?.url ?? '';
    await assert.rejects(once(new WebSocket(media), 'open'), /403/, 'a used token');
    await assert.rejects(once(new WebSocket(media.replace(/.$/, 'x')), 'open'), /403/, 'a guessed token');
    assert.equal(refused.token, token + 2);
    // One who has a token, but names another call.
    const other = ring({ refuseStream: true });
    await until('it is answered', () => other.isAnswered);
    const body = other.report().commands[0]?.body;
    const socket = new WebSocket(String(body?.stream_url));
    await once(socket, 'open');
    socket.send(JSON.stringify({ event: 'start', start: { call_control_id: caller.callId }, stream_id: 'x' }));
    const [code] = (await once(socket, 'close')) as [number];
    assert.equal(code, 1008);
    assert.equal(refused.start, start + 1);
    assert.equal(registry.get(caller.callId)?.state, 'live');
  });

  it('asks for audio both ways as raw PCMU, and passes on what the flow wants besides', async () => {
    await red.deploy(flow({ options: '{"send_silence_when_idle":true,"stream_bidirectional_mode":"mp3"}', headers: '{"x-team":"voice"}' })); // prettier-ignore
    const { caller } = await begin();
    const { command_id, stream_url, ...body } = caller.report().commands[0]?.body ?? {};
    assert.match(String(command_id), /^[0-9a-f-]{36}$/);
    assert.match(String(stream_url), /^ws:\/\/127\.0\.0\.1:\d+\/telnyx\/voice\/media\/[0-9a-f]{32}$/);
    assert.deepEqual(body, {
      send_silence_when_idle: true,
      stream_track: 'inbound_track',
      stream_codec: 'PCMU',
      stream_bidirectional_mode: 'rtp',
      stream_bidirectional_codec: 'PCMU',
      stream_bidirectional_target_legs: 'self',
    });
  });

  it('is hung up though the API fails twice, and once only', async () => {
    await red.deploy(flow());
    const { caller, msg } = await begin();
    const call = registry.get(callId(msg));
    company.faults.add({ kind: 'status', status: 503, matchText: '/actions/hangup' });
    // The second is carried out, and its answer lost.
    company.faults.add({ kind: 'refuse', when: 'message', matchText: '/actions/hangup' });
    await call?.hangUp('agent-hangup');
    assert.equal(call?.state, 'ended');
    await caller.ended;
    assert.equal(red.errors.length, 0);
    nothingLeft();
  });

  it('is not heard any more from the moment in which the goodbye begins, though the stream stays for it', async () => {
    await red.deploy(flow());
    let frames = 0;
    red.on('in:0', ({ topic }: Message) => (frames += topic === 'audio' ? 1 : 0));
    const { caller, msg } = await begin();
    await until('the caller is heard', () => frames > 0);
    const gone = registry.get(callId(msg))?.hangUp('agent-hangup', 'Thank you for calling, and goodbye.');
    const onTheWire = frames + 1;
    await gone;
    assert.match((await caller.ended).heardText, /goodbye/i);
    assert.ok(frames <= onTheWire, `${frames - onTheWire} frames were heard behind it`);
    nothingLeft();
  });

  it('that cannot be hung up is told in words, and is over here', async () => {
    await red.deploy(flow());
    const { caller, msg } = await begin();
    const call = registry.get(callId(msg));
    company.faults.add({ kind: 'status', status: 403, matchText: '/actions/hangup', body: { errors: [{ code: '10010', title: 'Authorization failed' }] } }); // prettier-ignore
    await call?.hangUp('agent-hangup');
    assert.equal(call?.state, 'ended');
    assert.match(red.errors[0]?.err.message ?? '', /telnyx: the API answered 403: Authorization failed \(10010\) - check the key/); // prettier-ignore
    assert.equal(caller.isOver, false);
    caller.hangUp();
    await caller.ended;
  });

  it('that cannot be answered is told in words, and gives its line back', async () => {
    for (const [status, words] of [
      [401, /401.*check the key/],
      [422, /422.*check the settings/],
    ] as const) {
      await red.deploy(flow());
      company.faults.add({ kind: 'status', status, matchText: '/actions/answer' });
      const reason = reasonOf(over());
      const caller = ring();
      assert.equal(await reason, 'carrier-failed');
      assert.match(red.errors.at(-1)?.err.message ?? '', words);
      await caller.ended;
      nothingLeft();
    }
    // The caller was quicker: nothing is wrong.
    const before = red.errors.length;
    company.faults.add({ kind: 'status', status: 422, matchText: '/actions/answer', body: { errors: [{ code: '90018', title: 'Call has already ended' }] } }); // prettier-ignore
    const reason = reasonOf(over());
    ring().hangUp();
    assert.equal(await reason, 'canceled');
    assert.equal(red.errors.length, before);
  });

  it('to which Telnyx itself speaks hears the agent only then', async () => {
    await red.deploy(flow());
    const { caller, msg } = await begin();
    const call = registry.get(callId(msg));
    const said = call?.carrier.say('one moment');
    play(msg, 'here I am again');
    await said;
    await caller.heard((_word, text) => text.endsWith('again'));
    caller.hangUp();
    assert.equal((await caller.ended).heardText, 'one moment here I am again');
  });

  it('whose stream breaks again and again is ended after the fifth time', async () => {
    await red.deploy(flow());
    const reason = reasonOf(over());
    const caller = ring();
    for (let i = 0; i <= 5; i++) {
      await once(caller, 'stream-started');
      await until('it is here', () => registry.get(caller.callId)?.carrier.connected === true);
      caller.dropStream();
    }
    assert.equal(await reason, 'stream-failed');
    assert.match(red.errors.at(-1)?.err.message ?? '', /broke 6 times/);
    await caller.ended;
    nothingLeft();
  });

  it('whose end nobody tells is found out by asking', async () => {
    await red.deploy(flow());
    const reason = reasonOf(over());
    const { caller } = await begin({ webhooks: { late: { 'call.hangup': 6_000 } } });
    caller.hangUp();
    const at = performance.now();
    assert.equal(await reason, 'caller-hangup');
    assert.ok(performance.now() - at < 2_000);
    await caller.ended;
  });

  it('whose stream Telnyx cannot open is told in words, once, on the node too', async () => {
    await red.deploy(flow());
    const caller = ring({ refuseStream: true });
    await until('it is answered', () => caller.isAnswered);
    for (let i = 0; i < 2; i++) await post('streaming.failed', caller.callId, { failure_reason: 'TLS error' });
    const told = red.errors.filter(({ err }) => err.message.includes('TLS error'));
    assert.equal(told.length, 1);
    assert.match(told[0]?.err.message ?? '', /the media stream failed: TLS error\. Check/);
    await until('it is shown', () => red.statuses.some(({ text, fill }) => text === 'TLS error' && fill === 'yellow'));
    // It is tried again.
    await until('another is asked for', () => commands(caller).includes('streaming_start'));
    caller.hangUp();
    await caller.ended;
  });

  it('that reports an error of the stream shows it in words', async () => {
    await red.deploy(flow());
    const { caller, msg } = await begin();
    const call = registry.get(callId(msg));
    for (let i = 0; i < 3; i++) call?.carrier.play(Buffer.alloc(8, 0xff));
    await until('it is told', () => red.errors.length > 0);
    await until('it is shown', () => red.statuses.some(({ text }) => text === 'invalid media'));
    assert.match(red.errors[0]?.err.message ?? '', /reports invalid_media \(100004\): A payload of 1 ms/);
    caller.hangUp();
    await caller.ended;
    assert.equal(red.errors.length, 1);
  });

  it('ends in the gap of a Deploy: its events come in, and nothing is left', async () => {
    await red.deploy(flow());
    const { caller } = await begin();
    const reason = reasonOf(over());
    await red.deploy(flow({ maxCalls: 1 }), async () => {
      caller.hangUp();
      await caller.ended;
    });
    assert.equal(await reason, 'caller-hangup');
    nothingLeft();
  });

  it('goes on at its old path, where all of its events are taken', async () => {
    await red.deploy(flow());
    const reason = reasonOf(over());
    const { caller } = await begin();
    await red.deploy(flow({ path: '/other' }));
    caller.hangUp();
    assert.equal(await reason, 'caller-hangup');
    const report = await caller.ended;
    assert.deepEqual(report.webhooks.filter(({ status }) => status !== 200), []); // prettier-ignore
  });

  it('comes in with either form of the public key, and with no other', async () => {
    const { apiKey, signingKey } = company;
    const account = (publicKey: string): Config[] =>
      flow().map((node) => (node.id === 'account' ? stage.account({ credentials: { apiKey, publicKey } }) : node));
    await red.deploy(account(signingKey.publicKeySpki));
    const caller = ring();
    await once(caller, 'stream-started');
    const stranger = new SigningKey();
    await red.deploy(account(stranger.publicKey));
    assert.equal((await post('call.initiated', 'v3:x')).status, 403);
    caller.hangUp();
    await caller.ended;
  });
});

describe('twilio-out, behind a call at Telnyx', () => {
  const stage = new CarrierStage(TELNYX);
  beforeEach(() => stage.set());
  afterEach(() => stage.strike());

  it("tells who puts it at the end of another carrier's row", async () => {
    const { red } = stage;
    await red.deploy([...stage.flow(), { id: 'foreign', type: 'twilio-out' }]);
    const { msg } = await stage.begin();
    red.node('foreign')?.receive(msg);
    assert.match(
      red.errors[0]?.err.message ?? '',
      /twilio-out: this call is of telnyx: put the out-node of that carrier/,
    );
  });
});
