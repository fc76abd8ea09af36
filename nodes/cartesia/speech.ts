import type { Call } from '../call/call';
import { ContextSpeech } from '../call/tts/context-speech';
import type { ContextSpeechSettings, UtteranceSettings } from '../call/tts/context-speech';
import type { NodeSlot } from '../call/node-slot';
import type { Synthesis, SynthesisListener } from '../call/tts/session';
import { pool } from './pool';
import type { VoiceSettings } from './requests';
import type { CartesiaSocket, Endpoint } from './socket';
import { CartesiaSynthesis } from './synthesis';

/** The settings of a cartesia-tts node. */
export type CartesiaSettings = ContextSpeechSettings<Endpoint, VoiceSettings>;

/** What a cartesia-tts node keeps for one call. */
export class CartesiaSpeech extends ContextSpeech<Endpoint, CartesiaSocket, VoiceSettings> {
  constructor(call: Call, slot: NodeSlot<CartesiaSettings>) {
    super(call, slot, pool);
  }

  protected utter(settings: UtteranceSettings<VoiceSettings>, listener: SynthesisListener): Synthesis {
    return new CartesiaSynthesis(settings, listener);
  }
}
