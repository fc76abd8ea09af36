import { fromPlainError } from '../plain-error';
import type { Answer, Ask } from '../protocol';

interface Pending {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/** What a worker has asked of the main thread and waits for. */
export class Asks {
  private readonly pending = new Map<number, Pending>();
  private last = 0;

  constructor(private readonly send: (ask: Ask) => void) {}

  /** Asks, and resolves with the answer. @throws by rejection what the other side threw, ProviderErrors as they were */
  ask(what: string, ...args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const r = ++this.last;
      this.pending.set(r, { resolve, reject });
      this.send({ t: 'ask', r, what, args });
    });
  }

  /** An answer has come. */
  answered(answer: Answer): void {
    const pending = this.pending.get(answer.r);
    this.pending.delete(answer.r);
    if ('error' in answer) pending?.reject(fromPlainError(answer.error));
    else pending?.resolve(answer.value);
  }
}
