import { isObject } from '../loopback';

/** The errors that Telnyx sends on the socket, and their codes, which are numbers there (contracts/telnyx.md section 4). */
export const FRAME_ERRORS = {
  unknown_error: 100002,
  malformed_frame: 100003,
  invalid_media: 100004,
  rate_limit_reached: 100005,
} as const;

export type FrameError = keyof typeof FRAME_ERRORS;

/** A message of the application, read. `odd`: what a correct application would not send, though Telnyx minds not. */
export type StreamMessage = { odd: string | undefined } & (
  { event: 'media'; audio: Buffer } | { event: 'mark'; name: string } | { event: 'clear' }
);

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Reads one frame: what it says, or the error that Telnyx answers with. */
export function readMessage(data: Buffer, isBinary: boolean): StreamMessage | { error: FrameError; detail: string } {
  const malformed = (detail: string): { error: FrameError; detail: string } => ({ error: 'malformed_frame', detail });
  if (isBinary) return malformed('binary frame');
  let message: unknown;
  try {
    message = JSON.parse(data.toString('utf8'));
  } catch {
    return malformed('not JSON');
  }
  if (!isObject(message)) return malformed('not an object');
  const { event } = message;
  if (event !== 'media' && event !== 'mark' && event !== 'clear')
    return malformed(`unknown event ${JSON.stringify(event)}`);
  const expected = event === 'clear' ? ['event', 'stream_id'] : ['event', 'stream_id', event];
  const extra = Object.keys(message).find((key) => !expected.includes(key));
  const odd = extra === undefined ? undefined : `${event}: unknown field "${extra}"`;
  if (event === 'clear') return { event, odd };
  const inner = message[event];
  if (!isObject(inner)) return malformed(`${event}: field "${event}" is missing`);
  if (event === 'mark') {
    const { name } = inner;
    return typeof name === 'string' ? { event, name, odd } : malformed('mark: name is not a string');
  }
  const { payload } = inner;
  if (typeof payload !== 'string') return malformed('media: payload is not a string');
  if (payload === '' || !BASE64.test(payload))
    return { error: 'invalid_media', detail: 'The payload could not be decoded' };
  return { event, audio: Buffer.from(payload, 'base64'), odd };
}
