import type { CarriedCall } from '../carried-call';
import type { Carrier } from '../carrier';
import type { CarrierControl, TransferOrder, TransferOutcome } from './control';
import { asError, ProviderError } from '../errors';
import type { LogFields, LogLevel } from '../log-line';
import type { Hearer } from './media-socket';
import type { EndReason } from '../message';
import type { ReportKind } from './reports';
import { StreamWatch } from './stream-watch';
import type { Tokens } from './tokens';

/** So long a call may be without a media stream: after it was offered, after a loss, after a reconnection was offered, ms. */
export const NO_STREAM_MS = 10_000;
/** While a stream is on its way nobody is asked whether the caller is still there, ms. */
export const FIRST_ASK_MS = 2_000;
/** How often a call whose stream breaks is connected again. */
export const MAX_RECONNECTS = 5;
/** A transfer that must have ended may take so much longer to be heard of, ms; and so often the carrier is asked meanwhile. */
const AWAY_SPARE_MS = 30_000;
const AWAY_ASK_MS = 30_000;
/** A transfer to which the carrier gave no answer may come true so much later, ms. */
const DOUBT_MS = 10_000;
/** A carrier's own voice speaks at least so fast, ms for a character. */
const SAY_MS_PER_CHARACTER = 120;

/** How long a carrier's own voice needs for a text at most, ms. */
export function sayMs(text: string): number {
  return text.length * SAY_MS_PER_CHARACTER;
}

/** What a call needs of the in-node that it came to; outlives the node's instances. */
export interface CarrierHost {
  readonly tokens: Tokens;
  /** Public URL and path of the node, as deployed now. */
  readonly url: string;
  fail(error: Error): void;
  /** A line of the log. */
  note?(level: LogLevel, event: string, fields?: LogFields): void;
  /** Expects reports of a recording or transcription of this call. @returns a token that stands for it */
  expect(kind: ReportKind): string;
  readonly hearer: Hearer;
}

/** One media socket, as far as every carrier's call knows it. */
export interface CarrierStream {
  readonly open: boolean;
  hearer: Hearer | undefined;
  close(): void;
}

/** What is told of a stream's beginning: `raw` as the carrier sent it. */
export interface CarrierStart {
  raw: Record<string, unknown>;
}

/**
 * One call at a carrier: its streams one after another, its end from either side, and the watch over the time without a
 * stream. The carrier's own words are its subclass's.
 */
export abstract class CarrierCall<Stream extends CarrierStream, Host extends CarrierHost> implements Carrier {
  abstract readonly name: string;
  protected call: CarriedCall | undefined;
  protected host: Host | undefined;
  protected stream: Stream | undefined;
  /** All sockets of this call that are open, also one that has not started or is being replaced. */
  protected readonly streams = new Set<Stream>();
  protected readonly watch: StreamWatch;
  /** A stream has been open: `call.started` was sent. */
  protected begun = false;
  protected over = false;
  /** Set when we are ending the call, also where there is nothing to say. */
  protected goodbye: string | undefined;
  protected reconnects = 0;
  /** When the present stream was lost, if it was. */
  private lostAt: number | undefined;
  /** Set from the moment in which the carrier is asked to put the caller through, until the caller is back with us. */
  protected transfer: TransferOrder | undefined;
  /** Whoever was called has answered. */
  protected transferAnswered = false;
  /** Nobody knows whether the carrier has taken it. */
  private doubtful: { order: TransferOrder; until: number } | undefined;
  /** The caller comes back: told when the new stream is open. */
  private returning: { reason: TransferOutcome; to: string } | undefined;
  private saying: Promise<void> | undefined;
  private leaving: Promise<void> | undefined;

  /** @param id by which the carrier knows the call, and so do we; one that we dial goes by ours until the carrier names it */
  constructor(public id: string) {
    this.watch = new StreamWatch((signal) => this.ask(signal), {
      over: (reason) => this.call?.end(this.reasonOf(reason)),
      gaveUp: () => this.giveUp(),
    });
  }

  abstract readonly control: CarrierControl;
  abstract get connected(): boolean;
  abstract play(audio: Buffer, mark?: string): void;
  abstract mark(name: string): void;
  abstract clear(): void;

  /** What the carrier sent when it offered the call: part of `call.started`. */
  protected abstract get offered(): Record<string, unknown>;
  /** What to check when no stream comes, for the ops person. */
  protected abstract readonly streamAdvice: string;
  /** Asks the carrier whether the call goes on (undefined), or why it is over. A rejection is no answer. */
  protected abstract ask(signal: AbortSignal): Promise<EndReason | undefined>;
  /** Ends the call at the carrier; never rejects. */
  protected abstract leave(goodbye: string, reason: EndReason | undefined): Promise<void>;
  /** Ends the call at the carrier, though nobody waits for it: the last thing that the call asks for. */
  protected abstract abandon(): void;
  /** Speaks by the carrier's own voice. */
  protected abstract speak(text: string): Promise<void>;

  /** Binds it to its call in the registry; a stream must come in time from now on. */
  attach(call: CarriedCall, host: Host): void {
    this.call = call;
    this.host = host;
    this.watch.start(NO_STREAM_MS, FIRST_ASK_MS);
  }

  /** Never rejects: what fails is reported, and the call is over here in any case. */
  hangUp(goodbye = '', reason?: EndReason): Promise<void> {
    this.goodbye ??= goodbye;
    this.leaving ??= this.leave(this.goodbye, reason);
    return this.leaving;
  }

  /** While words of ours are being said, others are not: two nodes may see the same failure. */
  say(text: string): Promise<void> {
    this.saying ??= this.speak(text).finally(() => (this.saying = undefined));
    return this.saying;
  }

  dispose(): void {
    if (this.over) return;
    this.over = true;
    this.watch.stop();
    this.host?.tokens.revoke(this.id);
    this.release();
    this.use(undefined);
    for (const stream of this.streams) stream.close();
  }

  /**
   * Has the caller put through, as a carrier's `control.transfer` does it.
   * @param ask the carrier; if it refuses and the caller has not been taken from us, the call goes on as it was
   */
  protected async putThrough(order: TransferOrder, ask: () => Promise<void>): Promise<void> {
    this.transfer = order;
    this.transferAnswered = false;
    this.doubtful = undefined;
    this.watch.stop();
    try {
      await ask();
    } catch (err) {
      const refused = err instanceof ProviderError && !err.retryable;
      if (this.call?.state === 'away') {
        // Only the answer was lost: the caller is gone from us, and the carrier will tell what becomes of it.
        if (!refused) return;
        // It was refused, and for another reason the stream was lost at the same time: the caller is still ours.
        if (this.transfer === order) this.comesBack('failed');
        throw err;
      }
      this.transfer = undefined;
      if (!refused) this.doubtful = { order, until: performance.now() + DOUBT_MS };
      if (!this.stream && !this.over && this.goodbye === undefined)
        this.watch.start(this.mayLack(), this.askAfterLossMs);
      throw err;
    }
    this.gone(order);
  }

  /** The caller is with somebody else; or the call is over here, if that has ended it. */
  private gone(order: TransferOrder): void {
    if (this.over || this.transfer !== order) return;
    this.call?.leave(order.to);
    if (this.stream) this.detach();
    // Nobody may hear of the end: after this long both have hung up, or nobody has answered.
    this.watch.start(order.ringMs + order.limitMs + AWAY_SPARE_MS, AWAY_ASK_MS, AWAY_ASK_MS);
  }

  /** Why the call is over, for one that ended while the caller was with somebody else. */
  protected reasonOf(reason: EndReason): EndReason {
    return reason === 'caller-hangup' && this.transfer && this.transferAnswered ? 'transferred' : reason;
  }

  /**
   * The transfer is over, and the caller is still there: a new stream is to come. Idempotent.
   * @returns false where no transfer was under way
   */
  protected comesBack(reason: TransferOutcome): boolean {
    const { transfer } = this;
    if (!transfer) return this.returning !== undefined;
    this.transfer = undefined;
    this.returning = { reason, to: transfer.to };
    this.call?.leave(transfer.to);
    this.watch.start(NO_STREAM_MS, FIRST_ASK_MS);
    return true;
  }

  /** The call has ended: whatever the carrier's own part still waits for. */
  protected release(): void {
    // Nothing by default.
  }

  /** A stream has begun that is the present one now. */
  protected streamBegan(): void {
    // Nothing by default.
  }

  /** How long the call may be without a stream after this loss, ms. */
  protected mayLack(): number {
    return NO_STREAM_MS;
  }

  protected onStarted(stream: Stream, start: CarrierStart): void {
    const { call } = this;
    if (!call || this.over || this.goodbye !== undefined) return stream.close();
    // Back without a word of the carrier's: whatever the transfer was, it is none any more.
    if (call.state === 'away') this.comesBack('failed');
    this.watch.stop();
    this.streamBegan();
    if (this.stream) this.detach();
    this.use(stream);
    this.noteOpened();
    call.streamOpened();
    const { returning } = this;
    this.returning = undefined;
    if (returning) call.emit('call.resumed', { ...returning });
    if (this.begun) return;
    this.begun = true;
    call.emit('call.started', { raw: { webhook: { ...this.offered }, start: start.raw } });
  }

  protected onDigit(digit: string): void {
    this.call?.digit(digit);
  }

  protected onGone(stream: Stream): void {
    this.streams.delete(stream);
    if (stream !== this.stream) return;
    this.detach();
    this.lostAt = performance.now();
    this.host?.note?.('debug', 'stream.closed');
    if (this.over || this.goodbye !== undefined) return;
    const { doubtful } = this;
    this.doubtful = undefined;
    if (doubtful && performance.now() < doubtful.until) this.transfer ??= doubtful.order;
    if (this.transfer) return this.gone(this.transfer);
    this.watch.start(this.mayLack(), this.askAfterLossMs);
  }

  /** That it is a stream which was lost is known when another one comes: most calls end with their stream. */
  private noteOpened(): void {
    const { lostAt } = this;
    this.lostAt = undefined;
    if (lostAt === undefined || this.returning) this.host?.note?.('debug', 'stream.opened');
    else this.host?.note?.('warn', 'stream.reconnected', { lostMs: Math.round(performance.now() - lostAt), what: 'the media stream had broken' }); // prettier-ignore
  }

  /** After the loss of a stream the carrier is asked for the first time after so long, ms. */
  protected get askAfterLossMs(): number {
    return 0;
  }

  /** Parts from the present stream; what it had not played will be played by the next. */
  protected detach(): void {
    const { stream } = this;
    this.call?.streamLost();
    this.use(undefined);
    stream?.close();
  }

  /** Only the present stream is heard. */
  private use(stream: Stream | undefined): void {
    if (this.stream) this.stream.hearer = undefined;
    this.stream = stream;
    if (stream) stream.hearer = this.host?.hearer;
  }

  /** The carrier has named a call that we have dialled. */
  protected goBy(id: string): void {
    // The last line under the old name: both are in it.
    this.host?.note?.('info', 'call.named', { as: id });
    this.id = id;
  }

  protected guard(work: () => void): void {
    try {
      work();
    } catch (err) {
      this.host?.fail(asError(err));
    }
  }

  /** The caller may be there still, but there is no stream: so the call is ended at the carrier too. */
  private giveUp(): void {
    const what = this.begun ? 'did not come back' : 'did not come';
    const words = this.transfer
      ? 'nobody told what became of the transfer; the call was ended.'
      : `the media stream ${what} within 10 s; the call was ended.`;
    this.host?.fail(new ProviderError(this.name, 'carrier', words, { advice: ` ${this.streamAdvice}` }));
    this.abandon();
    this.call?.end('stream-failed');
  }
}
