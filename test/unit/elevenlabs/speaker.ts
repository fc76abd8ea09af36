/** What the tests of this folder share: a call that speaks at the simulator. */
import assert from 'node:assert/strict';
import { pool } from '../../../nodes/elevenlabs/pool';
import type { Lease } from '../../../nodes/elevenlabs/pool';
import { keepAliveEveryMs, socketPath } from '../../../nodes/elevenlabs/requests';
import type { VoiceSettings } from '../../../nodes/elevenlabs/requests';
import type { Endpoint } from '../../../nodes/elevenlabs/socket';
import { ElevenLabsSynthesis } from '../../../nodes/elevenlabs/synthesis';
import type { ElevenLabsUtterance } from '../../../nodes/elevenlabs/synthesis';
import { SIMULATOR_KEY } from '../../../simulators/loopback';
import { CallSpeaker } from '../call/speaker';
import { until, Utterance } from '../call/utterance';

export { until, Utterance };

export const VOICE: VoiceSettings = {
  voice: 'voice-1',
  model: 'eleven_flash_v2_5',
  language: 'en',
  tone: {},
  options: {},
};

export function endpoint(baseUrl: string, voice: VoiceSettings = VOICE, more: Partial<Endpoint> = {}): Endpoint {
  return {
    baseUrl,
    path: socketPath(voice),
    apiKey: SIMULATOR_KEY,
    headers: {},
    keepAliveMs: keepAliveEveryMs(voice),
    ...more,
  };
}

export class Speaker extends CallSpeaker<Lease, ElevenLabsUtterance> {
  constructor(at: Endpoint, settings: Partial<ElevenLabsUtterance> = {}) {
    super(pool.lease(at), settings);
  }

  protected synthesise(settings: Partial<ElevenLabsUtterance>, utterance: Utterance): ElevenLabsSynthesis {
    return new ElevenLabsSynthesis({ ...this.usual(), voice: VOICE, ...settings }, utterance);
  }
}

export async function nothingIsLeft(): Promise<void> {
  await until('all sockets are closed', () => pool.count().sockets === 0);
  assert.deepEqual(pool.count(), { sockets: 0, leases: 0, contexts: 0 });
}
