import { validateHeaderName, validateHeaderValue } from 'node:http';
import { jsonObject, SettingError, textMap } from '../call/settings';
import type { RawConfig } from '../call/settings';

/** Headers that are the request's own. With another content or encoding the answer could not be read. */
const OUR_HEADERS = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'content-type',
  'host',
  'transfer-encoding',
]);

/**
 * Reads further fields of the request. Two are ours: without `stream` nobody would hear a word before the last one is written, and
 * with `store` the provider would keep what callers say.
 * @throws SettingError
 */
export function requestOptions(config: RawConfig): Record<string, unknown> {
  const options = jsonObject(config, 'options');
  if ('stream' in options && options.stream !== true) {
    throw new SettingError('options: stream is always true, for a reply is spoken while it is written. Leave it out.');
  }
  if ('store' in options && options.store !== false && options.store !== null) {
    throw new SettingError(
      'options: store is always false: what callers say is not kept by the provider. Leave it out.',
    );
  }
  return options;
}

/**
 * Reads further headers of the request. `authorization` is refused: keys belong in the account, where they are encrypted and in no export.
 * @throws SettingError
 */
export function requestHeaders(config: RawConfig): Record<string, string> {
  const headers = textMap(config, 'headers');
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() === 'authorization') {
      throw new SettingError('headers: authorization is made of the key in the account node. Put the key there.');
    }
    if (OUR_HEADERS.has(name.toLowerCase())) {
      throw new SettingError(`headers: "${name}" belongs to the connection and cannot be set.`);
    }
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      throw new SettingError(`headers: "${name}" or its value has characters that no header can have.`);
    }
  }
  return headers;
}
