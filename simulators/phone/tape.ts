import { BYTES_PER_MS, isSilent } from '../audio';
import { SILENT_FRAME } from './ear';
import { TICK_MS } from './ticker';
import { toLinear, toMulaw } from './tones';
import { writeWav } from './wav';

/** Whose voice is kept: the phone's (what the carrier receives from it), the application's side (what it sends to it), or both. */
export type TapeTrack = 'inbound' | 'outbound' | 'both';

/** A tape keeps at most so much; what comes later is not on it. */
export const MAX_TAPE_MS = 600_000;

/** A recording of the very bytes that went over the line, 20 ms at a time. */
export class Tape {
  private inbound: Buffer[] = [];
  private outbound: Buffer[] = [];
  private pausing: 'skip' | 'silence' | undefined;

  constructor(private readonly track: TapeTrack) {}

  /** Length in ms. */
  get ms(): number {
    return this.inbound.length * TICK_MS;
  }

  /** The next 20 ms: what the phone hears (undefined: silence) and what it says. */
  readonly hear = (toPhone: Buffer | undefined, fromPhone: Buffer): void => {
    if (this.pausing === 'skip' || this.ms >= MAX_TAPE_MS) return;
    const off = this.pausing === 'silence';
    this.inbound.push(off || this.track === 'outbound' ? SILENT_FRAME : fromPhone);
    this.outbound.push(off || this.track === 'inbound' || toPhone === undefined ? SILENT_FRAME : toPhone);
  };

  /** From now on: nothing is kept, or silence in its place. */
  pause(how: 'skip' | 'silence'): void {
    this.pausing = how;
  }

  resume(): void {
    this.pausing = undefined;
  }

  /** Takes the silence away at both ends. */
  trim(): void {
    const quiet = (i: number): boolean =>
      isSilent(this.inbound[i] ?? SILENT_FRAME) && isSilent(this.outbound[i] ?? SILENT_FRAME);
    let end = this.inbound.length;
    while (end > 0 && quiet(end - 1)) end--;
    let start = 0;
    while (start < end && quiet(start)) start++;
    this.inbound = this.inbound.slice(start, end);
    this.outbound = this.outbound.slice(start, end);
  }

  /** The WAV file: two channels, the phone's voice first; or one with both voices in it. */
  wav(channels: 1 | 2): Buffer {
    const inbound = Buffer.concat(this.inbound);
    const outbound = Buffer.concat(this.outbound);
    return writeWav(channels === 2 ? [inbound, outbound] : [mixed(inbound, outbound)]);
  }
}

/** Both voices in one, 20 ms at a time: where only one speaks, its very bytes. */
function mixed(one: Buffer, other: Buffer): Buffer {
  const out = Buffer.alloc(one.length);
  const step = TICK_MS * BYTES_PER_MS;
  for (let at = 0; at < one.length; at += step) {
    const a = one.subarray(at, at + step);
    const b = other.subarray(at, at + step);
    if (isSilent(b)) a.copy(out, at);
    else if (isSilent(a)) b.copy(out, at);
    else for (let i = 0; i < a.length; i++) out[at + i] = toMulaw(toLinear(a[i] as number) + toLinear(b[i] as number));
  }
  return out;
}
