/** Plays a script into an HTTP response: in time, with faults, in pieces of any size. */
import type { ServerResponse } from 'node:http';
import type { Fault } from '../faults';
import type { DelayLine } from '../loopback';
import type { Script } from './script';

export interface Playing {
  script: Script;
  response: ServerResponse;
  line: DelayLine;
  firstTokenMs: number;
  tokenMs: number;
  /** Cut the body into writes of so many bytes, inside UTF-8 characters too. */
  splitBytes: number | undefined;
  /** The fault that strikes before the n-th token, if any. */
  faultAt: (tokens: number) => Fault | undefined;
  onToken: (text: string) => void;
  onEnd: () => void;
}

/** A timer that is late sends all that is due; the whole stream needs one timer at a time. */
export function play(p: Playing): void {
  const writer = new SseWriter(p.response, p.line, p.splitBytes);
  const startedAt = performance.now();
  let next = 0;
  let tokens = 0;
  let timer: NodeJS.Timeout | undefined;
  p.response.on('close', () => clearTimeout(timer));
  if (p.script.head !== '') writer.write(p.script.head);

  const dueAt = (): number => startedAt + p.firstTokenMs + tokens * p.tokenMs;
  const run = (): void => {
    if (p.response.destroyed) return;
    for (let step = p.script.steps[next]; step !== undefined; step = p.script.steps[next]) {
      // Without pacing there is nothing to wait for, and timers fire up to a millisecond early.
      const wait = dueAt() - performance.now();
      if (step.token && wait > 1) {
        timer = setTimeout(run, wait);
        return;
      }
      const fault = p.faultAt(tokens);
      if (fault !== undefined && strike(fault)) return;
      next += 1;
      if (step.token) tokens += 1;
      writer.write(step.frames);
      if (step.token) p.onToken(step.text);
    }
    writer.end(p.onEnd);
  };
  run();

  /** Answers whether the stream stops here. */
  function strike(fault: Fault): boolean {
    switch (fault.kind) {
      case 'stall-before-first-byte':
      case 'stall-after-first-byte':
        return true;
      case 'status':
        writer.write(
          p.script.failure(fault.errorCode ?? 'server_error', 'The server had an error while processing your request.'),
        );
        writer.end(p.onEnd);
        return true;
      case 'refuse':
      case 'close-mid-stream':
        // With a code it is closed in good order: the body just ends, and only its last event is missing.
        if (fault.code !== undefined) {
          writer.end(p.onEnd);
          return true;
        }
        writer.whenWritten(() => p.response.socket?.resetAndDestroy());
        return true;
      case 'garbage':
        writer.write(Buffer.from(typeof fault.body === 'string' ? fault.body : GARBAGE, 'latin1'));
        return false;
      case 'wrong-json':
        writer.write('data: {"hello":"world","output":null}\n\n');
        return false;
    }
  }
}

const GARBAGE = 'data: {"id":"chatcmpl-broken","choices":[{"ind\n\n';

class SseWriter {
  private readonly pieces: Buffer[] = [];
  private draining = false;
  private done: (() => void) | undefined;

  constructor(
    private readonly response: ServerResponse,
    private readonly line: DelayLine,
    private readonly splitBytes: number | undefined,
  ) {}

  write(text: string | Buffer): void {
    this.line.run(() => {
      if (this.response.destroyed) return;
      if (this.splitBytes === undefined) {
        this.response.write(text);
        return;
      }
      const bytes = typeof text === 'string' ? Buffer.from(text) : text;
      for (let at = 0; at < bytes.length; at += this.splitBytes) {
        this.pieces.push(bytes.subarray(at, at + this.splitBytes));
      }
      if (!this.draining) this.drain();
    });
  }

  end(onEnd: () => void): void {
    this.whenWritten(() => this.response.end(onEnd));
  }

  whenWritten(job: () => void): void {
    this.line.run(() => {
      if (this.draining) this.done = job;
      // A write reaches the socket in this turn, a reset would overtake it.
      else setImmediate(job);
    });
  }

  /** A piece in each turn of the event loop, so that each is a packet of its own. */
  private drain(): void {
    const piece = this.pieces.shift();
    this.draining = piece !== undefined && !this.response.destroyed;
    if (piece === undefined || this.response.destroyed) {
      this.done?.();
      return;
    }
    this.response.write(piece);
    setImmediate(() => this.drain());
  }
}
