/** Telnyx speaks so many characters at once; the rest is left out. */
const MAX_CHARACTERS = 3_000;
/** How long Telnyx may take to begin to speak, ms. */
const BEGIN_WITHIN_MS = 3_000;

/** The body of a `speak` command. */
export function speakBody(
  text: string,
  { voice, language }: { voice: string; language: string },
): Record<string, unknown> {
  return { payload: text.slice(0, MAX_CHARACTERS), payload_type: 'text', voice, language };
}

/**
 * Waits for the ends of what Telnyx's own voice says in a call. Telnyx speaks one text after the other, and tells of each
 * end by one `call.speak.ended`; so the n-th end is that of the n-th text.
 */
export class CarrierVoice {
  private begun = 0;
  private ended = 0;
  private readonly waiting = new Map<number, () => void>();

  /** True while something is being said. */
  get speaking(): boolean {
    return this.waiting.size > 0;
  }

  /**
   * Says a text. Resolves when it has been said, or by the clock where nobody tells of its end.
   * @param command sends it
   * @param sayMs how long the text takes at most, ms
   * @param atMostMs nobody waits for longer, ms
   */
  async say(command: () => Promise<void>, sayMs: number, atMostMs = Infinity): Promise<void> {
    const number = ++this.begun;
    const over = new Promise<void>((resolve) => this.waiting.set(number, resolve));
    const timer = setTimeout(() => this.done(number), Math.min(atMostMs, sayMs + BEGIN_WITHIN_MS));
    try {
      await command();
      await over;
    } catch (err) {
      // It will not be said: it has no end either.
      this.begun--;
      throw err;
    } finally {
      clearTimeout(timer);
      this.waiting.delete(number);
    }
  }

  /** `call.speak.ended` has come. */
  onEnded(): void {
    this.done(++this.ended);
  }

  /** The call is over: nobody waits any more. */
  dispose(): void {
    for (const resolve of this.waiting.values()) resolve();
  }

  private done(number: number): void {
    for (const [each, resolve] of this.waiting) if (each <= number) resolve();
  }
}
