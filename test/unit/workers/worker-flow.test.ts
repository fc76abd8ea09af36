import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { workerFlow } from '../../../nodes/call/workers/pool/worker-flow';
import type { FlowConfig, WorkerFlow } from '../../../nodes/call/workers/pool/worker-flow';

const OURS = ['twilio-in', 'llm-agent', 'agent-tool', 'call-control', 'twilio-dial', 'twilio-account'];

/** A node that stands somewhere. */
function node(id: string, type: string, z: string, more: Partial<FlowConfig> = {}): FlowConfig {
  return { id, type, z, name: '', x: 100, y: 100, wires: [], ...more };
}

function tab(id: string, more: Partial<FlowConfig> = {}): FlowConfig {
  return { id, type: 'tab', label: id, disabled: false, info: '', env: [], ...more };
}

function made(nodes: readonly FlowConfig[], extra: readonly string[] = []): WorkerFlow {
  return workerFlow(nodes, { ours: (type) => OURS.includes(type), extra });
}

const typesOf = ({ flows }: WorkerFlow): Record<string, string> =>
  Object.fromEntries(flows.map(({ id, type }) => [id, type]));
const idsOf = ({ flows }: WorkerFlow): string[] => flows.map(({ id }) => id);

describe('the flow that a worker runs', () => {
  it('has our nodes and the core nodes that work on messages; for any other a proxy with its wires', () => {
    const flow = made([
      tab('t'),
      node('in', 'twilio-in', 't', { wires: [['fn'], []] }),
      node('fn', 'function', 't', { func: 'return msg', wires: [['mq']] }),
      node('mq', 'mqtt out', 't', { broker: 'broker', g: 'group' }),
      node('start', 'inject', 't', { repeat: '1', wires: [['fn']] }),
      node('dial', 'twilio-dial', 't', { wires: [['fn']] }),
      node('words', 'comment', 't'),
      { id: 'broker', type: 'mqtt-broker', broker: 'localhost' },
    ]);
    assert.deepEqual(typesOf(flow), {
      t: 'tab',
      in: 'twilio-in',
      fn: 'function',
      mq: 'voice-proxy',
      start: 'voice-proxy',
      dial: 'voice-proxy',
    });
    const mq = flow.flows.find(({ id }) => id === 'mq');
    assert.deepEqual(mq, { id: 'mq', z: 't', g: 'group', name: '', type: 'voice-proxy', x: 0, y: 0, wires: [], foreign: 'mqtt out' }); // prettier-ignore
    assert.deepEqual(flow.flows.find(({ id }) => id === 'start')?.wires, [['fn']]);
    assert.deepEqual([...flow.running], ['in', 'fn']);
    assert.deepEqual([...flow.foreign], [['mq', 'mqtt out'], ['start', 'inject'], ['dial', 'twilio-dial']]); // prettier-ignore
  });

  it('leaves out tabs without a node of ours, those that are switched off, and nodes that are', () => {
    const flow = made([
      tab('calls'),
      tab('heating'),
      tab('old', { disabled: true }),
      tab('dials'),
      node('in', 'twilio-in', 'calls'),
      node('off', 'llm-agent', 'calls', { d: true }),
      node('fn', 'function', 'heating'),
      node('in2', 'twilio-in', 'old'),
      node('dial', 'twilio-dial', 'dials'),
    ]);
    assert.deepEqual(idsOf(flow), ['calls', 'in']);
  });

  it('follows link nodes from tab to tab, in both directions and further', () => {
    const flow = made([
      ...['a', 'b', 'c', 'd', 'e'].map((id) => tab(id)),
      node('in', 'twilio-in', 'a'),
      node('out', 'link out', 'a', { links: ['b-in'] }),
      node('b-in', 'link in', 'b', { links: ['out'] }),
      node('b-call', 'link call', 'b', { links: ['c-in'], linkType: 'static' }),
      node('c-in', 'link in', 'c', { links: [] }),
      node('d-out', 'link out', 'd', { links: ['b-in'] }),
      node('e-in', 'link in', 'e', { links: [] }),
    ]);
    assert.deepEqual(idsOf(flow).filter((id) => id.length === 1), ['a', 'b', 'c', 'd']); // prettier-ignore
  });

  it('takes every tab that may be called where the name of the link is only known at run time', () => {
    const others = [tab('x'), tab('y'), tab('z'), node('x-in', 'link in', 'x'), node('y-in', 'link in', 'y'), node('fn', 'function', 'z')]; // prettier-ignore
    const calls = [tab('a'), node('in', 'twilio-in', 'a')];
    const dynamic = made([...calls, ...others, node('call', 'link call', 'a', { links: [], linkType: 'dynamic' })]);
    assert.deepEqual(idsOf(dynamic).filter((id) => id.length === 1), ['a', 'x', 'y']); // prettier-ignore
    const byCode = node('code', 'function', 'a', { func: 'return await node.linkcall("lookup", msg)' });
    const inCode = made([...calls, ...others, byCode]);
    assert.deepEqual(idsOf(inCode).filter((id) => id.length === 1), ['a', 'x', 'y']); // prettier-ignore
  });

  it('takes the subflows that are used there, also in one another, each made likewise', () => {
    const flow = made([
      tab('t'),
      tab('other'),
      { id: 'outer', type: 'subflow', name: 'outer', in: [{ x: 9, y: 9, wires: [{ id: 'deep' }] }], out: [], env: [], color: '#fff' }, // prettier-ignore
      { id: 'inner', type: 'subflow', name: 'inner', in: [], out: [] },
      { id: 'unused', type: 'subflow', name: 'unused', in: [], out: [] },
      node('one', 'subflow:outer', 't', { env: [] }),
      node('deep', 'subflow:inner', 'outer'),
      node('agent', 'llm-agent', 'inner'),
      node('file', 'file', 'inner', { filename: 'x' }),
      node('fn', 'function', 'unused'),
      node('fn2', 'function', 'other'),
    ]);
    assert.deepEqual(idsOf(flow), ['t', 'outer', 'inner', 'one', 'deep', 'agent', 'file']);
    assert.deepEqual(flow.flows[1], { id: 'outer', type: 'subflow', name: 'outer', env: [], in: [{ wires: [{ id: 'deep' }] }], out: [] }); // prettier-ignore
    assert.deepEqual([...flow.foreign], [['file', 'file']]);
  });

  it('has the config nodes that its nodes refer to, and those that these refer to; of ours and of the core', () => {
    const flow = made([
      tab('t'),
      { id: 'global', type: 'global-config', env: [{ name: 'A', value: 'b', type: 'str' }], name: 'x' },
      { id: 'acc', type: 'twilio-account', name: 'Twilio', proxy: 'prox' },
      { id: 'acc2', type: 'twilio-account', name: 'nobody has it' },
      { id: 'tls', type: 'tls-config', name: '' },
      { id: 'prox', type: 'http proxy', name: '' },
      { id: 'ui', type: 'ui-group', name: '' },
      { id: 'byEnv', type: 'twilio-account', name: 'of a subflow' },
      { id: 'sub', type: 'subflow', name: 's', in: [], out: [], env: [] },
      node('in', 'twilio-in', 't', { account: 'acc' }),
      node('get', 'http request', 't', { tls: 'tls' }),
      node('button', 'ui-button', 't', { group: 'ui' }),
      node('one', 'subflow:sub', 't', { env: [{ name: 'account', type: 'conf-type', value: 'byEnv' }] }),
    ]);
    const configs = idsOf(flow).filter((id) => !['t', 'in', 'get', 'button', 'one', 'sub'].includes(id));
    assert.deepEqual(configs, ['global', 'acc', 'tls', 'prox', 'byEnv']);
  });

  it('runs further types where the in-node says so, with their config nodes', () => {
    const nodes = [
      tab('t'),
      node('in', 'twilio-in', 't'),
      node('my', 'lookup', 't', { server: 'srv' }),
      { id: 'srv', type: 'lookup-server', name: '' },
    ];
    assert.equal(typesOf(made(nodes)).my, 'voice-proxy');
    const flow = made(nodes, ['lookup', 'lookup-server']);
    assert.deepEqual(typesOf(flow), { t: 'tab', in: 'twilio-in', my: 'lookup', srv: 'lookup-server' });
  });

  it('is the same when something was only moved or described in the editor, and another when a property was changed', () => {
    const agent = node('agent', 'llm-agent', 't', { instructions: 'Be brief.' });
    const group: FlowConfig = { id: 'g', type: 'group', z: 't', name: 'g', env: [], nodes: ['agent'], x: 1, y: 1, w: 5, h: 5, style: {} }; // prettier-ignore
    const before = made([tab('t'), group, agent]);
    const moved = made([tab('t', { info: 'new' }), { ...group, w: 9, style: { a: 1 } }, { ...agent, x: 7, y: 8, info: 'what it does', l: false }]); // prettier-ignore
    assert.deepEqual(moved.flows, before.flows);
    const changed = made([tab('t'), group, { ...agent, instructions: 'Be kind.' }]);
    assert.notDeepEqual(changed.flows, before.flows);
  });
});
