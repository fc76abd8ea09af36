import type { ModelMessage } from './conversation';
import type { ModelRequest } from './model';
import type { AgentSettings } from './settings';

/** What a model is asked for one reply, by the settings as they are now. @param instructions with their places filled in */
export function modelRequest(
  settings: AgentSettings,
  instructions: readonly string[],
  messages: readonly ModelMessage[],
): ModelRequest {
  const { baseUrl, apiKey, api, model, maxReplyTokens, temperature, reasoningEffort, options, headers } = settings;
  return {
    ...{ baseUrl, apiKey, api, model, messages, temperature, reasoningEffort, options, headers },
    instructions: instructions.filter((text) => text !== '').join('\n\n'),
    maxTokens: maxReplyTokens,
  };
}
