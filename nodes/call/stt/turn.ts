import { join } from './connection';

/**
 * What of a caller's turn goes out; times are ms on the call's clock, text is cumulative for the turn. `sinceMs`: nothing of these words was
 * said before.
 */
export interface TurnEvents {
  speechStarted(atMs: number): void;
  speechStopped(atMs: number): void;
  partial(text: string, sinceMs: number): void;
  eager(text: string, endedAtMs: number, sinceMs: number): void;
  resumed(text: string, sinceMs: number): void;
  final(text: string, endedAtMs: number, sinceMs: number): void;
}

/** From the beginning of the caller's voice until its words are known. */
interface Stretch {
  /** Nothing of it was said before: where nobody told when the voice began, the end of the turn before. */
  sinceMs: number;
  /** When the voice ended; undefined: not told yet. */
  stoppedAt: number | undefined;
}

/**
 * The caller's turns under way, across connections: what a lost one had understood for good is kept in front of what the
 * next one understands. Speech that has started always stops, and nothing empty or repeated goes out.
 *
 * A provider that tells the end of the voice before its words may hear the next turn begin meanwhile: then there is more
 * than one stretch of speech. Words always belong to the oldest.
 */
export class Turn {
  /** Understood by connections that were lost. */
  kept = '';
  private keptEndMs = 0;
  private stretches: Stretch[] = [];
  /** How many of them the present connection knows of. */
  private known = 0;
  private open = false;
  private said = '';

  /** @param lastEndMs the end of the turn before; at first, the beginning of all */
  constructor(
    private readonly events: TurnEvents,
    private lastEndMs: number,
  ) {}

  /** True from the beginning of the caller's voice to the end of the turn. */
  get speaking(): boolean {
    return this.stretches.length > 0;
  }

  /** True if words of this turn are known, provisional ones too. */
  get hasWords(): boolean {
    return this.said !== '' || this.kept !== '';
  }

  started(atMs: number, sinceMs = atMs): void {
    if (this.open) return;
    this.open = true;
    // What the last connection had told of is not told again.
    if (this.known++ < this.stretches.length) return;
    this.stretches.push({ sinceMs, stoppedAt: undefined });
    this.events.speechStarted(atMs);
  }

  /** The voice has ended; the words are still to come. */
  stopped(atMs: number): void {
    if (!this.open) return;
    this.open = false;
    const stretch = this.stretches[this.known - 1];
    if (stretch && stretch.stoppedAt === undefined) this.stop(stretch, atMs);
  }

  /** @param sinceMs nothing of it was said before; undefined where nobody knows */
  partial(text: string, startedAtMs: number, sinceMs: number | undefined): void {
    if (text === '') return;
    if (this.stretches.length === 0) this.started(startedAtMs, sinceMs ?? this.lastEndMs);
    const all = join(this.kept, text);
    if (all === this.said) return;
    this.said = all;
    this.events.partial(all, this.sinceMs);
  }

  eager(text: string, endedAtMs: number): void {
    const all = join(this.kept, text);
    if (all !== '') this.events.eager(all, endedAtMs, this.sinceMs);
  }

  resumed(text: string): void {
    const all = join(this.kept, text);
    this.said = all;
    if (all !== '') this.events.resumed(all, this.sinceMs);
  }

  /** A connection was lost that had understood this much for good. */
  keep(text: string, endedAtMs: number): void {
    if (text === '') return;
    this.kept = join(this.kept, text);
    this.keptEndMs = endedAtMs;
  }

  /** Another connection hears all that is not finished once more. */
  again(): void {
    this.known = 0;
    this.open = false;
  }

  /** The oldest turn is over. @param endedAtMs when the caller stopped speaking; undefined where only kept words remain */
  end(text: string, endedAtMs: number | undefined): void {
    const all = join(this.kept, text);
    const at = endedAtMs ?? this.keptEndMs;
    if (all !== '' && this.stretches.length === 0) this.started(at, this.lastEndMs);
    const { sinceMs } = this;
    const stretch = this.stretches.shift();
    this.known = Math.max(0, this.known - 1);
    if (this.known === 0) this.open = false;
    this.kept = '';
    this.said = '';
    if (stretch && stretch.stoppedAt === undefined) this.stop(stretch, at);
    this.lastEndMs = Math.max(this.lastEndMs, stretch?.stoppedAt ?? at);
    if (all !== '') this.events.final(all, stretch?.stoppedAt ?? at, sinceMs);
  }

  /** All is over: the words that there are, and the end of every stretch. */
  finish(text: string, endedAtMs: number | undefined): void {
    this.end(text, endedAtMs);
    while (this.stretches.length > 0) this.end('', endedAtMs);
  }

  /** Nothing of the oldest turn was said before. */
  private get sinceMs(): number {
    return this.stretches[0]?.sinceMs ?? this.lastEndMs;
  }

  private stop(stretch: Stretch, atMs: number): void {
    stretch.stoppedAt = atMs;
    this.events.speechStopped(atMs);
  }
}
