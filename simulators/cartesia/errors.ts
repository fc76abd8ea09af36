/** Cartesia's errors: structured from version 2026-03-01 on, text before (contracts/cartesia.md 1.6). */
import { randomUUID } from 'node:crypto';

/** API versions that are known, oldest first. */
export const VERSIONS = ['2024-06-10', '2024-11-13', '2025-04-16', '2025-11-04', '2026-03-01', '2026-08-14'] as const;
export type Version = (typeof VERSIONS)[number];

const FIRST_STRUCTURED: Version = '2026-03-01';

export class CartesiaError extends Error {
  constructor(
    readonly status: number,
    readonly code: string | null,
    readonly title: string,
    message: string,
  ) {
    super(message);
  }
}

export function badRequest(message: string): CartesiaError {
  return new CartesiaError(400, null, 'Bad request', message);
}

/** The error that Cartesia sends for a status. */
export function errorFor(status: number, code?: string): CartesiaError {
  switch (status) {
    case 401:
      return new CartesiaError(
        401,
        code ?? 'authentication_failed',
        'Authentication failed',
        'The API key is not valid.',
      );
    case 402:
      return new CartesiaError(402, code ?? 'credits_exhausted', 'Payment required', 'There are no credits left.');
    case 429:
      return new CartesiaError(
        429,
        code ?? 'concurrency_limited',
        'Concurrency limited',
        'Too many concurrent requests.',
      );
    default:
      return new CartesiaError(
        status,
        code ?? null,
        status < 500 ? 'Bad request' : 'Internal error',
        'The request failed.',
      );
  }
}

/** The body of a refused handshake. */
export function httpBody(error: CartesiaError, version: Version | undefined): unknown {
  if (version !== undefined && !isStructured(version)) return `${error.title}: ${error.message}`;
  return { error_code: error.code, title: error.title, message: error.message, request_id: randomUUID() };
}

/** The event on the socket; without `contextId` it concerns the socket. */
export function errorEvent(
  error: CartesiaError,
  version: Version,
  contextId: string | undefined,
): Record<string, unknown> {
  const base = {
    type: 'error',
    ...(contextId === undefined ? {} : { context_id: contextId }),
    status_code: error.status,
    done: true,
  };
  if (!isStructured(version)) return { ...base, error: `${error.title}: ${error.message}` };
  return {
    ...base,
    error_code: error.code,
    title: error.title,
    message: error.message,
    request_id: `${randomUUID()}${contextId === undefined ? '' : `:${contextId}`}`,
    doc_url: 'https://docs.cartesia.ai/',
  };
}

function isStructured(version: Version): boolean {
  return version >= FIRST_STRUCTURED;
}
