/** The caller dictates a card number, in private: it stands nowhere. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Node } from 'node-red';
import type { Call } from '../../nodes/call/call';
import { registry } from '../../nodes/call/heart';
import type { VoiceMessage } from '../../nodes/call/message';
import agentNode from '../../nodes/agent/llm-agent';
import deepgramAccount from '../../nodes/deepgram/deepgram-account';
import deepgramStt from '../../nodes/deepgram/deepgram-stt';
import openAiAccount from '../../nodes/openai/openai-account';
import openAiStt from '../../nodes/openai/openai-stt';
import { DeepgramSimulator } from '../../simulators/deepgram';
import { SIMULATOR_KEY } from '../../simulators/loopback';
import { OpenAiSimulator } from '../../simulators/openai';
import { catchNode, helper } from './agent-red';
import { ring, say, send, stream } from './stt-red';

const requireHere = createRequire(__filename);
const { log } = requireHere('@node-red/util') as {
  log: { addHandler(handler: object): void; removeHandler(handler: object): void };
};

const EARS: Record<string, Record<string, unknown>> = {
  'deepgram nova': { type: 'deepgram-stt', account: 'ears', model: 'nova-3' },
  'deepgram flux': { type: 'deepgram-stt', account: 'ears', model: 'flux-general-en', eagerEotThreshold: '0.5' },
  openai: { type: 'openai-stt', account: 'mind' },
  'openai with a gate': { type: 'openai-stt', account: 'mind', turnDetection: 'gate' },
};

describe('what the caller says in private', function () {
  this.timeout(15_000);
  let deepgram: DeepgramSimulator;
  let openAi: OpenAiSimulator;
  let call: Call;
  let node: Node;
  let all: VoiceMessage[];
  let lines: string[];
  const handler = { emit: (_type: string, line: unknown) => lines.push(JSON.stringify(line)) };

  beforeEach(async () => {
    [all, lines] = [[], []];
    [deepgram, openAi] = [new DeepgramSimulator(), new OpenAiSimulator({ firstTokenMs: 5, tokenMs: 1 })];
    await Promise.all([deepgram.start(), openAi.start()]);
    await new Promise<void>((resolve) => helper.startServer(resolve));
    log.addHandler(handler);
  });
  afterEach(async () => {
    log.removeHandler(handler);
    for (const one of registry.all()) one.end('shutdown');
    await helper.unload();
    await new Promise<void>((resolve) => helper.stopServer(() => resolve()));
    await Promise.all([deepgram.close(), openAi.close()]);
  });

  async function load(ears: Record<string, unknown>): Promise<void> {
    const flow = [
      { id: 'tab', type: 'tab', label: 'test' },
      { id: 'ears', type: 'deepgram-account', baseUrl: deepgram.url },
      { id: 'mind', type: 'openai-account', baseUrl: openAi.url },
      { id: 'stt', z: 'tab', wires: [['agent', 'out']], ...ears },
      { id: 'agent', z: 'tab', type: 'llm-agent', account: 'mind', api: 'responses', wires: [['out'], [], ['out']] },
      { id: 'out', z: 'tab', type: 'helper' },
      { id: 'catcher', z: 'tab', type: 'catch', wires: [['out']] },
    ];
    const key = { apiKey: SIMULATOR_KEY };
    const sets = [deepgramAccount, openAiAccount, deepgramStt, openAiStt, agentNode, catchNode];
    await helper.load(sets, flow, { ears: key, mind: key });
    helper.getNode('out').on('input', (msg) => all.push(msg as VoiceMessage));
    node = helper.getNode('stt') as unknown as Node;
    call = ring();
    send(node, call, 'call.started', { raw: {} });
  }

  const finals = (): unknown[] => [
    ...new Set(all.filter(({ topic }) => topic === 'transcript').map(({ _msgid, payload }) => `${_msgid} ${String(payload)}`)),
  ].map((line) => line.slice(line.indexOf(' ') + 1)); // prettier-ignore
  const when = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  for (const [name, ears] of Object.entries(EARS)) {
    it(`${name}: no digit of it in any message, turn, history or log; what was said before and after stands there`, async () => {
      await load(ears);
      await stream(node, call, say('I want to pay', 900));
      await when(() => finals().length === 1);
      call.privacy.set(true);
      await stream(node, call, say('it is 4111 2222 3333 4444', 0));
      // Private mode ends before the last words are understood.
      call.privacy.set(false);
      await stream(node, call, say('', 1_200));
      await when(() => finals().length === 2);
      await stream(node, call, say('Is that all', 900));
      await when(() => finals().length === 3);
      await when(() => openAi.requests.some(({ messages }) => messages.at(-1)?.text.includes('Is that all')));
      call.end('caller-hangup');
      send(node, call, 'call.ended', { reason: 'caller-hangup', durationMs: 1 });
      await when(() => all.some(({ topic }) => topic === 'conversation'));

      assert.deepEqual(finals(), ['I want to pay', '[private]', 'Is that all']);
      // Groups of the card's number, and no part of a time.
      const digits = /(?<![\d=:])(4111|2222|3333|4444)(?!\d)/;
      for (const { topic, payload, ...more } of all) {
        assert.doesNotMatch(JSON.stringify({ payload, more }), digits, topic);
      }
      for (const { messages } of openAi.requests) assert.doesNotMatch(JSON.stringify(messages), digits);
      assert.ok(openAi.requests.some(({ messages }) => messages.some(({ text }) => text.includes('[private]'))));
      assert.ok(lines.length > 0);
      for (const line of lines) assert.doesNotMatch(line, digits);
      const conversation = all.find(({ topic }) => topic === 'conversation');
      assert.match(JSON.stringify(conversation?.payload), /I want to pay.*\[private\].*Is that all/);
      assert.ok(
        all.some(({ topic }) => topic === 'transcript.partial'),
        'partials were there to be masked',
      );
    });
  }
});
