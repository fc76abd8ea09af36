import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { describe, it } from 'mocha';
import type { Node, NodeAPI } from 'node-red';
import type { VoiceMessage } from '../../../nodes/call/message';
import { StraightWires } from '../../../nodes/call/straight';
import { addTake, addType, wiringOf } from '../../../nodes/call/wiring';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const named = (topic: string): VoiceMessage => ({ topic }) as VoiceMessage;

describe('straight wires', () => {
  it('take a message one node further each turn, in the order of sending', async () => {
    const wires = new StraightWires();
    const seen: string[] = [];
    const last = ({ topic }: VoiceMessage): void => void seen.push(`last ${topic}`);
    const middle = (msg: VoiceMessage): void => {
      seen.push(`middle ${msg.topic}`);
      wires.send(last, msg);
    };
    wires.send(middle, named('a'));
    wires.send(middle, named('b'));
    assert.deepEqual(seen, []);
    await turn();
    assert.deepEqual(seen, ['middle a', 'middle b']);
    wires.send(last, named('c'));
    await turn();
    assert.deepEqual(seen.slice(2), ['last a', 'last b', 'last c']);
  });
});

describe('the wires of a node', () => {
  const ours = { id: 'ours', type: 'straight-test' } as Node;
  const inSubflow = { id: 'inner', type: 'straight-test', _alias: 'template' } as unknown as Node;
  const foreign = { id: 'foreign', type: 'function' } as Node;
  const nodes = new Map([ours, inSubflow, foreign].map((node) => [node.id, node]));
  addType('straight-test');
  const take = (): void => undefined;
  addTake(ours, take);
  addTake(inSubflow, take);

  function wiring(wires: string[][], more: { complete?: readonly string[]; hook?: string; settings?: object } = {}) {
    const RED = {
      nodes: {
        getNode: (id: string) => nodes.get(id),
        eachNode: (each: (config: object) => void) => each({ type: 'complete', scope: more.complete ?? [] }),
      },
      hooks: { has: (name: string) => name === more.hook },
      settings: more.settings ?? {},
    };
    return wiringOf(RED as unknown as NodeAPI, { wires } as unknown as Node);
  }

  it('are straight where one leads to one of ours, and nobody looks', () => {
    assert.equal(wiring([['ours']]).straight(0), take);
    assert.equal(wiring([[], ['inner']]).straight(1), take);
  });

  for (const [what, wires, more] of [
    ['a fork', [['ours', 'inner']], {}],
    ['a foreign node', [['foreign']], {}],
    ['nobody', [[]], {}],
    ['a node that is disabled', [['gone']], {}],
    ['a node that a Complete node watches', [['ours']], { complete: ['ours'] }],
    ['one that it watches in the subflow', [['inner']], { complete: ['template'] }],
    ['one that a hook sees', [['ours']], { hook: 'preDeliver' }],
    ['one, where Node-RED is set to deliver at once', [['ours']], { settings: { runtimeSyncDelivery: true } }],
  ] as const) {
    it(`are not straight where they lead to ${what}`, () => {
      assert.equal(wiring(wires as unknown as string[][], more).straight(0), undefined);
    });
  }

  it('are no longer straight soon after a hook has come, and are again when it has gone', () => {
    let hook = '';
    const clock = mock.method(performance, 'now', () => now);
    let now = 1_000;
    try {
      const RED = {
        nodes: { getNode: (id: string) => nodes.get(id), eachNode: () => undefined },
        hooks: { has: (name: string) => name === hook },
      };
      const { straight } = wiringOf(RED as unknown as NodeAPI, { wires: [['ours']] } as unknown as Node);
      assert.equal(straight(0), take);
      hook = 'onSend';
      now += 50;
      assert.equal(straight(0), undefined);
      hook = '';
      now += 50;
      assert.equal(straight(0), take);
    } finally {
      clock.mock.restore();
    }
  });

  it('lead abroad where a foreign node, or none, stands at their end', () => {
    const { leadsAbroad, isWired } = wiring([['ours'], ['ours', 'foreign'], ['gone'], []]);
    assert.deepEqual([0, 1, 2, 3, 4].map(leadsAbroad), [false, true, true, false, false]);
    assert.deepEqual([0, 1, 2, 3, 4].map(isWired), [true, true, true, false, false]);
  });
});
