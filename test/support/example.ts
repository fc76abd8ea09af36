/** The example flows as shipped, with their accounts pointed at the simulators. */
import { KEYS } from '../../simulators/keys';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from './runtime';
import { placed } from './run-in';
import type { FlowNode } from './runtime';

/** Where the simulators are, by account type. */
export interface Addresses {
  publicUrl: string;
  twilio: string;
  telnyx: string;
  deepgram: string;
  openai: string;
  cartesia: string;
  elevenlabs: string;
}

export { KEYS };

/** Reads an example by the beginning of its file name, such as `01`. */
export function example(number: string): FlowNode[] {
  const folder = join(PACKAGE_ROOT, 'examples');
  const file = readdirSync(folder).find((name) => name.startsWith(number));
  if (!file) throw new Error(`There is no example ${number}.`);
  return JSON.parse(readFileSync(join(folder, file), 'utf8')) as FlowNode[];
}

/** The flow with base URLs and public URL of the simulated world, its calls where this run has them; nothing else is changed. */
export function pointed(flows: readonly FlowNode[], at: Addresses): FlowNode[] {
  return flows.map((node) => {
    switch (node.type) {
      case 'twilio-account':
        return { ...node, baseUrl: at.twilio, publicUrl: at.publicUrl };
      case 'telnyx-account':
        return { ...node, baseUrl: at.telnyx, publicUrl: at.publicUrl };
      case 'deepgram-account':
        return { ...node, baseUrl: at.deepgram };
      case 'openai-account':
        return { ...node, baseUrl: at.openai };
      case 'cartesia-account':
        return { ...node, baseUrl: at.cartesia };
      case 'elevenlabs-account':
        return { ...node, baseUrl: at.elevenlabs };
      case 'http request':
        return {
          ...node,
          url: String(node.url)
            .replace('https://api.openai.com/v1', at.openai)
            .replace('https://api.cartesia.ai', at.cartesia.replace(/^ws/, 'http')),
        };
      case 'twilio-in':
      case 'telnyx-in':
        return placed(node);
      default:
        return { ...node };
    }
  });
}

/** Sets properties on all nodes of a type. */
export function change(flows: readonly FlowNode[], type: string, properties: Record<string, unknown>): FlowNode[] {
  return flows.map((node) => (node.type === type ? { ...node, ...properties } : node));
}

/** The one node of a type. */
export function the(flows: readonly FlowNode[], type: string): FlowNode {
  const found = flows.filter((node) => node.type === type);
  if (found.length !== 1 || !found[0]) throw new Error(`There are ${found.length} nodes of type ${type}.`);
  return found[0];
}
