import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { LoneCall, RECORDING, TRANSCRIPTION } from './lone-call';
import type { ControlLog } from './lone-call';
import type { CallControls } from '../../../nodes/call/control/call-controls';
import type { TransferOrder } from '../../../nodes/call/carrier/control';

const TRANSFER: TransferOrder = { to: '+15559999', ringMs: 30_000, limitMs: 3_600_000, afterwards: 'end' };

describe('what a flow has done with a call', () => {
  let lone: LoneCall;
  let controls: CallControls;
  let control: ControlLog;

  beforeEach(() => {
    lone = new LoneCall().begin();
    ({ controls } = lone.call);
    ({ control } = lone);
  });

  it('one thing after the other, as they were asked, also after one that failed', async () => {
    let answer = (): void => undefined;
    control.slow.set('startRecording', new Promise((resolve) => (answer = resolve)));
    control.refuses.set('pauseRecording', 'it cannot be paused');
    const started = controls.startRecording(RECORDING);
    const paused = controls.pauseRecording();
    const stopped = controls.stopRecording();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(control.did, ['startRecording dual'], 'the rest waits');
    answer();
    assert.deepEqual(await started, { recordingId: 'RE1' });
    await assert.rejects(paused, /it cannot be paused/);
    assert.deepEqual(await stopped, { recordingId: 'RE1' });
    assert.deepEqual(control.did, ['startRecording dual', 'pauseRecording RE1', 'stopRecording RE1']);
  });

  it('16 things wait at once; the 17th is refused in words, and there is room again when they are done', async () => {
    let answer = (): void => undefined;
    control.slow.set('sendDigits', new Promise((resolve) => (answer = resolve)));
    control.digitsOfItsOwn = true;
    const waiting = Array.from({ length: 16 }, (_, i) => controls.sendDigits(String(i % 10)));
    await assert.rejects(controls.sendDigits('9'), /more than 16 things/);
    answer();
    await Promise.all(waiting);
    assert.equal(control.did.length, 16);
    await controls.sendDigits('5');
    assert.equal(control.did.at(-1), 'sendDigits 5');
  });

  it('what cannot be done now is refused by rejection, and the carrier is not asked', async () => {
    await assert.rejects(controls.pauseRecording(), /not being recorded/);
    await assert.rejects(controls.stopTranscription(), /not being transcribed/);
    await controls.startRecording(RECORDING);
    await assert.rejects(controls.startRecording(RECORDING), /recorded already/);
    lone.call.leave('+15559999');
    await assert.rejects(controls.transfer(TRANSFER), /put through, or talks to somebody/);
    await assert.rejects(controls.sendDigits('1'), /somebody else/);
    lone.call.end('caller-hangup');
    await assert.rejects(controls.stopRecording(), /ended/);
    await assert.rejects(controls.setPrivate(true), /ended/);
    assert.deepEqual(control.did, ['startRecording dual']);
  });

  it('a second transfer that was asked before the first was taken is refused', async () => {
    control.transfer = (order) => {
      control.did.push(`transfer ${order.to}`);
      lone.call.leave(order.to);
      return Promise.resolve();
    };
    const [first, second] = await Promise.allSettled([controls.transfer(TRANSFER), controls.transfer(TRANSFER)]);
    assert.equal(first.status, 'fulfilled');
    assert.equal(second.status, 'rejected');
    assert.deepEqual(control.did, ['transfer +15559999']);
  });

  it('keys that the carrier cannot send are played, and heard as one uninterruptible utterance', async () => {
    assert.deepEqual(await controls.sendDigits('42'), { digits: '42' });
    assert.equal(Buffer.concat(lone.carrier.played).length, 2 * (120 + 80) * 8);
    assert.equal(lone.call.playback.open[0]?.interruptible, false);
    lone.hearAll();
    assert.ok(lone.topics().includes('playback.finished'));
  });

  it('keys for which there is no room are an error, not silence', async () => {
    lone.call.playback.rest('machine');
    await assert.rejects(controls.sendDigits('42'), /keys were not sent/);
  });

  it('values stand in the call from then on, besides those that are there: 50 of them and 4 kB', () => {
    controls.setValues({ customer: 'Ada' });
    assert.deepEqual(lone.call.info.parameters, { shop: 'north', customer: 'Ada' });
    const many = Object.fromEntries(Array.from({ length: 48 }, (_, i) => [`k${i}`, '']));
    controls.setValues(many);
    assert.throws(() => controls.setValues({ one: 'too many' }), /50 values/);
    assert.equal(Object.keys(lone.call.info.parameters).length, 50);
    const spare = 4_096 - Buffer.byteLength(JSON.stringify(lone.call.info.parameters));
    controls.setValues({ k0: 'x'.repeat(spare) });
    assert.throws(() => controls.setValues({ k0: 'x'.repeat(spare + 1) }), /4 kB/);
  });

  describe('private', () => {
    it('pauses the recording and stops the transcription at once, and brings both back', async () => {
      await controls.startRecording(RECORDING);
      await controls.startTranscription(TRANSCRIPTION);
      const on = controls.setPrivate(true);
      assert.equal(lone.call.privacy.on, true, 'not only when the carrier has answered');
      assert.deepEqual(await on, { private: true, recording: 'paused', transcription: 'stopped' });
      await assert.rejects(controls.startTranscription(TRANSCRIPTION), /private/);
      await assert.rejects(controls.resumeRecording(), /private/);
      assert.deepEqual(await controls.setPrivate(false), {
        ...{ private: false, recording: 'resumed', transcription: 'started' },
      });
      assert.equal(lone.call.privacy.on, false);
      assert.deepEqual(control.did.slice(2), [
        ...['pauseRecording RE1', 'stopTranscription GT2', 'resumeRecording RE1', 'startTranscription en-US'],
      ]);
      await controls.stopTranscription();
      assert.match(control.did.at(-1) ?? '', /stopTranscription GT[^2]/, 'the new one');
    });

    it('a recording that cannot be paused is stopped; the flow is told', async () => {
      await controls.startRecording(RECORDING);
      control.refuses.set('pauseRecording', 'no such verb');
      assert.deepEqual(await controls.setPrivate(true), { private: true, recording: 'stopped' });
      assert.deepEqual(await controls.setPrivate(false), { private: false });
      assert.equal(controls.isRecording, false);
      assert.equal(control.did.at(-1), 'stopRecording RE1');
    });

    it('a recording that can be neither paused nor stopped is an error, and is still known', async () => {
      await controls.startRecording(RECORDING);
      control.refuses.set('pauseRecording', 'down').set('stopRecording', 'the carrier is down');
      await assert.rejects(controls.setPrivate(true), /the carrier is down/);
      assert.equal(lone.call.privacy.on, true, 'words and keys are masked all the same');
      control.refuses.clear();
      assert.deepEqual(await controls.setPrivate(true), { private: true, recording: 'paused' });
    });

    it('a transcription that could not be stopped is not started a second time', async () => {
      await controls.startTranscription(TRANSCRIPTION);
      control.refuses.set('stopTranscription', 'down');
      await assert.rejects(controls.setPrivate(true), /down/);
      assert.deepEqual(await controls.setPrivate(false), { private: false });
      assert.deepEqual(control.did, ['startTranscription en-US', 'stopTranscription GT1']);
    });

    it('what the flow had paused itself stays paused', async () => {
      await controls.startRecording(RECORDING);
      await controls.pauseRecording();
      await controls.setPrivate(true);
      assert.deepEqual(await controls.setPrivate(false), { private: false });
      assert.deepEqual(control.did, ['startRecording dual', 'pauseRecording RE1']);
      await controls.resumeRecording();
      assert.equal(control.did.at(-1), 'resumeRecording RE1');
    });

    it('paused by the flow while private: stays paused after that', async () => {
      await controls.startRecording(RECORDING);
      await controls.setPrivate(true);
      await controls.pauseRecording();
      assert.deepEqual(await controls.setPrivate(false), { private: false });
      assert.deepEqual(control.did, ['startRecording dual', 'pauseRecording RE1']);
    });

    it('on, off and on again in one breath is on: nothing is resumed in between', async () => {
      await controls.startRecording(RECORDING);
      await Promise.all([controls.setPrivate(true), controls.setPrivate(false), controls.setPrivate(true)]);
      assert.equal(lone.call.privacy.on, true);
      assert.deepEqual(control.did, ['startRecording dual', 'pauseRecording RE1']);
    });
  });
});
