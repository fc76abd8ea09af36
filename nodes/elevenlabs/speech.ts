import type { Call } from '../call/call';
import { ContextSpeech } from '../call/tts/context-speech';
import type { ContextSpeechSettings, UtteranceSettings } from '../call/tts/context-speech';
import type { NodeSlot } from '../call/node-slot';
import type { Synthesis, SynthesisListener } from '../call/tts/session';
import { pool } from './pool';
import type { VoiceSettings } from './requests';
import type { ElevenLabsSocket, Endpoint } from './socket';
import { ElevenLabsSynthesis } from './synthesis';

/** The settings of an elevenlabs-tts node. */
export type ElevenLabsSettings = ContextSpeechSettings<Endpoint, VoiceSettings>;

/** What an elevenlabs-tts node keeps for one call. */
export class ElevenLabsSpeech extends ContextSpeech<Endpoint, ElevenLabsSocket, VoiceSettings> {
  constructor(call: Call, slot: NodeSlot<ElevenLabsSettings>) {
    super(call, slot, pool);
  }

  protected utter(settings: UtteranceSettings<VoiceSettings>, listener: SynthesisListener): Synthesis {
    return new ElevenLabsSynthesis(settings, listener);
  }
}
