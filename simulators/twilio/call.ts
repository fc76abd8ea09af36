import type { CallOptions, Exchange } from './call-options';
import { CallRequests } from './call-requests';
import { PhoneCall } from '../phone/call';
import { DEFAULT_RING_MS } from '../phone/line';
import { wait } from '../phone/network';
import { newSid } from './ids';
import { MediaStream } from './media-stream';
import type { CallReport } from './report';
import type { FormFields } from './signatures';
import { TwimlError, parseTwiml } from './twiml';
import { carryOut, type NextDocument, type StreamRequest, type VerbHost } from './verbs';
import { WebhookError } from './webhook';

const APPLICATION_ERROR = 'We are sorry an application error has occurred Goodbye';

/** One call as Twilio sees it: asks for TwiML and carries it out. */
export class Call extends PhoneCall<CallReport> {
  readonly callSid = newSid('CA');
  answeredBy: string | undefined;
  private readonly requests: CallRequests;
  private verbs = new AbortController();
  private replacement: NextDocument | undefined;

  constructor(
    override readonly options: CallOptions,
    private readonly exchange: Exchange,
  ) {
    super(options, options.direction === 'inbound' ? 'ringing' : 'queued', exchange.ticker);
    this.requests = new CallRequests(this, options, exchange, this.findings);
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

  /** What is known up to now. */
  report(): CallReport {
    return {
      ...this.summary(),
      twiml: this.sinceAnswer(this.requests.twiml),
      callbacks: this.sinceAnswer(this.requests.callbacks),
    };
  }

  protected abandon(): void {
    this.verbs.abort();
  }

  /** `stop`, close, and then the callbacks: in this order (contracts/twilio.md section 12). */
  protected async tellOfEnd(): Promise<void> {
    this.requests.reportStatus('completed');
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
