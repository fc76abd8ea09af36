import { EventEmitter } from 'node:events';
import { FRAME_BYTES, speakWords } from '../audio';
import type { CallEvents, CallOptions, Exchange } from './call-options';
import { CallRequests } from './call-requests';
import { Caller } from './caller';
import { Ear, type HeardWord, type VoiceSource } from './ear';
import { Findings } from './findings';
import { newSid } from './ids';
import { DEFAULT_RING_MS } from './line';
import { MediaStream, type StreamEnd } from './media-stream';
import { wait, type NetworkOptions } from './network';
import type { CallReport, CallStatus, DialReport, EndedBy, MarkReport, StreamReport } from './report';
import type { CallerScript } from './script';
import type { FormFields } from './signatures';
import { TwimlError, parseTwiml } from './twiml';
import { carryOut, type NextDocument, type StreamRequest, type VerbHost } from './verbs';
import { WebhookError } from './webhook';

const DEFAULT_MAX_DURATION_MS = 120_000;
const APPLICATION_ERROR = 'We are sorry an application error has occurred Goodbye';

/** One call as the phone company sees it: carries out TwiML, plays and records what both sides say. */
export class Call extends EventEmitter<CallEvents> {
  readonly callSid = newSid('CA');
  readonly createdAt = new Date();
  status: CallStatus;
  answeredDate: Date | undefined;
  endedDate: Date | undefined;
  answeredBy: string | undefined;
  /** Resolves with the report when the call is over and its last callback is delivered; never rejects. */
  readonly ended: Promise<CallReport>;

  private readonly ear = new Ear((word) => this.emit('word', word));
  private readonly caller: Caller;
  private readonly findings: Findings;
  private readonly requests: CallRequests;
  private readonly offeredAt = performance.now();
  private answeredAt: number | undefined;
  private endedAt: number | undefined;
  private endedBy: EndedBy | undefined;
  private reason = '';
  private untick = (): void => {};
  private verbs = new AbortController();
  private replacement: NextDocument | undefined;
  private stream: MediaStream | undefined;
  private readonly streamsOver: Promise<unknown>[] = [];
  private voice: { audio: Buffer; offset: number; source: VoiceSource; done: () => void } | undefined;
  private settle: (report: CallReport) => void = () => {};

  private readonly log = {
    clears: [] as { atMs: number }[],
    marks: [] as MarkReport[],
    streams: [] as (StreamReport & { stream: MediaStream })[],
    dials: [] as DialReport[],
  };

  constructor(
    readonly options: CallOptions,
    private readonly exchange: Exchange,
  ) {
    super();
    this.status = options.direction === 'inbound' ? 'ringing' : 'queued';
    this.ended = new Promise((resolve) => (this.settle = resolve));
    this.findings = new Findings(
      () => this.sinceOffered(),
      (finding) => this.emit('finding', finding),
    );
    this.requests = new CallRequests(this, options, exchange, this.findings);
    this.caller = new Caller(options.script ?? [], this.ear, {
      press: (digit) => {
        this.stream?.press(digit);
        this.emit('digit', digit);
      },
      hangUp: (reason) => this.end('completed', 'caller', reason),
      saying: (text, atMs) => this.emit('saying', text, atMs),
      said: (said) => this.emit('said', said),
      failed: (reason) => this.emit('failed', reason),
    });
  }

  get from(): string {
    return this.options.from;
  }

  get to(): string {
    return this.options.to;
  }

  get isOver(): boolean {
    return this.endedAt !== undefined;
  }

  /** Media sockets of this call that exist now. */
  get openSockets(): number {
    return this.log.streams.filter(({ stream }) => stream.connected).length;
  }

  /** Between answer and end, in ms; 0 if never answered. */
  get durationMs(): number {
    return this.answeredAt === undefined ? 0 : (this.endedAt ?? performance.now()) - this.answeredAt;
  }

  /** ms since the call was answered (before that: since it was offered). */
  now(): number {
    return performance.now() - (this.answeredAt ?? this.offeredAt);
  }

  /** ms since the call was offered: the only clock that runs before the answer. */
  sinceOffered(): number {
    return performance.now() - this.offeredAt;
  }

  /** Starts the call. */
  begin(): void {
    // A bug here must not take the process of a whole test run with it, but must not be lost either.
    this.run().catch((error: unknown) => {
      this.findings.error(0, `The simulator failed: ${error instanceof Error ? error.stack : String(error)}`);
      this.end('failed', 'phone-company', 'the simulator failed');
    });
  }

  /** Adds steps to the caller's script; resolves when they are done. */
  perform(...steps: CallerScript): Promise<void> {
    return this.caller.perform(steps);
  }

  /** The caller puts the receiver down, at once. */
  hangUp(): void {
    this.end(this.answeredAt === undefined ? 'canceled' : 'completed', 'caller', 'the caller hung up');
  }

  /** The media connection breaks, at once. */
  dropStream(): void {
    this.stream?.drop();
  }

  /** Resolves at the first word for which the test holds, also one heard already; rejects when the call ends before. */
  heard(test: (word: HeardWord, textSoFar: string) => boolean): Promise<HeardWord> {
    let text = '';
    const check = (word: HeardWord): boolean => {
      text = text ? `${text} ${word.text}` : word.text;
      return test(word, text);
    };
    const known = this.ear.words().find(check);
    if (known) return Promise.resolve(known);
    if (this.isOver) return Promise.reject(new Error(`The call is over; heard: "${text}"`));
    return new Promise((resolve, reject) => {
      const onWord = (word: HeardWord): void => {
        if (!check(word)) return;
        this.off('word', onWord).off('ended', onEnded);
        resolve(word);
      };
      const onEnded = (): void => {
        this.off('word', onWord);
        reject(new Error(`The call ended before it was heard; heard: "${text}"`));
      };
      this.on('word', onWord).once('ended', onEnded);
    });
  }

  /** REST: other TwiML takes the place of what the call is doing. */
  replace(document: NextDocument): void {
    this.replacement = document;
    this.verbs.abort();
  }

  /** Ends the call; a second end changes nothing. */
  end(status: CallStatus, by: EndedBy, reason: string): void {
    if (this.isOver) return;
    this.status = status;
    this.endedAt = performance.now();
    this.endedDate = new Date();
    this.endedBy = by;
    this.reason = reason;
    this.untick();
    this.ear.end();
    this.caller.end();
    this.verbs.abort();
    this.voice?.done();
    this.stream?.stop();
    void this.finish();
  }

  /** What is known up to now. */
  report(): CallReport {
    const shift = this.answeredAt === undefined ? 0 : this.answeredAt - this.offeredAt;
    const sinceAnswer = <T extends { atMs: number }>(each: T): T => ({ ...each, atMs: Math.round(each.atMs - shift) });
    const heard = this.ear.words();
    const streams = this.log.streams.map(({ stream, ...rest }) => ({
      ...rest,
      receivedBytes: stream.receivedBytes,
      oddPayloads: stream.oddPayloads,
    }));
    return {
      callSid: this.callSid,
      from: this.from,
      to: this.to,
      direction: this.options.direction,
      status: this.status,
      endedBy: this.endedBy,
      reason: this.reason,
      durationMs: Math.round(this.durationMs),
      heard,
      heardText: heard.map((word) => word.text).join(' '),
      said: [...this.caller.said],
      turns: this.caller.turns.map((turn) => ({ ...turn })),
      interruptions: this.caller.interruptions.map((each) => ({ ...each })),
      clears: [...this.log.clears],
      marks: this.log.marks.map((mark) => ({ ...mark })),
      streams,
      dials: this.log.dials.map((dial) => ({ ...dial })),
      twiml: this.requests.twiml.map(sinceAnswer),
      callbacks: this.requests.callbacks.map(sinceAnswer),
      findings: this.findings.list.map(sinceAnswer),
      oddPayloads: streams.reduce((sum, stream) => sum + stream.oddPayloads, 0),
      failure: this.caller.failure,
    };
  }

  private async run(): Promise<void> {
    if (this.options.direction === 'outbound-api' && !(await this.ring())) return;
    let next: NextDocument | undefined = this.options.document;
    let documents = 0;
    while (next && !this.isOver) {
      this.verbs = new AbortController();
      this.replacement = undefined;
      if (++documents > 1000) return this.end('failed', 'phone-company', 'too many documents');
      const following: NextDocument | undefined = await this.carryOutDocument(next, this.verbs.signal);
      next = this.replacement ?? following;
    }
    this.end('completed', 'twiml', 'no more TwiML');
  }

  /** Rings the called person of an outbound call; false: nobody answered. */
  private async ring(): Promise<boolean> {
    const {
      outcome = 'answer',
      ringMs = DEFAULT_RING_MS,
      answeredBy = 'human',
      detectionMs = 200,
    } = this.exchange.line(this.to);
    const timeoutMs = this.options.ringTimeoutMs ?? 60_000;
    const { signal } = this.verbs;
    // The REST answer says `queued`, and is sent before anything happens.
    await wait(1, signal);
    if (this.isOver) return false;
    this.status = 'initiated';
    this.requests.reportStatus('initiated');
    if (outcome !== 'failed') {
      this.status = 'ringing';
      this.requests.reportStatus('ringing');
      await wait(Math.min(ringMs, timeoutMs), signal);
    }
    if (this.isOver) return false;
    if (outcome !== 'answer' || ringMs > timeoutMs) {
      const status = outcome === 'answer' ? 'no-answer' : outcome;
      this.end(status, 'phone-company', `${status} at ${this.to}`);
      return false;
    }
    this.answer();
    this.requests.reportStatus('answered');
    const { detection } = this.options;
    if (detection) {
      const found = this.detect(answeredBy, detectionMs, detection);
      if (!detection.async) await found;
    }
    return !this.isOver;
  }

  private async detect(
    answeredBy: string,
    ms: number,
    detection: NonNullable<CallOptions['detection']>,
  ): Promise<void> {
    await wait(ms, this.verbs.signal);
    if (this.isOver) return;
    this.answeredBy = answeredBy;
    if (!detection.async || !detection.callback) return;
    const fields = { AnsweredBy: answeredBy, MachineDetectionDuration: String(ms) };
    this.requests.callback(detection.callback, detection.method ?? 'POST', fields, true);
  }

  private answer(): void {
    if (this.answeredAt !== undefined || this.isOver) return;
    this.answeredAt = performance.now();
    this.answeredDate = new Date();
    this.status = 'in-progress';
    this.untick = this.exchange.ticker.subscribe(() => this.tick());
    this.emit('answered');
  }

  private tick(): void {
    if (this.isOver) return;
    const carrier = this.nextCarrierFrame();
    if (carrier) this.ear.hear(carrier.frame, carrier.source);
    else this.ear.hear(this.stream?.play(), 'stream');
    const frame = this.caller.tick();
    if (this.isOver) return;
    this.stream?.send(frame);
    const { dropStreamAfterMs, maxDurationMs = DEFAULT_MAX_DURATION_MS } = this.options;
    if (dropStreamAfterMs !== undefined && this.stream?.openedAt !== undefined) {
      if (performance.now() - this.stream.openedAt >= dropStreamAfterMs) this.stream.drop();
    }
    if (this.ear.nowMs >= maxDurationMs)
      this.end('completed', 'caller', `the caller gave up after ${maxDurationMs} ms`);
  }

  private nextCarrierFrame(): { frame: Buffer; source: VoiceSource } | undefined {
    const voice = this.voice;
    if (!voice) return undefined;
    // Done is told one tick after the last frame: then it has been heard to its end.
    if (voice.offset >= voice.audio.length) {
      voice.done();
      return undefined;
    }
    const frame = voice.audio.subarray(voice.offset, voice.offset + FRAME_BYTES);
    voice.offset += FRAME_BYTES;
    return { frame, source: voice.source };
  }

  /** Fetches and carries out one document; resolves with the one after it. */
  private async carryOutDocument(next: NextDocument, signal: AbortSignal): Promise<NextDocument | undefined> {
    let document: { text: string; base: string };
    try {
      document = 'twiml' in next ? { text: next.twiml, base: next.base } : await this.requests.fetch(next, signal);
      if ('twiml' in next)
        this.requests.logTwiml({ url: '', status: 200, body: next.twiml, tookMs: 0, duplicate: false });
      const { verbs, problems } = parseTwiml(document.text);
      for (const { severity, code, message } of problems) this.findings[severity](code, message);
      for (const verb of verbs) {
        if (signal.aborted) return undefined;
        if (verb.name !== 'Reject' && verb.name !== 'Redirect') this.answer();
        const outcome = await carryOut(verb, document.base, this.host, signal);
        if (signal.aborted) return undefined;
        if (outcome === 'next') continue;
        if ('hangUp' in outcome) return void this.end('completed', 'twiml', outcome.hangUp);
        if ('lost' in outcome) return void this.end('completed', 'phone-company', outcome.lost);
        if ('reject' in outcome) return void this.reject(outcome.reject);
        return outcome;
      }
      return undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof WebhookError || error instanceof TwimlError)) throw error;
      this.findings.error(error.code, error.message);
      const { fallback } = this.options;
      if (fallback && 'url' in next && next.first) {
        return { ...fallback, fields: { ErrorCode: String(error.code), ErrorUrl: next.url } };
      }
      this.answer();
      await this.speak(APPLICATION_ERROR, 'carrier', signal);
      if (!signal.aborted) this.end('completed', 'phone-company', `application error ${error.code}: ${error.message}`);
      return undefined;
    }
  }

  private reject(reason: 'busy' | 'rejected'): void {
    if (this.answeredAt !== undefined) return this.end('completed', 'twiml', '<Reject> of an answered call');
    this.end(reason === 'busy' ? 'busy' : 'no-answer', 'twiml', `<Reject reason="${reason}">`);
  }

  /** What the verbs see of this call. */
  private get host(): VerbHost {
    return {
      callSid: this.callSid,
      from: this.from,
      finding: (severity, code, message) => this.findings[severity](code, message),
      speak: (text, source, signal) => this.speak(text, source, signal),
      connect: (request, signal) => this.connect(request, signal),
      line: (number) => this.exchange.line(number),
      dialled: (dial) => {
        this.log.dials.push(dial);
        this.emit('dial-started', dial);
      },
      now: () => this.now(),
      callback: (url, method, fields) => this.requests.callback(url, method, fields),
    };
  }

  private speak(text: string, source: VoiceSource, signal: AbortSignal): Promise<void> {
    const { audio } = speakWords(text);
    return new Promise((resolve) => {
      const done = (): void => {
        this.voice = undefined;
        signal.removeEventListener('abort', done);
        resolve();
      };
      if (signal.aborted || this.isOver) return resolve();
      signal.addEventListener('abort', done);
      this.voice = { audio, offset: 0, source, done };
    });
  }

  /** A two-way stream from its opening to its end. False: the call ends with it. */
  private async connect(request: StreamRequest, signal: AbortSignal): Promise<boolean> {
    if (this.options.refuseStream) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      return true;
    }
    const streamSid = newSid('MZ');
    const openMarks: MarkReport[] = []; // not echoed yet, in the order of their coming
    const { url, base, customParameters } = request;
    let settleOver: (how: StreamEnd) => void = () => {};
    const over = new Promise<StreamEnd>((resolve) => (settleOver = resolve));
    const tell = (event: string, more: FormFields = {}): void => {
      if (!request.statusCallback) return;
      const fields = {
        StreamSid: streamSid,
        StreamName: request.name ?? streamSid,
        StreamEvent: event,
        Timestamp: new Date().toISOString(),
      };
      this.requests.callback(request.statusCallback, request.statusCallbackMethod, { ...fields, ...more }, true);
    };
    const stream = new MediaStream(
      {
        url,
        base,
        customParameters,
        streamSid,
        callSid: this.callSid,
        accountSid: this.exchange.accountSid,
        authToken: this.exchange.authToken,
        signature: this.options.signature?.upgrade ?? 'plain',
        resolve: this.exchange.resolve,
        network: this.network,
        findings: this.findings,
        chunkBytes: this.options.chunkBytes,
        lateTimestamps: this.options.lateTimestamps,
      },
      {
        opened: () => {
          entry.openedAtMs = Math.round(this.now());
          this.emit('stream-started', streamSid);
          tell('stream-started');
        },
        frameSent: () => this.emit('frame-sent'),
        audioReceived: (audio) => this.emit('audio-received', audio),
        cleared: () => {
          const atMs = Math.round(this.now());
          this.log.clears.push({ atMs });
          this.caller.cleared();
          this.emit('clear', atMs);
        },
        markReceived: (name) => {
          const mark: MarkReport = { name, receivedAtMs: Math.round(this.now()), echoedAtMs: undefined };
          this.log.marks.push(mark);
          openMarks.push(mark);
          this.emit('mark', name);
        },
        markEchoed: (name) => {
          const mark = openMarks.shift();
          if (mark) mark.echoedAtMs = Math.round(this.now());
          this.emit('mark-echoed', name);
        },
        ended: (how, error, closeCode) => {
          entry.endedAtMs = Math.round(this.now());
          entry.ended = how;
          entry.closeCode = closeCode;
          this.stream = undefined;
          if (error !== undefined) tell('stream-error', { StreamError: error });
          if (entry.openedAtMs !== undefined) tell('stream-stopped');
          this.emit('stream-stopped', streamSid, how);
          settleOver(how);
        },
      },
    );
    const entry = {
      stream,
      streamSid,
      url,
      customParameters,
      openedAtMs: undefined as number | undefined,
      endedAtMs: undefined as number | undefined,
      ended: undefined as StreamEnd | undefined,
      closeCode: undefined as number | undefined,
      receivedBytes: 0,
      oddPayloads: 0,
    };
    this.log.streams.push(entry);
    this.streamsOver.push(over);
    this.stream = stream;
    signal.addEventListener('abort', () => stream.stop());
    stream.open();
    const how = await over;
    return !(how === 'dropped' && (this.options.afterDrop ?? 'call-ends') === 'call-ends');
  }

  private get network(): NetworkOptions {
    return this.options.network ?? this.exchange.network;
  }

  /** `stop`, close, and then the callbacks: in this order (contracts/twilio.md section 12). */
  private async finish(): Promise<void> {
    await Promise.all(this.streamsOver);
    this.requests.reportStatus('completed');
    await this.requests.settled();
    const report = this.report();
    this.emit('ended', report);
    this.settle(report);
  }
}
