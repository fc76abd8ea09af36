import { BYTES_PER_MS } from '../mulaw';
import type { UtteranceLine } from './utterance-line';

/** A stretch of one utterance on the timeline. */
interface Segment {
  line: UtteranceLine;
  lineOffset: number;
  at: number;
  bytes: number;
}

/**
 * What the carrier has been sent since it was last cleared, in bytes, and how far the caller is in it.
 *
 * The last valid echo of a mark says what was heard; between echoes the clock does, anchored at the later of that echo and
 * the sending of the first frame after the carrier's buffer ran empty, and never beyond what was sent (CALLS, section 3).
 */
export class Timeline {
  sent = 0;
  /** Known or reckoned to have been heard; never goes back. */
  heard = 0;
  private segments: Segment[] = [];
  /** The marks that have not been echoed: where each stands on the timeline, and in which line; column by column. */
  private markAts: number[] = [];
  private markLines: UtteranceLine[] = [];
  private markOffsets: number[] = [];
  private generation = 0;
  private lastMarkAt = 0;
  private anchorAt = 0;
  private anchorTime = 0;

  constructor(private readonly now: () => number) {}

  /** Bytes sent since the last mark. */
  get sinceMark(): number {
    return this.sent - this.lastMarkAt;
  }

  /** When, by the clock, all that was sent will have been heard, ms. */
  get dryAt(): number {
    return this.anchorTime + (this.sent - this.anchorAt) / BYTES_PER_MS;
  }

  /** Where the caller is by the clock. */
  position(): number {
    const byClock = this.anchorAt + (this.now() - this.anchorTime) * BYTES_PER_MS;
    return Math.max(this.heard, Math.min(this.sent, Math.floor(byClock)));
  }

  /** `bytes` of a line are being sent, with padding that belongs to no line. */
  add(line: UtteranceLine, bytes: number, padding: number): void {
    if (this.position() >= this.sent) {
      this.anchorAt = this.sent;
      this.anchorTime = this.now();
    }
    const last = this.segments.at(-1);
    const goesOn =
      last?.line === line && last.at + last.bytes === this.sent && last.lineOffset + last.bytes === line.sent;
    if (last && goesOn) last.bytes += bytes;
    else this.segments.push({ line, lineOffset: line.sent, at: this.sent, bytes });
    this.sent += bytes + padding;
  }

  /** A mark at the end of what was sent. @returns its name: utterance, generation and offset */
  mark(line: UtteranceLine): string {
    this.markAts.push(this.sent);
    this.markLines.push(line);
    this.markOffsets.push(line.sent);
    this.lastMarkAt = this.sent;
    return this.nameOf(line, line.sent);
  }

  /** True if a mark stands at the very end of what was sent. */
  get markedToTheEnd(): boolean {
    return this.lastMarkAt === this.sent;
  }

  /** True while a mark of this line has not been echoed: its last frames may still be cut off. */
  awaits(line: UtteranceLine): boolean {
    return this.markLines.includes(line);
  }

  /** @returns false for an echo of an earlier generation, which proves nothing: a clear echoes all marks at once */
  echo(name: string): boolean {
    const index = this.markLines.findIndex((line, i) => this.nameOf(line, this.markOffsets[i] ?? 0) === name);
    const at = this.markAts[index];
    if (at === undefined) return false;
    for (const column of [this.markAts, this.markLines, this.markOffsets]) column.splice(0, index + 1);
    this.anchorAt = at;
    this.anchorTime = this.now();
    this.hear(at);
    return true;
  }

  private nameOf(line: UtteranceLine, lineOffset: number): string {
    return `${line.record.id}:${this.generation}:${lineOffset}`;
  }

  /** The caller has heard up to `at`: the lines are told. */
  hear(at: number): void {
    if (at <= this.heard) return;
    this.heard = at;
    for (let segment = this.segments[0]; segment && segment.at < at; segment = this.segments[0]) {
      const covered = Math.min(segment.bytes, at - segment.at);
      segment.line.hear(segment.lineOffset + covered);
      if (covered < segment.bytes) return;
      // The last stretch of a line that is still growing stays, so that it can be extended.
      if (this.segments.length === 1 && !segment.line.complete) return;
      this.segments.shift();
    }
  }

  /** The echoes were lost: all that was sent counts as heard. */
  hearAll(): void {
    this.dropMarks();
    this.hear(this.sent);
  }

  /** The carrier's buffer was emptied, or is gone: a new timeline begins. */
  restart(): void {
    this.generation++;
    this.sent = 0;
    this.heard = 0;
    this.lastMarkAt = 0;
    this.anchorAt = 0;
    this.segments = [];
    this.dropMarks();
  }

  private dropMarks(): void {
    this.markAts = [];
    this.markLines = [];
    this.markOffsets = [];
  }
}
