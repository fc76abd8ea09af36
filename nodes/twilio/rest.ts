import { causeOfStatus, ProviderError } from '../call/errors';
import type { TwilioAccount } from './account';

/** Longer than this a caller does not wait either. */
const TIMEOUT_MS = 5_000;
/** Update of a call that is over (contracts/twilio.md, section 9). */
const CALL_IS_OVER = '21220';

/**
 * The few requests to Twilio's REST API that a call needs (section 9.2), by plain fetch: the official client makes its URL
 * from region and edge, so that no proxy or simulator can stand in, and keeps sockets open that would outlive their call.
 */
export class TwilioRest {
  /** @param account asked for each request: a Deploy may have changed it */
  constructor(private readonly account: () => TwilioAccount) {}

  /**
   * Twilio's word on how a call stands: `in-progress`, `completed`, ...
   * @param accountSid of the call, as its webhook named it
   */
  async callStatus(accountSid: string, callSid: string, signal?: AbortSignal): Promise<string> {
    const { status } = await this.request('GET', accountSid, callSid, undefined, signal);
    return typeof status === 'string' ? status : '';
  }

  /**
   * Changes a running call: `Twiml`, or `Status`.
   * @throws ProviderError; `isOver(err)` tells that there was no call any more
   */
  async updateCall(accountSid: string, callSid: string, fields: Record<string, string>): Promise<void> {
    await this.request('POST', accountSid, callSid, new URLSearchParams(fields));
  }

  private async request(
    method: 'GET' | 'POST',
    accountSid: string,
    callSid: string,
    form?: URLSearchParams,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const account = this.account();
    const sid = account.accountSid || accountSid;
    const url = `${account.baseUrl}/2010-04-01/Accounts/${encodeURIComponent(sid)}/Calls/${encodeURIComponent(callSid)}.json`;
    const withKey = account.apiKeySid !== '' && account.apiKeySecret !== '';
    const login = withKey ? `${account.apiKeySid}:${account.apiKeySecret}` : `${sid}:${account.authToken}`;
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      stop();
    }, TIMEOUT_MS);
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    try {
      const response = await fetch(url, {
        method,
        signal: abort.signal,
        redirect: 'error',
        // No socket is kept: it would outlive the call, and be stale when the next one needs it.
        headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}`, connection: 'close' },
        ...(form && { body: form }),
      });
      const body = readObject(await response.text());
      if (response.ok) return body;
      throw refusal(response.status, body);
    } catch (err) {
      if (err instanceof ProviderError) throw err;
      if (late)
        throw new ProviderError('twilio', 'timeout', `the REST API did not answer within ${TIMEOUT_MS / 1000} s`);
      throw new ProviderError('twilio', 'refused', `the REST API could not be reached (${reasonOf(err)})`);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  }
}

/** True for the answer to an update of a call that is over already. */
export function isOver(err: unknown): boolean {
  return err instanceof ProviderError && err.code === CALL_IS_OVER;
}

function refusal(status: number, body: Record<string, unknown>): ProviderError {
  const code = typeof body.code === 'number' ? body.code : status;
  const message = typeof body.message === 'string' ? body.message : 'no reason given';
  return new ProviderError('twilio', causeOfStatus(status), `the REST API answered ${status}: ${message} (${code})`, {
    code,
  });
}

function readObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told by the status alone.
  }
  return {};
}

/** fetch hides what happened in `cause`. */
function reasonOf(err: unknown): string {
  const cause = err instanceof Error ? (err.cause ?? err) : err;
  if (cause instanceof Error) return (cause as NodeJS.ErrnoException).code ?? cause.message;
  return String(cause);
}
