import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Alignment } from '../../../nodes/elevenlabs/alignment';
import { readClose, readError } from '../../../nodes/elevenlabs/errors';
import { parseEvent } from '../../../nodes/elevenlabs/events';

describe("ElevenLabs' messages", () => {
  const times = { characters: ['G', 'o'], startsMs: [0, 92], durationsMs: [92, 58] };

  for (const [what, event] of Object.entries({
    'as recorded': {
      ...{ audio: 'f39+fn5/f38=', contextId: 'u3', isFinal: null, normalizedAlignment: null },
      alignment: { chars: ['G', 'o'], charStartTimesMs: [0, 92], charDurationsMs: [92, 58] },
    },
    'as in the specification': {
      ...{ audio: 'f39+fn5/f38=', contextId: 'u3', isFinal: false },
      alignment: { chars: ['G', 'o'], charsStartTimesMs: [0, 92], charsDurationsMs: [92, 58] },
    },
    'in snake case, with normalised times only': {
      ...{ audio: 'f39+fn5/f38=', context_id: 'u3', alignment: null },
      normalized_alignment: { chars: ['G', 'o'], char_start_times_ms: [0, 92], char_durations_ms: [92, 58] },
    },
  })) {
    it(`are read ${what}`, () => {
      assert.deepEqual(parseEvent(JSON.stringify(event)), {
        ...{ type: 'audio', contextId: 'u3', audio: Buffer.from('f39+fn5/f38=', 'base64'), times, final: false },
      });
    });
  }

  it('are final when they say true, alone or with audio; null is not', () => {
    const final = { type: 'audio', contextId: 'u3', audio: undefined, times: undefined, final: true };
    for (const event of [
      { isFinal: true, contextId: 'u3' },
      { is_final: true, context_id: 'u3', audio: null },
      { isFinal: true, contextId: 'u3', audio: '' },
    ]) {
      assert.deepEqual(parseEvent(JSON.stringify(event)), final);
    }
    const both = parseEvent('{"audio":"f38=","isFinal":true,"contextId":"u3"}');
    assert.ok(both.type === 'audio' && both.final && both.audio?.length === 2);
    assert.deepEqual(parseEvent('{"audio":null,"isFinal":null,"contextId":"u3"}'), { type: 'other' });
  });

  it('of other kinds, or that name no context, are ignored', () => {
    for (const event of [{ type: 'flush_done', contextId: 'u3' }, { audio: 'f38=' }, { isFinal: true }, {}]) {
      assert.deepEqual(parseEvent(JSON.stringify(event)), { type: 'other' });
    }
  });

  it('that nobody can read are protocol errors, of their context where that can be told', () => {
    for (const [text, contextId] of [
      ['nonsense', undefined],
      ['[]', undefined],
      ['{"contextId":"u3","audio":{"bytes":[1]}}', 'u3'],
      ['{"contextId":"u3","audio":"***"}', 'u3'],
      ['{"contextId":"u3","isFinal":null,"audio":"f39', 'u3'],
    ] as const) {
      const event = parseEvent(text);
      assert.ok(event.type === 'malformed', text);
      assert.equal(event.error.cause, 'protocol');
      assert.equal(event.contextId, contextId);
    }
    const odd = parseEvent('{"audio":"f38=","contextId":"u3","alignment":{"chars":["a"],"charStartTimesMs":"soon"}}');
    assert.ok(odd.type === 'audio' && odd.times === undefined, 'times that cannot be read spoil no audio');
  });

  it('are errors, told apart by their id and not by 1008', () => {
    for (const [error, cause, retryable] of [
      ['max_active_conversations', 'rate-limit', true],
      ['too_many_concurrent_requests', 'rate-limit', true],
      ['rate_limited', 'rate-limit', true],
      ['system_busy', 'unavailable', true],
      ['input_timeout_exceeded', 'closed', true],
      ['internal_server_error', 'unavailable', true],
      ['from_next_year', 'unavailable', true],
      ['quota_exceeded', 'billing', false],
      ['only_for_creator+', 'billing', false],
      ['invalid_api_key', 'authentication', false],
      ['authentication_required', 'authentication', false],
      ['voice_not_found', 'bad-request', false],
      ['voice_id_does_not_exist', 'bad-request', false],
      ['model_not_found', 'bad-request', false],
      ['invalid_voice_settings', 'bad-request', false],
    ] as const) {
      const event = parseEvent(JSON.stringify({ message: 'Words.', error, code: 1008 }));
      assert.ok(event.type === 'error', error);
      assert.deepEqual([event.error.cause, event.error.retryable], [cause, retryable], error);
      assert.match(event.error.message, new RegExp(`^elevenlabs: Words \\(${error.replace('+', '\\+')}\\) - `));
      assert.equal(event.contextId, undefined);
    }
    const one = parseEvent('{"message":"Gone.","error":"input_timeout_exceeded","code":1008,"contextId":"u3"}');
    assert.ok(one.type === 'error' && one.contextId === 'u3');
  });

  it('refuse a handshake in several shapes', () => {
    const cause = (status: number, body: unknown): string => readError(body, status).cause;
    assert.equal(cause(401, { detail: { status: 'invalid_api_key', message: 'Invalid API key' } }), 'authentication');
    assert.equal(cause(401, { detail: { status: 'quota_exceeded', message: 'Too much.' } }), 'billing');
    assert.equal(cause(404, { detail: { status: 'voice_not_found', message: 'No.' } }), 'bad-request');
    assert.equal(cause(429, { detail: { status: 'system_busy', message: 'Busy.' } }), 'unavailable');
    assert.equal(cause(422, { detail: [{ loc: ['query'], msg: 'value is not a valid integer' }] }), 'bad-request');
    assert.equal(cause(403, { detail: 'Forbidden' }), 'authentication');
    assert.equal(cause(429, ''), 'rate-limit');
    assert.equal(cause(503, '<html>'), 'unavailable');
    assert.equal(cause(200, { hello: 'world' }), 'protocol');
  });

  it('close with a reason that says why, where no error came before', () => {
    for (const [code, reason, cause] of [
      [1008, 'Maximum simultaneous contexts per WebSocket connection exceeded (5).', 'rate-limit'],
      [1008, 'Have not received a new text input within the timeout of 20.0 seconds. No new text', 'closed'],
      [1008, 'This request exceeds your quota of 10000.', 'billing'],
      [1008, 'Invalid API key', 'authentication'],
      [1008, 'Sorry, something went wrong.', 'unavailable'],
      [1008, 'Policy', 'closed'],
      [1011, 'Invalid API key', 'closed'],
      [1006, '', 'closed'],
    ] as const) {
      assert.equal(readClose(code, reason).cause, cause, `${code} ${reason}`);
    }
  });
});

describe("The words of ElevenLabs' characters", () => {
  /** A chunk: its characters with 10 ms each, from a time on. */
  const chunk = (text: string, fromMs = 0): Parameters<Alignment['take']>[0] => ({
    characters: [...text],
    startsMs: [...text].map((_, i) => fromMs + i * 10),
    durationsMs: [...text].map(() => 10),
  });

  it('are told when the next begins, or when the text has nothing more of them', () => {
    const alignment = new Alignment();
    alignment.sent('Good morning to you. ');
    assert.deepEqual(alignment.take(chunk('Good mor'), 0, 80), [{ text: 'Good', startMs: 0, endMs: 40 }]);
    assert.deepEqual(alignment.take(chunk('ning'), 80, 40), [{ text: 'morning', startMs: 50, endMs: 120 }]);
    assert.deepEqual(alignment.take(chunk(' to'), 120, 30), [{ text: 'to', startMs: 130, endMs: 150 }]);
    assert.deepEqual(alignment.take(chunk(' you'), 150, 40), [], 'its point is missing');
    assert.deepEqual(alignment.rest(), [{ text: 'you', startMs: 160, endMs: 190 }]);
    assert.deepEqual(alignment.rest(), []);
  });

  it('may be spoken otherwise than they were written', () => {
    const alignment = new Alignment();
    alignment.sent('At 10 o clock. ');
    assert.deepEqual(
      alignment.take(chunk(' At ten '), 0, 80).map(({ text }) => text),
      ['At', 'ten'],
    );
    assert.deepEqual(
      alignment.take(chunk('o clock.'), 80, 80).map(({ text }) => text),
      ['o', 'clock.'],
    );
  });

  it('have times from the start of the chunk or of the context: the first chunk that can tell decides', () => {
    const starts = (fromContext: boolean): number[] => {
      const alignment = new Alignment();
      alignment.sent('aaa bbb ccc ddd ');
      return [0, 40, 80, 120].flatMap((baseMs, i) =>
        alignment
          .take(chunk('abcd'.charAt(i).repeat(3) + ' ', fromContext ? baseMs : 0), baseMs, 40)
          .map((w) => w.startMs),
      );
    };
    assert.deepEqual(starts(false), [0, 40, 80, 120]);
    assert.deepEqual(starts(true), [0, 40, 80, 120]);
  });

  it('with a pause at the beginning of a chunk are not taken for times of the context', () => {
    const alignment = new Alignment();
    alignment.sent('aaa bbb ccc ');
    alignment.take(chunk('aaa '), 0, 200);
    assert.equal(alignment.take(chunk('bbb ', 190), 200, 300)[0]?.startMs, 390);
    assert.equal(alignment.take(chunk('ccc '), 500, 100)[0]?.startMs, 500);
  });

  it('never run backwards, and need no durations', () => {
    const alignment = new Alignment();
    alignment.sent('a b ');
    const words = alignment.take(
      { characters: ['a', ' ', 'b', ' '], startsMs: [50, 60, 20, 90], durationsMs: [] },
      0,
      100,
    );
    assert.deepEqual(words, [
      { text: 'a', startMs: 50, endMs: 60 },
      { text: 'b', startMs: 50, endMs: 90 },
    ]);
  });
});
