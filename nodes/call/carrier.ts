import type { CarrierControl } from './carrier/control';
import type { EndReason } from './message';
import type { Clip } from './tts/clips';

/**
 * What a phone company must do for us, for one call. The heart knows no more of a carrier than this; a carrier's folder
 * implements it and registers the call with the registry.
 */
export interface Carrier {
  /** `twilio`, `telnyx`, ...: what `msg.call.carrier` says. */
  readonly name: string;

  /** What a flow can have done with the call beyond talking. */
  readonly control: CarrierControl;

  /** True while a media stream is open: audio that is played now reaches the caller. */
  readonly connected: boolean;

  /**
   * Plays raw mu-law, 8 kHz, mono; a multiple of 160 bytes (20 ms). Ignored while not connected. The Buffer is valid for the
   * time of the call only: what is kept must be copied.
   * @param mark if given, a mark behind it: as `mark()` does, but in one go
   */
  play(audio: Buffer, mark?: string): void;

  /** Asks for an echo, by `playback.echo(name)`, when all that was played before has been heard. */
  mark(name: string): void;

  /** Throws away at the carrier whatever has not been heard. */
  clear(): void;

  /**
   * Ends the call at the carrier and resolves when that is confirmed (or known to be over already).
   * @param goodbye words for the carrier's own voice, spoken before the end.
   * @param reason why; at `shutdown` nobody waits for longer than 3 s
   */
  hangUp(goodbye?: string, reason?: EndReason): Promise<void>;

  /**
   * Speaks by the carrier's own voice, with no TTS of ours, and then connects the caller to us again: the last resort
   * against silence.
   */
  say(text: string): Promise<void>;

  /** Where the carrier is in another thread than the call: what has to be known there. */
  readonly farSide?: FarSide;

  /** The call has ended: close the stream, drop timers and requests. Called once, by the registry. */
  dispose(): void;
}

/** What a call tells a carrier that is in another thread: what the flow has set, and what is needed if this thread fails. */
export interface FarSide {
  /** `msg.call.parameters` from now on. */
  parameters(parameters: Readonly<Record<string, string>>): void;
  /** The call is private from now on, or no longer. */
  private(on: boolean): void;
  /** The agent's apology as the caller would hear it. @param key of voice and words */
  apology(key: string, clip: Clip): void;
}
