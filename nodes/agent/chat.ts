import type { ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions';
import { ProviderError } from '../call/errors';
import { clientOf, count, record, speaksOpenAi, withOptions } from './model';
import type { ModelEvent, ModelRequest, ModelStream, Usage } from './model';
import { errorInStream, modelError } from './model-errors';

/**
 * The body of a request to `/v1/chat/completions` (contracts: openai.md, 2.1), in OpenAI's dialect of today or in
 * the older one that every compatible server understands.
 */
export function chatBody(request: ModelRequest): Record<string, unknown> {
  const { model, instructions, messages, maxTokens, temperature, reasoningEffort, options } = request;
  const modern = speaksOpenAi(request.baseUrl, model);
  const system = { role: modern ? 'developer' : 'system', content: instructions };
  const spoken = messages.map(({ role, text }) => ({ role, content: text }));
  const lead = instructions === '' && spoken.length === 0 ? 'Begin the conversation.' : instructions;
  return withOptions(
    {
      model,
      messages: lead === '' ? spoken : [{ ...system, content: lead }, ...spoken],
      ...(modern
        ? {
            max_completion_tokens: maxTokens,
            store: false,
            stream_options: { include_usage: true, include_obfuscation: false },
          }
        : { max_tokens: maxTokens, stream_options: { include_usage: true } }),
      temperature,
      reasoning_effort: reasoningEffort,
    },
    options,
    modern,
  );
}

/**
 * Asks a server of Chat Completions and gives what it writes as it comes.
 * @throws ProviderError
 */
export async function* streamChat(request: ModelRequest, signal: AbortSignal): ModelStream {
  try {
    const body = chatBody(request) as unknown as ChatCompletionCreateParamsStreaming;
    const stream = await clientOf(request).chat.completions.create(body, { signal, headers: request.headers });
    const reader = new ChatReader();
    for await (const raw of stream as AsyncIterable<unknown>) {
      yield reader.read(raw);
    }
    if (!signal.aborted) yield reader.end();
  } catch (err) {
    if (!signal.aborted) throw modelError(err);
  }
}

/** Understands the chunks of one completion; knows nothing of HTTP. */
export class ChatReader {
  private chunks = 0;
  private finish: string | undefined;
  private model: string | undefined;
  private usage: Usage | undefined;

  /** @throws ProviderError for an error that is told inside a stream */
  read(raw: unknown): ModelEvent {
    const chunk = record(raw);
    if (typeof chunk.error === 'object' && chunk.error !== null) throw errorInStream(record(chunk.error));
    if (!Array.isArray(chunk.choices) && typeof chunk.usage !== 'object' && typeof chunk.object !== 'string') {
      return { type: 'strange', what: 'a chunk without choices' };
    }
    this.chunks++;
    if (typeof chunk.model === 'string') this.model = chunk.model;
    this.readUsage(chunk.usage);
    // The usage chunk has no choice, and the first of some servers has none either.
    const choice = record(Array.isArray(chunk.choices) ? chunk.choices[0] : undefined);
    if (typeof choice.finish_reason === 'string') this.finish = choice.finish_reason;
    const delta = record(choice.delta);
    if (typeof delta.content === 'string' && delta.content !== '') return { type: 'text', text: delta.content };
    if (typeof delta.refusal === 'string' && delta.refusal !== '') return { type: 'refusal', text: delta.refusal };
    return { type: 'alive' };
  }

  /**
   * What the end of the stream means.
   * @throws ProviderError if it broke off
   */
  end(): ModelEvent {
    if (this.chunks === 0) throw new ProviderError('openai', 'protocol', 'the answer is no event stream');
    if (this.finish === undefined) throw new ProviderError('openai', 'closed', 'the answer broke off');
    const finish = this.finish === 'content_filter' ? 'content-filter' : this.finish === 'length' ? 'length' : 'stop';
    const end: ModelEvent = { type: 'end', finish };
    if (this.model !== undefined) end.model = this.model;
    if (this.usage) end.usage = this.usage;
    return end;
  }

  private readUsage(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    const usage = record(value);
    this.usage = { inputTokens: count(usage.prompt_tokens), outputTokens: count(usage.completion_tokens) };
  }
}
