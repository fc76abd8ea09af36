import { BYTES_PER_MS } from '../mulaw';

/** Deepgram advises against more than 1.25 times real time, others say nothing; a piece more or less must not lead beyond that. */
const PACE = 1.2;
/** Audio that comes in bunches is let through as it comes up to so much, ms. */
const BURST_MS = 400;

/** Says how much audio may be sent now: real time and a little more, so that what is behind catches up. */
export class Pacer {
  private credit = 0;

  constructor(private at: number) {}

  /** Earns what the time that has passed allows. @param now ms */
  tick(now: number): void {
    const earned = (now - this.at) * PACE * BYTES_PER_MS;
    this.credit = Math.min(this.credit + earned, BURST_MS * BYTES_PER_MS);
    this.at = now;
  }

  /** @returns false if so many bytes are too much for now */
  spend(bytes: number): boolean {
    if (this.credit < bytes) return false;
    this.credit -= bytes;
    return true;
  }
}
