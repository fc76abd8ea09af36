/** POST /v1/responses: the request (contracts/openai.md 3.1). */
import { isObject } from '../loopback';
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
  record,
  type Check,
  type NormalMessage,
  type ReplyRequest,
} from './checks';
import { ApiError, invalidValue, missing, unknownParameter } from './errors';

type Body = Record<string, unknown>;

/** `max_output_tokens` below this is refused. */
const MIN_OUTPUT_TOKENS = 16;

const PARAMETERS: Record<string, Check> = {
  access_programs: anything,
  background: isBoolean,
  context_management: isList,
  conversation: anything,
  image: isRecord,
  include: isList,
  input: anything,
  instructions: isString,
  max_output_tokens: isInteger(MIN_OUTPUT_TOKENS),
  max_tool_calls: isInteger(1),
  metadata,
  model: isString,
  moderation: isRecord,
  parallel_tool_calls: isBoolean,
  previous_response_id: isString,
  prompt: isRecord,
  prompt_cache_key: isString,
  prompt_cache_options: isRecord,
  prompt_cache_retention: oneOf('in_memory', '24h'),
  reasoning: record({ effort: EFFORT, summary: oneOf('auto', 'concise', 'detailed'), generate_summary: anything }),
  safety_identifier: isString,
  service_tier: oneOf('auto', 'default', 'flex', 'scale', 'priority', 'fast'),
  store: isBoolean,
  stream: isBoolean,
  stream_options: record({ include_obfuscation: isBoolean }),
  temperature: isNumber(0, 2),
  text: record({ format: isRecord, verbosity: VERBOSITY }),
  tool_choice: anything,
  tools: isList,
  top_logprobs: isInteger(0, 20),
  top_p: isNumber(0, 1),
  truncation: oneOf('auto', 'disabled'),
  user: isString,
};

const MESSAGE_KEYS = ['type', 'role', 'content', 'id', 'status', 'phase'];
const CALL_KEYS = ['type', 'call_id', 'name', 'arguments', 'id', 'status', 'namespace'];
const OUTPUT_KEYS = ['type', 'call_id', 'output', 'id', 'status'];

/**
 * @param stored ids of stored responses, for `previous_response_id`
 * @param extraModels models served beside the known families
 */
export function readResponsesRequest(
  body: Body,
  stored: ReadonlySet<string>,
  extraModels: readonly string[],
): ReplyRequest {
  checkAll(body, PARAMETERS);
  const model = checkModel(body['model'], extraModels);
  const effort = (body['reasoning'] as Body | null | undefined)?.['effort'];
  checkSampling(body, model, effort, 'reasoning.effort');
  const previous = body['previous_response_id'] as string | null | undefined;
  if (typeof previous === 'string' && !stored.has(previous)) {
    const message = `Previous response with id '${previous}' not found.`;
    throw new ApiError(400, message, 'previous_response_not_found', 'previous_response_id');
  }
  const toolNames = readTools(body['tools']);
  return {
    api: 'responses',
    model,
    instructions: (body['instructions'] as string | null | undefined) ?? '',
    messages: readInput(body['input'], typeof previous === 'string'),
    toolNames,
    toolChoice: readToolChoice(body['tool_choice'], toolNames, (choice) => {
      if (choice['type'] !== 'function') throw invalidValue('tool_choice.type', 'only functions are simulated');
      return choice['name'];
    }),
    maxTokens: (body['max_output_tokens'] as number | null | undefined) ?? Infinity,
    stream: body['stream'] === true,
    includeUsage: true,
    obfuscation: (body['stream_options'] as Body | null | undefined)?.['include_obfuscation'] !== false,
  };
}

function readTools(tools: unknown): string[] {
  if (tools === undefined || tools === null) return [];
  return (tools as unknown[]).map((tool, i) => {
    const param = `tools[${i}]`;
    isRecord(tool, param);
    const { type, ...rest } = tool as Body;
    if (type === undefined) throw missing(`${param}.type`);
    if (type !== 'function') throw invalidValue(`${param}.type`, 'only functions are simulated');
    const unknown = Object.keys(rest).find((key) => !['name', 'description', 'parameters', 'strict'].includes(key));
    if (unknown !== undefined) throw unknownParameter(`${param}.${unknown}`);
    return checkFunction(rest, param);
  });
}

function readInput(input: unknown, continued: boolean): NormalMessage[] {
  if (input === undefined || input === null || input === '') throw missing('input');
  if (typeof input === 'string') return [{ role: 'user', text: input }];
  isList(input, 'input');
  const items = input as unknown[];
  if (items.length === 0) throw missing('input');
  const messages = items.flatMap((item, i) => readItem(item, `input[${i}]`));
  checkPairs(messages, continued);
  return messages;
}

function readItem(item: unknown, param: string): NormalMessage[] {
  if (!isObject(item)) throw invalidValue(param, 'must be an object');
  const type = item['type'] ?? 'message';
  switch (type) {
    case 'message':
      return [readMessage(item, param)];
    case 'function_call': {
      known(item, CALL_KEYS, param);
      const callId = required(item, 'call_id', param);
      const name = required(item, 'name', param);
      return [{ role: 'tool_call', text: required(item, 'arguments', param), name, callId }];
    }
    case 'function_call_output': {
      known(item, OUTPUT_KEYS, param);
      const callId = required(item, 'call_id', param);
      if (item['output'] === undefined) throw missing(`${param}.output`);
      const text = contentText(item['output'], `${param}.output`, ['input_text', 'input_image', 'input_file']);
      return [{ role: 'tool', text, callId }];
    }
    case 'reasoning':
      required(item, 'id', param);
      isList(item['summary'], `${param}.summary`);
      return [];
    default:
      throw invalidValue(`${param}.type`, `${JSON.stringify(type)} is not simulated`);
  }
}

function readMessage(item: Body, param: string): NormalMessage {
  known(item, MESSAGE_KEYS, param);
  const { role, content } = item;
  if (role === undefined) throw missing(`${param}.role`);
  oneOf('user', 'assistant', 'system', 'developer')(role, `${param}.role`);
  if (content === undefined) throw missing(`${param}.content`);
  const parts = role === 'assistant' ? ['output_text', 'refusal'] : ['input_text', 'input_image', 'input_file'];
  return { role: role as NormalMessage['role'], text: contentText(content, `${param}.content`, parts) };
}

/** Every call has its output, every output its call. */
function checkPairs(messages: NormalMessage[], continued: boolean): void {
  const calls = new Set<string>();
  const answered = new Set<string>();
  for (const { role, callId = '' } of messages) {
    if (role === 'tool_call') calls.add(callId);
    if (role !== 'tool') continue;
    if (!calls.has(callId) && !continued) {
      throw new ApiError(400, `No tool call found for function call output with call_id ${callId}.`, null, 'input');
    }
    answered.add(callId);
  }
  const open = [...calls].find((callId) => !answered.has(callId));
  if (open !== undefined) throw new ApiError(400, `No tool output found for function call ${open}.`, null, 'input');
}

function known(item: Body, keys: string[], param: string): void {
  const unknown = Object.keys(item).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw unknownParameter(`${param}.${unknown}`);
}

function required(item: Body, key: string, param: string): string {
  if (item[key] === undefined) throw missing(`${param}.${key}`);
  isString(item[key], `${param}.${key}`);
  return item[key] as string;
}
