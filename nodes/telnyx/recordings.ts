import type { RecordedAudio } from '../call/carrier/control';
import { ProviderError } from '../call/errors';
import { asObject } from '../call/carrier/media-socket';
import { fetchAudio } from '../call/carrier/recorded-audio';
import type { TelnyxRest } from './rest';
import { textOf } from './webhook';

const RECORDING_ID = /^[A-Za-z0-9-]{1,64}$/;
/** Where Telnyx keeps recordings: a bucket of its own at Amazon, reached by links that are signed (public docs, storing-call-recordings). */
const STORES = [
  /(^|\.)telnyx\.com$/,
  /(^|\.)telnyxcloudstorage\.com$/,
  /^(?:[a-z0-9.-]+\.)?s3[a-z0-9.-]*\.amazonaws\.com$/,
];

/**
 * The recordings of an account. The links of a report are good for ten minutes and never asked for here: each time the API is asked,
 * with the key, for a new one; and the file is fetched by that without the key, which Amazon has no business to see.
 */
export class TelnyxRecordings {
  /** @param baseUrl of the API, as deployed now */
  constructor(
    private readonly rest: TelnyxRest,
    private readonly baseUrl: () => string,
  ) {}

  /** @throws ProviderError by rejection */
  async fetch(recordingId: unknown): Promise<RecordedAudio> {
    const data = await this.rest.recording(checkedId(recordingId));
    const urls = asObject(data.download_urls) ?? {};
    const url = textOf(urls, 'wav') || textOf(urls, 'mp3');
    if (!this.isStore(url)) {
      const words =
        /^https?:\/\//.test(url) || url === ''
          ? 'Telnyx names no place of its own for the recording'
          : 'the recording lies in a storage of your own';
      throw new ProviderError('telnyx', 'carrier', words, { advice: ': fetch it from there.' });
    }
    return fetchAudio({
      provider: 'telnyx',
      url,
      headers: {},
      refusal: (status) =>
        new ProviderError('telnyx', 'carrier', `the storage of the recording answered ${status}`, { code: status }),
    });
  }

  /** That it is gone already is right, too. */
  delete(recordingId: unknown): Promise<void> {
    return this.rest.deleteRecording(checkedId(recordingId));
  }

  /**
   * The id of a recording that a webhook tells of. It stands in what Telnyx sends, though not in what it promises; else it is
   * looked up by the call's leg and the time.
   * @throws ProviderError by rejection
   */
  async idOf(payload: Readonly<Record<string, unknown>>): Promise<string> {
    const told = textOf(payload, 'recording_id');
    if (told !== '') return told;
    const startedAt = Date.parse(textOf(payload, 'recording_started_at'));
    const all = await this.rest.recordingsOf(textOf(payload, 'call_leg_id'));
    const found = all.find((each) => Date.parse(textOf(each, 'recording_started_at')) === startedAt);
    const id = textOf(found ?? {}, 'id');
    if (id !== '') return id;
    throw new ProviderError('telnyx', 'carrier', 'Telnyx does not know the recording that it has told of', {
      advice: '.',
    });
  }

  private isStore(url: string): boolean {
    if (!URL.canParse(url)) return false;
    const { protocol, hostname } = new URL(url);
    const own = new URL(this.baseUrl());
    // A simulator, or a proxy that serves both.
    if (hostname === own.hostname && protocol === own.protocol) return true;
    return protocol === 'https:' && STORES.some((each) => each.test(hostname));
  }
}

function checkedId(id: unknown): string {
  if (typeof id === 'string' && RECORDING_ID.test(id)) return id;
  const words = 'there is no recording to be had: msg.payload.recordingId must be one of Telnyx’s';
  throw new ProviderError('telnyx', 'settings', words, { advice: ', as in call.recording.' });
}
