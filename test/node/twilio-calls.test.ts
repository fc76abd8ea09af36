import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { WebSocket } from 'ws';
import { registry } from '../../nodes/call/heart';
import { refused } from '../../nodes/call/refused';
import { speakWords } from '../../simulators/audio';
import { PhoneCompany, signForm, signUpgrade } from '../../simulators/twilio';
import type { Call as PhoneCall, RingOptions } from '../../simulators/twilio';
import { FakeRed } from './twilio-red';
import type { Config, Message } from './twilio-red';

const ended = (msg: Message): boolean => msg.topic === 'call.ended';
const started = (msg: Message): boolean => msg.topic === 'call.started';
const callId = (msg: Message): string => (msg.call as { id: string }).id;

describe('a call at Twilio', function () {
  this.timeout(20_000);
  let red: FakeRed;
  let company: PhoneCompany;
  let url: string;

  beforeEach(async () => {
    red = await new FakeRed().start();
    company = await new PhoneCompany().start();
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
      type: 'twilio-account',
      publicUrl: url,
      baseUrl: company.url,
      credentials: { accountSid: company.accountSid, authToken: company.authToken },
    },
    { id: 'in', type: 'twilio-in', account: 'account', wires: [['watch'], ['log']], ...more },
    { id: 'watch', type: 'watch' },
    { id: 'log', type: 'watch' },
    { id: 'out', type: 'twilio-out', ...out },
  ];
  const ring = (options: Partial<RingOptions> = {}): PhoneCall =>
    company.ring({ webhookUrl: `${url}/twilio/voice`, ...options });
  const play = (msg: Message, text: string, id = 'u1', more: object = {}): void => {
    const { audio } = speakWords(text);
    const utterance = { id, by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true };
    red.node('out')?.receive({ topic: 'audio', payload: audio, call: msg.call, utterance, ...more });
  };
  const post = (
    path: string,
    fields: Record<string, string>,
    sign: 'as-twilio' | 'wrong' | 'missing' = 'as-twilio',
  ) => {
    const signature = signForm(company.authToken, url + path, fields, sign);
    const headers: Record<string, string> = signature === undefined ? {} : { 'x-twilio-signature': signature };
    return fetch(url + path, { method: 'POST', body: new URLSearchParams(fields), headers });
  };
  const offer = (CallSid: string): Promise<Response> => post('/twilio/voice', { CallSid, CallStatus: 'ringing', From: '+12025550111', To: '+12025550122' }); // prettier-ignore
  const open = (media: string, sign: 'plain' | 'wrong' | 'missing' = 'plain'): WebSocket => {
    const signature = signUpgrade(company.authToken, media, sign);
    return new WebSocket(media, { headers: signature === undefined ? {} : { 'x-twilio-signature': signature } });
  };
  const mediaOf = (xml: string): string => /url="(ws[^"]+)"/.exec(xml)?.[1] ?? assert.fail(xml);
  const nothingLeft = (): void => {
    assert.equal(registry.all().length, 0);
    assert.deepEqual(company.open, { calls: 0, sockets: 0, requests: 0 });
  };

  it('begins, carries voices and keys both ways, and ends with the caller', async () => {
    await red.deploy(flow({ parameters: '{"flow":"reception"}' }));
    const begun = red.sent('in', 0, started);
    const over = red.sent('in', 0, ended);
    const caller = ring({
      script: [{ waitFor: 'ready' }, { waitForSilence: 400 }, { press: '5' }, { say: 'hello there' }, { hangUp: true }],
    });
    const msg = await begun;
    const raw = (msg.payload as { raw: { webhook: Record<string, string>; start: { callSid: string } } }).raw;
    assert.equal(raw.webhook.CallSid, caller.callSid);
    assert.equal(raw.start.callSid, caller.callSid);
    const { id, carrier, direction, parameters } = msg.call as Record<string, unknown>;
    assert.deepEqual({ id, carrier, direction, parameters }, { id: caller.callSid, carrier: 'twilio', direction: 'inbound', parameters: { flow: 'reception' } }); // prettier-ignore
    play(msg, 'we are ready');
    const { payload } = await over;
    assert.equal((payload as { reason: string }).reason, 'caller-hangup');
    const report = await caller.ended;
    assert.equal(report.heardText, 'we are ready');
    assert.deepEqual(report.findings, []);
    assert.equal(report.oddPayloads, 0);
    await new Promise(setImmediate);
    const heard = red.node('watch')?.received ?? [];
    const events = heard.filter((each) => each.topic !== 'audio');
    assert.deepEqual(events.map((each) => each.topic), ['call.started', 'playback.started', 'playback.finished', 'call.dtmf', 'call.ended']); // prettier-ignore
    assert.deepEqual(red.node('log')?.received.map((each) => each.topic), events.map((each) => each.topic)); // prettier-ignore
    const seqs = heard.map((each) => (each.event as { seq: number }).seq);
    assert.deepEqual(
      seqs,
      [...seqs].sort((a, b) => a - b),
    );
    assert.ok(heard.filter((each) => each.topic === 'audio').every((each) => (each.payload as Buffer).length === 160));
    assert.equal(red.errors.length, 0);
    nothingLeft();
    assert.ok(red.statuses.some((status) => status.text === 'common.status.calls 1' && status.fill === 'green'));
  });

  it('straight from in to out gives the same bytes back, whatever their size', async () => {
    await red.deploy(flow({ wires: [['out'], []] }));
    const xml = await (await offer('CA2x77')).text();
    const socket = open(mediaOf(xml));
    await once(socket, 'open');
    const mediaFormat = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 };
    socket.send(
      JSON.stringify({ event: 'start', start: { streamSid: 'MZ1', callSid: 'CA2x77', mediaFormat }, streamSid: 'MZ1' }),
    );
    const sent = Buffer.from(Array.from({ length: 1_600 }, (_, i) => (i * 7) & 0xff));
    const back: Buffer[] = [];
    const complete = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        const { media } = JSON.parse(data.toString()) as { media: { payload: string } };
        const piece = Buffer.from(media.payload, 'base64');
        assert.equal(piece.length % 160, 0);
        back.push(piece);
        if (Buffer.concat(back).length >= sent.length) resolve();
      });
    });
    for (let at = 0; at < sent.length;) {
      const size = [137, 160, 23, 320][at % 4] ?? 160;
      const payload = sent.subarray(at, at + size).toString('base64');
      socket.send(JSON.stringify({ event: 'media', media: { track: 'inbound', payload }, streamSid: 'MZ1' }));
      at += size;
    }
    await complete;
    assert.deepEqual(Buffer.concat(back), sent);
    const over = red.sent('in', 0, ended);
    await post('/twilio/voice/next/CA2x77', { CallSid: 'CA2x77', CallStatus: 'completed' });
    assert.equal(((await over).payload as { reason: string }).reason, 'caller-hangup');
    await once(socket, 'close');
  });

  it('gets one of the lines, and with 30 at once the rest are told that all are busy', async () => {
    await red.deploy(flow({ maxCalls: 10, busyText: 'Later, please.' }));
    const answers = await Promise.all(Array.from({ length: 30 }, async (_, i) => (await offer(`CA3x${i}`)).text()));
    assert.equal(answers.filter((xml) => xml.includes('<Connect')).length, 10);
    assert.equal(answers.filter((xml) => xml.includes('<Say>Later, please.</Say><Hangup/>')).length, 20);
    assert.equal(registry.callsOf('in').length, 10);
    await red.deploy(flow({ maxCalls: 10, busy: 'reject' }));
    assert.match(await (await offer('CA3x200')).text(), /<Reject reason="busy"\/>/);
    await red.deploy(flow({ maxCalls: 10, busy: 'forward', forwardTo: '+14155550177' }));
    assert.match(await (await offer('CA3x200')).text(), /<Dial><Number>\+14155550177<\/Number><\/Dial>/);
    for (const call of registry.all()) call.end('caller-hangup');
    assert.match(await (await offer('CA3x200')).text(), /<Connect/);
  });

  it('whose webhook is repeated takes no second line, and after its end is hung up', async () => {
    await red.deploy(flow());
    const first = await (await offer('CA4x1')).text();
    const again = await (await offer('CA4x1')).text();
    assert.equal(registry.callsOf('in').length, 1);
    assert.notEqual(mediaOf(first), mediaOf(again));
    registry.get('CA4x1')?.end('caller-hangup');
    for (const path of ['', '/next/CA4x1']) {
      const xml = await (await post(`/twilio/voice${path}`, { CallSid: 'CA4x1', CallStatus: 'in-progress' })).text();
      assert.match(xml, /<Response><Hangup\/><\/Response>/);
    }
    const used = open(mediaOf(first));
    await assert.rejects(once(used, 'open'), /403/);
  });

  it('that Twilio has not signed is refused, and leaves nothing', async () => {
    await red.deploy(flow());
    const { signature, token } = refused;
    for (const path of ['/twilio/voice', '/twilio/voice/next/CA5x1', '/twilio/voice/stream-status/CA5x1']) {
      assert.equal((await post(path, { CallSid: 'CA5x1' }, 'missing')).status, 400);
      assert.equal((await post(path, { CallSid: 'CA5x1' }, 'wrong')).status, 403);
    }
    const media = mediaOf(await (await offer('CA5x1')).text());
    await assert.rejects(once(open(media, 'missing'), 'open'), /401/);
    await assert.rejects(once(open(media, 'wrong'), 'open'), /403/);
    await assert.rejects(once(open(media.replace(/.$/, 'x')), 'open'), /403/);
    const socket = open(media);
    await once(socket, 'open');
    await assert.rejects(once(open(media), 'open'), /403/, 'a used token');
    socket.terminate();
    assert.equal(refused.signature, signature + 8);
    assert.equal(refused.token, token + 2);
    assert.equal(registry.callsOf('in').length, 1);
    assert.equal((await post('/twilio/voice', { CallSid: 'CA5x3', x: 'x'.repeat(70_000) })).status, 413);
    assert.equal((await fetch(`${url}/twilio/voice`, { method: 'PUT' })).status, 405);
  });

  it('that we end hears the goodbye, by REST', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const caller = ring();
    const call = registry.get(callId(await begun));
    await call?.hangUp('agent-hangup', 'So long & thanks');
    assert.equal(call?.state, 'ended');
    const report = await caller.ended;
    assert.equal(report.heardText, 'So long & thanks');
    assert.equal(report.endedBy, 'twiml');
    assert.deepEqual(report.findings, []);
    nothingLeft();
  });

  it('that we end while the REST API fails hears the goodbye by the next request', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const caller = ring();
    const call = registry.get(callId(await begun));
    company.rest.failNext(1, 503, 20503);
    await call?.hangUp('agent-hangup', 'So long');
    const report = await caller.ended;
    assert.equal(report.heardText, 'So long');
    assert.match(red.errors[0]?.err.message ?? '', /twilio: the REST API answered 503/);
    nothingLeft();
  });

  it('can be spoken to by Twilio itself and goes on: by REST, or without it', async () => {
    await red.deploy(flow());
    for (const failing of [false, true]) {
      const begun = red.sent('in', 0, started);
      const caller = ring();
      const msg = await begun;
      const call = registry.get(callId(msg));
      if (failing) company.rest.failNext(1, 500, 20500);
      const back = once(caller, 'stream-stopped').then(() => once(caller, 'stream-started'));
      await Promise.all([call?.carrier.say('one moment'), call?.carrier.say('one moment')]);
      play(msg, 'here I am again');
      await back;
      await caller.heard((_word, text) => text.endsWith('again'));
      caller.hangUp();
      const report = await caller.ended;
      assert.equal(report.heardText, 'one moment here I am again');
      assert.deepEqual(report.findings, []);
      await registry.get(caller.callSid)?.playback.whenQuiet(1_000);
    }
    await sleep(100);
    nothingLeft();
  });

  it('whose stream breaks goes on with the next, from where the caller stopped hearing', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const caller = ring({ afterDrop: 'call-goes-on' });
    const msg = await begun;
    play(msg, 'one two three four five six seven eight');
    await caller.heard((_word, text) => text.endsWith('three'));
    caller.dropStream();
    await caller.heard((_word, text) => text.endsWith('eight'));
    assert.equal(registry.get(caller.callSid)?.state, 'live');
    caller.hangUp();
    const report = await caller.ended;
    assert.match(report.heardText, /^one two three .*five six seven eight$/);
    assert.equal(report.streams.length, 2);
    const log = red.node('log')?.received.map((each) => each.topic) ?? [];
    assert.equal(log.filter((topic) => topic === 'call.started').length, 1);
  });

  it('whose stream breaks with the call is over at once', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const over = red.sent('in', 0, ended);
    const caller = ring();
    await begun;
    caller.dropStream();
    const at = performance.now();
    assert.equal(((await over).payload as { reason: string }).reason, 'caller-hangup');
    assert.ok(performance.now() - at < 1_500);
    await caller.ended;
    nothingLeft();
  });

  it('whose stream is lost while nobody says what became of it is given up after 10 s', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const over = red.sent('in', 0, ended);
    const caller = ring();
    await begun;
    company.rest.failNext(99, 503, 20503);
    caller.dropStream();
    const at = performance.now();
    assert.equal(((await over).payload as { reason: string }).reason, 'stream-failed');
    assert.ok(Math.abs(performance.now() - at - 10_000) < 500);
    assert.equal(registry.all().length, 0);
    assert.deepEqual(company.rest.log.map(({ method }) => method), ['GET', 'GET', 'GET', 'GET', 'GET']); // prettier-ignore
  });

  it('that brings no stream gives its line back after 10 s', async () => {
    await red.deploy(flow());
    const over = red.sent('in', 0, ended);
    const at = performance.now();
    const caller = ring({ refuseStream: true });
    assert.equal(((await over).payload as { reason: string }).reason, 'stream-failed');
    assert.ok(Math.abs(performance.now() - at - 10_000) < 500);
    assert.equal(registry.all().length, 0);
    assert.equal((await caller.ended).endedBy, 'application');
    assert.match(red.errors[0]?.err.message ?? '', /the media stream did not come within 10 s/);
  });

  it('whose stream Twilio cannot open is told in words, once', async () => {
    await red.deploy(flow());
    await offer('CA12x1');
    const fields = {
      CallSid: 'CA12x1',
      StreamSid: 'MZ1',
      StreamEvent: 'stream-error',
      StreamError: 'Stream - TLS error',
    };
    for (let i = 0; i < 2; i++) assert.equal((await post('/twilio/voice/stream-status/CA12x1', fields)).status, 204);
    assert.equal(red.errors.length, 1);
    assert.match(red.errors[0]?.err.message ?? '', /the media stream failed: Stream - TLS error\. Check/);
    await sleep(550);
    assert.deepEqual(red.statuses.at(-1), { id: 'in', fill: 'red', shape: 'ring', text: 'Stream - TLS error' });
  });

  it('is connected again five times, and no more', async () => {
    await red.deploy(flow());
    await offer('CA13x1');
    const next = async (): Promise<string> => (await post('/twilio/voice/next/CA13x1', { CallSid: 'CA13x1', CallStatus: 'in-progress' })).text(); // prettier-ignore
    for (let i = 0; i < 5; i++) assert.match(await next(), /<Connect/);
    assert.match(await next(), /<Say>Goodbye\.<\/Say><Hangup\/>/);
    assert.equal(registry.all().length, 0);
  });

  it('survives Deploys, and a webhook in the gap waits', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const caller = ring({ script: [{ say: 'hello' }] });
    const msg = await begun;
    let waiting: Promise<Response> | undefined;
    const order: string[] = [];
    await red.deploy(flow({ maxCalls: 2 }), async () => {
      waiting = offer('CA14x2').then((response) => (order.push('answered'), response));
      await sleep(200);
      order.push('deployed');
    });
    assert.equal((await waiting)?.status, 200);
    assert.deepEqual(order, ['deployed', 'answered']);
    assert.match(await (await offer('CA14x3')).text(), /busy/);
    play(msg, 'still here');
    await caller.heard((word) => word.text === 'here');
    const over = caller.ended;
    await red.deploy(flow().filter(({ id }) => id !== 'in'));
    assert.match((await over).heardText, /still here Goodbye\.?$/);
    assert.equal((await offer('CA14x4')).status, 404);
    await sleep(50);
    assert.equal(registry.all().length, 0);
  });

  it('goes on at its old path when the node is given another', async () => {
    await red.deploy(flow());
    const begun = red.sent('in', 0, started);
    const caller = ring({ afterDrop: 'call-goes-on' });
    await begun;
    await red.deploy(flow({ path: '/other' }));
    const back = once(caller, 'stream-started');
    caller.dropStream();
    await back;
    assert.equal((await offer('CA15x2')).status, 404);
    assert.equal((await post('/other', { CallSid: 'CA15x2' })).status, 200);
    caller.hangUp();
    await caller.ended;
  });

  it('says why it cannot come in: public URL, auth token, one path twice', async () => {
    const account = (more: object): Config[] =>
      flow().map((node) => (node.id === 'account' ? { ...node, ...more } : node));
    await red.deploy(account({ publicUrl: '' }));
    assert.match(red.errors.at(-1)?.err.message ?? '', /no public URL/);
    assert.equal(red.statuses.at(-1)?.fill, 'red');
    await red.deploy(account({ credentials: {} }));
    assert.match(red.errors.at(-1)?.err.message ?? '', /no auth token/);
    const twice = [...flow(), { id: 'in2', type: 'twilio-in', account: 'account', path: '/twilio/voice/' }];
    await red.deploy(twice);
    assert.match(red.errors.at(-1)?.err.message ?? '', /path \/twilio\/voice belongs to another node/);
    assert.equal(red.errors.at(-1)?.id, 'in2');
    await offer('CA16x1');
    assert.equal(registry.get('CA16x1')?.ownerId, 'in');
    await red.deploy(twice.filter(({ id }) => id !== 'in'));
    await sleep(600);
    assert.match(red.statuses.at(-1)?.text ?? '', /idle/);
  });
});

describe('twilio-out', function () {
  this.timeout(10_000);
  let red: FakeRed;
  let company: PhoneCompany;
  let caller: PhoneCall;
  let msg: Message;

  const deployed = async (out: Partial<Config> = {}): Promise<void> => {
    const url = `http://127.0.0.1:${red.port}`;
    const credentials = { accountSid: company.accountSid, authToken: company.authToken };
    await red.deploy([
      { id: 'account', type: 'twilio-account', publicUrl: url, baseUrl: company.url, credentials },
      { id: 'in', type: 'twilio-in', account: 'account', wires: [[], []] },
      { id: 'out', type: 'twilio-out', ...out },
    ]);
    const begun = red.sent('in', 0, started);
    caller = company.ring({ webhookUrl: `${url}/twilio/voice` });
    msg = await begun;
    red.node('out')?.receive(msg);
  };
  const give = (topic: string, payload: unknown, more: object = {}): void =>
    red.node('out')?.receive({ topic, payload, call: msg.call, ...more });
  const u = (id: string, seq: number, done: boolean) => ({
    id,
    by: 'agent',
    kind: 'reply',
    seq,
    done,
    interruptible: true,
  });

  beforeEach(async () => {
    red = await new FakeRed().start();
    company = await new PhoneCompany().start();
  });

  afterEach(async () => {
    caller.hangUp();
    await caller.ended;
    await red.stop();
    await company.stop();
  });

  it('wants audio: text is an error once a call, a wrong payload each time', async () => {
    await deployed();
    give('reply', 'hello', { utterance: u('a', 0, true) });
    give('', 'hello');
    give('transcript', 'hello');
    assert.equal(red.errors.length, 1);
    assert.match(red.errors[0]?.err.message ?? '', /text-to-speech node before twilio-out/);
    give('audio', 'not a buffer', { utterance: u('a', 0, true) });
    assert.match(red.errors[1]?.err.message ?? '', /must be a Buffer/);
    give('turn', { any: 'thing' });
    assert.equal(red.errors.length, 2);
  });

  it('stops what is interrupted, and pauses and resumes', async () => {
    await deployed();
    const one = speakWords('one two three four five six');
    give('audio', one.audio, { utterance: u('a', 0, true), words: one.words });
    await caller.heard((_word, text) => text.endsWith('two'));
    give('reply.pause', { utterances: ['a'] });
    const silent = caller.report().heardText;
    await sleep(400);
    assert.equal(caller.report().heardText.split(' ').length, silent.split(' ').length);
    give('reply.resume', { utterances: ['a'] });
    await caller.heard((_word, text) => text.endsWith('four'));
    const cut = red.sent('in', 1, (each) => each.topic === 'playback.interrupted');
    give('interrupt', { utterances: ['a'], reason: 'caller' });
    assert.equal(((await cut).payload as { reason: string }).reason, 'caller');
    await sleep(400);
    assert.doesNotMatch(caller.report().heardText, /six/);
  });

  it("lets Twilio's voice speak when speech fails and nothing takes its place", async () => {
    await deployed({ lastResortText: 'sorry about this' });
    const call = registry.get(caller.callSid);
    call?.playback.openUtterance({ id: 'a', kind: 'reply', interruptible: true }, 'tts');
    call?.playback.fail('a', 'tts-failed');
    await caller.heard((_word, text) => text.endsWith('this'));
    await once(caller, 'stream-started');
    // And when the TTS has an apology of its own, it does not.
    call?.playback.openUtterance({ id: 'b', kind: 'reply', interruptible: true }, 'tts');
    give('audio', speakWords('my own apology').audio, { utterance: { ...u('c', 0, true), kind: 'notice' } });
    call?.playback.fail('b', 'tts-failed');
    await caller.heard((_word, text) => text.endsWith('apology'));
    await sleep(400);
    assert.equal(caller.report().heardText, 'sorry about this my own apology');
  });
});
