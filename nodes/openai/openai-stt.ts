import type { NodeAPI } from 'node-red';
import { accountOf } from '../call/account';
import { registerVoiceNode } from '../call/node';
import type { RawConfig } from '../call/settings';
import { SttSession } from '../call/stt/session';
import { IDLE } from '../call/stt/status';
import { OPENAI } from './realtime';
import { OPENAI_URL, readSettings } from './transcription-settings';
import type { TranscriptionSettings } from './transcription-settings';

/** Writes down what the caller says, while it is said, by OpenAI's Realtime transcription. */
export = (RED: NodeAPI): void =>
  registerVoiceNode<TranscriptionSettings>(RED, {
    type: 'openai-stt',
    settings: (config) => {
      const raw = config as unknown as RawConfig;
      return readSettings(raw, accountOf(RED, raw, 'openai-account', OPENAI_URL));
    },
    session: (call, slot) => new SttSession(call, slot, OPENAI),
    started: (slot) => {
      if (slot.sessions.size === 0) slot.show(IDLE);
    },
  });
