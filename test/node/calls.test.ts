/** What becomes of a call at every phone company. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { registry } from '../../nodes/call/heart';
import type { SimulatedCarrier } from '../../simulators/phone/carrier';
import { until } from '../support/runtime';
import { callId, CarrierStage, reasonOf } from './carrier-stage';
import { COMPANIES } from './companies';
import type { FakeRed } from './twilio-red';

for (const at of COMPANIES) {
  describe(`a call at ${at.title}, as at any company`, function () {
    this.timeout(20_000);
    let red: FakeRed;
    let company: SimulatedCarrier;
    const stage = new CarrierStage(at);
    const { begin, flow, nothingLeft, over, play, ring } = stage;

    beforeEach(async () => {
      await stage.set();
      ({ red, company } = stage);
    });
    afterEach(() => stage.strike());

    it('begins, carries voices and keys both ways, and ends with the caller', async () => {
      await red.deploy(flow({ parameters: '{"flow":"reception"}' }));
      const reason = reasonOf(over());
      const { caller, msg } = await begin({
        script: [
          { waitFor: 'ready' },
          { waitForSilence: 400 },
          { press: '5' },
          { say: 'hello there' },
          { hangUp: true },
        ],
      });
      at.isRawOf((msg.payload as { raw: unknown }).raw, caller);
      const { id, carrier, direction, parameters, from } = msg.call as Record<string, unknown>;
      assert.deepEqual(
        { id, carrier, direction, parameters, from },
        {
          ...{ id: caller.callId, carrier: at.name, direction: 'inbound', from: caller.from },
          parameters: { flow: 'reception' },
        },
      );
      play(msg, 'we are ready');
      assert.equal(await reason, 'caller-hangup');
      const report = await caller.ended;
      assert.equal(report.heardText, 'we are ready');
      assert.deepEqual(report.findings, []);
      assert.equal(report.oddPayloads, 0);
      await new Promise(setImmediate);
      const heard = red.node('watch')?.received ?? [];
      const topics = heard.filter(({ topic }) => topic !== 'audio').map(({ topic }) => topic);
      // A key may be told more than once: on the socket, by webhook.
      assert.deepEqual(topics, ['call.started', 'playback.started', 'playback.finished', 'call.dtmf', 'call.ended']);
      assert.deepEqual(
        red.node('log')?.received.map(({ topic }) => topic),
        topics,
      );
      const seqs = heard.map((each) => (each.event as { seq: number }).seq);
      assert.deepEqual(
        seqs,
        [...seqs].sort((a, b) => a - b),
      );
      assert.ok(heard.every(({ topic, payload }) => topic !== 'audio' || (payload as Buffer).length === 160));
      assert.equal(red.errors.length, 0);
      at.wasTold(caller, 'answer');
      nothingLeft();
      assert.ok(red.statuses.some(({ text, fill }) => text === 'common.status.calls 1' && fill === 'green'));
    });

    it('that we end in the midst of a word hears the goodbye', async () => {
      await red.deploy(flow());
      const { caller, msg } = await begin();
      play(msg, 'this is never heard to its end as we hang up before');
      await caller.heard((_word, text) => text.endsWith('never'));
      const call = registry.get(callId(msg));
      await call?.hangUp('agent-hangup', 'So long & thanks');
      assert.equal(call?.state, 'ended');
      const report = await caller.ended;
      assert.match(report.heardText, /^this is never( \w+)? So long & thanks$/);
      assert.equal(report.endedBy, at.weEnd);
      assert.deepEqual(report.findings, []);
      at.wasTold(caller, 'answer', 'speak', 'hangup');
      nothingLeft();
    });

    it("can be spoken to by the company's own voice, and goes on", async () => {
      await red.deploy(flow());
      const { caller, msg } = await begin();
      const call = registry.get(callId(msg));
      await Promise.all([call?.carrier.say('one moment'), call?.carrier.say('one moment')]);
      play(msg, 'here I am again');
      await caller.heard((_word, text) => text.endsWith('again'));
      caller.hangUp();
      const report = await caller.ended;
      assert.equal(report.heardText, 'one moment here I am again');
      assert.deepEqual(report.findings, []);
      assert.equal(report.streams.length, at.streamsWhenSpokenTo);
    });

    it('whose stream breaks goes on with the next, from where the caller stopped hearing', async () => {
      await red.deploy(flow());
      const { caller, msg } = await begin(at.unbroken);
      play(msg, 'one two three four five six seven eight');
      await caller.heard((_word, text) => text.endsWith('three'));
      caller.dropStream();
      await caller.heard((_word, text) => text.endsWith('eight'));
      assert.equal(registry.get(caller.callId)?.state, 'live');
      caller.hangUp();
      const report = await caller.ended;
      assert.match(report.heardText, /^one two three .*five six seven eight$/);
      assert.equal(report.streams.length, 2);
      at.wasTold(caller, 'answer', 'streaming_start');
      const log = red.node('log')?.received.map(({ topic }) => topic) ?? [];
      assert.equal(log.filter((topic) => topic === 'call.started').length, 1);
      assert.match(red.errors[0]?.err.message ?? '', at.broken);
    });

    it('whose stream is lost while nobody says what became of it is given up after 10 s', async () => {
      await red.deploy(flow());
      const reason = reasonOf(over());
      const { caller } = await begin();
      at.restFails(company);
      caller.dropStream();
      const since = performance.now();
      assert.equal(await reason, 'stream-failed');
      assert.ok(Math.abs(performance.now() - since - 10_000) < 1_000);
      assert.equal(registry.all().length, 0);
      at.wasAsked(company);
      company.faults.clear();
      caller.hangUp();
      await caller.ended;
    });

    it('that brings no stream gives its line back after 10 s', async () => {
      await red.deploy(flow());
      const reason = reasonOf(over());
      const since = performance.now();
      const caller = ring({ refuseStream: true } as Parameters<typeof ring>[0]);
      assert.equal(await reason, 'stream-failed');
      assert.ok(Math.abs(performance.now() - since - 10_000) < 500);
      assert.equal((await caller.ended).endedBy, 'application');
      assert.match(red.errors[0]?.err.message ?? '', /the media stream did not come within 10 s/);
      nothingLeft();
    });

    it('survives Deploys, and a new call waits in the gap', async () => {
      await red.deploy(flow());
      const { caller, msg } = await begin();
      let waiting: Promise<Response> | undefined;
      const order: string[] = [];
      await red.deploy(flow({ maxCalls: 2 }), async () => {
        waiting = at.offer(stage, 'late').then((response) => (order.push('answered'), response));
        await sleep(200);
        order.push('deployed');
      });
      assert.equal((await waiting)?.status, 200);
      assert.deepEqual(order, ['deployed', 'answered']);
      play(msg, 'still here');
      await caller.heard(({ text }) => text === 'here');
      const { ended } = caller;
      await red.deploy(flow().filter(({ id }) => id !== 'in'));
      assert.match((await ended).heardText, /still here Goodbye\.?$/);
      await until('it is over', () => registry.all().length === 0);
      assert.equal((await at.offer(stage, 'later')).status, 404);
    });

    it('goes on at its old path when the node is given another', async () => {
      await red.deploy(flow());
      const reason = reasonOf(over());
      const { caller } = await begin(at.unbroken);
      await red.deploy(flow({ path: '/other' }));
      const back = once(caller, 'stream-started');
      caller.dropStream();
      await back;
      assert.equal((await at.offer(stage, 'at-the-old')).status, 404);
      assert.equal((await at.offer(stage, 'at-the-new', '/other')).status, 200);
      caller.hangUp();
      assert.equal(await reason, 'caller-hangup');
      await caller.ended;
    });

    it('says why it cannot come in: public URL, keys', async () => {
      for (const [account, words] of at.wrong(company)) {
        await red.deploy(flow().map((node) => (node.id === 'account' ? { ...node, ...account } : node)));
        assert.match(red.errors.at(-1)?.err.message ?? '', words);
        assert.equal(red.statuses.at(-1)?.fill, 'red');
      }
    });
  });
}
