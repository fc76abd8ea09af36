import { ProviderError, causeOfStatus } from '../call/errors';

const PROVIDER = 'deepgram';

/** An `Error` message in the stream: its fields vary, so whatever is there is shown. */
export function serverError(message: Record<string, unknown>): ProviderError {
  const [code, ...rest] = ['code', 'description', 'message', 'variant']
    .map((name) => message[name])
    .filter((value): value is string => typeof value === 'string' && value !== '');
  const words = [code, ...new Set(rest)].join(': ').slice(0, 300);
  const cause = /INTERNAL|UNAVAILABLE|CAPACITY|NET-|TIMEOUT/i.test(code ?? '') ? 'unavailable' : 'protocol';
  return new ProviderError(PROVIDER, cause, `error in the stream: ${words || 'without words'}`, {
    code: code ?? 'Error',
  });
}

/** The handshake was answered by an HTTP status. @param words what Deepgram said, without the key */
export function refusal(status: number, words: string, retryAfterMs: number | undefined): ProviderError {
  const cause = status < 400 ? 'protocol' : causeOfStatus(status);
  const said = words === '' ? '' : `: ${words.slice(0, 300)}`;
  return new ProviderError(PROVIDER, cause, `the connection was refused (${status}${said})`, {
    code: status,
    // A mistyped model is answered like one that the key may not use.
    ...(status === 403 && { advice: " - check the model's name, and that the key may use it." }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** The network failed, before or after the handshake. */
export function networkError(err: Error, opened: boolean): ProviderError {
  const code = (err as NodeJS.ErrnoException).code;
  const more = code === undefined ? {} : { code };
  if (/handshake has timed out/.test(err.message)) {
    return new ProviderError(PROVIDER, 'timeout', 'the connection was not answered', more);
  }
  if (
    code?.startsWith('WS_ERR_') ||
    code?.startsWith('HPE_') ||
    /^(Unexpected server|Invalid Sec-)/.test(err.message)
  ) {
    return new ProviderError(PROVIDER, 'protocol', `no proper WebSocket (${err.message})`, more);
  }
  if (opened) return new ProviderError(PROVIDER, 'closed', `the connection broke (${err.message})`, more);
  return new ProviderError(PROVIDER, 'refused', `no connection (${err.message || code || 'unknown'})`, more);
}

/** The socket was closed in mid-stream. */
export function closed(code: number, reason: string): ProviderError {
  const said = reason === '' ? '' : ` ${reason.slice(0, 200)}`;
  // DATA-0000: the audio is of no kind that Deepgram can decode: options name another encoding.
  const cause = code === 1008 ? 'bad-request' : 'closed';
  return new ProviderError(PROVIDER, cause, `the connection was closed (${code}${said})`, { code });
}
