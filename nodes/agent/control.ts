import { SettingError } from '../call/settings';
import type { ModelMessage } from './conversation';
import { record } from './model';

/** What `agent.say` asks for. */
export interface Saying {
  text: string;
  interruptible: boolean;
  /** `notice` for words after which the in-node may record (its own notice is left empty then). */
  kind: 'prompt' | 'notice';
}

/** Reads the payload of `agent.say`: text, or { text, interruptible, kind }. @throws SettingError */
export function readSaying(payload: unknown): Saying {
  const text = typeof payload === 'string' ? payload : record(payload).text;
  if (typeof text !== 'string')
    throw new SettingError('agent.say: the payload must be text, or { text, interruptible }.');
  const { interruptible, kind } = record(payload);
  return {
    text: text.trim(),
    interruptible: interruptible !== false,
    kind: kind === 'notice' ? 'notice' : 'prompt',
  };
}

/** What `agent.respond` asks for. */
export interface Responding {
  /** Words to answer as if the caller had said them. */
  text: string;
  /** Instructions for this answer alone. */
  instructions: string;
  /** False for an answer that the caller hears to its end. */
  interruptible: boolean;
}

/** Reads the payload of `agent.respond`: text, or { text, instructions, interruptible }. @throws SettingError */
export function readResponding(payload: unknown): Responding {
  const {
    text = '',
    instructions = '',
    interruptible,
  } = record(typeof payload === 'string' ? { text: payload } : payload);
  if (typeof text !== 'string' || typeof instructions !== 'string' || (text + instructions).trim() === '') {
    throw new SettingError('agent.respond: the payload must be text, or { text, instructions, interruptible }.');
  }
  return { text: text.trim(), instructions: instructions.trim(), interruptible: interruptible !== false };
}

/** Reads `history` of `agent.set`: a list of { role: 'user' | 'assistant', text }; `content` or `heard` will do. @throws SettingError */
export function readHistory(value: unknown): ModelMessage[] {
  if (!Array.isArray(value)) throw new SettingError('agent.set: history must be a list of { role, text }.');
  return (value as unknown[]).map((item) => {
    const { role, text, content, heard } = record(item);
    const words = text ?? content ?? heard;
    if ((role !== 'user' && role !== 'assistant') || typeof words !== 'string') {
      throw new SettingError('agent.set: each entry of history must be { role: "user" or "assistant", text }.');
    }
    return { role, text: words };
  });
}

/** What an `interrupt` names: ids, or undefined for all that may be interrupted; and why. */
export function readInterrupt(payload: unknown): { ids: string[] | undefined; reason: string } {
  const { utterances, reason } = record(payload);
  return {
    ids: Array.isArray(utterances) ? (utterances as unknown[]).filter((id) => typeof id === 'string') : undefined,
    reason: typeof reason === 'string' && reason !== '' ? reason : 'flow',
  };
}
