import type { HeardWord } from './ear';
import { wait } from './network';
import type { CallerScript } from './script';

/** An answering machine at the other end of a line. Plain data. */
export interface AnsweringMachine {
  /** What it says when it has answered; it is spoken in the audio. */
  greeting: string;
  /** Does it beep then? Default: it does. */
  beep?: boolean;
  /** It hangs up when it has recorded for so long, in ms; default 30 s. */
  recordsMs?: number;
}

/** Length of the beep in ms. */
export const BEEP_MS = 300;
const DEFAULT_RECORDS_MS = 30_000;

/** What the machine does on the phone, as if it were a caller: greets, beeps, listens. */
export function machineScript({
  greeting,
  beep = true,
  recordsMs = DEFAULT_RECORDS_MS,
}: AnsweringMachine): CallerScript {
  return [{ say: greeting }, ...(beep ? [{ beep: BEEP_MS }] : []), { pause: recordsMs }, { hangUp: true }];
}

/** What detection needs of a call to hear a machine's greeting to its end. */
export interface GreetedCall {
  readonly isOver: boolean;
  once(event: 'beeped' | 'said' | 'ended', listener: () => void): unknown;
  off(event: 'beeped' | 'said' | 'ended', listener: () => void): unknown;
}

/**
 * Resolves when the machine on this call has finished its greeting: with its beep, or, where it has none, when it has been silent
 * for so long. `undefined`: the call ended or the signal aborted before.
 * @param silenceMs how long a pause is taken for the end of the greeting
 */
export async function greetingEnd(
  call: GreetedCall,
  { beep = true }: AnsweringMachine,
  silenceMs: number,
  signal: AbortSignal,
): Promise<'beep' | 'silence' | undefined> {
  const event = beep ? 'beeped' : 'said';
  await new Promise<void>((resolve) => {
    if (call.isOver || signal.aborted) return resolve();
    const done = (): void => {
      call.off(event, done);
      call.off('ended', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    call.once(event, done);
    call.once('ended', done);
    signal.addEventListener('abort', done);
  });
  if (!beep) await wait(silenceMs, signal);
  if (call.isOver || signal.aborted) return undefined;
  return beep ? 'beep' : 'silence';
}

/** The words that a machine has recorded: those that began after its beep. `undefined`: it has not beeped. */
export function messageLeft(heard: readonly HeardWord[], beepedAtMs: number | undefined): string | undefined {
  if (beepedAtMs === undefined) return undefined;
  return heard
    .filter((word) => word.atMs >= beepedAtMs && word.fromMs === 0)
    .map((word) => word.text)
    .join(' ');
}
