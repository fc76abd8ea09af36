import type { ResponseCreateParamsStreaming } from 'openai/resources/responses/responses';
import { ProviderError } from '../call/errors';
import { clientOf, count, record, speaksOpenAi, withOptions } from './model';
import type { ModelEvent, ModelRequest, ModelStream, Usage } from './model';
import { errorInStream, modelError } from './model-errors';

/** The body of a request to `/v1/responses` (contracts: openai.md, 3.1). Nothing is stored at the provider. */
export function responsesBody(request: ModelRequest): Record<string, unknown> {
  const { model, instructions, messages, maxTokens, temperature, reasoningEffort, options } = request;
  const modern = speaksOpenAi(request.baseUrl, model);
  // An input there must be: where nobody has said anything yet, the instructions are what is answered.
  const input =
    messages.length > 0
      ? messages.map(({ role, text }) => ({ role, content: text }))
      : [{ role: 'developer', content: instructions === '' ? 'Begin the conversation.' : instructions }];
  return withOptions(
    {
      model,
      store: false,
      instructions: instructions === '' ? undefined : instructions,
      input,
      max_output_tokens: maxTokens,
      temperature,
      reasoning: reasoningEffort === undefined ? undefined : { effort: reasoningEffort },
      stream_options: modern ? { include_obfuscation: false } : undefined,
    },
    options,
    modern,
  );
}

/**
 * Asks the Responses API and gives what it writes as it comes. Text of phase `commentary` is spoken too: on a phone a
 * "let me see" is better than silence.
 * @throws ProviderError
 */
export async function* streamResponses(request: ModelRequest, signal: AbortSignal): ModelStream {
  try {
    const body = responsesBody(request) as unknown as ResponseCreateParamsStreaming;
    const stream = await clientOf(request).responses.create(body, { signal, headers: request.headers });
    const reader = new ResponsesReader();
    let ended = false;
    // Read to the end of the body, not only to the last event: a body that is left unread costs the connection.
    for await (const raw of stream as AsyncIterable<unknown>) {
      if (ended) continue;
      const event = reader.read(raw);
      ended = event.type === 'end';
      yield event;
    }
    if (!signal.aborted && !ended) throw reader.brokenOff();
  } catch (err) {
    if (!signal.aborted) throw modelError(err);
  }
}

/** Understands the events of one response; knows nothing of HTTP. */
export class ResponsesReader {
  private events = 0;
  private item = '';
  private spoke = false;

  /** @throws ProviderError for the errors that are told inside a stream */
  read(raw: unknown): ModelEvent {
    const event = record(raw);
    const type = event.type;
    if (typeof type !== 'string') return { type: 'strange', what: 'an event without a type' };
    this.events++;
    switch (type) {
      case 'response.output_text.delta':
        return this.text('text', event);
      case 'response.refusal.delta':
        return this.text('refusal', event);
      case 'response.completed':
        return this.end(event.response);
      case 'response.incomplete': {
        const reason = record(record(event.response).incomplete_details).reason;
        return this.end(event.response, reason === 'content_filter' ? 'content-filter' : 'length');
      }
      case 'response.failed':
        throw errorInStream(record(record(event.response).error));
      case 'error':
        // Flat by the type files, nested in recordings.
        throw errorInStream(typeof event.error === 'object' ? record(event.error) : event);
      default:
        return { type: 'alive' };
    }
  }

  /** What it means that the stream has ended without its last event. */
  brokenOff(): ProviderError {
    return this.events === 0
      ? new ProviderError('openai', 'protocol', 'the answer is no event stream')
      : new ProviderError('openai', 'closed', 'the answer broke off');
  }

  private text(type: 'text' | 'refusal', event: Readonly<Record<string, unknown>>): ModelEvent {
    if (typeof event.delta !== 'string') return { type: 'strange', what: 'a text event without text' };
    // Two messages of one reply (commentary, answer) come without a space between them.
    const item = typeof event.item_id === 'string' ? event.item_id : '';
    const gap = this.spoke && item !== this.item ? ' ' : '';
    this.item = item;
    this.spoke = true;
    return { type, text: gap + event.delta };
  }

  private end(value: unknown, finish: 'stop' | 'length' | 'content-filter' = 'stop'): ModelEvent {
    const response = record(value);
    const end: ModelEvent = { type: 'end', finish };
    if (typeof response.model === 'string') end.model = response.model;
    const usage = usageOf(response.usage);
    if (usage) end.usage = usage;
    return end;
  }
}

function usageOf(value: unknown): Usage | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const usage = record(value);
  return { inputTokens: count(usage.input_tokens), outputTokens: count(usage.output_tokens) };
}
