/** ElevenLabs' errors, at the handshake and on the socket (contracts/elevenlabs.md 1 and 4). */

export class ElevenLabsError extends Error {
  /**
   * @param id the machine id
   * @param httpStatus the status where it is told at the handshake
   * @param closeCode the code of the close that follows on a socket
   */
  constructor(
    readonly id: string,
    message: string,
    readonly httpStatus = 400,
    readonly closeCode = 1008,
  ) {
    super(message);
  }
}

export function invalid(message: string, id = 'invalid_parameters'): ElevenLabsError {
  return new ElevenLabsError(id, message);
}

export function wrongKey(): ElevenLabsError {
  return new ElevenLabsError('invalid_api_key', 'Invalid API key', 401);
}

export function noVoice(voice: string): ElevenLabsError {
  return new ElevenLabsError('voice_not_found', `A voice for the voice_id ${voice} was not found.`, 404);
}

export function tooManyContexts(limit: number): ElevenLabsError {
  return new ElevenLabsError(
    'max_active_conversations',
    `Maximum simultaneous contexts per WebSocket connection exceeded (${limit}). Please close an existing context before opening a new one.`,
  );
}

export function inactive(seconds: number): ElevenLabsError {
  return new ElevenLabsError(
    'input_timeout_exceeded',
    `Have not received a new text input within the timeout of ${seconds} seconds. Streaming input terminated. Please make sure to send a new text input within the timeout window.`,
  );
}

/** The error that is told for a status; an unpaid bill comes as 401 over HTTP, with an id of its own. */
export function errorFor(status: number, id?: string): ElevenLabsError {
  switch (status) {
    case 401:
    case 403:
      return id === undefined ? wrongKey() : new ElevenLabsError(id, 'Not allowed.', status);
    case 402:
      return new ElevenLabsError(id ?? 'quota_exceeded', 'You have used up the quota of this key.', 401);
    case 429:
      return new ElevenLabsError(id ?? 'too_many_concurrent_requests', 'Too many concurrent requests.', 429);
    default:
      return status < 500
        ? new ElevenLabsError(id ?? 'invalid_parameters', 'The request is invalid.', status)
        : new ElevenLabsError(id ?? 'internal_server_error', 'Sorry, something went wrong.', status, 1011);
  }
}

/** The body of a refused handshake. */
export function httpBody({ id, message }: ElevenLabsError): unknown {
  return { detail: { status: id, message } };
}

/** The message before the close; the reason of a close may have 123 bytes. */
export function errorMessage(error: ElevenLabsError, contextId: string | undefined): Record<string, unknown> {
  const { message, id, closeCode } = error;
  return { message, error: id, code: closeCode, ...(contextId !== undefined && { contextId }) };
}
