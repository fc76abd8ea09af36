/** What goes wrong at ElevenLabs, told apart by the machine id of the error and not by close code 1008, which nearly all have (contracts/elevenlabs.md, 1 and 4). */
import { causeOfStatus, ProviderError } from '../call/errors';
import type { Cause } from '../call/errors';

export const PROVIDER = 'elevenlabs';

interface Kind {
  /** What the machine id (`error`, or `detail.status` of an HTTP answer) looks like. */
  id: RegExp;
  /** What the words look like where no id came: the reason of a close is text alone. */
  words: RegExp;
  cause: Cause;
  /** What to do, where the general advice for the cause is too general. */
  advice?: string;
}

/** In this order: "quota" may be told with 401, a voice that is missing with the words "not authorized". */
const KINDS: readonly Kind[] = [
  { id: /input_timeout|inactiv/, words: /no new text|inactivity/i, cause: 'closed' },
  {
    id: /max_active_conversations/,
    words: /simultaneous contexts/i,
    cause: 'rate-limit',
    advice: ' - too many stretches of speech on one connection; it is tried again on another.',
  },
  {
    id: /too_many|rate_limit|concurren/,
    words: /too many|rate limit|concurrent/i,
    cause: 'rate-limit',
    advice: ' - more at once than your plan at ElevenLabs allows: set "Contexts" in this node to what it allows.',
  },
  { id: /system_busy|overload/, words: /system is busy|heavy traffic/i, cause: 'unavailable' },
  {
    id: /quota|credit|payment|subscription|unpaid|only_for/,
    words: /quota|credits|payment|subscription/i,
    cause: 'billing',
    advice: ' - no credit is left, or the plan does not allow this: check the subscription of the ElevenLabs account.',
  },
  {
    id: /voice_(id_)?(does_not_exist|not_found)|invalid_voice/,
    words: /voice .*(not|exist)|no voice/i,
    cause: 'bad-request',
    advice: ' - check the voice in this node: it must be the id of a voice that this ElevenLabs account has.',
  },
  {
    id: /model/,
    words: /model .*(not|exist|support)/i,
    cause: 'bad-request',
    advice: ' - check the model in this node, and that it can speak over a WebSocket (v3 models cannot).',
  },
  { id: /api_key|authenti|authori|permission/, words: /api key|authenti|authori/i, cause: 'authentication' },
  { id: /internal|server_error/, words: /something went wrong|internal/i, cause: 'unavailable' },
  { id: /invalid|unsupported|limit_exceeded|missing/, words: /invalid|must be|not supported/i, cause: 'bad-request' },
];

/**
 * ElevenLabs' error: `{message, error, code}` on a socket, `{detail: {status, message}}`, `{detail: "..."}` or a list of
 * faults over HTTP; or text.
 * @param httpStatus where it is the answer to a handshake
 */
export function readError(body: unknown, httpStatus?: number, retryAfterMs?: number): ProviderError {
  const fields = isRecord(body) ? body : {};
  const detail: unknown = Array.isArray(fields.detail) ? fields.detail[0] : fields.detail;
  const inner = isRecord(detail) ? detail : fields;
  const id = [inner.status, inner.error, fields.error].find((value) => typeof value === 'string') ?? '';
  const words = [inner.message, inner.msg, detail, fields.message, body].find(
    (value): value is string => typeof value === 'string' && value.trim() !== '',
  );
  const text = (words ?? `refused (${httpStatus ?? 'no reason given'})`).trim().slice(0, 300).replace(/\.$/, '');
  const code = httpStatus ?? (typeof fields.code === 'number' ? fields.code : undefined);
  return make(typeof id === 'string' ? id.toLowerCase() : '', text, httpStatus, code, retryAfterMs);
}

/** What a close says, where no error came before it. */
export function readClose(code: number, reason: string): ProviderError {
  const kind = reason === '' ? undefined : KINDS.find(({ words }) => words.test(reason));
  if (code === 1008 && kind) return make('', reason.replace(/\.$/, ''), undefined, code, undefined);
  const why = reason === '' ? String(code) : `${code}, ${reason.slice(0, 120)}`;
  return new ProviderError(PROVIDER, 'closed', `closed the connection (${why})`, { code });
}

/** What Node.js or ws say of a connection. @param opened the handshake was over */
export function readNetworkError(err: Error & { code?: string }, opened: boolean): ProviderError {
  const { code } = err;
  const more = code === undefined ? {} : { code };
  if (!opened) {
    if (code?.startsWith('HPE_')) return new ProviderError(PROVIDER, 'protocol', 'answered no HTTP', more);
    if (/timed out/i.test(err.message)) return new ProviderError(PROVIDER, 'timeout', 'did not answer the handshake');
    return new ProviderError(PROVIDER, 'refused', `cannot connect (${code ?? err.message})`, more);
  }
  // A frame that breaks the WebSocket protocol itself.
  const cause = code?.startsWith('WS_ERR') ? 'protocol' : 'closed';
  return new ProviderError(PROVIDER, cause, `the connection broke (${code ?? err.message})`, more);
}

function make(
  id: string,
  text: string,
  httpStatus: number | undefined,
  code: number | undefined,
  retryAfterMs: number | undefined,
): ProviderError {
  const kind = id === '' ? undefined : KINDS.find((one) => one.id.test(id));
  // An HTTP status says more than words do; a socket's 1008 says nothing.
  const byWords =
    kind === undefined && httpStatus === undefined ? KINDS.find((one) => one.words.test(text)) : undefined;
  const known = kind ?? byWords;
  const cause = known?.cause ?? (httpStatus === undefined ? 'unavailable' : causeOfHandshake(httpStatus));
  return new ProviderError(PROVIDER, cause, id === '' ? text : `${text} (${id})`, {
    ...(code !== undefined && { code }),
    ...(known?.advice !== undefined && { advice: known.advice }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function causeOfHandshake(status: number): Cause {
  // No WebSocket, and no refusal of one: this is not ElevenLabs.
  return status < 400 ? 'protocol' : causeOfStatus(status);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
