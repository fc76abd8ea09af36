import type { ProviderError } from '../call/errors';
import { RecentKeys } from '../call/recent';

/** One stretch of speech at OpenAI; times are ms of the audio heard by this connection. */
export interface Item {
  /** Undefined until OpenAI has named it: a stretch that we end ourselves. */
  id: string | undefined;
  /** Where its audio begins, what was before the voice included. */
  startMs: number;
  /** Where its audio ends; undefined while the caller speaks. */
  endMs: number | undefined;
  /** When the voice ended, if that is known. */
  voiceEndMs: number | undefined;
  /** When OpenAI knew that it had ended, ms of the call's clock: from then on its words are due. */
  endedAt: number | undefined;
  /** The words so far. */
  text: string;
  done: boolean;
  failure: ProviderError | undefined;
}

const REMEMBERED = 64;

/**
 * The stretches of speech that are not finished, in the order in which they were said: transcription may finish a later one
 * first. The order is that of `previous_item_id`, for events of different items interleave (contracts/openai.md 1.4).
 */
export class ItemLine {
  readonly items: Item[] = [];
  private readonly after = new Map<string, string>();
  private readonly finished = new RecentKeys(REMEMBERED);

  get head(): Item | undefined {
    return this.items[0];
  }

  get last(): Item | undefined {
    return this.items[this.items.length - 1];
  }

  find(id: string): Item | undefined {
    return this.items.find((item) => item.id === id);
  }

  /** A new stretch, behind all others. */
  add(id: string | undefined, startMs: number): Item {
    const item: Item = {
      ...{ id, startMs, endMs: undefined, voiceEndMs: undefined, endedAt: undefined },
      ...{ text: '', done: false, failure: undefined },
    };
    this.items.push(item);
    if (id !== undefined) this.order();
    return item;
  }

  /** The first stretch that OpenAI has not named yet. */
  get unnamed(): Item | undefined {
    return this.items.find((item) => item.id === undefined);
  }

  /** OpenAI says what a stretch comes after; null: it is the first. */
  place(id: string, previous: unknown): void {
    if (typeof previous !== 'string') return;
    this.after.set(id, previous);
    this.order();
  }

  /** True for a stretch that is over: what still comes of it is late. */
  isFinished(id: string): boolean {
    return this.finished.has(id);
  }

  /** Takes the first stretch off. */
  shift(): void {
    const item = this.items.shift();
    if (item?.id === undefined) return;
    this.after.delete(item.id);
    this.finished.add(item.id);
  }

  /** Moves each stretch behind the one that it comes after, if that is here. */
  private order(): void {
    for (const item of [...this.items]) {
      const previous = item.id === undefined ? undefined : this.after.get(item.id);
      const at = this.items.indexOf(item);
      const before = previous === undefined ? -1 : this.items.findIndex(({ id }) => id === previous);
      if (before < at) continue;
      this.items.splice(at, 1);
      this.items.splice(before, 0, item);
    }
  }
}
