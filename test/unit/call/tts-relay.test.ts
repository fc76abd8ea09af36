import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Word } from '../../../nodes/call/message';
import type { AudioPiece, Relay, Stretch, Voice } from '../../../nodes/call/tts/relay';
import { MAX_UTTERANCES, Relays } from '../../../nodes/call/tts/relays';

const REPLY = { id: 'u1', kind: 'reply', interruptible: true } as const;
const MS = 8;

/** A TTS node of the test: its stretches say nothing by themselves. */
class TestVoice implements Voice {
  readonly stretches: TestStretch[] = [];
  text = '';

  constructor(private readonly wire: (AudioPiece & { by: TestVoice })[]) {}

  begin(relay: Relay): Stretch {
    const stretch = new TestStretch(relay, (piece) => this.wire.push({ ...piece, by: this }));
    this.stretches.push(stretch);
    return stretch;
  }

  written(_relay: Relay, text: string): void {
    this.text += text;
  }

  /** The nth stretch that this TTS was given. */
  at(n: number): TestStretch {
    const stretch = this.stretches[n];
    assert.ok(stretch, `there is no stretch ${n}`);
    return stretch;
  }
}

class TestStretch implements Stretch {
  said = '';
  ended = false;
  cancelled = false;

  constructor(
    private readonly relay: Relay,
    readonly send: (piece: AudioPiece) => void,
  ) {}

  say(text: string): void {
    this.said += text;
  }
  end(): void {
    this.ended = true;
  }
  cancel(): void {
    this.cancelled = true;
  }

  /** Audio of so many ms, all of the byte `value`, is made. */
  audio(value: number, ms: number, words: Word[] = []): this {
    this.relay.audio(this, Buffer.alloc(ms * MS, value), words);
    return this;
  }
  done(): void {
    this.relay.done(this);
  }
}

describe('An utterance that several TTS nodes speak', () => {
  function stage() {
    const wire: (AudioPiece & { by: TestVoice })[] = [];
    const [ann, bob] = [new TestVoice(wire), new TestVoice(wire)];
    const relays = new Relays();
    const relay = relays.begin(REPLY);
    const heard = (): number[] => wire.filter(({ chunk }) => chunk.length > 0).map(({ chunk }) => chunk[0] ?? 0);
    return { wire, ann, bob, relays, relay, heard };
  }

  it('goes from one to the other without a wait: the first ends with what it has', () => {
    const { ann, bob, relay } = stage();
    relay.add(ann, { text: 'One ', seq: 0, done: false });
    relay.add(ann, { text: 'two ', seq: 1, done: false });
    assert.equal(ann.at(0).ended, false);
    relay.add(bob, { text: 'three ', seq: 2, done: false });
    assert.deepEqual([ann.at(0).said, ann.at(0).ended], ['One two ', true]);
    assert.deepEqual([bob.at(0).said, bob.at(0).ended], ['three ', false]);
    relay.add(bob, { text: 'four', seq: 3, done: true });
    assert.deepEqual([bob.at(0).said, bob.at(0).ended], ['three four', true]);
  });

  it('is one run of audio: counted on, words timed from its start, and done once', () => {
    const { ann, bob, relay, relays, wire } = stage();
    relay.add(ann, { text: 'One ', seq: 0, done: false });
    relay.add(bob, { text: 'two ', seq: 1, done: false });
    relay.add(ann, { text: 'three', seq: 2, done: true });
    // All at once, the last first.
    ann
      .at(1)
      .audio(3, 60, [{ text: 'three', startMs: 0, endMs: 60 }])
      .done();
    bob.at(0).audio(2, 30, [{ text: 'two', startMs: 10, endMs: 30 }]);
    assert.equal(wire.length, 0);
    ann.at(0).audio(1, 100, [{ text: 'One', startMs: 0, endMs: 90 }]);
    ann.at(0).done();
    bob.at(0).audio(2, 10);
    assert.equal(wire.some(({ done }) => done), false); // prettier-ignore
    bob.at(0).done();
    assert.deepEqual(
      wire.map(({ seq, by, chunk, words, done }) => [seq, by === ann ? 'ann' : 'bob', chunk.length / MS, words, done]),
      [
        [0, 'ann', 100, [{ text: 'One', startMs: 0, endMs: 90 }], false],
        [1, 'bob', 30, [{ text: 'two', startMs: 110, endMs: 130 }], false],
        [2, 'bob', 10, [], false],
        [3, 'ann', 60, [{ text: 'three', startMs: 140, endMs: 200 }], false],
        [4, 'ann', 0, [], true],
      ],
    );
    assert.equal(relays.get(REPLY.id), undefined, 'nothing is left');
    assert.equal(relays.wasWritten(REPLY.id), true);
  });

  it('keeps the order of the pieces, whichever TTS they come to first', () => {
    const { ann, bob, relay } = stage();
    relay.add(bob, { text: 'two', seq: 1, done: true });
    assert.equal(bob.stretches.length, 0, 'the piece before it has not come');
    relay.add(ann, { text: 'One ', seq: 0, done: false });
    assert.deepEqual([ann.at(0).said, bob.at(0).said], ['One ', 'two']);
    assert.equal(relay.add(ann, { text: 'more', seq: 1, done: true }), 'after-end');
  });

  it('is spoken once where a forked wire leads to both', () => {
    const { ann, bob, relay } = stage();
    for (const [seq, text] of ['One ', 'two ', 'three'].entries()) {
      const piece = { text, seq, done: seq === 2 };
      assert.equal(relay.add(ann, piece), 'taken');
      assert.equal(relay.add(bob, piece), 'again');
    }
    assert.deepEqual([ann.at(0).said, bob.stretches.length], ['One two three', 0]);
  });

  it('given up, it is dead in both', () => {
    const { ann, bob, relay, relays, wire } = stage();
    relay.add(ann, { text: 'One ', seq: 0, done: false });
    relay.add(bob, { text: 'two ', seq: 1, done: false });
    relays.giveUpAll('interruptible');
    assert.deepEqual([ann.at(0).cancelled, bob.at(0).cancelled], [true, true]);
    ann.at(0).audio(1, 20).done();
    bob.at(0).audio(2, 20).done();
    assert.equal(wire.length, 0);
    assert.equal(relays.isDead(REPLY.id), true);
    assert.equal(relays.get(REPLY.id), undefined);
  });

  it('the second fails while the first still speaks: the first is heard out before anything follows from that', () => {
    const { ann, bob, relay, heard } = stage();
    relay.add(ann, { text: 'One ', seq: 0, done: false });
    relay.add(bob, { text: 'two', seq: 1, done: true });
    let failed = 0;
    bob.at(0).audio(2, 20);
    relay.failed(bob.at(0), () => {
      failed++;
      relay.giveUp();
    });
    ann.at(0).audio(1, 20);
    assert.deepEqual([heard(), failed], [[1], 0]);
    ann.at(0).done();
    assert.deepEqual([heard(), failed], [[1, 2], 1]);
  });

  it('a TTS node that a Deploy removes leaves its part out, and the others go on', () => {
    const { ann, bob, relay, relays, heard, wire } = stage();
    relay.add(ann, { text: 'One ', seq: 0, done: false });
    relay.add(bob, { text: 'two', seq: 1, done: true });
    bob.at(0).audio(2, 20).done();
    assert.deepEqual(heard(), []);
    relays.leave(ann);
    assert.equal(ann.at(0).cancelled, true);
    assert.deepEqual(heard(), [2]);
    assert.equal(wire.at(-1)?.done, true);
  });

  it('audio that waits for the stretch before it has a limit: ten minutes', () => {
    const { ann, bob, relay, wire } = stage();
    relay.add(ann, { text: 'One ', seq: 0, done: false });
    relay.add(bob, { text: 'two', seq: 1, done: true });
    for (let minute = 0; minute < 11; minute++) bob.at(0).audio(minute + 1, 60_000);
    ann.at(0).done();
    assert.equal(wire.length, 10);
  });

  it('a call has no more than 64 of them under way', () => {
    const { relays } = stage();
    for (let i = 1; i < MAX_UTTERANCES; i++) {
      assert.equal(relays.full, false);
      relays.begin({ ...REPLY, id: `more${i}` });
    }
    assert.equal(relays.full, true);
    relays.giveUpAll('all');
    assert.equal(relays.full, false);
  });
});
