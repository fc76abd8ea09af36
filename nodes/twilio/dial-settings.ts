import type { NodeAPI } from 'node-red';
import { readDialSettings } from '../call/dial/order';
import type { DialSettings } from '../call/dial/order';
import { choice, jsonObject, SettingError, textMap } from '../call/settings';
import type { RawConfig } from '../call/settings';
import { twilioAccountOf } from './account';
import type { TwilioAccount } from './account';

/** How Twilio listens for an answering machine; `off`: not at all. It never holds up the call. */
export const DETECTIONS = ['off', 'detect', 'detect_beep'] as const;
export type Detection = (typeof DETECTIONS)[number];

/** `twilio-dial`, as deployed. */
export interface TwilioDialSettings extends DialSettings {
  account: TwilioAccount;
  detection: Detection;
  /** Further parameters of the call. */
  options: Record<string, unknown>;
  /** Further HTTP headers of the dial. */
  headers: Record<string, string>;
}

/** @throws SettingError in words for the ops person */
export function readTwilioDialSettings(RED: NodeAPI, config: RawConfig): TwilioDialSettings {
  const detection = choice(config, 'detection', DETECTIONS, 'off');
  const account = twilioAccountOf(RED, config);
  if (account.accountSid === '') {
    throw new SettingError('The twilio-account has no Account SID: without it no call can be placed.');
  }
  return {
    ...readDialSettings(config, { min: 5, max: 600 }, detection !== 'off'),
    account,
    detection,
    options: jsonObject(config, 'options'),
    headers: textMap(config, 'headers'),
  };
}
