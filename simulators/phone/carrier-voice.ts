import { FRAME_BYTES, speakWords } from '../audio';
import type { VoiceSource } from './ear';

/** 20 ms of somebody else than the application. */
export interface VoiceFrame {
  frame: Buffer;
  source: VoiceSource;
}

/** Who speaks on the line besides the application's stream: the carrier's own voice, or a party that was called. One at a time. */
export class CarrierVoice {
  private audio: Buffer = Buffer.alloc(0);
  private offset = 0;
  private source: VoiceSource = 'carrier';
  private done: (() => void) | undefined;

  /** Says a text; resolves when it is heard to its end, on abort, when another begins to speak, or at the end of the call. */
  speak(text: string, source: VoiceSource, signal: AbortSignal): Promise<void> {
    return this.play(speakWords(text).audio, source, signal);
  }

  /** The same with audio, whatever is in it: mu-law, whole frames of 20 ms. */
  play(audio: Buffer, source: VoiceSource, signal: AbortSignal): Promise<void> {
    this.end();
    if (signal.aborted) return Promise.resolve();
    this.audio = audio;
    this.offset = 0;
    this.source = source;
    return new Promise((resolve) => {
      const done = (): void => {
        this.done = undefined;
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done);
      this.done = done;
    });
  }

  /** The next 20 ms, or undefined: nobody speaks. */
  next(): VoiceFrame | undefined {
    if (!this.done) return undefined;
    // Done is told one tick after the last frame: then it has been heard to its end.
    if (this.offset >= this.audio.length) {
      this.done();
      return undefined;
    }
    const frame = this.audio.subarray(this.offset, this.offset + FRAME_BYTES);
    this.offset += FRAME_BYTES;
    return { frame, source: this.source };
  }

  end(): void {
    this.done?.();
  }
}
