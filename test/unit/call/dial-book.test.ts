import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { DialBook, isDialId, newDialId } from '../../../nodes/call/dial/book';

describe('the calls that a desk dials', () => {
  it('are found by our own id until they are over', () => {
    const book = new DialBook<{ dialId: string; isNamed: boolean }>();
    const call = { dialId: newDialId(), isNamed: true };
    book.add(call);
    assert.deepEqual([book.size, book.get(call.dialId), book.get(undefined)], [1, call, undefined]);
    book.left(call);
    assert.deepEqual([book.size, book.get(call.dialId), book.isAbandoned(call.dialId)], [0, undefined, false]);
  });

  it('that failed without a name are known again: 1,024 of them', () => {
    const book = new DialBook<{ dialId: string; isNamed: boolean }>();
    for (let i = 0; i <= 1_024; i++) book.left({ dialId: `dial-${i}`, isNamed: false });
    assert.equal(book.isAbandoned('dial-0'), false);
    assert.equal(book.isAbandoned('dial-1'), true);
    assert.equal(book.isAbandoned('dial-1024'), true);
  });

  it('have ids that nothing else has', () => {
    assert.ok(isDialId(newDialId()));
    assert.notEqual(newDialId(), newDialId());
    for (const wrong of ['', 'dial-', 'dial-x', `${newDialId()}0`, ` ${newDialId()}`])
      assert.ok(!isDialId(wrong), wrong);
  });
});
