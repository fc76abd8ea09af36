import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Node } from 'node-red';
import { NodeSlot } from '../../../nodes/call/node-slot';
import type { LiveInstance, Status } from '../../../nodes/call/node-slot';

const calls = (count: number): Status => ({ fill: 'green', shape: 'dot', text: 'calls', values: { count } });
const IDLE: Status = { fill: 'blue', shape: 'ring', text: 'idle' };

describe('what a node shows', () => {
  let slot: NodeSlot<object>;
  let seen: (string | undefined)[];
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 10_000 });
    slot = new NodeSlot('n', 'test', {});
    seen = [];
    slot.instance = instance();
  });
  afterEach(() => mock.timers.reset());

  function instance(): LiveInstance {
    return {
      node: { status: ({ text }: { text?: string }) => seen.push(text) } as unknown as Node,
      translate: (key, values) => `${key} ${values?.count ?? ''}`.trim(),
      wiring: { isWired: () => false, leadsAbroad: () => false, straight: () => undefined },
    };
  }

  it('changes at most twice a second, and what was asked for last is what stays', () => {
    slot.show(IDLE);
    for (const count of [1, 2, 3]) slot.show(calls(count));
    assert.deepEqual(seen, ['idle']);
    mock.timers.tick(500);
    assert.deepEqual(seen, ['idle', 'calls 3']);
    mock.timers.tick(5_000);
    assert.equal(seen.length, 2);
  });

  it('is not told again while it is the same, but a number in it is another thing', () => {
    for (const status of [calls(1), calls(1), calls(2), calls(2), IDLE]) {
      slot.show(status);
      mock.timers.tick(1_000);
    }
    assert.deepEqual(seen, ['calls 1', 'calls 2', 'idle']);
  });

  it('is told to the instance that a Deploy has made: it shows nothing yet', () => {
    slot.show(calls(1));
    mock.timers.tick(1_000);
    slot.instance = instance();
    slot.show(calls(1));
    assert.deepEqual(seen, ['calls 1', 'calls 1']);
  });
});
