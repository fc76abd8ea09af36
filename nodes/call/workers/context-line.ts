import type { PlainError } from './plain-error';

/** What a worker asks of a context store of the main thread: the methods of Node-RED's own stores. */
export interface ContextQuestion {
  /** Stands in the answer. */
  r: number;
  store: string;
  what: 'get' | 'set' | 'keys';
  /** `global`, the id of a flow or of a subflow's instance, or `<node>:<flow>`. */
  scope: string;
  /** One, or several at once. */
  key: string | readonly string[];
  value: unknown;
  /** The worker's thread stands still until it is answered: only what the store can do at once. */
  atOnce: boolean;
}

/** The values asked for, one for each key; of `keys` the list is the one value. */
export type ContextAnswer = { r: number; values: readonly unknown[] } | { r: number; error: PlainError };
