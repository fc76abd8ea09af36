/** Errors that name the provider, the cause and what to do: what Catch nodes and the status line show. */

/** What went wrong, in the terms by which flows and our own retries decide. */
export type Cause =
  | 'refused' // the connection was refused or reset
  | 'authentication' // wrong key
  | 'billing' // no credit, quota exhausted
  | 'rate-limit'
  | 'bad-request' // the provider does not accept our settings
  | 'unavailable' // 5xx, no capacity
  | 'timeout'
  | 'closed' // the provider hung up in mid-stream
  | 'protocol' // garbage, or JSON of a shape that the contract does not know
  | 'settings' // found wrong here, before anything was sent
  | 'carrier';

/** A provider's fault, ready for Catch: `provider`, `cause`, `call`, whether trying again can help, and advice. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  /** The id of the call, where it concerns one. */
  call?: string;
  readonly provider: string;
  override readonly cause: Cause;
  /** HTTP status or close code, if there was one. */
  readonly code: string | undefined;
  /** After how many ms the provider asked to be tried again. */
  readonly retryAfterMs: number | undefined;

  constructor(
    provider: string,
    cause: Cause,
    message: string,
    more: { code?: string | number; advice?: string; retryAfterMs?: number } = {},
  ) {
    super(`${provider}: ${message}${more.advice ?? adviceFor(cause)}`);
    this.provider = provider;
    this.cause = cause;
    this.code = more.code === undefined ? undefined : String(more.code);
    this.retryAfterMs = more.retryAfterMs;
  }

  /** False where the same request can only fail again: a wrong key, no credit, refused settings. */
  get retryable(): boolean {
    return !['authentication', 'billing', 'bad-request', 'settings'].includes(this.cause);
  }
}

function adviceFor(cause: Cause): string {
  switch (cause) {
    case 'refused':
      return ' - check the network and the base URL of the account.';
    case 'authentication':
      return ' - check the key in the account node.';
    case 'billing':
      return ' - check credit and billing with the provider.';
    case 'rate-limit':
      return " - too many requests at once; check your plan's limits.";
    case 'bad-request':
    case 'settings':
      return ' - check the settings of this node.';
    case 'unavailable':
    case 'timeout':
    case 'closed':
      return ' - usually passes by itself; see the status page of the provider.';
    case 'protocol':
      return ' - check that the base URL of the account leads to this provider.';
    case 'carrier':
      return '';
  }
}

/** The cause that an HTTP status stands for, as all our providers use them. */
export function causeOfStatus(status: number): Cause {
  if (status === 401 || status === 403) return 'authentication';
  if (status === 402) return 'billing';
  if (status === 429) return 'rate-limit';
  if (status === 408) return 'timeout';
  if (status >= 500) return 'unavailable';
  return 'bad-request';
}

/** Anything thrown, as an Error. */
export function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
