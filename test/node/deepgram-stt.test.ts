import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import type { Node } from 'node-red';
import account from '../../nodes/deepgram/deepgram-account';
import stt from '../../nodes/deepgram/deepgram-stt';
import type { Call } from '../../nodes/call/call';
import { registry } from '../../nodes/call/heart';
import type { VoiceMessage } from '../../nodes/call/message';
import { nextMessageId } from '../../nodes/call/message';
import { silence, speakWords } from '../../simulators/audio';
import { DeepgramSimulator } from '../../simulators/deepgram';
import { SIMULATOR_KEY } from '../../simulators/loopback';

interface TestHelper {
  init(runtime: string): void;
  load(nodes: unknown[], flow: unknown[], credentials: Record<string, unknown>): Promise<void>;
  unload(): Promise<void>;
  getNode(id: string): Node;
}

const requireHere = createRequire(__filename);
/** It brings no types. */
const helper = requireHere('node-red-node-test-helper') as TestHelper;
const catchNode: unknown = requireHere('@node-red/nodes/core/common/25-catch.js');

interface CaughtMessage extends VoiceMessage {
  error: { message: string };
  provider?: string;
  cause?: string;
}

describe('deepgram-stt', function () {
  this.timeout(15_000);
  let deepgram: DeepgramSimulator;
  let out: VoiceMessage[];
  let caught: CaughtMessage[];
  let waiting: (() => void)[];
  let calls = 0;

  before(() => helper.init(requireHere.resolve('node-red')));
  beforeEach(async () => {
    deepgram = new DeepgramSimulator();
    await deepgram.start();
    out = [];
    caught = [];
    waiting = [];
  });
  afterEach(async () => {
    for (const call of registry.all()) call.end('shutdown');
    await helper.unload();
    await deepgram.close();
  });

  async function load(config: Record<string, unknown> = {}, apiKey = SIMULATOR_KEY): Promise<Node> {
    const flow = [
      { id: 'tab', type: 'tab' },
      { id: 'account', type: 'deepgram-account', name: '', baseUrl: deepgram.url },
      { id: 'stt', z: 'tab', type: 'deepgram-stt', account: 'account', model: 'nova-3', wires: [['out']], ...config },
      { id: 'out', z: 'tab', type: 'helper' },
      { id: 'catcher', z: 'tab', type: 'catch', scope: null, x: 1, y: 1, wires: [['errors']] },
      { id: 'errors', z: 'tab', type: 'helper' },
    ];
    await helper.load([account, stt, catchNode], flow, { account: { apiKey } });
    helper.getNode('out').on('input', (msg) => {
      out.push(msg as unknown as VoiceMessage);
      for (const wake of waiting.splice(0)) wake();
    });
    helper.getNode('errors').on('input', (msg) => {
      caught.push(msg as unknown as CaughtMessage);
      for (const wake of waiting.splice(0)) wake();
    });
    return helper.getNode('stt');
  }

  async function when(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        setTimeout(resolve, 20);
      });
    }
  }

  const topics = (): string[] => out.map(({ topic }) => topic);
  const of = (topic: string): VoiceMessage[] => out.filter((msg) => msg.topic === topic);

  /** A call as twilio-in would open it. */
  function ring(): Call {
    const nothing = (): void => undefined;
    const none = (): Promise<void> => Promise.resolve();
    const carrier = { name: 'twilio', connected: true, play: nothing, mark: nothing, clear: nothing, dispose: nothing };
    const call = registry.open(
      {
        id: `CA${++calls}`,
        carrier: 'twilio',
        direction: 'inbound',
        from: '+15550001',
        to: '+15550002',
        startedAt: Date.now(),
        parameters: {},
        media: { encoding: 'mulaw', sampleRate: 8000 },
      },
      { ...carrier, hangUp: none, say: none },
      'twilio-in',
      () => ({ maxDurationMs: 1e6, silenceMs: 1e6, goodbye: '' }),
    );
    call.streamOpened();
    return call;
  }

  function send(node: Node, call: Call, topic: string, payload: unknown, more: Partial<VoiceMessage> = {}): void {
    const msg = { _msgid: nextMessageId(), topic, payload, call: structuredClone(call.info), ...more };
    node.receive(msg);
  }

  /** Streams audio in real time, as a carrier does. */
  async function stream(node: Node, call: Call, audio: Buffer, more: Partial<VoiceMessage> = {}): Promise<void> {
    let next = performance.now();
    for (let at = 0; at < audio.length; at += 160) {
      const event = { seq: call.nextSeq(), atMs: call.now() };
      send(node, call, 'audio', Buffer.from(audio.subarray(at, at + 160)), { event, ...more });
      next += 20;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
    }
  }

  const say = (text: string, pauseMs = 600): Buffer => Buffer.concat([speakWords(text).audio, silence(pauseMs)]);

  it('connects when the call starts, and passes the call on', async () => {
    const node = await load();
    const call = ring();
    send(node, call, 'call.started', { raw: {} });
    await when(() => deepgram.connections.length === 1 && topics().includes('call.started'));
  });

  it('takes the audio off the wire and sends the words, with one utterance id for each', async () => {
    const node = await load();
    const call = ring();
    send(node, call, 'call.started', { raw: {} });
    await stream(node, call, say('Book me a table'), { customer: 'Ada' });
    await stream(node, call, say('For two', 400));
    await when(() => of('transcript').length === 2);
    assert.equal(of('audio').length, 0);
    assert.deepEqual(
      of('transcript').map((msg) => msg.payload),
      ['Book me a table', 'For two'],
    );
    const [first, second] = of('transcript');
    assert.ok(first?.utterance && second?.utterance);
    assert.notEqual(first.utterance.id, second.utterance.id);
    assert.equal(first.utterance.done, true);
    assert.equal(first.utterance.by, 'caller');
    assert.equal(first.customer, 'Ada');
    assert.equal(second.customer, undefined);
    const partials = of('transcript.partial').filter((msg) => msg.utterance?.id === first.utterance?.id);
    assert.ok(partials.length > 0);
    assert.deepEqual(
      [...partials, first].map((msg) => msg.utterance?.seq),
      [...partials, first].map((_, i) => i),
    );
    const { speechEndedAt = 0, transcriptAt = 0 } = first.timing ?? {};
    assert.ok(transcriptAt > speechEndedAt && transcriptAt - speechEndedAt < 600, JSON.stringify(first.timing));
    assert.equal(topics().filter((topic) => topic === 'speech.started').length, 2);
    assert.equal(topics().filter((topic) => topic === 'speech.stopped').length, 2);
    assert.ok(topics().indexOf('speech.started') < topics().indexOf('transcript.partial'));
  });

  it("passes the agent's audio and all other topics, in order and unchanged", async () => {
    const node = await load();
    const call = ring();
    const utterance = { id: 'u1', by: 'agent', kind: 'reply', seq: 0, done: false, interruptible: true } as const;
    send(node, call, 'audio', Buffer.alloc(160), { utterance });
    send(node, call, 'call.dtmf', '5');
    send(node, call, 'my.own', { a: 1 });
    await when(() => out.length === 3);
    assert.deepEqual(topics(), ['audio', 'call.dtmf', 'my.own']);
    assert.deepEqual(out[2]?.payload, { a: 1 });
  });

  it('holds call.ended until the final transcript is out', async () => {
    const node = await load();
    const call = ring();
    send(node, call, 'call.started', { raw: {} });
    await stream(node, call, say('And then good bye', 0));
    call.end('caller-hangup');
    send(node, call, 'call.ended', { reason: 'caller-hangup', durationMs: 1 });
    await when(() => topics().includes('call.ended'));
    assert.deepEqual(topics().slice(-2), ['transcript', 'call.ended']);
    assert.equal(of('transcript')[0]?.payload, 'And then good bye');
    await when(() => deepgram.open.sockets === 0);
    assert.equal(of('call.ended').length, 1);
  });

  it('says the last words by itself where call.ended never comes, and leaves nothing behind', async () => {
    const node = await load({ model: 'flux-general-en' });
    const call = ring();
    await stream(node, call, say('Hello and good bye', 0));
    call.end('caller-hangup');
    await when(() => of('transcript').length === 1);
    assert.equal(of('transcript')[0]?.payload, 'Hello and good bye');
    await when(() => deepgram.open.sockets === 0 && registry.count().sessions === 0);
  });

  it('tells Catch who, why and in which call, and the caller in words, when the key is wrong', async () => {
    const node = await load({}, 'wrong-key');
    const call = ring();
    call.apology = 'Sorry, something is wrong here.';
    send(node, call, 'call.started', { raw: {} });
    await when(() => of('agent.say').length === 1 && caught.length === 1);
    assert.equal(of('agent.say')[0]?.payload, 'Sorry, something is wrong here.');
    const [error] = caught;
    assert.equal(error?.provider, 'deepgram');
    assert.equal(error?.cause, 'authentication');
    assert.equal(error?.call.id, call.info.id);
    assert.ok(!JSON.stringify(error).includes('wrong-key'));
  });

  it('reports audio that is no Buffer once', async () => {
    const node = await load();
    const call = ring();
    for (let i = 0; i < 5; i++) send(node, call, 'audio', 'text', { event: { seq: i, atMs: i * 20 } });
    send(node, call, 'call.dtmf', '1');
    await when(() => out.length === 1 && caught.length === 1);
    assert.match(caught[0]?.error.message ?? '', /must be a Buffer/);
  });

  it('without an account passes what is not audio and says once per call what is wrong', async () => {
    const node = await load({ account: '' });
    const call = ring();
    send(node, call, 'call.started', { raw: {} });
    send(node, call, 'audio', Buffer.alloc(160));
    await when(() => out.length === 1 && caught.length === 1);
    assert.deepEqual(topics(), ['call.started']);
  });
});
