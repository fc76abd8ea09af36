import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { CallInfo, EndReason } from '../../../nodes/call/message';
import { clips } from '../../../nodes/call/tts/clips';
import type { CallNews } from '../../../nodes/call/workers/protocol';
import { RemoteCall } from '../../../nodes/call/workers/pool/remote-call';
import { LoneCarrier } from '../call/lone-call';
import { settled } from './pool-stage';

const N = 7;
const APOLOGY = 'We are sorry.';
const GOODBYE = 'Goodbye.';

describe('a call whose flow runs in a worker thread, as its carrier sees it', () => {
  let carrier: LoneCarrier;
  let call: RemoteCall;
  let told: CallNews[];
  let frames: Buffer[];
  let over: EndReason[];
  let failed: string[];
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    [carrier, told, frames, over, failed] = [new LoneCarrier(), [], [], [], []];
    call = callOf('inbound');
  });
  afterEach(() => mock.timers.reset());

  function callOf(direction: CallInfo['direction']): RemoteCall {
    const info: CallInfo = {
      ...{ id: 'CA1', carrier: 'fake', direction, from: '', to: '', startedAt: Date.now(), parameters: {} },
      media: { encoding: 'mulaw', sampleRate: 8000 },
    };
    const limits = (): ReturnType<RemoteCall['limits']> => ({ maxDurationMs: 1e9, silenceMs: 1e9, goodbye: GOODBYE });
    return new RemoteCall(N, info, carrier, 'in', limits, () => APOLOGY, {
      over: (_call, reason) => over.push(reason),
      fail: ({ message }) => failed.push(message),
    });
  }

  const house = {
    send: (news: CallNews) => void told.push(news),
    frame: (_n: number, audio: Buffer) => void frames.push(audio),
  };
  const topics = (): string[] => told.map(({ t }) => t);

  /** It has a worker, which knows of its stream. */
  function live(): void {
    call.moveIn(house);
    call.streamOpened();
    call.streamKnown(1);
  }

  describe('until it has a worker', () => {
    it('keeps what happens, in its order', () => {
      call.streamOpened();
      call.emit('call.started', { raw: {} });
      call.digit('5');
      call.noteWords();
      assert.equal(call.homeless, true);
      assert.equal(call.state, 'live');
      call.moveIn(house);
      call.echo('m');
      assert.deepEqual(topics(), ['stream', 'emit', 'digit', 'words', 'echo']);
      assert.equal(call.homeless, false);
    });

    it('keeps the last 10 s of the voice, which follow what has happened', () => {
      const voice = Array.from({ length: 502 }, (_, i) => Buffer.alloc(160, i % 256));
      for (const frame of voice) call.audio(frame);
      assert.deepEqual(frames, []);
      call.moveIn(house);
      assert.deepEqual(frames, voice.slice(2));
      call.audio(Buffer.alloc(160, 1));
      assert.equal(frames.length, 501);
    });

    it('a thousand things at most, but its end is told in any case', () => {
      for (let i = 0; i < 1_500; i++) call.digit('5');
      call.end('caller-hangup');
      call.moveIn(house);
      assert.equal(told.length, 1_001);
      assert.equal(topics().at(-1), 'end');
    });
  });

  describe('what the worker has for the caller', () => {
    it('is played, marked, cleared', () => {
      live();
      call.play(Buffer.alloc(160, 1), 'a');
      call.play(Buffer.alloc(160, 2), '');
      call.mark('b');
      assert.deepEqual(carrier.played, [Buffer.alloc(160, 1), Buffer.alloc(160, 2)]);
      assert.deepEqual(carrier.marks, ['a', 'b']);
      call.clear();
      assert.deepEqual(carrier.marks, []);
    });

    it('is not, where it was meant for a stream that is gone', () => {
      live();
      call.streamLost();
      call.streamOpened();
      call.play(Buffer.alloc(160), 'old');
      call.mark('old');
      assert.deepEqual(carrier.played, []);
      assert.deepEqual(
        told.flatMap((news) => (news.t === 'stream' ? [[news.open, news.nth]] : [])),
        [[true, 1], [false, 1], [true, 2]], // prettier-ignore
      );
      call.streamKnown(2);
      call.play(Buffer.alloc(160), 'new');
      assert.deepEqual(carrier.marks, ['new']);
    });

    it('nor when the call is over', () => {
      live();
      call.end('caller-hangup');
      call.play(Buffer.alloc(160), '');
      call.clear();
      assert.deepEqual(carrier.played, []);
    });
  });

  describe('its end', () => {
    it('is told once, to the worker and here', () => {
      live();
      call.end('caller-hangup');
      call.end('stream-failed');
      assert.deepEqual(told.at(-1), { t: 'end', n: N, reason: 'caller-hangup' });
      assert.equal(topics().filter((t) => t === 'end').length, 1);
      assert.deepEqual(over, ['caller-hangup']);
      assert.equal(carrier.connected, false, 'the carrier lets go of it');
      assert.ok((call.info.endedAt ?? 0) >= call.info.startedAt);
    });

    it('by our side comes when the carrier has confirmed it, with our reason', async () => {
      live();
      let confirm = (): void => undefined;
      mock.method(carrier, 'hangUp', () => new Promise<void>((resolve) => (confirm = resolve)));
      const done = call.hangUp('agent-hangup', GOODBYE);
      void call.hangUp('silence');
      assert.equal(call.state, 'live');
      confirm();
      await done;
      assert.deepEqual(over, ['agent-hangup']);
    });

    it('that we have asked for is ours, also where the carrier tells of it first', async () => {
      live();
      let confirm = (): void => undefined;
      mock.method(carrier, 'hangUp', () => new Promise<void>((resolve) => (confirm = resolve)));
      const done = call.hangUp('max-duration', GOODBYE);
      call.end('caller-hangup');
      confirm();
      await done;
      assert.deepEqual(over, ['max-duration']);
    });

    it('is not asked for where it is over', async () => {
      live();
      call.end('caller-hangup');
      await call.hangUp('agent-hangup', GOODBYE);
      await call.loseHouse();
      assert.equal(carrier.hungUp, undefined);
      assert.equal(call.isLost, false);
    });

    it('is not brought about by a Deploy', () => {
      live();
      call.disowned();
      assert.equal(call.state, 'live');
      assert.equal(carrier.hungUp, undefined);
    });
  });

  describe('put through to somebody else', () => {
    it('is away until the stream is there again, and only once', () => {
      live();
      call.leave('+1555');
      call.leave('+1555');
      assert.equal(call.state, 'away');
      assert.equal(topics().filter((t) => t === 'leave').length, 1);
      call.streamOpened();
      assert.equal(call.state, 'live');
    });

    it('not before it is live', () => {
      call.leave('+1555');
      assert.equal(call.state, 'offered');
    });
  });

  it('a call that we dial goes by the name that its carrier gives it', () => {
    call.moveIn(house);
    call.named('CA2');
    assert.equal(call.info.id, 'CA2');
    assert.deepEqual(told, [{ t: 'named', n: N, id: 'CA2' }]);
  });

  it('is private here as in the worker: what the carrier transcribes is masked', () => {
    assert.equal(call.isPrivate, false);
    call.setPrivate(true);
    assert.equal(call.isPrivate, true);
  });

  describe('when its worker is gone', () => {
    const CLIP = Buffer.alloc(1_610, 9);

    it("the caller hears the apology by the carrier's voice, and the call is ended", async () => {
      live();
      await call.loseHouse();
      assert.equal(carrier.hungUp, `worker-failed ${APOLOGY}`);
      assert.deepEqual(over, ['worker-failed']);
      assert.deepEqual(topics(), ['stream'], 'the worker is not told: it is gone');
    });

    it("or by the agent's own voice, in whole frames, when what was being said has been thrown away; and then the goodbye, and the end", async () => {
      clips.keep('voice', { audio: CLIP, words: [] });
      live();
      call.apologyIs('voice');
      call.mark('half a sentence');
      const gone = call.loseHouse();
      await settled();
      assert.deepEqual(carrier.marks, []);
      assert.deepEqual(carrier.played, [Buffer.concat([CLIP, Buffer.alloc(150, 0xff)])]);
      assert.equal(carrier.hungUp, undefined);
      mock.timers.tick(700);
      await settled();
      assert.equal(carrier.hungUp, undefined, 'it has 201 ms, and half a second to be heard');
      mock.timers.tick(2);
      await gone;
      assert.equal(carrier.hungUp, `worker-failed ${GOODBYE}`);
      assert.deepEqual(over, ['worker-failed']);
    });

    it("by the carrier's, where the clip is not there any more, or there is no stream", async () => {
      clips.keep('voice', { audio: CLIP, words: [] });
      live();
      call.apologyIs('voice');
      carrier.connected = false;
      await call.loseHouse();
      assert.equal(carrier.hungUp, `worker-failed ${APOLOGY}`);
      call = callOf('inbound');
      live();
      call.apologyIs('another voice');
      await call.loseHouse();
      assert.equal(carrier.hungUp, `worker-failed ${APOLOGY}`);
    });

    it('nothing more is told or played', async () => {
      live();
      call.leave('+1555');
      await call.loseHouse();
      told.length = 0;
      call.digit('5');
      call.audio(Buffer.alloc(160));
      call.play(Buffer.alloc(160), '');
      assert.deepEqual([told, frames, carrier.played], [[], [], []]);
      assert.equal(call.isLost, true);
      assert.equal(call.homeless, true);
    });

    it('who talks with somebody else goes on, and hears the apology when back', async () => {
      live();
      call.leave('+1555');
      await call.loseHouse();
      assert.equal(carrier.hungUp, undefined);
      call.streamOpened();
      await settled();
      assert.equal(carrier.hungUp, `worker-failed ${APOLOGY}`);
    });

    it('who never comes back is not waited for: the carrier ends the call', async () => {
      live();
      call.leave('+1555');
      await call.loseHouse();
      call.end('transferred');
      assert.deepEqual(over, ['transferred']);
      assert.equal(carrier.hungUp, undefined);
    });

    it('who cannot hear us yet hears it as soon as that is so', async () => {
      await call.loseHouse();
      assert.equal(carrier.hungUp, undefined);
      call.streamOpened();
      call.streamOpened();
      await settled();
      assert.equal(carrier.hungUp, `worker-failed ${APOLOGY}`);
      assert.deepEqual(over, ['worker-failed']);
    });

    it('a phone that rings at the other end is not rung on', async () => {
      call = callOf('outbound');
      await call.loseHouse();
      assert.equal(carrier.hungUp, 'worker-failed');
    });

    it('a call that was being ended with other words is ended with these', async () => {
      live();
      let confirm = (): void => undefined;
      const hangUp = mock.method(carrier, 'hangUp', () => new Promise<void>((resolve) => (confirm = resolve)));
      void call.hangUp('agent-hangup', GOODBYE);
      const gone = call.loseHouse();
      confirm();
      await gone;
      assert.equal(hangUp.mock.callCount(), 1);
      assert.deepEqual(over, ['agent-hangup']);
    });

    it('a carrier that fails at that, too, is told to Catch, and the call is over all the same', async () => {
      live();
      mock.method(carrier, 'hangUp', () => Promise.reject(new Error('no network')));
      await call.loseHouse();
      assert.deepEqual(failed, ['no network']);
      assert.equal(over.length, 1);
    });

    it('a carrier that cannot even play the apology is told to Catch, and the call is over', async () => {
      clips.keep('voice', { audio: CLIP, words: [] });
      live();
      call.apologyIs('voice');
      mock.method(carrier, 'clear', () => {
        throw new Error('no socket');
      });
      await call.loseHouse();
      assert.deepEqual([failed, over], [['no socket'], ['worker-failed']]);
    });

    it('twice is once', async () => {
      live();
      await Promise.all([call.loseHouse(), call.loseHouse()]);
      assert.deepEqual(over, ['worker-failed']);
    });
  });
});
