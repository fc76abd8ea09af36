import { ProviderError, causeOfStatus } from '../call/errors';
import { refusalText } from '../call/stt/socket';
import type { Refusal, SttErrors } from '../call/stt/socket';

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

/** The handshake was answered by an HTTP status: header and body say why. */
function refusal({ status, headers, body, retryAfterMs }: Refusal): ProviderError {
  const cause = status < 400 ? 'protocol' : causeOfStatus(status);
  const header = headers['dg-error'];
  const words = typeof header === 'string' && header !== '' ? header : refusalText(body);
  const said = words === '' ? '' : `: ${words.slice(0, 300)}`;
  return new ProviderError(PROVIDER, cause, `the connection was refused (${status}${said})`, {
    code: status,
    // A mistyped model is answered like one that the key may not use.
    ...(status === 403 && { advice: " - check the model's name, and that the key may use it." }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** The socket was closed in mid-stream. */
function closed(code: number, reason: string): ProviderError {
  const said = reason === '' ? '' : ` ${reason.slice(0, 200)}`;
  // DATA-0000: the audio is of no kind that Deepgram can decode: options name another encoding.
  const cause = code === 1008 ? 'bad-request' : 'closed';
  return new ProviderError(PROVIDER, cause, `the connection was closed (${code}${said})`, { code });
}

/** Deepgram's errors, apart from those in the stream. */
export const LISTEN_ERRORS: SttErrors = { provider: PROVIDER, refusal, closed };
