import type { NodeAPI } from 'node-red';
import { accountOf } from '../call/account';
import { registerVoiceNode } from '../call/node';
import {
  asWebSocketUrl,
  choice,
  jsonObject,
  number,
  optionalNumber,
  SettingError,
  text,
  textMap,
} from '../call/settings';
import type { RawConfig } from '../call/settings';
import { keepAliveEveryMs, socketPath } from './requests';
import type { VoiceSettings } from './requests';
import { ElevenLabsSpeech } from './speech';
import type { ElevenLabsSettings } from './speech';

const OWN_URL = 'https://api.elevenlabs.io';
/** What the plan "Creator" allows with the fast models. */
const CONCURRENCY = 10;

/** Only what was set: the rest is the voice's own. */
function readTone(config: RawConfig): VoiceSettings['tone'] {
  const tone: Record<string, number | boolean> = {};
  const set = (field: string, name: string, min: number, max: number): void => {
    const value = optionalNumber(config, name, min, max);
    if (value !== undefined) tone[field] = value;
  };
  set('stability', 'stability', 0, 1);
  set('similarity_boost', 'similarity', 0, 1);
  set('style', 'style', 0, 1);
  set('speed', 'speed', 0.7, 1.2);
  const boost = choice(config, 'speakerBoost', ['voice', 'on', 'off'], 'voice');
  if (boost !== 'voice') tone.use_speaker_boost = boost === 'on';
  return tone;
}

/** Reads the node's config. @throws SettingError in words for the ops person */
function readSettings(RED: NodeAPI, config: RawConfig): ElevenLabsSettings {
  const account = accountOf(RED, config, 'elevenlabs-account', OWN_URL);
  const voice = text(config, 'voice');
  if (voice === '') throw new SettingError('voice is missing: choose one of the account, by its id.');
  const settings: VoiceSettings = {
    voice,
    model: text(config, 'model', 'eleven_flash_v2_5'),
    language: text(config, 'language'),
    tone: readTone(config),
    options: jsonObject(config, 'options'),
  };
  return {
    account,
    endpoint: {
      baseUrl: asWebSocketUrl(account.baseUrl),
      path: socketPath(settings),
      apiKey: account.apiKey,
      headers: textMap(config, 'headers'),
      keepAliveMs: keepAliveEveryMs(settings),
    },
    voice: settings,
    concurrency: Math.floor(number(config, 'concurrency', CONCURRENCY, 1, 10_000)),
  };
}

export = (RED: NodeAPI): void =>
  registerVoiceNode<ElevenLabsSettings>(RED, {
    type: 'elevenlabs-tts',
    settings: (config, _node, api) => readSettings(api, config as unknown as RawConfig),
    session: (call, slot) => new ElevenLabsSpeech(call, slot),
  });
