import type { Node, NodeAPI } from 'node-red';
import { accountOf } from '../call/account';
import { choice, flag, number, optionalNumber, SettingError, text } from '../call/settings';
import type { RawConfig } from '../call/settings';
import { OPENAI_URL, pickApi } from './model';
import type { Api, Endpoint } from './model';
import { CHUNKINGS } from './spoken-text';
import type { Chunking } from './spoken-text';
import { readVariables } from './variables';
import { requestHeaders, requestOptions } from './request-settings';
import { QUEUE_LIMIT, QUEUE_POLICIES } from './turn';
import type { QueuePolicy } from './turn';
import { BARGE_IN_MODES } from './turn-taking';
import type { BargeIn } from './turn-taking';

/** How an agent talks: what `agent.set` can change for one call. */
export interface TalkSettings {
  model: string;
  instructions: string;
  greeting: string;
  greetingInterruptible: boolean;
  temperature: number | undefined;
  reasoningEffort: string | undefined;
  maxReplyTokens: number;
  bargeIn: BargeIn;
  chunking: Chunking;
  turnsKept: number;
  /** How many turns wait to be answered, and texts of `agent.say` for a call that has not begun. */
  queueLimit: number;
  queuePolicy: QueuePolicy;
  apology: string;
  /** From the end of the caller's turn to the first sound, ms. */
  timeBudgetMs: number;
  options: Readonly<Record<string, unknown>>;
  headers: Readonly<Record<string, string>>;
}

/** The settings of an `llm-agent` as last deployed. */
export interface AgentSettings extends TalkSettings, Endpoint {
  api: Api;
  /** Environment variables that the texts name: the flow's own, as of the last Deploy. */
  env: Readonly<Record<string, string>>;
}

const APIS = ['auto', 'responses', 'chat'] as const;
const APOLOGY = 'Sorry, I am having trouble right now. Could you say that again?';

/** What can be set, how it is read, and its default. */
const READERS: { [Name in keyof TalkSettings]: (config: RawConfig) => TalkSettings[Name] } = {
  model: (config) => text(config, 'model', 'gpt-5.4-mini'),
  instructions: (config) => text(config, 'instructions'),
  greeting: (config) => text(config, 'greeting'),
  greetingInterruptible: (config) => flag(config, 'greetingInterruptible', true),
  temperature: (config) => optionalNumber(config, 'temperature', 0, 2),
  reasoningEffort: (config) => text(config, 'reasoningEffort') || undefined,
  maxReplyTokens: (config) => Math.round(number(config, 'maxReplyTokens', 400, 16, 100_000)),
  bargeIn: (config) => ({
    mode: choice(config, 'bargeIn', BARGE_IN_MODES, 'words'),
    words: Math.round(number(config, 'bargeInWords', 3, 1, 20)),
  }),
  chunking: (config) => choice(config, 'chunking', CHUNKINGS, 'clause'),
  turnsKept: (config) => Math.round(number(config, 'turnsKept', 20, 1, 1000)),
  queueLimit: (config) => Math.round(number(config, 'queueLimit', QUEUE_LIMIT, 1, 100)),
  queuePolicy: (config) => choice(config, 'queuePolicy', QUEUE_POLICIES, 'join'),
  apology: (config) => (config.apology === '' ? '' : text(config, 'apology', APOLOGY)),
  timeBudgetMs: (config) => number(config, 'timeBudget', 6, 1, 60) * 1000,
  options: requestOptions,
  headers: requestHeaders,
};

/** Under which settings a field of the config, or of `agent.set`, is read. */
const FIELDS = new Map<string, keyof TalkSettings>([
  ...(Object.keys(READERS) as (keyof TalkSettings)[])
    .filter((name) => name !== 'timeBudgetMs')
    .map((name) => [name, name] as const),
  ['timeBudget', 'timeBudgetMs'],
  ['bargeInWords', 'bargeIn'],
]);

/**
 * Reads a node's config.
 * @throws SettingError in words for the ops person
 */
export function readSettings(config: RawConfig, node: Node, RED: NodeAPI): AgentSettings {
  const account = accountOf(RED, config, 'openai-account', OPENAI_URL);
  const talk: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(READERS)) talk[name] = read(config);
  const settings = talk as unknown as TalkSettings;
  const env = readVariables(`${settings.instructions} ${settings.greeting} ${settings.apology}`, node, RED);
  return {
    ...settings,
    baseUrl: account.baseUrl,
    apiKey: account.apiKey,
    api: pickApi(choice(config, 'api', APIS, 'auto'), account.baseUrl),
    env,
  };
}

/**
 * Reads what `agent.set` changes for this call, under the names of the edit dialog.
 * @param before what it changed earlier: a number of words without a mode keeps the mode
 * @throws SettingError for a value that cannot be used or a name that is none of ours; then nothing is changed
 */
export function readOverrides(payload: RawConfig, before: TalkSettings): Partial<TalkSettings> {
  const overrides: Record<string, unknown> = {};
  const config: RawConfig = {
    bargeIn: before.bargeIn.mode,
    bargeInWords: before.bargeIn.words,
    ...payload,
  };
  for (const field of Object.keys(payload)) {
    if (field === 'history') continue;
    const name = FIELDS.get(field);
    if (name === undefined) {
      throw new SettingError(
        `agent.set: "${field}" is no setting; there are history, ${[...FIELDS.keys()].join(', ')}.`,
      );
    }
    overrides[name] = READERS[name](config);
  }
  return overrides;
}
