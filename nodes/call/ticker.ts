/** One timer for all calls: keepalives, retries and watchdogs need no better than this. */
const TICK_MS = 100;

const callbacks = new Set<() => void>();
let timer: NodeJS.Timeout | undefined;

/** Calls back ten times a second until the returned function is called. The callback must not throw. */
export function everyTick(callback: () => void): () => void {
  callbacks.add(callback);
  timer ??= setInterval(() => {
    for (const one of [...callbacks]) one();
  }, TICK_MS);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size > 0 || !timer) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** How many are being called back: for tests that count what is left behind. */
export function tickers(): number {
  return callbacks.size;
}
