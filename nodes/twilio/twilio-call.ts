import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { FIRST_ASK_MS, MAX_RECONNECTS, NO_STREAM_MS, sayMs } from '../call/carrier/call';
import type { CarrierControl } from '../call/carrier/control';
import { asError, ProviderError } from '../call/errors';
import type { EndReason } from '../call/message';
import { TwilioControl } from './call-control';
import { endReasonOf } from './call-status';
import { MediaStream } from './media-stream';
import { isOver } from './rest';
import { TransferringCall } from './transferring-call';
import { connect, hangup, sayThenNext } from './twiml';

/** When the REST API fails, the end of the stream makes Twilio ask `next`: so long we wait for that. */
const NEXT_MS = 2_000;

/** Words that are wanted at once: so long the REST API may take, ms, before `next` has them. */
const SAY_WITHIN_MS = 2_000;

/** One call at Twilio: its TwiML, its REST updates, and what the heart asks of a carrier. */
export class TwilioCall extends TransferringCall {
  readonly name = 'twilio';
  readonly control: CarrierControl = new TwilioControl({
    transfer: (order) => this.transferTo(order),
    resource: (below, form) => this.resource(below, form),
    reportUrl: (kind) => (this.host ? `${this.host.url}/${kind}/${this.host.expect(kind)}` : ''),
  });
  protected readonly streamAdvice =
    'Check that Twilio can open a wss:// connection to the public URL (Error log in its console).';
  /** Set while a reconnection is ours: how long it may take, ms. */
  private planned: number | undefined;
  /** Words that the REST API could not be told: for `next`. */
  private unsaid: string | undefined;
  private nextAsked: (() => void) | undefined;

  protected get offered(): Record<string, unknown> {
    return this.webhook;
  }

  get connected(): boolean {
    return this.stream?.open === true;
  }

  play(audio: Buffer, mark?: string): void {
    this.stream?.play(audio, mark);
  }

  mark(name: string): void {
    this.stream?.mark(name);
  }

  clear(): void {
    this.stream?.clear();
  }

  /** The TwiML that connects the caller to us, with a fresh token. */
  twiml(): string {
    const { host } = this;
    if (!host || this.over) return hangup();
    if (this.goodbye !== undefined) return hangup(this.goodbye);
    const media = `${host.url.replace(/^http/, 'ws')}/media/${host.tokens.issue(this.callSid)}`;
    return connect({ next: this.nextUrl(host), streamStatus: `${host.url}/stream-status/${this.callSid}`, media });
  }

  /**
   * A stream has ended, or the redirection after our own words came: what now? By our state, and not by what arrived when.
   * @param params of the request
   */
  next(params: Readonly<Record<string, string>>): string {
    this.noteTalk(params);
    const reason = endReasonOf(params.CallStatus);
    if (reason !== undefined) {
      this.call?.end(this.reasonOf(reason));
      return hangup();
    }
    const { host } = this;
    if (!host || this.over) return hangup();
    if (this.goodbye !== undefined) {
      this.nextAsked?.();
      return hangup(this.goodbye);
    }
    const back = this.transferOver(params.DialCallStatus);
    if (back !== undefined) return back;
    if (this.unsaid !== undefined) {
      const words = this.unsaid;
      this.unsaid = undefined;
      this.watch.start(NO_STREAM_MS + sayMs(words), FIRST_ASK_MS);
      return sayThenNext(words, this.nextUrl(host));
    }
    if (this.planned === undefined && ++this.reconnects > MAX_RECONNECTS) {
      const words = this.call?.limits().goodbye;
      host.fail(
        new ProviderError('twilio', 'carrier', `the media stream broke ${this.reconnects} times; the call was ended.`),
      );
      this.call?.end('stream-failed');
      return hangup(words);
    }
    this.planned = undefined;
    // The news of the old stream's end may come after this request.
    if (!this.connected) this.watch.start(NO_STREAM_MS, FIRST_ASK_MS);
    return this.twiml();
  }

  /** A media socket has come with a token of this call. */
  admit(socket: WebSocket, tcp: Writable): void {
    if (this.over || this.goodbye !== undefined) {
      socket.on('error', () => undefined);
      return socket.close(1000);
    }
    const stream = new MediaStream(
      socket,
      this.callSid,
      {
        started: (one, start) => this.guard(() => this.onStarted(one, start)),
        dtmf: (digit) => this.guard(() => this.onDigit(digit)),
        mark: (name) => {
          if (stream === this.stream) this.guard(() => this.call?.echo(name));
        },
        gone: (one) => this.guard(() => this.onGone(one)),
      },
      tcp,
    );
    this.streams.add(stream);
  }

  protected override release(): void {
    this.nextAsked?.();
  }

  protected override streamBegan(): void {
    this.planned = undefined;
  }

  protected override mayLack(): number {
    return this.planned ?? NO_STREAM_MS;
  }

  protected async speak(text: string): Promise<void> {
    const { host } = this;
    if (!host || this.over || this.goodbye !== undefined) return;
    const within = NO_STREAM_MS + sayMs(text);
    this.planned = within;
    const { stream } = this;
    try {
      await this.update({ Twiml: sayThenNext(text, this.nextUrl(host)) }, SAY_WITHIN_MS);
    } catch (err) {
      if (!isOver(err)) {
        host.fail(asError(err));
        // The end of the stream makes Twilio ask `next`, which has the words. One that has ended meanwhile was ended by
        // Twilio, to say them: only the answer was lost.
        if (this.stream === stream) this.unsaid = text;
      }
      this.planned = within;
    }
    // The next stream may be here before the answer is.
    if (this.planned === undefined || this.over || this.goodbye !== undefined) return;
    if (this.stream) this.detach();
    this.watch.start(within);
  }

  protected async leave(goodbye: string, _reason?: EndReason): Promise<void> {
    this.watch.stop();
    try {
      await this.complete(goodbye);
    } catch (err) {
      this.host?.fail(asError(err));
      await this.leaveByNext();
    }
  }

  /** Ends the call by REST; that it was over already is confirmation too. */
  private async complete(goodbye: string): Promise<void> {
    try {
      await this.update(goodbye === '' ? { Status: 'completed' } : { Twiml: hangup(goodbye) });
    } catch (err) {
      if (!isOver(err)) throw err;
      // One that was never answered takes no TwiML, but can be ended.
      if (goodbye !== '') await this.complete('');
    }
  }

  /** Closes the stream: Twilio then asks `next`, which answers with the goodbye and a hang-up. */
  protected async leaveByNext(): Promise<void> {
    if (this.over || !this.stream) return;
    const asked = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, NEXT_MS);
      this.nextAsked = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.detach();
    await asked;
  }

  protected abandon(): void {
    // Our slot does not wait for that, and it takes 5 s at most.
    this.update({ Status: 'completed' }).catch(() => undefined);
  }

  protected async ask(signal: AbortSignal): Promise<EndReason | undefined> {
    return endReasonOf(await this.host?.rest.callStatus(this.accountSid, this.callSid, signal));
  }
}
