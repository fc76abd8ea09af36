import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Clips } from '../../../nodes/call/tts/clips';
import { Places } from '../../../nodes/call/tts/places';
import { SpokenText } from '../../../nodes/call/tts/spoken-text';
import { PieceOrder } from '../../../nodes/call/tts/order';

describe('The order of pieces', () => {
  function order(missingMs = 20): { pieces: PieceOrder; said: string[]; wait: () => Promise<void> } {
    const said: string[] = [];
    const pieces = new PieceOrder((text, done) => said.push(done ? `${text}|` : text), missingMs);
    return { pieces, said, wait: () => new Promise((resolve) => setTimeout(resolve, missingMs * 2)) };
  }

  it('is that of seq, however they come', () => {
    const { pieces, said } = order();
    for (const seq of [2, 1, 0]) pieces.add({ text: `${seq}`, seq, done: seq === 2 });
    assert.deepEqual(said, ['0', '1', '2|']);
  });

  it('waits for a missing piece, but not for long', async () => {
    const { pieces, said, wait } = order();
    pieces.add({ text: '0', seq: 0, done: false });
    pieces.add({ text: '2', seq: 2, done: false });
    pieces.add({ text: '4', seq: 4, done: true });
    assert.deepEqual(said, ['0']);
    await wait();
    assert.deepEqual(said.slice(0, 2), ['0', '2']);
    await wait();
    assert.deepEqual(said, ['0', '2', '4|']);
    assert.equal(pieces.add({ text: '1', seq: 1, done: false }), 'late');
    assert.equal(pieces.add({ text: 'more', seq: 4, done: true }), 'after-end');
  });

  it('is that of arrival where several have one seq', () => {
    const { pieces, said } = order();
    for (const text of ['a', 'b', 'c']) pieces.add({ text, seq: 0, done: text === 'c' });
    assert.deepEqual(said, ['a', 'b', 'c|']);
  });

  it('leaves nothing behind when it is given up', async () => {
    const { pieces, said, wait } = order();
    pieces.add({ text: '1', seq: 1, done: true });
    pieces.dispose();
    await wait();
    assert.deepEqual(said, []);
  });

  it('has a limit', () => {
    const { pieces, said } = order(60_000);
    for (let seq = 1; seq <= 201; seq++) pieces.add({ text: String(seq), seq, done: false });
    assert.equal(said.length, 201);
    pieces.dispose();
  });
});

describe('The places of a plan', () => {
  it('are given first come, first served, and never leak', () => {
    const places = new Places();
    const got: string[] = [];
    const first = places.take(1, () => got.push('first'));
    const second = places.take(1, () => got.push('second'));
    const third = places.take(1, () => got.push('third'));
    assert.deepEqual(got, ['first']);
    assert.equal(places.tryTake(9), undefined, 'not past those who wait');
    second.release();
    second.release();
    first.release();
    assert.deepEqual(got, ['first', 'third']);
    assert.equal(third.held, true);
    third.release();
    third.release();
    assert.deepEqual([places.active, places.waiting], [0, 0]);
    const aside = places.tryTake(1);
    assert.equal(aside?.held, true);
    aside.release();
  });
});

describe('How far the audio has come in a text', () => {
  it('goes by the words with times', () => {
    const text = 'Good morning, how are you?';
    const spoken = new SpokenText(0);
    spoken.heardWord(text, 'Good', 200);
    spoken.heardWord(text, 'morning', 620);
    assert.equal(text.slice(spoken.firstUnspoken(text, 650)).trim(), 'how are you?');
    assert.equal(spoken.covers(text, text.length, 650), false);
    for (const [word, end] of [
      ['how', 800],
      ['are', 900],
      ['you', 1100],
    ] as const)
      spoken.heardWord(text, word, end);
    assert.equal(spoken.covers(text, text.length, 1100), true);
  });

  it('goes on by proportion where the audio is ahead of the times', () => {
    const text = 'one two three four';
    const spoken = new SpokenText(0);
    spoken.heardWord(text, 'one', 200);
    assert.equal(text.slice(spoken.firstUnspoken(text, 450)).trim(), 'three four');
    assert.equal(text.slice(spoken.firstUnspoken(text, 620)).trim(), 'four', 'the third has begun');
    assert.deepEqual(spoken.untimed(text, 7, 400), [{ text: 'two', startMs: 200, endMs: 400 }]);
  });

  it('asks again for a word that may not have begun, where the one before was longer than reckoned', () => {
    const text = 'seven eight nine ten eleven';
    const spoken = new SpokenText(0);
    spoken.heardWord(text, 'seven', 160);
    spoken.heardWord(text, 'eight', 360);
    assert.equal(text.slice(spoken.firstUnspoken(text, 600)).trim(), 'ten eleven');
  });

  it('takes a word that is written otherwise for the next one', () => {
    const text = 'It costs 10 euros.';
    const spoken = new SpokenText(0);
    for (const word of ['It', 'costs', 'ten']) spoken.heardWord(text, word, 500);
    assert.equal(text.slice(spoken.firstUnspoken(text, 500)).trim(), 'euros.');
  });

  it('knows no words: half of what is to be expected counts', () => {
    const text = 'x'.repeat(100);
    assert.equal(new SpokenText(0).covers(text, 100, 2000), false);
    assert.equal(new SpokenText(0).covers(text, 100, 4000), true);
    assert.equal(new SpokenText(0).covers(text, 100, 0), false);
  });
});

describe('Clips', () => {
  const clip = { audio: Buffer.alloc(8), words: [] };

  it('are made once, and fifty are kept', () => {
    const clips = new Clips();
    assert.equal(clips.begin('a'), true);
    assert.equal(clips.begin('a'), false, 'in the making');
    clips.giveUp('a');
    assert.equal(clips.begin('a'), true);
    clips.keep('a', clip);
    assert.equal(clips.begin('a'), false, 'there');
    for (let i = 0; i < 49; i++) clips.keep(`${i}`, clip);
    assert.ok(clips.get('a'), 'used just now');
    clips.keep('one more', clip);
    assert.equal(clips.size, 50);
    assert.ok(clips.get('a'));
    assert.equal(clips.get('0'), undefined);
  });
});
