import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LoopbackServer, record, reset, retryHeaders } from '../loopback';

/** A link that Telnyx hands out is good for so long, ms: ten minutes (docs: storing-call-recordings; the published API description). */
export const LINK_MS = 600_000;
/** Files that are kept; the oldest go first. */
const FILE_LIMIT = 2_000;
const ALGORITHM = 'AWS4-HMAC-SHA256';
const REGION = 'us-east-1';

/** A request that the storage got, kept for the tests. */
export interface StorageLogEntry {
  method: string;
  path: string;
  status: number;
  /** The header, if there was one. A client that knows what it does sends none: the link is all that is needed. */
  authorization: string | undefined;
}

interface StoredFile {
  bytes: Buffer;
  contentType: string;
}

/**
 * Where recordings lie: not at the API, but in a bucket of another host (`s3.amazonaws.com/telephony-recorder-prod/...`), under links that are
 * signed, and valid for ten minutes. Like the real storage it refuses a request that brings a key besides: who sends the
 * account's API key there gives it away, and gets no file. Faults on command (`faults`; `matchText` looks at the path).
 */
export class Storage extends LoopbackServer {
  readonly log: StorageLogEntry[] = [];
  /** How long links are good that are made from now on, in ms. */
  linkMs = LINK_MS;
  private readonly files = new Map<string, StoredFile>();
  private readonly secret = randomBytes(32);

  constructor() {
    super({});
  }

  get url(): string {
    return `http://${this.authority}`;
  }

  /** @param key path in the bucket, without a leading slash */
  put(key: string, bytes: Buffer, contentType: string): void {
    this.files.set(key, { bytes, contentType });
    for (const oldest of this.files.keys()) {
      if (this.files.size <= FILE_LIMIT) break;
      this.files.delete(oldest);
    }
  }

  delete(key: string): void {
    this.files.delete(key);
  }

  /** A new link to a file. */
  link(key: string): string {
    const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const query = new URLSearchParams({
      'X-Amz-Algorithm': ALGORITHM,
      'X-Amz-Credential': `simulated/${date.slice(0, 8)}/${REGION}/s3/aws4_request`,
      'X-Amz-Date': date,
      'X-Amz-Expires': String(this.linkMs / 1000),
      'X-Amz-SignedHeaders': 'host',
    });
    // In ms, behind the standard fields, so that a test need not wait for whole seconds.
    query.set('X-Amz-Issued', String(Date.now()));
    query.set('X-Amz-Signature', this.sign(key, query));
    return `${this.url}/${key}?${query.toString()}`;
  }

  protected onRequest(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    const { method = '', headers } = request;
    const url = new URL(request.url ?? '/', this.url);
    const path = decodeURIComponent(url.pathname);
    const fault = this.faults.take('connect', { text: path });
    if (fault?.kind === 'refuse') return reset(request.socket);
    if (fault?.kind === 'stall-before-first-byte') return;
    const answer = fault?.kind === 'status' ? refuse(fault.status ?? 503, 'SlowDown') : this.answer(request, path, url);
    record(this.log, { method, path, status: answer.status, authorization: headers.authorization }, this.logLimit);
    const { status, bytes, contentType } = answer;
    response.writeHead(status, {
      'content-type': contentType,
      'content-length': bytes.length,
      server: 'AmazonS3',
      ...retryHeaders(fault?.retryAfterMs),
    });
    const half = bytes.subarray(0, bytes.length / 2);
    if (fault?.kind === 'close-mid-stream') return void response.write(half, () => reset(request.socket));
    if (fault?.kind === 'stall-after-first-byte') return void response.write(half);
    response.end(method === 'HEAD' ? undefined : bytes);
  }

  private answer(request: IncomingMessage, path: string, { searchParams }: URL): StoredFile & { status: number } {
    const given = searchParams.get('X-Amz-Signature');
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'MethodNotAllowed');
    if (request.headers.authorization !== undefined && given !== null) return refuse(400, 'InvalidArgument');
    const key = path.slice(1);
    const unsigned = new URLSearchParams(searchParams);
    unsigned.delete('X-Amz-Signature');
    if (given === null) return refuse(403, 'AccessDenied');
    if (!same(given, this.sign(key, unsigned))) return refuse(403, 'SignatureDoesNotMatch');
    const issued = Number(searchParams.get('X-Amz-Issued'));
    if (Date.now() - issued > 1000 * Number(searchParams.get('X-Amz-Expires')))
      return refuse(403, 'AccessDenied', 'Request has expired');
    const file = this.files.get(key);
    return file ? { ...file, status: 200 } : refuse(404, 'NoSuchKey');
  }

  private sign(key: string, query: URLSearchParams): string {
    return createHmac('sha256', this.secret).update(`${key}?${query.toString()}`).digest('hex');
  }
}

function same(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function refuse(status: number, code: string, message = code): StoredFile & { status: number } {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, bytes: Buffer.from(xml), contentType: 'application/xml' };
}
