import type { RecordingOrder, TranscriptionOrder } from '../carrier/control';
import { choice, flag, SettingError, text } from '../settings';
import type { RawConfig } from '../settings';

const TRACKS = ['both', 'inbound', 'outbound'] as const;

/**
 * How a recording is made, of an in-node's config, of a `call-control`'s, or of a message.
 * @throws SettingError in words for the ops person
 */
export function readRecordingOrder(config: RawConfig): RecordingOrder {
  const callbackUrl = text(config, 'recordingCallback');
  if (callbackUrl !== '' && !isHttp(callbackUrl)) {
    throw new SettingError('The URL for reports of the recording must begin with https://.');
  }
  return {
    channels: choice(config, 'recordingChannels', ['dual', 'mono'] as const, 'dual'),
    track: choice(config, 'recordingTrack', TRACKS, 'both'),
    trim: flag(config, 'recordingTrim', false),
    callbackUrl,
  };
}

/** How the carrier transcribes. @throws SettingError in words for the ops person */
export function readTranscriptionOrder(config: RawConfig): TranscriptionOrder {
  return {
    engine: text(config, 'transcriptionEngine'),
    model: text(config, 'transcriptionModel'),
    language: text(config, 'transcriptionLanguage'),
    track: choice(config, 'transcriptionTrack', TRACKS, 'both'),
  };
}

function isHttp(url: string): boolean {
  return URL.canParse(url) && ['https:', 'http:'].includes(new URL(url).protocol);
}
