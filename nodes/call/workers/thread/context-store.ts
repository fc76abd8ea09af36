import { MessageChannel, parentPort, receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { CannotCross, packed, unpacked } from '../crossing';
import type { ContextAnswer, ContextQuestion } from '../context-line';
import { asError } from '../../errors';
import { mainLine } from '../main-line';
import { fromPlainError, toPlainError } from '../plain-error';
import type { ToMain } from '../protocol';
import type { LoggedError } from './thread-log';

/** So long a thread stands still at most for `flow.get('x')` and the like, ms. */
const WAIT_MS = 2_000;
/** Questions that wait for an answer, of all stores; one more is refused. */
const MAX_ASKED = 10_000;

/** Of Node-RED's log. */
const ERROR = 20;

type Callback = (error?: Error | null, ...values: unknown[]) => void;
type Key = string | string[];

/** As Node-RED asks of a context store: without a callback the answer is what the method returns, or throws. */
interface ContextStore {
  open(): Promise<void>;
  close(): Promise<void>;
  get(scope: string, key: Key, callback?: Callback): unknown;
  set(scope: string, key: Key, value: unknown, callback?: Callback): void;
  keys(scope: string, callback?: Callback): unknown;
  delete(scope: string): Promise<void>;
  clean(activeNodes: readonly string[]): Promise<void>;
}

/**
 * In a worker thread: the module of a context store that keeps nothing itself. All is asked of the store of this name in the main
 * thread, so that it is the same for all workers. What is read is a copy, and what is written is copied.
 */
export function remoteStore(name: string): () => ContextStore {
  return () => new RemoteStore(name);
}

class RemoteStore implements ContextStore {
  constructor(private readonly name: string) {}

  open(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  get(scope: string, key: Key, callback?: Callback): unknown {
    const question = { ...this.about(scope), what: 'get' as const, key };
    if (callback) return this.ask(question, callback);
    const values = line().askAtOnce(question);
    return Array.isArray(key) ? values : values[0];
  }

  set(scope: string, key: Key, value: unknown, callback?: Callback): void {
    const question = { ...this.about(scope), what: 'set' as const, key, value };
    if (callback) this.ask(question, callback);
    else line().askAtOnce({ ...question, value: this.copied(question) });
  }

  keys(scope: string, callback?: Callback): unknown {
    const question = { ...this.about(scope), what: 'keys' as const };
    return callback ? this.ask(question, callback) : line().askAtOnce(question)[0];
  }

  /** What the flow of a worker does not know is not to be deleted: it is the main thread that knows all nodes. */
  delete(): Promise<void> {
    return Promise.resolve();
  }

  /** @see delete */
  clean(): Promise<void> {
    return Promise.resolve();
  }

  private about(scope: string): Omit<ContextQuestion, 'r' | 'what' | 'atOnce'> {
    return { store: this.name, scope, key: '', value: undefined };
  }

  private ask(question: Omit<ContextQuestion, 'r' | 'atOnce'>, callback: Callback): void {
    try {
      line().ask({ ...question, value: this.copied(question) }, callback);
    } catch (err) {
      callback(asError(err));
    }
  }

  private copied({ key, value }: Pick<ContextQuestion, 'key' | 'value'>): unknown {
    try {
      return packed(value, typeof key === 'string' ? key : key.join(', '));
    } catch (err) {
      if (!(err instanceof CannotCross)) throw err;
      const words = `${err.field} is ${err.what}: the context store "${this.name}" is shared by all worker threads, and keeps plain data only.`;
      throw new Error(words, { cause: err });
    }
  }
}

/** The way to the stores of the main thread, which has a port for nothing else: there an answer can be waited for with the thread standing still. */
class ContextLine {
  private readonly port: MessagePort;
  /** Counts the answers. */
  private readonly answered = new Int32Array(new SharedArrayBuffer(4));
  private readonly asked = new Map<number, Callback>();
  private last = 0;

  constructor(tellMain: (item: ToMain & { t: 'context' }) => void) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.port.on('message', (answer: ContextAnswer) => this.take(answer));
    // A thread whose flow has stopped ends, whoever has not answered.
    this.port.unref();
    tellMain({ t: 'context', port: port2, signal: this.answered.buffer });
  }

  /** @param callback told the answer in a later turn @throws Error at the limit */
  ask(question: Omit<ContextQuestion, 'r' | 'atOnce'>, callback: Callback): void {
    if (this.asked.size >= MAX_ASKED) {
      throw new Error(`The main runtime has not answered ${MAX_ASKED} questions for context yet: it does not keep up.`);
    }
    const r = ++this.last;
    this.asked.set(r, callback);
    this.port.postMessage({ ...question, r, atOnce: false } satisfies ContextQuestion);
  }

  /** Stands still until the answer is there. @throws Error what the store threw, or if none comes */
  askAtOnce(question: Omit<ContextQuestion, 'r' | 'atOnce'>): readonly unknown[] {
    const r = ++this.last;
    const until = performance.now() + WAIT_MS;
    let seen = Atomics.load(this.answered, 0);
    this.port.postMessage({ ...question, r, atOnce: true } satisfies ContextQuestion);
    for (;;) {
      for (let next = this.received(); next; next = this.received()) {
        if (next.r === r) return valuesOf(next);
        // Others are told in their own turn, in which they expect it.
        const other = next;
        setImmediate(() => this.take(other));
      }
      const left = until - performance.now();
      if (left <= 0) break;
      Atomics.wait(this.answered, 0, seen, left);
      seen = Atomics.load(this.answered, 0);
    }
    throw new Error(`The context store "${question.store}" of the main runtime has not answered within ${WAIT_MS / 1_000} s: it is too busy. With a callback (flow.get("x", (err, value) => ...)) nothing waits for it.`); // prettier-ignore
  }

  private received(): ContextAnswer | undefined {
    const received: { message: ContextAnswer } | undefined = receiveMessageOnPort(this.port);
    return received?.message;
  }

  private take(answer: ContextAnswer): void {
    const callback = this.asked.get(answer.r);
    this.asked.delete(answer.r);
    if (!callback) return;
    let told: Parameters<Callback>;
    try {
      told = [undefined, ...valuesOf(answer)];
    } catch (err) {
      told = [asError(err)];
    }
    try {
      callback(...told);
    } catch (err) {
      report(asError(err));
    }
  }
}

/** A store in memory calls back at once, and what the callback throws is the Function node's error: here it must not end the thread. */
function report(err: Error): void {
  const line = `The callback of a question for context has thrown: ${String(err)}`;
  const msg: LoggedError = { error: toPlainError(err), line };
  mainLine()?.send({ t: 'log', entry: { level: ERROR, msg } });
}

/** @throws Error what the store has thrown, or told its callback */
function valuesOf(answer: ContextAnswer): readonly unknown[] {
  if ('error' in answer) throw fromPlainError(answer.error);
  return unpacked(answer.values);
}

let theLine: ContextLine | undefined;

/** Made at the first use: most flows have no store but memory. */
function line(): ContextLine {
  return (theLine ??= new ContextLine((item) => parentPort?.postMessage([item], [item.port])));
}
