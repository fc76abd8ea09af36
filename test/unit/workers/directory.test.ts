import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { Directory } from '../../../nodes/call/workers/pool/directory';

const call = (id: string): { info: { id: string } } => ({ info: { id } });

describe('where calls live', () => {
  let directory: Directory<{ info: { id: string } }, string>;
  beforeEach(() => (directory = new Directory()));

  it('is known by the call while it lives, and by its last name afterwards', () => {
    const one = call('before it was named');
    directory.entered(one, 'worker 1');
    assert.equal(directory.houseOf(one), 'worker 1');
    assert.equal(directory.size, 1);
    one.info.id = 'CA1';
    directory.left(one);
    assert.equal(directory.houseOf(one), undefined);
    assert.equal(directory.lastHouseOf('CA1'), 'worker 1');
    assert.equal(directory.lastHouseOf('before it was named'), undefined);
    assert.equal(directory.size, 0);
  });

  it('of one that lived nowhere nothing is known', () => {
    directory.left(call('CA1'));
    assert.equal(directory.lastHouseOf('CA1'), undefined);
  });

  it('of the last ten thousand, the oldest is forgotten first', () => {
    for (let i = 0; i <= 10_000; i++) {
      const one = call(`CA${i}`);
      directory.entered(one, 'worker');
      directory.left(one);
    }
    assert.equal(directory.lastHouseOf('CA0'), undefined);
    assert.equal(directory.lastHouseOf('CA1'), 'worker');
    assert.equal(directory.lastHouseOf('CA10000'), 'worker');
  });

  it('nothing is remembered of a worker that is no more', () => {
    for (const [id, house] of [
      ['CA1', 'a'],
      ['CA2', 'b'],
    ] as const) {
      // prettier-ignore
      const one = call(id);
      directory.entered(one, house);
      directory.left(one);
    }
    directory.gone('a');
    assert.equal(directory.lastHouseOf('CA1'), undefined);
    assert.equal(directory.lastHouseOf('CA2'), 'b');
  });
});
