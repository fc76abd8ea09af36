import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { AudioOrder } from '../../../nodes/call/playback/audio-order';

describe('The order of an utterance’s audio', () => {
  const piece = (seq: number) => ({ seq, audio: Buffer.alloc(1), words: [], done: false });
  function stage() {
    const order = new AudioOrder();
    const played: number[] = [];
    const waiting = (): void => {
      for (let next = order.take(); next; next = order.take()) played.push(next.seq);
    };
    /** @returns false for one that came before */
    const come = (seq: number, now = 0): boolean => {
      if (!order.isNext(seq)) return order.keep(piece(seq), now);
      played.push(seq);
      waiting();
      return true;
    };
    return { order, played, come, waiting };
  }

  it('is that of seq, however the pieces come, and each is played once', () => {
    const { played, come } = stage();
    for (const seq of [1, 0, 3, 4, 2]) assert.equal(come(seq), true);
    for (const seq of [0, 3, 4]) assert.equal(come(seq), false);
    assert.deepEqual(played, [0, 1, 2, 3, 4]);
  });

  it('waits half a second for what is missing, then goes on without it', () => {
    const { order, played, come, waiting } = stage();
    come(0, 1_000);
    come(3, 1_000);
    assert.equal(come(3, 1_010), false);
    assert.equal(order.skip(1_499), false);
    assert.equal(order.skip(1_500), true);
    waiting();
    assert.deepEqual(played, [0, 3]);
    assert.equal(come(1, 1_600), false, 'too late');
    assert.equal(order.skip(9_000), false, 'nothing waits');
  });

  it('has a limit: behind 64 pieces that wait, nothing is waited for', () => {
    const { order, come } = stage();
    for (let seq = 1; seq <= 64; seq++) come(seq, 1_000);
    assert.equal(order.skip(1_001), false);
    come(65, 1_001);
    assert.equal(order.skip(1_001), true);
  });
});
