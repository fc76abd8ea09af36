import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Speakable } from '../../../nodes/agent/speakable';
import { Chunker } from '../../../nodes/agent/spoken-text';
import type { Chunking } from '../../../nodes/agent/spoken-text';

/** The same text in one piece, by characters, and as a model would send it. */
function speak(raw: string): string {
  const ways = [[raw], [...raw], raw.match(/\s*\S+|\s+$/gu) ?? [], raw.match(/[\s\S]{1,3}/gu) ?? []].map((tokens) => {
    const speakable = new Speakable();
    return tokens.map((token) => speakable.push(token)).join('') + speakable.flush();
  });
  for (const way of ways) assert.equal(way, ways[0], `in pieces: ${raw}`);
  return ways[0] ?? '';
}

describe('What a model writes is made speakable', () => {
  const cases: [string, string, string][] = [
    ['plain text stays', 'Yes, from ten to four. Anything else?', 'Yes, from ten to four. Anything else?'],
    ['emphasis', 'That is **very** *nice*, __really__ ~~not~~ `so`.', 'That is very nice, really not so.'],
    ['a heading', '# Hours\nWe open at ten.', 'Hours. We open at ten.'],
    ['a list', 'We have:\n- tea\n- coffee\n* juice', 'We have: tea. coffee. juice'],
    ['bold bullets', '- **Tea**: hot\n- **Ice**: cold', 'Tea: hot. Ice: cold'],
    ['a numbered list keeps its numbers', '1. Call us\n2. Wait', '1. Call us 2. Wait'],
    ['paragraphs', 'First.\n\nSecond', 'First. Second'],
    ['paragraphs without a full stop', 'First\n\nSecond', 'First. Second'],
    ['a link', 'See [our page](https://www.acme.com/x?y=1), please.', 'See our page, please.'],
    ['a bare address', 'Look at https://www.acme.com/hours?d=1. Bye', 'Look at acme.com. Bye'],
    ['www alone', 'It is www.acme.com', 'It is acme.com'],
    ['words with h and w', 'he www who http h w', 'he www who http h w'],
    ['emoji', 'Sure 😀 thing 👍🏽! 🇩🇪 Bye ❤️', 'Sure thing ! Bye '],
    ['keycaps keep the number', 'Press 1️⃣ now', 'Press 1 now'],
    ['a code fence', 'Try:\n```js\nlet x = 1;\n```\nDone', 'Try: let x = 1; Done'],
    ['numbers', 'It costs 1,234.50 or 2 * 3 = 6, 50% off #4.', 'It costs 1,234.50 or 2 * 3 = 6, 50% off #4.'],
    ['snake case', 'the my_file_name here', 'the my_file_name here'],
    ['tags of a TTS', 'Wait <break time="1s"/> now', 'Wait <break time="1s"/> now'],
    ['brackets', 'one [1] two', 'one [1] two'],
    ['an image', 'a ![cat](http://x.y/c.png) b!', 'a cat b!'],
    ['a rule', 'One\n---\nTwo', 'One. Two'],
    ['umlauts, accents, other scripts', 'Grüße à tous, 你好。', 'Grüße à tous, 你好。'],
    ['a quote', '> He said so', 'He said so'],
    ['a minus', '-5 degrees', '-5 degrees'],
    ['nothing but signs', '🎉🎉', ''],
  ];
  for (const [name, raw, spoken] of cases) it(name, () => assert.equal(speak(raw), spoken));
});

function chunks(mode: Chunking, text: string, size = 4): string[] {
  const chunker = new Chunker(mode);
  const pieces = (text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'gu')) ?? []).flatMap((token) => chunker.push(token));
  return [...pieces, chunker.flush()];
}

const TEXT = 'Yes, we open at 10:30 on Sunday. Mr. Smith costs 3.50 euros! Is that all right? Good';

describe('Speech goes out in pieces', () => {
  it('the first clause at once, then sentences', () => {
    assert.deepEqual(chunks('clause', TEXT), [
      'Yes, ',
      'we open at 10:30 on Sunday. ',
      'Mr. Smith costs 3.50 euros! ',
      'Is that all right? ',
      'Good',
    ]);
  });

  it('the first eight words, if no clause ends before', () => {
    const [first] = chunks('clause', 'one two three four five six seven eight nine ten, eleven');
    assert.equal(first, 'one two three four five six seven eight ');
  });

  it('sentences', () => assert.equal(chunks('sentence', TEXT)[0], 'Yes, we open at 10:30 on Sunday. '));
  it('the whole', () => assert.deepEqual(chunks('whole', TEXT), [TEXT]));
  it('as the model writes', () => assert.equal(chunks('stream', TEXT, 7)[0], TEXT.slice(0, 7)));

  it('joined, the pieces are the text', () => {
    for (const mode of ['clause', 'sentence', 'whole', 'stream'] as const) {
      for (const size of [1, 3, 50]) assert.equal(chunks(mode, TEXT, size).join(''), TEXT);
    }
  });

  it('a sentence without an end does not pile up', () => {
    const pieces = chunks('sentence', 'word '.repeat(200));
    assert.ok(pieces.every((piece) => piece.length <= 300));
  });

  it('of a text that broke off only whole words are left', () => {
    const chunker = new Chunker('sentence');
    chunker.push('We open at te');
    assert.equal(chunker.flushBroken(), 'We open at');
  });
});
