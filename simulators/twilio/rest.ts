import type http from 'node:http';
import { timingSafeEqual } from 'node:crypto';
import { Faults } from '../faults';
import { reset } from '../loopback';
import { oneWayMs, wait, type NetworkOptions } from '../phone/network';
import { strikeRest } from '../phone/rest-faults';
import { RestError, notFound } from './rest-error';

/** One request to the REST API, authenticated and read. */
export interface RestRequest {
  /** Parts of the path that the route's pattern names, in order. */
  path: string[];
  query: URLSearchParams;
  form: URLSearchParams;
}

/** A resource of the API: method, pattern of the path below the account (without `.json`; media keep their ending), and what it does. */
export interface RestRoute {
  method: 'GET' | 'POST' | 'DELETE';
  pattern: RegExp;
  handle(request: RestRequest): RestAnswer;
}

/** What a resource answers: JSON, or `data` as they are. */
export interface RestAnswer {
  status: number;
  body?: unknown;
  data?: Buffer;
  /** Content type of `data`. */
  type?: string;
}

/** Who may use the API. */
export interface RestAccount {
  accountSid: string;
  authToken: string;
  apiKeySid?: string;
  apiKeySecret?: string;
}

/** A request that the API got, kept for the tests. */
export interface RestLogEntry {
  method: string;
  path: string;
  form: Record<string, string | string[]>;
  status: number;
}

const BODY_LIMIT_BYTES = 1_048_576;

/** The HTTP side of the REST API: authentication, errors, failures on command. What the resources do is in the routes. */
export class RestApi {
  readonly log: RestLogEntry[] = [];
  /**
   * Faults to come: `connect`, in place of doing what is asked; `message`, after it has been done. `matchText` looks at method,
   * path and form. See faults.ts.
   */
  readonly faults = new Faults();
  private readonly routes: RestRoute[] = [];
  private failures: { left: number; error: RestError; match: RegExp }[] = [];

  constructor(
    private readonly account: RestAccount,
    private readonly network: NetworkOptions,
  ) {}

  add(...routes: RestRoute[]): void {
    this.routes.push(...routes);
  }

  /** The next `count` requests whose path matches fail, e.g. with 429/20429 or 503/20503. */
  failNext(count: number, status = 429, code = 20429, match = /^/): void {
    this.failures.push({ left: count, error: new RestError(status, code, 'Failure on command'), match });
  }

  async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= BODY_LIMIT_BYTES) chunks.push(chunk);
    }
    await wait(oneWayMs(this.network));
    const text = Buffer.concat(chunks).toString('utf8');
    const fault = this.faults.take('connect', { text: `${request.method ?? ''} ${url.pathname} ${text}` });
    if (fault) return strikeRest(fault, response, (status) => errorBody(new RestError(status, status === 429 ? 20429 : 20500, 'Failure on command'))); // prettier-ignore
    const form = new URLSearchParams(text);
    const answer = this.answer(request, url, form);
    this.log.push({ method: request.method ?? '', path: url.pathname, form: toRecord(form), status: answer.status });
    await wait(oneWayMs(this.network));
    const silent = this.faults.take('message', { text: `${request.method ?? ''} ${url.pathname} ${text}` });
    // Carried out, and nobody is told: what a lost answer looks like.
    if (silent) return void (silent.kind === 'stall-before-first-byte' || reset(response.socket ?? request.socket));
    const body = answer.data ?? (answer.body === undefined ? undefined : JSON.stringify(answer.body));
    response.writeHead(answer.status, {
      'content-type': answer.type ?? 'application/json',
      'twilio-request-id': `RQ${Date.now()}`,
      ...answer.headers,
    });
    response.end(body);
  }

  private answer(
    request: http.IncomingMessage,
    url: URL,
    form: URLSearchParams,
  ): RestAnswer & { headers?: Record<string, string> } {
    try {
      const path = this.accountPath(request, url);
      const failure = this.failures.find((each) => each.left > 0 && each.match.test(url.pathname));
      if (failure) {
        failure.left--;
        throw failure.error;
      }
      if (request.method === 'POST') requireForm(request);
      for (const route of this.routes) {
        const match = route.method === request.method ? route.pattern.exec(path) : null;
        if (match) return route.handle({ path: match.slice(1), query: url.searchParams, form });
      }
      throw notFound(url.pathname);
    } catch (error) {
      if (!(error instanceof RestError)) throw error;
      const { status } = error;
      const headers: Record<string, string> = status === 401 ? { 'www-authenticate': 'Basic realm="Twilio API"' } : {};
      return { status, body: errorBody(error), headers };
    }
  }

  /** The path below the account, without `.json`. */
  private accountPath(request: http.IncomingMessage, url: URL): string {
    const match = /^\/2010-04-01\/Accounts\/([^/]+)(\/.*)?$/.exec(url.pathname);
    const below = match?.[2] ?? '';
    // Media alone may have another ending; without any, a recording is a WAV file.
    const path = /^\/Recordings\/RE[^/.]+$/.test(below) ? `${below}.wav` : below.replace(/\.json$/, '');
    if (!match || (path === below && !/\.(wav|mp3)$/.test(path))) throw notFound(url.pathname);
    if (!this.authenticated(request.headers.authorization) || match[1] !== this.account.accountSid) {
      throw new RestError(401, 20003, 'Authenticate');
    }
    return path;
  }

  private authenticated(header: string | undefined): boolean {
    const { accountSid, authToken, apiKeySid, apiKeySecret } = this.account;
    const given = /^Basic (.+)$/i.exec(header ?? '')?.[1];
    if (given === undefined) return false;
    const pairs = [`${accountSid}:${authToken}`];
    if (apiKeySid && apiKeySecret) pairs.push(`${apiKeySid}:${apiKeySecret}`);
    const actual = Buffer.from(given, 'base64');
    return pairs
      .map((pair) => Buffer.from(pair))
      .some((pair) => pair.length === actual.length && timingSafeEqual(pair, actual));
  }
}

function errorBody({ status, code, message }: RestError): object {
  return { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status };
}

function requireForm(request: http.IncomingMessage): void {
  const type = request.headers['content-type'];
  const empty = request.headers['content-length'] === '0';
  if (!empty && !type?.startsWith('application/x-www-form-urlencoded')) {
    throw new RestError(415, 20415, `Unsupported content type ${type ?? '(none)'}: the API takes forms`);
  }
}

function toRecord(form: URLSearchParams): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = {};
  for (const key of new Set(form.keys())) {
    const values = form.getAll(key);
    record[key] = values.length > 1 ? values : (values[0] ?? '');
  }
  return record;
}
