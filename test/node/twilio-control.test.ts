import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Call } from '../../nodes/call/call';
import type { RecordingOrder, TranscriptionOrder, TransferOrder } from '../../nodes/call/carrier/control';
import { deskOf } from '../../nodes/call/carrier/desks';
import { registry } from '../../nodes/call/heart';
import { hearWords, speakWords } from '../../simulators/audio';
import { readWav } from '../../simulators/phone';
import { PhoneCompany, signForm } from '../../simulators/twilio';
import type { Call as PhoneCall, RingOptions, WebhookSignature } from '../../simulators/twilio';
import { until } from '../support/runtime';
import { FakeRed } from './twilio-red';
import type { Config, Message } from './twilio-red';

const DESK = '+14155550177';
const RECORDING: RecordingOrder = { channels: 'dual', track: 'both', trim: false, callbackUrl: '' };
const TRANSCRIPTION: TranscriptionOrder = { engine: '', model: '', language: '', track: 'both' };
const TRANSFER: TransferOrder = { to: DESK, ringMs: 20_000, limitMs: 600_000, afterwards: 'back' };

describe('what a flow has Twilio do with a call', function () {
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

  const flow = (into: Partial<Config> = {}): Config[] => [
    {
      id: 'account',
      type: 'twilio-account',
      publicUrl: url,
      baseUrl: company.url,
      credentials: { accountSid: company.accountSid, authToken: company.authToken },
    },
    { id: 'in', type: 'twilio-in', account: 'account', wires: [['watch'], ['log']], ...into },
    { id: 'watch', type: 'watch' },
    { id: 'log', type: 'watch' },
    { id: 'out', type: 'twilio-out' },
  ];
  const live = async (
    options: Partial<RingOptions> = {},
    into: Partial<Config> = {},
  ): Promise<{ phone: PhoneCall; call: Call }> => {
    await red.deploy(flow(into));
    const begun = red.sent('in', 0, ({ topic }) => topic === 'call.started');
    const phone = company.ring({ webhookUrl: `${url}/twilio/voice`, ...options });
    await begun;
    return { phone, call: registry.get(phone.callSid) ?? assert.fail() };
  };
  const log = (): Message[] => red.node('log')?.received ?? [];
  const topics = (): string[] => log().map(({ topic }) => topic);
  const told = (topic: string): Record<string, unknown>[] =>
    log()
      .filter((msg) => msg.topic === topic)
      .map(({ payload }) => payload as Record<string, unknown>);
  const statuses = (topic: string): unknown[] => told(topic).map(({ status }) => status);
  const reached = (topic: string, status: string): Promise<void> =>
    until(`${topic} ${status}`, () => statuses(topic).includes(status));
  const reason = (): unknown => told('call.ended')[0]?.reason;
  const over = (): Promise<void> => until('it is over', () => topics().includes('call.ended'));
  const play = (call: Call, text: string): void => {
    const { audio } = speakWords(text);
    const utterance = { id: text, by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true };
    red.node('out')?.receive({ topic: 'audio', payload: audio, call: { ...call.info }, utterance });
  };
  const nothingLeft = async (): Promise<void> => {
    await until('nothing is open', () => Object.values(company.open).every((count) => count === 0));
    // We hear of the end from the company, a moment after it has closed all.
    await until('the call is over here', () => registry.all().length === 0);
    assert.deepEqual(red.errors, []);
  };
  const post = (to: string, fields: Record<string, string>, sign: WebhookSignature = 'as-twilio') => {
    const signature = signForm(company.authToken, to, fields, sign);
    return fetch(to, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: signature === undefined ? {} : { 'x-twilio-signature': signature },
    });
  };
  /** Where the reports of the last recording or transcription go. */
  const reportUrl = (name: string): string => String(company.rest.log.findLast(({ form }) => name in form)?.form[name]);

  describe('transfer', () => {
    it('puts the caller through, and has them back when the other side hangs up', async () => {
      company.setLine(DESK, { says: 'front desk', talkMs: 500 });
      const { phone, call } = await live();
      await call.controls.transfer({ ...TRANSFER, ringMs: 25_000, limitMs: 90_000 });
      assert.equal(call.state, 'away');
      await until('the caller is back', () => call.state === 'live');
      play(call, 'welcome back');
      await phone.heard((_, text) => text === 'front desk welcome back');
      assert.deepEqual(topics().slice(0, 3), ['call.started', 'call.away', 'call.resumed']);
      assert.deepEqual([told('call.away')[0], told('call.resumed')[0]], [{ to: DESK }, { reason: 'completed', to: DESK }]); // prettier-ignore
      const twiml = phone.report().twiml.find(({ body }) => body.includes('<Dial'))?.body ?? '';
      assert.match(twiml, /<Dial answerOnBridge="true" callerId="\+14155550142" timeout="25" timeLimit="90" action=/);
      phone.hangUp();
      const report = await phone.ended;
      assert.deepEqual(report.findings, []);
      await over();
      assert.equal(reason(), 'caller-hangup');
      await nothingLeft();
    });

    it('ends the call when the other side hangs up, where that is wanted', async () => {
      company.setLine(DESK, { talkMs: 300 });
      const { phone, call } = await live();
      await call.controls.transfer({ ...TRANSFER, afterwards: 'end' });
      const report = await phone.ended;
      assert.deepEqual([report.dials[0]?.status, report.endedBy], ['completed', 'twiml']);
      assert.equal(reason(), 'transferred');
      assert.deepEqual(topics(), ['call.started', 'call.away', 'call.ended']);
      await nothingLeft();
    });

    it('has the caller back with the reason when nobody takes the call', async () => {
      for (const [line, why] of [
        [{ outcome: 'busy' }, 'busy'],
        [{ outcome: 'no-answer', ringMs: 30 }, 'no-answer'],
        [{ outcome: 'failed' }, 'failed'],
      ] as const) {
        company.setLine(DESK, line);
        const { phone, call } = await live();
        await call.controls.transfer({ ...TRANSFER, afterwards: 'end' });
        await until('the caller is back', () => told('call.resumed').length === 1);
        assert.deepEqual(told('call.resumed')[0], { reason: why, to: DESK });
        phone.hangUp();
        await phone.ended;
        await over();
        assert.deepEqual([reason(), phone.report().streams.length], ['caller-hangup', 2]);
        await nothingLeft();
      }
    });

    it('is the end of the call when the caller hangs up, while it rings or while they talk', async () => {
      for (const [ringMs, why] of [
        [20_000, 'caller-hangup'],
        [10, 'transferred'],
      ] as const) {
        company.setLine(DESK, { ringMs, says: 'front desk', talkMs: 60_000 });
        const { phone, call } = await live();
        await call.controls.transfer(TRANSFER);
        await until('it rings', () => phone.report().dials.length === 1);
        if (why === 'transferred') await phone.heard(({ text }) => text === 'desk');
        phone.hangUp();
        await phone.ended;
        await over();
        assert.equal(reason(), why);
        assert.equal(told('call.resumed').length, 0);
        await nothingLeft();
      }
    });

    it('is ended by the flow while the caller is away, and the other side with it', async () => {
      company.setLine(DESK, { says: 'front desk', talkMs: 60_000 });
      const { phone, call } = await live();
      await call.controls.transfer(TRANSFER);
      await phone.heard(({ text }) => text === 'desk');
      await call.controls.hangUp('');
      const report = await phone.ended;
      assert.deepEqual([report.endedBy, report.dials[0]?.status, reason()], ['application', 'completed', 'agent-hangup']); // prettier-ignore
      await nothingLeft();
    });

    it('that Twilio refuses is told in its words, and the call goes on', async () => {
      const { phone, call } = await live();
      company.rest.failNext(1, 400, 21220, /Calls/);
      await assert.rejects(call.controls.transfer(TRANSFER), /twilio: .*\(21220\) - the call is not in progress/);
      assert.equal(call.state, 'live');
      play(call, 'still here');
      await phone.heard((_, text) => text === 'still here');
      assert.equal(told('call.away').length, 0);
      phone.hangUp();
      await phone.ended;
      await nothingLeft();
    });

    it('whose answer was lost is a transfer all the same', async () => {
      company.setLine(DESK, { talkMs: 200 });
      const { phone, call } = await live();
      company.faults.add({ kind: 'refuse', when: 'message', matchText: 'Dial' });
      await call.controls.transfer(TRANSFER);
      await until('the caller is back', () => told('call.resumed').length === 1);
      phone.hangUp();
      await phone.ended;
      await nothingLeft();
    });

    it('is refused while the caller is away already', async () => {
      company.setLine(DESK, { talkMs: 60_000 });
      const { phone, call } = await live();
      await call.controls.transfer(TRANSFER);
      await assert.rejects(call.controls.transfer(TRANSFER), /already/);
      await until('it rings', () => phone.report().dials.length === 1);
      phone.hangUp();
      await phone.ended;
      await nothingLeft();
    });

    it('reaches a SIP address, and shows the number that it is told to', async () => {
      const to = 'sip:desk@pbx.example.net';
      company.setLine(to, { says: 'pbx', talkMs: 200 });
      const { phone, call } = await live();
      await call.controls.transfer({ ...TRANSFER, to, callerId: '+12025550111', afterwards: 'end' });
      const report = await phone.ended;
      const [dial] = report.dials;
      assert.deepEqual([dial?.to, dial?.callerId, dial?.status], [to, '+12025550111', 'completed']);
      assert.deepEqual(report.findings, []);
      await nothingLeft();
    });

    it('survives a Deploy while the caller is away', async () => {
      company.setLine(DESK, { talkMs: 400 });
      const { phone, call } = await live();
      await call.controls.transfer(TRANSFER);
      await red.deploy(flow());
      await until('the caller is back', () => told('call.resumed').length === 1);
      assert.equal(call.state, 'live');
      phone.hangUp();
      await phone.ended;
      await nothingLeft();
    });
  });

  describe('a recording', () => {
    it('is reported, and its sound fetched with the account’s key and then deleted', async () => {
      const { phone, call } = await live();
      const { recordingId } = await call.controls.startRecording(RECORDING);
      await reached('call.recording', 'in-progress');
      play(call, 'how can I help');
      await phone.heard((_, text) => text === 'how can I help');
      await phone.perform({ say: 'a table please' });
      phone.hangUp();
      await over();
      await reached('call.recording', 'completed');
      const report = told('call.recording').at(-1) ?? {};
      const { recordingId: id, channels, format, node, durationMs, url: where } = report;
      assert.deepEqual({ id, channels, format, node }, { id: recordingId, channels: 2, format: 'wav', node: 'in' });
      assert.ok(Number(durationMs) > 0);
      assert.match(String(where), /Recordings\/RE[0-9a-f]{32}\.wav$/);
      const last = log().at(-1)?.call as { id: string; endedAt?: number };
      assert.equal(last.id, phone.callSid);
      assert.ok(last.endedAt !== undefined, 'the call is over');
      const desk = deskOf('in') ?? assert.fail();
      const { audio, contentType } = await desk.fetchRecording(report);
      assert.equal(contentType, 'audio/x-wav');
      assert.deepEqual(readWav(audio).map((channel) => hearWords(channel)), ['a table please', 'how can I help']); // prettier-ignore
      await desk.deleteRecording(String(recordingId));
      await desk.deleteRecording(String(recordingId));
      await assert.rejects(desk.fetchRecording(report), /no such recording/);
      await phone.ended;
      await nothingLeft();
    });

    it('is fetched from the account’s own address, whatever a message says', async () => {
      await red.deploy(flow());
      const desk = deskOf('in') ?? assert.fail();
      for (const recordingId of ['', 'https://evil.example.com/RE', '../../x', 7, undefined, `CA${'0'.repeat(32)}`]) {
        await assert.rejects(desk.fetchRecording({ recordingId, url: 'http://127.0.0.1:1/x' }), /recordingId must be/);
      }
      await assert.rejects(desk.fetchRecording({ recordingId: `RE${'0'.repeat(32)}`, url: 'http://127.0.0.1:1/x' }), /no such recording/); // prettier-ignore
      assert.equal(company.rest.log.at(-1)?.path, `/2010-04-01/Accounts/${company.accountSid}/Recordings/RE${'0'.repeat(32)}.wav`); // prettier-ignore
    });

    it('is made as it is ordered, paused, resumed and stopped', async () => {
      const { phone, call } = await live();
      await call.controls.startRecording({ channels: 'mono', track: 'inbound', trim: true, callbackUrl: '' });
      const { RecordingStatusCallback: _, ...form } = company.rest.log.at(-1)?.form ?? {};
      assert.deepEqual(form, {
        RecordingChannels: 'mono',
        RecordingTrack: 'inbound',
        Trim: 'trim-silence',
        RecordingStatusCallbackMethod: 'POST',
        RecordingStatusCallbackEvent: 'in-progress completed absent',
      });
      await phone.perform({ say: 'my name is Ada' });
      await call.controls.pauseRecording();
      await phone.perform({ say: 'one two three four' });
      await call.controls.resumeRecording();
      await phone.perform({ say: 'that is all' });
      await call.controls.stopRecording();
      await reached('call.recording', 'completed');
      const { audio } = await (deskOf('in') ?? assert.fail()).fetchRecording(told('call.recording').at(-1) ?? {});
      assert.deepEqual(readWav(audio).map((channel) => hearWords(channel)), ['my name is Ada that is all']); // prettier-ignore
      phone.hangUp();
      await phone.ended;
      await nothingLeft();
    });

    it('is reported once, though Twilio says it twice and in another order', async () => {
      const { phone, call } = await live({ callbacks: { duplicate: true, outOfOrder: true } });
      await call.controls.startRecording(RECORDING);
      await phone.perform({ say: 'hello' });
      phone.hangUp();
      await phone.ended;
      await reached('call.recording', 'completed');
      assert.deepEqual(statuses('call.recording').sort(), ['completed', 'in-progress']);
      await nothingLeft();
    });

    it('is reported elsewhere where that is wanted', async () => {
      const { phone, call } = await live();
      await call.controls.startRecording({ ...RECORDING, callbackUrl: 'https://crm.example.com/recordings' });
      assert.equal(reportUrl('RecordingStatusCallback'), 'https://crm.example.com/recordings');
      phone.hangUp();
      await phone.ended;
    });

    it('that was to be deleted is, as soon as Twilio has it', async () => {
      const { phone, call } = await live();
      const { recordingId } = await call.controls.startRecording(RECORDING);
      await phone.perform({ say: 'hello' });
      const desk = deskOf('in') as unknown as { reports: { doom(id: string): void } };
      desk.reports.doom(phone.callSid);
      phone.hangUp();
      await reached('call.recording', 'deleted');
      const report = told('call.recording').at(-1) ?? {};
      assert.deepEqual([report.recordingId, report.url], [recordingId, undefined]);
      assert.equal((await phone.ended, phone.recordings.list.length), 0);
      await nothingLeft();
    });

    it('is believed of Twilio alone, and only where it was asked for', async () => {
      const { phone, call } = await live();
      await call.controls.startRecording(RECORDING);
      await reached('call.recording', 'in-progress');
      const to = reportUrl('RecordingStatusCallback');
      const fields = { RecordingSid: `RE${'1'.repeat(32)}`, RecordingStatus: 'completed', CallSid: phone.callSid };
      assert.equal((await post(to, fields, 'wrong')).status, 403);
      assert.equal((await post(to, fields, 'missing')).status, 400);
      assert.equal((await post(`${url}/twilio/voice/recording/nobody-knows-this-one-at-all-0123456789`, fields)).status, 204); // prettier-ignore
      // A transcription's address is none for recordings.
      assert.equal((await post(to.replace('/recording/', '/transcription/'), fields)).status, 204);
      assert.equal((await post(to, { ...fields, RecordingSid: '../x' })).status, 204);
      assert.deepEqual(statuses('call.recording'), ['in-progress']);
      phone.hangUp();
      await phone.ended;
      await nothingLeft();
    });

    it('that nobody can make, or that Twilio refuses, is told', async () => {
      const { phone, call } = await live({ recordingAbsent: true });
      company.rest.failNext(1, 400, 21220, /Recordings/);
      await assert.rejects(call.controls.startRecording(RECORDING), /\(21220\)/);
      await call.controls.startRecording(RECORDING);
      phone.hangUp();
      await reached('call.recording', 'absent');
      assert.equal(told('call.recording').at(-1)?.url, undefined);
      await phone.ended;
      await nothingLeft();
    });

    it('begins with each call where the twilio-in says so', async () => {
      const { phone } = await live({}, { record: 'start', recordingChannels: 'mono' });
      await reached('call.recording', 'in-progress');
      assert.equal(phone.recordings.list[0]?.request.channels, 1);
      phone.hangUp();
      await phone.ended;
      await nothingLeft();
    });
  });

  describe('a transcription', () => {
    it('is told word for word, of each side, until it is stopped', async () => {
      const { phone, call } = await live();
      await call.controls.startTranscription({ engine: 'deepgram', model: 'nova-3', language: 'en-GB', track: 'both' });
      const { StatusCallbackUrl: _, ...form } = company.rest.log.at(-1)?.form ?? {};
      assert.deepEqual(form, { Track: 'both_tracks', StatusCallbackMethod: 'POST', TranscriptionEngine: 'deepgram', SpeechModel: 'nova-3', LanguageCode: 'en-GB' }); // prettier-ignore
      play(call, 'how can I help');
      await reached('call.transcription', 'final');
      await phone.perform({ say: 'a table please' });
      await until('both sides', () => told('call.transcription').length === 3);
      await call.controls.stopTranscription();
      await reached('call.transcription', 'stopped');
      const said = told('call.transcription').map(({ status, track, text }) => [status, track, text]);
      assert.deepEqual(said, [
        ['started', undefined, undefined],
        ['final', 'outbound', 'how can I help'],
        ['final', 'inbound', 'a table please'],
        ['stopped', undefined, undefined],
      ]);
      assert.ok(told('call.transcription').every(({ node }) => node === 'in'));
      phone.hangUp();
      await phone.ended;
      await nothingLeft();
    });

    it('that the engine refuses, or gives up, is told in words', async () => {
      const { phone, call } = await live({ transcriptionFault: { code: '32651', message: 'no such voice' } });
      await assert.rejects(
        call.controls.startTranscription({ ...TRANSCRIPTION, engine: 'whisper' }),
        /\(32650\) - Twilio has no such combination of engine, model and language/,
      );
      await call.controls.startTranscription(TRANSCRIPTION);
      await reached('call.transcription', 'failed');
      assert.equal(told('call.transcription').at(-1)?.error, 'no such voice (32651)');
      phone.hangUp();
      await phone.ended;
      await nothingLeft();
    });
  });

  it('private: nothing that is said meanwhile is recorded, transcribed or told', async () => {
    const { phone, call } = await live();
    await call.controls.startRecording(RECORDING);
    await call.controls.startTranscription(TRANSCRIPTION);
    await phone.perform({ say: 'my card is' }, { pause: 600 });
    await until('it is told', () => statuses('call.transcription').includes('final'));
    await call.controls.setPrivate(true);
    await phone.perform({ say: 'four two four two' }, { press: '7' }, { pause: 500 });
    await call.controls.setPrivate(false);
    await phone.perform({ pause: 600 }, { say: 'thank you' });
    phone.hangUp();
    await phone.ended;
    await reached('call.recording', 'completed');
    const { audio } = await (deskOf('in') ?? assert.fail()).fetchRecording(told('call.recording').at(-1) ?? {});
    const [caller = Buffer.alloc(0)] = readWav(audio);
    assert.equal(hearWords(caller), 'my card is thank you');
    assert.doesNotMatch(JSON.stringify(log()), /four|"7"/);
    await nothingLeft();
  });

  it('digits are heard as tones, for Twilio has no other way on a stream', async () => {
    const { phone, call } = await live();
    await call.controls.sendDigits('12#');
    await until('they are heard', () => phone.report().heardTones === '12#');
    phone.hangUp();
    await phone.ended;
    await nothingLeft();
  });

  it('a report that comes when Node-RED has been started anew finds its call', async () => {
    const { phone, call } = await live({ recordingReadyAfterMs: 500 }, { parameters: '{"shop":"north"}' });
    await call.controls.startRecording(RECORDING);
    await phone.perform({ say: 'hello' });
    phone.hangUp();
    await over();
    // As in a new process: the node's desk and all that it knew are gone.
    await red.deploy([]);
    await red.deploy(flow());
    await reached('call.recording', 'completed');
    const told_ = log().at(-1)?.call as Record<string, unknown>;
    const { id, carrier, from, parameters } = told_;
    assert.deepEqual({ id, carrier, from, parameters }, { id: phone.callSid, carrier: 'twilio', from: phone.from, parameters: { shop: 'north' } }); // prettier-ignore
    await phone.ended;
    await nothingLeft();
  });

  it('hangs up with a goodbye that is heard in full', async () => {
    const { phone, call } = await live();
    const ended = once(phone, 'ended');
    await call.controls.hangUp('Thank you for calling');
    await ended;
    assert.equal(phone.report().heardText, 'Thank you for calling');
    await nothingLeft();
  });
});
