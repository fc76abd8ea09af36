import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { MediaFrames } from '../call/carrier/media-frames';
import { asObject, MediaSocket, readObject } from '../call/carrier/media-socket';
import { BYTES_PER_MS } from '../call/mulaw';
import { refused } from '../call/refused';
import { FrameOrder } from './frame-order';

/** One payload holds 30 s of audio at most (contracts/telnyx.md, section 4). */
const MAX_PAYLOAD_BYTES = 30_000 * BYTES_PER_MS;
const MARK = '{"event":"mark","mark":{"name":';
const FRAMES = new MediaFrames('{"event":"media","media":{"payload":"', MARK);

/** The `start` message: whose stream it is. `raw` is the message's `start` object as it came. */
export interface StreamStart {
  streamId: string;
  raw: Record<string, unknown>;
}

/** What Telnyx says of a message of ours that it did not take. */
export interface StreamError {
  code: string;
  title: string;
  detail: string;
}

/** What is told of a stream. `started` comes first and once; `gone` last and once, also for one that never started. */
export interface MediaStreamListener {
  started(stream: TelnyxStream, start: StreamStart): void;
  dtmf(digit: string): void;
  /** The echo of a mark. */
  mark(name: string): void;
  error(error: StreamError): void;
  /** Telnyx sent `stop`, or the socket closed for whatever reason, or we closed it. */
  gone(stream: TelnyxStream): void;
}

/**
 * One media socket of Telnyx's, both directions (section 4). All frames are text frames with one JSON object each. Knows the
 * wire format and the call that it is for, and nothing of Node-RED.
 */
export class TelnyxStream extends MediaSocket {
  private readonly order: FrameOrder;

  /**
   * @param callControlId the call that the socket's token was issued for
   * @param tcp the connection below the WebSocket
   */
  constructor(
    socket: WebSocket,
    private readonly callControlId: string,
    private readonly listener: MediaStreamListener,
    tcp: Writable,
  ) {
    super(socket, tcp);
    this.order = new FrameOrder((payload) => this.hearer?.audio(payload));
  }

  /** Plays raw mu-law 8 kHz, 20 ms or more: one message for each call, and one for the mark behind it. */
  play(audio: Buffer, mark?: string): void {
    let rest = audio;
    for (; rest.length > MAX_PAYLOAD_BYTES; rest = rest.subarray(MAX_PAYLOAD_BYTES)) {
      this.sendAudio(rest.subarray(0, MAX_PAYLOAD_BYTES));
    }
    this.sendAudio(rest, mark);
  }

  /** Asks for an echo when all before it has been played; after a clear, at once. */
  mark(name: string): void {
    this.sendText(`${MARK}${JSON.stringify(name)}}}`);
  }

  /** Empties the buffer at Telnyx. */
  clear(): void {
    this.sendText('{"event":"clear"}');
  }

  protected onFrame(data: Buffer): void {
    if (!this.started || !this.onUsual(data)) this.onOther(data.toString('utf8'));
  }

  protected onEnd(): void {
    this.order.flush();
    this.listener.gone(this);
  }

  /**
   * A media message as Telnyx writes it, without parsing the rest. @returns false for anything else, which then goes the
   * long way. A third of the cost of JSON.parse, fifty times a second for each call.
   */
  private onUsual(data: Buffer): boolean {
    const head = data.toString('latin1', 0, HEAD_BYTES);
    if (!head.startsWith(MEDIA_HEAD) || data[data.length - 1] !== BRACE) return false;
    const chunkAt = head.indexOf(CHUNK_HEAD, MEDIA_HEAD.length);
    const payloadAt = head.indexOf(PAYLOAD_HEAD, MEDIA_HEAD.length);
    if (chunkAt < 0 || payloadAt < 0 || !head.includes(INBOUND, MEDIA_HEAD.length)) return false;
    const chunk = Number.parseInt(head.slice(chunkAt + CHUNK_HEAD.length, chunkAt + CHUNK_HEAD.length + 16), 10);
    const start = payloadAt + PAYLOAD_HEAD.length;
    const end = data.indexOf(QUOTE, start);
    if (end <= start || !Number.isSafeInteger(chunk)) return false;
    const payload = data.toString('latin1', start, end);
    // A message that was cut off, or that escapes what need not be escaped.
    if (payload.includes('\\')) return false;
    this.order.add(chunk, Buffer.from(payload, 'base64'));
    return true;
  }

  /** All but the usual media message. */
  private onOther(text: string): void {
    const message = readObject(text);
    if (!message) {
      refused.malformed++;
      return;
    }
    const { event } = message;
    if (event === 'start') this.onStart(message);
    else if (event === 'error') this.onError(message.payload);
    else if (!this.started) return;
    else if (event === 'media') this.onMedia(message.media);
    else if (event === 'mark') this.onNamed(message.mark, 'name', (name) => this.listener.mark(name));
    else if (event === 'dtmf') this.onNamed(message.dtmf, 'digit', (digit) => this.listener.dtmf(digit));
    else if (event === 'stop') this.stopped();
    // Unknown events are to be ignored.
  }

  private onStart(message: Record<string, unknown>): void {
    const raw = asObject(message.start);
    if (raw?.call_control_id !== this.callControlId) return this.reject();
    const format = asObject(raw.media_format);
    if (format && !isPcmu(format)) return this.reject();
    if (this.started) return;
    this.begin(FRAMES);
    const streamId = typeof message.stream_id === 'string' ? message.stream_id : '';
    this.listener.started(this, { streamId, raw });
  }

  private onMedia(value: unknown): void {
    const media = asObject(value);
    if (typeof media?.payload !== 'string') {
      refused.malformed++;
      return;
    }
    if (media.track === 'outbound' || media.payload === '') return;
    const audio = Buffer.from(media.payload, 'base64');
    const chunk = Number(media.chunk ?? Number.NaN);
    // One without a number has its place where it came.
    if (Number.isSafeInteger(chunk)) this.order.add(chunk, audio);
    else this.hearer?.audio(audio);
  }

  private onError(value: unknown): void {
    const { code, title, detail } = asObject(value) ?? {};
    const text = (each: unknown): string => (typeof each === 'string' || typeof each === 'number' ? String(each) : '');
    this.listener.error({ code: text(code), title: text(title) || 'unknown error', detail: text(detail) });
  }
}

/** All that stands before the payload in a media message, with room to spare. */
const HEAD_BYTES = 256;
const MEDIA_HEAD = '{"event":"media"';
const CHUNK_HEAD = '"chunk":"';
const INBOUND = '"track":"inbound"';
const PAYLOAD_HEAD = '"payload":"';
const QUOTE = 0x22;
const BRACE = 0x7d;

/** Older texts of Telnyx's write the encoding as Twilio does. */
function isPcmu({ encoding, sample_rate: rate }: Record<string, unknown>): boolean {
  return (encoding === 'PCMU' || encoding === 'audio/x-mulaw') && Number(rate) === 8_000;
}
