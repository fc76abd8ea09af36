import type { ProviderError } from '../call/errors';
import { isRecord } from '../call/stt/connection';
import type { TimedWord, Unfinished } from '../call/stt/connection';

/**
 * What the two listen protocols of Deepgram (v1 Nova, v2 Flux) have in common. A reader knows the messages of one
 * protocol on one socket; times that it gives and takes are ms of the audio sent on that socket.
 */

/** What the listener must know to open a socket. */
export interface ListenSettings {
  /** With path and query, without the key. */
  url: string;
  headers: Record<string, string>;
  apiKey: string;
  /** True for v2 (Flux), false for v1 (Nova). */
  flux: boolean;
  /** v1: ms of silence that end an utterance; undefined where that is turned off. */
  endpointingMs: number | undefined;
  /** v1: ms without a new word that end an utterance; undefined where that is turned off. */
  utteranceEndMs: number | undefined;
}

/** What to make of a message: useful, of an unknown type (left alone), misshapen, or the provider's error. */
export type Reading = 'useful' | 'unknown' | 'wrong' | ProviderError;

/** One protocol on one socket. */
export interface Reader {
  /** How audio is cut, bytes. */
  readonly pieceBytes: number;
  /** Text that keeps the socket open while no audio flows; undefined where audio must always flow. */
  readonly keepAlive: string | undefined;
  /** Texts that ask for the last words, and end the stream. */
  readonly farewell: readonly string[];
  /** For how long the provider may say nothing in the midst of a turn while it is sent audio, ms. */
  readonly patienceMs: number;
  /** How much silence after speech means that the turn is over, where nobody else can tell, ms. */
  readonly quietMs: number;
  read(message: Record<string, unknown>): Reading;
  unfinished(): Unfinished;
}

/** Deepgram's times are seconds, and may be missing, or -1. */
export function milliseconds(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value * 1000 : undefined;
}

/**
 * Reads a list of words. Where they carry no times (older Flux models), they are spread evenly over the audio.
 */
export function readWords(value: unknown, fromMs: number, upToMs: number): TimedWord[] {
  if (!Array.isArray(value)) return [];
  const raw = (value as unknown[]).filter(isRecord);
  const each = (upToMs - fromMs) / Math.max(1, raw.length);
  return raw.flatMap((item, index) => {
    const text = typeof item.punctuated_word === 'string' ? item.punctuated_word : item.word;
    if (typeof text !== 'string' || text === '') return [];
    const startMs = milliseconds(item.start) ?? fromMs + index * each;
    return [{ text, startMs, endMs: milliseconds(item.end) ?? startMs + each }];
  });
}
