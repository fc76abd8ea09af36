import type { UtteranceKind } from '../call/message';

/** When the caller's voice stops the agent. */
export type BargeInMode = 'words' | 'speech' | 'count' | 'never';

export const BARGE_IN_MODES = ['words', 'speech', 'count', 'never'] as const;

export interface BargeIn {
  mode: BargeInMode;
  /** For `count`: so many words. */
  words: number;
}

/** An utterance of the call that is open: this agent's, another's or the flow's. */
export interface OpenUtterance {
  id: string;
  kind: UtteranceKind;
  interruptible: boolean;
  /** The caller has begun to hear it. */
  heard: boolean;
  /** This agent's. */
  mine: boolean;
}

/** A pause that no words follow is over so long after the caller fell silent, ms ... */
export const FALSE_ALARM_AFTER_STOP_MS = 2_000;
/** ... and, where nobody says that the caller fell silent, so long after the voice began, ms. */
export const FALSE_ALARM_AFTER_START_MS = 4_000;

/**
 * The utterances that these words of the caller put an end to: all that may be interrupted, once one of them has begun to
 * be heard. Words said before that stop nothing: they will join the turn.
 */
export function interruptedByWords(open: readonly OpenUtterance[], text: string, bargeIn: BargeIn): string[] {
  const words = countWords(text);
  if (words === 0 || bargeIn.mode === 'never') return [];
  if (bargeIn.mode === 'count' && words < bargeIn.words) return [];
  const targets = open.filter((utterance) => utterance.interruptible);
  return targets.some((utterance) => utterance.heard) ? targets.map(({ id }) => id) : [];
}

/** The utterances that fall silent at the first sound of the caller's voice, until it is clear whether it is words. */
export function pausedBySpeech(open: readonly OpenUtterance[], bargeIn: BargeIn): string[] {
  if (bargeIn.mode !== 'speech') return [];
  const head = open[0];
  return head?.interruptible && head.heard ? [head.id] : [];
}

/** What becomes of a finished turn of the caller's. */
export type TurnDecision =
  | 'join' // a reply is being made of which nothing was heard: it is dropped, and both are answered as one
  | 'wait' // something is spoken that is not to be cut: answered when it has closed
  | 'answer';

/**
 * Decides about a transcript, after the interruptions that its words brought.
 * @param unheardReply this agent is at work on a reply of which nothing has been heard
 */
export function decideTurn(open: readonly OpenUtterance[], unheardReply: boolean): TurnDecision {
  if (unheardReply) return 'join';
  return isBlocked(open) ? 'wait' : 'answer';
}

/** True while something is open that is spoken to its end before an answer begins. */
export function isBlocked(open: readonly OpenUtterance[]): boolean {
  return open.some(({ mine, interruptible, heard }) => mine || !interruptible || heard);
}

/** What the pause of mode `speech` asks for. */
export type PauseAction = { pause: string[] } | { resume: string[] } | undefined;

/**
 * The two steps of stopping: silence at once, and then the end or, after a false alarm (a cough), going on.
 * Pure: it is told the time and says when it wants to be asked again.
 */
export class PauseWatch {
  private paused: string[] = [];
  private until = 0;

  /** Ids that are paused now; empty if none. */
  get ids(): readonly string[] {
    return this.paused;
  }

  /** When to call `expire`, on the clock that `now` is of; undefined if there is nothing to wait for. */
  get dueAt(): number | undefined {
    return this.paused.length > 0 ? this.until : undefined;
  }

  speechStarted(ids: readonly string[], now: number): PauseAction {
    this.until = now + FALSE_ALARM_AFTER_START_MS;
    if (this.paused.length > 0 || ids.length === 0) return undefined;
    this.paused = [...ids];
    return { pause: [...ids] };
  }

  speechStopped(now: number): void {
    this.until = now + FALSE_ALARM_AFTER_STOP_MS;
  }

  /** Words came after all, or what was paused is closed: there is nothing to go on with. */
  settled(): void {
    this.paused = [];
  }

  /** No words came. */
  expire(now: number): PauseAction {
    return now >= this.until ? this.falseAlarm() : undefined;
  }

  /** It is known that there are no words. */
  falseAlarm(): PauseAction {
    if (this.paused.length === 0) return undefined;
    const resume = this.paused;
    this.paused = [];
    return { resume };
  }
}

/** Words as a caller would count them; in scripts without spaces a run of characters is one. */
export function countWords(text: string): number {
  return text.match(/[\p{L}\p{N}][\p{L}\p{N}'’.-]*/gu)?.length ?? 0;
}
