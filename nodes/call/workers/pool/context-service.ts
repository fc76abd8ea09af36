import type { Node } from 'node-red';
import type { MessagePort } from 'node:worker_threads';
import { packed } from '../crossing';
import type { ContextAnswer, ContextQuestion } from '../context-line';
import { asError } from '../../errors';
import { toPlainError } from '../plain-error';

type Callback = (error?: unknown, ...values: unknown[]) => void;

/** Node-RED's context of one scope. Without a callback the store does it at once, or throws. */
interface Context extends Record<string, unknown> {
  get(key: string | readonly string[], store: string, callback?: Callback): unknown;
  set(key: string | readonly string[], value: unknown, store: string, callback?: Callback): void;
  keys(store: string, callback?: Callback): unknown;
}

/** A node's own method, which finds the context of whatever bears the id of a node and of its flow. */
type ContextOf = (this: { id: string; z: string | undefined }) => Context;

/** In the main thread: the context stores of this Node-RED, for workers. */
export class ContextService {
  private readonly contextOf: ContextOf;

  /** @param node any node of the running flow: by it the stores are found */
  constructor(node: Node) {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called by what bears other ids
    this.contextOf = node.context as unknown as ContextOf;
  }

  /**
   * Answers what a worker asks, as long as the worker is there.
   * @param signal of which one more is counted with each answer: the worker may stand still for it
   */
  serve(port: MessagePort, signal: SharedArrayBuffer): void {
    const answered = new Int32Array(signal);
    const answer = (told: ContextAnswer): void => {
      port.postMessage(told);
      Atomics.add(answered, 0, 1);
      Atomics.notify(answered, 0);
    };
    port.on('message', (question: ContextQuestion) => this.take(question, answer));
    // It keeps no process from ending.
    port.unref();
  }

  private take(question: ContextQuestion, answer: (told: ContextAnswer) => void): void {
    const { r, what, scope, store, key, value, atOnce } = question;
    const fail = (err: unknown): void => answer({ r, error: toPlainError(asError(err)) });
    const names = typeof key === 'string' ? [key] : key;
    const tell = (values: readonly unknown[]): void => {
      try {
        answer({ r, values: values.map((value, i) => packed(value, names[i] || 'value')) });
      } catch (err) {
        fail(err);
      }
    };
    const got = (values: readonly unknown[]): void => tell(scope === 'global' ? this.stored(names, values) : values);
    const callback: Callback = (err, ...values) => {
      if (err) fail(err);
      else if (what === 'get') got(values);
      else tell(values);
    };
    const later = atOnce ? undefined : callback;
    try {
      const context = this.context(scope);
      switch (what) {
        case 'get': {
          const value = context.get(key, store, later);
          if (atOnce) got(typeof key === 'string' ? [value] : (value as unknown[]));
          return;
        }
        case 'set':
          context.set(key, value, store, later);
          if (atOnce) tell([]);
          return;
        case 'keys': {
          const keys = context.keys(store, later);
          if (atOnce) tell([keys]);
        }
      }
    } catch (err) {
      fail(err);
    }
  }

  /** Node-RED joins the id of a node and that of its flow by a colon. */
  private context(scope: string): Context {
    const at = scope.lastIndexOf(':');
    const [id, z] = at < 0 ? [scope, undefined] : [scope.slice(0, at), scope.slice(at + 1)];
    return this.contextOf.call({ id, z });
  }

  /**
   * What the settings file gives all functions (`functionGlobalContext`) is not the store's: the worker has that of its own, and much of
   * it could not go there.
   */
  private stored(names: readonly string[], values: readonly unknown[]): unknown[] {
    const given = this.context('global');
    return values.map((value, i) => (isObject(value) && value === at(given, names[i] ?? '') ? undefined : value));
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' || typeof value === 'function';
}

/** What stands at a path such as `a.b`; undefined where nothing does. */
function at(from: Record<string, unknown>, path: string): unknown {
  let there: unknown = from;
  for (const name of path.split('.')) there = (there as Record<string, unknown> | null | undefined)?.[name];
  return there;
}
