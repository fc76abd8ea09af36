import type { ProviderError } from '../errors';

/**
 * What a provider of speech-to-text must do for one caller, on one connection. Everything else (audio that is kept and sent
 * again, outages, turns, messages) is `SttListener`'s and the same for all. Times are ms of the audio sent on the connection.
 */
export interface SttConnection {
  /** How audio is cut, bytes; pieces as long as a phone company's frames go on as they come. */
  readonly pieceBytes: number;
  /** True where audio must never cease to flow: silence is sent while the caller is on hold. */
  readonly alwaysFlowing: boolean;
  /** True if audio is always answered, also silence: then silence of the provider's own is a fault. */
  readonly answersAll: boolean;
  /** For how long nothing may be answered in the midst of a turn, ms; only where all is answered. */
  readonly patienceMs: number;
  /** How much silence after speech means that the turn is over, where nobody else can tell, ms. */
  readonly quietMs: number;
  /** After so long on one connection it is replaced as soon as the caller is silent, ms. */
  readonly lifetimeMs: number;
  /** Bytes that the network has not taken yet. */
  readonly waiting: number;
  /** True while something that was said is being understood: its end, or its words, are still to come. */
  readonly pending: boolean;
  /** After `farewell`, true when no more words will come; where the connection's end says so, always false. */
  readonly finished: boolean;
  /** @param level how loud it is, as `loudness` says; @param now ms of the call's clock */
  send(audio: Uint8Array, level: number, now: number): void;
  /** Keeps the connection open; asked where nothing was sent for some seconds. */
  keepAlive(): void;
  /** What the provider owes and has not done in time, in words that follow "the connection"; where not all is answered. */
  overdue(now: number): string | undefined;
  /** Asks for the last words: all audio has been sent. */
  farewell(): void;
  unfinished(): Unfinished;
  /** Says goodbye; nothing more is told. */
  close(): void;
  /** Gone at once; nothing more is told. */
  terminate(): void;
}

/** What a connection tells about itself; after `lost` nothing more. */
export interface SttConnectionEvents {
  /** Wraps every callback of sockets and timers: a throw is somebody's to report. */
  guard<A extends unknown[]>(callback: (...args: A) => void): (...args: A) => void;
  /** Audio may be sent. */
  opened(): void;
  /** Something came that makes sense. */
  answered(): void;
  /** Something came that is not the provider's. @param sample its beginning; undefined for a binary frame */
  nonsense(sample: string | undefined): void;
  /** Something went wrong, and the connection still serves. */
  trouble(error: ProviderError): void;
  lost(error: ProviderError): void;
}

/** Opens a connection; tells nothing before it returns. */
export type SttConnect<S> = (settings: S, hearing: Hearing, events: SttConnectionEvents) => SttConnection;

/** A provider of speech-to-text. `S` is plain data. */
export interface SttProvider<S> {
  /** Named in errors, such as `deepgram`. */
  readonly name: string;
  readonly connect: SttConnect<S>;
}

/** A word and when it was said. */
export interface TimedWord {
  text: string;
  startMs: number;
  endMs: number;
}

/** What a connection had understood of what is not finished. */
export interface Unfinished {
  /** Words that will not change; said before `fromMs`. */
  text: string;
  /** Words that might still change; said after `fromMs`. */
  words: TimedWord[];
  fromMs: number;
  /** How far the audio had been listened to. */
  heardMs: number;
}

/** What a connection hears. `text` is cumulative for the turn; turns come in the order in which they were said. */
export interface Hearing {
  /** The voice of the caller began, at most `withinMs` later than said. */
  speech(startMs: number, withinMs?: number): void;
  /** It ended, at most `withinMs` earlier than said; the words are still to come. Where this is not told, `end` does it. */
  silence(endMs: number, withinMs?: number): void;
  partial(text: string, startMs: number | undefined): void;
  eager(text: string, endMs: number | undefined): void;
  resumed(text: string): void;
  /** The turn is over; without words, it was only noise. */
  end(text: string, endMs: number | undefined): void;
  /** Words that could not be understood, though the connection serves: tried once more on another, then given up. */
  failed(error: ProviderError, endMs: number): void;
  /** Nothing before this time need ever be sent again. */
  settled(upToMs: number): void;
}

/** Joins stretches of text by a space. */
export function join(...texts: string[]): string {
  return texts.filter((text) => text !== '').join(' ');
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
