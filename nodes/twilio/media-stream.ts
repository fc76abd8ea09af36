import { startsWith } from '../call/bytes';
import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { MediaFrames } from '../call/carrier/media-frames';
import { asObject, MediaSocket, readObject } from '../call/carrier/media-socket';
import { refused } from '../call/refused';

/** The `start` message: whose stream it is. `raw` is the message's `start` object as it came. */
export interface StreamStart {
  streamSid: string;
  callSid: string;
  raw: Record<string, unknown>;
}

/** What is told of a stream. `started` comes first and once; `gone` last and once, also for one that never started. */
export interface MediaStreamListener {
  started(stream: MediaStream, start: StreamStart): void;
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
export class MediaStream extends MediaSocket {
  private markHead = '';
  private clearMessage = '';

  /**
   * @param callSid the call that the socket's token was issued for
   * @param tcp the connection below the WebSocket
   */
  constructor(
    socket: WebSocket,
    private readonly callSid: string,
    private readonly listener: MediaStreamListener,
    tcp: Writable,
  ) {
    super(socket, tcp);
  }

  /** Plays raw mu-law 8 kHz: one message on the socket for each call, and one for the mark behind it. */
  play(audio: Buffer, mark?: string): void {
    this.sendAudio(audio, mark);
  }

  /** Asks for an echo when all before it has been played; after a clear, at once. */
  mark(name: string): void {
    this.sendText(`${this.markHead}${JSON.stringify(name)}}}`);
  }

  /** Empties the buffer at Twilio. */
  clear(): void {
    this.sendText(this.clearMessage);
  }

  protected onFrame(data: Buffer): void {
    const payload = this.started ? payloadOf(data) : undefined;
    if (payload !== undefined) {
      if (payload !== '') this.hearer?.audio(Buffer.from(payload, 'base64'));
      return;
    }
    this.onOther(data.toString('utf8'));
  }

  protected onEnd(): void {
    this.listener.gone(this);
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
    else if (event === 'stop') this.stopped();
    // Unknown events are to be ignored.
  }

  private onStart(message: Record<string, unknown>): void {
    const raw = asObject(message.start);
    const streamSid = raw?.streamSid ?? message.streamSid;
    if (!raw || typeof streamSid !== 'string' || streamSid === '' || raw.callSid !== this.callSid) return this.reject();
    const format = asObject(raw.mediaFormat);
    if (format && (format.encoding !== 'audio/x-mulaw' || Number(format.sampleRate) !== 8000)) return this.reject();
    if (this.started) return;
    const sid = JSON.stringify(streamSid);
    this.markHead = `{"event":"mark","streamSid":${sid},"mark":{"name":`;
    this.clearMessage = `{"event":"clear","streamSid":${sid}}`;
    this.begin(new MediaFrames(`{"event":"media","streamSid":${sid},"media":{"payload":"`, this.markHead));
    this.listener.started(this, { streamSid, callSid: this.callSid, raw });
  }

  private onMedia(value: unknown): void {
    const media = asObject(value);
    if (typeof media?.payload !== 'string') refused.malformed++;
    else if (media.track !== 'outbound' && media.payload !== '')
      this.hearer?.audio(Buffer.from(media.payload, 'base64'));
  }
}

const MEDIA_HEAD = Buffer.from('{"event":"media"');
const PAYLOAD_HEAD = '"payload":"';
const QUOTE = 0x22;

/**
 * The payload of a media message as Twilio writes it, without parsing the rest; undefined for anything else, which then goes
 * the long way. A third of the cost of JSON.parse, fifty times a second for each call.
 */
function payloadOf(data: Buffer): string | undefined {
  if (!startsWith(data, MEDIA_HEAD)) return undefined;
  const head = data.indexOf(PAYLOAD_HEAD, MEDIA_HEAD.length, 'latin1');
  if (head < 0) return undefined;
  const start = head + PAYLOAD_HEAD.length;
  const end = data.indexOf(QUOTE, start);
  // A message that was cut off, or that escapes what need not be escaped.
  if (end < 0 || data[data.length - 1] !== 0x7d) return undefined;
  const payload = data.toString('latin1', start, end);
  return payload.includes('\\') ? undefined : payload;
}
