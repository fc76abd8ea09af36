import type { NodeAPI } from 'node-red';
import { readInSettings } from '../call/carrier/in-settings';
import type { InSettings } from '../call/carrier/in-settings';
import { jsonObject, text, textMap } from '../call/settings';
import type { RawConfig } from '../call/settings';
import { telnyxAccountOf } from './account';
import type { TelnyxAccount } from './account';

/** `telnyx-in`, as deployed. */
export interface TelnyxInSettings extends InSettings {
  account: TelnyxAccount;
  /** Telnyx's own voice, and its language: says goodbye, that all is busy, and the last resort. */
  voice: string;
  language: string;
  /** Further fields of the `answer` command. */
  options: Record<string, unknown>;
  /** Further HTTP headers of our requests. */
  headers: Record<string, string>;
}

/** @throws SettingError in words for the ops person */
export function readTelnyxInSettings(RED: NodeAPI, config: RawConfig): TelnyxInSettings {
  return {
    ...readInSettings(config, '/telnyx/voice'),
    account: telnyxAccountOf(RED, config),
    voice: text(config, 'voice', 'female'),
    language: text(config, 'language', 'en-US'),
    options: jsonObject(config, 'options'),
    headers: textMap(config, 'headers'),
  };
}
