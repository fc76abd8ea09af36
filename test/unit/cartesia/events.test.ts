import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseEvent as parse } from '../../../nodes/cartesia/events';
import { contextFields } from '../../../nodes/cartesia/requests';
import { VOICE } from './speaker';

const parseEvent = (text: string): ReturnType<typeof parse> => parse(Buffer.from(text));

function errorOf(event: unknown): [string, string, string | undefined] {
  const read = parseEvent(JSON.stringify(event));
  assert.ok(read.type === 'error' || read.type === 'malformed');
  return [read.error.cause, read.error.message, read.contextId];
}

describe("Cartesia's messages", () => {
  it('are read as the contract shows them', () => {
    const chunk = parseEvent(
      '{"type":"chunk","context_id":"call7-u3","status_code":206,"done":false,"step_time":38.2,"data":"f39/f7/+7/v5/f38=","flush_id":1}',
    );
    assert.equal(chunk.type, 'chunk');
    assert.deepEqual(
      parseEvent(
        '{"type":"timestamps","context_id":"c","word_timestamps":{"words":["Good","morning,"],"start":[0.02,0.21],"end":[0.2,0.62]}}',
      ),
      {
        type: 'timestamps',
        contextId: 'c',
        words: [
          { text: 'Good', startMs: 20, endMs: 200 },
          { text: 'morning,', startMs: 210, endMs: 620 },
        ],
      },
    );
    assert.deepEqual(parseEvent('{"type":"done","context_id":"c","status_code":200,"done":true}'), {
      type: 'done',
      contextId: 'c',
    });
    for (const type of ['flush_done', 'phoneme_timestamps', 'from_next_year']) {
      assert.deepEqual(parseEvent(JSON.stringify({ type, context_id: 'c' })), { type: 'other' });
    }
  });

  it('may be chunks without audio', () => {
    const event = parseEvent('{"type":"chunk","context_id":"c","data":""}');
    assert.ok(event.type === 'chunk' && event.audio.length === 0);
  });

  it('are chunks in whatever order of fields, spaced or escaped as JSON may be', () => {
    const audio = Buffer.from([0xff, 0xef, 0xbe, 0xff, 1, 2]);
    const data = audio.toString('base64');
    for (const text of [
      `{"type":"chunk","data":"${data}","done":false,"context_id":"c"}`,
      `{"type":"chunk","context_id":"c","data":"${data}"}`,
      `{"context_id":"c","type":"chunk","data":"${data}"}`,
      `{ "type": "chunk", "context_id": "c", "data": "${data}" }`,
      `{"type":"chunk","context_id":"c","data":"${data.replace('/', '\\/')}"}`,
      `{"type":"chunk","context_id":"\\u0063","data":"${data}"}`,
      `{"type":"chunk","context_id":"c","note":"\\"data\\":\\"","data":"${data}"}`,
      `{"type":"chunk","more":{"context_id":"d","data":"AAAA"},"context_id":"c","data":"${data}"}`,
    ]) {
      const event = parseEvent(text);
      assert.ok(event.type === 'chunk', text);
      assert.equal(event.contextId, 'c', text);
      assert.deepEqual(event.audio, audio, text);
    }
  });

  it('are errors of either shape', () => {
    const structured = { type: 'error', context_id: 'c', done: true, title: 'T', message: 'No voice with this id.' };
    const [cause, message, context] = errorOf({ ...structured, status_code: 404, error_code: 'voice_not_found' });
    assert.equal(cause, 'bad-request');
    assert.match(message, /^cartesia: No voice with this id \(voice_not_found\) - /);
    assert.equal(context, 'c');
    const legacy = errorOf({ type: 'error', context_id: 'c', status_code: 400, error: 'Invalid voice: not found' });
    assert.match(legacy[1], /Invalid voice: not found/);
    for (const [more, expected] of [
      [{ status_code: 429, error_code: null }, 'rate-limit'],
      [{ status_code: 400, error_code: 'concurrency_limited' }, 'rate-limit'],
      [{ status_code: 401 }, 'authentication'],
      [{ status_code: 402 }, 'billing'],
      [{ status_code: 403, error_code: 'quota_exceeded' }, 'billing'],
      [{ status_code: 503 }, 'unavailable'],
      [{}, 'unavailable'],
    ] as const) {
      const [read, , id] = errorOf({ type: 'error', title: 'T', ...more });
      assert.equal(read, expected);
      assert.equal(id, undefined);
    }
  });

  it('that nobody can read are protocol errors, of their context where that can be told', () => {
    for (const [text, contextId] of [
      ['nonsense', undefined],
      ['[]', undefined],
      ['{"a":1}', undefined],
      ['{"type":"chunk","context_id":"c"}', 'c'],
      ['{"type":"chunk","context_id":"c","data":"***"}', 'c'],
      ['{"type":"timestamps","context_id":"c","word_timestamps":[]}', 'c'],
      ['{"type":"chunk","context_id":"c","data":"f39', 'c'],
      ['{"type":"done"}', undefined],
    ] as const) {
      const event = parseEvent(text);
      assert.ok(event.type === 'malformed', text);
      assert.equal(event.error.cause, 'protocol');
      assert.equal(event.contextId, contextId);
    }
  });
});

describe('A generation request', () => {
  it('takes further options, but not those that the pack relies on', () => {
    const options = {
      generation_config: { emotion: 'calm' },
      output_format: { container: 'wav' },
      context_id: 'mine',
      locale: 'en-GB',
      pronunciation_dict_id: 'd',
    };
    const fields = contextFields({ ...VOICE, speed: 0.9, options }, 'c');
    assert.deepEqual(fields.generation_config, { speed: 0.9, emotion: 'calm' });
    assert.deepEqual(fields.output_format, { container: 'raw', encoding: 'pcm_mulaw', sample_rate: 8000 });
    assert.equal(fields.context_id, 'c');
    assert.equal(fields.language, undefined);
    assert.equal(fields.pronunciation_dict_id, 'd');
    assert.equal(fields.max_buffer_delay_ms, 0);
    assert.equal(fields.add_timestamps, true);
  });
});
