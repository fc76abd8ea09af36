import type { IncomingMessage, ServerResponse } from 'node:http';
import { LoopbackServer, isObject, record, reset } from '../loopback';
import { oneWayMs, wait, type NetworkOptions } from '../phone/network';
import { strikeRest } from '../phone/rest-faults';
import type { Archive } from './archive';
import type { Call } from './call';
import { isCommand } from './command-rules';
import { command } from './commands';
import { TelnyxError, errors } from './errors';
import type { Body } from './fields';

const BODY_LIMIT_BYTES = 1_048_576;

/** A request that the API got, kept for the tests. */
export interface RestLogEntry {
  method: string;
  /** URL-decoded, without the base. */
  path: string;
  body: Body;
  status: number;
}

/** What the API needs of the phone company. */
export interface RestHost {
  find(callControlId: string): Call | undefined;
  /** `POST /calls`; throws a TelnyxError if it is refused. */
  dial(body: Body): Call;
  readonly archive: Archive;
}

interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/**
 * Telnyx's REST API on loopback (contracts/telnyx.md section 3.2): the bearer key, JSON, errors in Telnyx's shape, faults on command
 * (`faults`; `matchText` looks at method, path and body: `/actions/hangup`).
 */
export class RestApi extends LoopbackServer {
  readonly log: RestLogEntry[] = [];

  constructor(
    apiKey: string,
    private readonly network: NetworkOptions,
    private readonly company: RestHost,
  ) {
    super({ apiKey });
  }

  get url(): string {
    return `http://${this.authority}/v2`;
  }

  protected onRequest(request: IncomingMessage, response: ServerResponse): void {
    this.serve(request, response).catch((error: unknown) => {
      // The client may have gone in the middle of its request.
      if (response.headersSent || response.destroyed) return void response.destroy();
      response
        .writeHead(500, { 'content-type': 'application/json' })
        .end(JSON.stringify({ errors: [{ code: '10007', title: 'Unexpected error', detail: String(error) }] }));
    });
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readBody(request);
    await wait(oneWayMs(this.network));
    const method = request.method ?? '';
    const path = pathOf(request);
    const fault = this.faults.take('connect', { key: keyOf(request), text: `${method} ${path} ${text}` });
    if (fault) {
      await wait(oneWayMs(this.network));
      const own = (status: number): object =>
        (status === 429 ? errors.tooMany('Too many requests.') : errors.unable('Failure on command.')).body;
      return strikeRest(fault, response, own);
    }
    const { body, answer } = this.answer(request, method, path, text);
    record(this.log, { method, path, body, status: answer.status }, this.logLimit);
    await wait(oneWayMs(this.network));
    const silent = this.faults.take('message', { text: `${method} ${path}` });
    // Carried out, and nobody is told: what a lost answer looks like.
    if (silent) return void (silent.kind === 'stall-before-first-byte' || reset(response.socket ?? request.socket));
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(JSON.stringify(answer.body));
  }

  private answer(request: IncomingMessage, method: string, path: string, text: string): { body: Body; answer: Answer } {
    let body: Body = {};
    try {
      const key = keyOf(request);
      if (key === undefined || !this.keys.has(key))
        throw errors.unauthorized('Could not find any usable credentials in the request.');
      if (method === 'POST') body = parseBody(request, text);
      return { body, answer: { status: 200, body: { data: this.route(request, method, path, body) } } };
    } catch (error) {
      if (!(error instanceof TelnyxError)) throw error;
      return { body, answer: { status: error.status, body: error.body } };
    }
  }

  private route(request: IncomingMessage, method: string, path: string, body: Body): object {
    if (method === 'POST' && path === '/calls') return resource(this.company.dial(body));
    const { archive } = this.company;
    const recording = /^\/recordings(?:\/([^/]+))?$/.exec(path);
    if (recording && (method === 'GET' || (method === 'DELETE' && recording[1] !== undefined))) {
      const [, id] = recording;
      if (id === undefined) return archive.list(new URL(request.url ?? '/', this.url).searchParams);
      return method === 'GET' ? archive.get(id) : archive.delete(id);
    }
    const match = /^\/calls\/([^/]+)(?:\/actions\/([a-z_]+))?$/.exec(path);
    const [, id = '', action] = match ?? [];
    if (!match || (action === undefined ? method !== 'GET' : method !== 'POST'))
      throw errors.notFound(`The requested resource or URL could not be found: ${method} ${path}`);
    const call = this.known(id);
    if (action === undefined) return resource(call);
    if (!isCommand(action)) {
      call.finding('error', 0, `The simulator does not carry out ${action}`);
      throw errors.notFound(`The requested resource or URL could not be found: ${path}`);
    }
    command(call, action, body);
    return { result: 'ok' };
  }

  private known(id: string): Call {
    if (!/^v\d:/.test(id))
      throw errors.invalidCallId('The call_control_id provided was not valid.', '/call_control_id');
    const call = this.company.find(id);
    if (!call) throw errors.notFound('The requested resource or URL could not be found.');
    return call;
  }
}

/** Path below `/v2`, URL-decoded part by part; an id that was not URL-encoded is left in its raw form, which nothing matches. */
function pathOf(request: IncomingMessage): string {
  const raw = (request.url ?? '/').replace(/[?#].*$/, '');
  if (!raw.startsWith('/v2/')) return raw;
  return raw
    .slice(3)
    .split('/')
    .map((part) => (part.includes(':') ? '(not URL-encoded)' : decode(part)))
    .join('/');
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '(not URL-encoded)';
  }
}

function keyOf(request: IncomingMessage): string | undefined {
  return /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
}

function parseBody(request: IncomingMessage, text: string): Body {
  if (text === '') return {};
  if (!request.headers['content-type']?.startsWith('application/json'))
    throw errors.invalidJson('The API takes JSON: content-type application/json.');
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Falls through to the same answer.
  }
  throw errors.invalidJson('The request body is not a JSON object.');
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= BODY_LIMIT_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function resource(call: Call): object {
  return {
    record_type: 'call',
    call_control_id: call.callControlId,
    call_leg_id: call.callLegId,
    call_session_id: call.callSessionId,
    client_state: call.clientState,
    ...(call.options.recordingId === undefined ? {} : { recording_id: call.options.recordingId }),
    is_alive: !call.isOver,
    call_duration: Math.ceil(call.durationMs / 1000),
    start_time: call.createdAt.toISOString(),
    end_time: call.endedDate?.toISOString() ?? null,
  };
}
