/** How often all pulses are looked at, ms. */
const LOOK_MS = 250;
/** A thread whose pulse has not moved for so long is stuck, ms: ten beats. */
const STUCK_MS = 1_000;
/** A look that comes so much too late, ms, says that this thread, or the machine, had no time: nothing follows from it. */
const LATE_MS = 250;

interface Watched {
  pulse: Int32Array;
  seen: number;
  movedAt: number;
  told: boolean;
  stuck: (ms: number) => void;
}

const watched = new Set<Watched>();
let timer: NodeJS.Timeout | undefined;
let lookedAt = 0;

/**
 * Watches a worker's pulse.
 * @param stuck told once, with the ms for which it has not moved
 * @returns ends the watch
 */
export function watchPulse(buffer: SharedArrayBuffer, stuck: (ms: number) => void): () => void {
  const pulse = new Int32Array(buffer);
  const own: Watched = { pulse, seen: Atomics.load(pulse, 0), movedAt: performance.now(), told: false, stuck };
  watched.add(own);
  if (!timer) {
    lookedAt = performance.now();
    timer = setInterval(look, LOOK_MS);
    timer.unref();
  }
  return () => {
    watched.delete(own);
    if (watched.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function look(): void {
  const now = performance.now();
  const isLate = now - lookedAt > LOOK_MS + LATE_MS;
  lookedAt = now;
  for (const each of [...watched]) {
    const beat = Atomics.load(each.pulse, 0);
    if (isLate || beat !== each.seen) {
      each.seen = beat;
      each.movedAt = now;
    } else if (now - each.movedAt > STUCK_MS && !each.told) {
      each.told = true;
      each.stuck(now - each.movedAt);
    }
  }
}
