import { CORE_CONFIG_TYPES, CORE_TYPES, MAIN_TYPES, PROXY_TYPE } from './allow-list';

/** A node of a flow file, as deployed. */
export interface FlowConfig {
  id: string;
  type: string;
  /** The tab or subflow that it is on. */
  z?: string;
  /** Switched off. */
  d?: boolean;
  wires?: string[][];
  [property: string]: unknown;
}

/** Which nodes may run in a worker. */
export interface WorkerFlowOptions {
  /** True for the types of this pack. */
  ours(type: string): boolean;
  /** Further types that may, as set on the in-node. */
  extra: readonly string[];
}

/** The part of the deployed flow that calls need, as a worker runs it. */
export interface WorkerFlow {
  flows: FlowConfig[];
  /** Ids of the nodes that run in the worker; of those in a subflow, in its template. */
  running: Set<string>;
  /** The nodes that stay in the main runtime, and for which a proxy stands in the flow: id and type. */
  foreign: Map<string, string>;
}

/** What only the editor looks at: to change it changes nothing that runs. */
const FOR_THE_EDITOR = ['info', 'l', 'icon', 'inputLabels', 'outputLabels', 'credentials'];
const SUBFLOW = 'subflow:';

/**
 * Makes the flow of a worker thread: of the tabs with a node of ours, and of those that link nodes join to them, all nodes, with a proxy
 * for each that stays in the main runtime; the subflows that are used there, made likewise; the config nodes that all these refer to.
 * @param nodes all that is deployed: tabs, subflows, groups, config nodes
 */
export function workerFlow(nodes: readonly FlowConfig[], options: WorkerFlowOptions): WorkerFlow {
  return new Selection(nodes, options).flow();
}

class Selection {
  private readonly byId = new Map<string, FlowConfig>();
  /** The nodes of each tab and each subflow, without those that are switched off. */
  private readonly content = new Map<string, FlowConfig[]>();
  private readonly subflows: ReadonlySet<string>;
  private readonly extra: ReadonlySet<string>;

  constructor(
    private readonly nodes: readonly FlowConfig[],
    private readonly options: WorkerFlowOptions,
  ) {
    this.extra = new Set(options.extra);
    this.subflows = new Set(nodes.filter(({ type }) => type === 'subflow').map(({ id }) => id));
    for (const node of nodes) {
      this.byId.set(node.id, node);
      if (node.z === undefined || node.z === '' || !isNode(node) || node.d === true) continue;
      const content = this.content.get(node.z);
      if (content) content.push(node);
      else this.content.set(node.z, [node]);
    }
  }

  flow(): WorkerFlow {
    const places = this.places();
    const running = new Set<string>();
    const foreign = new Map<string, string>();
    const kept = new Map<string, FlowConfig>();
    for (const node of this.nodes) {
      const { id, type, z = '' } = node;
      if (places.has(id)) kept.set(id, type === 'subflow' ? subflowOf(node) : tabOf(node));
      else if (type === 'global-config') kept.set(id, pick(node, ['id', 'type', 'env']));
      else if (!places.has(z) || node.d === true || type === 'comment') continue;
      else if (type === 'group') kept.set(id, pick(node, ['id', 'type', 'z', 'g', 'name', 'env']));
      else if (!isNode(node)) continue;
      else if (this.runs(type) || type.startsWith(SUBFLOW)) {
        kept.set(id, { ...without(node, FOR_THE_EDITOR), x: 0, y: 0 });
        running.add(id);
      } else {
        kept.set(id, proxyOf(node));
        foreign.set(id, type);
      }
    }
    for (const config of this.configsOf([...kept.values()])) kept.set(config.id, config);
    // In the order in which they are deployed: Node-RED makes the nodes in this order.
    const flows = this.nodes.map(({ id }) => kept.get(id)).filter((node) => node !== undefined);
    return { flows, running, foreign };
  }

  /** The tabs that calls need, and the subflows that are used there. */
  private places(): Set<string> {
    const isEnabled = (id: string): boolean => this.byId.get(id)?.disabled !== true;
    const tabs = [...this.content.keys()].filter((id) => !this.subflows.has(id) && isEnabled(id));
    const within = new Map(tabs.map((tab) => [tab, this.within(tab)]));
    const all = (tab: string): FlowConfig[] => [...(within.get(tab) ?? [])].flatMap((z) => this.content.get(z) ?? []);
    const needed = new Set(tabs.filter((tab) => all(tab).some(({ type }) => this.isOurs(type))));
    const joined = this.joined(new Map(tabs.map((tab) => [tab, all(tab)])));
    // What is added while this goes on is looked at in its turn.
    for (const tab of needed) for (const other of joined.get(tab) ?? []) needed.add(other);
    return new Set([...needed].flatMap((tab) => [...(within.get(tab) ?? [])]));
  }

  /** A tab, and the subflows that are used on it, also by one another. */
  private within(tab: string): Set<string> {
    const places = new Set([tab]);
    for (const place of places) {
      for (const { type } of this.content.get(place) ?? []) {
        const template = type.startsWith(SUBFLOW) ? type.slice(SUBFLOW.length) : '';
        if (this.subflows.has(template)) places.add(template);
      }
    }
    return places;
  }

  /** For each tab those that link nodes join to it, in either direction. */
  private joined(content: ReadonlyMap<string, readonly FlowConfig[]>): Map<string, Set<string>> {
    const joined = new Map([...content.keys()].map((tab) => [tab, new Set<string>()]));
    const homes = new Map<string, string[]>();
    const entrances: string[] = [];
    for (const [tab, nodes] of content) {
      for (const { id } of nodes) homes.set(id, [...(homes.get(id) ?? []), tab]);
      if (nodes.some(({ type }) => type === 'link in')) entrances.push(tab);
    }
    for (const [tab, nodes] of content) {
      for (const node of nodes) {
        const others = isDynamicCall(node) ? entrances : linksOf(node).flatMap((id) => homes.get(id) ?? []);
        for (const other of others) {
          joined.get(tab)?.add(other);
          joined.get(other)?.add(tab);
        }
      }
    }
    return joined;
  }

  /** The config nodes that nodes in the worker refer to, and those that these refer to. */
  private configsOf(nodes: readonly FlowConfig[]): FlowConfig[] {
    const configs = new Map<string, FlowConfig>();
    const waiting = nodes.filter(({ type }) => type !== PROXY_TYPE);
    for (const node of waiting) {
      for (const id of references(node)) {
        const config = this.byId.get(id);
        if (!config || configs.has(id) || !isConfig(config) || config.d === true || !this.runs(config.type)) continue;
        const plain = without(config, FOR_THE_EDITOR);
        configs.set(id, plain);
        waiting.push(plain);
      }
    }
    return [...configs.values()];
  }

  private isOurs(type: string): boolean {
    return this.options.ours(type) && !MAIN_TYPES.has(type);
  }

  private runs(type: string): boolean {
    return this.isOurs(type) || CORE_TYPES.has(type) || CORE_CONFIG_TYPES.has(type) || this.extra.has(type);
  }
}

/** Neither a place for nodes nor a config node: Node-RED tells the two apart by where they stand. */
function isNode(node: FlowConfig): boolean {
  return !['tab', 'subflow', 'group'].includes(node.type) && 'x' in node && 'y' in node;
}

function isConfig(node: FlowConfig): boolean {
  return !['tab', 'subflow', 'group', 'global-config'].includes(node.type) && !isNode(node);
}

function linksOf({ type, links }: FlowConfig): string[] {
  if (!type.startsWith('link ')) return [];
  const ids: unknown[] = Array.isArray(links) ? links : [links];
  return ids.filter((id) => typeof id === 'string');
}

/** Calls a link by a name that is known at run time only: it may be any. */
function isDynamicCall({ type, linkType, func }: FlowConfig): boolean {
  if (type === 'link call') return linkType === 'dynamic';
  return type === 'function' && typeof func === 'string' && /\blinkcall\b/.test(func);
}

/** All that may be the id of a config node: Node-RED knows references by top-level properties, and by a subflow's environment. */
function references(node: FlowConfig): string[] {
  const env = Array.isArray(node.env) ? (node.env as { value?: unknown }[]).map((each) => each?.value) : [];
  const values = Object.entries(node).filter(([name]) => !['id', 'type', 'z', 'g', 'name', 'wires'].includes(name));
  return [...values.map(([, value]) => value), ...env].filter((value) => typeof value === 'string');
}

function proxyOf(node: FlowConfig): FlowConfig {
  const { type, wires = [] } = node;
  return { ...pick(node, ['id', 'z', 'g', 'name']), id: node.id, type: PROXY_TYPE, x: 0, y: 0, wires, foreign: type };
}

function tabOf(node: FlowConfig): FlowConfig {
  return pick(node, ['id', 'type', 'label', 'env']);
}

function subflowOf(node: FlowConfig): FlowConfig {
  const ends = (all: unknown): unknown =>
    Array.isArray(all) ? all.map((end: FlowConfig) => ({ wires: end.wires })) : [];
  const status = node.status as FlowConfig | undefined;
  return {
    ...pick(node, ['id', 'type', 'name', 'env']),
    in: ends(node.in),
    out: ends(node.out),
    ...(status && { status: { wires: status.wires } }),
  };
}

function pick(node: FlowConfig, names: readonly string[]): FlowConfig {
  return Object.fromEntries(names.filter((name) => name in node).map((name) => [name, node[name]])) as FlowConfig;
}

function without(node: FlowConfig, names: readonly string[]): FlowConfig {
  return Object.fromEntries(Object.entries(node).filter(([name]) => !names.includes(name))) as FlowConfig;
}
