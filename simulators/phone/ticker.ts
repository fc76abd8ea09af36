import { performance } from 'node:perf_hooks';

/** Length of one step of the phone network, in ms: 160 bytes of mu-law at 8 bytes/ms. */
export const TICK_MS = 20;

const SLOTS = 4;
const SLOT_MS = TICK_MS / SLOTS;

/**
 * One timer for all calls. Each subscriber is called every 20 ms of wall clock; a late wake-up is made good by further calls at
 * once, so that N steps are N * 20 ms whatever the event loop does. Subscribers are spread over four slots of 5 ms, as
 * the calls of a real carrier are: a hundred frames sent in one instant would measure our own burst.
 */
export class Ticker {
  private readonly slots: Set<() => void>[] = Array.from({ length: SLOTS }, () => new Set());
  private origin = 0;
  private slotsDone = 0;
  private timer: NodeJS.Timeout | undefined;

  /** Calls `tick` every 20 ms until the returned function is called. */
  subscribe(tick: () => void): () => void {
    const slot = this.slots.reduce((emptiest, each) => (each.size < emptiest.size ? each : emptiest));
    slot.add(tick);
    if (!this.timer) {
      this.origin = performance.now();
      this.slotsDone = 0;
      this.arm();
    }
    return () => {
      slot.delete(tick);
      if (this.timer && this.slots.every((each) => each.size === 0)) {
        clearTimeout(this.timer);
        this.timer = undefined;
      }
    };
  }

  private arm(): void {
    let next = this.slotsDone + 1;
    while (this.slots[next % SLOTS]?.size === 0 && next < this.slotsDone + SLOTS) next++;
    const delay = this.origin + next * SLOT_MS - performance.now();
    this.timer = setTimeout(() => this.wake(), Math.max(0, delay));
  }

  private wake(): void {
    const due = Math.floor((performance.now() - this.origin) / SLOT_MS);
    try {
      while (this.slotsDone < due && this.timer) {
        this.slotsDone++;
        for (const tick of this.slots[this.slotsDone % SLOTS] ?? []) tick();
      }
    } finally {
      // A listener that throws must not stop the clock of all other calls.
      if (this.timer) this.arm();
    }
  }
}
