import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { RecordingOrder, TranscriptionOrder } from '../../../nodes/call/carrier/control';
import { ProviderError } from '../../../nodes/call/errors';
import { TelnyxControl } from '../../../nodes/telnyx/call-control';
import { readReportState, reportState } from '../../../nodes/telnyx/report-state';
import { readEvent } from '../../../nodes/telnyx/webhook';
import { Legs, legState, readLegEnd } from '../../../nodes/telnyx/legs';
import type { TelnyxEvent } from '../../../nodes/telnyx/webhook';

type Body = Readonly<Record<string, unknown>>;

describe("Telnyx's commands for a call", () => {
  const asked: [string, Body | undefined][] = [];
  const state = (token: string, callbackUrl = ''): string => reportState({ token, callbackUrl });
  let refuse: Error | undefined;
  const control = (): TelnyxControl => {
    asked.length = 0;
    refuse = undefined;
    return new TelnyxControl({
      transfer: () => Promise.resolve(),
      command: (action, body) => {
        asked.push([action, body]);
        return refuse ? Promise.reject(refuse) : Promise.resolve();
      },
      expect: (kind) => kind,
    });
  };

  it('record as it is ordered, always with the format and the channels that Telnyx demands', async () => {
    const order: RecordingOrder = { channels: 'dual', track: 'both', trim: false, callbackUrl: '' };
    const one = control();
    assert.equal(await one.startRecording(order), '');
    await one.startRecording({ channels: 'mono', track: 'inbound', trim: true, callbackUrl: 'https://example.com/' });
    await one.pauseRecording();
    await one.resumeRecording();
    await one.stopRecording();
    assert.deepEqual(asked, [
      ['record_start', { format: 'wav', channels: 'dual', recording_track: 'both', client_state: state('recording') }],
      ['record_start', { format: 'wav', channels: 'single', recording_track: 'inbound', trim: 'trim-silence', client_state: state('recording', 'https://example.com/') }], // prettier-ignore
      ['record_pause', undefined],
      ['record_resume', undefined],
      ['record_stop', undefined],
    ]);
  });

  it('transcribe with the settings where each engine has them', async () => {
    const order: TranscriptionOrder = { engine: '', model: '', language: '', track: 'both' };
    const one = control();
    for (const [more, engine, config] of [
      [{}, undefined, undefined],
      [{ language: 'de' }, undefined, { language: 'de' }],
      [{ engine: 'Google', model: 'latest_long' }, 'Google', { transcription_engine: 'Google', model: 'latest_long' }],
      [{ engine: 'Telnyx', language: 'en' }, 'Telnyx', { transcription_engine: 'Telnyx', language: 'en' }],
      [
        { engine: 'Deepgram', model: 'deepgram/nova-2', language: 'en' },
        'Deepgram',
        { transcription_engine: 'deepgram/nova-2', transcription_model: 'deepgram/nova-2', language: 'en' },
      ],
      [{ engine: 'Soniox', model: 'x' }, 'Soniox', { transcription_engine: 'Soniox', transcription_model: 'x' }],
    ] as const) {
      await one.startTranscription({ ...order, ...more });
      const body = asked.at(-1)?.[1];
      assert.deepEqual([body?.transcription_engine, body?.transcription_engine_config], [engine, config]);
      assert.deepEqual([body?.transcription_tracks, body?.client_state], ['both', state('transcription')]);
    }
    assert.equal(one.onlyTrack, undefined);
    await one.startTranscription({ ...order, track: 'outbound' });
    assert.equal(one.onlyTrack, 'outbound');
  });

  it('give Telnyx to keep what belongs to the recording, for as long as there has been one', async () => {
    const one = control();
    const recording: RecordingOrder = { channels: 'dual', track: 'both', trim: false, callbackUrl: '' };
    const transcription: TranscriptionOrder = { engine: '', model: '', language: '', track: 'both' };
    await one.startTranscription(transcription);
    await one.startRecording(recording);
    await one.stopTranscription();
    await one.startTranscription(transcription);
    const states = asked.flatMap(([, body]) => (body ? [body.client_state] : []));
    assert.deepEqual(states, [state('transcription'), state('recording'), state('recording')]);
  });

  it('that stop something are content when it is over with its call, and nothing else', async () => {
    const one = control();
    refuse = new ProviderError('telnyx', 'bad-request', 'Call has already ended', { code: '90018' });
    await one.stopRecording();
    await one.stopTranscription();
    await assert.rejects(one.pauseRecording(), /already ended/);
    refuse = new ProviderError('telnyx', 'bad-request', 'Unable to execute command', { code: '90033' });
    await assert.rejects(one.stopRecording(), /Unable/);
  });

  it('send 512 keys at once, and more in pieces', async () => {
    const one = control();
    assert.equal(await one.sendDigits('1'.repeat(512)), true);
    await one.sendDigits(`${'1'.repeat(512)}2`);
    assert.deepEqual(
      asked.map(([action, body]) => [action, String(body?.digits).length]),
      [
        ['send_dtmf', 512],
        ['send_dtmf', 512],
        ['send_dtmf', 1],
      ],
    );
  });
});

describe('what Telnyx gives back with a webhook', () => {
  const event = (client_state: unknown): TelnyxEvent => ({ id: '', type: 'call.hangup', callControlId: 'v3:leg', sessionId: '', payload: { client_state }, raw: {} }); // prettier-ignore
  const LEG = 'leg-00000000-0000-4000-8000-000000000000';

  it('is the token of a report, and nothing else is', () => {
    for (const state of [
      { token: 'abc_-9', callbackUrl: '' },
      { token: 'abc_-9', callbackUrl: 'https://example.com/recordings?für=uns' },
    ]) {
      assert.deepEqual(readReportState({ client_state: reportState(state) }), state);
    }
    for (const client_state of [undefined, null, 7, '', 'report-x', legState(LEG)]) assert.equal(readReportState({ client_state }).token, ''); // prettier-ignore
  });

  it('is the name of a leg: of one under way, or of one that is not wanted any more', () => {
    const legs = new Legs();
    const owner = { legEvent: () => undefined };
    legs.add(LEG, owner);
    assert.equal(legs.ownerOf(event(legState(LEG))), owner);
    for (const state of [undefined, null, 7, legState(`${LEG}0`), legState('leg-x'), 'x'.repeat(1_000)]) {
      assert.equal(legs.ownerOf(event(state)), undefined);
    }
    legs.left(LEG);
    // It is over, and may be said twice.
    legs.abandon(LEG);
    assert.deepEqual([legs.size, legs.isAbandoned(event(legState(LEG)))], [0, false]);
    legs.add(LEG, owner);
    legs.abandon(LEG);
    assert.deepEqual([legs.size, legs.isAbandoned(event(legState(LEG)))], [0, true]);
  });

  it('is known of 1,024 legs that are not wanted any more: the oldest is forgotten first', () => {
    const legs = new Legs();
    const leg = (n: number): string => `leg-00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
    const isAbandoned = (n: number): boolean => legs.isAbandoned(event(legState(leg(n))));
    for (let n = 0; n < 1_024; n++) {
      legs.add(leg(n), { legEvent: () => undefined });
      legs.abandon(leg(n));
    }
    assert.equal(isAbandoned(0), true);
    legs.add(leg(1_024), { legEvent: () => undefined });
    legs.abandon(leg(1_024));
    assert.deepEqual([isAbandoned(0), isAbandoned(1), isAbandoned(1_024)], [false, true, true]);
  });

  it('tells how a leg ended', () => {
    for (const [cause, source, unanswered, talked, byCaller] of [
      ['user_busy', 'callee', 'busy', false, false],
      ['call_rejected', 'callee', 'busy', false, false],
      ['timeout', 'callee', 'no-answer', false, false],
      ['no_answer', 'callee', 'no-answer', false, false],
      ['not_found', 'callee', 'failed', false, false],
      ['unspecified', 'unknown', 'failed', false, false],
      ['originator_cancel', 'caller', 'canceled', false, true],
      ['normal_clearing', 'callee', 'failed', true, false],
      ['normal_clearing', 'caller', 'failed', true, true],
      ['time_limit', 'unknown', 'failed', true, false],
    ] as const) {
      assert.deepEqual(readLegEnd({ hangup_cause: cause, hangup_source: source }), { unanswered, talked, byCaller }, cause); // prettier-ignore
    }
  });

  it('may leave out the call’s name where a recording is saved, and nowhere else', () => {
    const read = (event_type: string, payload: object): TelnyxEvent | undefined => readEvent(Buffer.from(JSON.stringify({ data: { event_type, id: 'e1', payload } }))); // prettier-ignore
    assert.equal(read('call.recording.saved', { call_session_id: 's' })?.callControlId, '');
    assert.equal(read('call.recording.saved', { call_control_id: 'v3:x' })?.callControlId, 'v3:x');
    assert.equal(read('call.recording.saved', { call_control_id: 'with space' }), undefined);
    assert.equal(read('call.recording.error', { call_session_id: 's' }), undefined);
    assert.equal(read('call.hangup', { call_session_id: 's' }), undefined);
  });
});
