import { BYTES_PER_MS, FRAME_BYTES } from '../audio';
import { addressOf, isLoopback, type Resolve } from '../phone/address';
import { SILENT_FRAME } from '../phone/ear';
import type { Findings } from '../phone/findings';
import { MediaSocket } from '../phone/media-socket';
import type { NetworkOptions } from '../phone/network';
import { PlaybackBuffer } from '../phone/playback-buffer';
import type { StreamEnd } from '../phone/report';
import type { PhoneStream, StreamListener } from '../phone/stream-record';
import { microseconds } from './ids';
import { FrameSender } from './frame-sender';
import { FRAME_ERRORS, readMessage, type FrameError } from './media-message';
import type { StreamRequest } from './stream-request';

/** What can be odd about the media that the application gets (contracts/telnyx.md section 4). */
export interface MediaFaults {
  /** Size of the inbound media payloads in bytes, default 160. The size is not promised: try 137. */
  chunkBytes?: number;
  /** Each second media frame comes before the one that it follows: the order is not guaranteed. */
  framesOutOfOrder?: boolean;
  /** The key of custom parameters in `start`, which is documented nowhere; default `custom_parameters`. */
  customParametersKey?: 'custom_parameters' | 'customParameters';
  /** The encoding's name in `start`; older text has `audio/x-mulaw`. Default `PCMU`. */
  encodingName?: string;
}

/** All that is said about a stream when it is opened. */
export interface MediaStreamOptions extends MediaFaults {
  request: StreamRequest;
  streamId: string;
  /** What `start` says of the call. */
  about: Readonly<Record<string, unknown>>;
  userId: string;
  callControlId: string;
  resolve: Resolve;
  network: NetworkOptions;
  findings: Findings;
}

/** The carrier tells the application by webhook before it does so on the socket: started precedes `start`, stopped precedes `stop`. */
export interface TelnyxStreamListener extends StreamListener {
  starting(): void;
  stopping(): void;
}

/** One MP3 a second at most, in mp3 mode, ms. */
const MP3_EVERY_MS = 1_000;
/** Audio in one message in rtp mode, ms (contracts/telnyx.md section 4). */
const SHORTEST_MS = 20;
const LONGEST_MS = 30_000;

/** One media stream: Telnyx's end of the socket. Time comes from outside: the call calls `play` and `send` once every 20 ms. */
export class MediaStream implements PhoneStream {
  receivedBytes = 0;
  oddPayloads = 0;
  openedAt: number | undefined;

  private readonly buffer = new PlaybackBuffer((name) => this.echo(name));
  private readonly socket: MediaSocket;
  private readonly frames: FrameSender;
  private played: Buffer | undefined;
  private mp3At = -Infinity;
  private started = false;
  private stopped = false;
  private over = false;

  constructor(
    private readonly options: MediaStreamOptions,
    private readonly listener: TelnyxStreamListener,
  ) {
    const { streamId, chunkBytes = FRAME_BYTES, framesOutOfOrder: outOfOrder = false } = options;
    this.frames = new FrameSender({ streamId, chunkBytes, outOfOrder }, (frame) => this.socket.send(frame));
    this.socket = new MediaSocket(options.network, {
      opened: () => this.begin(),
      received: (data, isBinary) => this.receive(data, isBinary),
      closed: (code, error, stopped) => this.closed(code, error, stopped),
    });
  }

  get streamId(): string {
    return this.options.streamId;
  }

  get live(): boolean {
    return this.started && !this.stopped && !this.over;
  }

  get connected(): boolean {
    return this.socket.connected && !this.over;
  }

  /** Opens the socket; whatever comes of it is told to the listener. */
  open(): void {
    const { request, resolve } = this.options;
    const url = new URL(request.url);
    const address = addressOf(url, resolve);
    const insecure = url.protocol === 'ws:' && !isLoopback(url.hostname);
    if (!address || insecure) {
      const why = insecure ? `${request.url} must begin with wss://` : `no address for ${url.host}`;
      // The listener must not be called before the caller of `open` has seen it return.
      queueMicrotask(() => this.end('failed', why, 0));
      return;
    }
    const headers: Record<string, string> = { 'user-agent': 'telnyx-media' };
    if (request.authToken !== undefined) headers['authorization'] = `Bearer ${request.authToken}`;
    this.socket.open(url, address, headers);
  }

  play(): Buffer | undefined {
    this.played = this.live ? this.buffer.take() : undefined;
    return this.played;
  }

  send(frame: Buffer): void {
    if (!this.live) return;
    const { track } = this.options.request;
    if (track !== 'inbound_track') this.frames.send('outbound', this.played ?? SILENT_FRAME);
    if (track === 'outbound_track') return;
    for (let count = this.frames.send('inbound', frame); count > 0; count--) this.listener.frameSent();
  }

  press(digit: string): void {
    if (!this.live) return;
    const { streamId } = this;
    this.push({
      event: 'dtmf',
      stream_id: streamId,
      occurred_at: microseconds(),
      sequence_number: this.frames.next(),
      dtmf: { digit },
    });
  }

  /** A text frame, as it is. */
  inject(text: string): void {
    if (this.live) this.socket.send(text);
  }

  /** The stream ends, not the call: `stop`, then close code 1000. */
  stop(): void {
    if (this.over || this.stopped) return;
    const wasStarted = this.started;
    if (wasStarted) {
      this.listener.stopping();
      this.frames.flush();
    }
    this.stopped = true;
    const { userId, callControlId } = this.options;
    const stop = { user_id: userId, call_control_id: callControlId };
    if (wasStarted) this.push({ event: 'stop', sequence_number: this.frames.next(), stop, stream_id: this.streamId });
    this.socket.stop();
  }

  /** The connection breaks: no `stop`, no close frame. */
  drop(): void {
    if (this.over) return;
    this.socket.drop();
    this.end('dropped', 'connection lost', 1006);
  }

  private begin(): void {
    const { request, about, userId, encodingName = 'PCMU', customParametersKey = 'custom_parameters' } = this.options;
    this.listener.starting();
    const parameters =
      Object.keys(request.customParameters).length > 0 ? { [customParametersKey]: request.customParameters } : {};
    const start = {
      user_id: userId,
      ...about,
      media_format: { encoding: encodingName, sample_rate: 8000, channels: 1 },
      ...parameters,
    };
    this.push({ event: 'connected', version: '1.0.0' });
    this.push({ event: 'start', sequence_number: this.frames.next(), start, stream_id: this.streamId });
    this.started = true;
    this.openedAt = performance.now();
    this.listener.opened();
  }

  private receive(data: Buffer, isBinary: boolean): void {
    if (!this.live) return;
    const message = readMessage(data, isBinary);
    if ('error' in message) return this.refuse(message.error, message.detail);
    if (message.odd !== undefined) this.options.findings.warning(0, `Stream: ${message.odd}`);
    switch (message.event) {
      case 'clear':
        // First the listener, so that a report shows the clear before the marks that it sets free.
        this.listener.cleared();
        return this.buffer.clear();
      case 'mark':
        this.listener.markReceived(message.name);
        return this.buffer.mark(message.name);
      case 'media':
        return this.accept(message.audio);
    }
  }

  private accept(audio: Buffer): void {
    const { request, findings } = this.options;
    if (request.mode === 'mp3') {
      const now = performance.now();
      if (now - this.mp3At < MP3_EVERY_MS) return this.refuse('rate_limit_reached', 'At most one MP3 a second');
      this.mp3At = now;
      return findings.warning(0, 'The stream is in mp3 mode, the default: audio that is no MP3 is never heard');
    }
    if (request.bidirectionalCodec !== 'PCMU')
      return findings.warning(0, `The simulator plays PCMU only, not ${request.bidirectionalCodec}`);
    const ms = audio.length / BYTES_PER_MS;
    if (ms < SHORTEST_MS || ms > LONGEST_MS)
      return this.refuse(
        'invalid_media',
        `A payload of ${ms} ms: ${SHORTEST_MS} ms to ${LONGEST_MS / 1000} s are allowed`,
      );
    this.listener.audioReceived(audio);
    this.receivedBytes += audio.length;
    if (audio.length % FRAME_BYTES !== 0) this.oddPayloads++;
    if (this.buffer.push(audio) > 0) findings.warning(0, 'Stream: more than 10 minutes are buffered');
  }

  private refuse(title: FrameError, detail: string): void {
    const code = FRAME_ERRORS[title];
    this.options.findings.error(code, `${title}: ${detail}`);
    this.push({ event: 'error', payload: { code, title, detail }, stream_id: this.streamId });
  }

  private closed(code: number, error: NodeJS.ErrnoException | undefined, stopped: boolean): void {
    if (this.over) return;
    if (stopped) return this.end('phone-company', undefined, code);
    if (!this.started) return this.end('failed', error?.message ?? `closed with code ${code} before it began`, code);
    this.listener.stopping();
    if (code === 1006)
      this.options.findings.error(0, 'Stream: the application broke the connection without a close frame');
    this.end('application', undefined, code);
  }

  private echo(name: string): void {
    this.listener.markEchoed(name);
    this.push({ event: 'mark', stream_id: this.streamId, sequence_number: this.frames.next(), mark: { name } });
  }

  private push(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  private end(how: StreamEnd, error: string | undefined, closeCode: number): void {
    if (this.over) return;
    this.over = true;
    this.listener.ended(how, error, closeCode);
  }
}
