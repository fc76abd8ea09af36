import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, describe, it } from 'mocha';
import type { PhoneCall } from '../../simulators/phone';
import { example } from '../support/example';
import { heart, until } from '../support/runtime';
import { Stage } from '../support/stage';

describe('the caller hangs up in the middle of', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set({ openai: { firstTokenMs: 300, tokenMs: 100 }, cartesia: { firstAudioMs: 300 } });
    await stage.deploy(stage.prepare(example('01')));
  });
  after(() => stage.strike());
  afterEach(async () => {
    stage.world.openai.replies.length = 0;
    await stage.nothingIsLeft();
    assert.equal(heart().registry.count().opened, heart().registry.count().ended);
  });

  const hangUp = async (call: PhoneCall): Promise<void> => {
    call.hangUp();
    await call.ended;
  };

  it('the webhook answered, but no stream', async () => {
    const call = stage.ring([], { refuseStream: true });
    await until('the call is offered', () => heart().registry.everywhere().length === 1);
    await hangUp(call);
    await until('the slot is given back', () => heart().registry.everywhere().length === 0, 12_000);
  }).timeout(30_000);

  it('the greeting', async () => {
    const call = stage.ring([]);
    await once(call, 'word');
    await hangUp(call);
  });

  it("the caller's own speech", async () => {
    const call = stage.ring([{ waitForSilence: 400 }, { say: 'I wanted to ask whether you' }]);
    await once(call, 'saying');
    await hangUp(call);
  });

  it("the model's streaming", async () => {
    stage.world.openai.replies.push({ match: 'story', reply: Array.from({ length: 50 }, () => 'blah').join(' ') });
    const before = stage.world.openai.requests.length;
    const call = stage.ring([{ waitForSilence: 400 }, { say: 'Tell me a story' }]);
    await until('the model streams', () => stage.world.openai.requests[before]?.firstTokenAt !== undefined, 15_000);
    await hangUp(call);
    await until('the request is aborted', () => stage.world.openai.requests[before]?.aborted === true);
  });

  it('the TTS', async () => {
    const contexts = (): number => stage.world.cartesia.contexts.length;
    const call = stage.ring([{ waitForSilence: 400 }, { say: 'Say something' }]);
    await until('the greeting is made', () => contexts() > 0);
    const before = contexts();
    await until('the TTS is at work', () => contexts() > before, 15_000);
    await hangUp(call);
  });
});
