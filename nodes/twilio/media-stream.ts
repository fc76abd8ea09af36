import type { Writable } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { RawData } from 'ws';
import { MediaFrames } from '../call/media-frames';
import { refused } from './counters';

/** A media socket must send a valid `start` within so long. */
const START_WITHIN_MS = 10_000;
/** A frame of Twilio's has some 400 bytes; `start` with all its parameters a few kB. */
const MAX_FRAME_BYTES = 65_536;
/** So long the other side has to answer our close frame. */
const CLOSE_WITHIN_MS = 2_000;
/** With more than this unsent, audio is dropped: it would never be heard in time. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

/** Takes the upgrades of media sockets; compression would cost more than all else, and Twilio does without. */
export const mediaServer = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  skipUTF8Validation: true,
  maxPayload: MAX_FRAME_BYTES,
  closeTimeout: CLOSE_WITHIN_MS,
} as ConstructorParameters<typeof WebSocketServer>[0]);

/** The `start` message: whose stream it is. `raw` is the message's `start` object as it came. */
export interface StreamStart {
  streamSid: string;
  callSid: string;
  raw: Record<string, unknown>;
}

/** What is told of a stream. `started` comes first and once; `gone` last and once, also for one that never started. */
export interface MediaStreamListener {
  started(stream: MediaStream, start: StreamStart): void;
  /** A piece of the caller's voice: raw mu-law 8 kHz mono, usually 160 bytes. */
  audio(payload: Buffer): void;
  dtmf(digit: string): void;
  /** The echo of a mark. */
  mark(name: string): void;
  /** Twilio sent `stop`, or the socket closed for whatever reason, or we closed it. */
  gone(stream: MediaStream): void;
}

/**
 * One media socket of Twilio's, both directions (contracts/twilio.md, sections 5 and 6). All frames are text frames with one
 * JSON object each. Knows the wire format and the call that it is for, and nothing of Node-RED.
 */
export class MediaStream {
  private started = false;
  private over = false;
  private closing = false;
  private startTimer: NodeJS.Timeout | undefined;
  private frames: MediaFrames | undefined;
  private markHead = '';
  private clearMessage = '';

  /**
   * @param callSid the call that the socket's token was issued for
   * @param tcp the connection below the WebSocket, uncompressed: audio is written to it as ready-made frames
   */
  constructor(
    private readonly socket: WebSocket,
    private readonly callSid: string,
    private readonly listener: MediaStreamListener,
    private readonly tcp: Writable,
  ) {
    this.startTimer = setTimeout(() => this.reject(), START_WITHIN_MS);
    socket.on('message', (data: RawData, isBinary: boolean) => this.onMessage(data as Buffer, isBinary));
    socket.on('close', () => this.end());
    // `close` follows. What is no frame of the protocol, or too large, counts; a lost connection does not.
    socket.on('error', (err: NodeJS.ErrnoException) => {
      if (err.code?.startsWith('WS_ERR_')) refused.oversized++;
    });
  }

  /** True from `start` until either side ends it: audio that is played now reaches the caller. */
  get open(): boolean {
    return this.started && !this.over && !this.closing;
  }

  /** Plays raw mu-law 8 kHz: one message on the socket for each call, and one for the mark behind it. */
  play(audio: Buffer, mark?: string): void {
    if (!this.open) return;
    if (this.socket.bufferedAmount > MAX_BUFFERED_BYTES) {
      refused.backpressure++;
      return;
    }
    if (this.frames && this.socket.readyState === WebSocket.OPEN) this.tcp.write(this.frames.encode(audio, mark));
  }

  /** Asks for an echo when all before it has been played; after a clear, at once. */
  mark(name: string): void {
    if (this.open) this.socket.send(this.markHead + JSON.stringify(name) + '}}');
  }

  /** Empties the buffer at Twilio. */
  clear(): void {
    if (this.open) this.socket.send(this.clearMessage);
  }

  /** Closes the socket; Twilio then goes on with the action of `<Connect>`. */
  close(code = 1000): void {
    if (this.closing) return;
    this.closing = true;
    clearTimeout(this.startTimer);
    this.socket.close(code);
  }

  private onMessage(data: Buffer, isBinary: boolean): void {
    if (this.over || this.closing) return;
    if (isBinary) {
      refused.binary++;
      return this.close(1003);
    }
    const payload = this.started ? payloadOf(data) : undefined;
    if (payload !== undefined) {
      if (payload !== '') this.listener.audio(Buffer.from(payload, 'base64'));
      return;
    }
    this.onOther(data.toString('utf8'));
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
    else if (!this.started) return;
    else if (event === 'media') this.onMedia(message.media);
    else if (event === 'mark') this.onNamed(message.mark, 'name', (name) => this.listener.mark(name));
    else if (event === 'dtmf') this.onNamed(message.dtmf, 'digit', (digit) => this.listener.dtmf(digit));
    else if (event === 'stop') this.onStop();
    // Unknown events are to be ignored.
  }

  private onStart(message: Record<string, unknown>): void {
    const raw = asObject(message.start);
    const streamSid = raw?.streamSid ?? message.streamSid;
    if (!raw || typeof streamSid !== 'string' || streamSid === '' || raw.callSid !== this.callSid) return this.reject();
    const format = asObject(raw.mediaFormat);
    if (format && (format.encoding !== 'audio/x-mulaw' || Number(format.sampleRate) !== 8000)) return this.reject();
    if (this.started) return;
    this.started = true;
    clearTimeout(this.startTimer);
    const sid = JSON.stringify(streamSid);
    this.markHead = `{"event":"mark","streamSid":${sid},"mark":{"name":`;
    this.frames = new MediaFrames(`{"event":"media","streamSid":${sid},"media":{"payload":"`, this.markHead);
    this.clearMessage = `{"event":"clear","streamSid":${sid}}`;
    this.listener.started(this, { streamSid, callSid: this.callSid, raw });
  }

  private onMedia(value: unknown): void {
    const media = asObject(value);
    if (typeof media?.payload !== 'string') refused.malformed++;
    else if (media.track !== 'outbound' && media.payload !== '')
      this.listener.audio(Buffer.from(media.payload, 'base64'));
  }

  private onNamed(value: unknown, field: string, tell: (text: string) => void): void {
    const text = asObject(value)?.[field];
    if (typeof text === 'string' && text !== '') tell(text);
    else refused.malformed++;
  }

  private onStop(): void {
    this.close();
    this.end();
  }

  private reject(): void {
    refused.start++;
    this.close(1008);
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.startTimer);
    this.listener.gone(this);
  }
}

const MEDIA_HEAD = '{"event":"media"';
const PAYLOAD_HEAD = '"payload":"';
const QUOTE = 0x22;

/**
 * The payload of a media message as Twilio writes it, without parsing the rest; undefined for anything else, which then goes
 * the long way. A third of the cost of JSON.parse, fifty times a second for each call.
 */
function payloadOf(data: Buffer): string | undefined {
  if (data.toString('latin1', 0, MEDIA_HEAD.length) !== MEDIA_HEAD) return undefined;
  const head = data.indexOf(PAYLOAD_HEAD, MEDIA_HEAD.length, 'latin1');
  if (head < 0) return undefined;
  const start = head + PAYLOAD_HEAD.length;
  const end = data.indexOf(QUOTE, start);
  // A message that was cut off, or that escapes what need not be escaped.
  if (end < 0 || data[data.length - 1] !== 0x7d) return undefined;
  const payload = data.toString('latin1', start, end);
  return payload.includes('\\') ? undefined : payload;
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function readObject(text: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}
