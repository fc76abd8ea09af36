import type { Carrier, FarSide } from '../../carrier';
import type { CarrierControl } from '../../carrier/control';
import type { EndReason } from '../../message';
import type { Clip } from '../../tts/clips';
import { clips } from '../../tts/clips';
import { clipOf, plainClip } from '../plain-clip';
import type { MainLine } from '../main-line';
import type { CallRef, PlainClip } from '../protocol';

/** Clips that the main thread has: the same is not sent with every call. */
const known = new WeakSet<Clip>();

/** Keeps clips that the main thread has handed over. */
export function keepClips(handed: readonly (PlainClip & { key: string })[]): void {
  for (const { key, ...plain } of handed) {
    const clip = clipOf(plain);
    clips.keep(key, clip);
    known.add(clip);
  }
}

/** In a worker thread: the carrier of a call whose sockets and requests are in the main thread. */
export class RemoteCarrier implements Carrier {
  connected = false;
  readonly control: CarrierControl;
  readonly farSide: FarSide;

  /** @param name `twilio`, `telnyx`, ... */
  constructor(
    private readonly n: CallRef,
    readonly name: string,
    private readonly line: MainLine,
  ) {
    this.control = controlOf(n, line);
    this.farSide = {
      parameters: (parameters) => line.send({ t: 'parameters', n, parameters }),
      private: (on) => line.send({ t: 'private', n, on }),
      apology: (key, clip) => this.apology(key, clip),
    };
  }

  play(audio: Buffer, mark?: string): void {
    if (this.connected) this.line.frame(this.n, audio, mark ?? '');
  }

  mark(name: string): void {
    if (this.connected) this.line.send({ t: 'mark', n: this.n, mark: name });
  }

  clear(): void {
    this.line.send({ t: 'clear', n: this.n });
  }

  async hangUp(goodbye?: string, reason?: EndReason): Promise<void> {
    await this.line.ask('hang-up', this.n, reason, goodbye);
  }

  async say(text: string): Promise<void> {
    await this.line.ask('say', this.n, text);
  }

  dispose(): void {
    this.connected = false;
  }

  private apology(key: string, clip: Clip): void {
    const { n, line } = this;
    line.send({ t: 'clip', n, key, ...(!known.has(clip) && { clip: plainClip(clip) }) });
    known.add(clip);
  }
}

/** Each thing that a carrier does with a call is asked of the main thread by its name. */
function controlOf(n: CallRef, line: MainLine): CarrierControl {
  const ask = (what: keyof CarrierControl, ...args: unknown[]): Promise<unknown> =>
    line.ask('control', n, what, ...args);
  return {
    transfer: async (order) => void (await ask('transfer', order)),
    startRecording: async (order) => String(await ask('startRecording', order)),
    pauseRecording: async (id) => void (await ask('pauseRecording', id)),
    resumeRecording: async (id) => void (await ask('resumeRecording', id)),
    stopRecording: async (id) => void (await ask('stopRecording', id)),
    startTranscription: async (order) => String(await ask('startTranscription', order)),
    stopTranscription: async (id) => void (await ask('stopTranscription', id)),
    sendDigits: async (digits) => (await ask('sendDigits', digits)) === true,
  };
}
