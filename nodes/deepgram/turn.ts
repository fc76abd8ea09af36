import { join } from './listen';

/** What of a caller's turn goes out; times are ms on the call's clock, text is cumulative for the turn. */
export interface TurnEvents {
  speechStarted(atMs: number): void;
  speechStopped(atMs: number): void;
  partial(text: string): void;
  eager(text: string, endedAtMs: number): void;
  resumed(text: string): void;
  final(text: string, endedAtMs: number): void;
}

/**
 * The caller's turn under way, across sockets: what a lost socket had understood for good is kept in front of what the
 * next one understands. Speech that has started always stops, and nothing empty or repeated goes out.
 */
export class Turn {
  /** Understood by sockets that were lost. */
  kept = '';
  private keptEndMs = 0;
  private speech = false;
  private said = '';

  constructor(private readonly events: TurnEvents) {}

  /** True from the beginning of the caller's voice to the end of the turn. */
  get speaking(): boolean {
    return this.speech;
  }

  /** True if words of this turn are known, provisional ones too. */
  get hasWords(): boolean {
    return this.said !== '' || this.kept !== '';
  }

  started(atMs: number): void {
    if (this.speech) return;
    this.speech = true;
    this.events.speechStarted(atMs);
  }

  partial(text: string, startedAtMs: number): void {
    if (text === '') return;
    this.started(startedAtMs);
    const all = join(this.kept, text);
    if (all === this.said) return;
    this.said = all;
    this.events.partial(all);
  }

  eager(text: string, endedAtMs: number): void {
    const all = join(this.kept, text);
    if (all !== '') this.events.eager(all, endedAtMs);
  }

  resumed(text: string): void {
    const all = join(this.kept, text);
    this.said = all;
    if (all !== '') this.events.resumed(all);
  }

  /** A socket was lost that had understood this much for good. */
  keep(text: string, endedAtMs: number): void {
    if (text === '') return;
    this.kept = join(this.kept, text);
    this.keptEndMs = endedAtMs;
  }

  /** The turn is over. @param endedAtMs when the caller stopped speaking; undefined where only kept words remain */
  end(text: string, endedAtMs: number | undefined): void {
    const all = join(this.kept, text);
    const at = endedAtMs ?? this.keptEndMs;
    if (all !== '') this.started(at);
    const stopped = this.speech;
    this.kept = '';
    this.said = '';
    this.speech = false;
    if (stopped) this.events.speechStopped(at);
    if (all !== '') this.events.final(all, at);
  }
}
