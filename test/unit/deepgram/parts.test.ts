import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { AudioLog } from '../../../nodes/deepgram/audio-log';
import type { Hearing } from '../../../nodes/deepgram/listen';
import { NovaReader } from '../../../nodes/deepgram/listen-v1';
import { FluxReader } from '../../../nodes/deepgram/listen-v2';
import { Pacer } from '../../../nodes/deepgram/pacer';
import { StreamMap } from '../../../nodes/deepgram/stream-map';
import { cut } from '../../../nodes/deepgram/unfinished';
import { settings } from './caller';

describe('the log of what the caller said', () => {
  it('gives back every byte by its number, also across the end of its ring and its growth', () => {
    const log = new AudioLog(100_000);
    let written = 0;
    while (written < 350_000) {
      const frame = Buffer.from(Array.from({ length: 161 }, (_, i) => (written + i) % 251));
      log.append(frame, written / 8);
      written += 161;
      if (written % 5 === 0) log.trim(written - 20_000);
    }
    for (let pos = log.start; pos + 300 < log.end; pos += 997) {
      assert.deepEqual(
        [...log.read(pos, 300)],
        Array.from({ length: 300 }, (_, i) => (pos + i) % 251),
      );
    }
    assert.equal(log.end, written);
    assert.ok(log.end - log.start <= 100_000);
  });

  it('keeps a copy: what others do to the memory of a payload does not matter', () => {
    const log = new AudioLog(1000);
    const frame = Buffer.alloc(160, 1);
    log.append(frame, 20);
    frame.fill(9);
    assert.equal(log.read(0, 1)[0], 1);
  });

  it('knows when each byte was said, over pauses', () => {
    const log = new AudioLog(100_000);
    for (let i = 1; i <= 50; i++) log.append(Buffer.alloc(160), i * 20 + (i % 3));
    for (let i = 1; i <= 50; i++) log.append(Buffer.alloc(160), 5000 + i * 20);
    assert.ok(Math.abs(log.clockAt(500 * 8) - 500) <= 5);
    assert.ok(Math.abs(log.clockAt(1500 * 8) - 5500) <= 5);
  });
});

describe('the map of a stream', () => {
  it('finds the byte of a time, over what was left out', () => {
    const map = new StreamMap(8000);
    map.sent = 1600;
    map.jump(20_000);
    map.sent = 3200;
    assert.equal(map.posAt(100), 8800);
    assert.equal(map.posAt(300), 20_800);
    assert.equal(map.posAt(9999), 21_600);
  });
});

describe('the pace of a replay', () => {
  it('stays below 1.25 times real time', () => {
    const pacer = new Pacer(0);
    let sent = 0;
    for (let now = 0; now <= 10_000; now += 20) {
      pacer.tick(now);
      while (pacer.spend(160)) sent += 20;
    }
    assert.ok(sent > 11_800 && sent <= 12_000, `${sent}`);
  });
});

describe('where a broken turn is taken up', () => {
  const word = (text: string, startMs: number, endMs: number) => ({ text, startMs, endMs });

  it('is the last clean pause between words that will not change', () => {
    const words = [
      word('a', 0, 160),
      word('b', 200, 360),
      word('c', 360, 500),
      word('d', 540, 700),
      word('e', 740, 900),
    ];
    const found = cut({ text: 'so', words, fromMs: 0, heardMs: 1150 });
    assert.deepEqual([found.text, found.fromMs, found.rest.length], ['so a b c', 520, 2]);
  });

  it('is the beginning where words run into each other', () => {
    const words = [word('a', 0, 200), word('b', 200, 400), word('c', 400, 600)];
    assert.deepEqual(cut({ text: '', words, fromMs: 0, heardMs: 5000 }).fromMs, 0);
  });
});

function listening(): { hearing: Hearing; heard: unknown[][] } {
  const heard: unknown[][] = [];
  const note =
    (name: string) =>
    (...args: unknown[]): void =>
      void heard.push([name, ...args]);
  const hearing: Hearing = {
    speech: note('speech'),
    partial: note('partial'),
    eager: note('eager'),
    resumed: note('resumed'),
    end: note('end'),
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
