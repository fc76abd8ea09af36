import type { NodeAPI } from 'node-red';
import { readInSettings } from '../call/carrier/in-settings';
import type { InSettings } from '../call/carrier/in-settings';
import type { RawConfig } from '../call/settings';
import { twilioAccountOf } from './account';
import type { TwilioAccount } from './account';

/** `twilio-in`, as deployed. */
export interface TwilioInSettings extends InSettings {
  account: TwilioAccount;
}

/** @throws SettingError in words for the ops person */
export function readTwilioInSettings(RED: NodeAPI, config: RawConfig): TwilioInSettings {
  return { ...readInSettings(config, '/twilio/voice'), account: twilioAccountOf(RED, config) };
}
