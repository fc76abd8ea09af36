import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { hashOf, RecentHashes } from '../../../nodes/call/recent';

const MESSAGES: [string, ...string[]][] = [
  ['v1a', 'reply'],
  ['v1a', 'reply', ''],
  ['v1a', 'repl', 'y'],
  ['v1', 'areply'],
  [''],
];

describe('The messages of a call', () => {
  it('are known again when they come a second time, and are new when anything differs', () => {
    const recent = new RecentHashes(256);
    for (const texts of MESSAGES) {
      assert.equal(recent.add(...texts), true, texts.join('|'));
      assert.equal(recent.add(...texts), false, texts.join('|'));
    }
  });

  it('are forgotten when as many others have come', () => {
    const recent = new RecentHashes(64);
    recent.add('first');
    for (let i = 0; i < 63; i++) recent.add(`other ${i}`);
    assert.equal(recent.add('first'), false);
    recent.add('one more');
    assert.equal(recent.add('first'), true);
  });

  it('are told apart, also where they are as alike as ours are', () => {
    // The ids of 200,000 messages in a row, and as many pieces of text.
    const seen = new Set<number>();
    for (let i = 0; i < 200_000; i++) {
      seen.add(hashOf([`vk3j9x2ab${i.toString(36)}`, 'playback.started']));
      seen.add(hashOf(['uvk3j9x2ab1', String(i), 'word']));
    }
    assert.equal(seen.size, 400_000);
  });
});
