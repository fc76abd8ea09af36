/** Ways in which tests rebuild a flow, as a user would in the editor. */
import type { FlowNode } from './runtime';

/** Puts a node into the first wire that leaves an output: `from` -> `node` -> what was there. */
export function insert(flows: readonly FlowNode[], fromType: string, node: Partial<FlowNode>, output = 0): FlowNode[] {
  const from = flows.find(({ type }) => type === fromType);
  if (!from?.wires) throw new Error(`There is no ${fromType}.`);
  const inserted: FlowNode = {
    id: `inserted-${fromType}`,
    type: 'function',
    z: from.z,
    x: 300,
    y: 500,
    wires: [from.wires[output] ?? []],
    ...node,
  };
  const wires = from.wires.map((targets, i) => (i === output ? [inserted.id] : targets));
  return [...flows.map((other) => (other === from ? { ...from, wires } : other)), inserted];
}

/** The same flow for calls at Telnyx: its two ends are exchanged, and the account, and nothing between them. */
export function onTelnyx(flows: readonly FlowNode[]): FlowNode[] {
  return flows.map((node) => {
    if (node.type === 'twilio-out') return { ...node, type: 'telnyx-out' };
    if (node.type === 'twilio-in') {
      const path = String(node.path).replace('/twilio/', '/telnyx/');
      return { ...node, type: 'telnyx-in', path, voice: 'female', language: 'en-US', options: '{}', headers: '{}' };
    }
    if (node.type === 'twilio-dial') {
      return { ...node, type: 'telnyx-dial', connectionId: '${TELNYX_APPLICATION_ID}', from: '${TELNYX_NUMBER}' };
    }
    if (node.type !== 'twilio-account') return { ...node };
    const { id, name, publicUrl, baseUrl, version } = node;
    const credentials = { apiKey: '${TELNYX_API_KEY}', publicKey: '${TELNYX_PUBLIC_KEY}' };
    return { id, type: 'telnyx-account', name, publicUrl, baseUrl, version, credentials };
  });
}

/** The other way: a flow of Telnyx's, as example 08, for calls at Twilio. */
export function onTwilio(flows: readonly FlowNode[]): FlowNode[] {
  return flows.map((node) => {
    if (node.type === 'telnyx-out' || node.type === 'telnyx-in' || node.type === 'telnyx-dial') {
      const { voice: _voice, language: _language, connectionId: _connectionId, options, headers, ...rest } = node;
      const type = node.type.replace('telnyx', 'twilio');
      const path = node.type === 'telnyx-in' ? { path: String(node.path).replace('/telnyx/', '/twilio/') } : {};
      return { ...rest, ...path, type, ...(node.type === 'telnyx-dial' && { options, headers }) };
    }
    if (node.type !== 'telnyx-account') return { ...node };
    const { id, name, publicUrl, baseUrl, version } = node;
    const credentials = { accountSid: '${TWILIO_ACCOUNT_SID}', authToken: '${TWILIO_AUTH_TOKEN}' };
    return { id, type: 'twilio-account', name, publicUrl, baseUrl, version, credentials };
  });
}

/** Adds a `test-sink` at an output of a node, beside the wires that are there. */
export function sinkAt(flows: readonly FlowNode[], type: string, output: number, name: string): FlowNode[] {
  const sink: FlowNode = { id: `sink-${name}`, type: 'test-sink', name, x: 500, y: 400, wires: [[]] };
  return [
    ...flows.map((node) => {
      if (node.type !== type || !node.wires) return node;
      sink.z = node.z;
      return { ...node, wires: node.wires.map((targets, i) => (i === output ? [...targets, sink.id] : targets)) };
    }),
    sink,
  ];
}

/** Adds a catch node with a sink. */
export function catchAll(flows: readonly FlowNode[], name = 'errors'): FlowNode[] {
  const z = flows.find(({ type }) => type === 'tab')?.id ?? '';
  return [
    ...flows,
    {
      id: `catch-${name}`,
      type: 'catch',
      z,
      name: '',
      scope: null,
      uncaught: false,
      x: 100,
      y: 600,
      wires: [[`sink-${name}`]],
    },
    { id: `sink-${name}`, type: 'test-sink', z, name, x: 300, y: 600, wires: [[]] },
  ];
}

/** Moves all nodes of the flow's tab into a subflow, of which one instance stands on the tab. */
export function intoSubflow(flows: readonly FlowNode[]): FlowNode[] {
  const tab = flows.find(({ type }) => type === 'tab');
  if (!tab) throw new Error('There is no tab.');
  const subflow: FlowNode = {
    id: 'subflow0000001',
    type: 'subflow',
    name: 'voice agent',
    info: '',
    in: [],
    out: [],
    env: [],
  };
  return [
    tab,
    subflow,
    ...flows.filter((node) => node !== tab).map((node) => (node.z === tab.id ? { ...node, z: subflow.id } : node)),
    { id: 'instance000001', type: `subflow:${subflow.id}`, z: tab.id, name: '', env: [], x: 200, y: 100, wires: [] },
  ];
}

/** A sequence of numbers from 0 to 1 that is the same in each run: a failure can be seen again. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
