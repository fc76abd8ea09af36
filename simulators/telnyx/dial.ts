import type { CallOptions } from './call-options';
import { DIAL } from './command-rules';
import { errors } from './errors';
import { check, number, text, type Body } from './fields';
import { newId } from './ids';
import { streamRequest } from './stream-request';

/** What `POST /calls` needs of the phone company. */
export interface DialHost {
  readonly connectionId: string;
  /** Where webhooks go that have no URL of their own; undefined: the application has set none. */
  readonly webhookUrl: string | undefined;
}

/** The call that a checked dial asks for (contracts/telnyx.md section 3.2). Throws a TelnyxError if it is refused. */
export function newCall(body: Body, host: DialHost): { options: CallOptions; unknown: string[] } {
  const unknown = check(body, DIAL);
  if (text(body, 'connection_id') !== host.connectionId)
    throw errors.invalid(
      'The requested connection_id (Call Control App ID) is either invalid or does not exist.',
      '/connection_id',
    );
  const webhookUrl = text(body, 'webhook_url') ?? host.webhookUrl;
  if (webhookUrl === undefined)
    throw errors.invalid('Only Call Control Apps with valid webhook URL are accepted.', '/connection_id');
  const options: CallOptions = {
    direction: 'outgoing',
    from: text(body, 'from') ?? '',
    to: text(body, 'to') ?? '',
    webhookUrl,
    ringTimeoutMs: 1000 * (number(body, 'timeout_secs') ?? 30),
  };
  const stream = streamRequest(body);
  if (stream) options.stream = stream;
  const clientState = text(body, 'client_state');
  if (clientState !== undefined) options.clientState = clientState;
  const detection = text(body, 'answering_machine_detection');
  if (detection !== undefined)
    options.detection = { mode: detection, config: body['answering_machine_detection_config'] };
  const limit = number(body, 'time_limit_secs');
  if (limit !== undefined) options.timeLimitMs = 1000 * limit;
  if (text(body, 'record') !== undefined) {
    options.record = body;
    options.recordingId = newId();
  }
  return { options, unknown };
}
