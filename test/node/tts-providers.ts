/** The providers of text-to-speech, and what the stories of their nodes must know of each. */
import assert from 'node:assert/strict';
import { countPlaces } from '../../nodes/call/tts/places';
import cartesiaAccount from '../../nodes/cartesia/cartesia-account';
import cartesiaTts from '../../nodes/cartesia/cartesia-tts';
import { countSockets } from '../../nodes/cartesia/pool';
import elevenLabsAccount from '../../nodes/elevenlabs/elevenlabs-account';
import elevenLabsTts from '../../nodes/elevenlabs/elevenlabs-tts';
import { pool } from '../../nodes/elevenlabs/pool';
import { CartesiaSimulator } from '../../simulators/cartesia';
import { ElevenLabsSimulator } from '../../simulators/elevenlabs';
import type { Faults } from '../../simulators/faults';
import { until } from '../unit/call/utterance';
import { TtsStage } from './tts-stage';
import type { TtsUnderTest } from './tts-stage';

/** As much of a provider's simulator as the stories see. */
export interface Simulator {
  readonly url: string;
  readonly open: { readonly sockets: number; readonly contexts: number };
  readonly connections: readonly { readonly texts: readonly string[] }[];
  readonly contexts: readonly { readonly voice: string; readonly transcript: string }[];
  readonly faults: Pick<Faults, 'add'>;
  start(): Promise<unknown>;
  close(): Promise<void>;
}

export interface SimulatorOptions {
  /** How many times faster than speech audio is made. */
  pace?: number;
  chunkBytes?: number;
  /** How many utterances the plan allows at a time. */
  concurrency?: number;
}

/** A provider, with the simulator that stands for it. */
export interface TtsProvider<S extends Simulator = Simulator> {
  name: string;
  tts: TtsUnderTest;
  simulate(options: SimulatorOptions): S;
  /** How many calls share a socket. */
  callsOnASocket: number;
  /** What changes in the node's config with the voice. */
  otherVoice: Record<string, unknown>;
  /** How many places of the plan an utterance has in the moment in which it is cut. */
  placesHeldWhenCut: number;
  /** What is open on our side. */
  sockets(): { sockets: number; leases: number; contexts: number };
  /** What the simulator has spoken to its end. */
  spoken(simulator: S): string[];
  /** Resolves when all has come of two utterances that were cut. */
  afterTwoCuts(simulator: S): Promise<void>;
  /** What must hold of the simulator after each story. */
  always(simulator: S): void;
}

export const CARTESIA: TtsProvider<CartesiaSimulator> = {
  name: 'cartesia',
  tts: {
    register: [cartesiaAccount, cartesiaTts],
    type: 'cartesia-tts',
    accountType: 'cartesia-account',
    config: { voice: 'voice-1', options: '{}', headers: '{}', concurrency: 15 },
  },
  simulate: (options) => new CartesiaSimulator({ firstAudioMs: 20, pace: 20, ...options }),
  callsOnASocket: 10,
  otherVoice: { voice: 'voice-2', apiVersion: '2026-08-14' },
  placesHeldWhenCut: 0,
  sockets: countSockets,
  spoken: ({ contexts }) => contexts.filter(({ done }) => done).map(({ transcript }) => transcript),
  afterTwoCuts: ({ contexts }) => {
    assert.equal(contexts.filter(({ cancelled }) => cancelled).length, 2);
    return Promise.resolve();
  },
  always: () => undefined,
};

export const ELEVENLABS: TtsProvider<ElevenLabsSimulator> = {
  name: 'elevenlabs',
  tts: {
    register: [elevenLabsAccount, elevenLabsTts],
    type: 'elevenlabs-tts',
    accountType: 'elevenlabs-account',
    // As a node that was just dragged in and given an account.
    config: {
      voice: 'voice-1',
      model: 'eleven_flash_v2_5',
      language: 'en',
      stability: '',
      similarity: '',
      style: '',
      speed: '',
      speakerBoost: 'voice',
      concurrency: 10,
      options: '{}',
      headers: '{}',
    },
  },
  simulate: (options) => new ElevenLabsSimulator({ firstAudioMs: 20, pace: 20, finalAfterMs: 20, ...options }),
  callsOnASocket: 2,
  otherVoice: { voice: 'voice-2' },
  // ElevenLabs counts it until it is through with it.
  placesHeldWhenCut: 1,
  sockets: () => pool.count(),
  spoken: ({ contexts }) => contexts.filter(({ final }) => final).map(({ transcript }) => transcript.trim()),
  afterTwoCuts: ({ contexts }) => until('late audio has come', () => contexts.every(({ final }) => final)),
  always: ({ contexts }) => assert.ok(contexts.every(({ phantom }) => !phantom)),
};

export const PROVIDERS: readonly TtsProvider[] = [CARTESIA, ELEVENLABS];

/** A node at a simulator that has just been started. */
export async function stageFor<S extends Simulator>(
  provider: TtsProvider<S>,
  options: SimulatorOptions = {},
): Promise<TtsStage<S>> {
  const simulator = provider.simulate(options);
  await simulator.start();
  return new TtsStage(simulator, provider.tts);
}

/** All its calls end, and nothing of them is left. */
export async function strike<S extends Simulator>(provider: TtsProvider<S>, stage: TtsStage<S>): Promise<void> {
  for (const call of stage.calls) call.end('caller-hangup');
  await until('all sockets are closed', () => provider.sockets().sockets === 0);
  assert.deepEqual(provider.sockets(), { sockets: 0, leases: 0, contexts: 0 });
  assert.deepEqual(countPlaces(), { active: 0, waiting: 0 });
  provider.always(stage.simulator);
  await stage.simulator.close();
}
