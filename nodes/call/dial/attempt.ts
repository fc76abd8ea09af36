import type { CarriedCall } from '../carried-call';
import { DialProgress, statusOfEnd } from './status';
import type { DialStatus } from './status';
import { asError, ProviderError } from '../errors';
import { registry } from '../heart';
import { copyCall } from '../message';
import type { CallInfo, EndReason } from '../message';

/** What a dial needs of the carrier's call that it is of. */
export interface DialledBy {
  /** Names the errors. */
  readonly provider: string;
  /** How long it may ring, ms. */
  readonly ringMs: number;
  /** The news that nobody answered may take so long after that, ms; then the call is given up here. */
  readonly spareMs: number;
  /** The carrier has named it. */
  name(id: string): void;
  /** The call is being ended by us, or is over. */
  isGivenUp(): boolean;
  isOver(): boolean;
  /** Ends the call at the carrier, though nobody waits for it. */
  abandon(): void;
}

/**
 * The part of a dialled call's life that no carrier has for itself: from the dial to the answer, or to its end without one. The call takes its
 * line before the carrier has named it; until then it goes by an id of ours, which each of the carrier's webhooks carries too.
 */
export class DialAttempt {
  /** Somebody has picked up. */
  answered = false;
  private named = false;
  private call: CarriedCall | undefined;
  /** Settled when it has a name, or the carrier has refused it one. Never rejects. */
  private placing: Promise<void> = Promise.resolve();
  private nameKnown: () => void = () => undefined;
  private readonly progress = new DialProgress();
  private ringing: NodeJS.Timeout | undefined;

  /** @param dialId what the call goes by until the carrier has named it */
  constructor(
    readonly dialId: string,
    private readonly by: DialledBy,
  ) {}

  /** Has it a name at the carrier? */
  get isNamed(): boolean {
    return this.named;
  }

  /** It has its line. */
  attach(call: CarriedCall): void {
    this.call = call;
    this.ringing = setTimeout(() => this.nobodyAnswers(), this.by.ringMs + this.by.spareMs);
  }

  /**
   * Dials. @param dial asks the carrier, and resolves with its name for the call
   * @returns the call as it is named now
   * @throws ProviderError: the carrier did not take it, or it was given up meanwhile; it is over then
   */
  async place(dial: (call: CarriedCall) => Promise<string>): Promise<CallInfo> {
    const { call } = this;
    if (!call) throw new Error('A call is dialled when it is attached.');
    const byWebhook = new Promise<void>((resolve) => (this.nameKnown = resolve));
    const byAnswer = dial(call).then((id) => this.goBy(id));
    // Whichever is faster: the answer to the dial may be lost, and the call is there all the same.
    const placed = Promise.race([byAnswer, byWebhook]);
    this.placing = placed.catch(() => undefined);
    try {
      await placed;
    } catch (err) {
      this.finish('carrier-failed', { error: asError(err).message });
      throw err;
    }
    // It may be over by now: a number that nobody has. It was placed all the same.
    if (!this.by.isGivenUp()) return copyCall(call.info);
    throw new ProviderError(this.by.provider, 'carrier', 'the call was given up before it was placed', { advice: '.' });
  }

  /** The carrier has named it: by its answer, or by a webhook that was faster. */
  goBy(id: string): void {
    if (this.named || id === '') return;
    this.named = true;
    this.by.name(id);
    if (this.call && !this.by.isOver()) registry.rename(this.call, id);
    this.nameKnown();
  }

  /** It rings. */
  rings(raw: Record<string, unknown>): void {
    this.tell('ringing', raw);
  }

  /** Somebody, or a machine, has answered. @returns false where that is no news */
  pickedUp(raw: Record<string, unknown>): boolean {
    if (this.answered) return false;
    this.answered = true;
    clearTimeout(this.ringing);
    // Nobody could say a word while it rang.
    this.call?.noteWords();
    this.tell('answered', raw);
    return true;
  }

  /** It is over, and nobody has answered. */
  finish(reason: EndReason, raw: Record<string, unknown>): void {
    this.tell(statusOfEnd(reason), raw);
    this.call?.end(reason);
  }

  /**
   * We are ending it. @returns true where there is something to be ended at the carrier: what has no name yet cannot be hung up
   */
  async isToBeEnded(reason: EndReason | undefined): Promise<boolean> {
    clearTimeout(this.ringing);
    if (!this.answered) this.tell(statusOfEnd(reason ?? 'canceled'), {});
    await this.placing;
    return this.named;
  }

  /** The call is over. */
  release(): void {
    clearTimeout(this.ringing);
  }

  /** It rang, and no news came of it. */
  private nobodyAnswers(): void {
    this.by.abandon();
    this.finish('no-answer', {});
  }

  private tell(status: DialStatus, raw: Record<string, unknown>): void {
    if (!this.by.isOver() && this.progress.advance(status)) this.call?.emit('call.status', { status, raw });
  }
}
