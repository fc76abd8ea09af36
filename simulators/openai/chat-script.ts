/** An answer as Chat Completions streams it (contracts/openai.md 2.2). */
import type { ReplyRequest } from './checks';
import { countTokens, tokensOf, type Answer } from './replies';
import { argumentPieces, type Script, type Step } from './script';

type Body = Record<string, unknown>;

/** What a model that only thinks has thought, tokens. */
const REASONING_TOKENS = 5;

export function chatScript(request: ReplyRequest, answer: Answer, freshId: () => string): Script {
  const base = { id: `chatcmpl-${freshId()}`, created: Math.floor(Date.now() / 1000), model: request.model };
  const sse = (fields: Body): string => `data: ${JSON.stringify(fields)}\n\n`;
  const chunk = (delta: Body, finish: string | null = null): string =>
    sse({
      ...base,
      object: 'chat.completion.chunk',
      service_tier: 'default',
      system_fingerprint: null,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(request.includeUsage ? { usage: null } : {}),
      ...(request.obfuscation ? { obfuscation: freshId().slice(0, 8) } : {}),
    });

  const allTokens = tokensOf(answer.text);
  const tokens = allTokens.slice(0, request.maxTokens);
  const text = tokens.join('');
  const unfinished = tokens.length < allTokens.length ? 'length' : answer.finish;
  const calls = unfinished === undefined ? answer.calls : [];
  const steps: Step[] = [];
  // The role comes with the first token; only a call without text has null content.
  let opening = tokens.length > 0 || calls.length === 0 ? chunk({ role: 'assistant', content: '', refusal: null }) : '';
  let outputTokens = tokens.length;
  const reasoningTokens = answer.reasoningOnly ? REASONING_TOKENS : 0;
  // Thoughts are not streamed here; they only take their time.
  for (let i = 0; i < reasoningTokens; i++) steps.push({ frames: '', text: '', token: true });
  for (const content of tokens) {
    const delta = answer.refuses ? { refusal: content } : { content };
    steps.push({ frames: opening + chunk(delta), text: content, token: true });
    opening = '';
  }
  calls.forEach((call, index) => {
    const named = { index, id: call.callId, type: 'function', function: { name: call.name, arguments: '' } };
    const role = index === 0 && tokens.length === 0 ? { role: 'assistant', content: null } : {};
    opening += chunk({ ...role, tool_calls: [named] });
    for (const piece of argumentPieces(call.arguments)) {
      const delta = { tool_calls: [{ index, function: { arguments: piece } }] };
      steps.push({ frames: opening + chunk(delta), text: '', token: true });
      opening = '';
      outputTokens += 1;
    }
  });

  const finish = unfinished ?? (calls.length > 0 ? 'tool_calls' : 'stop');
  const promptTokens = countTokens(request.messages, '');
  const usage = {
    prompt_tokens: promptTokens,
    completion_tokens: outputTokens + reasoningTokens,
    total_tokens: promptTokens + outputTokens + reasoningTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
  const ending =
    opening +
    chunk({}, finish) +
    (request.includeUsage ? sse({ ...base, object: 'chat.completion.chunk', choices: [], usage }) : '') +
    'data: [DONE]\n\n';
  steps.push({ frames: ending, text: '', token: false });

  const toolCalls = calls.map(({ callId, name, arguments: args }) => ({
    id: callId,
    type: 'function',
    function: { name, arguments: args },
  }));
  const message = {
    role: 'assistant',
    content: answer.refuses || (tokens.length === 0 && calls.length > 0) ? null : text,
    refusal: answer.refuses ? text : null,
    ...(calls.length > 0 ? { tool_calls: toolCalls } : {}),
  };
  return {
    head: '',
    steps,
    whole: {
      ...base,
      object: 'chat.completion',
      choices: [{ index: 0, message, logprobs: null, finish_reason: finish }],
      usage,
    },
    failure: (code, why) => sse({ error: { message: why, type: 'server_error', param: null, code } }),
  };
}
