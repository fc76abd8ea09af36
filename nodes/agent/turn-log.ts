import type { LogFields } from '../call/log-line';
import type { Timing } from '../call/message';
import { MASKED } from '../call/privacy';
import type { TurnReport } from './turn';

/**
 * What the log says of a turn, at debug (docs/LOGS.md): where the time went, and the words.
 * @param isPrivate then no words: what the caller said is masked already, and the agent may have repeated it
 */
export function turnFields(report: TurnReport, timing: Timing, isPrivate: boolean): LogFields {
  const { user, agent, utteranceId, usage, error } = report;
  const { speechEndedAt, transcriptAt, firstTokenAt, firstAudioAt } = timing;
  return {
    utterance: utteranceId,
    cut: agent.cut,
    transcriptMs: between(speechEndedAt, transcriptAt),
    modelMs: between(transcriptAt, firstTokenAt),
    speechMs: between(firstTokenAt, firstAudioAt),
    responseMs: between(speechEndedAt ?? transcriptAt, firstAudioAt),
    inputTokens: usage?.inputTokens,
    outputTokens: usage?.outputTokens,
    error: error?.cause,
    user: isPrivate ? MASKED : user,
    heard: isPrivate ? MASKED : agent.heard,
  };
}

function between(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : to - from;
}
