import type { Account } from '../call/account';
import {
  asWebSocketUrl,
  flag,
  jsonObject,
  number,
  optionalNumber,
  SettingError,
  text,
  textMap,
} from '../call/settings';
import type { RawConfig } from '../call/settings';
import type { ListenSettings } from './listen';

/** Deepgram's own address. */
export const DEEPGRAM_URL = 'wss://api.deepgram.com';

/**
 * Reads the config of a deepgram-stt node into what a listener needs: model names that begin with `flux-` use v2, all
 * others v1. `options` are further query parameters and win over ours; a list repeats its parameter.
 * @throws SettingError for what cannot work
 */
export function readSettings(config: RawConfig, account: Account): ListenSettings {
  const model = text(config, 'model', 'nova-3');
  const flux = model.startsWith('flux-');
  const query = new URLSearchParams({ model, encoding: 'mulaw', sample_rate: '8000' });
  if (flux) addFlux(query, config, model);
  else addNova(query, config);
  for (const term of list(config, 'keyterms', /\r?\n/)) query.append('keyterm', term);
  addOptions(query, jsonObject(config, 'options'));
  const base = account.baseUrl === '' ? DEEPGRAM_URL : asWebSocketUrl(account.baseUrl);
  return {
    url: `${base}/${flux ? 'v2' : 'v1'}/listen?${query.toString()}`,
    headers: lowerCase(textMap(config, 'headers')),
    apiKey: account.apiKey,
    flux,
    endpointingMs: milliseconds(query.get('endpointing')),
    utteranceEndMs: milliseconds(query.get('utterance_end_ms')),
  };
}

function addNova(query: URLSearchParams, config: RawConfig): void {
  query.set('channels', '1');
  query.set('language', text(config, 'language', 'en'));
  query.set('interim_results', 'true');
  query.set('vad_events', 'true');
  query.set('endpointing', String(number(config, 'endpointing', 300, 0, 10_000)));
  query.set('utterance_end_ms', String(number(config, 'utteranceEndMs', 1_000, 1_000, 5_000)));
  query.set('smart_format', String(flag(config, 'smartFormat', true)));
}

function addFlux(query: URLSearchParams, config: RawConfig, model: string): void {
  const threshold = optionalNumber(config, 'eotThreshold', 0.5, 1);
  const eager = optionalNumber(config, 'eagerEotThreshold', 0.3, 0.9);
  const timeoutMs = optionalNumber(config, 'eotTimeoutMs', 500, 60_000);
  if (eager !== undefined && eager > (threshold ?? 0.7)) {
    throw new SettingError(`eagerEotThreshold must not be above eotThreshold (${threshold ?? 0.7}).`);
  }
  if (threshold !== undefined) query.set('eot_threshold', String(threshold));
  if (eager !== undefined) query.set('eager_eot_threshold', String(eager));
  if (timeoutMs !== undefined) query.set('eot_timeout_ms', String(timeoutMs));
  // The English model refuses hints; `multi` means any language, that is: no hint.
  if (!model.endsWith('-multi')) return;
  for (const hint of list(config, 'language', ',')) if (hint !== 'multi') query.append('language_hint', hint);
}

function addOptions(query: URLSearchParams, options: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(options)) {
    query.delete(name);
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof one !== 'string' && typeof one !== 'number' && typeof one !== 'boolean') {
        throw new SettingError(
          `options: the value of "${name}" must be text, a number, true or false, or a list of these.`,
        );
      }
      query.append(name, String(one));
    }
  }
}

function list(config: RawConfig, name: string, separator: RegExp | string): string[] {
  return text(config, name)
    .split(separator)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** A header that the user gives replaces ours, however it is written. */
function lowerCase(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function milliseconds(value: string | null): number | undefined {
  const read = Number(value);
  return value === null || !Number.isFinite(read) ? undefined : read;
}
