/** What every node of speech-to-text does between others: what it takes, passes, holds back and reports. */
import assert from 'node:assert/strict';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import type { Node } from 'node-red';
import { registry } from '../../nodes/call/heart';
import deepgramAccount from '../../nodes/deepgram/deepgram-account';
import deepgramStt from '../../nodes/deepgram/deepgram-stt';
import openAiAccount from '../../nodes/openai/openai-account';
import openAiStt from '../../nodes/openai/openai-stt';
import { DeepgramSimulator } from '../../simulators/deepgram';
import { SIMULATOR_KEY } from '../../simulators/loopback';
import { OpenAiSimulator } from '../../simulators/openai';
import { ring, say, send, stream, SttRed } from './stt-red';
import type { NodeSet } from './stt-red';

/** As much of a provider's simulator as these stories see. */
interface Simulator {
  readonly url: string;
  readonly open: { readonly sockets: number };
  start(): Promise<unknown>;
  close(): Promise<void>;
}

/** What the stories must know of a provider. */
interface Provider<S extends Simulator = Simulator> {
  /** The account's node set and the node's. */
  sets: NodeSet[];
  simulate(): S;
  /** How many connections there have been. */
  connections(simulator: S): number;
  /** The node's config. */
  config: Record<string, unknown>;
  /** And with another way to tell the end of a turn. */
  otherwise: Record<string, unknown>;
  /** Within so long after the caller has spoken the words are there, ms. */
  wordsWithinMs: number;
}

const provider = <S extends Simulator>(one: Provider<S>): Provider => one;

const PROVIDERS = {
  deepgram: provider({
    sets: [deepgramAccount, deepgramStt],
    simulate: () => new DeepgramSimulator(),
    connections: ({ connections }) => connections.length,
    config: { model: 'nova-3' },
    otherwise: { model: 'flux-general-en' },
    wordsWithinMs: 600,
  }),
  openai: provider({
    sets: [openAiAccount, openAiStt],
    simulate: () => new OpenAiSimulator(),
    connections: ({ sessions }) => sessions.length,
    config: {},
    otherwise: { turnDetection: 'gate' },
    wordsWithinMs: 1_000,
  }),
};

for (const [name, { sets, simulate, connections, config, otherwise, wordsWithinMs }] of Object.entries(PROVIDERS)) {
  describe(`${name}-stt`, function () {
    this.timeout(15_000);
    let simulator: Simulator;
    let red: SttRed;

    before(() => {
      red = new SttRed(sets, `${name}-stt`);
    });
    beforeEach(async () => {
      simulator = simulate();
      await simulator.start();
    });
    afterEach(async () => {
      await red.unload();
      await simulator.close();
    });

    const load = (more: Record<string, unknown> = {}, apiKey = SIMULATOR_KEY): Promise<Node> =>
      red.load(simulator.url, { ...config, ...more }, apiKey);

    it('connects when the call starts, and passes the call on', async () => {
      const node = await load();
      const call = ring();
      send(node, call, 'call.started', { raw: {} });
      await red.when(() => connections(simulator) === 1 && red.topics().includes('call.started'));
    });

    it('takes the audio off the wire and sends the words, with one utterance id for each', async () => {
      const node = await load();
      const call = ring();
      send(node, call, 'call.started', { raw: {} });
      await stream(node, call, say('Book me a table'), { customer: 'Ada' });
      await stream(node, call, say('For two', 400));
      await red.when(() => red.of('transcript').length === 2);
      assert.equal(red.of('audio').length, 0);
      assert.deepEqual(
        red.of('transcript').map((msg) => msg.payload),
        ['Book me a table', 'For two'],
      );
      const [first, second] = red.of('transcript');
      assert.ok(first?.utterance && second?.utterance);
      assert.notEqual(first.utterance.id, second.utterance.id);
      assert.equal(first.utterance.done, true);
      assert.equal(first.utterance.by, 'caller');
      assert.equal(first.customer, 'Ada');
      assert.equal(second.customer, undefined);
      const partials = red.of('transcript.partial').filter((msg) => msg.utterance?.id === first.utterance?.id);
      assert.ok(partials.length > 0);
      assert.deepEqual(
        [...partials, first].map((msg) => msg.utterance?.seq),
        [...partials, first].map((_, i) => i),
      );
      const { speechEndedAt = 0, transcriptAt = 0 } = first.timing ?? {};
      assert.ok(
        transcriptAt > speechEndedAt && transcriptAt - speechEndedAt < wordsWithinMs,
        JSON.stringify(first.timing),
      );
      assert.equal(red.topics().filter((topic) => topic === 'speech.started').length, 2);
      assert.equal(red.topics().filter((topic) => topic === 'speech.stopped').length, 2);
      assert.ok(red.topics().indexOf('speech.started') < red.topics().indexOf('transcript.partial'));
    });

    it("passes the agent's audio and all other topics, in order and unchanged", async () => {
      const node = await load();
      const call = ring();
      const utterance = { id: 'u1', by: 'agent', kind: 'reply', seq: 0, done: false, interruptible: true } as const;
      send(node, call, 'audio', Buffer.alloc(160), { utterance });
      send(node, call, 'call.dtmf', '5');
      send(node, call, 'my.own', { a: 1 });
      await red.when(() => red.out.length === 3);
      assert.deepEqual(red.topics(), ['audio', 'call.dtmf', 'my.own']);
      assert.deepEqual(red.out[2]?.payload, { a: 1 });
    });

    it('holds call.ended until the final transcript is out', async () => {
      const node = await load();
      const call = ring();
      send(node, call, 'call.started', { raw: {} });
      await stream(node, call, say('And then good bye', 0));
      call.end('caller-hangup');
      send(node, call, 'call.ended', { reason: 'caller-hangup', durationMs: 1 });
      await red.when(() => red.topics().includes('call.ended'));
      assert.deepEqual(red.topics().slice(-2), ['transcript', 'call.ended']);
      assert.equal(red.of('transcript')[0]?.payload, 'And then good bye');
      await red.when(() => simulator.open.sockets === 0);
      assert.equal(red.of('call.ended').length, 1);
    });

    it('says the last words by itself where call.ended never comes, and leaves nothing behind', async () => {
      const node = await load(otherwise);
      const call = ring();
      await stream(node, call, say('Hello and good bye', 0));
      call.end('caller-hangup');
      await red.when(() => red.of('transcript').length === 1);
      assert.equal(red.of('transcript')[0]?.payload, 'Hello and good bye');
      await red.when(() => simulator.open.sockets === 0 && registry.count().sessions === 0);
    });

    it('tells Catch who, why and in which call, and the caller in words, when the key is wrong', async () => {
      const node = await load({}, 'wrong-key');
      const call = ring();
      call.apology = 'Sorry, something is wrong here.';
      send(node, call, 'call.started', { raw: {} });
      await red.when(() => red.of('agent.say').length === 1 && red.caught.length === 1);
      assert.equal(red.of('agent.say')[0]?.payload, 'Sorry, something is wrong here.');
      const [error] = red.caught;
      assert.equal(error?.provider, name);
      assert.equal(error?.cause, 'authentication');
      assert.equal(error?.call.id, call.info.id);
      assert.ok(!JSON.stringify(error).includes('wrong-key'));
    });

    it('reports audio that is no Buffer once', async () => {
      const node = await load();
      const call = ring();
      for (let i = 0; i < 5; i++) send(node, call, 'audio', 'text', { event: { seq: i, atMs: i * 20 } });
      send(node, call, 'call.dtmf', '1');
      await red.when(() => red.out.length === 1 && red.caught.length === 1);
      assert.match(red.caught[0]?.error.message ?? '', /must be a Buffer/);
    });

    it('without an account passes what is not audio and says once per call what is wrong', async () => {
      const node = await load({ account: '' });
      const call = ring();
      send(node, call, 'call.started', { raw: {} });
      send(node, call, 'audio', Buffer.alloc(160));
      await red.when(() => red.out.length === 1 && red.caught.length === 1);
      assert.deepEqual(red.topics(), ['call.started']);
    });
  });
}
