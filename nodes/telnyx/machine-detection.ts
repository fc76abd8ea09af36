import type { AnsweredBy } from '../call/dial/answer';
import { textOf } from './webhook';
import type { TelnyxEvent } from './webhook';

/** Reads what answering-machine detection found; undefined for an event of another kind (contracts/telnyx.md, section 3.1). */
export function answeredBy({ type, payload }: TelnyxEvent): AnsweredBy | undefined {
  const found = /^call\.machine\.(?:premium\.)?(detection|greeting)\.ended$/.exec(type)?.[1];
  if (found === undefined) return undefined;
  const result = textOf(payload, 'result');
  if (found === 'greeting') return { by: 'machine', state: result === 'beep_detected' ? 'beep' : 'greeting-ended' };
  return { by: whoIs(result), state: 'detected' };
}

/** `premium` has more words: human_residence, human_business, silence, fax_detected ... */
function whoIs(result: string): AnsweredBy['by'] {
  if (result.startsWith('human')) return 'human';
  if (result.startsWith('machine')) return 'machine';
  return result.startsWith('fax') ? 'fax' : 'unknown';
}
