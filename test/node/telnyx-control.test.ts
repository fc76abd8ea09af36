import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Call } from '../../nodes/call/call';
import type { RecordingOrder, TranscriptionOrder, TransferOrder } from '../../nodes/call/carrier/control';
import { deskOf } from '../../nodes/call/carrier/desks';
import { registry } from '../../nodes/call/heart';
import { MASKED } from '../../nodes/call/privacy';
import { checkWebhook, readPublicKey } from '../../nodes/telnyx/webhook';
import { hearWords, speakWords } from '../../simulators/audio';
import { readWav } from '../../simulators/phone';
import { TelnyxCompany } from '../../simulators/telnyx';
import type { Call as PhoneCall, RingOptions } from '../../simulators/telnyx';
import { until } from '../support/runtime';
import { FakeRed } from './twilio-red';
import type { Config, Message } from './twilio-red';

const DESK = '+14155550177';
const HOST = 'voice.example.com';

describe('what Telnyx can do with a call', function () {
  this.timeout(20_000);
  let red: FakeRed;
  let company: TelnyxCompany;
  const resolve: Record<string, string> = {};

  const start = async (more: Partial<Config> = {}): Promise<void> => {
    red = await new FakeRed().start();
    resolve[HOST] = `127.0.0.1:${red.port}`;
    await red.deploy([
      {
        id: 'account',
        type: 'telnyx-account',
        publicUrl: `https://${HOST}`,
        baseUrl: company.url,
        credentials: { apiKey: company.apiKey, publicKey: company.publicKey },
      },
      { id: 'in', type: 'telnyx-in', account: 'account', wires: [[], ['log']], ...more },
      { id: 'log', type: 'watch' },
      { id: 'out', type: 'telnyx-out' },
    ]);
  };

  beforeEach(async () => {
    company = await new TelnyxCompany({ resolve }).start();
    await start();
  });

  afterEach(async () => {
    await red.stop();
    await company.stop();
    for (const call of registry.all()) call.end('shutdown');
    assert.deepEqual(company.open, { calls: 0, sockets: 0, requests: 0 });
  });

  const live = async (options: Partial<RingOptions> = {}): Promise<{ caller: PhoneCall; call: Call }> => {
    const caller = company.ring({ webhookUrl: `https://${HOST}/telnyx/voice`, ...options });
    await until('it is live', () => registry.get(caller.callId)?.state === 'live');
    const call = registry.get(caller.callId);
    assert.ok(call);
    return { caller, call };
  };
  const log = (): Message[] => red.node('log')?.received ?? [];
  const topics = (): unknown[] => log().map(({ topic }) => topic).filter((topic) => !String(topic).startsWith('playback')); // prettier-ignore
  const told = (topic: string, nth = 0): Promise<Message> =>
    until(`${topic} is told`, () => log().filter((msg) => msg.topic === topic).length > nth).then(
      () => log().filter((msg) => msg.topic === topic)[nth] as Message,
    );
  const payloadOf = async (topic: string, nth = 0): Promise<Record<string, unknown>> => (await told(topic, nth)).payload as Record<string, unknown>; // prettier-ignore
  const play = (call: Call, text: string, id: string = randomUUID()): void => {
    const utterance = { id, by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true };
    red.node('out')?.receive({ topic: 'audio', payload: speakWords(text).audio, call: call.info, utterance });
  };
  const order = (more: Partial<TransferOrder> = {}): TransferOrder => ({ to: DESK, ringMs: 20_000, limitMs: 600_000, afterwards: 'end', ...more }); // prettier-ignore
  const names = (caller: PhoneCall): string[] => caller.report().commands.map(({ name }) => name);
  const RECORDING: RecordingOrder = { channels: 'dual', track: 'both', trim: false, callbackUrl: '' };
  const TRANSCRIPTION: TranscriptionOrder = { engine: '', model: '', language: '', track: 'both' };

  describe('a transfer', () => {
    it('puts the caller through, and the call is over when the called party hangs up', async () => {
      company.setLine(DESK, { says: 'front desk', talkMs: 700 });
      const { caller, call } = await live();
      await call.controls.transfer(order());
      assert.equal(call.state, 'away');
      assert.deepEqual(await payloadOf('call.away'), { to: DESK });
      assert.equal((await payloadOf('call.ended')).reason, 'transferred');
      const report = await caller.ended;
      assert.equal(report.heardText, 'front desk');
      const { command_id: _, target_leg_client_state: state, ...body } = report.commands.find(({ name }) => name === 'transfer')?.body ?? {}; // prettier-ignore
      assert.deepEqual(body, { to: DESK, from: caller.to, timeout_secs: 20, time_limit_secs: 600 });
      assert.match(Buffer.from(String(state), 'base64').toString(), /^leg-[0-9a-f-]{36}$/);
      assert.deepEqual(report.streams.map((each) => each.ended), ['phone-company']); // prettier-ignore
      assert.deepEqual([report.findings, red.errors], [[], []]);
      assert.deepEqual(topics(), ['call.started', 'call.away', 'call.ended']);
    });

    it('that is busy, not answered or impossible brings the caller back on a new stream, and says why', async () => {
      const { caller, call } = await live();
      let nth = 0;
      // More often than a stream may break.
      for (const [outcome, reason] of [
        ['busy', 'busy'],
        ['no-answer', 'no-answer'],
        ['failed', 'failed'],
        ['busy', 'busy'],
        ['busy', 'busy'],
        ['failed', 'failed'],
        ['busy', 'busy'],
      ] as const) {
        company.setLine(DESK, { outcome, ringMs: 20 });
        await call.controls.transfer(order());
        assert.deepEqual(await payloadOf('call.resumed', nth++), { reason, to: DESK });
        assert.equal(call.state, 'live');
      }
      play(call, 'nobody is there');
      await caller.heard((_, text) => text.endsWith('there'));
      caller.hangUp();
      const report = await caller.ended;
      assert.equal((await payloadOf('call.ended')).reason, 'caller-hangup');
      assert.equal(report.streams.length, 8);
      assert.deepEqual([report.findings, red.errors], [[], []]);
    });

    it('brings the caller back after the talk, where that is wanted', async () => {
      for (const bridgeEndsStream of [false, true]) {
        company.setLine(DESK, { says: 'front desk', talkMs: 600 });
        const { caller, call } = await live({ bridgeEndsStream });
        await call.controls.transfer(order({ afterwards: 'back', callerId: '+14155550100' }));
        const nth = bridgeEndsStream ? 1 : 0;
        assert.deepEqual(await payloadOf('call.resumed', nth), { reason: 'completed', to: DESK });
        const body = caller.report().commands.find(({ name }) => name === 'transfer')?.body;
        assert.deepEqual([body?.park_after_unbridge, body?.from], ['self', '+14155550100']);
        play(call, 'how was it');
        await caller.heard((_, text) => text === 'front desk how was it');
        caller.hangUp();
        const report = await caller.ended;
        assert.equal((await payloadOf('call.ended', nth)).reason, 'caller-hangup');
        assert.deepEqual([report.findings, red.errors], [[], []]);
      }
    });

    it('that Telnyx refuses leaves the conversation as it was, and fails in words', async () => {
      const { caller, call } = await live();
      company.faults.add({ kind: 'status', status: 422, matchText: '/actions/transfer', body: { errors: [{ code: '10016', title: 'Phone number must be in +E164 format' }] } }); // prettier-ignore
      await assert.rejects(call.controls.transfer(order()), /422: Phone number must be in \+E164 format \(10016\)/);
      assert.equal(call.state, 'live');
      play(call, 'still here');
      await caller.heard((_, text) => text === 'still here');
      assert.equal(caller.report().streams.length, 1);
      assert.deepEqual(topics(), ['call.started']);
    });

    it('whose answer is lost is carried out once', async () => {
      company.setLine(DESK, { talkMs: 300, ringMs: 400 });
      const { caller, call } = await live();
      company.faults.add({ kind: 'refuse', when: 'message', matchText: '/actions/transfer', times: 3 });
      await call.controls.transfer(order());
      assert.equal((await payloadOf('call.ended')).reason, 'transferred');
      assert.equal((await caller.ended).dials.length, 1);
    });

    it('that counts as failed here is hung up should Telnyx have taken it', async () => {
      company.setLine(DESK, { ringMs: 60_000 });
      const { caller, call } = await live({ webhooks: { late: { 'call.initiated': 2_500 } } });
      company.faults.add({ kind: 'refuse', when: 'message', matchText: '/actions/transfer', times: 'always' });
      await assert.rejects(call.controls.transfer(order()), /could not be reached/);
      assert.equal(call.state, 'live');
      const leg = caller.report().dials[0]?.callId;
      await until('it is hung up', () => company.rest.log.some(({ path }) => path === `/calls/${leg}/actions/hangup`));
    });

    it('is broken off by a caller who hangs up before it is answered', async () => {
      company.setLine(DESK, { ringMs: 60_000 });
      const { caller, call } = await live();
      await call.controls.transfer(order());
      caller.hangUp();
      assert.equal((await payloadOf('call.ended')).reason, 'caller-hangup');
      const report = await caller.ended;
      assert.deepEqual([report.dials[0]?.status, red.errors], ['canceled', []]);
      assert.deepEqual(topics(), ['call.started', 'call.away', 'call.ended']);
    });

    it('ends as transferred when the caller hangs up on whoever they talk to', async () => {
      for (const afterwards of ['end', 'back'] as const) {
        company.setLine(DESK, { talkMs: 60_000 });
        const { caller, call } = await live();
        await call.controls.transfer(order({ afterwards }));
        await until('they talk', () => caller.report().webhooks.filter((each) => each.eventType === 'call.bridged').length === 2); // prettier-ignore
        caller.hangUp();
        await caller.ended;
        await until('it is over', () => call.state === 'ended');
        assert.equal((await payloadOf('call.ended', afterwards === 'end' ? 0 : 1)).reason, 'transferred');
        assert.deepEqual([caller.report().findings, red.errors], [[], []]);
      }
    });

    it('is understood whatever comes first, and when the news that somebody answered never comes', async () => {
      company.setLine(DESK, { talkMs: 300 });
      const { call } = await live({ webhooks: { duplicate: true, outOfOrder: true, late: { 'call.answered': 3_000, 'call.bridged': 3_000 } } }); // prettier-ignore
      await call.controls.transfer(order({ afterwards: 'back' }));
      assert.equal((await payloadOf('call.resumed')).reason, 'completed');
      await call.hangUp('agent-hangup');
    });

    it('ends for both when we hang up while they talk, without a word of ours', async () => {
      company.setLine(DESK, { talkMs: 60_000 });
      const { caller, call } = await live();
      await call.controls.transfer(order());
      await call.hangUp('agent-hangup', 'So long');
      const report = await caller.ended;
      assert.equal((await payloadOf('call.ended')).reason, 'agent-hangup');
      assert.equal(report.heardText, '');
      assert.ok(!names(caller).includes('speak'));
    });

    it('keeps to itself what is said and keyed in meanwhile', async () => {
      company.setLine(DESK, { talkMs: 60_000 });
      const { caller, call } = await live();
      await call.controls.transfer(order());
      await told('call.away');
      const before = log().length;
      await caller.perform({ say: 'between you and me' }, { press: '42' }, { pause: 200 });
      assert.equal(caller.report().webhooks.filter((each) => each.eventType === 'call.dtmf.received').length, 2);
      assert.deepEqual(log().slice(before), []);
      assert.deepEqual(caller.report().findings, []);
      await call.hangUp('agent-hangup');
    });

    it('goes on though Telnyx says that a stream failed which nobody needs', async () => {
      company.setLine(DESK, { outcome: 'busy', ringMs: 300 });
      const { caller, call } = await live();
      await call.controls.transfer(order());
      const payload = { call_control_id: caller.callId, failure_reason: 'connection lost', stream_params: { stream_url: caller.report().streams[0]?.url } }; // prettier-ignore
      const body = JSON.stringify({ data: { record_type: 'event', event_type: 'streaming.failed', id: randomUUID(), payload } }); // prettier-ignore
      const headers = { 'content-type': 'application/json', ...company.signingKey.headers(body) };
      await fetch(`http://127.0.0.1:${red.port}/telnyx/voice`, { method: 'POST', body, headers });
      assert.equal(call.state, 'away');
      assert.equal((await payloadOf('call.resumed')).reason, 'busy');
      assert.equal(names(caller).filter((name) => name === 'streaming_start').length, 1);
      await call.hangUp('agent-hangup');
    });

    it('of which Telnyx tells no end is asked for, and brings the caller back', async () => {
      company.setLine(DESK, { outcome: 'busy', ringMs: 100 });
      const { caller, call } = await live({ webhooks: { late: { 'call.hangup': 4_000 } } });
      await call.controls.transfer(order());
      const carrier = call.carrier as unknown as { ask(signal: AbortSignal): Promise<unknown> };
      await until('the leg is over', () => caller.report().dials[0]?.status === 'busy');
      // As the watch does every 30 s.
      await carrier.ask(new AbortController().signal);
      assert.equal((await payloadOf('call.resumed')).reason, 'failed');
      caller.hangUp();
    });

    it('is refused while one is under way', async () => {
      company.setLine(DESK, { ringMs: 60_000 });
      const { call } = await live();
      await call.controls.transfer(order());
      await assert.rejects(async () => call.controls.transfer(order()), /already/);
    });
  });

  describe('a recording', () => {
    it('is told when it is saved, and its sound is fetched without the key', async () => {
      const { caller, call } = await live();
      assert.deepEqual(await call.controls.startRecording({ ...RECORDING, trim: true }), { recordingId: '' });
      await caller.perform({ say: 'a table for two' });
      play(call, 'with pleasure');
      await caller.heard((_, text) => text === 'with pleasure');
      await caller.perform({ pause: 300 });
      await call.controls.stopRecording();
      const payload = await payloadOf('call.recording');
      const { recordingId, status, channels, format, node, url, durationMs } = payload;
      assert.deepEqual({ status, channels, format, node }, { status: 'completed', channels: 2, format: 'wav', node: 'in' }); // prettier-ignore
      assert.ok(Number(durationMs) > 1_000 && String(url).includes('X-Amz-Signature'));
      const { audio, contentType } = await (deskOf(String(node))?.fetchRecording({ recordingId, url: 'http://127.0.0.1:1/' }) ?? assert.fail()); // prettier-ignore
      assert.equal(contentType, 'audio/x-wav');
      assert.deepEqual(readWav(audio).map(hearWords), ['a table for two', 'with pleasure']);
      assert.deepEqual(company.storage.log.map((each) => [each.status, each.authorization]), [[200, undefined]]); // prettier-ignore
      await deskOf('in')?.deleteRecording(String(recordingId));
      await assert.rejects(deskOf('in')?.fetchRecording({ recordingId }) ?? Promise.resolve(), /404/);
      // That it is gone already is right, too.
      await deskOf('in')?.deleteRecording(String(recordingId));
      assert.deepEqual(caller.report().findings, []);
    });

    it('leaves out what is said while the call is private', async () => {
      const { caller, call } = await live();
      await call.controls.startRecording({ ...RECORDING, channels: 'mono' });
      await caller.perform({ say: 'my card is' });
      await call.controls.setPrivate(true);
      await caller.perform({ say: 'four two four two' });
      await call.controls.setPrivate(false);
      await caller.perform({ say: 'thank you' });
      await call.controls.stopRecording();
      const { recordingId, channels } = await payloadOf('call.recording');
      const file = await (deskOf('in')?.fetchRecording({ recordingId }) ?? assert.fail());
      assert.deepEqual([channels, readWav(file.audio).map(hearWords)], [1, ['my card is thank you']]);
    });

    it('is told after the call has ended, with whose it was; once, though Telnyx says it twice', async () => {
      const { caller, call } = await live({ webhooks: { duplicate: true, late: { 'call.recording.saved': 400 } } });
      call.controls.setValues({ customer: '7' });
      await call.controls.startRecording(RECORDING);
      await call.controls.startTranscription(TRANSCRIPTION);
      await caller.perform({ say: 'good bye' }, { hangUp: true });
      const { call: info } = await told('call.recording');
      const { id, parameters, endedAt } = info as Record<string, unknown>;
      assert.deepEqual([id, parameters, typeof endedAt], [caller.callId, { customer: '7' }, 'number']);
      await caller.ended;
      assert.equal(topics().filter((topic) => topic === 'call.recording').length, 1);
      assert.ok(topics().indexOf('call.recording') > topics().indexOf('call.ended'));
    });

    it('is understood after a restart of Node-RED', async () => {
      const { caller, call } = await live({ webhooks: { late: { 'call.recording.saved': 2_000 } } });
      call.controls.setValues({ customer: '7' });
      await call.controls.startRecording(RECORDING);
      await caller.perform({ say: 'good bye' }, { hangUp: true });
      await told('call.ended');
      await red.stop();
      await start();
      const { payload, call: info } = await told('call.recording');
      const { id, from, parameters } = info as Record<string, unknown>;
      assert.deepEqual({ id, from, parameters }, { id: caller.callId, from: caller.from, parameters: { customer: '7' } }); // prettier-ignore
      assert.equal((payload as Record<string, unknown>).status, 'completed');
    });

    it('that had to make room for a later one is told to nobody', async () => {
      await red.stop();
      await start({ maxReports: 1 });
      const [one, two] = [await live(), await live()];
      await one.call.controls.startRecording(RECORDING);
      await two.call.controls.startRecording(RECORDING);
      one.caller.hangUp();
      const { webhooks } = await one.caller.ended;
      assert.equal(webhooks.find((each) => each.eventType === 'call.recording.saved')?.status, 200);
      two.caller.hangUp();
      await two.caller.ended;
      const { call } = await told('call.recording');
      assert.equal((call as { id: string }).id, two.caller.callId);
    });

    it('without an id of its own is found by the leg, where it is to be deleted at once', async () => {
      const { caller, call } = await live({ recordingWithoutId: true });
      await call.controls.startRecording(RECORDING);
      assert.equal(await deskOf('in')?.doomRecordings(caller.callId), 1);
      await call.controls.stopRecording();
      const payload = await payloadOf('call.recording');
      assert.deepEqual([payload.status, payload.url, payload.raw], ['deleted', undefined, MASKED]);
      assert.match(String(payload.recordingId), /^[0-9a-f-]{36}$/);
      const { path } = company.rest.log.findLast(({ method }) => method === 'DELETE') ?? {};
      assert.equal(path, `/recordings/${String(payload.recordingId)}`);
    });

    it('that fails says why', async () => {
      const { caller, call } = await live({ recordingError: 'Internal server error' });
      await call.controls.startRecording(RECORDING);
      caller.hangUp();
      const { status, error } = await payloadOf('call.recording');
      assert.deepEqual([status, error], ['failed', 'Internal server error']);
    });

    it('is reported to a URL of its own, as Telnyx signed it, and then not to the flow', async () => {
      const got: { headers: http.IncomingHttpHeaders; body: string }[] = [];
      const statuses = [503, 200];
      const other = http.createServer((request, response) => {
        let body = '';
        request.on('data', (part) => (body += String(part)));
        request.on('end', () => {
          got.push({ headers: request.headers, body });
          response.writeHead(statuses.shift() ?? 200).end();
        });
      });
      other.listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as AddressInfo;
      const { caller, call } = await live();
      await call.controls.startRecording({ ...RECORDING, callbackUrl: `http://127.0.0.1:${port}/recordings` });
      await call.controls.stopRecording();
      await until('it is sent on, at the second try', () => got.length === 2);
      const { headers, body } = got[1] ?? assert.fail();
      const key = readPublicKey(company.publicKey) ?? assert.fail();
      assert.equal(checkWebhook(key, { headers, rawBody: Buffer.from(body) }), 'right');
      assert.match(body, /call\.recording\.saved/);
      other.close();
      // Where it cannot be had, the ops person is told, with no more of the address than its host.
      await call.controls.startRecording({ ...RECORDING, callbackUrl: `http://127.0.0.1:${port}/secret` });
      caller.hangUp();
      await until('it is told', () => red.errors.length > 0, 10_000);
      assert.match(red.errors[0]?.err.message ?? '', /could not be sent on to 127\.0\.0\.1:\d+: no connection\.$/);
      assert.ok(!topics().includes('call.recording'));
    });

    it('is fetched from places of Telnyx’s only, and by an id that is one', async () => {
      const desk = deskOf('in');
      assert.ok(desk);
      for (const recordingId of [undefined, '', '../calls', 'a b', 7]) {
        await assert.rejects(async () => desk.fetchRecording({ recordingId }), /recordingId must be one of Telnyx/);
      }
      for (const url of [
        'http://169.254.169.254/latest',
        'https://example.com/a.wav',
        'https://s3.amazonaws.com.example.com/a.wav',
        'http://s3.amazonaws.com/a.wav',
        's3://own-bucket/a.wav',
        '',
      ]) {
        // prettier-ignore
        company.faults.add({ kind: 'status', status: 200, matchText: '/recordings/', body: { data: { download_urls: { wav: url } } } }); // prettier-ignore
        await assert.rejects(desk.fetchRecording({ recordingId: 'one' }), /names no place of its own|storage of your own/, url); // prettier-ignore
      }
      assert.equal(company.storage.log.length, 0);
    });
  });

  describe('a transcription', () => {
    it('tells what either side says', async () => {
      const { caller, call } = await live();
      await call.controls.startTranscription({ ...TRANSCRIPTION, engine: 'Telnyx', language: 'en' });
      await caller.perform({ say: 'is anybody there' }, { pause: 300 });
      play(call, 'i am here');
      const [one, two] = [await payloadOf('call.transcription'), await payloadOf('call.transcription', 1)];
      assert.deepEqual([one.status, one.text, one.track, one.confidence, one.node], ['final', 'is anybody there', 'inbound', 0.94, 'in']); // prettier-ignore
      assert.deepEqual([two.text, two.track], ['i am here', 'outbound']);
      const body = caller.report().commands.find(({ name }) => name === 'transcription_start')?.body;
      assert.deepEqual(body?.transcription_engine_config, { transcription_engine: 'Telnyx', language: 'en' });
      assert.deepEqual(caller.report().findings, []);
      await call.controls.stopTranscription();
    });

    it('of one side knows whose words they are, though the engine does not say', async () => {
      const { caller, call } = await live();
      await call.controls.startTranscription({ ...TRANSCRIPTION, engine: 'Deepgram', model: 'deepgram/nova-3', language: 'en', track: 'inbound' }); // prettier-ignore
      await caller.perform({ say: 'hello' });
      assert.equal((await payloadOf('call.transcription')).track, 'inbound');
      const body = caller.report().commands.find(({ name }) => name === 'transcription_start')?.body;
      assert.deepEqual(body?.transcription_engine_config, {
        transcription_engine: 'deepgram/nova-3',
        transcription_model: 'deepgram/nova-3',
        language: 'en',
      });
    });

    it('by an engine that nobody knows is refused in words', async () => {
      const { call } = await live();
      await assert.rejects(call.controls.startTranscription({ ...TRANSCRIPTION, engine: 'Whisper' }), /422: .*\(10032\)/); // prettier-ignore
    });

    it('rests while the call is private, and what comes late of it is masked', async () => {
      const { caller, call } = await live({ webhooks: { late: { 'call.transcription': 300 } } });
      await call.controls.startTranscription(TRANSCRIPTION);
      await caller.perform({ say: 'four two four two' });
      await call.controls.setPrivate(true);
      const payload = await payloadOf('call.transcription');
      assert.deepEqual([payload.text, payload.raw], [MASKED, MASKED]);
      await caller.perform({ say: 'and so on' });
      await call.controls.setPrivate(false);
      await caller.perform({ say: 'thank you' });
      assert.equal((await payloadOf('call.transcription', 1)).text, 'thank you');
      assert.ok(!JSON.stringify(log()).includes('and so on'));
    });
  });

  it('keys are sent by Telnyx itself, and heard', async () => {
    const { caller, call } = await live();
    assert.deepEqual(await call.controls.sendDigits('1w#'), { digits: '1w#' });
    await until('they are heard', () => caller.report().heardTones === '1#');
    const body = caller.report().commands.find(({ name }) => name === 'send_dtmf')?.body;
    assert.deepEqual([body?.digits, body?.duration_millis], ['1w#', 250]);
    assert.deepEqual(caller.report().findings, []);
  });
});
