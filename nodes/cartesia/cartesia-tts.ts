import type { NodeAPI } from 'node-red';
import { accountOf } from '../call/account';
import { registerVoiceNode } from '../call/node';
import { asWebSocketUrl, jsonObject, number, optionalNumber, SettingError, text, textMap } from '../call/settings';
import type { RawConfig } from '../call/settings';
import { CartesiaSpeech } from './speech';
import type { CartesiaSettings } from './speech';

const OWN_URL = 'https://api.cartesia.ai';
/** What the plan "Scale" allows (contracts/cartesia.md, 1.5). */
const CONCURRENCY = 15;

/** Reads the node's config. @throws SettingError in words for the ops person */
function readSettings(RED: NodeAPI, config: RawConfig): CartesiaSettings {
  const account = accountOf(RED, config, 'cartesia-account', OWN_URL);
  const voice = text(config, 'voice');
  if (voice === '') throw new SettingError('voice is missing: choose one of the account, by its id.');
  const apiVersion = text(config, 'apiVersion', '2026-03-01');
  const speed = optionalNumber(config, 'speed', 0.6, 1.5);
  return {
    account,
    endpoint: {
      baseUrl: asWebSocketUrl(account.baseUrl),
      apiKey: account.apiKey,
      apiVersion,
      headers: textMap(config, 'headers'),
    },
    voice: {
      voice,
      model: text(config, 'model', 'sonic-3.5'),
      language: text(config, 'language', 'en'),
      ...(speed !== undefined && { speed }),
      apiVersion,
      options: jsonObject(config, 'options'),
    },
    concurrency: Math.floor(number(config, 'concurrency', CONCURRENCY, 1, 10_000)),
  };
}

export = (RED: NodeAPI): void =>
  registerVoiceNode<CartesiaSettings>(RED, {
    type: 'cartesia-tts',
    settings: (config, _node, api) => readSettings(api, config as unknown as RawConfig),
    session: (call, slot) => new CartesiaSpeech(call, slot),
  });
