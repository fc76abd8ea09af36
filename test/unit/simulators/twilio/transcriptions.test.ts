import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { validateRequest } from 'twilio/lib/webhooks/webhooks';
import { PhoneCompany, type Call, type RingOptions } from '../../../../simulators/twilio';
import { api, type Form } from './api';
import { Application, type Agent } from './application';

describe("the phone company's own transcription", function () {
  this.timeout(15_000);

  let phone: PhoneCompany;
  let app: Application;

  beforeEach(async () => {
    phone = await new PhoneCompany().start();
    app = await new Application().start();
    app.answers.set('/voice', () => app.stream());
    app.answers.set('/words', {});
  });

  afterEach(async () => {
    await phone.stop();
    await app.stop();
    assert.deepEqual(phone.open, { calls: 0, sockets: 0, requests: 0 });
  });

  const live = async (options: Partial<RingOptions> = {}): Promise<{ call: Call; agent: Agent; path: string }> => {
    const coming = new Promise<Agent>((resolve) => (app.onAgent = resolve));
    const call = phone.ring({ webhookUrl: app.url('/voice'), ...options });
    const agent = await coming;
    await agent.start();
    return { call, agent, path: `/Calls/${call.callSid}/Transcriptions` };
  };

  const events = (): (string | undefined)[] => app.at('/words').map(({ fields }) => fields['TranscriptionEvent']);
  /** The final words of each side, in order. */
  const finals = (): string[][] =>
    app
      .at('/words')
      .filter(({ fields }) => fields['Final'] === 'true')
      .map(({ fields }) => {
        const data = JSON.parse(fields['TranscriptionData'] ?? '') as { transcript: string; confidence: number };
        assert.equal(typeof data.confidence, 'number');
        return [fields['Track'] ?? '', data.transcript];
      });

  it('tells what each side says, from its start to its end', async () => {
    const { call, agent, path } = await live();
    await call.perform({ say: 'not yet' });
    const [status, body] = await api(phone, path, {
      Name: 'notes',
      StatusCallbackUrl: app.url('/words'),
      TranscriptionEngine: 'deepgram',
      SpeechModel: 'nova-3',
      LanguageCode: 'en-GB',
      Hints: 'Ada',
    });
    assert.deepEqual([status, body['name'], body['status']], [201, 'notes', 'in-progress']);
    agent.say('how can I help');
    await app.requested('/words', 2);
    await call.perform({ say: 'a table please' });
    await app.requested('/words', 3);
    const [stopped, after] = await api(phone, `${path}/notes`, { Status: 'stopped' });
    assert.deepEqual([stopped, after['status']], [200, 'stopped']);
    await call.perform({ say: 'no more' }, { pause: 300 });
    call.hangUp();
    await call.ended;
    assert.deepEqual(finals(), [
      ['outbound_track', 'how can I help'],
      ['inbound_track', 'a table please'],
    ]);
    assert.deepEqual(events(), [
      'transcription-started',
      'transcription-content',
      'transcription-content',
      'transcription-stopped',
    ]);
    const [first] = app.at('/words');
    const { fields, headers } = first ?? assert.fail();
    assert.ok(validateRequest(phone.authToken, String(headers['x-twilio-signature']), app.url('/words'), fields));
    assert.deepEqual(
      [fields['TranscriptionSid'], fields['Track'], fields['LanguageCode'], fields['PartialResults']],
      [body['sid'], 'both_tracks', 'en-GB', 'false'],
    );
    const provider = JSON.parse(fields['ProviderConfiguration'] ?? '') as Record<string, string>;
    assert.deepEqual([provider['speechModel'], provider['hints']], ['nova-3', 'Ada']);
    assert.deepEqual(
      app.at('/words').map((each) => each.fields['SequenceId']),
      ['1', '2', '3', '4'],
    );
  });

  it('tells words before they are final where that is asked for, of one side, and stops with the call', async () => {
    const { call, agent, path } = await live();
    await api(phone, path, {
      StatusCallbackUrl: app.url('/words'),
      Track: 'inbound_track',
      PartialResults: 'true',
    });
    agent.say('nobody writes this down');
    await call.perform({ say: 'one two' }, { hangUp: true });
    await call.ended;
    const told = app
      .at('/words')
      .filter(({ fields }) => fields['TranscriptionEvent'] === 'transcription-content')
      .map(({ fields }) => [fields['Final'], fields['TranscriptionData'], fields['Stability']]);
    assert.deepEqual(told, [
      ['false', '{"transcript":"one"}', '0.9'],
      ['false', '{"transcript":"one two"}', '0.9'],
      ['true', '{"transcript":"one two","confidence":0.9712}', undefined],
    ]);
    assert.equal(events().at(-1), 'transcription-stopped');
  });

  it('is refused with an engine, a model or a language that there is not, and without a call', async () => {
    const { call, path } = await live();
    const refused = async (form: Form, at = path): Promise<unknown[]> => {
      const [status, body] = await api(phone, at, form);
      return [status, body['code']];
    };
    for (const form of [
      { TranscriptionEngine: 'whisper' },
      { TranscriptionEngine: 'google', SpeechModel: 'nova-3' },
      { TranscriptionEngine: 'deepgram', SpeechModel: 'telephony' },
      { LanguageCode: 'English please' },
    ] as Form[]) {
      assert.deepEqual(await refused(form), [400, 32650], JSON.stringify(form));
    }
    assert.deepEqual(await refused({ Track: 'both' }), [400, 20001]);
    assert.deepEqual(await refused({ PartialResults: 'yes' }), [400, 20001]);
    assert.deepEqual(await refused({ StatusCallbackUrl: '/words' }), [400, 21609]);
    assert.deepEqual(await refused({ Status: 'stopped' }, `${path}/GT00`), [404, 20404]);
    assert.deepEqual(await refused({ Name: 'a' }), [201, undefined]);
    assert.deepEqual(await refused({ Name: 'a' }), [400, 20001]);
    assert.deepEqual(await refused({ Status: 'stopped' }, `${path}/a`), [200, undefined]);
    assert.deepEqual(await refused({ Name: 'a' }), [201, undefined], 'the name is free again');
    call.hangUp();
    await call.ended;
    assert.deepEqual(await refused({}), [400, 21220]);
  });

  it('fails on command, under either of the names that the documentation has', async () => {
    for (const [names, code, message] of [
      ['TranscriptionError', 'TranscriptionErrorCode', 'TranscriptionError'],
      ['Error', 'ErrorCode', 'ErrorMessage'],
    ] as const) {
      const before = app.at('/words').length;
      const { call, path } = await live({ transcriptionFault: { code: '32651', message: 'provider error', names } });
      await api(phone, path, { StatusCallbackUrl: app.url('/words') });
      const { fields } = await app.requested('/words', before + 2);
      assert.deepEqual(
        [fields['TranscriptionEvent'], fields[code], fields[message]],
        ['transcription-error', '32651', 'provider error'],
      );
      call.hangUp();
      await call.ended;
    }
  });

  it('begins and stops with TwiML', async () => {
    const start = '<Start><Transcription name="notes" statusCallbackUrl="/words" track="inbound_track"/></Start>';
    app.answers.set('/voice', () => app.stream('', 'action="/next"').replace('<Response>', `<Response>${start}`));
    app.answers.set('/next', '<Response><Stop><Transcription name="notes"/></Stop><Pause length="1"/></Response>');
    const { call, agent } = await live();
    await call.perform({ say: 'good morning' });
    agent.socket.close(1000);
    await app.requested('/words', 3);
    await call.ended;
    assert.deepEqual(finals(), [['inbound_track', 'good morning']]);
    assert.deepEqual(events().length, 3);
    assert.deepEqual(call.report().findings, []);
  });
});
