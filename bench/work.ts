/** The simulated work: what each caller says and when, what the model answers, how long the providers take. */
import type { WorldOptions } from '../simulators/world';
import type { CallerScript, CallerStep } from '../simulators/twilio';
import { KEYS, type Stage } from './job';

/** The caller speaks so long, in ms: five words. */
export const SPEAKING_MS = 2_500;
/** ... and then listens so long. */
export const LISTENING_MS = 5_000;
export const CYCLE_MS = SPEAKING_MS + LISTENING_MS;
/** The caller hears the greeting before the first turn, ms. */
export const GREETING_MS = 4_500;
/**
 * So much audio makes the STT finish a segment, in ms: as a real one, every few seconds; but once in each silence and never in
 * the midst of speech, so that both systems get each turn's words in one piece and ask the model the same.
 */
const SEGMENT_MS = 4_000;
/** Grid of the STT's interim results, in ms of audio. */
export const INTERIM_MS = 200;

const OPENING = 'please tell me something';
const WORDS = 'we have that in the shop and it will be ready when you come by tomorrow in the afternoon'.split(' ');
/** Words of 200 ms: 3 s are heard to their end, 8 s play still when the caller speaks again. */
const SHORT_REPLY = 15;
const LONG_REPLY = 40;

/** Each turn of each call has a name, which is spoken, transcribed, answered and heard: nothing else ties its parts together. */
export function turnName(call: number | string, turn: number): string {
  return `${isLong(turn) ? 'long' : 'short'}${call}x${turn}`;
}

/** Every other reply is so long that the caller's next words interrupt it. */
export function isLong(turn: number): boolean {
  return turn % 2 === 0;
}

/** The first word of the reply to a turn. */
export function replyName(turn: string): string {
  return `re-${turn}`;
}

/** The turn's name in what was said, transcribed or answered; the last one, if several were joined. */
export function nameIn(text: string): string | undefined {
  return text.match(/(?:long|short)\w+x\d+/gu)?.at(-1);
}

/** A caller who speaks and listens in turn, until the call is ended. */
export function conversation(call: number | string, turns: number, listeningMs = LISTENING_MS): CallerScript {
  const steps: CallerStep[] = [{ pause: GREETING_MS }];
  for (let turn = 0; turn < turns; turn++) {
    const say = `${OPENING} ${turnName(call, turn)}`;
    steps.push({ say, msPerWord: SPEAKING_MS / say.split(' ').length }, { pause: listeningMs });
  }
  return steps;
}

function reply(words: number): string {
  const text = Array.from({ length: words - 1 }, (_, i) => WORDS[i % WORDS.length]).join(' ');
  return `re-$& ${text}.`;
}

/** Fixed, short delays, as far as the systems are concerned; measured where they happen, and taken off. */
export function world({ calls, chunkBytes }: Stage): WorldOptions {
  return {
    twilio: { accountSid: KEYS.TWILIO_ACCOUNT_SID, authToken: KEYS.TWILIO_AUTH_TOKEN },
    deepgram: { apiKey: KEYS.DEEPGRAM_API_KEY, interimMs: INTERIM_MS, segmentMs: SEGMENT_MS },
    openai: {
      apiKey: KEYS.OPENAI_API_KEY,
      firstTokenMs: 200,
      tokenMs: 20,
      replies: [
        { match: 'long\\w+x\\d+$', reply: reply(LONG_REPLY) },
        { match: 'short\\w+x\\d+$', reply: reply(SHORT_REPLY) },
      ],
    },
    cartesia: { apiKey: KEYS.CARTESIA_API_KEY, firstAudioMs: 100, chunkBytes, concurrency: 2 * calls + 20 },
  };
}
