/**
 * OpenAI on loopback: its text APIs, /v1/responses and /v1/chat/completions (contracts/openai.md 2, 3, 6), and Realtime
 * transcription, /v1/realtime (1).
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Fault, FaultKind } from '../faults';
import { LoopbackServer, parseObject, record, reset, retryHeaders, type LoopbackOptions } from '../loopback';
import { chatScript } from './chat-script';
import { readChatRequest } from './chat-request';
import type { NormalMessage, ReplyRequest } from './checks';
import { ApiError, errorFor } from './errors';
import { play } from './play';
import type { TranscriptionPace } from './realtime';
import { RealtimeDoor } from './realtime-door';
import type { TranscriptionLog } from './realtime-log';
import { Replies, type Answer, type ReplyRule } from './replies';
import { readResponsesRequest } from './responses-request';
import { responsesScript } from './responses-script';

export type { NormalMessage } from './checks';
export type { TranscriptionPace } from './realtime';
export type { TranscriptionLog } from './realtime-log';
export type { ReplyRule, ToolCall } from './replies';

export interface OpenAiOptions extends LoopbackOptions {
  /** What the model answers; the default is `You said: <last user text>.` */
  replies?: ReplyRule[];
  /** ms from the request to the first token, default 50. */
  firstTokenMs?: number;
  /** ms between tokens, default 5. */
  tokenMs?: number;
  /** Cut each stream into writes of so many bytes; default: a write per event. */
  sseSplitBytes?: number;
  /** Models served beside OpenAI's. */
  models?: readonly string[];
  /** How Realtime sessions transcribe. */
  transcription?: TranscriptionPace;
}

/** One accepted request. Times are of Date.now(). */
export interface OpenAiRequest {
  api: 'responses' | 'chat';
  model: string;
  /** Chat: the leading system and developer messages. */
  instructions: string;
  messages: NormalMessage[];
  /** The body as it came; `store` stands in it. */
  body: Record<string, unknown>;
  /** Without authorization. */
  headers: Record<string, string>;
  key: string;
  startedAt: number;
  firstTokenAt: number | undefined;
  /** How long the model took from the request to its first token, in ms and fractions: its own part of a turn's latency. */
  firstTokenAfterMs: number | undefined;
  finishedAt: number | undefined;
  /** The client closed before the end. */
  aborted: boolean;
  /** Text sent so far. */
  textSent: string;
  /** Functions called by the answer. */
  toolCalls: Answer['calls'];
  /** The fault that struck this request last. */
  fault: FaultKind | undefined;
}

const MAX_BODY_BYTES = 10_000_000;

export class OpenAiSimulator extends LoopbackServer {
  /** Every accepted request, oldest first. */
  readonly requests: OpenAiRequest[] = [];
  /** Every refused request. */
  readonly refusals: { status: number; code: string | null; message: string; url: string; body: unknown }[] = [];
  /** What is open now. */
  readonly open = { requests: 0, sockets: 0 };
  /** The rules in force; may be changed at any time. */
  readonly replies: ReplyRule[];
  /** How Realtime sessions transcribe; may be changed at any time. */
  readonly transcription: TranscriptionPace;
  private readonly door: RealtimeDoor;
  private readonly book: Replies;
  private readonly stored = new Set<string>();

  constructor(private readonly options: OpenAiOptions = {}) {
    super(options);
    this.replies = [...(options.replies ?? [])];
    this.book = new Replies(this.replies);
    this.transcription = { ...options.transcription };
    this.door = new RealtimeDoor({
      ...{ keys: this.keys, faults: this.faults, pace: this.transcription, logLimit: this.logLimit, freshId },
      line: () => this.line(),
      count: (change) => (this.open.sockets += change),
      refused: ({ status, code, message }, url) =>
        record(this.refusals, { status, code, message, url, body: undefined }, this.logLimit),
    });
  }

  /** Every Realtime transcription session, oldest first. */
  get sessions(): TranscriptionLog[] {
    return this.door.sessions;
  }

  /** To be used as the SDK's baseURL. */
  get url(): string {
    return `http://${this.authority}/v1`;
  }

  protected override onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.door.upgrade(request, socket, head);
  }

  protected onRequest(request: IncomingMessage, response: ServerResponse): void {
    this.open.requests += 1;
    response.on('close', () => (this.open.requests -= 1));
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    });
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    const line = this.line();
    response.on('close', () => line.clear());
    request.on('end', () => {
      line.run(() =>
        this.answer(request, response, size > MAX_BODY_BYTES ? '' : Buffer.concat(chunks).toString('utf8')),
      );
    });
  }

  private answer(request: IncomingMessage, response: ServerResponse, text: string): void {
    const body = parseObject(text);
    const key = /^Bearer (\S+)$/u.exec(request.headers.authorization ?? '')?.[1];
    const target = { key, model: typeof body?.['model'] === 'string' ? body['model'] : undefined, text };
    const fault = this.faults.take('connect', target) ?? this.faults.take('message', target);
    try {
      if (fault !== undefined && this.strike(fault, response)) return;
      const asked = this.read(request, key, body);
      this.reply(request, response, asked, body ?? {}, key ?? '', fault);
    } catch (error) {
      const refusal = error instanceof ApiError ? error : new ApiError(500, String(error), null, null, 'server_error');
      record(
        this.refusals,
        { status: refusal.status, code: refusal.code, message: refusal.message, url: request.url ?? '', body },
        this.logLimit,
      );
      const hint = fault?.kind === 'status' ? fault : undefined;
      const headers = retryHeaders(hint?.retryAfterMs);
      if (refusal.status >= 300 && refusal.status < 400) headers.location = `http://${this.authority}/elsewhere`;
      send(response, refusal.status, hint?.body ?? refusal.body, headers);
    }
  }

  /** Answers whether the request ends here; what strikes in the stream is left to it. */
  private strike(fault: Fault, response: ServerResponse): boolean {
    if (fault.kind === 'status') throw errorFor(fault.status ?? 500, fault.errorCode);
    if (fault.kind === 'refuse' && response.socket !== null) reset(response.socket);
    return fault.kind === 'refuse';
  }

  private read(
    request: IncomingMessage,
    key: string | undefined,
    body: Record<string, unknown> | undefined,
  ): ReplyRequest {
    const path = (request.url ?? '').split('?')[0];
    if (path !== '/v1/responses' && path !== '/v1/chat/completions') {
      throw new ApiError(404, `Invalid URL (${request.method} ${path})`);
    }
    if (request.method !== 'POST')
      throw new ApiError(405, `Not allowed to ${request.method} on ${path}`, 'method_not_supported');
    if (key === undefined) throw new ApiError(401, "You didn't provide an API key.", null);
    if (!this.keys.has(key)) throw errorFor(401);
    if (!/^application\/json\b/u.test(request.headers['content-type'] ?? '')) {
      throw new ApiError(400, "Unsupported content type. This API method only accepts 'application/json' requests.");
    }
    if (body === undefined) throw new ApiError(400, 'We could not parse the JSON body of your request.');
    const { models = [] } = this.options;
    return path === '/v1/responses' ? readResponsesRequest(body, this.stored, models) : readChatRequest(body, models);
  }

  private reply(
    request: IncomingMessage,
    response: ServerResponse,
    asked: ReplyRequest,
    body: Record<string, unknown>,
    key: string,
    early: Fault | undefined,
  ): void {
    const askedAt = performance.now();
    const answer = this.book.answer(asked, freshId);
    const script =
      asked.api === 'responses' ? responsesScript(asked, answer, body, freshId) : chatScript(asked, answer, freshId);
    if (asked.api === 'responses' && body['store'] !== false) this.remember(String(script.whole['id']));
    const entry = this.log(request, response, asked, body, key, answer);
    entry.fault = early?.kind;
    // Not even the status line: the client cannot tell whether it was heard.
    if (early?.kind === 'stall-before-first-byte') return;
    const firstTokenMs = answer.firstTokenMs ?? this.options.firstTokenMs ?? 50;
    const tokenMs = answer.tokenMs ?? this.options.tokenMs ?? 5;
    const onEnd = (): void => {
      entry.finishedAt ??= Date.now();
    };
    if (!asked.stream) {
      const tokens = script.steps.filter((step) => step.token).length;
      const timer = setTimeout(
        () => {
          entry.textSent = answer.text;
          send(response, 200, script.whole, {}, onEnd);
        },
        firstTokenMs + tokens * tokenMs,
      );
      response.on('close', () => clearTimeout(timer));
      return;
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-request-id': `req_${freshId()}`,
    });
    response.flushHeaders();
    let pending = early;
    play({
      script,
      response,
      line: this.line(),
      firstTokenMs,
      tokenMs,
      splitBytes: this.options.sseSplitBytes,
      faultAt: (count) => {
        const fault = pending ?? this.midStream(asked.model, key, body, count);
        pending = undefined;
        if (fault !== undefined) entry.fault = fault.kind;
        return fault;
      },
      onToken: (token) => {
        entry.firstTokenAt ??= Date.now();
        entry.firstTokenAfterMs ??= performance.now() - askedAt;
        entry.textSent += token;
      },
      onEnd,
    });
  }

  private midStream(model: string, key: string, body: Record<string, unknown>, count: number): Fault | undefined {
    if (!this.faults.any) return undefined;
    return this.faults.take('mid-stream', { key, model, text: JSON.stringify(body), count });
  }

  private log(
    request: IncomingMessage,
    response: ServerResponse,
    asked: ReplyRequest,
    body: Record<string, unknown>,
    key: string,
    answer: Answer,
  ): OpenAiRequest {
    const { authorization: _secret, ...headers } = request.headers;
    const entry: OpenAiRequest = {
      api: asked.api,
      model: asked.model,
      instructions: asked.instructions,
      messages: asked.messages,
      body,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      key,
      startedAt: Date.now(),
      firstTokenAt: undefined,
      firstTokenAfterMs: undefined,
      finishedAt: undefined,
      aborted: false,
      textSent: '',
      toolCalls: answer.calls,
      fault: undefined,
    };
    record(this.requests, entry, this.logLimit);
    response.on('close', () => {
      const brokenByUs = entry.fault === 'close-mid-stream' || entry.fault === 'refuse';
      entry.aborted = !response.writableEnded && !brokenByUs;
      entry.finishedAt ??= Date.now();
    });
    return entry;
  }

  private remember(responseId: string): void {
    this.stored.add(responseId);
    const [oldest] = this.stored;
    if (this.stored.size > this.logLimit && oldest !== undefined) this.stored.delete(oldest);
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string>,
  onEnd?: () => void,
): void {
  // What is no JSON is a page of something that stands before the API.
  const type = typeof body === 'string' && body.startsWith('<') ? 'text/html' : 'application/json';
  response.writeHead(status, { 'content-type': type, 'x-request-id': `req_${freshId()}`, ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body), onEnd);
}

function freshId(): string {
  return randomBytes(12).toString('hex');
}
