/** POST /v1/chat/completions: the request (contracts/openai.md 2.1). */
import {
  EFFORT,
  VERBOSITY,
  anything,
  checkAll,
  checkFunction,
  checkModel,
  checkSampling,
  contentText,
  isBoolean,
  isInteger,
  isList,
  isNumber,
  isRecord,
  isString,
  metadata,
  oneOf,
  readToolChoice,
  reasons,
  record,
  refusesToolsWithEffort,
  type Check,
  type NormalMessage,
  type ReplyRequest,
} from './checks';
import { ApiError, invalidValue, missing, unknownParameter, unsupported } from './errors';

type Body = Record<string, unknown>;

const PARAMETERS: Record<string, Check> = {
  audio: isRecord,
  frequency_penalty: isNumber(-2, 2),
  function_call: anything,
  functions: isList,
  logit_bias: isRecord,
  logprobs: isBoolean,
  max_completion_tokens: isInteger(1),
  max_tokens: isInteger(1),
  messages: isList,
  metadata,
  modalities: isList,
  model: isString,
  moderation: isRecord,
  n: isInteger(1, 128),
  parallel_tool_calls: isBoolean,
  prediction: isRecord,
  presence_penalty: isNumber(-2, 2),
  prompt_cache_key: isString,
  prompt_cache_options: isRecord,
  prompt_cache_retention: oneOf('in_memory', '24h'),
  reasoning_effort: EFFORT,
  response_format: isRecord,
  safety_identifier: isString,
  seed: isInteger(Number.MIN_SAFE_INTEGER),
  service_tier: oneOf('auto', 'default', 'flex', 'scale', 'priority', 'fast'),
  stop: anything,
  store: isBoolean,
  stream: isBoolean,
  stream_options: record({ include_usage: isBoolean, include_obfuscation: isBoolean }),
  temperature: isNumber(0, 2),
  tool_choice: anything,
  tools: isList,
  top_logprobs: isInteger(0, 20),
  top_p: isNumber(0, 1),
  user: isString,
  verbosity: VERBOSITY,
  web_search_options: isRecord,
};

const MESSAGE_KEYS: Record<string, string[]> = {
  system: ['role', 'content', 'name'],
  developer: ['role', 'content', 'name'],
  user: ['role', 'content', 'name'],
  assistant: ['role', 'content', 'name', 'tool_calls', 'refusal', 'audio', 'function_call', 'annotations'],
  tool: ['role', 'content', 'tool_call_id'],
};

export function readChatRequest(body: Body, extraModels: readonly string[]): ReplyRequest {
  checkAll(body, PARAMETERS);
  const model = checkModel(body['model'], extraModels);
  const effort = body['reasoning_effort'];
  checkSampling(body, model, effort, 'reasoning_effort');
  if (given(body, 'max_tokens') && reasons(model)) {
    throw unsupported('max_tokens', "is not supported with this model. Use 'max_completion_tokens' instead");
  }
  if (given(body, 'functions') || given(body, 'function_call'))
    throw unsupported('functions', 'is not simulated; use tools');
  if (given(body, 'n') && body['n'] !== 1) throw unsupported('n', 'above 1 is not simulated');
  if (given(body, 'stream_options') && body['stream'] !== true) {
    throw invalidValue('stream_options', 'only allowed when stream is true');
  }
  const toolNames = readTools(body);
  if (toolNames.length > 0 && given(body, 'reasoning_effort') && effort !== 'none' && refusesToolsWithEffort(model)) {
    const message = `Function tools with reasoning_effort are not supported for ${model} in /v1/chat/completions. Please use /v1/responses instead.`;
    throw new ApiError(400, message, null, 'reasoning_effort');
  }
  const messages = readMessages(body['messages']);
  const options = body['stream_options'] as Body | null | undefined;
  return {
    api: 'chat',
    model,
    instructions: leadingInstructions(messages),
    messages,
    toolNames,
    toolChoice: readToolChoice(body['tool_choice'], toolNames, (choice) => {
      if (choice['type'] !== 'function') throw invalidValue('tool_choice.type', 'only functions are simulated');
      return (choice['function'] as Body | undefined)?.['name'];
    }),
    maxTokens: ((body['max_completion_tokens'] ?? body['max_tokens']) as number | null | undefined) ?? Infinity,
    stream: body['stream'] === true,
    includeUsage: options?.['include_usage'] === true,
    obfuscation: options?.['include_obfuscation'] !== false,
  };
}

function readTools(body: Body): string[] {
  if (!given(body, 'tools')) {
    const alone = ['tool_choice', 'parallel_tool_calls'].find((name) => given(body, name));
    if (alone !== undefined) throw invalidValue(alone, "is only allowed when 'tools' are specified");
    return [];
  }
  const tools = body['tools'] as unknown[];
  if (tools.length === 0) throw new ApiError(400, "Invalid 'tools': empty array.", 'empty_array', 'tools');
  return tools.map((tool, i) => {
    const param = `tools[${i}]`;
    isRecord(tool, param);
    const { type, function: definition, ...rest } = tool as Body;
    if (type !== 'function') throw invalidValue(`${param}.type`, 'only functions are simulated');
    if (definition === undefined) throw missing(`${param}.function`);
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) throw unknownParameter(`${param}.${unknown}`);
    isRecord(definition, `${param}.function`);
    known(definition as Body, ['name', 'description', 'parameters', 'strict'], `${param}.function`);
    return checkFunction(definition as Body, `${param}.function`);
  });
}

function readMessages(value: unknown): NormalMessage[] {
  if (value === undefined || value === null) throw missing('messages');
  const list = value as unknown[];
  if (list.length === 0) throw new ApiError(400, "Invalid 'messages': empty array.", 'empty_array', 'messages');
  const messages: NormalMessage[] = [];
  /** Calls of the last assistant message that wait for their results. */
  let open: string[] = [];
  list.forEach((entry, i) => {
    const param = `messages[${i}]`;
    isRecord(entry, param);
    const message = entry as Body;
    const { role } = message;
    if (role === undefined) throw missing(`${param}.role`);
    oneOf(...Object.keys(MESSAGE_KEYS))(role, `${param}.role`);
    known(message, MESSAGE_KEYS[role as string] ?? [], param);
    if (role === 'tool') {
      const id = message['tool_call_id'];
      if (id === undefined) throw missing(`${param}.tool_call_id`);
      if (!open.includes(id as string)) {
        const why = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'";
        throw new ApiError(400, `Invalid parameter: ${why}.`, null, `${param}.role`);
      }
      open = open.filter((waiting) => waiting !== id);
      messages.push({
        role,
        text: contentText(message['content'], `${param}.content`, ['text']),
        callId: id as string,
      });
      return;
    }
    refuseUnanswered(open, param);
    if (role === 'assistant') {
      const calls = readCalls(message['tool_calls'], `${param}.tool_calls`);
      const content = message['content'] ?? undefined;
      if (content === undefined && calls.length === 0) throw missing(`${param}.content`);
      if (content !== undefined) {
        messages.push({ role, text: contentText(content, `${param}.content`, ['text', 'refusal']) });
      }
      messages.push(...calls);
      open = calls.map((call) => call.callId ?? '');
      return;
    }
    const types = role === 'user' ? ['text', 'image_url', 'input_audio', 'file'] : ['text'];
    messages.push({ role: role as 'user', text: contentText(message['content'], `${param}.content`, types) });
  });
  refuseUnanswered(open, 'messages');
  return messages;
}

function readCalls(value: unknown, param: string): NormalMessage[] {
  if (value === undefined || value === null) return [];
  isList(value, param);
  const calls = value as unknown[];
  if (calls.length === 0) throw new ApiError(400, `Invalid '${param}': empty array.`, 'empty_array', param);
  return calls.map((entry, i) => {
    const at = `${param}[${i}]`;
    isRecord(entry, at);
    const { id, type, function: called } = entry as Body;
    isString(id, `${at}.id`);
    if (type !== 'function') throw invalidValue(`${at}.type`, 'only functions are simulated');
    isRecord(called, `${at}.function`);
    const { name, arguments: text } = called as Body;
    isString(name, `${at}.function.name`);
    isString(text, `${at}.function.arguments`);
    return { role: 'tool_call', text: text as string, name: name as string, callId: id as string };
  });
}

function refuseUnanswered(open: string[], param: string): void {
  if (open.length === 0) return;
  const message =
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
    `The following tool_call_ids did not have response messages: ${open.join(', ')}`;
  throw new ApiError(400, message, null, param);
}

function leadingInstructions(messages: NormalMessage[]): string {
  const end = messages.findIndex(({ role }) => role !== 'system' && role !== 'developer');
  return messages
    .slice(0, end < 0 ? messages.length : end)
    .map(({ text }) => text)
    .join('\n');
}

function given(body: Body, name: string): boolean {
  return body[name] !== undefined && body[name] !== null;
}

function known(value: Body, keys: string[], param: string): void {
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw unknownParameter(`${param}.${unknown}`);
}
