/** What the tests of this folder share: a call that speaks at the simulator. */
import assert from 'node:assert/strict';
import { countSockets, lease } from '../../../nodes/cartesia/pool';
import type { Lease } from '../../../nodes/cartesia/pool';
import type { VoiceSettings } from '../../../nodes/cartesia/requests';
import type { Endpoint } from '../../../nodes/cartesia/socket';
import { CartesiaSynthesis } from '../../../nodes/cartesia/synthesis';
import type { SynthesisSettings } from '../../../nodes/cartesia/synthesis';
import { SIMULATOR_KEY } from '../../../simulators/loopback';
import { CallSpeaker } from '../call/speaker';
import { until, Utterance } from '../call/utterance';

export { until, Utterance };

export const VOICE: VoiceSettings = {
  voice: 'voice-1',
  model: 'sonic-3.5',
  language: 'en',
  apiVersion: '2026-03-01',
  options: {},
};

export function endpoint(baseUrl: string, more: Partial<Endpoint> = {}): Endpoint {
  return { baseUrl, apiKey: SIMULATOR_KEY, apiVersion: '2026-03-01', headers: {}, ...more };
}

export class Speaker extends CallSpeaker<Lease, SynthesisSettings> {
  constructor(at: Endpoint, settings: Partial<SynthesisSettings> = {}) {
    super(lease(at), settings);
  }

  protected synthesise(settings: Partial<SynthesisSettings>, utterance: Utterance): CartesiaSynthesis {
    return new CartesiaSynthesis({ ...this.usual(), voice: VOICE, ...settings }, utterance);
  }
}

export async function nothingIsLeft(): Promise<void> {
  await until('all sockets are closed', () => countSockets().sockets === 0);
  assert.deepEqual(countSockets(), { sockets: 0, leases: 0, contexts: 0 });
}
