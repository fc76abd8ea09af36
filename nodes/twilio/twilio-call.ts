import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Call } from '../call/call';
import type { Carrier } from '../call/carrier';
import { asError, ProviderError } from '../call/errors';
import type { EndReason } from '../call/message';
import type { TwilioAccount } from './account';
import { MediaStream } from './media-stream';
import type { StreamStart } from './media-stream';
import { isOver } from './rest';
import type { TwilioRest } from './rest';
import { isEnded, StreamWatch } from './stream-watch';
import type { Tokens } from './tokens';
import { connect, hangup, sayThenNext } from './twiml';

/** So long a call may be without a media stream: after the webhook, after a loss, after a reconnection was offered. */
const NO_STREAM_MS = 10_000;
/** While a stream is on its way nobody is asked whether the caller is still there. */
const FIRST_ASK_MS = 2_000;
/** How often a call whose stream breaks is connected again. */
const MAX_RECONNECTS = 5;
/** When the REST API fails, the end of the stream makes Twilio ask `next`: so long we wait for that. */
const NEXT_MS = 2_000;
/** Twilio's own voice speaks at least so fast, ms for a character. */
const SAY_MS_PER_CHARACTER = 120;

/** What a call needs of the in-node that it came to; outlives the node's instances. */
export interface TwilioCallHost {
  readonly rest: TwilioRest;
  readonly tokens: Tokens;
  /** Public URL and path of the node, as deployed now. */
  readonly url: string;
  fail(error: Error): void;
  /** A frame of the caller's voice. */
  audio(payload: Buffer): void;
}

/** One call at Twilio: its streams one after another, its TwiML, and what the heart asks of a carrier. */
export class TwilioCall implements Carrier {
  readonly name = 'twilio';
  private call: Call | undefined;
  private host: TwilioCallHost | undefined;
  private stream: MediaStream | undefined;
  /** All sockets of this call that are open, also one that has not started or is being replaced. */
  private readonly streams = new Set<MediaStream>();
  private readonly watch: StreamWatch;
  private begun = false;
  private over = false;
  private reconnects = 0;
  /** Set while a reconnection is ours: how long it may take, ms. */
  private planned: number | undefined;
  /** Words that the REST API could not be told: for `next`. */
  private unsaid: string | undefined;
  private saying: Promise<void> | undefined;
  private leaving: Promise<void> | undefined;
  private goodbye: string | undefined;
  private nextAsked: (() => void) | undefined;

  /**
   * @param webhook parameters of the request that offered the call
   * @param account as it was then: what Twilio was told then may be signed by it
   */
  constructor(
    readonly callSid: string,
    readonly webhook: Readonly<Record<string, string>>,
    readonly account: TwilioAccount,
  ) {
    this.watch = new StreamWatch((signal) => this.askStatus(signal), {
      over: (status) => this.ended(status),
      gaveUp: () => this.giveUp(),
    });
  }

  /** Binds it to its call in the registry; a stream must come in time from now on. */
  attach(call: Call, host: TwilioCallHost): void {
    this.call = call;
    this.host = host;
    this.watch.start(NO_STREAM_MS, FIRST_ASK_MS);
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
   * @param status `CallStatus` of the request
   */
  next(status: string | undefined): string {
    if (isEnded(status)) {
      this.ended(status);
      return hangup();
    }
    const { host } = this;
    if (!host || this.over) return hangup();
    if (this.goodbye !== undefined) {
      this.nextAsked?.();
      return hangup(this.goodbye);
    }
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
        audio: (payload) => {
          if (stream === this.stream) this.host?.audio(payload);
        },
        dtmf: (digit) => this.guard(() => this.onDigit(digit)),
        mark: (name) => {
          if (stream === this.stream) this.guard(() => this.call?.playback.echo(name));
        },
        gone: (one) => this.guard(() => this.onGone(one)),
      },
      tcp,
    );
    this.streams.add(stream);
  }

  /** Never rejects: what fails is reported, and the call is over here in any case. */
  hangUp(goodbye = ''): Promise<void> {
    this.goodbye ??= goodbye;
    this.leaving ??= this.leave(this.goodbye);
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
    this.host?.tokens.revoke(this.callSid);
    this.nextAsked?.();
    this.stream = undefined;
    for (const stream of this.streams) stream.close();
  }

  private onStarted(stream: MediaStream, start: StreamStart): void {
    const { call } = this;
    if (!call || this.over || this.goodbye !== undefined) return stream.close();
    this.watch.stop();
    this.planned = undefined;
    if (this.stream) this.detach();
    this.stream = stream;
    call.streamOpened();
    if (this.begun) return;
    this.begun = true;
    call.emit('call.started', { raw: { webhook: { ...this.webhook }, start: start.raw } });
  }

  private onDigit(digit: string): void {
    this.call?.noteWords();
    this.call?.emit('call.dtmf', digit);
  }

  private onGone(stream: MediaStream): void {
    this.streams.delete(stream);
    if (stream !== this.stream) return;
    this.detach();
    if (this.over || this.goodbye !== undefined) return;
    this.watch.start(this.planned ?? NO_STREAM_MS);
  }

  /** Parts from the present stream; what it had not played will be played by the next. */
  private detach(): void {
    const { stream } = this;
    this.call?.playback.streamLost();
    this.stream = undefined;
    stream?.close();
  }

  private async speak(text: string): Promise<void> {
    const { host } = this;
    if (!host || this.over || this.goodbye !== undefined) return;
    const within = NO_STREAM_MS + sayMs(text);
    this.planned = within;
    try {
      await this.update({ Twiml: sayThenNext(text, this.nextUrl(host)) });
    } catch (err) {
      if (!isOver(err)) {
        host.fail(asError(err));
        // The end of the stream makes Twilio ask `next`, which has the words.
        this.unsaid = text;
      }
      this.planned = within;
    }
    // The next stream may be here before the answer is.
    if (this.planned === undefined || this.over || this.goodbye !== undefined) return;
    if (this.stream) this.detach();
    this.watch.start(within);
  }

  private async leave(goodbye: string): Promise<void> {
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
  private async leaveByNext(): Promise<void> {
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

  /** The call has ended, says Twilio. */
  private ended(status: string): void {
    const reasons: Record<string, EndReason> = {
      busy: 'busy',
      failed: 'carrier-failed',
      'no-answer': 'no-answer',
      canceled: 'canceled',
    };
    this.call?.end(reasons[status] ?? 'caller-hangup');
  }

  /** The caller may be there still, but there is no stream: so the call is ended at Twilio too. */
  private giveUp(): void {
    const what = this.begun ? 'did not come back' : 'did not come';
    this.host?.fail(
      new ProviderError('twilio', 'carrier', `the media stream ${what} within 10 s; the call was ended.`, {
        advice: ' Check that Twilio can open a wss:// connection to the public URL (Error log in its console).',
      }),
    );
    // Our slot does not wait for that: it is the last thing that this call asks for, and takes 5 s at most.
    this.update({ Status: 'completed' }).catch(() => undefined);
    this.call?.end('stream-failed');
  }

  private askStatus(signal: AbortSignal): Promise<string> {
    return this.host?.rest.callStatus(this.accountSid, this.callSid, signal) ?? Promise.resolve('');
  }

  private update(fields: Record<string, string>): Promise<void> {
    return this.host?.rest.updateCall(this.accountSid, this.callSid, fields) ?? Promise.resolve();
  }

  private get accountSid(): string {
    return this.webhook.AccountSid ?? '';
  }

  private nextUrl(host: TwilioCallHost): string {
    return `${host.url}/next/${this.callSid}`;
  }

  private guard(work: () => void): void {
    try {
      work();
    } catch (err) {
      this.host?.fail(asError(err));
    }
  }
}

function sayMs(text: string): number {
  return text.length * SAY_MS_PER_CHARACTER;
}
