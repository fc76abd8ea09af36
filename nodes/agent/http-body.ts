import type { IncomingMessage } from 'node:http';
import { ProviderError } from '../call/errors';

const NEWLINE = 10;

/** With so much unread the sender is made to wait, bytes. */
const MAX_UNREAD_BYTES = 262_144;
/** A line of an event stream is a token's mostly; the longest repeats instructions and reply. One without an end is none, bytes. */
const MAX_LINE_BYTES = 4_194_304;
/** What is left of a body that nobody reads to its end: so much of it may come, for so long, else the connection is closed. */
const MAX_REST_BYTES = 65_536;
const MAX_REST_MS = 1_000;

/**
 * The body of an answer, piece by piece as it comes. Whoever stops before its end (the SDK does at `[DONE]`, which may stand
 * in a packet of its own) does not end the connection with it: the rest is thrown away, and the connection serves the next
 * turn without another handshake. For that, and at half the cost, in place of the iterator that Node's streams have.
 */
export class HttpBody implements AsyncIterableIterator<Buffer, undefined, undefined> {
  private unread: Buffer[] = [];
  private unreadBytes = 0;
  private lineBytes = 0;
  private waiting: ((what: Promise<IteratorResult<Buffer, undefined>>) => void) | undefined;
  private over = false;
  private left = false;
  private failure: Error | undefined;

  constructor(private readonly message: IncomingMessage) {
    message.on('data', (chunk: Buffer) => this.take(chunk));
    message.on('end', () => this.end());
    message.on('error', (err) => this.end(err));
    message.on('close', () => this.end(new Error('the answer broke off')));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next piece. @throws the network's error, once; after the end, nothing more comes */
  next(): Promise<IteratorResult<Buffer, undefined>> {
    const chunk = this.unread.shift();
    if (chunk !== undefined) {
      this.unreadBytes -= chunk.length;
      if (this.unreadBytes < MAX_UNREAD_BYTES) this.message.resume();
      return Promise.resolve({ done: false, value: chunk });
    }
    if (this.over || this.left) return this.last();
    return new Promise((resolve) => (this.waiting = resolve));
  }

  /** Nothing more is read. */
  return(): Promise<IteratorResult<Buffer, undefined>> {
    if (!this.over && !this.left) this.leave();
    return Promise.resolve({ done: true, value: undefined });
  }

  private take(chunk: Buffer): void {
    if (this.left || this.over) return;
    const lineEnd = chunk.lastIndexOf(NEWLINE);
    this.lineBytes = lineEnd < 0 ? this.lineBytes + chunk.length : chunk.length - lineEnd - 1;
    if (this.lineBytes > MAX_LINE_BYTES) {
      this.end(new ProviderError('openai', 'protocol', 'a line of the answer has no end'));
      this.message.destroy();
      return;
    }
    if (this.waiting) {
      this.answer(Promise.resolve({ done: false, value: chunk }));
      return;
    }
    this.unread.push(chunk);
    this.unreadBytes += chunk.length;
    if (this.unreadBytes >= MAX_UNREAD_BYTES) this.message.pause();
  }

  private end(failure?: Error): void {
    if (this.over) return;
    this.over = true;
    this.failure = this.left ? undefined : failure;
    if (this.waiting) this.answer(this.last());
  }

  private last(): Promise<IteratorResult<Buffer, undefined>> {
    const { failure } = this;
    this.failure = undefined;
    return failure ? Promise.reject(failure) : Promise.resolve({ done: true, value: undefined });
  }

  private answer(what: Promise<IteratorResult<Buffer, undefined>>): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.(what);
  }

  private leave(): void {
    const { message } = this;
    this.left = true;
    this.unread = [];
    if (this.waiting) this.answer(this.last());
    let bytes = 0;
    const timer = setTimeout(() => message.destroy(), MAX_REST_MS);
    timer.unref();
    message.on('close', () => clearTimeout(timer));
    message.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_REST_BYTES) message.destroy();
    });
    message.resume();
  }
}
