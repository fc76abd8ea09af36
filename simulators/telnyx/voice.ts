import type { Body } from './fields';
import { newId } from './ids';

/** The carrier's own voice on one call: command `speak`. What is said while it speaks waits for its turn. */
export class Voice {
  private last: Promise<void> = Promise.resolve();
  private speaking = new AbortController();
  private waiting = new AbortController();

  /**
   * @param speak says words to the caller; resolves when they are heard to their end, or when the signal aborts
   * @param life aborts at the end of the call
   */
  constructor(
    private readonly speak: (words: string, signal: AbortSignal) => Promise<void>,
    private readonly tell: (event: string, more: Body) => void,
    private readonly life: AbortSignal,
  ) {}

  /** Says it `times` times, after what is being said. */
  say(words: string, times = 1): void {
    const given = this.waiting.signal;
    this.last = this.last.then(async () => {
      if (this.life.aborted || given.aborted) return;
      this.speaking = new AbortController();
      const { signal } = this.speaking;
      const id = { speak_id: newId() };
      this.tell('call.speak.started', id);
      for (let left = times; left > 0 && !signal.aborted && !this.life.aborted; left--) await this.speak(words, signal);
      const status = this.life.aborted ? 'call_hangup' : signal.aborted ? 'cancelled' : 'completed';
      this.tell('call.speak.ended', { ...id, status });
    });
  }

  /** Field `stop`: gives up what is being said, or all that is waiting too. */
  stop(what: 'current' | 'all'): void {
    this.speaking.abort();
    if (what === 'current') return;
    this.waiting.abort();
    this.waiting = new AbortController();
  }
}
