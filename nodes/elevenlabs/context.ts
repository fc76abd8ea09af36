import { BYTES_PER_MS } from '../call/mulaw';
import type { ContextListener, SpeechContext } from '../call/tts/contexts';
import { Alignment } from './alignment';
import type { CharacterTimes } from './alignment';
import { closeRequest, flushRequest, keepAliveRequest, openRequest, textRequest } from './requests';
import type { VoiceSettings } from './requests';

/** A clause has ended: it can be spoken as it is. A point within a number or a name has no space behind it yet. */
const CLAUSE_END = /([.!?,;:…]["')\]]*\s|[^\d\s][.!?…]["')\]]*|[。！？、，；：])\s*$/u;
/** Text without any end goes out at the last space after so many characters. */
const MAX_HELD = 200;
/** A word that is not followed by anything for so long is taken as it is, ms. */
const QUIET_MS = 100;

/** What a context needs of its socket. */
export interface ContextPort {
  send(message: string): void;
  /** Nothing is told of it any more. @param closing true if it still counts at the server, until its final message */
  forgotten(id: string, closing: boolean): void;
  /** Has something done when a context that was given up is final; at once if it does not count. */
  whenFinal(id: string, done: () => void): void;
  leave(): void;
}

/**
 * One context. Its first message goes out with its first text, and nothing before: any message for an id that the server does
 * not know opens a context there, which nobody would ever close.
 */
export class ElevenLabsContext implements SpeechContext {
  private opened = false;
  /** Its end has been asked for: from now on nothing may be sent for its id. */
  private closed = false;
  private over = false;
  /** Text that may be the beginning of a clause. */
  private held = '';
  private readonly alignment = new Alignment();
  private bytes = 0;
  private audioAt = 0;
  private sentAt = 0;

  constructor(
    readonly id: string,
    private readonly port: ContextPort,
    private readonly settings: VoiceSettings,
    private readonly listener: ContextListener,
  ) {}

  say(text: string, more: boolean): void {
    if (this.over || this.closed) return;
    this.held += text;
    if (!more) this.finish();
    else if (CLAUSE_END.test(this.held)) this.sendHeld(this.held.length);
    else if (this.held.length >= MAX_HELD) this.sendHeld(this.held.lastIndexOf(' ') + 1 || this.held.length);
  }

  settle(): void {
    if (this.over) return;
    if (!this.closed) this.sendHeld(this.held.length);
    if (performance.now() - this.audioAt < QUIET_MS) return;
    const words = this.alignment.rest();
    if (words.length > 0) this.listener.words(words);
  }

  cancel(): void {
    if (this.over) return;
    const counts = this.opened;
    if (this.opened && !this.closed) this.send(closeRequest(this.id));
    this.end(counts);
  }

  whenFreed(freed: () => void): void {
    this.port.whenFinal(this.id, freed);
  }

  distrust(): void {
    if (this.over) return;
    this.cancel();
    this.port.leave();
  }

  // For the socket.

  /** Keeps it from ending for inactivity, if it is one that the server knows and that waits for text. */
  keepAlive(now: number, everyMs: number): void {
    if (this.opened && !this.closed && !this.over && now - this.sentAt >= everyMs) this.send(keepAliveRequest(this.id));
  }

  /** Audio comes with its characters' times, and either before the word that it was the last. */
  receive(audio: Buffer | undefined, times: CharacterTimes | undefined, final: boolean): void {
    if (times) {
      const words = this.alignment.take(times, this.bytes / BYTES_PER_MS, (audio?.length ?? 0) / BYTES_PER_MS);
      if (words.length > 0) this.listener.words(words);
    }
    if (audio && !this.over) {
      this.bytes += audio.length;
      this.audioAt = performance.now();
      this.listener.audio(audio);
    }
    if (!final || this.over) return;
    const words = this.alignment.rest();
    if (words.length > 0) this.listener.words(words);
    this.end(false);
    this.listener.done();
  }

  /** The server has ended it, or it is lost with its socket. */
  fail(tell: (listener: ContextListener) => void): void {
    if (this.over) return;
    this.end(false);
    tell(this.listener);
  }

  tell(what: (listener: ContextListener) => void): void {
    if (!this.over) what(this.listener);
  }

  private finish(): void {
    this.sendHeld(this.held.length);
    if (!this.opened) {
      // There was nothing to say.
      queueMicrotask(() => this.fail((listener) => listener.done()));
      return;
    }
    this.closed = true;
    // What is not flushed a close throws away.
    this.send(flushRequest(this.id));
    this.send(closeRequest(this.id));
  }

  /** Sends the first so many characters of what is held, with a space at the end. */
  private sendHeld(length: number): void {
    const text = this.held.slice(0, length).trim();
    if (text === '') return;
    this.held = this.held.slice(length);
    if (!this.opened) {
      this.opened = true;
      this.send(openRequest(this.id, this.settings));
    }
    this.alignment.sent(`${text} `);
    this.send(textRequest(this.id, `${text} `));
  }

  private send(message: string): void {
    this.sentAt = performance.now();
    this.port.send(message);
  }

  private end(closing: boolean): void {
    this.over = true;
    this.port.forgotten(this.id, closing);
  }
}
