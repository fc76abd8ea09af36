import { machineScript, type AnsweringMachine } from './machine';
import type { CallerScript } from './script';

/** What happens when a number is called: by the REST API, or to connect a caller with it. Plain data. */
export interface LineBehaviour<Extra = object> {
  /** Default `answer`. */
  outcome?: 'answer' | 'busy' | 'no-answer' | 'failed';
  /** How long it rings before that, in ms; default 100. No-answer rings until the time-out of the call, but at most this. */
  ringMs?: number;
  /** Connected with a caller: how long the two talk before the called party hangs up, in ms; default 1000. */
  talkMs?: number;
  /** Connected with a caller: what the called party says to the caller. */
  says?: string;
  /** Called by the application: what the called person does. */
  script?: CallerScript;
  /** Called by the application: an answering machine answers, in place of a person with a script. */
  machine?: AnsweringMachine;
  /** Called by the application: what else is special about that call; the carrier's own options. */
  call?: Extra;
  /** Called by the application: what answering machine detection finds, in the carrier's words; default `human`, or `machine` where there is one. */
  answeredBy?: string;
  /** Called by the application: how long that takes, in ms; default 200. */
  detectionMs?: number;
}

/** What whoever answers this line does on the phone. */
export function scriptOf({ machine, script }: LineBehaviour): CallerScript | undefined {
  return machine ? machineScript(machine) : script;
}

/** Ring time when none is given, in ms. Real ones are longer; nobody learns anything from waiting. */
export const DEFAULT_RING_MS = 100;
export const DEFAULT_TALK_MS = 1_000;
