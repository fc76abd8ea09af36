/** What the simulated model answers: plain-data rules, so that they can be sent to another process. */
import type { NormalMessage, ReplyRequest } from './checks';

export interface ToolCall {
  name: string;
  /** An object, or JSON text as it stands (broken JSON too). */
  arguments: Record<string, unknown> | string;
  /** Default: a fresh id. */
  callId?: string;
  /** A function that the request does not offer: OpenAI's own models never call one, others do. */
  unoffered?: boolean;
}

/** The first rule that fits decides. All patterns are case-insensitive regular expressions and must all fit. */
export interface ReplyRule {
  /** Tested on the text of the last user message. */
  match?: string;
  /** Tested on the instructions (Responses), or on the leading system messages (chat). */
  matchInstructions?: string;
  matchModel?: string;
  /** Tested on the tool result which the request ends with; without it a rule with `toolCall` rests after a tool result. */
  matchToolOutput?: string;
  /** Where to fit at most so many times; default always. */
  times?: number;
  /** The answer; `$&`, `$1` ... stand for what `match` found, `$tool` for the last tool result. */
  reply?: string;
  /** Functions to call, after `reply` if there is one. */
  toolCall?: ToolCall | ToolCall[];
  /** ms from the request to the first token; default the simulator's. */
  firstTokenMs?: number;
  /** ms between tokens; default the simulator's. */
  tokenMs?: number;
  /** The answer stops unfinished. */
  finish?: 'length' | 'content_filter';
  /** The model declines, in these words. */
  refusal?: string;
  /** The model thinks and says nothing. */
  reasoningOnly?: boolean;
}

/** What one request is answered with. */
export interface Answer {
  text: string;
  calls: { name: string; arguments: string; callId: string }[];
  firstTokenMs: number | undefined;
  tokenMs: number | undefined;
  finish: 'length' | 'content_filter' | undefined;
  /** The text is a refusal. */
  refuses: boolean;
  reasoningOnly: boolean;
}

export class Replies {
  private readonly used = new Map<ReplyRule, number>();
  private readonly patterns = new Map<string, RegExp>();

  /** @param rules read anew at each request, so that a test may change them at any time */
  constructor(readonly rules: ReplyRule[]) {}

  answer(request: ReplyRequest, freshId: () => string): Answer {
    const user = request.messages.findLast(({ role }) => role === 'user')?.text ?? '';
    const last = request.messages[request.messages.length - 1];
    const toolOutput = last?.role === 'tool' ? last.text : undefined;
    const rule = this.rules.find((candidate) => this.fits(candidate, request, user, toolOutput));
    if (rule !== undefined) this.used.set(rule, (this.used.get(rule) ?? 0) + 1);
    const found = rule?.match === undefined ? null : this.pattern(rule.match).exec(user);
    const calls = rule === undefined || rule.toolCall === undefined ? [] : [rule.toolCall].flat();
    for (const { name, unoffered } of calls) {
      if (unoffered !== true && !request.toolNames.includes(name))
        throw new Error(`A reply rule calls '${name}', which the request does not offer`);
    }
    const words = rule?.refusal ?? rule?.reply ?? '';
    const text = rule === undefined ? usualReply(user, toolOutput) : filled(words, found, toolOutput);
    return {
      text,
      calls: calls.map((call) => ({
        name: call.name,
        arguments: typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments),
        callId: call.callId ?? `call_${freshId()}`,
      })),
      firstTokenMs: rule?.firstTokenMs,
      tokenMs: rule?.tokenMs,
      finish: rule?.finish,
      refuses: rule?.refusal !== undefined,
      reasoningOnly: rule?.reasoningOnly === true,
    };
  }

  private fits(rule: ReplyRule, request: ReplyRequest, user: string, toolOutput: string | undefined): boolean {
    if ((this.used.get(rule) ?? 0) >= (rule.times ?? Infinity)) return false;
    if (rule.matchToolOutput !== undefined) {
      if (toolOutput === undefined || !this.pattern(rule.matchToolOutput).test(toolOutput)) return false;
    } else if (toolOutput !== undefined && rule.toolCall !== undefined) {
      return false;
    }
    if (rule.toolCall !== undefined && request.toolChoice === 'none') return false;
    return (
      (rule.match === undefined || this.pattern(rule.match).test(user)) &&
      (rule.matchInstructions === undefined || this.pattern(rule.matchInstructions).test(request.instructions)) &&
      (rule.matchModel === undefined || this.pattern(rule.matchModel).test(request.model))
    );
  }

  private pattern(source: string): RegExp {
    let pattern = this.patterns.get(source);
    if (pattern === undefined) this.patterns.set(source, (pattern = new RegExp(source, 'iu')));
    return pattern;
  }
}

/** About one word each, nothing lost: 'Yes,' ' from' ' ten'. */
export function tokensOf(text: string): string[] {
  return text.match(/\s*\S+|\s+$/gu) ?? [];
}

/** The words of a conversation, as a stand-in for its tokens. */
export function countTokens(messages: NormalMessage[], instructions: string): number {
  return [instructions, ...messages.map(({ text }) => text)].reduce((sum, text) => sum + tokensOf(text).length, 0);
}

function usualReply(user: string, toolOutput: string | undefined): string {
  if (toolOutput !== undefined) return `The tool said: ${toolOutput}`;
  if (user === '') return 'Hello, how can I help you?';
  return `You said: ${user.replace(/[.!?\s]+$/u, '')}.`;
}

function filled(reply: string, found: RegExpExecArray | null, toolOutput: string | undefined): string {
  return reply.replace(/\$(&|\d|tool\b)/gu, (_, name: string) => {
    if (name === 'tool') return toolOutput ?? '';
    return found?.[name === '&' ? 0 : Number(name)] ?? '';
  });
}
