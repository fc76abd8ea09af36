/** A provider of text-to-speech, as the stories of synthesis-stories.ts see it. */
import type { Cause } from '../../../nodes/call/errors';
import type { Places } from '../../../nodes/call/tts/places';
import type { Patience } from '../../../nodes/call/tts/synthesis';
import type { Fault, Faults } from '../../../simulators/faults';
import type { Utterance } from './utterance';

/** As much of a simulator as the stories see. */
export interface Simulated {
  readonly faults: Pick<Faults, 'add'>;
  readonly open: { readonly sockets: number };
  readonly connections: readonly { readonly errors: readonly string[] }[];
  readonly contexts: { readonly length: number };
}

/** Settings of an utterance that a story may change. */
interface Settings {
  concurrency?: number;
  firstAudioMs?: number;
  urgent?: () => boolean;
  patience?: Partial<Patience>;
}

/** A call that speaks. */
interface Speech {
  readonly places: Places;
  readonly utterances: Utterance[];
  begin(more?: Settings): Utterance;
  speak(text: string, more?: Settings): Promise<Utterance>;
}

/** A refusal that no second try would change. */
export interface Refusal<S> {
  fault?: Fault;
  /** A simulator that refuses by itself. */
  simulate?: () => Promise<S>;
  cause: Cause;
  /** What the ops person is told to do. */
  advice: RegExp;
}

/** A provider, and what the stories must know of it. */
export interface SpeechUnderTest<S extends Simulated> {
  provider: string;
  simulate: (options?: { chunkBytes?: number; concurrency?: number }) => Promise<S>;
  speaker(simulator: S, settings?: Settings): Speech;
  /** With another key in the account. */
  speakerWithKey(simulator: S, apiKey: string): Speech;
  /** A call hangs up before the story is over. */
  leave(speech: Speech): void;
  /** How many sockets are open on our side. */
  sockets(): number;
  /** After so many messages of the simulator a socket is lost in the midst of the sentence. */
  lostAfter: number;
  /** And then the times of words are right within so many ms. */
  timesWithinMs: number;
  /** How a socket can be lost at this provider, beside what can happen at all of them. */
  losses: Record<string, Fault>;
  refusals: Record<string, Refusal<S>>;
  /** What can be tried again, beside what can happen at all of them. */
  outages: Record<string, [Fault, Cause]>;
  /** A simulator that soon closes an idle socket, and what it then says. */
  idle: { simulate: () => Promise<S>; says?: RegExp };
  /** With how many messages three words have been spoken, but for the last, which says that it is done. */
  messagesOfThreeWords: number;
  callsOnASocket: number;
}
