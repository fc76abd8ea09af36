import { ProviderError } from '../call/errors';
import type { SignedRequest } from './webhook';

/** How often it is tried, with what pauses, ms; each try has as long as Telnyx gives a webhook. */
const PAUSES_MS = [1_000, 5_000];
const TRY_MS = 10_000;
const KEPT = ['content-type', 'telnyx-timestamp', 'telnyx-signature-ed25519'];

/**
 * Sends a webhook of Telnyx's on to a URL of the ops person's, byte for byte and with its signature: Telnyx reports recordings to one
 * URL only, which is ours. Redirects are not followed.
 * @throws ProviderError by rejection, when three tries have failed
 */
export async function sendOn({ rawBody, headers }: SignedRequest, url: string): Promise<void> {
  const kept = KEPT.flatMap((name): [string, string][] => {
    const value = headers[name];
    return typeof value === 'string' ? [[name, value]] : [];
  });
  for (let tries = 0; ; tries++) {
    const why = await post(url, Object.fromEntries(kept), rawBody);
    if (why === undefined) return;
    const pauseMs = PAUSES_MS[tries];
    if (pauseMs === undefined) {
      const { host } = new URL(url);
      throw new ProviderError('telnyx', 'carrier', `the report could not be sent on to ${host}: ${why}`, {
        advice: '.',
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** @returns why it failed */
async function post(url: string, headers: Record<string, string>, body: Buffer): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(TRY_MS);
    const more = { connection: 'close' };
    const init = { method: 'POST', headers: { ...headers, ...more }, body: new Uint8Array(body), redirect: 'error', signal } as const; // prettier-ignore
    const response = await fetch(url, init);
    await response.body?.cancel();
    return response.ok ? undefined : `it answered ${response.status}`;
  } catch (err) {
    return err instanceof Error && err.name === 'TimeoutError'
      ? `no answer within ${TRY_MS / 1_000} s`
      : 'no connection';
  }
}
