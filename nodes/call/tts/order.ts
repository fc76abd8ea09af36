/** How long a piece that is missing is waited for (MESSAGES, rule 7), ms. */
const MISSING_MS = 500;
/** How many pieces wait at most; at the limit the missing one is given up at once. */
const MAX_WAITING = 200;

/** A piece of the text of one utterance; `seq` counts from 0. */
export interface TextPiece {
  text: string;
  seq: number;
  /** True on the last piece. */
  done: boolean;
}

/**
 * Puts the pieces of one utterance's text in the order of `seq`, for what stands between a writer and a TTS (an HTTP
 * translator) may overtake itself. A piece that is missing holds up the later ones, but not for long.
 *
 * Several pieces may have one `seq` (a split node, a flow that does not count): they go in the order of arrival.
 */
export class PieceOrder<P extends TextPiece = TextPiece> {
  private last = -1;
  private waiting: P[] = [];
  private timer: NodeJS.Timeout | undefined;
  private over = false;

  /** @param give takes the pieces, in order; none after one with `done` */
  constructor(
    private readonly give: (text: string, done: boolean, piece: P) => void,
    private readonly missingMs = MISSING_MS,
  ) {}

  /**
   * Takes a piece as it comes.
   * @returns `late` for one whose place has been passed (it is not spoken), `after-end` for one behind the last
   */
  add(piece: P): 'taken' | 'late' | 'after-end' {
    if (piece.seq < this.last) return 'late';
    if (this.over) return 'after-end';
    if (piece.seq <= this.last + 1) {
      this.release(piece);
      this.drain();
    } else {
      const behind = this.waiting.findIndex((other) => other.seq > piece.seq);
      this.waiting.splice(behind < 0 ? this.waiting.length : behind, 0, piece);
      if (this.waiting.length > MAX_WAITING) this.skip();
      else this.timer ??= setTimeout(() => this.skip(), this.missingMs);
    }
    return 'taken';
  }

  /** No more pieces: the utterance was given up. */
  dispose(): void {
    this.over = true;
    this.waiting = [];
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** What is missing has not come: the next that is there goes on. */
  private skip(): void {
    const next = this.waiting.shift();
    if (next) this.release(next);
    this.drain();
  }

  private drain(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (let next = this.waiting[0]; next && !this.over && next.seq <= this.last + 1; next = this.waiting[0]) {
      this.waiting.shift();
      this.release(next);
    }
    if (this.over) this.waiting = [];
    else if (this.waiting.length > 0) this.timer = setTimeout(() => this.skip(), this.missingMs);
  }

  private release(piece: P): void {
    this.last = Math.max(this.last, piece.seq);
    if (piece.done) this.over = true;
    this.give(piece.text, piece.done, piece);
  }
}
