import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { flowFields, isPlainFrame } from '../../../nodes/call/message';
import type { VoiceMessage } from '../../../nodes/call/message';

describe('a frame of the caller, as a node of ours gets it', () => {
  const frame = { _msgid: 'v1', topic: 'audio', payload: Buffer.alloc(160), call: {}, event: { seq: 1, atMs: 20 } };
  const plain = (msg: object): boolean => isPlainFrame(msg as VoiceMessage);

  it('is plain as the in-node made it', () => {
    assert.equal(plain(frame), true);
    assert.deepEqual(flowFields(frame), {});
  });

  it('is not where the flow has put something on it, whatever it took off for that', () => {
    assert.equal(plain({ ...frame, customer: 'Ada' }), false);
    for (const name of ['_msgid', 'payload', 'event']) {
      const { [name]: _gone, ...rest } = { ...frame, customer: 'Ada' } as Record<string, unknown>;
      assert.equal(plain(rest), false, `without ${name}`);
    }
  });
});
