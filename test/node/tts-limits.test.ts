/** The limits that all text-to-speech shares, each at its edge, at a provider that speaks only when the test says so. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Call } from '../../nodes/call/call';
import { ProviderError } from '../../nodes/call/errors';
import { registerVoiceNode } from '../../nodes/call/node';
import { TtsSession } from '../../nodes/call/tts/session';
import type { Synthesis, SynthesisOrder } from '../../nodes/call/tts/session';
import { TtsStage } from './tts-stage';

/** What was asked of the provider: one entry for each utterance. */
interface Asked {
  text: string;
  order: SynthesisOrder;
  over: boolean;
}

const asked: Asked[] = [];

class SilentSpeech extends TtsSession<object> {
  protected synthesise(order: SynthesisOrder): Synthesis {
    const one: Asked = { text: '', order, over: false };
    asked.push(one);
    return {
      say: (text) => (one.text += text),
      end: () => undefined,
      cancel: () => (one.over = true),
    };
  }
  protected synthesiseAside(): undefined {
    return undefined;
  }
  protected voiceKey(): string {
    return 'silent';
  }
}

describe('the limits of text-to-speech', () => {
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
              type: 'silent-tts',
              settings: () => ({}),
              session: (one, slot) => new SilentSpeech(one, slot),
            }),
        ],
        type: 'silent-tts',
        accountType: 'silent-account',
        config: {},
      },
    );
    call = stage.call();
  });
  afterEach(async () => {
    await call.hangUp('agent-hangup');
    call.end('agent-hangup');
  });

  it('64 stretches of speech are made or wait at once; the 65th is left out and told, until one is through', () => {
    for (let i = 0; i < 64; i++) stage.reply(call, `u${i}`, [`Number ${i}.`]);
    assert.equal(asked.length, 64);
    assert.deepEqual(stage.node.warnings, []);
    stage.reply(call, 'u64', ['One too many.']);
    assert.equal(asked.length, 64);
    assert.match(stage.node.warnings.join(), /64 utterances/);
    assert.equal(call.playback.record('u64'), undefined, 'nobody waits for it');
    asked[0]?.order.listener.audio(Buffer.alloc(160), []);
    asked[0]?.order.listener.done();
    stage.reply(call, 'u65', ['There is room again.']);
    assert.equal(asked.at(-1)?.text, 'There is room again.');
  });

  it('one of them has 30,000 characters at most, in however many pieces; the rest is left out, and told', () => {
    stage.reply(call, 'full', ['x'.repeat(29_999), 'y']);
    assert.equal(asked[0]?.text.length, 30_000);
    assert.deepEqual(stage.node.warnings, []);
    stage.reply(call, 'over', ['x'.repeat(29_999), 'yz', 'more']);
    assert.equal(asked[1]?.text.length, 30_000);
    assert.ok(asked[1]?.text.endsWith('xy'));
    assert.match(stage.node.warnings.join(), /30000 characters/);
  });

  it('the first audio has 3 s, or what is left until 5.2 s after the caller spoke, but 1.2 s in any case', () => {
    const timed = (id: string, speechEndedAt: number): number | undefined => {
      const utterance = { id, by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true };
      stage.send(call, 'reply', 'Hello.', { utterance, timing: { speechEndedAt } });
      return asked.at(-1)?.order.firstAudioMs;
    };
    stage.send(call, 'reply', 'Hello.');
    assert.equal(asked.at(-1)?.order.firstAudioMs, 3_000);
    const now = call.now();
    assert.equal(timed('just-now', now), 3_000);
    const left = timed('late', now - 3_200) ?? 0;
    assert.ok(left > 1_900 && left <= 2_000, `${left} ms`);
    assert.equal(timed('too-late', now - 60_000), 1_200);
  });

  for (const [foreign, heard] of [
    [7, true],
    [8, false],
  ] as const) {
    it(`what was sent before a failure ${heard ? 'is heard' : 'comes too late'} behind ${foreign} foreign nodes, however busy the process is`, async () => {
      stage.reply(call, 'u1', ['Hello there.']);
      const arrived = new Promise<boolean>((resolve) => {
        // As Node-RED delivers: from node to node in a turn each, and the out node is one more.
        const deliver = (nodes: number): void => {
          if (nodes > 0) setImmediate(deliver, nodes - 1);
          else resolve(!call.playback.isDead('u1'));
        };
        stage.node.once('sent', () => deliver(foreign + 1));
      });
      const { listener } = asked[0]?.order ?? assert.fail();
      listener.audio(Buffer.alloc(160), []);
      listener.failed(new ProviderError('silent', 'unavailable', 'It broke.'));
      // Longer than any timer of a few frames.
      for (const until = performance.now() + 120; performance.now() < until;);
      assert.equal(await arrived, heard);
      await new Promise(setImmediate);
      assert.equal(call.playback.isDead('u1'), true, 'and then it is closed');
    });
  }

  it('an utterance that fails before any of it was sent is closed at once', () => {
    stage.reply(call, 'u1', ['Hello there.']);
    asked[0]?.order.listener.failed(new ProviderError('silent', 'unavailable', 'It broke.'));
    assert.equal(call.playback.isDead('u1'), true);
  });
});
