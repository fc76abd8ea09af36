import type { IncomingMessage, ServerResponse } from 'node:http';

/** What signatures are computed over: the bytes of the body as they came, before any parser. */
export interface WithRawBody extends IncomingMessage {
  rawBody?: Buffer;
  /** body-parser's own mark for "somebody has read this": Node-RED's parsers then keep off. */
  _body?: boolean;
  body?: unknown;
}

/** Why a body could not be read, as an HTTP status. */
export class BodyError extends Error {
  constructor(
    readonly status: 413 | 400,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads a request's whole body, and marks it as read.
 * @param limit in bytes; more is `BodyError` 413, and the rest is thrown away unread
 * @param done called exactly once; a callback and not a promise, for `next` of Express must not throw into one
 */
export function readBody(req: WithRawBody, limit: number, done: (error: BodyError | undefined) => void): void {
  if (req.rawBody) return done(undefined);
  if (req._body || req.readableEnded) {
    return done(new BodyError(400, 'The body was read by another middleware before its signature could be checked.'));
  }
  const chunks: Buffer[] = [];
  let size = 0;
  const finish = (error?: BodyError): void => {
    req.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
    req._body = true;
    if (!error) req.rawBody = Buffer.concat(chunks, size);
    done(error);
  };
  const onData = (chunk: Buffer): void => {
    size += chunk.length;
    if (size > limit) finish(new BodyError(413, `The body is larger than ${limit} bytes.`));
    else chunks.push(chunk);
  };
  const onEnd = (): void => finish();
  const onBroken = (): void => finish(new BodyError(400, 'The request broke off.'));
  if (Number(req.headers['content-length']) > limit) {
    return finish(new BodyError(413, `The body is larger than ${limit} bytes.`));
  }
  req.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
}

/** Refuses a request whose body could not be read; whatever is still coming of it is thrown away. */
export function refuseBody(req: IncomingMessage, res: ServerResponse, error: BodyError): void {
  req.on('error', () => undefined);
  req.resume();
  if (res.headersSent) return;
  const text = `${error.message}\n`;
  res.writeHead(error.status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    connection: 'close',
  });
  res.end(text);
}
