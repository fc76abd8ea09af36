import type { RecordedAudio } from './control';
import { ProviderError } from '../errors';

/** Four hours of two channels as carriers make them do not come near this; a longer answer is given up, bytes. */
export const MAX_RECORDING_BYTES = 268_435_456;
/** From the request to the last byte, ms. */
const TIMEOUT_MS = 120_000;

/** One request for a recording's sound. */
export interface AudioRequest {
  /** Who is asked: names the errors. */
  provider: string;
  /** At the carrier's own host: whoever builds this believes nothing of what a message says. */
  url: string;
  headers: Record<string, string>;
  /** What an answer other than 2xx means. */
  refusal(status: number): ProviderError;
  timeoutMs?: number;
  maxBytes?: number;
}

/**
 * Fetches a recording's sound. Redirects are not followed: credentials would go where nobody has checked.
 * @throws ProviderError by rejection: refused, timeout, too long, or what `refusal` makes of the answer
 */
export async function fetchAudio(request: AudioRequest): Promise<RecordedAudio> {
  const { provider, url, headers, timeoutMs = TIMEOUT_MS, maxBytes = MAX_RECORDING_BYTES } = request;
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { headers: { ...headers, connection: 'close' }, redirect: 'error', signal });
    if (!response.ok) {
      await response.body?.cancel();
      throw request.refusal(response.status);
    }
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body ?? []) {
      size += part.length;
      if (size > maxBytes) {
        const words = `the recording is longer than ${Math.round(maxBytes / 1_048_576)} MB`;
        throw new ProviderError(provider, 'carrier', words, { advice: ': fetch it from the carrier by its URL.' });
      }
      parts.push(part);
    }
    return { audio: Buffer.concat(parts), contentType: response.headers.get('content-type') ?? '' };
  } catch (err) {
    if (err instanceof ProviderError) throw err;
    if (err instanceof Error && err.name === 'TimeoutError') {
      throw new ProviderError(provider, 'timeout', `the recording was not there within ${timeoutMs / 1000} s`);
    }
    throw new ProviderError(provider, 'refused', 'the recording could not be fetched');
  }
}
