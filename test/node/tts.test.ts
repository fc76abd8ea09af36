/** What every node of text-to-speech does, whoever makes the sound. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { CallInfo } from '../../nodes/call/message';
import { countPlaces } from '../../nodes/call/tts/places';
import { SIMULATOR_KEY } from '../../simulators/loopback';
import { until } from '../unit/call/utterance';
import { PROVIDERS, stageFor, strike } from './tts-providers';
import type { Simulator } from './tts-providers';
import type { TtsStage } from './tts-stage';

for (const provider of PROVIDERS) {
  describe(provider.tts.type, function () {
    this.timeout(10_000);
    let stage: TtsStage<Simulator>;

    beforeEach(async () => {
      stage = await stageFor(provider);
    });
    afterEach(() => strike(provider, stage));

    it('speaks a reply that comes in pieces, opens its socket with the call, and tells the times', async () => {
      const call = stage.call();
      await until('the socket is open', () => stage.simulator.open.sockets === 1);
      assert.equal(stage.simulator.connections[0]?.texts.length, 0, 'nothing is sent before there is text');
      const timing = { speechEndedAt: 1, transcriptAt: 2, firstTokenAt: 3 };
      const utterance = { id: 'u1', by: 'agent', kind: 'greeting', interruptible: false };
      stage.send(call, 'reply', 'Hello ', {
        utterance: { ...utterance, seq: 0, done: false },
        timing,
        customer: 'Ada',
      });
      stage.send(call, 'reply', 'there.', { utterance: { ...utterance, seq: 1, done: true }, timing });
      assert.equal(await stage.spoken(call, 'u1'), 'Hello there.');
      const audio = stage.audio(call);
      assert.deepEqual(
        audio.map((msg) => msg.utterance?.seq),
        audio.map((_, i) => i),
      );
      assert.equal(audio.filter((msg) => msg.utterance?.done).length, 1);
      assert.equal(audio[0]?.utterance?.kind, 'greeting');
      assert.equal(audio[0]?.utterance?.interruptible, false);
      assert.equal(audio[0]?.customer, undefined, 'audio carries the fields of the table only');
      assert.equal(audio[0]?.timing?.speechEndedAt, 1);
      assert.ok((audio[0]?.timing?.firstAudioAt ?? -1) >= 0);
      assert.deepEqual(
        audio.flatMap((msg) => msg.words ?? []),
        [
          { text: 'Hello', startMs: 0, endMs: 160 },
          { text: 'there.', startMs: 200, endMs: 360 },
        ],
      );
      assert.equal(call.playback.record('u1')?.text, 'Hello there.');
      assert.equal(stage.simulator.contexts.length, 1);
    });

    it('speaks what a flow made: any foreign topic, a transcript, each a whole utterance of its own', async () => {
      const call = stage.call();
      const caller = { id: 'c1', by: 'caller', kind: 'reply', seq: 0, done: true, interruptible: true };
      stage.send(call, 'transcript', 'parrot', { utterance: caller });
      stage.send(call, '', 'no topic');
      stage.send(call, 'weather/today', 'sunny');
      await until('all are spoken', () => stage.audio(call).filter((msg) => msg.utterance?.done).length === 3);
      assert.deepEqual(
        call.playback.open.map((record) => record.text),
        ['parrot', 'no topic', 'sunny'],
      );
      for (const { id, text } of call.playback.open) assert.equal(stage.heard(call, id), text);
    });

    it('passes on all else in order, takes the caller off, and lets audio of the agent by', () => {
      const call = stage.call();
      stage.send(call, 'audio', Buffer.alloc(160), { event: { seq: 1, atMs: 1 } });
      const utterance = { id: 'x', by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true };
      stage.send(call, 'audio', Buffer.alloc(160), { utterance });
      stage.send(call, 'call.dtmf', '5');
      stage.send(call, 'speech.started', { atMs: 1 });
      stage.send(call, 'transcript.partial', 'so f');
      stage.send(call, 'reply.pause', { utterances: ['x'] });
      stage.send(call, 'interrupt', { utterances: ['nobody'], reason: 'caller' });
      assert.deepEqual(
        stage.node.sent.map((msg) => msg.topic),
        ['call.started', 'audio', 'call.dtmf', 'speech.started', 'transcript.partial', 'reply.pause', 'interrupt'],
      );
    });

    it('keeps the order of pieces that overtook each other', async () => {
      const call = stage.call();
      const utterance = { id: 'u1', by: 'agent', kind: 'reply', interruptible: true };
      for (const seq of [1, 2, 0]) {
        stage.send(call, 'reply', `Part${seq}. `, { utterance: { ...utterance, seq, done: seq === 2 } });
      }
      assert.equal(await stage.spoken(call, 'u1'), 'Part0. Part1. Part2.');
    });

    it('falls silent at an interrupt, with or without ids, and stays so for late text and late audio', async () => {
      await stage.simulator.close();
      stage = await stageFor(provider, { pace: 2, chunkBytes: 800 });
      const call = stage.call();
      const long = 'one two three four five six seven eight nine ten';
      stage.reply(call, 'u1', [long]);
      stage.reply(call, 'u2', [long], { done: false });
      stage.reply(call, 'notice', [long], { interruptible: false });
      await until('all are being spoken', () => ['u1', 'u2', 'notice'].every((id) => stage.audio(call, id).length > 0));
      stage.send(call, 'interrupt', { utterances: ['u1'], reason: 'caller' });
      stage.send(call, 'interrupt', {});
      const sent = [stage.audio(call, 'u1').length, stage.audio(call, 'u2').length];
      stage.reply(call, 'u2', ['', ' more']);
      stage.send(call, 'interrupt', { utterances: ['u3'], reason: 'caller' });
      stage.reply(call, 'u3', ['never']);
      assert.equal(await stage.spoken(call, 'notice'), long);
      await provider.afterTwoCuts(stage.simulator);
      assert.deepEqual([stage.audio(call, 'u1').length, stage.audio(call, 'u2').length], sent);
      assert.equal(stage.audio(call, 'u3').length, 0);
      assert.equal(stage.simulator.contexts.length, 3);
    });

    it('is silent at once when the playback gives an utterance up, though no message says so', async () => {
      const call = stage.call();
      stage.reply(call, 'u1', ['one two three four five']);
      await until('it is being spoken', () => stage.audio(call).length > 0);
      const sent = stage.audio(call).length;
      call.playback.interrupt(['u1'], 'caller');
      assert.equal(countPlaces().active, provider.placesHeldWhenCut);
      await until('its place is free', () => countPlaces().active === 0);
      assert.equal(stage.audio(call).length, sent);
    });

    it('uses a changed account and voice from the next utterance on', async () => {
      const call = stage.call();
      const utterance = { id: 'u1', by: 'agent', kind: 'reply', interruptible: true };
      stage.send(call, 'reply', 'Old ', { utterance: { ...utterance, seq: 0, done: false } });
      await until('the first part is spoken', () => stage.audio(call).length > 0);
      stage.account(SIMULATOR_KEY, 'other-account');
      stage.deploy({ account: 'other-account', ...provider.otherVoice });
      stage.send(call, 'reply', 'voice.', { utterance: { ...utterance, seq: 1, done: true } });
      stage.reply(call, 'u2', ['New voice.']);
      await stage.spoken(call, 'u2');
      await until('the old one too', () => stage.audio(call, 'u1').some((msg) => msg.utterance?.done));
      assert.deepEqual(
        stage.simulator.contexts.map(({ voice, transcript }) => `${voice}: ${transcript.trim()}`),
        ['voice-1: Old voice.', 'voice-2: New voice.'],
      );
      await until('the old socket is closed', () => stage.simulator.open.sockets === 1);
    });

    it('says what is wrong to Catch, and closes the utterance', async () => {
      stage.account('wrong-key');
      stage.deploy();
      const call = stage.call();
      stage.reply(call, 'u1', ['Hello.']);
      await until('it has failed', () => stage.node.errors.length > 0);
      const { err, msg } = stage.node.errors[0] ?? {};
      assert.equal(msg?.provider, provider.name);
      assert.equal(msg.cause, 'authentication');
      assert.equal((msg.call as CallInfo).id, call.info.id);
      assert.match(err?.message ?? '', /check the key in the account node/);
      assert.equal(call.playback.isDead('u1'), true);
      assert.equal(stage.node.errors.length, 1);
      await until('the node shows it', () => stage.node.statuses.includes('common.status.failed'));
    });

    it('apologises with a clip of an earlier call, in the same voice', async () => {
      const first = stage.call();
      first.apology = 'Sorry, I cannot speak.';
      stage.reply(first, 'u1', ['Hello.']);
      await stage.spoken(first, 'u1');
      await until('the clip is made', () => provider.spoken(stage.simulator).includes(first.apology));
      await until('its place is free again', () => countPlaces().active === 0);
      stage.simulator.faults.add({ kind: 'status', when: 'message', status: 402, times: 'always' });
      const second = stage.call();
      second.apology = first.apology;
      stage.reply(second, 'u2', ['Never ']);
      stage.reply(second, 'u3', ['heard.']);
      await until('both have failed', () => stage.node.errors.length === 2);
      const notices = stage.audio(second).filter((msg) => msg.utterance?.kind === 'notice');
      assert.equal(notices.length, 1, 'one apology is enough');
      assert.equal(stage.heard(second), first.apology);
      assert.equal(notices[0]?.words?.map((word) => word.text).join(' '), first.apology);
      assert.deepEqual(
        second.playback.open.map((record) => record.kind),
        ['notice'],
      );
      assert.equal(second.playback.record('u2')?.reason, 'tts-failed');
    });

    it('a greeting that failed does not mute the rest', async () => {
      stage.simulator.faults.add({ kind: 'status', when: 'message', status: 500, times: 1 });
      stage.simulator.faults.add({ kind: 'status', when: 'message', status: 400, times: 1 });
      const call = stage.call();
      stage.reply(call, 'greeting', ['Welcome.'], { kind: 'greeting' });
      await until('it has failed', () => call.playback.isDead('greeting'));
      assert.deepEqual(
        stage.node.errors.map(({ msg }) => msg.cause),
        ['unavailable', 'bad-request'],
      );
      stage.reply(call, 'u1', ['Go on.']);
      assert.equal(await stage.spoken(call, 'u1'), 'Go on.');
    });

    it('speaks with twenty calls at once, and mixes nothing up', async () => {
      await stage.simulator.close();
      stage = await stageFor(provider, { concurrency: 3 });
      stage.deploy({ concurrency: 3 });
      const calls = Array.from({ length: 20 }, () => stage.call());
      calls.forEach((call, n) => stage.reply(call, `u${n}`, [`This is `, `call ${n}.`]));
      const heard = await Promise.all(calls.map((call, n) => stage.spoken(call, `u${n}`)));
      assert.deepEqual(
        heard,
        calls.map((_, n) => `This is call ${n}.`),
      );
      assert.equal(stage.simulator.open.sockets, 20 / provider.callsOnASocket);
      assert.deepEqual(stage.node.errors, []);
    });

    it('leaves nothing when the caller hangs up in the middle', async () => {
      const call = stage.call();
      stage.reply(call, 'u1', ['one two three four. '], { done: false });
      await until('it is being spoken', () => stage.audio(call).length > 0);
      call.end('caller-hangup');
      assert.deepEqual(countPlaces(), { active: 0, waiting: 0 });
      assert.equal(provider.sockets().contexts, 0);
      const sent = stage.node.sent.length;
      await until(
        'the simulator has nothing open',
        () => stage.simulator.open.sockets + stage.simulator.open.contexts === 0,
      );
      assert.equal(stage.node.sent.length, sent);
    });
  });
}
