import type { ProviderError } from '../call/errors';
import type { Timing } from '../call/message';
import type { AssistantEntry, UserEntry } from './conversation';
import type { Usage } from './model';
import type { ModelReply } from './model-reply';
import type { UtteranceWriter } from './utterance';

/** Something that is to be answered, on its way from the caller's words to the last word of the answer. */
export interface Turn {
  /** The caller's words; empty where the flow wants the agent to speak up by instructions alone. */
  text: string;
  /** False for what the flow had answered (`agent.respond`). */
  byCaller: boolean;
  /** Further instructions for this turn alone. */
  instructions: string;
  /** False for an answer that is spoken to its end, whatever the caller says meanwhile. */
  interruptible: boolean;
  /** What the flow put on the message. */
  flow: Readonly<Record<string, unknown>>;
  timing: Timing;
  /** It waited for something to be spoken to its end: the time budget counts from its beginning. */
  waited: boolean;
  /** It tells a caller who is back why: of no use when the caller is away again. */
  onReturn?: boolean;
  entry?: UserEntry | undefined;
  reply?: ModelReply | undefined;
  writer?: UtteranceWriter | undefined;
  model?: string;
  usage?: Usage;
  error?: ProviderError;
}

/** Payload of `turn`: who said what, what was heard, and where the time went (the message's `timing` says it too). */
export interface TurnReport {
  user: string;
  agent: { heard: string; generated: string; cut: boolean };
  utteranceId?: string;
  model: string;
  timing: Timing;
  usage?: Usage;
  error?: { provider: string; cause: string; message: string };
  /** Nobody answers it: too many turns were waiting. */
  dropped?: true;
}

/** The report of a turn that is over. @param said the agent's part, if the caller heard any of it */
export function reportTurn(turn: Turn, model: string, said?: AssistantEntry): TurnReport {
  const report: TurnReport = {
    user: turn.text,
    agent: { heard: said?.heard ?? '', generated: said?.generated ?? '', cut: said?.cut ?? false },
    model: turn.model ?? model,
    timing: { ...turn.timing },
  };
  if (said) report.utteranceId = said.utteranceId;
  if (turn.usage) report.usage = { ...turn.usage };
  if (turn.error) {
    const { provider, cause, message } = turn.error;
    report.error = { provider, cause, message };
  }
  return report;
}

/** A time budget of 6 s leaves the model 3.5 s: what is said instead must still be spoken in time. */
const MODEL_SHARE = 3.5 / 6;
/** However late a transcript came, an attempt is worth so much of the budget. */
const LEAST_SHARE = 0.2;

/** How long the model may take to its first word, ms from `now` (call's clock). */
export function timeForModel(turn: Turn, budgetMs: number, now: number): number {
  const since = turn.waited ? now : (turn.timing.speechEndedAt ?? turn.timing.transcriptAt ?? now);
  return Math.max(since + budgetMs * MODEL_SHARE - now, budgetMs * LEAST_SHARE);
}

/** So many turns wait to be answered, unless set otherwise. */
export const QUEUE_LIMIT = 8;

/** What happens with one turn too many: the oldest two become one, the oldest goes, or the newest is refused. */
export const QUEUE_POLICIES = ['join', 'oldest', 'newest'] as const;
export type QueuePolicy = (typeof QUEUE_POLICIES)[number];

/** Turns that wait until what is being spoken has been heard. What the caller says in several breaths is one turn. */
export class WaitingTurns {
  private turns: Turn[] = [];

  get length(): number {
    return this.turns.length;
  }

  /** @returns the turns that there is no room for: nobody will answer them */
  add(turn: Turn, limit: number, policy: QueuePolicy): Turn[] {
    const last = this.turns.at(-1);
    if (last?.byCaller && turn.byCaller) {
      this.turns[this.turns.length - 1] = joined(last, turn);
      return [];
    }
    if (policy === 'newest' && this.turns.length >= limit) return [turn];
    this.turns.push(turn);
    const tooMany = this.turns.length - limit;
    if (tooMany <= 0) return [];
    const oldest = this.turns.splice(0, policy === 'join' ? tooMany + 1 : tooMany);
    if (policy !== 'join') return oldest;
    this.turns.unshift(oldest.reduce((earlier, later) => joined(earlier, later)));
    return [];
  }

  next(): Turn | undefined {
    return this.turns.shift();
  }

  drain(): Turn[] {
    return this.turns.splice(0);
  }
}

/** Both as one: the words of both, all else of the later one. */
export function joined(earlier: Turn, later: Turn): Turn {
  return {
    ...later,
    text: joinWords(earlier.text, later.text),
    instructions: [earlier.instructions, later.instructions].filter((text) => text !== '').join('\n'),
    byCaller: earlier.byCaller || later.byCaller,
    interruptible: earlier.interruptible && later.interruptible,
    flow: { ...earlier.flow, ...later.flow },
    waited: earlier.waited || later.waited,
    entry: earlier.entry,
  };
}

export function joinWords(earlier: string, later: string): string {
  return earlier === '' || later === '' ? earlier + later : `${earlier} ${later}`;
}
