import type { Node, NodeAPI } from 'node-red';
import { BroadcastChannel } from 'node:worker_threads';
import type { WorkerLoad } from './protocol';

/** By it the main thread tells all workers at once. */
const CHANNEL = 'voice-agent debug buttons';
/** How often the buttons are looked at, ms: Node-RED tells nobody that one was pressed. */
const LOOK_MS = 1_000;

/** A Debug node, on whose button depends what goes to the sidebar. */
type DebugNode = Node & { active?: boolean };

/** The Debug nodes whose button was pressed since they were deployed, and how it stands. */
type Pressed = Record<string, boolean>;

/** In the main thread: has Debug nodes in the workers follow their buttons in the editor, which are the main runtime's. */
export class DebugButtons {
  private readonly channel = openChannel();
  private readonly timer = setInterval(() => this.look(), LOOK_MS);
  private told = '{}';

  constructor(private readonly RED: NodeAPI) {
    this.timer.unref();
  }

  dispose(): void {
    clearInterval(this.timer);
    this.channel.close();
  }

  private look(): void {
    const pressed: Pressed = {};
    this.RED.nodes.eachNode((config) => {
      if (config.type !== 'debug') return;
      const node = this.RED.nodes.getNode(config.id) as DebugNode | null | undefined;
      if (typeof node?.active === 'boolean' && node.active !== isActive({ ...config }))
        pressed[config.id] = node.active;
    });
    // While any is pressed all are told again: a worker may be new.
    const words = JSON.stringify(pressed);
    if (words === '{}' && this.told === '{}') return;
    this.told = words;
    this.channel.postMessage(pressed);
  }
}

/** In a worker: its Debug nodes follow those buttons from now on. */
export function followDebugButtons({ flows }: WorkerLoad, getNode: (id: string) => Node | null | undefined): void {
  const configured = flows
    .filter(({ type }) => type === 'debug')
    .map((node) => [String(node.id), isActive(node)] as const);
  if (configured.length === 0) return;
  openChannel().onmessage = (message) => {
    const { data: pressed } = message as { data: Pressed };
    for (const [id, active] of configured) {
      const node: DebugNode | null | undefined = getNode(id);
      if (node) node.active = pressed[id] ?? active;
    }
  };
}

/** As the Debug node reads its config. */
function isActive({ active }: Readonly<Record<string, unknown>>): boolean {
  return active === null || active === undefined || active === true;
}

function openChannel(): BroadcastChannel {
  const channel = new BroadcastChannel(CHANNEL);
  // Nobody goes on for its sake.
  channel.unref();
  return channel;
}
