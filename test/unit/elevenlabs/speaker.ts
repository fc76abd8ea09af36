/** What the tests of this folder share: a call that speaks at the simulator. */
import assert from 'node:assert/strict';
import { Places } from '../../../nodes/call/places';
import { pool } from '../../../nodes/elevenlabs/pool';
import type { Lease } from '../../../nodes/elevenlabs/pool';
import { keepAliveEveryMs, socketPath } from '../../../nodes/elevenlabs/requests';
import type { VoiceSettings } from '../../../nodes/elevenlabs/requests';
import type { Endpoint } from '../../../nodes/elevenlabs/socket';
import { ElevenLabsSynthesis } from '../../../nodes/elevenlabs/synthesis';
import type { ElevenLabsUtterance } from '../../../nodes/elevenlabs/synthesis';
import { SIMULATOR_KEY } from '../../../simulators/loopback';
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

export class Speaker {
  readonly lease: Lease;
  readonly places = new Places();
  readonly utterances: Utterance[] = [];

  constructor(
    at: Endpoint,
    private readonly settings: Partial<ElevenLabsUtterance> = {},
  ) {
    this.lease = pool.lease(at);
  }

  begin(more: Partial<ElevenLabsUtterance> = {}): Utterance {
    const utterance = new Utterance();
    this.utterances.push(utterance);
    utterance.synthesis = new ElevenLabsSynthesis(
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

  async speak(text: string, more: Partial<ElevenLabsUtterance> = {}): Promise<Utterance> {
    return this.begin(more).say(text).end();
  }

  leave(): void {
    for (const utterance of this.utterances) utterance.synthesis.cancel();
    this.lease.release();
    assert.deepEqual({ active: this.places.active, waiting: this.places.waiting }, { active: 0, waiting: 0 });
  }
}

export async function nothingIsLeft(): Promise<void> {
  await until('all sockets are closed', () => pool.count().sockets === 0);
  assert.deepEqual(pool.count(), { sockets: 0, leases: 0, contexts: 0 });
}
