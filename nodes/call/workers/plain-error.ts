import { types } from 'node:util';
import { ProviderError } from '../errors';
import type { Cause } from '../errors';

/** An error as it goes between threads: cloning would keep no more of it than its words. */
export interface PlainError {
  message: string;
  stack: string | undefined;
  provider?: { provider: string; cause: Cause; code: string | undefined; retryAfterMs: number | undefined; call: string | undefined }; // prettier-ignore
}

/** Anything thrown, as plain data. */
export function toPlainError(value: unknown): PlainError {
  if (!isError(value)) return { message: String(value), stack: undefined };
  const { message, stack } = value;
  if (!(value instanceof ProviderError)) return { message, stack };
  const { provider, cause, code, retryAfterMs, call } = value;
  return { message, stack, provider: { provider, cause, code, retryAfterMs, call } };
}

/** True also for the errors of Function nodes, which are of another class: they have globals of their own. */
export function isError(value: unknown): value is Error {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- Node.js 22 has no Error.isError
  return types.isNativeError(value);
}

/** The error again, with all by which flows and our own retries decide. */
export function fromPlainError({ message, stack, provider: told }: PlainError): Error {
  const error = told ? providerError(message, told) : new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

function providerError(message: string, told: NonNullable<PlainError['provider']>): ProviderError {
  const { provider, cause, code, retryAfterMs, call } = told;
  const words = message.startsWith(`${provider}: `) ? message.slice(provider.length + 2) : message;
  const more = { ...(code !== undefined && { code }), ...(retryAfterMs !== undefined && { retryAfterMs }), advice: '' };
  const error = new ProviderError(provider, cause, words, more);
  if (call !== undefined) error.call = call;
  return error;
}
