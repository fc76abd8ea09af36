import type { Node, NodeDef } from 'node-red';
import { PROXY_TYPE } from '../pool/allow-list';
import { toMain } from '../elsewhere';
import { asError } from '../../errors';

/** What the proxy's type needs of Node-RED's runtime. */
export interface NodeRegistry {
  createNode(node: Node, config: NodeDef): void;
  registerType(set: string, type: string, constructor: unknown): void;
}

/**
 * Registers, in a worker thread, the node that stands for one which stays in the main runtime: it has that one's id, hands it what it
 * receives, and never sends.
 */
export function registerProxy(nodes: NodeRegistry): void {
  function Proxy(this: Node, config: NodeDef): void {
    nodes.createNode(this, config);
    this.on('input', (msg, _send, done) => {
      // Done it is when the node itself says so: Complete nodes hear of it in the main runtime, and only there.
      try {
        toMain(this, msg);
      } catch (err) {
        done(asError(err));
      }
    });
  }
  nodes.registerType('', PROXY_TYPE, Proxy);
}
