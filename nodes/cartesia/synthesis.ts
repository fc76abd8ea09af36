import { ContextSynthesis } from '../call/tts/synthesis';
import type { Patience, SynthesisSettings as ContextSynthesisSettings } from '../call/tts/synthesis';
import type { SynthesisListener } from '../call/tts/session';
import { PROVIDER } from './events';
import type { VoiceSettings } from './requests';

/** A context expires a second after its last audio (contracts/cartesia.md, 1.2); until then it counts. */
const PATIENCE: Patience = { stallMs: 3_000, expiryMs: 1_000, doubtfulMs: 800, restMs: Infinity, backoffMs: 150 };

/** What an utterance is spoken with. */
export type SynthesisSettings = Omit<ContextSynthesisSettings<VoiceSettings>, 'provider' | 'pace' | 'patience'> & {
  patience?: Partial<Patience>;
};

/** One utterance at Cartesia. */
export class CartesiaSynthesis extends ContextSynthesis<VoiceSettings> {
  constructor(settings: SynthesisSettings, listener: SynthesisListener) {
    const { speed } = settings.voice;
    super(
      {
        ...settings,
        provider: PROVIDER,
        ...(speed !== undefined && { pace: speed }),
        patience: { ...PATIENCE, ...settings.patience },
      },
      listener,
    );
  }
}
