import type { Node, NodeAPI } from 'node-red';
import { envNames } from '../call/template';

/** The environment variables that a template names, by name: the flow's, group's or subflow's own, as of this Deploy. */
export function readVariables(template: string, node: Node, RED: NodeAPI): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of envNames(template)) {
    const value: unknown = RED.util.evaluateNodeProperty(name, 'env', node, {});
    if (typeof value === 'string' || typeof value === 'number') env[name] = String(value);
  }
  return env;
}
