import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import {
  BYTES_PER_MS,
  FRAME_BYTES,
  WordDecoder,
  cough,
  hearWords,
  isSilent,
  silence,
  speakWords,
} from '../../../simulators/audio';

function hear(...pieces: Buffer[]): WordDecoder {
  const decoder = new WordDecoder();
  for (const piece of pieces) decoder.push(piece);
  return decoder;
}

function texts(decoder: WordDecoder): string[] {
  return decoder.words.map((word) => word.text);
}

describe('words inside audio', () => {
  it('are heard as they were spoken, with their times', () => {
    const { audio, words } = speakWords('Do you open on Sunday?');
    assert.equal(audio.length, 5 * 200 * BYTES_PER_MS);
    assert.deepEqual(words[4], { text: 'Sunday?', startMs: 800, endMs: 960 });
    const heard = hear(audio).words;
    assert.deepEqual(
      heard.map((word) => [word.text, word.offsetMs, word.heardMs, word.totalMs, word.fromMs, word.brokenMs]),
      words.map((word) => [word.text, word.startMs, 160, 160, 0, 0]),
    );
  });

  it('survive any chunking and any misalignment', () => {
    const said = 'Grüße aus Zürich, 日本語 and 👋 emoji';
    const stream = Buffer.concat([silence(3.125), speakWords(said).audio, silence(40)]);
    for (const size of [1, 7, 137, 160, 1000, stream.length]) {
      const decoder = new WordDecoder();
      for (let at = 0; at < stream.length; at += size) decoder.push(stream.subarray(at, at + size));
      assert.equal(texts(decoder).join(' '), said, `in chunks of ${size}`);
      assert.equal(decoder.words[0]?.offsetMs, 3.125);
      assert.ok(decoder.words.every((word) => word.heardMs === word.totalMs && word.brokenMs === 0));
      assert.equal(decoder.offsetMs, stream.length / BYTES_PER_MS);
    }
  });

  it('are exactly those begun before a cut at any 20 ms', () => {
    const { audio, words } = speakWords('one two three four', { msPerWord: 100 });
    for (let cut = 0; cut <= audio.length; cut += FRAME_BYTES) {
      const cutMs = cut / BYTES_PER_MS;
      const begun = words.filter((word) => word.startMs < cutMs);
      const decoder = hear(audio.subarray(0, cut));
      decoder.end();
      assert.deepEqual(
        texts(decoder),
        begun.map((word) => word.text),
      );
      const last = decoder.words.at(-1);
      if (last) assert.equal(last.heardMs, Math.min(cutMs - last.offsetMs, last.totalMs));
    }
  });

  it('a word said twice is two words, and a replayed one is heard again', () => {
    const no = speakWords('no no').audio;
    assert.deepEqual(texts(hear(no)), ['no', 'no']);
    const hello = speakWords('hello').audio;
    const replayed = hear(hello.subarray(0, 3 * FRAME_BYTES), hello);
    assert.deepEqual(
      replayed.words.map((word) => [word.text, word.heardMs, word.fromMs]),
      [
        ['hello', 60, 0],
        ['hello', 160, 0],
      ],
    );
  });

  it('a word resumed from its middle is recognised, alone, after a pause, and after another word', () => {
    const word = speakWords('appointment').audio;
    const [start, rest] = [word.subarray(0, 3 * FRAME_BYTES), word.subarray(3 * FRAME_BYTES)];
    assert.deepEqual(
      hear(rest).words.map((w) => [w.text, w.fromMs, w.heardMs, w.totalMs]),
      [['appointment', 60, 100, 160]],
    );
    assert.deepEqual(
      hear(start, silence(300), rest).words.map((w) => [w.text, w.fromMs, w.heardMs, w.brokenMs]),
      [['appointment', 0, 160, 300]],
    );
    assert.deepEqual(
      hear(start, speakWords('sorry').audio, rest).words.map((w) => [w.text, w.fromMs]),
      [
        ['appointment', 0],
        ['sorry', 0],
        ['appointment', 60],
      ],
    );
  });

  it('a frame cut inside its text gives nothing, and the next word is still found', () => {
    const decoder = hear(speakWords('interrupted').audio.subarray(0, 16), speakWords('again').audio);
    assert.deepEqual(texts(decoder), ['again']);
  });

  it('calls back once at the first slice of each word', () => {
    const decoder = new WordDecoder();
    const begun: number[] = [];
    decoder.onWord = (word) => begun.push(word.heardMs);
    decoder.push(speakWords('one two').audio);
    assert.deepEqual(begun, [20, 20]);
  });

  it('are in neither silence nor a cough; only silence is silent', () => {
    assert.equal(hearWords(Buffer.concat([silence(500), cough(500)])), '');
    assert.ok(isSilent(silence(20)));
    assert.ok(isSilent(Buffer.alloc(FRAME_BYTES, 0x7f)));
    assert.ok(!isSilent(cough(20)));
    const { audio } = speakWords('a ' + 'x'.repeat(300));
    for (let at = 0; at < audio.length; at += 2 * 800) assert.ok(!isSilent(audio.subarray(at, at + FRAME_BYTES)));
    assert.equal(hearWords(audio).replaceAll(' ', ''), 'a' + 'x'.repeat(300));
  });

  it('keeps no more than a frame between pushes', () => {
    const decoder = hear(Buffer.alloc(1_000_000, 0xc0));
    decoder.push(speakWords('still here').audio);
    assert.equal(texts(decoder).join(' '), 'still here');
  });
});
