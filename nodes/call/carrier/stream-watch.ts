import type { EndReason } from '../message';

/** When it is asked, ms after the watch began. */
const ASK_AT = [0, 500, 1_000, 2_000, 5_000];

/** What a watch finds out. Only one of them is called, and once. */
export interface WatchListener {
  /** The carrier says that the call is over. */
  over(reason: EndReason): void;
  /** No stream came in time, and nobody said that the call is over. */
  gaveUp(): void;
}

/**
 * A call without a media stream: is it over, or does it go on? Asks the carrier at once and again, and gives up when no
 * stream has come. One timer, which is gone when the watch is stopped.
 */
export class StreamWatch {
  private timer: NodeJS.Timeout | undefined;
  private abort: AbortController | undefined;

  /** @param ask why the call is over; undefined if it goes on. A rejection counts as no answer. */
  constructor(
    private readonly ask: (signal: AbortSignal) => Promise<EndReason | undefined>,
    private readonly listener: WatchListener,
  ) {}

  /**
   * Begins anew.
   * @param giveUpMs after how long
   * @param firstAskMs not before so long: where a stream is expected any moment
   * @param everyMs how often it is asked in the long run
   */
  start(giveUpMs: number, firstAskMs = 0, everyMs = 5_000): void {
    this.stop();
    const abort = (this.abort = new AbortController());
    const beganAt = performance.now();
    const times = [...ASK_AT.filter((at) => at >= firstAskMs && at < giveUpMs)];
    for (let at = Math.max(10_000, firstAskMs); at < giveUpMs; at += everyMs) times.push(at);
    const next = (): void => {
      const at = times.shift();
      const due = beganAt + (at ?? giveUpMs) - performance.now();
      this.timer = setTimeout(
        () => (at === undefined ? this.finish(() => this.listener.gaveUp()) : tick()),
        Math.max(0, due),
      );
    };
    const tick = (): void => {
      next();
      this.ask(abort.signal).then(
        (reason) => {
          if (!abort.signal.aborted && reason !== undefined) this.finish(() => this.listener.over(reason));
        },
        () => undefined,
      );
    };
    next();
  }

  /** Stops it, and the request that is under way. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.abort?.abort();
    this.abort = undefined;
  }

  private finish(tell: () => void): void {
    this.stop();
    tell();
  }
}
