import type { LineBehaviour } from '../phone/line';
import { greetingEnd, type GreetedCall } from '../phone/machine';
import { wait } from '../phone/network';
import { flag, invalid, isHttpUrl, oneOf, whole, type Field } from './parameters';

/** Answering machine detection as it is asked for (contracts/twilio.md section 9.1). */
export interface DetectionRequest {
  mode: 'Enable' | 'DetectMessageEnd';
  async: boolean;
  callback: string | undefined;
  method: 'GET' | 'POST';
  /** Nothing found until then is `unknown`. */
  timeoutMs: number;
  /** A pause of this length ends a greeting. */
  speechEndMs: number;
}

/** Reads the parameters; undefined: none is asked for. Throws a RestError for a value out of its range. */
export function detectionRequest(field: Field): DetectionRequest | undefined {
  const mode = field('MachineDetection');
  const timeoutMs = 1000 * whole(field, 'MachineDetectionTimeout', 3, 59, 30);
  whole(field, 'MachineDetectionSpeechThreshold', 1000, 6000, 2400);
  whole(field, 'MachineDetectionSilenceTimeout', 2000, 10_000, 5000);
  const speechEndMs = whole(field, 'MachineDetectionSpeechEndThreshold', 500, 5000, 1200);
  const async = flag(field, 'AsyncAmd', false);
  const callback = field('AsyncAmdStatusCallback');
  if (callback !== undefined && !isHttpUrl(callback)) throw invalid('AsyncAmdStatusCallback', callback, 21609);
  const method = oneOf(field, 'AsyncAmdStatusCallbackMethod', ['GET', 'POST'], 'POST');
  // Digits to send turn it off.
  if (mode === undefined || field('SendDigits') !== undefined) return undefined;
  if (mode !== 'Enable' && mode !== 'DetectMessageEnd') throw invalid('MachineDetection', mode, 21264);
  return { mode, async, callback, method, timeoutMs, speechEndMs };
}

/** Who has answered, in Twilio's words, and how long it took to find out, in ms. */
export interface Detected {
  answeredBy: string;
  ms: number;
}

/**
 * Listens to who has answered. A machine is `machine_start` at once with `Enable`; with `DetectMessageEnd` its greeting is heard to its end
 * first, and its beep. Undefined: the call ended before.
 */
export async function detect(
  call: GreetedCall,
  request: DetectionRequest,
  line: LineBehaviour,
  signal: AbortSignal,
): Promise<Detected | undefined> {
  const { machine, answeredBy = machine ? 'machine' : 'human', detectionMs = 200 } = line;
  const { mode, timeoutMs, speechEndMs } = request;
  const isMachine = answeredBy.startsWith('machine');
  if (isMachine && machine && mode === 'DetectMessageEnd') {
    const startedAt = performance.now();
    const giveUp = new AbortController();
    const either = AbortSignal.any([signal, giveUp.signal]);
    const timer = setTimeout(() => giveUp.abort(), timeoutMs);
    const end = await greetingEnd(call, machine, speechEndMs, either);
    clearTimeout(timer);
    if (call.isOver || signal.aborted) return undefined;
    return { answeredBy: end ? `machine_end_${end}` : 'unknown', ms: Math.round(performance.now() - startedAt) };
  }
  const ms = Math.min(detectionMs, timeoutMs);
  await wait(ms, signal);
  if (call.isOver || signal.aborted) return undefined;
  if (detectionMs > timeoutMs) return { answeredBy: 'unknown', ms };
  return { answeredBy: isMachine ? machineWord(answeredBy, mode) : wordOf(answeredBy), ms };
}

/** A word that this mode can really have as its result. */
function machineWord(answeredBy: string, mode: DetectionRequest['mode']): string {
  if (mode === 'Enable') return 'machine_start';
  return /^machine_end_(beep|silence|other)$/.test(answeredBy) ? answeredBy : 'machine_end_beep';
}

function wordOf(answeredBy: string): string {
  return ['human', 'fax'].includes(answeredBy) ? answeredBy : 'unknown';
}
