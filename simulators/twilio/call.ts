import type { CallOptions, Exchange } from './call-options';
import { CallRequests } from './call-requests';
import { resources, twimlResources } from './call-resources';
import { PhoneCall } from '../phone/call';
import { DEFAULT_RING_MS, type LineBehaviour } from '../phone/line';
import { wait } from '../phone/network';
import { keyTones } from '../phone/tones';
import { newSid } from './ids';
import { detect, type DetectionRequest } from './machine-detection';
import { MediaStream } from './media-stream';
import type { Recordings } from './recordings';
import type { CallReport } from './report';
import type { Transcriptions } from './transcriptions';
import { TwimlError, parseTwiml } from './twiml';
import { carryOut, type NextDocument, type StreamRequest, type VerbHost } from './verbs';
import { WebhookError } from './webhook';

/** Reason of a call that has reached its `TimeLimit`. */
const TIME_LIMIT = 'the time limit of the call';
/** Verbs that do not take the call off the hook; `<Dial>` decides by itself. */
const NOT_ANSWERING = new Set(['Reject', 'Redirect', 'Dial']);
const APPLICATION_ERROR = 'We are sorry an application error has occurred Goodbye';

/** One call as Twilio sees it: asks for TwiML and carries it out. */
export class Call extends PhoneCall<CallReport> {
  readonly callSid = newSid('CA');
  answeredBy: string | undefined;
  readonly recordings: Recordings;
  readonly transcriptions: Transcriptions;
  private readonly requests: CallRequests;
  private readonly life = new AbortController();
  private limit: NodeJS.Timeout | undefined;
  private verbs = new AbortController();
  private replacement: NextDocument | undefined;

  constructor(
    override readonly options: CallOptions,
    private readonly exchange: Exchange,
  ) {
    super(options, options.direction === 'inbound' ? 'ringing' : 'queued', exchange.ticker);
    this.requests = new CallRequests(this, options, exchange, this.findings);
    const { recordings, transcriptions } = resources(this, options, exchange, this.requests);
    this.recordings = recordings;
    this.transcriptions = transcriptions;
  }

  get callId(): string {
    return this.callSid;
  }

  get direction(): CallReport['direction'] {
    return this.options.direction === 'inbound' ? 'inbound' : 'outbound';
  }

  /** REST: other TwiML takes the place of what the call is doing. */
  replace(document: NextDocument): void {
    this.replacement = document;
    this.verbs.abort();
  }

  /** REST: the call ends so many ms after its answer. */
  limitTo(ms: number): void {
    clearTimeout(this.limit);
    if (this.isOver) return;
    this.limit = setTimeout(() => this.end('completed', 'phone-company', TIME_LIMIT), ms - this.durationMs);
  }

  finding(severity: 'error' | 'warning', code: number, message: string): void {
    this.findings[severity](code, message);
  }

  /** What is known up to now. */
  report(): CallReport {
    return {
      ...this.summary(),
      twiml: this.sinceAnswer(this.requests.twiml),
      callbacks: this.sinceAnswer(this.requests.callbacks),
    };
  }

  protected abandon(): void {
    clearTimeout(this.limit);
    this.life.abort();
    this.verbs.abort();
  }

  /** `stop`, close, and then the callbacks: in this order (contracts/twilio.md section 12). */
  protected async tellOfEnd(): Promise<void> {
    // The verb that was broken off says its last word first.
    await new Promise(setImmediate);
    this.requests.reportStatus('completed');
    this.transcriptions.end();
    this.recordings.end();
    await this.recordings.settled();
    await this.requests.settled();
  }

  protected async run(): Promise<void> {
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
    this.end(this.answeredDate ? 'completed' : 'no-answer', 'twiml', 'no more TwiML');
  }

  /** Rings the called person of an outbound call; false: nobody answered. */
  private async ring(): Promise<boolean> {
    const line = this.exchange.line(this.to);
    const { outcome = 'answer', ringMs = DEFAULT_RING_MS } = line;
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
    const { detection, timeLimitMs, record, sendDigits } = this.options;
    if (timeLimitMs !== undefined) this.limitTo(timeLimitMs);
    if (record) this.recordings.start(record);
    if (sendDigits !== undefined) await this.play(keyTones(sendDigits), 'carrier', signal);
    if (detection) {
      const found = this.detect(line, detection);
      if (!detection.async) await found;
    }
    return !this.isOver;
  }

  private async detect(line: LineBehaviour, request: DetectionRequest): Promise<void> {
    const found = await detect(this, request, line, this.life.signal);
    if (!found) return;
    this.answeredBy = found.answeredBy;
    if (!request.async || request.callback === undefined) return;
    const fields = { AnsweredBy: found.answeredBy, MachineDetectionDuration: String(found.ms) };
    this.requests.callback(request.callback, request.method, fields, true);
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
        if (!NOT_ANSWERING.has(verb.name)) this.answer();
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
    if (this.answeredDate !== undefined) return this.end('completed', 'twiml', '<Reject> of an answered call');
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
      dialled: (dial) => this.dialled(dial),
      now: () => this.now(),
      callback: (url, method, fields) => this.requests.callback(url, method, fields),
      isOver: () => this.isOver,
      farewell: (url, method, fields) => this.requests.farewell(url, method, fields),
      answer: () => this.answer(),
      playKeys: (keys, signal) => this.play(keyTones(keys), 'carrier', signal),
      ...twimlResources(this),
    };
  }

  /** A two-way stream from its opening to its end. False: the call ends with it. */
  private async connect(request: StreamRequest, signal: AbortSignal): Promise<boolean> {
    if (this.options.refuseStream) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      return true;
    }
    const streamSid = newSid('MZ');
    const { url, base, customParameters } = request;
    const tell = this.requests.streamReporter(request, streamSid);
    let opened = false;
    const { stream, over } = this.follow(
      { streamId: streamSid, url, customParameters },
      (listener) => {
        const made = new MediaStream(
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
            network: this.options.network ?? this.exchange.network,
            findings: this.findings,
            chunkBytes: this.options.chunkBytes,
            lateTimestamps: this.options.lateTimestamps,
          },
          listener,
        );
        made.open();
        return made;
      },
      {
        opened: () => {
          opened = true;
          tell('stream-started');
        },
        ended: (_how, error) => {
          if (error !== undefined) tell('stream-error', { StreamError: error });
          if (opened) tell('stream-stopped');
        },
      },
    );
    signal.addEventListener('abort', () => stream.stop());
    const how = await over;
    return !(how === 'dropped' && (this.options.afterDrop ?? 'call-ends') === 'call-ends');
  }
}
