import type { Node } from 'node-red';

/** Of a flow as it is saved, what is looked at here. */
type FlowNode = Readonly<Record<string, unknown>>;

/** Finds a node of the running flow by its id, also one in a subflow: `RED.nodes.getNode`. */
export type FindNode = (id: string) => Node | null | undefined;

/**
 * Where a node is found in the other thread. Node-RED names a node in a subflow by the instance and the node in the template, joined by
 * a dash: the same flow has the same ids in every runtime.
 */
export function addressOf(node: Pick<Node, 'id'>): readonly string[] {
  return [node.id];
}

/** The id of the node, in whatever pieces it is told. */
export function idAt(address: readonly string[]): string {
  return address.join('-');
}

/** The node that runs at an address; undefined where none does. */
export function nodeAt(find: FindNode, address: readonly string[]): Node | undefined {
  const node = find(idAt(address));
  // While flows start, the place of a subflow's instance is taken by something that is no node yet.
  return typeof node?.receive === 'function' ? node : undefined;
}

/**
 * The ids of all nodes that a flow runs, with those in the instances of its subflows.
 * @param isProxy true for a node that only stands for another: it is left out
 */
export function idsRun(flows: readonly FlowNode[], isProxy: (type: string) => boolean): ReadonlySet<string> {
  const inside = new Map<string, FlowNode[]>();
  for (const node of flows) {
    const z = textOf(node.z);
    const there = inside.get(z);
    if (there) there.push(node);
    else inside.set(z, [node]);
  }
  const ids = new Set<string>();
  const add = (nodes: readonly FlowNode[], prefix: string, within: readonly string[]): void => {
    for (const node of nodes) {
      const type = textOf(node.type);
      if (node.d === true || type === 'tab' || type === 'subflow' || type === 'group' || isProxy(type)) continue;
      const id = prefix + textOf(node.id);
      ids.add(id);
      const template = type.startsWith('subflow:') ? type.slice('subflow:'.length) : undefined;
      // A subflow in itself cannot be drawn, but a file may say so.
      if (template === undefined || within.includes(template)) continue;
      add(inside.get(template) ?? [], `${id}-`, [...within, template]);
    }
  };
  const isTab = (node: FlowNode): boolean => node.type === 'tab' && node.disabled !== true;
  for (const tab of flows.filter(isTab)) add(inside.get(textOf(tab.id)) ?? [], '', []);
  return ids;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
