/** What the tests of all text-to-speech share: a call that speaks at a simulator. */
import assert from 'node:assert/strict';
import { Places } from '../../../nodes/call/tts/places';
import type { Synthesis } from '../../../nodes/call/tts/session';
import { Utterance } from './utterance';

/** A call that speaks; a provider's tests say how. */
export abstract class CallSpeaker<Lease extends { release(): void }, Settings> {
  readonly places = new Places();
  readonly utterances: Utterance[] = [];

  constructor(
    readonly lease: Lease,
    private readonly settings: Partial<Settings>,
  ) {}

  /** @param settings those that are not as usual */
  protected abstract synthesise(settings: Partial<Settings>, utterance: Utterance): Synthesis;

  /** What is the same for every provider. */
  protected usual() {
    const { lease, places } = this;
    return { lease, places, concurrency: 15, firstAudioMs: 3_000, urgent: () => true };
  }

  begin(more: Partial<Settings> = {}): Utterance {
    const utterance = new Utterance();
    this.utterances.push(utterance);
    utterance.synthesis = this.synthesise({ ...this.settings, ...more }, utterance);
    return utterance;
  }

  async speak(text: string, more: Partial<Settings> = {}): Promise<Utterance> {
    return this.begin(more).say(text).end();
  }

  leave(): void {
    for (const utterance of this.utterances) utterance.synthesis.cancel();
    this.lease.release();
    assert.deepEqual({ active: this.places.active, waiting: this.places.waiting }, { active: 0, waiting: 0 });
  }
}
