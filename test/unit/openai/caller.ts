/** A caller whom OpenAI listens to. */
import { SIMULATOR_KEY } from '../../../simulators/loopback';
import { OPENAI } from '../../../nodes/openai/realtime';
import { readSettings } from '../../../nodes/openai/transcription-settings';
import type { TranscriptionSettings } from '../../../nodes/openai/transcription-settings';
import { SttCaller } from '../call/stt-caller';

export function settings(
  url: string,
  config: Record<string, unknown> = {},
  apiKey = SIMULATOR_KEY,
): TranscriptionSettings {
  return readSettings(config, { id: 'account', name: '', baseUrl: url, apiKey });
}

export class Caller extends SttCaller<TranscriptionSettings> {
  constructor(settings: TranscriptionSettings) {
    super(OPENAI, settings);
  }
}

/** The three ways in which the end of a turn is found. */
export const WAYS: { name: string; config: Record<string, unknown> }[] = [
  { name: 'server VAD', config: {} },
  { name: 'semantic VAD', config: { turnDetection: 'semantic' } },
  { name: 'energy gate', config: { model: 'gpt-live-transcribe' } },
];
