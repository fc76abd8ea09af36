/** What goes wrong with media streams, in words for the ops person. */
import { ProviderError } from '../call/errors';
import type { StreamError } from './media-stream';

/** `streaming.failed`: Telnyx could not open the stream. */
export function noStreamOpens(why: string): ProviderError {
  return new ProviderError('telnyx', 'carrier', `the media stream failed: ${why}`, {
    advice: '. Check that Telnyx can open a wss:// connection to the public URL: certificate, proxy, firewall.',
  });
}

/** Too many streams of one call have ended before it. */
export function streamBroke(times: number): ProviderError {
  return new ProviderError('telnyx', 'carrier', `the media stream broke ${times} times; the call was ended.`);
}

/** An `error` frame: Telnyx did not take something of ours. */
export function streamReports({ code, title, detail }: StreamError): ProviderError {
  const words = `the media stream reports ${title} (${code}): ${detail || 'no detail'}`;
  return new ProviderError('telnyx', 'protocol', words, { code, advice: '.' });
}
