/** What the tests of this folder share: an utterance at the simulator, and what came of it. */
import assert from 'node:assert/strict';
import { once, EventEmitter } from 'node:events';
import type { ProviderError } from '../../../nodes/call/errors';
import type { Word } from '../../../nodes/call/message';
import { Places } from '../../../nodes/call/places';
import type { SynthesisListener } from '../../../nodes/call/tts-session';
import { countSockets, lease } from '../../../nodes/cartesia/pool';
import type { Lease } from '../../../nodes/cartesia/pool';
import type { VoiceSettings } from '../../../nodes/cartesia/requests';
import type { Endpoint } from '../../../nodes/cartesia/socket';
import { CartesiaSynthesis } from '../../../nodes/cartesia/synthesis';
import type { SynthesisSettings } from '../../../nodes/cartesia/synthesis';
import { hearWords, WordDecoder } from '../../../simulators/audio';
import { SIMULATOR_KEY } from '../../../simulators/loopback';

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

/** Everything that came of one utterance. */
export class Utterance extends EventEmitter implements SynthesisListener {
  chunks: Buffer[] = [];
  words: Word[] = [];
  troubles: ProviderError[] = [];
  error: ProviderError | undefined;
  isDone = false;
  synthesis!: CartesiaSynthesis;

  audio(chunk: Buffer, words: Word[]): void {
    assert.ok(!this.isDone && !this.error, 'nothing comes after the end');
    this.chunks.push(chunk);
    this.words.push(...words);
    this.emit('audio');
  }

  done(): void {
    assert.ok(!this.isDone && !this.error, 'one end');
    this.isDone = true;
    this.emit('end');
  }

  trouble(err: ProviderError): void {
    this.troubles.push(err);
    this.emit('trouble');
  }

  failed(err: ProviderError): void {
    assert.ok(!this.isDone && !this.error, 'one end');
    this.error = err;
    this.emit('end');
  }

  say(...pieces: string[]): this {
    for (const piece of pieces) this.synthesis.say(piece);
    return this;
  }

  async end(): Promise<this> {
    this.synthesis.end();
    if (!this.isDone && !this.error) await once(this, 'end');
    return this;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** What a caller would hear. */
  get heard(): string {
    return hearWords(this.bytes);
  }

  get audioMs(): number {
    return this.bytes.length / 8;
  }

  get timed(): string {
    return this.words.map((word) => word.text).join(' ');
  }

  /** Every word's times say where it is in the audio, within so many ms. */
  assertTimesAreTrue(withinMs = 0): void {
    const decoder = new WordDecoder();
    decoder.push(this.bytes);
    const { words } = decoder;
    assert.equal(this.timed, words.map((word) => word.text).join(' '));
    this.words.forEach(({ text, startMs }, i) => {
      const at = words[i]?.offsetMs ?? NaN;
      assert.ok(Math.abs(startMs - at) <= withinMs + 0.5, `${text} at ${at}, not ${startMs}`);
    });
  }
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

/** Waits for something that is bound to become true; fails with words if it does not. */
export async function until(what: string, condition: () => boolean, ms = 3000): Promise<void> {
  const by = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > by) assert.fail(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function nothingIsLeft(): Promise<void> {
  await until('all sockets are closed', () => countSockets().sockets === 0);
  assert.deepEqual(countSockets(), { sockets: 0, leases: 0, contexts: 0 });
}
