/** A caller whom Deepgram listens to. */
import { SIMULATOR_KEY } from '../../../simulators/loopback';
import { DEEPGRAM } from '../../../nodes/deepgram/connection';
import type { ListenSettings } from '../../../nodes/deepgram/listen';
import { readSettings } from '../../../nodes/deepgram/stt-settings';
import { SttCaller } from '../call/stt-caller';

export function settings(url: string, config: Record<string, unknown> = {}, apiKey = SIMULATOR_KEY): ListenSettings {
  return readSettings(config, { id: 'account', name: '', baseUrl: url, apiKey });
}

export class Caller extends SttCaller<ListenSettings> {
  constructor(settings: ListenSettings) {
    super(DEEPGRAM, settings);
  }
}
