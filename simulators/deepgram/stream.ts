/** What both listen protocols share: a socket, the audio clock, the words in the audio, faults. */
import type { WebSocket } from 'ws';
import { BYTES_PER_MS, FRAME_BYTES, WordDecoder, isSilent, type HeardWord } from '../audio';
import type { Fault, FaultMoment, Faults } from '../faults';
import { parseObject, type DelayLine } from '../loopback';
import type { DeepgramConnection } from './connection';

/** A word with its place on the audio clock, in ms. */
export interface TimedWord {
  text: string;
  startMs: number;
  endMs: number;
}

export interface StreamContext {
  socket: WebSocket;
  connection: DeepgramConnection;
  model: string;
  faults: Faults;
  incoming: DelayLine;
  outgoing: DelayLine;
  /** Break the TCP connection. */
  reset: () => void;
  /** Without audio or text for so many ms the server closes. */
  idleMs: number;
}

export abstract class ListenStream {
  /** Audio received, in ms: the only clock by which words, silences and events are placed. */
  protected clockMs = 0;
  protected readonly decoder = new WordDecoder();
  protected readonly connection: DeepgramConnection;
  private readonly socket: WebSocket;
  private idleTimer: NodeJS.Timeout | undefined;
  private lastActivity = performance.now();
  private received = 0;
  private outputs = 0;
  private stalled = false;
  private ended = false;

  constructor(private readonly context: StreamContext) {
    this.socket = context.socket;
    this.connection = context.connection;
    this.socket.on('message', (data, isBinary) => {
      const bytes = data as Buffer;
      if (isBinary) this.connection.countAudio(bytes.length, performance.now());
      context.incoming.run(() => this.receive(bytes, isBinary));
    });
    // A client that breaks the protocol is closed by ws itself; there is nothing to add.
    this.socket.on('error', () => this.socket.terminate());
    this.socket.on('close', (code, reason) => this.closed(code, reason.toString()));
    this.watchIdle();
  }

  /** A block of at most 20 ms has been heard; `clockMs` stands at its end. */
  protected abstract heard(blockMs: number, silent: boolean): void;
  protected abstract command(message: Record<string, unknown>, text: string): void;
  protected abstract unparsable(text: string): void;
  /** An empty binary frame: no more audio will come. */
  protected abstract audioEnded(): void;
  /** Nothing was heard from the client for `idleMs`. */
  protected abstract idle(): void;

  /** All words begun since an index of `decoder.words`. */
  protected wordsFrom(index: number): TimedWord[] {
    return this.decoder.words.slice(index).map(timed);
  }

  protected get lastWord(): HeardWord | undefined {
    return this.decoder.words[this.decoder.words.length - 1];
  }

  /** Where the sound of the last word ends so far, in ms of the audio clock. */
  protected get lastWordEndMs(): number {
    const word = this.lastWord;
    return word === undefined ? -Infinity : timed(word).endMs;
  }

  protected touch(): void {
    this.lastActivity = performance.now();
  }

  protected send(message: Record<string, unknown>): void {
    if (this.stalled) return;
    const fault = this.faultAt('mid-stream', this.outputs);
    switch (fault?.kind) {
      case 'stall-before-first-byte':
      case 'stall-after-first-byte':
        this.stalled = true;
        return;
      case 'close-mid-stream':
        this.breakOff(fault.code, fault.reason ?? '');
        return;
      case 'refuse':
        this.breakOff(undefined, '');
        return;
      case 'status':
        this.fail(
          fault.errorCode ?? 'INTERNAL_SERVER_ERROR',
          `The stream could not be processed (${fault.status ?? 500}).`,
        );
        return;
      case 'garbage':
        this.put('{"type":"Results","channel":{"alternat');
        break;
      case 'wrong-json':
        this.put(JSON.stringify({ type: 'Results', channel: [0, 1], unexpected: { nested: null } }));
        break;
      case undefined:
    }
    this.outputs += 1;
    this.put(JSON.stringify(message));
    const kind = message['event'] ?? message['type'];
    this.connection.countSent(String(kind));
  }

  /** Close after all that was sent before. */
  protected finish(code?: number, reason = ''): void {
    this.ended = true;
    this.context.outgoing.run(() => (code === undefined ? this.socket.close() : this.socket.close(code, reason)));
  }

  /** The provider's fatal error. */
  protected fail(code: string, description: string): void {
    this.put(JSON.stringify({ type: 'Error', code, description }));
    this.connection.countSent('Error');
    this.finish(1011, `${code}: ${description}`.slice(0, 120));
  }

  private faultAt(moment: FaultMoment, count: number): Fault | undefined {
    const { faults, model } = this.context;
    return faults.any ? faults.take(moment, { key: this.connection.key, model, count }) : undefined;
  }

  private receive(bytes: Buffer, isBinary: boolean): void {
    if (this.ended) return;
    const fault = this.faultAt('message', this.received);
    this.received += 1;
    if (fault?.kind === 'status')
      return this.fail(fault.errorCode ?? 'INTERNAL_SERVER_ERROR', `Status ${fault.status ?? 500}`);
    if (fault?.kind === 'refuse' || fault?.kind === 'close-mid-stream')
      return this.breakOff(fault.code, fault.reason ?? '');
    if (fault?.kind.startsWith('stall')) this.stalled = true;
    if (isBinary) this.hear(bytes);
    else this.read(bytes.toString('utf8'));
  }

  private hear(bytes: Buffer): void {
    this.touch();
    if (bytes.length === 0) return this.audioEnded();
    if (bytes.toString('latin1', 0, 7) === '{"type"') this.connection.complain('JSON in a binary frame');
    // Block by block, so that what is heard does not depend on how the client cuts the audio.
    for (let at = 0; at < bytes.length && !this.ended; at += FRAME_BYTES) {
      const block = bytes.subarray(at, at + FRAME_BYTES);
      const blockMs = block.length / BYTES_PER_MS;
      this.decoder.push(block);
      this.clockMs += blockMs;
      this.heard(blockMs, isSilent(block));
    }
  }

  private read(text: string): void {
    this.connection.countText(text);
    const message = parseObject(text);
    if (message === undefined) this.unparsable(text);
    else this.command(message, text);
  }

  private put(text: string): void {
    if (this.stalled) return;
    this.context.outgoing.run(() => this.socket.send(text));
  }

  private breakOff(code: number | undefined, reason: string): void {
    this.ended = true;
    if (code === undefined) this.context.reset();
    else this.finish(code, reason);
  }

  /** One timer that is only set anew when it fires, as frames come fifty times a second. */
  private watchIdle(): void {
    const left = this.lastActivity + this.context.idleMs - performance.now();
    if (left <= 0) {
      if (!this.ended) this.idle();
      return;
    }
    this.idleTimer = setTimeout(() => this.watchIdle(), Math.ceil(left));
  }

  private closed(code: number, reason: string): void {
    this.ended = true;
    clearTimeout(this.idleTimer);
    this.context.incoming.clear();
    this.context.outgoing.clear();
    this.connection.closeCode = code;
    this.connection.closeReason = reason;
    this.connection.closedAt = Date.now();
  }
}

/** Milliseconds as Deepgram's seconds. */
export function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}

/** A word as Deepgram writes it without punctuation: lower case, letters and digits. */
export function bare(text: string): string {
  const stripped = text.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '').toLowerCase();
  return stripped === '' ? text.toLowerCase() : stripped;
}

/** A confidence that depends on the word alone, so that a test sees the same one each time. */
export function confidence(text: string): number {
  return 0.9 + (text.length % 10) / 100;
}

function timed(word: HeardWord): TimedWord {
  return { text: word.text, startMs: word.offsetMs, endMs: word.offsetMs + word.heardMs + word.brokenMs };
}
