import { BYTES_PER_MS, FRAME_BYTES } from '../audio';
import { addressOf, isLoopback, type Address, type Resolve } from '../phone/address';
import { SILENT_FRAME } from '../phone/ear';
import type { Findings } from '../phone/findings';
import { MediaSocket } from '../phone/media-socket';
import type { NetworkOptions } from '../phone/network';
import { PlaybackBuffer } from '../phone/playback-buffer';
import type { StreamEnd } from '../phone/report';
import type { PhoneStream, StreamListener } from '../phone/stream-record';
import { signUpgrade, type UpgradeSignature } from './signatures';

/** What can be odd about the media that the application gets; all of it happens on real lines. */
export interface MediaFaults {
  /** Size of the inbound media payloads in bytes, default 160. The size is not promised: try 137. */
  chunkBytes?: number;
  /** The timestamps are so many ms later than the audio that they come with, as after lost packets. */
  lateTimestamps?: number;
}

/** All that is said about a stream when it is opened. */
export interface MediaStreamOptions extends MediaFaults {
  /** As written in the TwiML. */
  url: string;
  /** URL of the document that the TwiML came from: a relative `url` is resolved against it. */
  base: string;
  authToken: string;
  accountSid: string;
  callSid: string;
  streamSid: string;
  customParameters: Record<string, string>;
  signature: UpgradeSignature;
  resolve: Resolve;
  network: NetworkOptions;
  findings: Findings;
}

const SILENT_PAYLOAD = SILENT_FRAME.toString('base64');
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * One two-way media stream: the phone company's end of the socket (contracts/twilio.md sections 5 and 6). Time comes from
 * outside: the call calls `play` and `send` once every 20 ms.
 */
export class MediaStream implements PhoneStream {
  /** Bytes of audio that the application has sent. */
  receivedBytes = 0;
  /** Media messages received whose audio was no multiple of 20 ms: the tail of such a message may be lost (section 6). */
  oddPayloads = 0;
  /** Time of the socket's upgrade, in ms of `performance.now()`; undefined before it. */
  openedAt: number | undefined;

  private readonly buffer: PlaybackBuffer;
  private readonly socket: MediaSocket;
  private sequence = 0;
  private chunk = 0;
  private sentBytes = 0;
  private rest: Buffer | undefined;
  private started = false;
  private over = false;
  private stopping = false;

  constructor(
    private readonly options: MediaStreamOptions,
    private readonly listener: StreamListener,
  ) {
    this.buffer = new PlaybackBuffer((name) => this.echo(name));
    this.socket = new MediaSocket(options.network, {
      opened: () => this.begin(),
      received: (data, isBinary) => this.receive(data, isBinary),
      closed: (code, error, stopped) => this.closed(code, error, stopped),
    });
  }

  get streamSid(): string {
    return this.options.streamSid;
  }

  /** Is the socket open and `start` sent? */
  get live(): boolean {
    return this.started && !this.stopping && !this.over;
  }

  /** Does the socket exist still? */
  get connected(): boolean {
    return this.socket.connected && !this.over;
  }

  /** Opens the socket; whatever comes of it is told to the listener. */
  open(): void {
    const target = this.target();
    if ('error' in target) {
      this.options.findings.error(target.code, target.error);
      // The listener must not be called before the caller of `open` has seen it return.
      queueMicrotask(() => this.end('failed', target.error, 0));
      return;
    }
    const { url, address } = target;
    const header = signUpgrade(this.options.authToken, url, this.options.signature);
    this.socket.open(new URL(url), address, {
      'user-agent': 'Twilio.TmeWs/1.0',
      ...(header === undefined ? {} : { 'x-twilio-signature': header }),
    });
  }

  /** The next 20 ms of the application's audio, or undefined for silence. */
  play(): Buffer | undefined {
    return this.live ? this.buffer.take() : undefined;
  }

  /** 20 ms of the caller's audio. */
  send(frame: Buffer): void {
    if (!this.live) return;
    const size = this.options.chunkBytes ?? FRAME_BYTES;
    if (size === FRAME_BYTES) return this.sendMedia(frame);
    let pending = this.rest ? Buffer.concat([this.rest, frame]) : frame;
    while (pending.length >= size) {
      this.sendMedia(pending.subarray(0, size));
      pending = pending.subarray(size);
    }
    this.rest = pending;
  }

  /** A key of the caller's phone. */
  press(digit: string): void {
    if (!this.live) return;
    const dtmf = { track: 'inbound_track', digit };
    this.push({ event: 'dtmf', streamSid: this.streamSid, sequenceNumber: this.next(), dtmf });
  }

  /** A text frame, as it is. */
  inject(text: string): void {
    if (this.live) this.socket.send(text);
  }

  /** The call goes elsewhere: `stop`, then close code 1000. */
  stop(): void {
    if (this.over || this.stopping) return;
    const wasStarted = this.started;
    this.stopping = true;
    const { accountSid, callSid } = this.options;
    if (wasStarted) {
      const stop = { accountSid, callSid };
      this.push({ event: 'stop', sequenceNumber: this.next(), streamSid: this.streamSid, stop });
    }
    this.socket.stop();
  }

  /** The connection breaks: no `stop`, no close frame. */
  drop(): void {
    if (this.over) return;
    this.socket.drop();
    this.end('dropped', 'Stream - connection reset', 1006);
  }

  private target(): { url: string; address: Address } | { code: number; error: string } {
    const { url, base, resolve } = this.options;
    let absolute = url;
    if (!/^[a-z][a-z0-9+.-]*:/i.test(url) && url !== '') {
      const page = new URL(base);
      // A path alone goes to the document's own host; on loopback there is no TLS.
      absolute = new URL(url, base).href.replace(
        /^https?:/,
        isLoopback(page.hostname) && page.protocol === 'http:' ? 'ws:' : 'wss:',
      );
    }
    let parsed: URL;
    try {
      parsed = new URL(absolute);
    } catch {
      return { code: 31923, error: `Stream - Malformed URL: "${url}"` };
    }
    if (parsed.protocol !== 'wss:' && !(parsed.protocol === 'ws:' && isLoopback(parsed.hostname))) {
      return { code: 31922, error: `Stream - Scheme not supported: "${url}" must begin with wss://` };
    }
    // Twilio drops a query string or fails the handshake; the simulator always does the worse.
    if (absolute.includes('?')) return { code: 31920, error: `Stream - Handshake error: "${url}" has a query string` };
    const address = addressOf(parsed, resolve);
    if (!address)
      return { code: 31901, error: `Stream - Connect timeout: the simulator knows no address for ${parsed.host}` };
    return { url: absolute, address };
  }

  private closed(code: number, error: NodeJS.ErrnoException | undefined, stopped: boolean): void {
    if (this.over) return;
    if (stopped) return this.end('phone-company', undefined, code);
    let failure = error && this.explain(error);
    if (!failure && code === 1006)
      failure = { code: 31903, text: 'Stream - Broken pipe: closed without a close frame' };
    if (!failure && code !== 1000 && code !== 1001 && code !== 1005) {
      failure = { code: 31921, text: `Stream - WebSocket - Close error: closed with code ${code}` };
    }
    if (failure) this.options.findings.error(failure.code, failure.text);
    this.end(this.started ? 'application' : 'failed', failure?.text, code);
  }

  private explain(error: NodeJS.ErrnoException): { code: number; text: string } {
    if (error.code === 'ECONNREFUSED') return { code: 31902, text: 'Stream - Connection refused' };
    if (error.code?.startsWith('WS_ERR'))
      return { code: 31924, text: `Stream - WebSocket - Protocol error: ${error.message}` };
    const status = /server response: (\d+)/.exec(error.message)?.[1];
    if (status) return { code: 31920, text: `Stream - WebSocket - Handshake error: the answer was ${status}, not 101` };
    if (/timed out/.test(error.message)) return { code: 31901, text: 'Stream - Connect timeout' };
    if (this.started) return { code: 31903, text: `Stream - Broken pipe: ${error.message}` };
    return { code: 31920, text: `Stream - WebSocket - Handshake error: ${error.message}` };
  }

  private begin(): void {
    const { accountSid, callSid, customParameters } = this.options;
    const mediaFormat = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 };
    const start = {
      accountSid,
      streamSid: this.streamSid,
      callSid,
      tracks: ['inbound'],
      mediaFormat,
      customParameters,
    };
    this.push({ event: 'connected', protocol: 'Call', version: '1.0.0' });
    this.push({ event: 'start', sequenceNumber: this.next(), start, streamSid: this.streamSid });
    this.started = true;
    this.openedAt = performance.now();
    this.listener.opened();
  }

  private sendMedia(bytes: Buffer): void {
    this.chunk++;
    this.listener.frameSent();
    const timestamp = Math.floor(this.sentBytes / BYTES_PER_MS) + (this.options.lateTimestamps ?? 0);
    this.sentBytes += bytes.length;
    // Built by hand: fifty a second for every call. Nothing in it needs escaping.
    this.socket.send(
      `{"event":"media","sequenceNumber":"${this.next()}","media":{"track":"inbound","chunk":"${this.chunk}",` +
        `"timestamp":"${timestamp}","payload":"${bytes === SILENT_FRAME ? SILENT_PAYLOAD : bytes.toString('base64')}"},"streamSid":"${this.streamSid}"}`,
    );
  }

  private receive(data: Buffer, isBinary: boolean): void {
    if (!this.live) return;
    const { findings } = this.options;
    if (isBinary) return findings.warning(31950, 'Stream - Malformed message: binary frame');
    const invalid = (why: string): void => findings.warning(31951, `Stream - Invalid message: ${why}`);
    let message: unknown;
    try {
      message = JSON.parse(data.toString('utf8'));
    } catch {
      return invalid('not JSON');
    }
    if (!isObject(message)) return invalid('not an object');
    const { event, streamSid } = message;
    if (event !== 'media' && event !== 'mark' && event !== 'clear')
      return invalid(`unknown event ${JSON.stringify(event)}`);
    const expected = event === 'clear' ? ['event', 'streamSid'] : ['event', 'streamSid', event];
    const wrong = wrongKeys(message, expected);
    if (wrong) return invalid(`${event}: ${wrong}`);
    if (streamSid !== this.streamSid) return invalid(`${event}: wrong streamSid`);
    if (event === 'clear') return this.clear();
    const inner = message[event];
    const key = event === 'media' ? 'payload' : 'name';
    if (!isObject(inner)) return invalid(`${event}: field "${event}" is not an object`);
    const wrongInside = wrongKeys(inner, [key]);
    if (wrongInside) return invalid(`${event}: ${wrongInside}`);
    const value = inner[key];
    if (typeof value !== 'string') return invalid(`${event}: ${key} is not a string`);
    if (event === 'mark') {
      this.listener.markReceived(value);
      return this.buffer.mark(value);
    }
    if (value === '' || !BASE64.test(value)) return invalid('media: payload is not base64');
    this.accept(Buffer.from(value, 'base64'));
  }

  private accept(audio: Buffer): void {
    const { findings } = this.options;
    this.listener.audioReceived(audio);
    this.receivedBytes += audio.length;
    if (audio.length % FRAME_BYTES !== 0) this.oddPayloads++;
    if (audio.subarray(0, 4).toString('latin1') === 'RIFF') {
      findings.warning(0, 'The audio begins with a WAV header, which the caller hears as noise');
    }
    if (this.buffer.push(audio) > 0)
      findings.warning(31931, 'Stream - Media discarded: more than 10 minutes are buffered');
  }

  private clear(): void {
    // First the listener, so that a report shows the clear before the marks that it sets free.
    this.listener.cleared();
    this.buffer.clear();
  }

  private echo(name: string): void {
    this.listener.markEchoed(name);
    this.push({ event: 'mark', sequenceNumber: this.next(), streamSid: this.streamSid, mark: { name } });
  }

  private push(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  private next(): string {
    return String(++this.sequence);
  }

  private end(how: StreamEnd, error: string | undefined, closeCode: number): void {
    if (this.over) return;
    this.over = true;
    this.listener.ended(how, error, closeCode);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrongKeys(object: Record<string, unknown>, expected: string[]): string | undefined {
  const missing = expected.find((key) => !Object.hasOwn(object, key));
  if (missing !== undefined) return `field "${missing}" is missing`;
  const extra = Object.keys(object).find((key) => !expected.includes(key));
  return extra === undefined ? undefined : `unexpected field "${extra}"`;
}
