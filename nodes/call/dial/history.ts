import { mainLine } from '../workers/main-line';

/** How often each number was dialled in the last hour. */
const HOUR_MS = 3_600_000;
/** Calls that are remembered, of all numbers together; more in an hour are refused, since nobody could count them. */
const MAX_REMEMBERED = 100_000;

/** May a number be dialled once more? `too-often`: this number; `too-many`: of all numbers together more than are remembered. */
export type Turn = 'right' | 'too-often' | 'too-many';

/** Calls to numbers within a sliding hour, in bounded memory: 100,000 calls. */
export class DialHistory {
  /** In the order of time. */
  private calls: { number: string; at: number }[] = [];
  private first = 0;
  private readonly counts = new Map<string, number>();

  /** @param now ms on a clock that never jumps */
  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly limit = MAX_REMEMBERED,
  ) {}

  /** Calls that are remembered now. */
  get size(): number {
    return this.calls.length - this.first;
  }

  /**
   * Counts a call to a number, unless that is one too many.
   * @param perHour how many may be made in any hour
   */
  take(number: string, perHour: number): Turn {
    this.forget();
    const count = this.counts.get(number) ?? 0;
    if (count >= perHour) return 'too-often';
    if (this.size >= this.limit) return 'too-many';
    this.counts.set(number, count + 1);
    this.calls.push({ number, at: this.now() });
    return 'right';
  }

  /** For tests: as if the process had just begun. */
  clear(): void {
    this.calls = [];
    this.first = 0;
    this.counts.clear();
  }

  /** What is older than an hour counts no more. */
  private forget(): void {
    const since = this.now() - HOUR_MS;
    for (let call = this.calls[this.first]; call && call.at <= since; call = this.calls[++this.first]) {
      const left = (this.counts.get(call.number) ?? 1) - 1;
      if (left > 0) this.counts.set(call.number, left);
      else this.counts.delete(call.number);
    }
    if (this.first === 0 || this.first * 2 < this.calls.length) return;
    this.calls = this.calls.slice(this.first);
    this.first = 0;
  }
}

/** The one history of this process: it outlives every Deploy, and counts the calls of all nodes. */
export const dialHistory = new DialHistory();

/** Counts a call to a number as `DialHistory.take` does, from any thread: there is one history for all. */
export async function takeTurn(number: string, perHour: number): Promise<Turn> {
  const line = mainLine();
  return line ? ((await line.ask('dial-turn', number, perHour)) as Turn) : dialHistory.take(number, perHour);
}
