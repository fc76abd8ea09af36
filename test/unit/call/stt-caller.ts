/** A caller for the tests of providers of speech-to-text: speaks and is silent in real time, and remembers what came of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { silence, speakWords } from '../../../simulators/audio';
import type { ProviderError } from '../../../nodes/call/errors';
import type { SttProvider } from '../../../nodes/call/stt/connection';
import { SttListener } from '../../../nodes/call/stt/listener';

export interface Heard {
  topic: 'started' | 'stopped' | 'partial' | 'eager' | 'resumed' | 'final' | 'failed' | 'deaf' | 'state' | 'done';
  text: string;
  /** When the caller did what this is about, ms of the call. */
  atMs: number;
  /** When it came, ms of the call. */
  cameAt: number;
  error?: ProviderError;
}

const FRAME_MS = 20;

export class SttCaller<S> {
  readonly heard: Heard[] = [];
  readonly listener: SttListener<S>;
  /** Shut, nothing reaches the listener: the frames wait, as in a Deploy. */
  gateOpen = true;
  private readonly zero = performance.now();
  private script: Buffer[] = [];
  private held: { frame: Buffer; atMs: number }[] = [];
  private watchers: (() => void)[] = [];
  private nextAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private over = false;

  constructor(
    provider: SttProvider<S>,
    public settings: S,
  ) {
    const tell = (topic: Heard['topic'], text = '', atMs = 0, error?: ProviderError): void => {
      this.heard.push({ topic, text, atMs, cameAt: this.now(), ...(error && { error }) });
      for (const wake of this.watchers.splice(0)) wake();
    };
    this.listener = new SttListener<S>({
      provider,
      settings: () => this.settings,
      now: () => this.now(),
      flowing: () => this.gateOpen,
      guard: (callback) => callback,
      events: {
        speechStarted: (atMs) => tell('started', '', atMs),
        speechStopped: (atMs) => tell('stopped', '', atMs),
        partial: (text) => tell('partial', text),
        eager: (text, atMs) => tell('eager', text, atMs),
        resumed: (text) => tell('resumed', text),
        final: (text, atMs) => tell('final', text, atMs),
        failed: (error) => tell('failed', error.message, 0, error),
        state: (state) => tell('state', state),
        deaf: () => tell('deaf'),
      },
    });
    this.nextAt = this.now();
    this.tick();
  }

  now(): number {
    return Math.round(performance.now() - this.zero);
  }

  /** Adds to what is said; when all is said there is silence, until `hold`. */
  say(text: string): this {
    return this.play(speakWords(text).audio);
  }

  pause(ms: number): this {
    return this.play(silence(ms));
  }

  play(audio: Buffer): this {
    for (let at = 0; at < audio.length; at += 160) this.script.push(audio.subarray(at, at + 160));
    return this;
  }

  /** True when all of the script is said. */
  get finished(): boolean {
    return this.script.length === 0;
  }

  /** No audio at all, as on hold. */
  hold(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  resume(): void {
    this.nextAt = this.now();
    this.tick();
  }

  all(topic: Heard['topic']): Heard[] {
    return this.heard.filter((one) => one.topic === topic);
  }

  texts(topic: Heard['topic']): string[] {
    return this.all(topic).map((one) => one.text);
  }

  /** Resolves when so many of a topic have come. */
  async until(topic: Heard['topic'], count = 1): Promise<Heard> {
    for (;;) {
      const found = this.all(topic)[count - 1];
      if (found) return found;
      await new Promise<void>((resolve) => this.watchers.push(resolve));
    }
  }

  /** Resolves when a condition holds. */
  async when(condition: () => boolean): Promise<void> {
    while (!condition()) await delay(5);
  }

  async finish(): Promise<void> {
    await new Promise<void>((resolve) => this.listener.finish(resolve));
  }

  close(): void {
    this.over = true;
    this.hold();
    this.listener.close();
  }

  private tick(): void {
    if (this.over) return;
    while (this.nextAt <= this.now()) {
      const frame = this.script.shift() ?? silence(FRAME_MS);
      if (this.gateOpen) {
        for (const { frame: waiting, atMs } of this.held.splice(0)) this.listener.hear(waiting, atMs);
        this.listener.hear(frame, this.now());
      } else this.held.push({ frame, atMs: this.now() });
      this.nextAt += FRAME_MS;
    }
    this.timer = setTimeout(() => this.tick(), Math.max(0, this.nextAt - this.now()));
  }
}
