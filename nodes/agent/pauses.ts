import type { PauseAction } from './turn-taking';
import { PauseWatch } from './turn-taking';

/** What the pauses of a call need of its session. */
export interface PauseHost {
  /** ms on the call's clock */
  now(): number;
  pause(ids: readonly string[]): void;
  resume(ids: readonly string[]): void;
  /** Wraps the timer's callback: after the end of the session it does not run. */
  guard(callback: () => void): () => void;
}

/** The pauses of mode `speech`, with the timer that ends a false alarm. */
export class Pauses {
  private readonly watch = new PauseWatch();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly host: PauseHost) {}

  /** @param ids what falls silent at the first sound of the caller's voice */
  speechStarted(ids: readonly string[]): void {
    this.act(this.watch.speechStarted(ids, this.host.now()));
    this.arm();
  }

  speechStopped(): void {
    this.watch.speechStopped(this.host.now());
    this.arm();
  }

  /** It is known that there were no words. */
  falseAlarm(): void {
    this.act(this.watch.falseAlarm());
  }

  /** There is nothing to go on with, if it was this utterance that is paused; without an id, whichever it was. */
  settled(id?: string): void {
    if (id !== undefined && !this.watch.ids.includes(id)) return;
    this.watch.settled();
    clearTimeout(this.timer);
  }

  private act(action: PauseAction): void {
    if (!action) return;
    if ('pause' in action) this.host.pause(action.pause);
    else this.host.resume(action.resume);
    this.arm();
  }

  private arm(): void {
    clearTimeout(this.timer);
    const { dueAt } = this.watch;
    if (dueAt === undefined) return;
    const expire = this.host.guard(() => {
      this.act(this.watch.expire(this.host.now() + 1));
      this.arm();
    });
    this.timer = setTimeout(expire, Math.max(0, dueAt - this.host.now()));
  }
}
