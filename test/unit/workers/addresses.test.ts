import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Node } from 'node-red';
import { addressOf, idsRun, nodeAt } from '../../../nodes/call/workers/addresses';

describe('a node of the other thread', () => {
  const node = { id: 'outer-inner-function', receive: () => undefined } as unknown as Node;
  const find = (id: string): Node | undefined => (id === node.id ? node : undefined);

  it('is found by its id, in a subflow too, in one piece or in several', () => {
    assert.equal(nodeAt(find, addressOf(node)), node);
    assert.equal(nodeAt(find, ['outer', 'inner', 'function']), node);
    assert.equal(nodeAt(find, ['function']), undefined);
  });

  it('is none while the subflow around it starts', () => {
    assert.equal(
      nodeAt(() => ({ TYPE: 'subflow' }) as unknown as Node, ['outer']),
      undefined,
    );
  });
});

describe('the nodes that a flow runs', () => {
  const flow = [
    { id: 'tab', type: 'tab' },
    { id: 'off', type: 'tab', disabled: true },
    { id: 'agent', type: 'llm-agent', z: 'tab' },
    { id: 'mqtt', type: 'voice-proxy', z: 'tab' },
    { id: 'idle', type: 'function', z: 'tab', d: true },
    { id: 'group', type: 'group', z: 'tab' },
    { id: 'nowhere', type: 'function', z: 'off' },
    { id: 'account', type: 'openai-account' },
    { id: 'A', type: 'subflow' },
    { id: 'fn', type: 'function', z: 'A' },
    { id: 'db', type: 'voice-proxy', z: 'A' },
    { id: 'nested', type: 'subflow:B', z: 'A' },
    { id: 'B', type: 'subflow' },
    { id: 'sw', type: 'switch', z: 'B' },
    { id: 'one', type: 'subflow:A', z: 'tab' },
    { id: 'two', type: 'subflow:A', z: 'tab' },
  ];
  const run = (flows: typeof flow): string[] => [...idsRun(flows, (type) => type === 'voice-proxy')].sort();

  it('are those of its tabs and of each instance of its subflows, but no proxies', () => {
    const ofEach = ['', '-fn', '-nested', '-nested-sw'];
    assert.deepEqual(run(flow), ['agent', ...ofEach.map((id) => `one${id}`), ...ofEach.map((id) => `two${id}`)].sort());
  });

  it('are found in a flow whose subflow holds itself, too', () => {
    assert.deepEqual(
      run([...flow, { id: 'loop', type: 'subflow:A', z: 'B' }]).filter((id) => id.endsWith('loop')),
      ['one-nested-loop', 'two-nested-loop'],
    );
  });
});
