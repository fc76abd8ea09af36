import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { TelnyxCompany, type Call } from '../../../../simulators/telnyx';
import { Application, codeOf, type Agent, type Json } from './application';

describe('transcription at Telnyx', function () {
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

  const live = async (): Promise<{ call: Call; agent: Agent }> => {
    const call = phone.ring({ webhookUrl: app.webhookUrl });
    await app.event('call.initiated');
    await app.command(call.callId, 'answer', app.stream);
    const agent = await app.agent();
    await agent.start();
    return { call, agent };
  };

  const told = (): Json[] =>
    app.received
      .filter((each) => each.type === 'call.transcription')
      .map((each) => each.payload['transcription_data'] as Json);

  it('writes down what the caller says, while it is asked to', async () => {
    const { call } = await live();
    await call.perform({ say: 'not yet' });
    const begun = await app.command(call.callId, 'transcription_start', {
      transcription_engine: 'Deepgram',
      client_state: 'dHI=',
    });
    assert.equal(begun[0], 200);
    const [status, body] = await app.command(call.callId, 'transcription_start');
    assert.deepEqual([status, codeOf(body)], [422, '90054']);
    await call.perform({ say: 'book a table' });
    const { payload } = await app.event('call.transcription');
    assert.deepEqual([payload['call_control_id'], payload['client_state']], [call.callId, 'dHI=']);
    assert.deepEqual(told(), [{ transcript: 'book a table', confidence: 0.94, is_final: true }]);
    assert.equal((await app.command(call.callId, 'transcription_stop'))[0], 200);
    await call.perform({ say: 'no more' });
    call.hangUp();
    await call.ended;
    assert.equal(told().length, 1);
    assert.equal((await app.command(call.callId, 'transcription_stop'))[0], 422);
  });

  it('hears both sides, and says whose words they are with its own engine only', async () => {
    const { call, agent } = await live();
    await app.command(call.callId, 'transcription_start', { transcription_engine: 'B', transcription_tracks: 'both' });
    await call.perform({ say: 'is anybody there' }, { pause: 300 });
    agent.say('i am here');
    await app.until(() => told().length === 2);
    assert.deepEqual(
      told().map((each) => [each['transcription_track'], each['transcript']]),
      [
        ['inbound', 'is anybody there'],
        ['outbound', 'i am here'],
      ],
    );
    await app.command(call.callId, 'transcription_stop');
    await app.command(call.callId, 'transcription_start', { transcription_tracks: 'outbound' });
    await call.perform({ say: 'nobody hears me' }, { pause: 300 });
    agent.say('but me');
    const last = await app.until(() => told()[2]);
    assert.deepEqual([last['transcript'], last['transcription_track']], ['but me', undefined]);
  });

  it('tells of words before they are final, where it is asked to', async () => {
    const { call } = await live();
    const config = { transcription_engine: 'Google', interim_results: true, language: 'en' };
    await app.command(call.callId, 'transcription_start', { transcription_engine_config: config });
    await call.perform({ say: 'one two' });
    await app.until(() => told().some((each) => each['is_final'] === true));
    assert.deepEqual(
      told().map((each) => [each['transcript'], each['is_final']]),
      [
        ['one', false],
        ['one two', false],
        ['one two', true],
      ],
    );
  });

  it('tells the last words at the end of the call', async () => {
    const { call } = await live();
    await app.command(call.callId, 'transcription_start');
    await call.perform({ say: 'good bye' }, { hangUp: true });
    await call.ended;
    assert.deepEqual(
      told().map((each) => each['transcript']),
      ['good bye'],
    );
  });

  it('is refused with an engine that nobody knows, or settings of another', async () => {
    const { call } = await live();
    for (const [body, code] of [
      [{ transcription_engine: 'Whisper' }, '10032'],
      [{ transcription_tracks: 'caller' }, '10032'],
      [{ transcription_engine: 'Azure', transcription_engine_config: { language: 'en-GB' } }, '10004'],
      [{ transcription_engine: 'Deepgram', transcription_engine_config: { language: 'en' } }, '10004'],
      [{ transcription_engine: 'Deepgram', transcription_engine_config: { transcription_model: 'nova-3' } }, '10032'],
      [{ transcription_engine: 'Google', transcription_engine_config: { transcription_engine: 'Azure' } }, '10015'],
    ] as const) {
      const [status, answer] = await app.command(call.callId, 'transcription_start', body);
      assert.deepEqual([body, status, codeOf(answer)], [body, 422, code]);
    }
    const model = { transcription_engine_config: { transcription_model: 'deepgram/nova-3' } };
    assert.equal(
      (await app.command(call.callId, 'transcription_start', { transcription_engine: 'Deepgram', ...model }))[0],
      200,
    );
  });
});
