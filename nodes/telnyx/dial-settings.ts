import type { NodeAPI } from 'node-red';
import { readDialSettings } from '../call/dial/order';
import type { DialSettings } from '../call/dial/order';
import { choice, jsonObject, SettingError, text, textMap } from '../call/settings';
import type { RawConfig } from '../call/settings';
import { telnyxAccountOf } from './account';
import type { TelnyxAccount } from './account';

/** How Telnyx listens for an answering machine; `off`: not at all. It never holds up the call. */
export const DETECTIONS = ['off', 'detect', 'detect_beep', 'greeting_end', 'premium'] as const;
export type Detection = (typeof DETECTIONS)[number];

/** `telnyx-dial`, as deployed. */
export interface TelnyxDialSettings extends DialSettings {
  account: TelnyxAccount;
  /** The Voice API application that the numbers belong to: `connection_id` of a dial. */
  connectionId: string;
  detection: Detection;
  /** Further fields of the dial. */
  options: Record<string, unknown>;
  /** Further HTTP headers of the dial. */
  headers: Record<string, string>;
}

/** @throws SettingError in words for the ops person */
export function readTelnyxDialSettings(RED: NodeAPI, config: RawConfig): TelnyxDialSettings {
  const connectionId = text(config, 'connectionId');
  if (connectionId === '') {
    throw new SettingError('Enter the ID of the Voice API application, which the Telnyx portal shows.');
  }
  const detection = choice(config, 'detection', DETECTIONS, 'off');
  return {
    ...readDialSettings(config, { min: 5, max: 600 }, detection !== 'off'),
    account: telnyxAccountOf(RED, config),
    connectionId,
    detection,
    options: jsonObject(config, 'options'),
    headers: textMap(config, 'headers'),
  };
}
