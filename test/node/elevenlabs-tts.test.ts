/** What is of ElevenLabs alone; what every node of text-to-speech does is in tts.test.ts. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { ElevenLabsSimulator } from '../../simulators/elevenlabs';
import { ELEVENLABS, stageFor, strike } from './tts-providers';
import type { TtsStage } from './tts-stage';

describe('elevenlabs-tts, its dialog', function () {
  this.timeout(10_000);
  let stage: TtsStage<ElevenLabsSimulator>;

  beforeEach(async () => {
    stage = await stageFor(ELEVENLABS);
  });
  afterEach(() => strike(ELEVENLABS, stage));

  it('says the settings of the dialog, and only those that were set', async () => {
    const first = stage.call();
    stage.reply(first, 'u1', ['As it is.']);
    await stage.spoken(first, 'u1');
    stage.deploy({
      ...{ voice: 'voice-2', model: 'eleven_turbo_v2_5', language: 'de', stability: '0.4', similarity: 0.8 },
      ...{ style: '0', speed: '1.1', speakerBoost: 'off' },
      options: '{"seed":3,"voice_settings":{"speed":0.9},"generation_config":{"chunk_length_schedule":[50]}}',
      headers: '{"x-team":"voice"}',
    });
    stage.reply(first, 'u2', ['Otherwise.']);
    await stage.spoken(first, 'u2');
    const [plain, set2] = stage.simulator.connections;
    assert.ok(plain && set2);
    assert.deepEqual([plain.voice, plain.model, plain.language], ['voice-1', 'eleven_flash_v2_5', 'en']);
    assert.deepEqual(Object.keys(JSON.parse(plain.texts[0] ?? '{}') as object), ['text', 'context_id']);
    assert.deepEqual([set2.voice, set2.model, set2.language], ['voice-2', 'eleven_turbo_v2_5', 'de']);
    assert.match(set2.url, /[?&]seed=3(&|$)/);
    const opening = JSON.parse(set2.texts[0] ?? '{}') as Record<string, unknown>;
    assert.deepEqual(opening.voice_settings, {
      ...{ stability: 0.4, similarity_boost: 0.8, style: 0, speed: 0.9 },
      use_speaker_boost: false,
    });
    assert.deepEqual(opening.generation_config, { chunk_length_schedule: [50] });
    assert.deepEqual(stage.node.errors, []);
  });

  for (const [property, value, words] of [
    ['stability', '2', /stability must be a number from 0 to 1/],
    ['speed', '1.5', /speed must be a number from 0.7 to 1.2/],
    ['speakerBoost', 'maybe', /speakerBoost must be one of/],
    ['voice', '', /voice is missing/],
    ['options', '[]', /options must be a JSON object/],
    ['concurrency', '0', /concurrency must be a number from 1/],
  ] as const) {
    it(`says what is wrong with ${property}: ${value === '' ? 'nothing' : value}`, () => {
      stage.deploy({ [property]: value });
      const call = stage.call();
      stage.reply(call, 'u1', ['Hello.']);
      assert.match(stage.node.errors.map(({ err }) => err.message).join(), words);
      assert.equal(stage.simulator.connections.length, 0);
    });
  }
});
