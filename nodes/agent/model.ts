import OpenAI from 'openai';
import { isRecord } from '../call/message';
import { httpFetch } from './http-fetch';
import type { ModelMessage } from './conversation';

/** The wire on which a model is asked. */
export type Api = 'responses' | 'chat';

export const OPENAI_URL = 'https://api.openai.com/v1';

/** Where and with which key: what an account node gives. */
export interface Endpoint {
  /** With the version, without a slash at its end: `https://api.openai.com/v1`. */
  baseUrl: string;
  apiKey: string;
}

/** What a model is asked for one reply. */
export interface ModelRequest extends Endpoint {
  api: Api;
  model: string;
  instructions: string;
  messages: readonly ModelMessage[];
  maxTokens: number;
  /** Sent only if set: some models refuse it. */
  temperature: number | undefined;
  reasoningEffort: string | undefined;
  /** Further fields of the request; they win over ours, and null takes one of ours out. */
  options: Readonly<Record<string, unknown>>;
  headers: Readonly<Record<string, string>>;
}

/** How many tokens a reply took, as far as the provider says. */
export interface Usage {
  inputTokens: number;
  outputTokens: number;
}

/** What comes of a model while it writes, whichever API it is. */
export type ModelEvent =
  /** The model is at work: it has accepted the request, or thinks. */
  | { type: 'alive' }
  | { type: 'text'; text: string }
  /** The words in which the model declines; they are spoken. */
  | { type: 'refusal'; text: string }
  /** Something that no version of the API sends; the stream may go on. */
  | { type: 'strange'; what: string }
  | { type: 'end'; finish: 'stop' | 'length' | 'content-filter'; model?: string; usage?: Usage };

/**
 * A reply as it is written. It ends after `end`, or throws a ProviderError; after an abort it just ends.
 */
export type ModelStream = AsyncIterable<ModelEvent>;

/** Picks the API: Responses where it is OpenAI's own server, Chat Completions for any other. */
export function pickApi(setting: 'auto' | Api, baseUrl: string): Api {
  if (setting !== 'auto') return setting;
  return isOpenAi(baseUrl) ? 'responses' : 'chat';
}

/** True for OpenAI's own servers, its regional ones among them. */
export function isOpenAi(baseUrl: string): boolean {
  try {
    const { hostname } = new URL(baseUrl);
    return hostname === 'api.openai.com' || hostname.endsWith('.api.openai.com');
  } catch {
    return false;
  }
}

/**
 * True where the dialect is OpenAI's of today (`developer`, `max_completion_tokens`, `store`): its own server, or one of its
 * models behind a proxy. What other servers of Chat Completions all understand is the older one (`system`,
 * `max_tokens`). `gpt-oss` runs on those.
 */
export function speaksOpenAi(baseUrl: string, model: string): boolean {
  return isOpenAi(baseUrl) || /(^|\/)(gpt-\d|chatgpt-|o\d(-|$))/.test(model);
}

/** Clients by base URL and key: all calls of an account share one, and with it the connections that are kept alive. */
const clients = new Map<string, OpenAI>();
/** A bound, for accounts whose key is changed again and again. */
const MAX_CLIENTS = 50;
/** The SDK's own time limit only bounds what our time budget has missed, ms. */
const SDK_TIMEOUT_MS = 120_000;

/** The official client for an endpoint; without retries of its own, for only we know how much time is left. */
export function clientOf({ baseUrl, apiKey }: Endpoint): OpenAI {
  const key = `${baseUrl}\n${apiKey}`;
  let client = clients.get(key);
  if (!client) {
    client = new OpenAI({
      baseURL: baseUrl,
      // Servers of one's own often want none; the SDK does.
      apiKey: apiKey === '' ? 'none' : apiKey,
      maxRetries: 0,
      timeout: SDK_TIMEOUT_MS,
      fetch: httpFetch,
      // It would print to the console, and what it prints are the caller's words.
      logLevel: 'off',
    });
    clients.set(key, client);
    if (clients.size > MAX_CLIENTS) clients.delete(clients.keys().next().value ?? '');
  }
  return client;
}

/**
 * The request's body with the further fields that the ops person wants: these win, objects are put together field by field, and null
 * takes a field out. `stream` is ours, and so is `store`.
 * @param modern the server speaks OpenAI's dialect of today; of others some do not know `store`, and null takes it out
 */
export function withOptions(
  body: Readonly<Record<string, unknown>>,
  options: Readonly<Record<string, unknown>>,
  modern: boolean,
): Record<string, unknown> {
  return { ...merged(body, options), stream: true, ...(modern && { store: false }) };
}

function merged(
  ours: Readonly<Record<string, unknown>>,
  theirs: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const all = new Map(Object.entries(ours));
  for (const [name, value] of Object.entries(theirs)) {
    const known = all.get(name);
    all.set(name, isRecord(known) && isRecord(value) ? merged(known, value) : value);
  }
  // By entries, as JSON.parse does: a field named `__proto__` is a field like any other.
  return Object.fromEntries([...all].filter(([, value]) => value !== null && value !== undefined));
}

/** Any value as a record to look into: what comes from outside is of no type. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** A number of tokens, or 0. */
export function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
