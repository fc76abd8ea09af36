import type { NodeAPI } from 'node-red';
import { accountOf } from '../call/account';
import { registerVoiceNode } from '../call/node';
import type { RawConfig } from '../call/settings';
import { SttSession } from '../call/stt/session';
import { IDLE } from '../call/stt/status';
import { DEEPGRAM } from './connection';
import type { ListenSettings } from './listen';
import { DEEPGRAM_URL, readSettings } from './stt-settings';

/** Writes down what the caller says, while it is said, by Deepgram: v1 (Nova) or v2 (Flux), as the model's name says. */
export = (RED: NodeAPI): void =>
  registerVoiceNode<ListenSettings>(RED, {
    type: 'deepgram-stt',
    settings: (config) => {
      const raw = config as unknown as RawConfig;
      return readSettings(raw, accountOf(RED, raw, 'deepgram-account', DEEPGRAM_URL));
    },
    session: (call, slot) => new SttSession(call, slot, DEEPGRAM),
    started: (slot) => {
      if (slot.sessions.size === 0) slot.show(IDLE);
    },
  });
