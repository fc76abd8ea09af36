/** The limits of what an agent remembers, each at its edge. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Conversation } from '../../../nodes/agent/conversation';
import type { ModelMessage } from '../../../nodes/agent/conversation';
import type { ModelRequest, ModelStream } from '../../../nodes/agent/model';
import { ModelReply } from '../../../nodes/agent/model-reply';
import type { ReplyEnd } from '../../../nodes/agent/model-reply';
import { QUEUE_LIMIT, WaitingTurns } from '../../../nodes/agent/turn';
import type { Turn } from '../../../nodes/agent/turn';

const turn = (text: string): Turn =>
  ({ text, instructions: '', interruptible: true, byCaller: false, flow: {}, timing: {} }) as unknown as Turn;

describe('what an agent remembers', () => {
  it('is 2,000 entries of a call: of one more, the oldest is forgotten', () => {
    const conversation = new Conversation();
    for (let i = 0; i < 2_000; i++) conversation.addUser(`words ${i}`);
    assert.deepEqual(conversation.entries()[0], { role: 'user', text: 'words 0' });
    conversation.addUser('the last words');
    const entries = conversation.entries();
    assert.equal(entries.length, 2_000);
    assert.deepEqual(
      [entries[0], entries.at(-1)].map((entry) => entry?.role === 'user' && entry.text),
      ['words 1', 'the last words'],
    );
  });

  it('is likewise 2,000 entries of a history that the flow gives it', () => {
    const conversation = new Conversation();
    const history = Array.from({ length: 2_001 }, (_, i): ModelMessage => ({ role: 'user', text: `words ${i}` }));
    conversation.remember(history);
    const known = conversation.messages(10_000);
    assert.equal(known.length, 2_000);
    assert.equal(known[0]?.text, 'words 1');
  });

  it('to be answered is eight turns at most: with the ninth, the two oldest become one, and no word is lost', () => {
    const turns = new WaitingTurns();
    for (let i = 1; i <= 8; i++) turns.add(turn(`turn ${i}`), QUEUE_LIMIT, 'join');
    assert.equal(turns.length, 8);
    assert.deepEqual(turns.add(turn('turn 9'), QUEUE_LIMIT, 'join'), []);
    assert.equal(turns.length, 8);
    assert.deepEqual(
      turns.drain().map(({ text }) => text),
      ['turn 1 turn 2', ...Array.from({ length: 7 }, (_, i) => `turn ${i + 3}`)],
    );
  });

  it('to be answered is, by setting, without the oldest or the newest: who is left out is told', () => {
    for (const [policy, left, kept] of [
      ['oldest', 'one', ['two', 'three']],
      ['newest', 'three', ['one', 'two']],
    ] as const) {
      const turns = new WaitingTurns();
      assert.deepEqual([...turns.add(turn('one'), 2, policy), ...turns.add(turn('two'), 2, policy)], []);
      assert.deepEqual(
        turns.add(turn('three'), 2, policy).map(({ text }) => text),
        [left],
      );
      assert.deepEqual(
        turns.drain().map(({ text }) => text),
        kept,
      );
    }
  });

  it("to be answered is one turn where there is room for one, and the caller's next words are part of it", () => {
    for (const policy of ['join', 'oldest', 'newest'] as const) {
      const turns = new WaitingTurns();
      const words = (text: string): Turn => ({ ...turn(text), byCaller: true });
      assert.deepEqual([...turns.add(words('I want'), 1, policy), ...turns.add(words('a table'), 1, policy)], []);
      assert.deepEqual(
        turns.drain().map(({ text }) => text),
        ['I want a table'],
      );
    }
  });

  it('to be answered becomes less at once when a flow lowers the limit', () => {
    const turns = new WaitingTurns();
    for (const text of ['one', 'two', 'three']) turns.add(turn(text), 8, 'join');
    turns.add(turn('four'), 2, 'join');
    assert.deepEqual(
      turns.drain().map(({ text }) => text),
      ['one two three', 'four'],
    );
    for (const text of ['one', 'two', 'three']) turns.add(turn(text), 8, 'oldest');
    assert.equal(turns.add(turn('four'), 2, 'oldest').length, 2);
  });

  it('as protected stays so when it becomes one with another', () => {
    const turns = new WaitingTurns();
    turns.add({ ...turn('one'), interruptible: false }, 1, 'join');
    turns.add(turn('two'), 1, 'join');
    assert.equal(turns.next()?.interruptible, false);
  });
});

describe('a model that does not stop', () => {
  /** Writes 100 characters again and again, so many times. */
  const chatty = (times: number, stopped: () => void) =>
    async function* (_request: ModelRequest, signal: AbortSignal): ModelStream {
      try {
        for (let i = 0; i < times; i++) {
          if (signal.aborted) return;
          yield await Promise.resolve({ type: 'text', text: 'x'.repeat(100) } as const);
        }
        yield { type: 'end', finish: 'stop' };
      } finally {
        stopped();
      }
    };

  const replyOf = async (times: number): Promise<{ characters: number; end: ReplyEnd }> => {
    let [characters, ended] = [0, (_end: ReplyEnd): void => undefined];
    const end = new Promise<ReplyEnd>((resolve) => (ended = resolve));
    let stopped: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => (stopped = resolve));
    const reply = new ModelReply({ api: 'chat' } as ModelRequest, chatty(times, stopped));
    const listener = {
      begun: true,
      text: (text: string) => (characters += text.length),
      end: ended,
      failed: (error: Error) => assert.fail(error),
      strange: (error: Error) => assert.fail(error),
      retry: () => false,
    };
    reply.listen(listener, 5_000);
    const result = await end;
    await closed;
    return { characters, end: result };
  };

  it('is heard to its end up to 30,000 characters', async () => {
    const { characters, end } = await replyOf(300);
    assert.deepEqual([characters, end.finish], [30_000, 'stop']);
  });

  it('is stopped there, as by the limit of tokens, and its request closed', async () => {
    const { characters, end } = await replyOf(Infinity);
    assert.deepEqual([characters, end.finish], [30_000, 'length']);
  });
});
