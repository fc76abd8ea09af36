import type { Writable } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { RawData } from 'ws';
import type { MediaFrames } from './media-frames';
import { refused } from '../refused';

/** A media socket must send a valid `start` within so long, ms. */
const START_WITHIN_MS = 10_000;
/** A frame of a carrier's has some 400 bytes; `start` with all its parameters a few kB. */
const MAX_FRAME_BYTES = 65_536;
/** So long the other side has to answer our close frame, ms. */
const CLOSE_WITHIN_MS = 2_000;
/** With more than this unsent, audio is dropped: it would never be heard in time. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

/** Takes the upgrades of media sockets; compression would cost more than all else, and carriers do without. */
export const mediaServer = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  skipUTF8Validation: true,
  maxPayload: MAX_FRAME_BYTES,
  closeTimeout: CLOSE_WITHIN_MS,
} as ConstructorParameters<typeof WebSocketServer>[0]);

/** Whoever hears the caller. */
export interface Hearer {
  /** A piece of the caller's voice: raw mu-law 8 kHz mono, usually 160 bytes. */
  audio(payload: Buffer): void;
}

/**
 * The frame of a carrier's media socket: text frames only, a start in time, an end that is told once, limits on both sides.
 * What stands in the frames is the carrier's, and its subclass's.
 */
export abstract class MediaSocket {
  /** Gets each frame, fifty a second, without any step between; nobody, while the stream is not the call's present one. */
  hearer: Hearer | undefined;
  protected started = false;
  private frames: MediaFrames | undefined;
  private over = false;
  private closing = false;
  private readonly startTimer: NodeJS.Timeout;

  /**
   * @param tcp the connection below the WebSocket, uncompressed: audio is written to it as ready-made frames
   */
  constructor(
    private readonly socket: WebSocket,
    private readonly tcp: Writable,
  ) {
    this.startTimer = setTimeout(() => this.reject(), START_WITHIN_MS);
    socket.on('message', (data: RawData, isBinary: boolean) => {
      if (this.over || this.closing) return;
      if (isBinary) {
        refused.binary++;
        return this.close(1003);
      }
      this.onFrame(data as Buffer);
    });
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

  /** Closes the socket. */
  close(code = 1000): void {
    if (this.closing) return;
    this.closing = true;
    clearTimeout(this.startTimer);
    this.socket.close(code);
  }

  /** A text frame; not after either side has ended. */
  protected abstract onFrame(data: Buffer): void;

  /** The end, told last and once. */
  protected abstract onEnd(): void;

  /**
   * A valid start has come.
   * @param frames how the carrier writes audio and marks on this stream
   */
  protected begin(frames: MediaFrames): void {
    this.started = true;
    this.frames = frames;
    clearTimeout(this.startTimer);
  }

  /** No start in time, or a wrong one. */
  protected reject(): void {
    refused.start++;
    this.close(1008);
  }

  /** The carrier has ended the stream. */
  protected stopped(): void {
    this.close();
    this.end();
  }

  /** A field of a message that names something: told if it is there, else counted. */
  protected onNamed(value: unknown, field: string, tell: (text: string) => void): void {
    const text = asObject(value)?.[field];
    if (typeof text === 'string' && text !== '') tell(text);
    else refused.malformed++;
  }

  /** Sends audio, and the mark behind it, in one write; dropped and counted when the socket takes no more. */
  protected sendAudio(audio: Buffer, mark?: string): void {
    if (!this.open) return;
    if (this.socket.bufferedAmount > MAX_BUFFERED_BYTES) {
      refused.backpressure++;
      return;
    }
    if (this.frames && this.socket.readyState === WebSocket.OPEN) this.tcp.write(this.frames.encode(audio, mark));
  }

  /** Sends anything else: always. */
  protected sendText(message: string): void {
    if (this.open) this.socket.send(message);
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.startTimer);
    this.onEnd();
  }
}

/** A value as an object, if it is one. */
export function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** The object that a JSON text describes, if it does. */
export function readObject(text: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}
