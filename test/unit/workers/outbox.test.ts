import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { eachFrame } from '../../../nodes/call/workers/frames';
import { Outbox } from '../../../nodes/call/workers/outbox';
import type { FramesItem } from '../../../nodes/call/workers/protocol';

interface Item {
  t: 'word';
  word: string;
}

const WAIT_MS = 4;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const item = (word: string): Item => ({ t: 'word', word });

describe('what one thread tells another', () => {
  let posted: string[];
  let transferred: number[];
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    posted = [];
    transferred = [];
  });
  afterEach(() => mock.timers.reset());

  function outbox(waitMs: number): Outbox<Item> {
    return new Outbox<Item>((batch, transfer) => {
      posted.push(batch.map(inWords).join(' '));
      transferred.push(transfer.length);
    }, waitMs);
  }

  function inWords(told: Item | FramesItem): string {
    if (told.t === 'word') return told.word;
    const frames: string[] = [];
    eachFrame(told.bytes, (n, audio, mark) => frames.push(`${n}:${audio.length}${mark && `:${mark}`}`));
    return `[${frames.join(',')}]`;
  }

  it('in one turn of the event loop goes together, at its end', async () => {
    const box = outbox(WAIT_MS);
    box.send(item('a'));
    box.send(item('b'));
    assert.deepEqual(posted, []);
    await turn();
    assert.deepEqual(posted, ['a b']);
    await turn();
    assert.deepEqual(posted, ['a b'], 'once');
    box.send(item('c'));
    await turn();
    assert.deepEqual(posted, ['a b', 'c'], 'what comes later goes later');
  });

  it('frames wait a few ms for company', async () => {
    const box = outbox(WAIT_MS);
    box.frame(1, Buffer.alloc(160));
    await turn();
    mock.timers.tick(WAIT_MS - 1);
    box.frame(2, Buffer.alloc(160));
    assert.deepEqual(posted, []);
    mock.timers.tick(1);
    assert.deepEqual(posted, ['[1:160,2:160]'], 'as long as the first may wait');
    assert.deepEqual(transferred, [1], 'handed over without a copy');
    mock.timers.tick(100);
    assert.equal(posted.length, 1);
  });

  it('or go at the end of the turn, where they may not wait', async () => {
    const box = outbox(0);
    box.frame(1, Buffer.alloc(160), 'm');
    await turn();
    assert.deepEqual(posted, ['[1:160:m]']);
  });

  it('keeps its order: what is told takes with it the frames before it, and none that come after', async () => {
    const box = outbox(WAIT_MS);
    box.frame(1, Buffer.alloc(160));
    box.send(item('clear'));
    box.frame(1, Buffer.alloc(320));
    box.frame(2, Buffer.alloc(160));
    box.send(item('end'));
    box.frame(2, Buffer.alloc(480));
    await turn();
    assert.deepEqual(posted, ['[1:160] clear [1:320,2:160] end [2:480]']);
    assert.deepEqual(transferred, [3]);
    mock.timers.tick(WAIT_MS);
    assert.equal(posted.length, 1);
  });

  it('goes at once where that is asked for, and not once more', async () => {
    const box = outbox(WAIT_MS);
    box.send(item('a'));
    box.frame(1, Buffer.alloc(160));
    box.flush();
    box.flush();
    await turn();
    mock.timers.tick(WAIT_MS);
    assert.deepEqual(posted, ['a [1:160]']);
  });

  it('frames wait anew after each batch', () => {
    const box = outbox(WAIT_MS);
    for (let i = 1; i <= 3; i++) {
      box.frame(i, Buffer.alloc(160));
      mock.timers.tick(WAIT_MS);
    }
    assert.deepEqual(posted, ['[1:160]', '[2:160]', '[3:160]']);
  });

  it('is nothing any more once it is closed', async () => {
    const box = outbox(WAIT_MS);
    box.send(item('a'));
    box.frame(1, Buffer.alloc(160));
    box.close();
    box.send(item('b'));
    box.frame(1, Buffer.alloc(160));
    box.flush();
    await turn();
    mock.timers.tick(WAIT_MS);
    assert.deepEqual(posted, []);
  });
});
