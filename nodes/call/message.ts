/**
 * The message on the wire: the contract between all nodes, ours and users', in TypeScript.
 *
 * Everything here is plain data. What comes in over a wire may have been made by anybody (a Function node, an inject,
 * an HTTP answer), so nothing is believed before `readMessage` has looked at it.
 */

/** What the table of topics calls "the caller's" or "the agent's". */
export type Speaker = 'caller' | 'agent';

/** What an utterance is for. Only `reply` belongs to the conversation's back and forth; all kinds are remembered as said. */
export type UtteranceKind = 'reply' | 'greeting' | 'filler' | 'notice' | 'prompt';

/** Whose message it is: a fresh, plain copy on every message. Times are ms since the epoch. */
export interface CallInfo {
  id: string;
  /** The phone company: `twilio`, `telnyx`, ... */
  carrier: string;
  direction: 'inbound' | 'outbound';
  from: string;
  to: string;
  startedAt: number;
  endedAt?: number;
  parameters: Record<string, string>;
  media: { encoding: 'mulaw'; sampleRate: 8000 };
}

/** Which stretch of speech a message is a piece of. `seq` counts the pieces of text, or of audio, from 0. */
export interface UtteranceInfo {
  id: string;
  by: Speaker;
  kind: UtteranceKind;
  seq: number;
  /** True on the last piece. */
  done: boolean;
  interruptible: boolean;
}

/** A word of the agent's audio; ms counted from the start of its utterance. */
export interface Word {
  text: string;
  startMs: number;
  endMs: number;
}

/** Where the time of a turn went; ms on the call's clock (0 = `call.startedAt`), as far as known. */
export interface Timing {
  speechEndedAt?: number;
  transcriptAt?: number;
  firstTokenAt?: number;
  firstAudioAt?: number;
}

/** Why a call ended (MESSAGES, rule 8). */
export type EndReason =
  | 'caller-hangup'
  | 'agent-hangup'
  | 'transferred'
  | 'no-answer'
  | 'busy'
  | 'rejected'
  | 'canceled'
  | 'max-duration'
  | 'silence'
  | 'stream-failed'
  | 'carrier-failed'
  | 'overload'
  | 'worker-failed'
  | 'flow-removed'
  | 'shutdown';

/** Payload of `playback.*`: what of the utterance the caller has heard. */
export interface PlaybackReport {
  heardMs: number;
  heardText: string;
  reason?: PlaybackEnd;
}

/** Why an utterance was closed before its end. */
export type PlaybackEnd = 'caller' | 'tts-failed' | 'timeout' | 'call-ended' | (string & {});

/** A message of one call, as our nodes read and write it. The flow's own fields (`msg.customer`) ride along. */
export interface VoiceMessage {
  _msgid?: string;
  topic: string;
  payload: unknown;
  call: CallInfo;
  utterance?: UtteranceInfo;
  event?: { seq: number; atMs: number };
  timing?: Timing;
  words?: Word[];
  [field: string]: unknown;
}

const OUR_TOPICS = new Set(['audio', 'reply', 'interrupt', 'transcript', 'turn', 'conversation']);
const OUR_PREFIXES = ['call.', 'playback.', 'speech.', 'transcript.', 'reply.', 'tool.', 'agent.'];

/** True for the topics of the contract; text under any other topic is the flow's own (MESSAGES, rule 5). */
export function isOurTopic(topic: string): boolean {
  return OUR_TOPICS.has(topic) || OUR_PREFIXES.some((prefix) => topic.startsWith(prefix));
}

/** True if a TTS speaks this: `reply`, `transcript` and any topic that is not ours, with text in the payload. */
export function isSpeakable(msg: VoiceMessage): boolean {
  if (typeof msg.payload !== 'string') return false;
  return msg.topic === 'reply' || msg.topic === 'transcript' || !isOurTopic(msg.topic);
}

/** True for the caller's audio: a frame without utterance. */
export function isCallerAudio(msg: VoiceMessage): boolean {
  return msg.topic === 'audio' && msg.utterance === undefined;
}

/** The fields that Node-RED or the protocol of a single node owns: never carried on to an answer (MESSAGES, rule 9). */
const NOT_CARRIED = new Set([
  '_msgid', 'topic', 'payload', 'call', 'utterance', 'event', 'timing', 'words', 'tool',
  'parts', 'req', 'res', 'error', 'complete', 'reset', '__proto__',
]); // prettier-ignore

/** What the flow put on a message, to be carried on to the text that answers it. */
export function flowFields(msg: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const name of Object.keys(msg)) if (!NOT_CARRIED.has(name)) fields[name] = msg[name];
  return fields;
}

/** True for a frame of the caller's audio as an in-node makes it: the flow has put nothing on it. Asked for each. */
export function isPlainFrame(msg: Readonly<VoiceMessage>): boolean {
  const { _msgid, payload, event } = msg;
  // With `topic` and `call`, which every message has, these are all.
  return _msgid !== undefined && payload !== undefined && event !== undefined && Object.keys(msg).length === 5;
}

let prefix = Math.random().toString(36).slice(2, 10);
let counter = 0;

/** An id of its own for a message that we make: cheaper than the random one that Node-RED would add. */
export function nextMessageId(): string {
  if (++counter > 0x3fffffff) {
    counter = 1;
    prefix = Math.random().toString(36).slice(2, 10);
  }
  return `v${prefix}${counter.toString(36)}`;
}

/** The id of the call that a message names: `msg.call.id`, `msg.call` or `msg.callId`; '' for none. */
export function callIdOf(msg: Readonly<Record<string, unknown>>): string {
  const { call, callId } = msg;
  const named = isRecord(call) ? call.id : (call ?? callId);
  return typeof named === 'string' ? named.trim() : '';
}

/** A plain copy of a call's description: no two messages share one (MESSAGES, rule 3). */
export function copyCall(call: CallInfo): CallInfo {
  const { id, carrier, direction, from, to, startedAt, endedAt, parameters } = call;
  // Field by field: about half the time of `...call`, a hundred times a second.
  const copy: CallInfo = {
    id,
    carrier,
    direction,
    from,
    to,
    startedAt,
    parameters: { ...parameters },
    media: { encoding: 'mulaw', sampleRate: 8000 },
  };
  if (endedAt !== undefined) copy.endedAt = endedAt;
  return copy;
}

/**
 * A copy of a message that shares nothing mutable of ours with the original; payload Buffers are read-only by contract
 * and the flow's own fields are copied by reference, as Node-RED's first wire does.
 */
export function copyMessage(msg: VoiceMessage): VoiceMessage {
  // Of a call that a flow has touched only the id is certain.
  const { call } = msg;
  const copy: VoiceMessage = {
    ...msg,
    call: { ...call, parameters: { ...call.parameters }, media: { ...call.media } },
  };
  if (msg.utterance) copy.utterance = { ...msg.utterance };
  if (msg.timing) copy.timing = { ...msg.timing };
  if (msg.event) copy.event = { ...msg.event };
  if (msg.words) copy.words = msg.words.map((word) => ({ ...word }));
  return copy;
}

/** True for a plain object, as far as that can be seen. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Thrown by `readMessage`: the message cannot be placed in any call. */
export class NotAVoiceMessage extends Error {}

/**
 * Reads what came over a wire. A missing topic becomes `''` (text to speak); a malformed `utterance`, `timing` or
 * `words` is left off rather than believed.
 * @throws NotAVoiceMessage with words for the ops person if `msg.call.id` is missing.
 */
export function readMessage(raw: unknown): VoiceMessage {
  if (!isRecord(raw)) throw new NotAVoiceMessage('The message is not an object.');
  const call = raw.call;
  if (!isRecord(call) || typeof call.id !== 'string' || call.id === '') {
    throw new NotAVoiceMessage(
      'msg.call is missing: this message belongs to no call. It should have come from twilio-in or telnyx-in, or from a node that kept msg.call.',
    );
  }
  const msg = raw as VoiceMessage;
  if (typeof msg.topic !== 'string') msg.topic = '';
  if (msg.utterance !== undefined) {
    const utterance = readUtterance(msg.utterance);
    if (utterance) msg.utterance = utterance;
    else delete msg.utterance;
  }
  return msg;
}

const KINDS = new Set<string>(['reply', 'greeting', 'filler', 'notice', 'prompt']);

/** Reads `msg.utterance`; what is missing gets the harmless default, what has no id is none. */
export function readUtterance(value: unknown): UtteranceInfo | undefined {
  if (!isRecord(value) || typeof value.id !== 'string' || value.id === '') return undefined;
  const kind = typeof value.kind === 'string' && KINDS.has(value.kind) ? (value.kind as UtteranceKind) : 'reply';
  return {
    id: value.id,
    by: value.by === 'caller' ? 'caller' : 'agent',
    kind,
    seq: typeof value.seq === 'number' && Number.isFinite(value.seq) ? value.seq : 0,
    done: value.done === true,
    interruptible: value.interruptible !== false,
  };
}

/** Reads `msg.words`, leaving out what is not a word with times. */
export function readWords(value: unknown): Word[] {
  if (!Array.isArray(value)) return [];
  const words: Word[] = [];
  for (const item of value as unknown[]) {
    if (!isRecord(item) || typeof item.text !== 'string') continue;
    const { startMs, endMs } = item;
    if (typeof startMs !== 'number' || !Number.isFinite(startMs)) continue;
    words.push({ text: item.text, startMs, endMs: typeof endMs === 'number' && endMs >= startMs ? endMs : startMs });
  }
  return words;
}

/** Reads `msg.timing`: numbers only. */
export function readTiming(value: unknown): Timing {
  if (!isRecord(value)) return {};
  const timing: Timing = {};
  for (const name of ['speechEndedAt', 'transcriptAt', 'firstTokenAt', 'firstAudioAt'] as const) {
    const at = value[name];
    if (typeof at === 'number' && Number.isFinite(at)) timing[name] = at;
  }
  return timing;
}
