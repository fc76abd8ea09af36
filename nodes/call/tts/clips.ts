import type { Word } from '../message';

/** Speech that was made earlier: mu-law 8 kHz, with its words' times. */
export interface Clip {
  readonly audio: Buffer;
  readonly words: readonly Word[];
}

/** How many clips are kept; the one unused for longest goes first. */
const MAX_CLIPS = 50;
/** A clip is a sentence or two: 30 s. */
const MAX_CLIP_BYTES = 240_000;

/** Clips of apologies, by voice and text: what a caller hears in the agent's voice when the TTS has failed. */
export class Clips {
  private readonly clips = new Map<string, Clip>();
  private readonly making = new Set<string>();

  get size(): number {
    return this.clips.size;
  }

  get(key: string): Clip | undefined {
    const clip = this.clips.get(key);
    if (!clip) return undefined;
    this.clips.delete(key);
    this.clips.set(key, clip);
    return clip;
  }

  /** All clips, by key; the one unused for longest first. */
  all(): [key: string, clip: Clip][] {
    return [...this.clips];
  }

  /** Asks to make a clip. @returns false if there is one, or somebody is making it: `keep` or `giveUp` ends that. */
  begin(key: string): boolean {
    if (this.clips.has(key) || this.making.has(key)) return false;
    this.making.add(key);
    return true;
  }

  keep(key: string, clip: Clip): void {
    this.making.delete(key);
    if (clip.audio.length === 0 || clip.audio.length > MAX_CLIP_BYTES) return;
    this.clips.set(key, clip);
    if (this.clips.size <= MAX_CLIPS) return;
    const oldest = this.clips.keys().next();
    if (!oldest.done) this.clips.delete(oldest.value);
  }

  giveUp(key: string): void {
    this.making.delete(key);
  }

  /** For tests: as if the process had just begun. */
  clear(): void {
    this.clips.clear();
    this.making.clear();
  }
}

/** The clips of this process. */
export const clips = new Clips();
