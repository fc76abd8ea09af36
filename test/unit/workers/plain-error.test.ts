import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import { describe, it } from 'mocha';
import { ProviderError } from '../../../nodes/call/errors';
import { Asks } from '../../../nodes/call/workers/thread/asks';
import { fromPlainError, toPlainError } from '../../../nodes/call/workers/plain-error';
import type { Ask } from '../../../nodes/call/workers/protocol';

/** As it comes out of the other thread. */
const across = (thrown: unknown): Error => fromPlainError(structuredClone(toPlainError(thrown)));

describe('an error in another thread', () => {
  it('says the same, and where it was thrown', () => {
    const error = new Error('boom');
    assert.equal(across(error).message, 'boom');
    assert.equal(across(error).stack, error.stack);
  });

  it('of a provider is one still: flows and our own retries decide by what it bears', () => {
    const error = new ProviderError('twilio', 'rate-limit', 'too fast', { code: 429, retryAfterMs: 2_000 });
    error.call = 'CA1';
    const there = across(error);
    assert.ok(there instanceof ProviderError);
    const { message, provider, cause, code, retryAfterMs, call, retryable } = there;
    assert.deepEqual(
      { message, provider, cause, code, retryAfterMs, call, retryable },
      {
        ...{ message: error.message, provider: 'twilio', cause: 'rate-limit', code: '429', retryAfterMs: 2_000 },
        ...{ call: 'CA1', retryable: true },
      },
    );
  });

  it('keeps its words through both threads, there and back', () => {
    const error = new ProviderError('openai', 'authentication', 'openai: is what it said');
    assert.equal(across(across(error)).message, error.message);
    assert.equal((across(error) as ProviderError).retryable, false);
  });

  it('of a Function node is of another realm, and an error all the same', () => {
    const error: unknown = runInNewContext('new TypeError("x is no function")');
    assert.equal(across(error).message, 'x is no function');
    assert.match(across(error).stack ?? '', /^TypeError: x is no function/);
  });

  it('may be anything that can be thrown', () => {
    assert.equal(across('words').message, 'words');
    assert.equal(across(undefined).message, 'undefined');
    assert.equal(across(null).message, 'null');
    assert.equal(across(Symbol('s')).message, 'Symbol(s)');
  });
});

describe('what a worker asks of the main thread', () => {
  const asked: Ask[] = [];
  const asks = new Asks((ask) => asked.push(ask));

  it('is answered, each by its own answer, in whatever order they come', async () => {
    const [one, other] = [asks.ask('say', 1, 'hello'), asks.ask('hang-up', 2)];
    const [first, second] = asked.splice(0);
    assert.deepEqual([first?.what, first?.args, second?.what], ['say', [1, 'hello'], 'hang-up']);
    asks.answered({ t: 'answer', r: second?.r ?? 0, value: 'second' });
    asks.answered({ t: 'answer', r: first?.r ?? 0, value: undefined });
    assert.deepEqual(await Promise.all([one, other]), [undefined, 'second']);
  });

  it('fails as it failed there', async () => {
    const answer = asks.ask('control', 1, 'transfer');
    const error = toPlainError(new ProviderError('twilio', 'bad-request', 'no such number'));
    asks.answered({ t: 'answer', r: asked.pop()?.r ?? 0, error });
    await assert.rejects(answer, (err) => err instanceof ProviderError && err.cause === 'bad-request');
  });

  it('an answer that nobody waits for is none', () => {
    asks.answered({ t: 'answer', r: 999, value: 1 });
    asks.answered({ t: 'answer', r: 999, error: { message: 'late', stack: undefined } });
  });
});
