/** What the tests of this folder share: a call that speaks at the simulator. */
import assert from 'node:assert/strict';
import { Places } from '../../../nodes/call/places';
import { countSockets, lease } from '../../../nodes/cartesia/pool';
import type { Lease } from '../../../nodes/cartesia/pool';
import type { VoiceSettings } from '../../../nodes/cartesia/requests';
import type { Endpoint } from '../../../nodes/cartesia/socket';
import { CartesiaSynthesis } from '../../../nodes/cartesia/synthesis';
import type { SynthesisSettings } from '../../../nodes/cartesia/synthesis';
import { SIMULATOR_KEY } from '../../../simulators/loopback';
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

export class Speaker {
  readonly lease: Lease;
  readonly places = new Places();
  readonly utterances: Utterance[] = [];

  constructor(
    at: Endpoint,
    private readonly settings: Partial<SynthesisSettings> = {},
  ) {
    this.lease = lease(at);
  }

  begin(more: Partial<SynthesisSettings> = {}): Utterance {
    const utterance = new Utterance();
    this.utterances.push(utterance);
    utterance.synthesis = new CartesiaSynthesis(
      {
        lease: this.lease,
        voice: VOICE,
        places: this.places,
        concurrency: 15,
        firstAudioMs: 3000,
        urgent: () => true,
        ...this.settings,
        ...more,
      },
      utterance,
    );
    return utterance;
  }

  async speak(text: string, more: Partial<SynthesisSettings> = {}): Promise<Utterance> {
    return this.begin(more).say(text).end();
  }

  leave(): void {
    for (const utterance of this.utterances) utterance.synthesis.cancel();
    this.lease.release();
    assert.deepEqual({ active: this.places.active, waiting: this.places.waiting }, { active: 0, waiting: 0 });
  }
}

export async function nothingIsLeft(): Promise<void> {
  await until('all sockets are closed', () => countSockets().sockets === 0);
  assert.deepEqual(countSockets(), { sockets: 0, leases: 0, contexts: 0 });
}
