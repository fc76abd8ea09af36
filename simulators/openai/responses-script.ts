/** An answer as the Responses API streams it (contracts/openai.md 3.2). */
import type { ReplyRequest } from './checks';
import { countTokens, tokensOf, type Answer } from './replies';
import { argumentPieces, type Script, type Step } from './script';

type Body = Record<string, unknown>;

/** What a model that only thinks has thought, tokens. */
const REASONING_TOKENS = 5;

export function responsesScript(request: ReplyRequest, answer: Answer, body: Body, freshId: () => string): Script {
  const responseId = `resp_${freshId()}`;
  const createdAt = Math.floor(Date.now() / 1000);
  let sequence = 0;
  const sse = (type: string, fields: Body): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...fields })}\n\n`;
  const obfuscation = (): Body => (request.obfuscation ? { obfuscation: freshId().slice(0, 8) } : {});
  const output: Body[] = [];
  const response = (status: string, extra: Body = {}): Body => ({
    id: responseId,
    object: 'response',
    created_at: createdAt,
    status,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: body['instructions'] ?? null,
    max_output_tokens: body['max_output_tokens'] ?? null,
    model: request.model,
    output: [...output],
    parallel_tool_calls: body['parallel_tool_calls'] ?? true,
    previous_response_id: body['previous_response_id'] ?? null,
    reasoning: body['reasoning'] ?? { effort: null, summary: null },
    store: body['store'] ?? true,
    temperature: body['temperature'] ?? 1,
    text: body['text'] ?? { format: { type: 'text' } },
    tool_choice: body['tool_choice'] ?? 'auto',
    tools: body['tools'] ?? [],
    top_p: body['top_p'] ?? 1,
    truncation: 'disabled',
    usage: null,
    metadata: body['metadata'] ?? {},
    ...extra,
  });

  const head =
    sse('response.created', { response: response('in_progress') }) +
    sse('response.in_progress', { response: response('in_progress') });
  const steps: Step[] = [];
  const allTokens = tokensOf(answer.text);
  const tokens = allTokens.slice(0, request.maxTokens);
  const unfinished = tokens.length < allTokens.length ? 'length' : answer.finish;
  let outputTokens = tokens.length;

  let reasoningTokens = 0;
  if (answer.reasoningOnly) {
    const item = { id: `rs_${freshId()}`, type: 'reasoning', summary: [] };
    let opening = sse('response.output_item.added', { output_index: 0, item });
    // Thoughts are not streamed; they only take their time.
    for (; reasoningTokens < REASONING_TOKENS; reasoningTokens++) {
      steps.push({ frames: opening, text: '', token: true });
      opening = '';
    }
    output.push(item);
    steps.push({ frames: sse('response.output_item.done', { output_index: 0, item }), text: '', token: false });
  } else if (tokens.length > 0 || answer.calls.length === 0) {
    const at = { item_id: `msg_${freshId()}`, output_index: output.length, content_index: 0 };
    const text = tokens.join('');
    const item = { id: at.item_id, type: 'message', role: 'assistant' };
    const part = (partText: string): Body =>
      answer.refuses
        ? { type: 'refusal', refusal: partText }
        : { type: 'output_text', text: partText, annotations: [], logprobs: [] };
    const kind = answer.refuses ? 'refusal' : 'output_text';
    const logprobs = answer.refuses ? {} : { logprobs: [] };
    let opening =
      sse('response.output_item.added', {
        output_index: at.output_index,
        item: { ...item, status: 'in_progress', content: [] },
      }) + sse('response.content_part.added', { ...at, part: part('') });
    for (const delta of tokens) {
      const frames = opening + sse(`response.${kind}.delta`, { ...at, delta, ...logprobs, ...obfuscation() });
      steps.push({ frames, text: delta, token: true });
      opening = '';
    }
    const done = { ...item, status: unfinished === undefined ? 'completed' : 'incomplete', content: [part(text)] };
    output.push(done);
    const frames =
      opening +
      sse(`response.${kind}.done`, { ...at, [answer.refuses ? 'refusal' : 'text']: text, ...logprobs }) +
      sse('response.content_part.done', { ...at, part: part(text) }) +
      sse('response.output_item.done', { output_index: at.output_index, item: done });
    steps.push({ frames, text: '', token: false });
  }

  for (const call of unfinished === undefined ? answer.calls : []) {
    const at = { item_id: `fc_${freshId()}`, output_index: output.length };
    const item = { id: at.item_id, type: 'function_call', call_id: call.callId, name: call.name };
    const added = { ...item, status: 'in_progress', arguments: '' };
    let opening = sse('response.output_item.added', { output_index: at.output_index, item: added });
    for (const delta of argumentPieces(call.arguments)) {
      const frames = opening + sse('response.function_call_arguments.delta', { ...at, delta, ...obfuscation() });
      steps.push({ frames, text: '', token: true });
      opening = '';
      outputTokens += 1;
    }
    const done = { ...item, status: 'completed', arguments: call.arguments };
    output.push(done);
    const frames =
      opening +
      sse('response.function_call_arguments.done', { ...at, name: call.name, arguments: call.arguments }) +
      sse('response.output_item.done', { output_index: at.output_index, item: done });
    steps.push({ frames, text: '', token: false });
  }

  const inputTokens = countTokens(request.messages, request.instructions);
  const usage = {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: outputTokens + reasoningTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: inputTokens + outputTokens + reasoningTokens,
  };
  const reason = unfinished === 'length' ? 'max_output_tokens' : unfinished;
  const whole =
    reason === undefined
      ? response('completed', { usage })
      : response('incomplete', { usage, incomplete_details: { reason } });
  steps.push({ frames: sse(`response.${whole['status'] as string}`, { response: whole }), text: '', token: false });

  return {
    head,
    steps,
    whole,
    // The nested error is what recordings show; the type files say flat. Parsers must accept both.
    failure: (code, message) =>
      sse('error', { error: { type: code, code, message, param: null } }) +
      sse('response.failed', { response: response('failed', { error: { code, message }, output: [] }) }),
  };
}
