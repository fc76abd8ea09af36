/** What every phone company's out-node does with what is to be heard. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { registry } from '../../nodes/call/heart';
import { speakWords } from '../../simulators/audio';
import type { PhoneCall } from '../../simulators/phone';
import { CarrierStage, reasonOf } from './carrier-stage';
import { COMPANIES } from './companies';
import type { FakeRed, Message } from './twilio-red';

for (const at of COMPANIES) {
  describe(`${at.name}-out, as any`, function () {
    this.timeout(10_000);
    let red: FakeRed;
    let caller: PhoneCall;
    let msg: Message;
    const stage = new CarrierStage(at);

    beforeEach(async () => {
      await stage.set();
      ({ red } = stage);
      await red.deploy(stage.flow({}, { lastResortText: 'sorry about this' }));
      ({ caller, msg } = await stage.begin());
      red.node('out')?.receive(msg);
    });
    afterEach(async () => {
      caller.hangUp();
      await caller.ended;
      await stage.strike();
    });

    const give = (topic: string, payload: unknown, more: object = {}): void =>
      red.node('out')?.receive({ topic, payload, call: msg.call, ...more });
    const utterance = (id: string) => ({ id, by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true });

    it('stops what is interrupted, and pauses and resumes', async () => {
      const one = speakWords('one two three four five six');
      give('audio', one.audio, { utterance: utterance('a'), words: one.words });
      await caller.heard((_word, text) => text.endsWith('two'));
      give('reply.pause', { utterances: ['a'] });
      const silent = caller.report().heardText;
      await sleep(400);
      assert.equal(caller.report().heardText.split(' ').length, silent.split(' ').length);
      give('reply.resume', { utterances: ['a'] });
      await caller.heard((_word, text) => text.endsWith('four'));
      const cut = red.sent('in', 1, ({ topic }) => topic === 'playback.interrupted');
      give('interrupt', { utterances: ['a'], reason: 'caller' });
      assert.equal(await reasonOf(cut), 'caller');
      await sleep(400);
      assert.doesNotMatch(caller.report().heardText, /six/);
    });

    it("lets the company's own voice speak when speech fails and nothing takes its place", async () => {
      const call = registry.get(caller.callId);
      call?.playback.openUtterance({ id: 'a', kind: 'reply', interruptible: true }, 'tts');
      call?.playback.fail('a', 'tts-failed');
      await caller.heard((_word, text) => text.endsWith('this'));
      await at.back(caller);
      // And when the TTS has an apology of its own, it does not.
      call?.playback.openUtterance({ id: 'b', kind: 'reply', interruptible: true }, 'tts');
      give('audio', speakWords('my own apology').audio, { utterance: { ...utterance('c'), kind: 'notice' } });
      call?.playback.fail('b', 'tts-failed');
      await caller.heard((_word, text) => text.endsWith('apology'));
      await sleep(400);
      assert.equal(caller.report().heardText, 'sorry about this my own apology');
    });
  });
}
