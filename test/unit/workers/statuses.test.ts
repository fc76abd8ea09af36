import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { Statuses } from '../../../nodes/call/workers/pool/statuses';
import type { ShownStatus } from '../../../nodes/call/workers/pool/statuses';

const live = { fill: 'green', shape: 'dot', text: '2 calls' };
const idle = { fill: 'blue', shape: 'ring', text: 'idle' };
const failed = { fill: 'red', shape: 'ring', text: 'wrong key' };

describe('what the nodes of all workers show, on one node of the editor', () => {
  const one = { worker: 1 };
  const two = { worker: 2 };
  let shown: [string, ShownStatus][];
  let statuses: Statuses;

  beforeEach(() => {
    shown = [];
    statuses = new Statuses((id, status) => shown.push([id, status]));
  });

  it('is the newest of them', () => {
    statuses.take(one, 'stt', live);
    statuses.take(two, 'stt', failed);
    statuses.take(one, 'stt', { ...live, text: '3 calls' });
    assert.deepEqual(shown.map(([, { text }]) => text), ['2 calls', 'wrong key', '3 calls']); // prettier-ignore
  });

  it('is not hidden by a worker that idles; when all idle, that is shown', () => {
    statuses.take(one, 'stt', live);
    statuses.take(two, 'stt', idle);
    assert.deepEqual(shown, [['stt', live]]);
    statuses.take(one, 'stt', idle);
    assert.deepEqual(shown.at(-1), ['stt', idle]);
  });

  it('is told once as long as it stays the same', () => {
    statuses.take(one, 'stt', live);
    statuses.take(two, 'stt', { ...live });
    assert.equal(shown.length, 1);
  });

  it('is taken back when its worker has ended, and what another shows is seen again', () => {
    statuses.take(one, 'stt', idle);
    statuses.take(two, 'stt', failed);
    statuses.take(two, 'agent', live);
    statuses.gone(two);
    assert.deepEqual(shown.slice(-2), [['stt', idle], ['agent', {}]]); // prettier-ignore
    statuses.gone(one);
    assert.deepEqual(shown.at(-1), ['stt', {}]);
  });

  it('goes when a node shows nothing any more', () => {
    statuses.take(one, 'fn', live);
    statuses.take(one, 'fn', { fill: '', shape: '', text: '' });
    assert.deepEqual(shown.at(-1), ['fn', {}]);
  });

  it('is shown again after a Deploy has wiped it off', () => {
    statuses.take(one, 'stt', live);
    statuses.again();
    assert.deepEqual(shown, [['stt', live], ['stt', live]]); // prettier-ignore
  });
});
