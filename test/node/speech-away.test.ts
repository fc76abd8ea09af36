/** What the nodes of speech do while the caller is with somebody else. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { Node } from 'node-red';
import type { Call } from '../../nodes/call/call';
import { registerVoiceNode } from '../../nodes/call/node';
import { TtsSession } from '../../nodes/call/tts/session';
import type { Synthesis, SynthesisOrder } from '../../nodes/call/tts/session';
import deepgramAccount from '../../nodes/deepgram/deepgram-account';
import deepgramStt from '../../nodes/deepgram/deepgram-stt';
import openAiAccount from '../../nodes/openai/openai-account';
import openAiStt from '../../nodes/openai/openai-stt';
import { DeepgramSimulator } from '../../simulators/deepgram';
import { SIMULATOR_KEY } from '../../simulators/loopback';
import { OpenAiSimulator } from '../../simulators/openai';
import { ring, say, send, stream, SttRed } from './stt-red';
import { TtsStage } from './tts-stage';

const PROVIDERS = {
  deepgram: { sets: [deepgramAccount, deepgramStt], simulate: () => new DeepgramSimulator() },
  openai: { sets: [openAiAccount, openAiStt], simulate: () => new OpenAiSimulator() },
};

for (const [name, { sets, simulate }] of Object.entries(PROVIDERS)) {
  describe(`${name}-stt while the caller is away`, function () {
    this.timeout(15_000);
    let simulator: DeepgramSimulator | OpenAiSimulator;
    let red: SttRed;
    let node: Node;
    let call: Call;

    before(() => {
      red = new SttRed(sets, `${name}-stt`);
    });
    beforeEach(async () => {
      simulator = simulate();
      await simulator.start();
      node = await red.load(simulator.url, {}, SIMULATOR_KEY);
      call = ring();
      send(node, call, 'call.started', { raw: {} });
    });
    afterEach(async () => {
      await red.unload();
      await simulator.close();
    });

    const frame = (): void => {
      send(node, call, 'audio', Buffer.alloc(160, 0xff), { event: { seq: call.nextSeq(), atMs: call.now() } });
    };

    it('says what was understood, and keeps no connection: it would cost money', async () => {
      await stream(node, call, say('Put me through please', 0));
      call.leave('+15559999');
      await red.when(() => red.of('transcript').length === 1);
      assert.equal(red.of('transcript')[0]?.payload, 'Put me through please');
      await red.when(() => simulator.open.sockets === 0);
    });

    it('a late frame opens none, and the event goes on', async () => {
      await red.when(() => simulator.open.sockets === 1);
      call.leave('+15559999');
      await red.when(() => simulator.open.sockets === 0);
      frame();
      send(node, call, 'call.away', { to: '+15559999' });
      frame();
      await red.when(() => red.topics().includes('call.away'));
      assert.equal(simulator.open.sockets, 0);
      assert.equal(red.caught.length, 0);
    });

    it('listens again when the caller is back, and hears the first word', async () => {
      call.leave('+15559999');
      await red.when(() => simulator.open.sockets === 0);
      call.streamOpened();
      send(node, call, 'call.resumed', { reason: 'busy', to: '+15559999' });
      await stream(node, call, say('Then call me back'));
      await red.when(() => red.of('transcript').length === 1);
      assert.equal(red.of('transcript')[0]?.payload, 'Then call me back');
      assert.equal(simulator.open.sockets, 1);
    });

    it('a call that ends meanwhile ends as any other, at once', async () => {
      call.leave('+15559999');
      await red.when(() => simulator.open.sockets === 0);
      call.end('transferred');
      send(node, call, 'call.ended', { reason: 'transferred', durationMs: 1 });
      await red.when(() => red.topics().includes('call.ended'));
    });
  });
}

/** What was asked of the provider: one entry for each utterance. */
const asked: { text: string; over: boolean }[] = [];
const aside: { over: boolean }[] = [];

class SilentSpeech extends TtsSession<object> {
  protected synthesise({ listener }: SynthesisOrder): Synthesis {
    const one = { text: '', over: false };
    asked.push(one);
    listener.audio(Buffer.alloc(0), []);
    return { say: (text) => (one.text += text), end: () => undefined, cancel: () => (one.over = true) };
  }
  protected synthesiseAside(): Synthesis {
    const one = { over: false };
    aside.push(one);
    return { say: () => undefined, end: () => undefined, cancel: () => (one.over = true) };
  }
  protected voiceKey(): string {
    return `away ${aside.length}`;
  }
}

describe('text-to-speech while the caller is away', () => {
  let stage: TtsStage<{ url: string }>;
  let call: Call;

  beforeEach(() => {
    asked.length = 0;
    stage = new TtsStage(
      { url: 'http://127.0.0.1:9' },
      {
        register: [
          (RED) =>
            registerVoiceNode<object>(RED, {
              ...{ type: 'away-tts', settings: () => ({}) },
              session: (one, slot) => new SilentSpeech(one, slot),
            }),
        ],
        ...{ type: 'away-tts', accountType: 'away-account', config: {} },
      },
    );
    call = stage.call();
    call.streamOpened();
  });
  afterEach(() => call.end('agent-hangup'));
  after(() => asked.splice(0));

  it('all that was being made is given up, what is protected too', () => {
    stage.reply(call, 'a', ['One.'], { interruptible: false });
    stage.reply(call, 'b', ['Two.']);
    assert.equal(asked.length, 2);
    call.leave('+15559999');
    assert.deepEqual(asked.map(({ over }) => over), [true, true]); // prettier-ignore
    assert.equal(call.playback.busy, false);
  });

  it('what a flow wants spoken meanwhile is told to be unheard, and nothing is made of it', () => {
    call.leave('+15559999');
    const told: string[] = [];
    call.tap(({ topic, payload }) => told.push(`${topic} ${(payload as { reason?: string }).reason ?? ''}`));
    stage.reply(call, 'c', ['Three.']);
    stage.send(call, 'answer', 'Four.');
    assert.equal(asked.length, 0);
    assert.deepEqual(told, ['playback.interrupted away', 'playback.interrupted away']);
  });

  it('speaks again when the caller is back, but not what was given up', () => {
    stage.reply(call, 'd', ['Five.']);
    call.leave('+15559999');
    call.streamOpened();
    stage.send(call, 'reply', 'Five more.', {
      utterance: { id: 'd', by: 'agent', kind: 'reply', seq: 1, done: true, interruptible: true },
    });
    stage.reply(call, 'e', ['Six.']);
    assert.deepEqual(asked.map(({ text }) => text), ['Five.', 'Six.']); // prettier-ignore
  });
});
