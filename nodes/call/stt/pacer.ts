import { BYTES_PER_MS } from '../mulaw';

/** Deepgram advises against more than 1.25 times real time, others say nothing; a piece more or less must not lead beyond that. */
const PACE = 1.2;
/** Audio that comes in bunches is let through as it comes up to so much, ms. */
const BURST_MS = 400;
/** Credit is counted in tenths of a byte: whole numbers, for whole milliseconds. */
const UNIT = 10;
const EARNED_PER_MS = Math.round(PACE * BYTES_PER_MS * UNIT);
const MOST = BURST_MS * BYTES_PER_MS * UNIT;

/** Says how much audio may be sent now: real time and a little more, so that what is behind catches up. */
export class Pacer {
  private credit = 0;

  constructor(private at: number) {}

  /** Earns what the time that has passed allows. @param now ms */
  tick(now: number): void {
    this.credit = Math.min(this.credit + (now - this.at) * EARNED_PER_MS, MOST);
    this.at = now;
  }

  /** @returns false if so many bytes are too much for now */
  spend(bytes: number): boolean {
    const price = bytes * UNIT;
    if (this.credit < price) return false;
    this.credit -= price;
    return true;
  }
}
