import { refused } from '../call/refused';

/** A frame that is missing for so long is given up, ms. */
const GIVE_UP_MS = 60;
/** Told so much late that this is over, the event loop was busy, and the frame may wait in the socket: once more, ms. */
const BUSY_MS = 20;
/** So many frames wait for a missing one at most: a second of them. More in one burst, and the missing one is given up. */
const MAX_HELD = 50;
/** So many frames in a row that seem to be late: the numbering has begun anew. */
const MAX_LATE = 25;

interface Held {
  payload: Buffer;
  /** When it came, ms on a clock that never jumps. */
  at: number;
}

/**
 * Puts the frames of one track into the order of their numbers, for Telnyx does not promise it. Frames that come in order
 * go straight through; those behind a gap wait for the missing one, for 60 ms at most. What comes too late, or twice, is
 * dropped and counted. One timer, and that only while there is a gap.
 */
export class FrameOrder {
  private next: number | undefined;
  private readonly held = new Map<number, Held>();
  private timer: NodeJS.Timeout | undefined;
  private lateInARow = 0;

  constructor(private readonly deliver: (payload: Buffer) => void) {}

  /** @param chunk the frame's number, which rises by one; the first is 0 or 1, or that of a stream taken up again */
  add(chunk: number, payload: Buffer): void {
    if (chunk === this.next) {
      this.next = chunk + 1;
      this.lateInARow = 0;
      this.deliver(payload);
      if (this.held.size > 0) this.letGo();
    } else if (this.next === undefined && chunk <= 1) {
      this.next = chunk;
      this.add(chunk, payload);
    } else this.outOfOrder(chunk, payload);
  }

  /** The stream has ended: nothing that is missing will come any more, so what waits is delivered. */
  flush(): void {
    while (this.held.size > 0) this.giveUp();
  }

  private outOfOrder(chunk: number, payload: Buffer): void {
    if (this.next !== undefined && chunk < this.next) return this.late(chunk, payload);
    if (this.held.has(chunk)) {
      refused.late++;
      return;
    }
    this.held.set(chunk, { payload, at: performance.now() });
    if (this.held.size > MAX_HELD) this.giveUp();
    else if (!this.timer) this.wait(GIVE_UP_MS);
  }

  private late(chunk: number, payload: Buffer): void {
    if (++this.lateInARow < MAX_LATE) {
      refused.late++;
      return;
    }
    this.flush();
    this.lateInARow = 0;
    this.next = chunk + 1;
    this.deliver(payload);
  }

  /** Goes on behind the gap. */
  private giveUp(): void {
    this.next = Math.min(...this.held.keys());
    this.letGo();
  }

  /** Delivers what is held from the next number on; what lies behind another gap waits on, for the rest of its time. */
  private letGo(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    while (this.next !== undefined) {
      const frame = this.held.get(this.next);
      if (!frame) break;
      this.held.delete(this.next);
      this.next++;
      this.deliver(frame.payload);
    }
    if (this.held.size === 0) return;
    let since = Infinity;
    for (const { at } of this.held.values()) since = Math.min(since, at);
    this.wait(Math.max(0, since + GIVE_UP_MS - performance.now()));
  }

  private wait(ms: number, again = false): void {
    const dueAt = performance.now() + ms;
    this.timer = setTimeout(() => {
      if (again || performance.now() - dueAt < BUSY_MS) this.giveUp();
      else this.wait(BUSY_MS, true);
    }, ms);
  }
}
