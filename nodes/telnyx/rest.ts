import { randomUUID } from 'node:crypto';
import { askRest } from '../call/carrier/rest';
import { causeOfStatus, ProviderError } from '../call/errors';
import { withoutNumbers } from '../call/log-line';
import { asObject } from '../call/carrier/media-socket';
import type { TelnyxAccount } from './account';
import { CALL_CONTROL_ID } from './webhook';

/** A command is given up after so long, with all its tries, ms: longer than this a caller does not wait either. */
const DEADLINE_MS = 5_000;
/** A try is given up after so long, ms: the next comes under the same id, so that it does no harm. */
const TRY_MS = 1_250;
/** Waits before the second and the third try, ms. */
const RETRY_AFTER_MS = [250, 1_000];
/** "Call has already ended" (contracts/telnyx.md, section 3.2). */
const ENDED = '90018';

/** What requests are made with: asked for each of them, for a Deploy may have changed it. */
export interface TelnyxAccess {
  account: Pick<TelnyxAccount, 'baseUrl' | 'apiKey'>;
  /** Further HTTP headers. */
  headers: Readonly<Record<string, string>>;
}

/** Telnyx's Call Control commands, the question how a call stands (section 3.2), and what becomes of recordings. */
export class TelnyxRest {
  constructor(private readonly access: () => TelnyxAccess) {}

  /**
   * Sends a command for a call. It is tried up to three times where that can help, under one `command_id`, so that Telnyx
   * carries it out once.
   * @throws ProviderError; `isOver(err)` tells that the call has ended
   */
  async command(
    callControlId: string,
    action: string,
    body: Readonly<Record<string, unknown>> = {},
    signal?: AbortSignal,
  ): Promise<void> {
    const text = JSON.stringify({ ...body, command_id: randomUUID() });
    const endsAt = performance.now() + DEADLINE_MS;
    for (let tries = 0; ; tries++) {
      try {
        const timeoutMs = Math.min(TRY_MS, endsAt - performance.now());
        const path = ['calls', callControlId, 'actions', action];
        const { data } = await this.ask('POST', path, timeoutMs, signal, text);
        // Whoever answers otherwise has not carried it out.
        if (asObject(data)) return;
        throw new ProviderError('telnyx', 'protocol', `the API answered ${action} with something that is no result`);
      } catch (err) {
        const waitMs = RETRY_AFTER_MS[tries];
        const again = err instanceof ProviderError && err.retryable && waitMs !== undefined;
        if (!again || signal?.aborted || performance.now() + waitMs >= endsAt) throw err;
        await pause(waitMs, signal);
        if (signal?.aborted) throw err;
      }
    }
  }

  /**
   * Dials. Tried once: where the answer was lost, a second try could ring twice.
   * @param headers further HTTP headers
   * @returns the `call_control_id`
   * @throws ProviderError
   */
  async dial(body: Readonly<Record<string, unknown>>, headers: Readonly<Record<string, string>>): Promise<string> {
    const answer = await this.ask('POST', ['calls'], DEADLINE_MS, undefined, JSON.stringify(body), headers);
    const id = asObject(answer.data)?.call_control_id;
    if (typeof id === 'string' && CALL_CONTROL_ID.test(id)) return id;
    throw new ProviderError('telnyx', 'protocol', 'the API took the dial, but named no call');
  }

  /** Telnyx's word on whether a call goes on. A call that Telnyx does not know does not. */
  async isAlive(callControlId: string, signal?: AbortSignal): Promise<boolean> {
    try {
      const body = await this.ask('GET', ['calls', callControlId], DEADLINE_MS, signal);
      return asObject(body.data)?.is_alive !== false;
    } catch (err) {
      if (isOver(err)) return false;
      throw err;
    }
  }

  /** What Telnyx knows of a recording, with new links to it. @throws ProviderError: code 404 where there is none */
  async recording(id: string): Promise<Record<string, unknown>> {
    const { data } = await this.ask('GET', ['recordings', id], DEADLINE_MS);
    return asObject(data) ?? {};
  }

  /** The recordings of one leg of a call. @throws ProviderError */
  async recordingsOf(callLegId: string): Promise<Record<string, unknown>[]> {
    const query = `?filter[call_leg_id]=${encodeURIComponent(callLegId)}`;
    const { data } = await this.ask('GET', ['recordings'], DEADLINE_MS, undefined, undefined, undefined, query);
    return Array.isArray(data) ? data.map((each: unknown) => asObject(each) ?? {}) : [];
  }

  /** Deletes a recording for good; one that is gone already is gone. @throws ProviderError */
  async deleteRecording(id: string): Promise<void> {
    try {
      await this.ask('DELETE', ['recordings', id], DEADLINE_MS);
    } catch (err) {
      if (!isOver(err)) throw err;
    }
  }

  private ask(
    method: 'GET' | 'POST' | 'DELETE',
    path: readonly string[],
    timeoutMs: number,
    signal?: AbortSignal,
    body?: string,
    more?: Readonly<Record<string, string>>,
    query = '',
  ): Promise<Record<string, unknown>> {
    const { account, headers } = this.access();
    return askRest({
      provider: 'telnyx',
      url: [account.baseUrl, ...path.map(encodeURIComponent)].join('/') + query,
      method,
      headers: {
        ...headers,
        ...more,
        authorization: `Bearer ${account.apiKey}`,
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body }),
      signal,
      timeoutMs: Math.round(timeoutMs),
      refusal,
    });
  }
}

/** True for the answer to a command for a call that has ended. */
export function hasEnded(err: unknown): boolean {
  return err instanceof ProviderError && err.code === ENDED;
}

/** True for that, and where Telnyx does not know the call (any more). */
export function isOver(err: unknown): boolean {
  return hasEnded(err) || (err instanceof ProviderError && err.code === '404');
}

/** `code` is Telnyx's own where there is one, but for an unknown call: that is 404, under several codes. */
function refusal(status: number, body: Record<string, unknown>): ProviderError {
  const first = asObject(Array.isArray(body.errors) ? (body.errors as unknown[])[0] : undefined) ?? {};
  const code = typeof first.code === 'string' || typeof first.code === 'number' ? String(first.code) : '';
  const words = [first.title, first.detail].filter((each) => typeof each === 'string' && each !== '').join(': ');
  const told = words === '' ? 'no reason given' : withoutNumbers(words);
  return new ProviderError(
    'telnyx',
    causeOfStatus(status),
    `the API answered ${status}: ${told}${code === '' ? '' : ` (${code})`}`,
    { code: status === 404 || code === '' ? status : code },
  );
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
