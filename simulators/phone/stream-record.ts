import type { MarkReport, StreamEnd, StreamReport } from './report';

/** One media stream as its call sees it: the phone company's end of the socket, in a carrier's own protocol. */
export interface PhoneStream {
  /** Does the socket exist still? */
  readonly connected: boolean;
  /** When `start` was sent, in ms of `performance.now()`; undefined before it. */
  readonly openedAt: number | undefined;
  /** Bytes of audio that the application has sent. */
  readonly receivedBytes: number;
  /** Messages whose audio was no multiple of 20 ms. */
  readonly oddPayloads: number;
  /** The next 20 ms of the application's audio, or undefined for silence. */
  play(): Buffer | undefined;
  /** 20 ms of the caller's audio. */
  send(frame: Buffer): void;
  /** A key of the caller's phone. */
  press(digit: string): void;
  /** A text frame, as it is, in the midst of the carrier's own. */
  inject(text: string): void;
  /** The carrier ends the stream. */
  stop(): void;
  /** The connection breaks. */
  drop(): void;
}

/** What the call wants to know of its stream. */
export interface StreamListener {
  opened(): void;
  /** A frame of the caller's audio goes out on the socket. */
  frameSent(): void;
  /** Audio has come in on the socket. */
  audioReceived(audio: Buffer): void;
  cleared(): void;
  markReceived(name: string): void;
  markEchoed(name: string): void;
  /** Once, at the very end. `error` is why it failed, in words. */
  ended(how: StreamEnd, error: string | undefined, closeCode: number): void;
}

/** What is kept of one stream for the report. */
export class StreamRecord {
  openedAtMs: number | undefined;
  private endedAtMs: number | undefined;
  private how: StreamEnd | undefined;
  private closeCode: number | undefined;
  /** Not echoed yet, in the order of their coming. */
  private readonly openMarks: MarkReport[] = [];

  constructor(
    readonly streamId: string,
    readonly stream: PhoneStream,
    private readonly url: string,
    private readonly customParameters: Record<string, string>,
  ) {}

  marked(name: string, atMs: number): MarkReport {
    const mark: MarkReport = { name, receivedAtMs: atMs, echoedAtMs: undefined };
    this.openMarks.push(mark);
    return mark;
  }

  echoed(atMs: number): void {
    const mark = this.openMarks.shift();
    if (mark) mark.echoedAtMs = atMs;
  }

  ended(how: StreamEnd, closeCode: number, atMs: number): void {
    this.how = how;
    this.closeCode = closeCode;
    this.endedAtMs = atMs;
  }

  report(): StreamReport {
    const { streamId, url, customParameters, openedAtMs, endedAtMs, how: ended, closeCode } = this;
    const { receivedBytes, oddPayloads } = this.stream;
    return { streamId, url, customParameters, openedAtMs, endedAtMs, ended, closeCode, receivedBytes, oddPayloads };
  }
}
