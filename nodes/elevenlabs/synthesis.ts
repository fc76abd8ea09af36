import { ContextSynthesis } from '../call/tts/synthesis';
import type { Patience } from '../call/tts/synthesis';
import type { UtteranceSettings } from '../call/tts/context-speech';
import type { SynthesisListener } from '../call/tts/session';
import { PROVIDER } from './errors';
import type { VoiceSettings } from './requests';

/**
 * A context is kept alive while it waits for text, but not for ever: it is one of five. The plan counts contexts that make
 * audio, not those that wait.
 */
const PATIENCE: Patience = {
  stallMs: 3_000,
  expiryMs: 30_000,
  doubtfulMs: Infinity,
  restMs: 1_000,
  backoffMs: 150,
};

/** What an utterance is spoken with. */
export type ElevenLabsUtterance = UtteranceSettings<VoiceSettings> & { patience?: Partial<Patience> };

/** One utterance at ElevenLabs. */
export class ElevenLabsSynthesis extends ContextSynthesis<VoiceSettings> {
  constructor(settings: ElevenLabsUtterance, listener: SynthesisListener) {
    const { speed } = settings.voice.tone;
    super(
      {
        ...settings,
        provider: PROVIDER,
        ...(typeof speed === 'number' && { pace: speed }),
        patience: { ...PATIENCE, ...settings.patience },
      },
      listener,
    );
  }
}
