/** What is of Twilio alone; what becomes of a call at any company is in calls.test.ts. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { WebSocket } from 'ws';
import { registry } from '../../nodes/call/heart';
import { refused } from '../../nodes/call/refused';
import { signUpgrade } from '../../simulators/twilio';
import type { PhoneCompany } from '../../simulators/twilio';
import { until } from '../support/runtime';
import { callId, CarrierStage, reasonOf } from './carrier-stage';
import { postForm, TWILIO } from './companies';
import type { FakeRed } from './twilio-red';

describe('a call at Twilio', function () {
  this.timeout(20_000);
  let red: FakeRed;
  let company: PhoneCompany;
  let url: string;
  const stage = new CarrierStage(TWILIO);
  const { begin, flow, nothingLeft, over, play } = stage;

  beforeEach(async () => {
    await stage.set();
    ({ red, company, url } = stage);
  });
  afterEach(() => stage.strike());

  const post = (path: string, fields: Record<string, string>, sign?: 'wrong' | 'missing'): Promise<Response> =>
    postForm(stage, path, fields, sign);
  const offer = (id: string): Promise<Response> => TWILIO.offer(stage, id);
  const open = (media: string, sign: 'plain' | 'wrong' | 'missing' = 'plain'): WebSocket => {
    const signature = signUpgrade(company.authToken, media, sign);
    return new WebSocket(media, { headers: signature === undefined ? {} : { 'x-twilio-signature': signature } });
  };
  const mediaOf = (xml: string): string => /url="(ws[^"]+)"/.exec(xml)?.[1] ?? assert.fail(xml);

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
    const reason = reasonOf(over());
    await post('/twilio/voice/next/CA2x77', { CallSid: 'CA2x77', CallStatus: 'completed' });
    assert.equal(await reason, 'caller-hangup');
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

  it('that we end while the REST API fails hears the goodbye by the next request', async () => {
    await red.deploy(flow());
    const { caller, msg } = await begin();
    const call = registry.get(callId(msg));
    company.rest.failNext(1, 503, 20503);
    await call?.hangUp('agent-hangup', 'So long');
    const report = await caller.ended;
    assert.equal(report.heardText, 'So long');
    assert.match(red.errors[0]?.err.message ?? '', /twilio: the REST API answered 503/);
    nothingLeft();
  });

  it('can be spoken to by Twilio itself and goes on without the REST API too', async () => {
    await red.deploy(flow());
    const { caller, msg } = await begin();
    company.rest.failNext(1, 500, 20500);
    const call = registry.get(callId(msg));
    await Promise.all([call?.carrier.say('one moment'), call?.carrier.say('one moment')]);
    play(msg, 'here I am again');
    await caller.heard((_word, text) => text.endsWith('again'));
    caller.hangUp();
    const report = await caller.ended;
    assert.equal(report.heardText, 'one moment here I am again');
    assert.deepEqual(report.findings, []);
    await until('nothing is left', () => registry.all().length === 0);
    nothingLeft();
  });

  it('whose stream breaks with the call is over at once', async () => {
    await red.deploy(flow());
    const reason = reasonOf(over());
    const { caller } = await begin();
    caller.dropStream();
    const at = performance.now();
    assert.equal(await reason, 'caller-hangup');
    assert.ok(performance.now() - at < 1_500);
    await caller.ended;
    nothingLeft();
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

  it('that comes in the gap of a Deploy takes a line of what is deployed', async () => {
    await red.deploy(flow());
    await begin();
    let waiting: Promise<Response> | undefined;
    await red.deploy(flow({ maxCalls: 2 }), () => {
      waiting = offer('CA14x2');
      return Promise.resolve();
    });
    assert.equal((await waiting)?.status, 200);
    assert.match(await (await offer('CA14x3')).text(), /busy/);
  });

  it('says why it cannot come in: one path twice', async () => {
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
  const stage = new CarrierStage(TWILIO);
  beforeEach(() => stage.set());
  afterEach(() => stage.strike());

  it('wants audio: text is an error once a call, a wrong payload each time', async () => {
    const { red } = stage;
    await red.deploy(stage.flow());
    const { msg } = await stage.begin();
    const give = (topic: string, payload: unknown, more: object = {}): void =>
      red.node('out')?.receive({ topic, payload, call: msg.call, ...more });
    const utterance = { id: 'a', by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true };
    give('call.started', {});
    give('reply', 'hello', { utterance });
    give('', 'hello');
    give('transcript', 'hello');
    assert.equal(red.errors.length, 1);
    assert.match(red.errors[0]?.err.message ?? '', /text-to-speech node before twilio-out/);
    give('audio', 'not a buffer', { utterance });
    assert.match(red.errors[1]?.err.message ?? '', /must be a Buffer/);
    give('turn', { any: 'thing' });
    assert.equal(red.errors.length, 2);
  });
});
