import { FRAME_BYTES, SILENCE } from '../mulaw';
import type { Link } from './link';

/** Without a frame for so long, audio does not flow, ms: some then need silence at once, others only to end a turn. */
const GAP_MS = 300;
const GAP_IN_TURN_MS = 1_000;
const FILL_TURN_MS = 4_000;
/** After a Deploy, frames that waited come in a bunch: no silence before them, ms. */
const AFTER_HOLD_MS = 500;
/**
 * Asked so late (it is asked ten times a second), the event loop was busy: frames wait in the socket as in a Deploy, and silence would stand
 * in the midst of a word, ms.
 */
const LATE_MS = 250;
/** A connection on which no audio ever came gets its first so soon, ms. */
const FIRST_MS = 2_000;
const FRAME_MS = 20;

export const SILENT_FRAME = Buffer.alloc(FRAME_BYTES, SILENCE);

/** Says how much silence is to take the place of audio that does not come: the caller is on hold, or with somebody else. */
export class SilenceFiller {
  private heardAt: number;
  private filledUntil: number;
  private heldUntil = 0;
  private askedAt: number;

  /** @param now ms of the call's clock */
  constructor(now: number) {
    this.heardAt = this.filledUntil = this.askedAt = now;
  }

  /** A frame came. */
  heard(now: number): void {
    this.heardAt = now;
  }

  /**
   * How many frames of silence are due: always for a connection on which audio must flow, for others only until a turn has
   * ended.
   * @param flowing false while frames are held back elsewhere and will still come
   * @param unfinished true in the midst of a turn
   */
  due<S>(link: Link<S>, now: number, flowing: boolean, unfinished: boolean): number {
    const late = now - this.askedAt > LATE_MS;
    this.askedAt = now;
    if (!flowing || late) this.heldUntil = now + AFTER_HOLD_MS;
    const gap = now - this.heardAt;
    const { alwaysFlowing, quietMs } = link.connection;
    const inTurn = unfinished && gap >= GAP_IN_TURN_MS && gap < Math.max(FILL_TURN_MS, quietMs + GAP_IN_TURN_MS);
    const needed = alwaysFlowing ? gap >= GAP_MS : inTurn;
    // To some, what is said without audio is no sign of life as long as no audio ever came.
    const first = link.map.sent === 0 && now - link.openedAt >= FIRST_MS;
    if (now < this.heldUntil || !(needed || first)) {
      this.filledUntil = now;
      return 0;
    }
    const frames = needed ? Math.min(Math.floor((now - this.filledUntil) / FRAME_MS), 50) : 1;
    this.filledUntil += frames * FRAME_MS;
    return frames;
  }
}
