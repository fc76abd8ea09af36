import { reportOf } from '../call-log';
import { gate } from '../heart';
import { copyCall, nextMessageId } from '../message';
import type { CallInfo, VoiceMessage } from '../message';
import type { NodeSlot } from '../node-slot';

/**
 * Tells something of a call that is over, by the in-node that it came to: to both its outputs.
 * @param topic `call.recording`, `call.transcription`, `call.ended`
 * @param info with `endedAt`
 */
export function tellAfterwards(
  slot: NodeSlot<unknown>,
  topic: string,
  payload: Readonly<Record<string, unknown>>,
  info: CallInfo,
): void {
  const entry = reportOf(topic, payload);
  if (entry) slot.log(entry.level, entry.event, info.id, entry.fields);
  const holder = {
    deliver: (output: number, msg: VoiceMessage) => slot.send(output, msg),
    takeUnseen: () => [],
    wasSeen: () => true,
  };
  const _msgid = nextMessageId();
  for (const output of [0, 1]) {
    gate.send(holder, output, { _msgid, topic, payload: structuredClone(payload), call: copyCall(info) });
  }
}
