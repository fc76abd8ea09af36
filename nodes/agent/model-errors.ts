import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import { asError, causeOfStatus, ProviderError } from '../call/errors';
import type { Cause } from '../call/errors';

/** 429 that no waiting helps (contracts: openai.md, section 6). */
const BILLING = new Set([
  'insufficient_quota',
  'credit_balance_exhausted',
  'organization_spend_limit_exceeded',
  'project_spend_limit_exceeded',
  'organization_usage_limit_exceeded',
  'billing_hard_limit_reached',
]);
const RATE_LIMIT = new Set(['rate_limit_exceeded', 'rate_limit_error', 'slow_down', 'requests', 'tokens']);

const SHORTEN = ' - the conversation is too long for the model: lower Memory, or shorten the instructions.';

/** True where the same question with less of the conversation before it may be answered. */
export function isTooLong({ code }: ProviderError): boolean {
  return code === 'context_length_exceeded' || code === '413';
}

/** The error of a request, whatever the SDK threw, in our terms and with what to do. */
export function modelError(thrown: unknown): ProviderError {
  if (thrown instanceof ProviderError) return thrown;
  if (thrown instanceof APIConnectionTimeoutError) return new ProviderError('openai', 'timeout', 'no answer');
  if (thrown instanceof APIConnectionError) {
    const reason = innermost(thrown);
    return new ProviderError('openai', 'refused', `no connection (${reason})`);
  }
  if (thrown instanceof APIError) return ofApi(thrown as ApiFailure);
  const error = asError(thrown);
  // What the account's key has in it that no header can have: a line break, say.
  if (error instanceof TypeError && /header|ByteString/i.test(error.message)) {
    return new ProviderError('openai', 'settings', 'the key in the account, or a header, cannot be sent', {
      advice: ' - it has characters that no key has; enter it anew.',
    });
  }
  if (error instanceof SyntaxError) return new ProviderError('openai', 'protocol', 'the answer cannot be read as JSON');
  // fetch says `terminated` when the socket ends in the middle of a body.
  return new ProviderError('openai', 'closed', `the answer broke off (${innermost(error)})`);
}

/** An error that the provider tells inside a stream: `{ type, code, message }` in any of its shapes. */
export function errorInStream(error: Readonly<Record<string, unknown>>): ProviderError {
  const code = word(error.code) ?? word(error.type);
  const message = word(error.message) ?? 'the model failed';
  return new ProviderError('openai', causeOfCode(code, word(error.type)), clean(message), {
    ...(code !== undefined && { code }),
    ...(code === 'context_length_exceeded' && { advice: SHORTEN }),
  });
}

/** What of the SDK's error is looked at. */
interface ApiFailure {
  status: unknown;
  code: unknown;
  type: unknown;
  message: string;
  headers: Headers | undefined;
}

function ofApi(error: ApiFailure): ProviderError {
  const code = word(error.code);
  if (typeof error.status !== 'number') {
    return errorInStream({ code: error.code, type: error.type, message: error.message });
  }
  // 409: something else was going on with the same thing at that moment.
  let cause = error.status === 409 ? 'unavailable' : causeOfStatus(error.status);
  if (cause === 'rate-limit' && (isBilling(code) || isBilling(word(error.type)))) cause = 'billing';
  const retryAfterMs = retryAfter(error.headers);
  return new ProviderError('openai', cause, clean(error.message), {
    code: code ?? error.status,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...adviceFor(error.status, code),
  });
}

function adviceFor(status: number, code: string | undefined): { advice?: string } {
  if (status === 413 || code === 'context_length_exceeded') return { advice: SHORTEN };
  if (status === 404) return { advice: ' - check the model, and the base URL of the account.' };
  if (status === 403) return { advice: ' - the key in the account may not use this model, or not from here.' };
  if (status >= 300 && status < 400) {
    return { advice: ' - the server sends us elsewhere: set the base URL of the account to where it really is.' };
  }
  return {};
}

function causeOfCode(code: string | undefined, type: string | undefined): Cause {
  if (isBilling(code) || isBilling(type)) return 'billing';
  if (RATE_LIMIT.has(code ?? '') || RATE_LIMIT.has(type ?? '')) return 'rate-limit';
  if (code === 'invalid_api_key') return 'authentication';
  if (
    code === 'context_length_exceeded' ||
    type === 'invalid_request_error' ||
    code?.startsWith('invalid_') ||
    code?.startsWith('unsupported_')
  ) {
    return 'bad-request';
  }
  return 'unavailable';
}

function isBilling(code: string | undefined): boolean {
  return code !== undefined && BILLING.has(code);
}

/** `retry-after-ms`, else `retry-after` in seconds or as a date. */
function retryAfter(headers: Headers | undefined): number | undefined {
  const ms = Number(headers?.get('retry-after-ms') ?? NaN);
  if (Number.isFinite(ms)) return ms;
  const after = headers?.get('retry-after');
  if (after === null || after === undefined) return undefined;
  const seconds = Number(after);
  if (Number.isFinite(seconds)) return seconds * 1000;
  const at = Date.parse(after);
  return Number.isFinite(at) ? Math.max(0, at - Date.now()) : undefined;
}

/** The provider's words, short, and without the part of the key that it quotes. */
function clean(message: string): string {
  return message.replace(/\bg?sk[-_][\w*-]{4,}|\S*\*{3,}\S*/gi, '***').slice(0, 300);
}

function innermost(error: Error): string {
  let inner: Error = error;
  for (let depth = 0; depth < 4 && inner.cause instanceof Error; depth++) inner = inner.cause;
  const code = (inner as { code?: unknown }).code;
  return typeof code === 'string' ? code : inner.message;
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
