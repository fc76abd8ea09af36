import assert from 'node:assert/strict';
import { createContext, runInContext } from 'node:vm';
import { describe, it } from 'mocha';
import { CannotCross, packed, unpacked } from '../../../nodes/call/workers/crossing';

/** As another thread gets it. */
function crossed<Value>(value: Value): Value {
  return unpacked(structuredClone(packed(value)));
}

function fault(value: unknown): string {
  try {
    packed(value);
  } catch (err) {
    assert.ok(err instanceof CannotCross, String(err));
    return `${err.field}: ${err.what}`;
  }
  return 'none';
}

describe('a message on its way to another thread', () => {
  it('arrives as it left, with its Buffers', () => {
    const msg = {
      topic: 'turn',
      payload: { text: 'a table for two', list: [1, undefined, null, true, 10n] },
      at: new Date(5),
      seen: new Map([['a', new Set([1])]]),
      audio: Buffer.from('abc'),
      error: new TypeError('no'),
    };
    const there = crossed(msg);
    assert.ok(Buffer.isBuffer(there.audio));
    assert.deepEqual(there, msg);
    assert.notEqual(there.payload, msg.payload);
  });

  it('takes of a frame only the frame along, and not the memory that it is a piece of', () => {
    const socket = Buffer.alloc(64_000, 7);
    const frame = socket.subarray(320, 480);
    const copy = packed({ payload: frame }).payload;
    assert.equal(copy.buffer.byteLength, 160);
    assert.deepEqual(crossed({ payload: frame }).payload, frame);
    assert.equal(packed({ samples: new Int16Array(socket.buffer, 0, 8) }).samples.buffer.byteLength, 16);
  });

  it('may hold one thing twice, and itself', () => {
    const shared = { text: 'hello' };
    const msg: Record<string, unknown> = { one: shared, other: shared };
    msg.self = msg;
    const there = crossed(msg);
    assert.equal(there.one, there.other);
    assert.equal(there.self, there);
  });

  it('may have been made by a Function node, where all classes are others', () => {
    const sandbox = createContext({});
    const msg = runInContext(
      '({ empty: {}, list: [{}], error: new Error("from there"), at: new Date(7) })',
      sandbox,
    ) as {
      error: Error;
      at: Date;
    };
    const there = crossed(msg);
    assert.deepEqual(Object.keys(there), ['empty', 'list', 'error', 'at']);
    assert.equal(there.error.message, 'from there');
    assert.equal(there.at.getTime(), 7);
  });

  it('takes the fields of an object of a class along: a row of a database', () => {
    class Row {
      constructor(readonly name: string) {}
    }
    assert.deepEqual(crossed({ payload: [new Row('Ada')] }), { payload: [{ name: 'Ada' }] });
  });

  it('cannot go with a function, an open request, or what keeps all to itself: the field is named', () => {
    class Response {
      readonly socket = { write: (): void => undefined };
    }
    assert.equal(fault({ payload: { list: [1, () => 2] } }), 'msg.payload.list[1]: a function');
    assert.equal(fault({ call: {}, res: new Response() }), 'msg.res: an object of class Response');
    assert.equal(fault({ link: new URL('http://localhost/') }), 'msg.link: an object of class URL');
    assert.equal(fault({ kind: Symbol('x') }), 'msg.kind: a symbol');
    assert.equal(fault({ all: new Map([['f', (): void => undefined]]) }), 'msg.all: an object of class Map');
  });

  it('gives nobody a prototype of its own making', () => {
    const msg = JSON.parse('{ "__proto__": { "admin": true }, "topic": "x" }') as { topic: string; admin?: boolean };
    assert.equal(crossed(msg).admin, undefined);
    assert.deepEqual(Object.keys(crossed(msg)), ['topic']);
  });
});
