import { wait } from '../phone/network';
import type { Body } from './fields';

/** What was asked for and what will be found. */
export interface Detection {
  /** `answering_machine_detection` of the dial. */
  mode: string;
  /** human, machine, not_sure; premium has more words. */
  result: string;
  /** How long that takes, ms. */
  ms: number;
}

/** Modes that listen to a machine's greeting to its end. */
const GREETING: Record<string, string> = {
  detect_beep: 'beep_detected',
  greeting_end: 'ended',
  premium: 'beep_detected',
};

/** Answering machine detection: tells by webhook who has answered, and when a machine's greeting is over. */
export async function detect(
  { mode, result, ms }: Detection,
  tell: (event: string, more: Body) => void,
  signal: AbortSignal,
): Promise<void> {
  const premium = mode === 'premium' ? 'premium.' : '';
  await wait(ms, signal);
  if (signal.aborted) return;
  tell(`call.machine.${premium}detection.ended`, { result });
  const end = GREETING[mode];
  if (end === undefined || !/^machine/.test(result)) return;
  await wait(ms, signal);
  if (!signal.aborted) tell(`call.machine.${premium}greeting.ended`, { result: end });
}
