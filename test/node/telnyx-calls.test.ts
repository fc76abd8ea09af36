import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { WebSocket } from 'ws';
import { registry } from '../../nodes/call/heart';
import { refused } from '../../nodes/call/refused';
import { speakWords, WordDecoder } from '../../simulators/audio';
import { SigningKey, TelnyxCompany } from '../../simulators/telnyx';
import type { Call as PhoneCall, RingOptions, WebhookSignature } from '../../simulators/telnyx';
import { until } from '../support/runtime';
import { FakeRed } from './twilio-red';
import type { Config, Message } from './twilio-red';

const ended = (msg: Message): boolean => msg.topic === 'call.ended';
const started = (msg: Message): boolean => msg.topic === 'call.started';
const callId = (msg: Message): string => (msg.call as { id: string }).id;
const reasonOf = async (msg: Promise<Message>): Promise<string> => ((await msg).payload as { reason: string }).reason;

describe('a call at Telnyx', function () {
  this.timeout(20_000);
  let red: FakeRed;
  let company: TelnyxCompany;
  let url: string;

  beforeEach(async () => {
    red = await new FakeRed().start();
    company = await new TelnyxCompany().start();
    url = `http://127.0.0.1:${red.port}`;
  });

  afterEach(async () => {
    await red.stop();
    await company.stop();
    for (const call of registry.all()) call.end('shutdown');
  });

  const flow = (more: Partial<Config> = {}, out: Partial<Config> = {}): Config[] => [
    {
      id: 'account',
      type: 'telnyx-account',
      publicUrl: url,
      baseUrl: company.url,
      credentials: { apiKey: company.apiKey, publicKey: company.publicKey },
    },
    { id: 'in', type: 'telnyx-in', account: 'account', wires: [['watch'], ['log']], ...more },
    { id: 'watch', type: 'watch' },
    { id: 'log', type: 'watch' },
    { id: 'out', type: 'telnyx-out', ...out },
  ];
  const ring = (options: Partial<RingOptions> = {}): PhoneCall =>
    company.ring({ webhookUrl: `${url}/telnyx/voice`, ...options });
  const play = (msg: Message, text: string, id = 'u1', more: object = {}): void => {
    const { audio } = speakWords(text);
    const utterance = { id, by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true };
    red.node('out')?.receive({ topic: 'audio', payload: audio, call: msg.call, utterance, ...more });
  };
  /** A webhook that the simulator has no call for. */
  const post = (
    type: string,
    id: string,
    more: object = {},
    sign: WebhookSignature = 'right',
    eventId = randomUUID(),
  ) => {
    const payload = { call_control_id: id, direction: 'incoming', from: '+12025550111', to: '+12025550122', ...more };
    const body = JSON.stringify({ data: { record_type: 'event', event_type: type, id: eventId, payload } });
    const headers = { 'content-type': 'application/json', ...company.signingKey.headers(body, sign) };
    return fetch(`${url}/telnyx/voice`, { method: 'POST', body, headers });
  };
  const commands = (call: PhoneCall): string[] => call.report().commands.map(({ name }) => name);
  const nothingLeft = (): void => {
    assert.equal(registry.all().length, 0);
    assert.deepEqual(company.open, { calls: 0, sockets: 0, requests: 0 });
  };

  it('is answered, carries voices and keys both ways, and ends with the caller', async () => {
    await red.deploy(flow({ parameters: '{"flow":"reception"}' }));
    const begun = red.sent('in', 0, started);
    const over = red.sent('in', 0, ended);
    const caller = ring({
      script: [{ waitFor: 'ready' }, { waitForSilence: 400 }, { press: '5' }, { say: 'hello there' }, { hangUp: true }],
    });
    const msg = await begun;
    const raw = (msg.payload as { raw: { webhook: { data: { event_type: string } }; start: object } }).raw;
    assert.equal(raw.webhook.data.event_type, 'call.initiated');
    assert.equal((raw.start as { call_control_id: string }).call_control_id, caller.callId);
    const { id, carrier, direction, parameters, from } = msg.call as Record<string, unknown>;
    assert.deepEqual({ id, carrier, direction, parameters, from }, { id: caller.callId, carrier: 'telnyx', direction: 'inbound', parameters: { flow: 'reception' }, from: caller.from }); // prettier-ignore
    play(msg, 'we are ready');
    assert.equal(await reasonOf(over), 'caller-hangup');
    const report = await caller.ended;
    assert.equal(report.heardText, 'we are ready');
    assert.deepEqual(report.findings, []);
    assert.equal(report.oddPayloads, 0);
    await new Promise(setImmediate);
    const heard = red.node('watch')?.received ?? [];
    const events = heard.filter((each) => each.topic !== 'audio');
    // The key was told on the socket and by webhook.
    assert.deepEqual(events.map((each) => each.topic), ['call.started', 'playback.started', 'playback.finished', 'call.dtmf', 'call.ended']); // prettier-ignore
    assert.deepEqual(red.node('log')?.received.map((each) => each.topic), events.map((each) => each.topic)); // prettier-ignore
    assert.ok(heard.filter((each) => each.topic === 'audio').every((each) => (each.payload as Buffer).length === 160));
    assert.equal(red.errors.length, 0);
    assert.deepEqual(commands(caller), ['answer']);
    nothingLeft();
    assert.ok(red.statuses.some((status) => status.text === 'common.status.calls 1' && status.fill === 'green'));
  });

  it('is heard in the right order though its frames come in the wrong one, and every key counts once', async () => {
    await red.deploy(flow());
    const ear = new WordDecoder();
    const keys: unknown[] = [];
    red.on('in:0', (msg: Message) => {
      if (msg.topic === 'audio') ear.push(msg.payload as Buffer);
      if (msg.topic === 'call.dtmf') keys.push(msg.payload);
    });
    const over = red.sent('in', 0, ended);
    const caller = ring({
      framesOutOfOrder: true,
      script: [{ say: 'one two three four five' }, { press: '1122' }, { pause: 300 }, { hangUp: true }],
    });
    await over;
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
    const over = red.sent('in', 0, ended);
    const begun = red.sent('in', 0, started);
    const caller = ring({
      webhooks: { duplicate: true, late: { 'call.answered': 300 } },
      script: [{ press: '7' }],
    });
    await begun;
    await once(caller, 'digit');
    await sleep(400);
    caller.hangUp();
    await over;
    await caller.ended;
    const topics = red.node('log')?.received.map((each) => each.topic);
    assert.deepEqual(topics, ['call.started', 'call.dtmf', 'call.ended']);
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
    const begun = red.sent('in', 0, started);
    const caller = ring();
    await begun;
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
    const begun = red.sent('in', 0, started);
    const caller = ring();
    await begun;
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

  it('that we end hears the goodbye, and is hung up by command', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const caller = ring();
    const msg = await begun;
    play(msg, 'this is never heard to its end as we hang up before');
    await caller.heard((_word, text) => text.endsWith('never'));
    const call = registry.get(callId(msg));
    await call?.hangUp('agent-hangup', 'So long');
    assert.equal(call?.state, 'ended');
    const report = await caller.ended;
    assert.match(report.heardText, /^this is never( \w+)? So long$/);
    assert.equal(report.endedBy, 'application');
    assert.deepEqual(report.findings, []);
    assert.deepEqual(commands(caller), ['answer', 'speak', 'hangup']);
    nothingLeft();
  });

  it('is hung up though the API fails twice, and once only', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const caller = ring();
    const call = registry.get(callId(await begun));
    company.faults.add({ kind: 'status', status: 503, matchText: '/actions/hangup' });
    // The second is carried out, and its answer lost.
    company.faults.add({ kind: 'refuse', when: 'message', matchText: '/actions/hangup' });
    await call?.hangUp('agent-hangup');
    assert.equal(call?.state, 'ended');
    await caller.ended;
    assert.equal(red.errors.length, 0);
    nothingLeft();
  });

  it('that cannot be hung up is told in words, and is over here', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const caller = ring();
    const call = registry.get(callId(await begun));
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
      const over = red.sent('in', 0, ended);
      const caller = ring();
      assert.equal(await reasonOf(over), 'carrier-failed');
      assert.match(red.errors.at(-1)?.err.message ?? '', words);
      await caller.ended;
      nothingLeft();
    }
    // The caller was quicker: nothing is wrong.
    const before = red.errors.length;
    company.faults.add({ kind: 'status', status: 422, matchText: '/actions/answer', body: { errors: [{ code: '90018', title: 'Call has already ended' }] } }); // prettier-ignore
    const over = red.sent('in', 0, ended);
    ring().hangUp();
    assert.equal(await reasonOf(over), 'canceled');
    assert.equal(red.errors.length, before);
  });

  it('can be spoken to by Telnyx itself and goes on: what the agent says waits meanwhile', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const caller = ring();
    const msg = await begun;
    const call = registry.get(callId(msg));
    const said = Promise.all([call?.carrier.say('one moment'), call?.carrier.say('one moment')]);
    play(msg, 'here I am again');
    await said;
    await caller.heard((_word, text) => text.endsWith('again'));
    caller.hangUp();
    const report = await caller.ended;
    assert.equal(report.heardText, 'one moment here I am again');
    assert.deepEqual(report.findings, []);
    assert.equal(report.streams.length, 1);
  });

  it('whose stream breaks gets another, and goes on from where the caller stopped hearing', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const caller = ring();
    const msg = await begun;
    play(msg, 'one two three four five six seven eight');
    await caller.heard((_word, text) => text.endsWith('three'));
    caller.dropStream();
    await caller.heard((_word, text) => text.endsWith('eight'));
    assert.equal(registry.get(caller.callId)?.state, 'live');
    caller.hangUp();
    const report = await caller.ended;
    assert.match(report.heardText, /^one two three .*five six seven eight$/);
    assert.equal(report.streams.length, 2);
    assert.deepEqual(commands(caller), ['answer', 'streaming_start']);
    const log = red.node('log')?.received.map((each) => each.topic) ?? [];
    assert.equal(log.filter((topic) => topic === 'call.started').length, 1);
    assert.match(red.errors[0]?.err.message ?? '', /the media stream failed: connection lost/);
  });

  it('whose stream breaks again and again is ended after the fifth time', async () => {
    await red.deploy(flow());
    const over = red.sent('in', 0, ended);
    const caller = ring();
    for (let i = 0; i <= 5; i++) {
      await once(caller, 'stream-started');
      await until('it is here', () => registry.get(caller.callId)?.carrier.connected === true);
      caller.dropStream();
    }
    assert.equal(await reasonOf(over), 'stream-failed');
    assert.match(red.errors.at(-1)?.err.message ?? '', /broke 6 times/);
    await caller.ended;
    nothingLeft();
  });

  it('whose end nobody tells is found out by asking', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const over = red.sent('in', 0, ended);
    const caller = ring({ webhooks: { late: { 'call.hangup': 6_000 } } });
    await begun;
    caller.hangUp();
    const at = performance.now();
    assert.equal(await reasonOf(over), 'caller-hangup');
    assert.ok(performance.now() - at < 2_000);
    await caller.ended;
  });

  it('whose stream is lost while nobody says what became of it is given up after 10 s', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const over = red.sent('in', 0, ended);
    const caller = ring();
    await begun;
    company.faults.add({ kind: 'status', status: 503, times: 'always' });
    caller.dropStream();
    const at = performance.now();
    assert.equal(await reasonOf(over), 'stream-failed');
    assert.ok(Math.abs(performance.now() - at - 10_000) < 1_000);
    assert.equal(registry.all().length, 0);
    company.faults.clear();
    caller.hangUp();
    await caller.ended;
  });

  it('that brings no stream gives its line back after 10 s', async () => {
    await red.deploy(flow());
    const over = red.sent('in', 0, ended);
    const at = performance.now();
    const caller = ring({ refuseStream: true });
    assert.equal(await reasonOf(over), 'stream-failed');
    assert.ok(Math.abs(performance.now() - at - 10_000) < 500);
    assert.equal((await caller.ended).endedBy, 'application');
    assert.match(red.errors[0]?.err.message ?? '', /the media stream did not come within 10 s/);
    nothingLeft();
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
    const begun = red.sent('in', 0, started);
    const caller = ring();
    const call = registry.get(callId(await begun));
    for (let i = 0; i < 3; i++) call?.carrier.play(Buffer.alloc(8, 0xff));
    await until('it is told', () => red.errors.length > 0);
    await until('it is shown', () => red.statuses.some(({ text }) => text === 'invalid media'));
    assert.match(red.errors[0]?.err.message ?? '', /reports invalid_media \(100004\): A payload of 1 ms/);
    caller.hangUp();
    await caller.ended;
    assert.equal(red.errors.length, 1);
  });

  it('survives Deploys; events come in the gap, a new call waits', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const caller = ring();
    const leaver = ring();
    const msg = await begun;
    await until('both are live', () => registry.all().every((call) => call.state === 'live') && registry.all().length === 2); // prettier-ignore
    let waiting: Promise<Response> | undefined;
    const order: string[] = [];
    await red.deploy(flow({ maxCalls: 1 }), async () => {
      waiting = post('call.initiated', 'v3:late').then((response) => (order.push('answered'), response));
      leaver.hangUp();
      await leaver.ended;
      order.push('deployed');
    });
    assert.equal((await waiting)?.status, 200);
    assert.deepEqual(order, ['deployed', 'answered']);
    play(msg, 'still here');
    await caller.heard((word) => word.text === 'here');
    const over = caller.ended;
    await red.deploy(flow().filter(({ id }) => id !== 'in'));
    assert.match((await over).heardText, /still here Goodbye\.?$/);
    await until('it is over', () => registry.all().length === 0);
    assert.equal((await post('call.initiated', 'v3:x')).status, 404);
  });

  it('goes on at its old path when the node is given another', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const over = red.sent('in', 0, ended);
    const caller = ring();
    await begun;
    await red.deploy(flow({ path: '/other' }));
    const back = once(caller, 'stream-started');
    caller.dropStream();
    await back;
    assert.equal((await post('call.initiated', 'v3:x')).status, 404);
    caller.hangUp();
    assert.equal(await reasonOf(over), 'caller-hangup');
    const report = await caller.ended;
    assert.deepEqual(report.webhooks.filter(({ status }) => status !== 200), []); // prettier-ignore
  });

  it('says why it cannot come in: public URL, keys', async () => {
    const account = (more: object): Config[] =>
      flow().map((node) => (node.id === 'account' ? { ...node, ...more } : node));
    const { apiKey, publicKey } = company;
    for (const [more, words] of [
      [{ publicUrl: '' }, /no public URL: enter how Telnyx reaches/],
      [{ credentials: { publicKey } }, /no API key/],
      [{ credentials: { apiKey } }, /no public key/],
      [{ credentials: { apiKey, publicKey: 'not a key' } }, /public key of the telnyx-account is none/],
    ] as const) {
      await red.deploy(account(more));
      assert.match(red.errors.at(-1)?.err.message ?? '', words);
      assert.equal(red.statuses.at(-1)?.fill, 'red');
    }
    // Both forms of the key are right.
    await red.deploy(account({ credentials: { apiKey, publicKey: company.signingKey.publicKeySpki } }));
    const caller = ring();
    await once(caller, 'stream-started');
    const stranger = new SigningKey();
    await red.deploy(account({ credentials: { apiKey, publicKey: stranger.publicKey } }));
    assert.equal((await post('call.initiated', 'v3:x')).status, 403);
    caller.hangUp();
    await caller.ended;
  });
});

describe('telnyx-out', function () {
  this.timeout(10_000);
  let red: FakeRed;
  let company: TelnyxCompany;
  let caller: PhoneCall;
  let msg: Message;

  beforeEach(async () => {
    red = await new FakeRed().start();
    company = await new TelnyxCompany().start();
    const url = `http://127.0.0.1:${red.port}`;
    const credentials = { apiKey: company.apiKey, publicKey: company.publicKey };
    await red.deploy([
      { id: 'account', type: 'telnyx-account', publicUrl: url, baseUrl: company.url, credentials },
      { id: 'in', type: 'telnyx-in', account: 'account', wires: [[], []] },
      { id: 'out', type: 'telnyx-out', lastResortText: 'sorry about this' },
      { id: 'foreign', type: 'twilio-out' },
    ]);
    const begun = red.sent('in', 0, started);
    caller = company.ring({ webhookUrl: `${url}/telnyx/voice` });
    msg = await begun;
    red.node('out')?.receive(msg);
  });

  afterEach(async () => {
    caller.hangUp();
    await caller.ended;
    await red.stop();
    await company.stop();
  });

  const give = (topic: string, payload: unknown, more: object = {}): void =>
    red.node('out')?.receive({ topic, payload, call: msg.call, ...more });
  const u = (id: string) => ({ id, by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true });

  it('stops what is interrupted, and pauses and resumes', async () => {
    const one = speakWords('one two three four five six');
    give('audio', one.audio, { utterance: u('a'), words: one.words });
    await caller.heard((_word, text) => text.endsWith('two'));
    give('reply.pause', { utterances: ['a'] });
    const silent = caller.report().heardText;
    await sleep(400);
    assert.equal(caller.report().heardText.split(' ').length, silent.split(' ').length);
    give('reply.resume', { utterances: ['a'] });
    await caller.heard((_word, text) => text.endsWith('four'));
    const cut = red.sent('in', 1, (each) => each.topic === 'playback.interrupted');
    give('interrupt', { utterances: ['a'], reason: 'caller' });
    assert.equal(await reasonOf(cut), 'caller');
    await sleep(400);
    assert.doesNotMatch(caller.report().heardText, /six/);
  });

  it("lets Telnyx's voice speak when speech fails and nothing takes its place", async () => {
    const call = registry.get(caller.callId);
    call?.playback.openUtterance({ id: 'a', kind: 'reply', interruptible: true }, 'tts');
    call?.playback.fail('a', 'tts-failed');
    await caller.heard((_word, text) => text.endsWith('this'));
    give('audio', speakWords('my own words').audio, { utterance: u('c') });
    await caller.heard((_word, text) => text.endsWith('words'));
    assert.equal(caller.report().heardText, 'sorry about this my own words');
  });

  it("tells who puts it at the end of another carrier's row", () => {
    red.node('foreign')?.receive(msg);
    assert.match(
      red.errors[0]?.err.message ?? '',
      /twilio-out: this call is of telnyx: put the out-node of that carrier/,
    );
  });
});
