/** When it is asked, ms after the watch began. */
const ASK_AT = [0, 500, 1_000, 2_000, 5_000];

/** What a watch finds out. Only one of them is called, and once. */
export interface WatchListener {
  /** The carrier says that the call is over, with which status. */
  over(status: string): void;
  /** No stream came in time, and nobody said that the call is over. */
  gaveUp(): void;
}

/** The states of a call that has ended (contracts/twilio.md, section 10.1). */
const ENDED = new Set(['completed', 'busy', 'failed', 'no-answer', 'canceled']);

/** True for a `CallStatus` after which nothing comes. */
export function isEnded(status: string | undefined): status is string {
  return status !== undefined && ENDED.has(status);
}

/**
 * A call without a media stream: is it over, or does it go on? Asks the carrier at once and again, and gives up when no
 * stream has come. One timer, which is gone when the watch is stopped.
 */
export class StreamWatch {
  private timer: NodeJS.Timeout | undefined;
  private abort: AbortController | undefined;

  /** @param ask for the call's status; a rejection counts as no answer */
  constructor(
    private readonly ask: (signal: AbortSignal) => Promise<string>,
    private readonly listener: WatchListener,
  ) {}

  /**
   * Begins anew.
   * @param giveUpMs after how long
   * @param firstAskMs not before so long: where a stream is expected any moment
   */
  start(giveUpMs: number, firstAskMs = 0): void {
    this.stop();
    const abort = (this.abort = new AbortController());
    const beganAt = performance.now();
    const times = [...ASK_AT.filter((at) => at >= firstAskMs && at < giveUpMs)];
    for (let at = 10_000; at < giveUpMs; at += 5_000) times.push(at);
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
        (status) => {
          if (!abort.signal.aborted && isEnded(status)) this.finish(() => this.listener.over(status));
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
