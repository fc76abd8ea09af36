import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Hearing } from '../../../nodes/call/stt/connection';
import { NovaReader } from '../../../nodes/deepgram/listen-v1';
import { FluxReader } from '../../../nodes/deepgram/listen-v2';
import { settings } from './caller';

function listening(): { hearing: Hearing; heard: unknown[][] } {
  const heard: unknown[][] = [];
  const note =
    (name: string) =>
    (...args: unknown[]): void =>
      void heard.push([name, ...args]);
  const hearing: Hearing = {
    speech: note('speech'),
    silence: note('silence'),
    partial: note('partial'),
    eager: note('eager'),
    resumed: note('resumed'),
    end: note('end'),
    failed: note('failed'),
    settled: () => undefined,
  };
  return { hearing, heard };
}

describe('reading v1', () => {
  const results = (transcript: string, flags: Record<string, unknown>) => ({
    type: 'Results',
    start: 1,
    duration: 1,
    channel: { alternatives: [{ transcript, words: [] }] },
    ...flags,
  });

  it('waits at UtteranceEnd for the segment that is not final yet', () => {
    const { hearing, heard } = listening();
    const reader = new NovaReader({ endpointingMs: 300, utteranceEndMs: 1000 }, hearing);
    reader.read(results('one', { is_final: true }));
    reader.read(results('two', { is_final: false }));
    reader.read({ type: 'UtteranceEnd', channel: [0, 1], last_word_end: 2.5 });
    reader.read(results('two', { is_final: true }));
    reader.read({ type: 'UtteranceEnd', channel: [0, 1], last_word_end: 2.5 });
    assert.deepEqual(
      heard.filter(([name]) => name === 'end'),
      [
        ['end', 'one two', 2500],
        ['end', '', 2500],
      ],
    );
  });

  it('tells unknown from misshapen, and words an error', () => {
    const reader = new NovaReader({ endpointingMs: 300, utteranceEndMs: 1000 }, listening().hearing);
    assert.equal(reader.read({ type: 'ConfigureSuccess' }), 'unknown');
    assert.equal(reader.read({ type: 'Results', channel: [0, 1] }), 'wrong');
    assert.equal(reader.read({ hello: 'world' }), 'wrong');
    const error = reader.read({ type: 'Error', description: 'no', code: 'KeytermsNotSupported' });
    assert.ok(error instanceof Error && /KeytermsNotSupported: no/.test(error.message));
  });
});

describe('reading v2', () => {
  it('knows words without times, and their punctuation from the transcript', () => {
    const { hearing, heard } = listening();
    const reader = new FluxReader(hearing);
    const turn = (event: string, transcript: string, words: unknown[]) => ({
      type: 'TurnInfo',
      event,
      turn_index: 0,
      audio_window_start: 0,
      audio_window_end: 2,
      transcript,
      words,
    });
    reader.read(turn('StartOfTurn', 'Hi, you', [{ word: 'Hi' }, { word: 'you' }]));
    assert.deepEqual(reader.unfinished().words, [
      { text: 'Hi,', startMs: 0, endMs: 1000 },
      { text: 'you', startMs: 1000, endMs: 2000 },
    ]);
    reader.read(turn('SomethingNew', 'Hi, you', []));
    reader.read(turn('EndOfTurn', 'Hi, you', []));
    assert.deepEqual(heard.at(-1), ['end', 'Hi, you', 2000]);
    assert.deepEqual(reader.unfinished().words, []);
  });
});

describe('the settings of deepgram-stt', () => {
  it('make the URL of v1, options winning, lists repeating their parameter', () => {
    const { url, flux, endpointingMs } = settings('https://example.org/dg', {
      keyterms: 'Acme\n rebooking \n\n',
      endpointing: '200',
      options: '{"tag":["a","b"],"smart_format":false,"endpointing":false}',
    });
    const { host, pathname, searchParams, protocol } = new URL(url);
    assert.deepEqual([protocol, host, pathname, flux], ['wss:', 'example.org', '/dg/v1/listen', false]);
    assert.deepEqual(searchParams.getAll('keyterm'), ['Acme', 'rebooking']);
    assert.deepEqual(searchParams.getAll('tag'), ['a', 'b']);
    assert.equal(searchParams.get('smart_format'), 'false');
    assert.equal(searchParams.get('endpointing'), 'false');
    assert.equal(endpointingMs, undefined);
  });

  it('make the URL of v2 without what v2 refuses', () => {
    const { searchParams, pathname } = new URL(settings('', { model: 'flux-general-en', language: 'en' }).url);
    assert.equal(pathname, '/v2/listen');
    assert.deepEqual([...searchParams.keys()], ['model', 'encoding', 'sample_rate']);
    const multi = new URL(settings('', { model: 'flux-general-multi', language: 'en, es', eotThreshold: '0.8' }).url);
    assert.deepEqual(multi.searchParams.getAll('language_hint'), ['en', 'es']);
    assert.equal(multi.searchParams.get('eot_threshold'), '0.8');
  });

  it('refuse in words what cannot work', () => {
    assert.throws(() => settings('', { model: 'flux-general-en', eagerEotThreshold: 0.9 }), /eagerEotThreshold/);
    assert.throws(() => settings('', { utteranceEndMs: 900 }), /utteranceEndMs/);
    assert.throws(() => settings('', { options: '{"tag":{"a":1}}' }), /options/);
  });
});
