/** node-red-node-test-helper, typed as far as the agent's tests use it; it ships no types. */
import { createRequire } from 'node:module';
import type { NodeAPI } from 'node-red';

export interface TestNode {
  on(event: 'input', then: (msg: unknown) => void): void;
  receive(msg: unknown): void;
}

export interface TestHelper {
  init(runtime: string): void;
  startServer(done: () => void): void;
  stopServer(done: () => void): void;
  load(nodes: ((RED: NodeAPI) => void)[], flow: object[], credentials: object): Promise<void>;
  unload(): Promise<void>;
  getNode(id: string): TestNode;
  /** What was logged, one call a line. */
  log(): { args: [{ level: number; msg: unknown }][] };
}

const load = createRequire(__filename);

export const helper = load('node-red-node-test-helper') as TestHelper;

/** The helper loads no core nodes; the tests want to see what Catch gets. */
export const catchNode = load('@node-red/nodes/core/common/25-catch') as (RED: NodeAPI) => void;

helper.init(load.resolve('node-red'));
