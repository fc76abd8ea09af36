/** Checks that both text APIs share: parameter types, models, tools. */
import { isObject } from '../loopback';
import { ApiError, invalidType, invalidValue, missing, unknownParameter, unsupported } from './errors';

export type Check = (value: unknown, param: string) => void;
type Body = Record<string, unknown>;

/** What a reply is made from, whichever API asked. */
export interface ReplyRequest {
  api: 'responses' | 'chat';
  model: string;
  /** Responses: `instructions`; chat: the text of the leading system and developer messages. */
  instructions: string;
  messages: NormalMessage[];
  toolNames: string[];
  /** tool_choice: 'none', 'auto', 'required' or the name of the only function to call. */
  toolChoice: string;
  maxTokens: number;
  stream: boolean;
  includeUsage: boolean;
  obfuscation: boolean;
}

/** A message of either API: tool calls have role `tool_call`, tool results `tool`. */
export interface NormalMessage {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool_call' | 'tool';
  text: string;
  /** Function name, of a tool call. */
  name?: string;
  callId?: string;
}

export const isString: Check = (value, param) => {
  if (typeof value !== 'string') throw invalidType(param, 'a string');
};
export const isBoolean: Check = (value, param) => {
  if (typeof value !== 'boolean') throw invalidType(param, 'a boolean');
};
export const isRecord: Check = (value, param) => {
  if (!isObject(value)) throw invalidType(param, 'an object');
};
export const isList: Check = (value, param) => {
  if (!Array.isArray(value)) throw invalidType(param, 'an array');
};
export const anything: Check = () => undefined;

export function isNumber(min: number, max: number): Check {
  return (value, param) => {
    if (typeof value !== 'number') throw invalidType(param, 'a number');
    if (value < min || value > max) throw invalidValue(param, `must be between ${min} and ${max}`);
  };
}

export function isInteger(min: number, max = Number.MAX_SAFE_INTEGER): Check {
  return (value, param) => {
    if (!Number.isInteger(value)) throw invalidType(param, 'an integer');
    isNumber(min, max)(value, param);
  };
}

export function oneOf(...values: string[]): Check {
  return (value, param) => {
    if (!values.includes(value as string)) throw invalidValue(param, `supported values are ${values.join(', ')}`);
  };
}

export function record(checks: Record<string, Check>): Check {
  return (value, param) => {
    isRecord(value, param);
    checkAll(value as Body, checks, `${param}.`);
  };
}

export const EFFORT = oneOf('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max');
export const VERBOSITY = oneOf('low', 'medium', 'high');
export const metadata: Check = (value, param) => {
  isRecord(value, param);
  const entries = Object.entries(value as Body);
  if (entries.length > 16) throw invalidValue(param, 'at most 16 keys');
  for (const [name, entry] of entries) isString(entry, `${param}.${name}`);
};

/** Every name must be known; null counts as left out. */
export function checkAll(body: Body, checks: Record<string, Check>, prefix = ''): void {
  for (const [name, value] of Object.entries(body)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) throw unknownParameter(prefix + name);
    if (value !== null) check(value, prefix + name);
  }
}

/** Model families that serve text on 2026-11-22 (contracts/openai.md 0). */
const SERVED =
  /^(gpt-4o(-mini)?|gpt-4\.1(-mini)?|gpt-[56](\.\d)?(-(mini|nano|pro|sol|terra|luna))?|o3)(-\d{4}-\d{2}-\d{2})?$|^ft:/u;

export function checkModel(model: unknown, extra: readonly string[]): string {
  if (model === undefined || model === null) throw missing('model');
  isString(model, 'model');
  const name = model as string;
  if (SERVED.test(name) || extra.includes(name)) return name;
  const message = `The model \`${name}\` does not exist or you do not have access to it.`;
  throw new ApiError(404, message, 'model_not_found');
}

/** GPT-5 and later, and the o series. */
export function reasons(model: string): boolean {
  return /^(gpt-([5-9]|\d\d)|o\d)/u.test(model);
}

/** GPT-5.4 and later: no function tools with reasoning in chat completions. */
export function refusesToolsWithEffort(model: string): boolean {
  const [, major, minor] = /^gpt-(\d+)(?:\.(\d+))?/u.exec(model) ?? [];
  return major !== undefined && Number(major) * 100 + Number(minor ?? 0) >= 504;
}

/** Sampling parameters and effort depend on whether the model reasons, and how much. */
export function checkSampling(body: Body, model: string, effort: unknown, effortParam: string): void {
  if (effort !== undefined && effort !== null && !reasons(model)) {
    throw unsupported(effortParam, 'is not supported with this model');
  }
  if (!reasons(model) || effort === 'none') return;
  const refused = [
    'temperature',
    'top_p',
    'frequency_penalty',
    'presence_penalty',
    'logit_bias',
    'logprobs',
    'top_logprobs',
  ];
  const name = refused.find((param) => body[param] !== undefined && body[param] !== null);
  if (name !== undefined) throw unsupported(name, 'is not supported with this model');
}

/** A function's definition; in chat it stands in `function`, in responses beside `type`. */
export function checkFunction(tool: Body, param: string): string {
  const { name, description, parameters, strict } = tool;
  if (name === undefined) throw missing(`${param}.name`);
  if (typeof name !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/u.test(name)) {
    throw invalidValue(`${param}.name`, "must match '^[a-zA-Z0-9_-]{1,64}$'");
  }
  if (description !== undefined && description !== null) isString(description, `${param}.description`);
  if (strict !== undefined && strict !== null) isBoolean(strict, `${param}.strict`);
  if (parameters !== undefined && parameters !== null) {
    isRecord(parameters, `${param}.parameters`);
    checkSchema(parameters as Body, strict === true, name, `${param}.parameters`);
  }
  return name;
}

function checkSchema(schema: Body, strict: boolean, name: string, param: string): void {
  const refuse = (why: string): ApiError =>
    new ApiError(400, `Invalid schema for function '${name}': ${why}.`, 'invalid_function_parameters', param);
  if (schema['type'] !== 'object') throw refuse("schema must have type 'object'");
  const properties = schema['properties'];
  if (properties !== undefined && !isObject(properties)) throw refuse("'properties' must be an object");
  if (!strict) return;
  if (schema['additionalProperties'] !== false) throw refuse("'additionalProperties' is required to be false");
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const left = Object.keys(properties ?? {}).filter((property) => !required.includes(property));
  if (left.length > 0) throw refuse(`'required' must include every key in properties; missing '${left.join("', '")}'`);
}

/** Text of a message's content: a string, or parts of the given types. */
export function contentText(content: unknown, param: string, types: string[]): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw invalidType(param, 'a string or an array of parts');
  if (content.length === 0) throw invalidValue(param, 'must not be empty');
  return content
    .map((part: unknown, i) => {
      isRecord(part, `${param}[${i}]`);
      const { type, text, refusal } = part as Body;
      if (!types.includes(type as string)) {
        throw invalidValue(`${param}[${i}].type`, `'${String(type)}'. Supported values are '${types.join("', '")}'`);
      }
      if (type === 'refusal') return typeof refusal === 'string' ? refusal : '';
      if (type === 'input_image' || type === 'input_file' || type === 'image_url') return '';
      if (text === undefined) throw missing(`${param}[${i}].text`);
      isString(text, `${param}[${i}].text`);
      return text as string;
    })
    .join('');
}

/** The `tool_choice` that both APIs take, by the function name in its place. */
export function readToolChoice(choice: unknown, toolNames: string[], nameOf: (choice: Body) => unknown): string {
  if (choice === undefined || choice === null) return 'auto';
  if (typeof choice === 'string') {
    oneOf('none', 'auto', 'required')(choice, 'tool_choice');
    if (choice === 'required' && toolNames.length === 0) throw invalidValue('tool_choice', "'required' needs tools");
    return choice;
  }
  isRecord(choice, 'tool_choice');
  const name = nameOf(choice as Body);
  if (typeof name !== 'string' || !toolNames.includes(name)) {
    throw invalidValue('tool_choice', `tool '${String(name)}' not found in 'tools'`);
  }
  return name;
}
