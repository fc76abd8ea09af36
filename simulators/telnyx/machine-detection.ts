import { isObject } from '../loopback';
import type { LineBehaviour } from '../phone/line';
import { greetingEnd, type GreetedCall } from '../phone/machine';
import { wait } from '../phone/network';
import { number, type Body } from './fields';

/** A pause of so many ms in a machine's greeting is its end, unless `greeting_silence_duration_millis` says otherwise. */
const GREETING_SILENCE_MS = 800;
/** A greeting is heard for at most so many ms, unless `greeting_total_analysis_time_millis` says otherwise. */
const GREETING_TOTAL_MS = 30_000;
/** Detection takes at most so many ms, unless `total_analysis_time_millis` says otherwise. */
const TOTAL_MS = 3_500;

/** Modes that listen to a machine's greeting to its end. */
const GREETING_MODES = ['detect_beep', 'detect_words', 'greeting_end', 'premium'];
/** What premium detection finds (public SDK: CallMachinePremiumDetectionEnded). */
const PREMIUM = ['human_residence', 'human_business', 'machine', 'silence', 'fax_detected', 'not_sure'];

/** What is asked for: fields of the dial. */
export interface Detection {
  /** `answering_machine_detection`. */
  mode: string;
  /** `answering_machine_detection_config`. */
  config: unknown;
}

/**
 * Answering machine detection: tells by webhook who has answered, and when a machine's greeting is over. The greeting itself is
 * heard on the line: its beep, or the silence behind it.
 */
export async function detect(
  { mode, config }: Detection,
  call: GreetedCall,
  line: LineBehaviour,
  tell: (event: string, more: Body) => void,
  signal: AbortSignal,
): Promise<void> {
  const { machine, answeredBy = machine ? 'machine' : 'human', detectionMs = 200 } = line;
  const settings = isObject(config) ? config : {};
  const prefix = mode === 'premium' ? 'call.machine.premium' : 'call.machine';
  const listens = GREETING_MODES.includes(mode) && answeredBy.startsWith('machine');
  const totalMs = number(settings, 'total_analysis_time_millis') ?? TOTAL_MS;
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const silenceMs = number(settings, 'greeting_silence_duration_millis') ?? GREETING_SILENCE_MS;
  // From the answer on: a short greeting is over before it is known for a machine's.
  const greeting = listens && machine ? greetingEnd(call, machine, silenceMs, either) : undefined;
  await wait(Math.min(detectionMs, totalMs), signal);
  if (signal.aborted) return stop.abort();
  tell(`${prefix}.detection.ended`, { result: detectionMs > totalMs ? 'not_sure' : wordFor(answeredBy, mode) });
  if (!listens || detectionMs > totalMs) return stop.abort();
  const timer = setTimeout(
    () => stop.abort(),
    number(settings, 'greeting_total_analysis_time_millis') ?? GREETING_TOTAL_MS,
  );
  const end = greeting ? await greeting : await silentMachine(mode, detectionMs, either);
  clearTimeout(timer);
  if (signal.aborted) return;
  const result = greetingWord(end, mode);
  if (result !== undefined) tell(`${prefix}.greeting.ended`, { result });
}

/** A line that is a machine by its answer alone, and says nothing: its greeting lasts as long as the detection. */
async function silentMachine(mode: string, ms: number, signal: AbortSignal): Promise<'beep' | 'silence'> {
  await wait(ms, signal);
  return mode === 'greeting_end' ? 'silence' : 'beep';
}

/** A word that this mode really has among its results. */
function wordFor(answeredBy: string, mode: string): string {
  const isMachine = answeredBy.startsWith('machine');
  if (mode === 'premium') {
    if (answeredBy === 'human') return 'human_residence';
    return isMachine ? 'machine' : PREMIUM.includes(answeredBy) ? answeredBy : 'not_sure';
  }
  return isMachine ? 'machine' : answeredBy.startsWith('human') ? 'human' : 'not_sure';
}

function greetingWord(end: 'beep' | 'silence' | undefined, mode: string): string | undefined {
  if (end === 'beep') return 'beep_detected';
  if (mode === 'detect_beep') return undefined;
  if (mode === 'premium') return 'no_beep_detected';
  return end === 'silence' ? 'ended' : 'not_sure';
}
