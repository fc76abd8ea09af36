import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Hearing } from '../../../nodes/call/stt/connection';
import type { ProviderError } from '../../../nodes/call/errors';
import { PreRoll } from '../../../nodes/openai/pre-roll';
import { eventError, REALTIME_ERRORS } from '../../../nodes/openai/realtime-error';
import { readEvent } from '../../../nodes/openai/realtime-event';
import { Transcription } from '../../../nodes/openai/transcription';
import { ItemLine } from '../../../nodes/openai/transcription-items';
import { settings } from './caller';

function listening(): { hearing: Hearing; heard: unknown[][] } {
  const heard: unknown[][] = [];
  const note =
    (name: string) =>
    (...args: unknown[]): void =>
      void heard.push([name, ...args]);
  const hearing: Hearing = {
    ...{ speech: note('speech'), silence: note('silence'), partial: note('partial'), eager: note('eager') },
    ...{ resumed: note('resumed'), end: note('end'), failed: note('failed'), settled: note('settled') },
  };
  return { hearing, heard };
}

const SERVER = { by: 'server', prefixMs: 300, silenceMs: 500 } as const;

describe('the order of items', () => {
  const ids = (line: ItemLine): (string | undefined)[] => line.items.map(({ id }) => id);

  it('is that of previous_item_id, whenever that comes', () => {
    const line = new ItemLine();
    for (const id of ['c', 'a', 'b']) line.add(id, 0);
    line.place('c', 'b');
    line.place('b', 'a');
    assert.deepEqual(ids(line), ['a', 'b', 'c']);
    line.shift();
    line.place('d', 'c');
    line.add('d', 0);
    assert.deepEqual(ids(line), ['b', 'c', 'd']);
    assert.equal(line.isFinished('a'), true);
  });

  it('goes by arrival where OpenAI names what nobody knows', () => {
    const line = new ItemLine();
    line.add('b', 0);
    line.place('b', 'lost');
    line.add('c', 0);
    line.place('c', null);
    assert.deepEqual(ids(line), ['b', 'c']);
  });
});

describe('what becomes of the stretches of speech', () => {
  it('tells their ends as they come and their words in order, with times that leave out padding and pause', () => {
    const { hearing, heard } = listening();
    const transcription = new Transcription(SERVER, hearing);
    transcription.started('a', 700);
    transcription.stopped('a', 2_500, 0);
    transcription.committed('a', undefined, 0, 2_500);
    transcription.started('b', 2_700);
    transcription.delta('b', 'and');
    transcription.stopped('b', 4_000, 0);
    transcription.committed('b', 'a', 0, 4_000);
    transcription.completed('b', ' and two. ');
    assert.equal(transcription.pending, true);
    transcription.delta('a', 'One');
    transcription.completed('a', 'One,');
    transcription.completed('a', 'late');
    assert.equal(transcription.pending, false);
    assert.deepEqual(heard, [
      ['speech', 700, 300],
      ['silence', 2_000],
      ['speech', 2_700, 300],
      ['silence', 3_500],
      ['partial', 'One', 1_000],
      ['end', 'One,', 2_000],
      ['settled', 2_500],
      ['end', 'and two.', 3_500],
      ['settled', 4_000],
    ]);
  });

  it('knows a stretch that was committed by us, under the name that it is given then', () => {
    const { hearing, heard } = listening();
    const transcription = new Transcription(SERVER, hearing);
    transcription.started('announced', 0);
    transcription.committed('other', undefined, 0, 1_000);
    transcription.completed('other', 'Bye');
    assert.deepEqual(heard.at(-2), ['end', 'Bye', undefined]);
    assert.equal(transcription.pending, false);
  });

  it('says what is overdue: the end of a voice, its words', () => {
    const transcription = new Transcription(SERVER, listening().hearing);
    transcription.started('a', 0);
    assert.equal(transcription.overdue(0, 2_900), undefined);
    assert.match(transcription.overdue(0, 3_000) ?? '', /fell silent/);
    transcription.stopped('a', 2_000, 10_000);
    assert.equal(transcription.overdue(13_600, 9_000), undefined);
    assert.match(transcription.overdue(13_700, 9_000) ?? '', /does not say/);
  });

  it('calls it lost when 32 stretches wait for their words', () => {
    const transcription = new Transcription(SERVER, listening().hearing);
    for (let i = 0; i < 32; i++) transcription.started(`item${i}`, i);
    assert.equal(transcription.overdue(0, 0), undefined);
    transcription.started('one more', 99);
    assert.match(transcription.overdue(0, 0) ?? '', /transcribes nothing/);
  });

  it('lays provisional words over their stretch without a gap, as no cut between them is known', () => {
    const transcription = new Transcription(SERVER, listening().hearing);
    transcription.started('a', 1_000);
    transcription.delta('a', 'so it');
    assert.deepEqual(transcription.unfinished(500, 3_000), {
      text: '',
      words: [
        { text: 'so', startMs: 1_000, endMs: 2_000 },
        { text: 'it', startMs: 2_000, endMs: 3_000 },
      ],
      fromMs: 1_000,
      heardMs: 3_000,
    });
  });
});

describe("reading OpenAI's events", () => {
  it('tells unknown from misshapen', () => {
    assert.deepEqual(readEvent('{"type":"conversation.item.added","item":{}}'), { type: 'unknown' });
    assert.equal(readEvent('{"hello":"world"}'), undefined);
    assert.equal(readEvent('[]'), undefined);
    assert.equal(readEvent('{"type":"input_audio_buffer.speech_started","item_id":"a"}'), undefined);
    const delta = '{"type":"conversation.item.input_audio_transcription.delta","item_id":"a"}';
    assert.deepEqual(readEvent(delta), { type: 'delta', item: 'a', text: '' });
  });

  it('finds the cause of an error in its code, its type, its close code, or its status', () => {
    const cause = (error: Record<string, unknown>): string => eventError(error, 'x').cause;
    assert.equal(cause({ code: 'invalid_api_key', type: 'invalid_request_error' }), 'authentication');
    assert.equal(cause({ code: 'insufficient_quota', type: 'insufficient_quota' }), 'billing');
    assert.equal(cause({ code: 'rate_limit_exceeded', type: 'requests' }), 'rate-limit');
    assert.equal(cause({ code: 'session_expired', type: 'invalid_request_error' }), 'closed');
    assert.equal(cause({ code: null, type: 'server_error' }), 'unavailable');
    assert.equal(cause({ code: 'invalid_value', type: 'invalid_request_error' }), 'bad-request');
    assert.equal(cause({}), 'unavailable');
    assert.equal(REALTIME_ERRORS.closed(4000, 'beta_api_shape_disabled').cause, 'bad-request');
    assert.match(REALTIME_ERRORS.closed(4000, '').message, /remove the header OpenAI-Beta/);
    assert.equal(REALTIME_ERRORS.closed(1006, '').cause, 'closed');
    const refused = (status: number, body: string): ProviderError =>
      REALTIME_ERRORS.refusal({ status, body, headers: {}, retryAfterMs: undefined });
    assert.equal(refused(401, '').cause, 'authentication');
    assert.equal(refused(429, '{"error":{"code":"rate_limit_exceeded","message":"Slow"}}').cause, 'rate-limit');
    const noCredit = refused(429, '{"error":{"message":"No credit","code":"insufficient_quota"}}');
    assert.deepEqual([noCredit.cause, noCredit.retryable, noCredit.code], ['billing', false, '429 insufficient_quota']);
  });
});

describe('what is kept before a voice', () => {
  it('is the last so many bytes, in order', () => {
    const kept = new PreRoll(10);
    kept.add(Buffer.from([1, 2, 3, 4]));
    assert.deepEqual([...kept.take()], [1, 2, 3, 4]);
    for (let i = 0; i < 5; i++) kept.add(Buffer.from([i * 4, i * 4 + 1, i * 4 + 2, i * 4 + 3]));
    assert.equal(kept.length, 10);
    assert.deepEqual([...kept.take()], [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    kept.add(Buffer.from(Array.from({ length: 12 }, (_, i) => i)));
    assert.deepEqual([...kept.take()], [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert.equal(kept.length, 0);
  });
});

describe('the settings of openai-stt', () => {
  it("are right for a phone with nothing set, and go to OpenAI's own address", () => {
    const { url, session, turn } = settings('');
    assert.equal(url, 'wss://api.openai.com/v1/realtime?intent=transcription');
    assert.deepEqual(session, {
      type: 'transcription',
      audio: {
        input: {
          format: { type: 'audio/pcmu' },
          noise_reduction: { type: 'near_field' },
          transcription: { model: 'gpt-transcribe', language: 'en' },
          turn_detection: { type: 'server_vad', threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 500 },
        },
      },
    });
    assert.deepEqual(turn, SERVER);
  });

  it('leave the end of a turn to the gate for the models that have nothing of their own', () => {
    for (const model of ['gpt-live-transcribe', 'gpt-realtime-whisper', 'gpt-realtime-whisper-2027-01-01']) {
      const { session, turn } = settings('', { model });
      assert.match(JSON.stringify(session), /"turn_detection":null/);
      assert.deepEqual([turn.by, turn.silenceMs], ['gate', 500]);
      assert.throws(() => settings('', { model, turnDetection: 'server' }), /turnDetection/);
    }
  });

  it('let options win at any depth, and know what they changed', () => {
    const options = '{"audio":{"input":{"turn_detection":{"silence_duration_ms":900},"noise_reduction":null}}}';
    const { session, turn } = settings('', { options });
    assert.match(JSON.stringify(session), /"noise_reduction":null/);
    assert.deepEqual(turn, { by: 'server', prefixMs: 300, silenceMs: 900 });
    const manual = settings('', { options: '{"audio":{"input":{"turn_detection":null}}}', gateLevel: '-30' });
    assert.equal(manual.turn.by, 'gate');
  });

  it('refuse in words what cannot work', () => {
    assert.throws(() => settings('', { model: 'whisper-1', keywords: 'Acme' }), /keywords: whisper-1 takes none/);
    assert.throws(() => settings('', { model: 'gpt-4o-transcribe', language: 'en,es' }), /language/);
    assert.throws(() => settings('', { model: 'gpt-realtime-whisper', prompt: 'x' }), /prompt/);
    assert.throws(() => settings('', { turnDetection: 'never' }), /turnDetection must be one of/);
    assert.throws(() => settings('', { silenceDurationMs: '50' }), /silenceDurationMs/);
    assert.equal(JSON.stringify(settings('', { language: 'auto' }).session).includes('language'), false);
  });
});
