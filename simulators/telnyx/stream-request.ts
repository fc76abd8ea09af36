import { isObject } from '../loopback';
import { errors } from './errors';
import { text, type Body } from './fields';

/** What a command asks of a media stream, with Telnyx's defaults (contracts/telnyx.md sections 3.2 and 4). */
export interface StreamRequest {
  url: string;
  track: 'inbound_track' | 'outbound_track' | 'both_tracks';
  /** Of what the application hears; `default`: the call's own. */
  codec: string;
  /** `mp3` is the default, and the most common mistake. */
  mode: 'mp3' | 'rtp';
  /** Of what the application says. */
  bidirectionalCodec: string;
  authToken: string | undefined;
  customParameters: Record<string, string>;
}

/** Reads a checked body; undefined: it asks for no stream. Throws a TelnyxError if the parameters are wrong. */
export function streamRequest(body: Body): StreamRequest | undefined {
  const url = text(body, 'stream_url');
  if (url === undefined) return undefined;
  const track = text(body, 'stream_track');
  return {
    url,
    track: track === 'outbound_track' || track === 'both_tracks' ? track : 'inbound_track',
    codec: text(body, 'stream_codec') ?? 'default',
    mode: text(body, 'stream_bidirectional_mode') === 'rtp' ? 'rtp' : 'mp3',
    bidirectionalCodec: text(body, 'stream_bidirectional_codec') ?? 'PCMU',
    authToken: text(body, 'stream_auth_token'),
    customParameters: parameters(body['custom_parameters']),
  };
}

function parameters(list: unknown): Record<string, string> {
  const result: Record<string, string> = {};
  if (!Array.isArray(list)) return result;
  for (const each of list as unknown[]) {
    const { name, value } = isObject(each) ? each : {};
    if (typeof name !== 'string' || typeof value !== 'string')
      throw errors.invalid('Each custom parameter needs a name and a value.', '/custom_parameters');
    result[name] = value;
  }
  return result;
}
