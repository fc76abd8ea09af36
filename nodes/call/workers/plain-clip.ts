import type { Clip } from '../tts/clips';
import type { PlainClip } from './protocol';

/** A clip as it goes between threads. With memory of its own: a view would be cloned with all of what it is a view of. */
export function plainClip({ audio, words }: Clip): PlainClip {
  return { audio: new Uint8Array(audio), words };
}

/** The clip again. */
export function clipOf({ audio, words }: PlainClip): Clip {
  return { audio: Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength), words };
}
