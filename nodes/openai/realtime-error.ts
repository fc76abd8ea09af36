import { ProviderError, causeOfStatus } from '../call/errors';
import type { Cause } from '../call/errors';
import { isRecord } from '../call/stt/connection';
import { refusalText } from '../call/stt/socket';
import type { Refusal, SttErrors } from '../call/stt/socket';

const PROVIDER = 'openai';
/** Codes that mean no credit; they come with status 429 (contracts/openai.md 6). */
const BILLING =
  /insufficient_quota|credit_balance_exhausted|spend_limit_exceeded|usage_limit_exceeded|billing_hard_limit/;
const NO_BETA =
  ' - the beta of the Realtime API is shut: remove the header OpenAI-Beta from this node, and use a server that speaks the present API.';

/** Which cause a code or type of OpenAI's stands for; undefined for what it does not tell. */
function causeOf(words: string): Cause | undefined {
  if (BILLING.test(words)) return 'billing';
  if (/invalid_api_key|authentication|permission|unauthorized/.test(words)) return 'authentication';
  if (/rate_limit|slow_down|too_many/.test(words)) return 'rate-limit';
  if (/session_expired/.test(words)) return 'closed';
  if (/server_error|overloaded|unavailable|internal|transcription_failed/.test(words)) return 'unavailable';
  if (/invalid_request|invalid_value|model_not_found|unknown_parameter|missing_required|beta_api/.test(words)) {
    return 'bad-request';
  }
  return undefined;
}

function field(error: Record<string, unknown>, name: string): string {
  const value = error[name];
  return typeof value === 'string' ? value : '';
}

/** The `error` object of an event. @param what was wrong, in words before OpenAI's own */
export function eventError(value: unknown, what: string): ProviderError {
  const error = isRecord(value) ? value : {};
  const code = field(error, 'code') || field(error, 'type');
  const said = [code, field(error, 'message'), field(error, 'param')].filter((words) => words !== '').join(': ');
  const cause = causeOf(`${field(error, 'code')} ${field(error, 'type')}`) ?? 'unavailable';
  return new ProviderError(PROVIDER, cause, `${what}: ${said.slice(0, 300) || 'without words'}`, {
    code: code || 'error',
    ...(/beta_api/.test(code) && { advice: NO_BETA }),
  });
}

/** The handshake was answered by an HTTP status: the body says why. */
function refusal({ status, body, retryAfterMs }: Refusal): ProviderError {
  const code = /"code"\s*:\s*"(\w+)"/.exec(body)?.[1] ?? '';
  const cause = status < 400 ? 'protocol' : BILLING.test(body) ? 'billing' : causeOfStatus(status);
  const words = refusalText(body);
  const said = words === '' ? '' : `: ${words.slice(0, 300)}`;
  return new ProviderError(PROVIDER, cause, `the connection was refused (${status}${said})`, {
    code: code === '' ? status : `${status} ${code}`,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** The socket was closed in mid-stream: by 4000 where the beta's shape was sent. */
function closed(code: number, reason: string): ProviderError {
  const said = reason === '' ? '' : ` ${reason.slice(0, 200)}`;
  const cause = code === 4000 ? 'bad-request' : (causeOf(reason) ?? 'closed');
  return new ProviderError(PROVIDER, cause, `the connection was closed (${code}${said})`, {
    code,
    ...(code === 4000 && { advice: NO_BETA }),
  });
}

/** OpenAI's errors at and after the handshake, apart from those in events. */
export const REALTIME_ERRORS: SttErrors = { provider: PROVIDER, refusal, closed };
