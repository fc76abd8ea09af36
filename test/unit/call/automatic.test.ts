import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { Automatic } from '../../../nodes/call/carrier/automatic';
import { playTones } from '../../../nodes/call/carrier/dtmf-tones';
import type { AutomaticSettings } from '../../../nodes/call/carrier/in-settings';
import type { UtteranceInfo, VoiceMessage } from '../../../nodes/call/message';
import { LoneCall, RECORDING, TRANSCRIPTION } from './lone-call';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a call that is recorded and transcribed unasked', () => {
  let lone: LoneCall;
  let settings: AutomaticSettings;
  let sent: VoiceMessage[];
  let warnings: string[];
  let errors: string[];

  const begin = async (): Promise<void> => {
    new Automatic(
      lone.call,
      {
        nodeId: 'in',
        send: (_output, msg) => sent.push(msg),
        report: (error) => errors.push(error.message),
        warn: (words) => warnings.push(words),
        message: (topic, payload, more = {}) => ({ ...more, topic, payload, call: { ...lone.call.info } }),
      },
      () => settings,
    );
    lone.begin();
    await turn();
  };

  /** The flow speaks, and it is heard as far as `pieces` of it. */
  const speak = async (info: Partial<UtteranceInfo>, text: string, heard = true): Promise<void> => {
    const utterance = {
      id: 'u1',
      by: 'agent',
      kind: 'reply',
      seq: 0,
      done: true,
      interruptible: true,
      ...info,
    } as const;
    lone.call.playback.addText(utterance.id, text, 'tts');
    lone.call.playback.openUtterance(utterance, 'tts');
    lone.call.playback.addText(utterance.id, text, 'tts');
    lone.call.playback.addAudio(utterance, Buffer.alloc(1_600, 1), [], 'tts');
    if (heard) lone.hearAll();
    await turn();
  };

  beforeEach(() => {
    lone = new LoneCall();
    [sent, warnings, errors] = [[], [], []];
    settings = {
      ...{ record: 'off', recording: RECORDING, transcribe: 'off', transcription: TRANSCRIPTION, notice: '' },
    };
  });

  it('not at all, by default', async () => {
    await begin();
    assert.deepEqual([lone.control.did, sent], [[], []]);
  });

  it('from the start: without a word', async () => {
    settings = { ...settings, record: 'start', transcribe: 'start', notice: 'This call is recorded.' };
    await begin();
    assert.deepEqual(lone.control.did, ['startRecording dual', 'startTranscription en-US']);
    assert.deepEqual(sent, []);
  });

  it('after a notice: it has the first place, and recording begins when it has been heard', async () => {
    settings = { ...settings, record: 'notice', notice: 'This call is recorded.' };
    await begin();
    const [msg] = sent;
    assert.deepEqual([msg?.topic, msg?.payload, sent.length], ['reply', 'This call is recorded.', 1]);
    const { utterance } = msg ?? {};
    assert.ok(utterance && !utterance.interruptible && utterance.done && utterance.kind === 'notice');
    assert.equal(lone.call.playback.open[0]?.id, utterance.id, 'before any greeting');
    await speak(utterance, 'This call is recorded.', false);
    assert.deepEqual(lone.control.did, [], 'not heard yet');
    lone.hearAll();
    await turn();
    assert.deepEqual(lone.control.did, ['startRecording dual']);
  });

  it('one from the start, the other after the notice', async () => {
    settings = { ...settings, record: 'notice', transcribe: 'start', notice: 'This call is recorded.' };
    await begin();
    assert.deepEqual(lone.control.did, ['startTranscription en-US']);
    await speak(sent[0]?.utterance ?? {}, 'This call is recorded.');
    assert.deepEqual(lone.control.did, ['startTranscription en-US', 'startRecording dual']);
  });

  it('a notice that was not heard to its end: nothing begins, and the log says so', async () => {
    settings = { ...settings, record: 'notice', notice: 'This call is recorded.' };
    await begin();
    const id = sent[0]?.utterance?.id ?? '';
    lone.call.playback.fail(id, 'tts-failed');
    await turn();
    assert.match(warnings.join(), /not heard to its end \(tts-failed\).*not recorded/);
    await speak({ kind: 'notice' }, 'Another notice.');
    assert.deepEqual(lone.control.did, [], 'nor after what else is said');
  });

  it('a caller who hangs up in the midst of the notice is worth no warning', async () => {
    settings = { ...settings, record: 'notice', notice: 'This call is recorded.' };
    await begin();
    lone.call.end('caller-hangup');
    await turn();
    assert.deepEqual([warnings, errors, lone.control.did], [[], [], []]);
  });

  it("without a text of its own: the flow's notice, but no reply, no apology and no key tones", async () => {
    settings = { ...settings, record: 'notice' };
    lone.call.apology = 'Sorry, one moment.';
    await begin();
    assert.deepEqual(sent, []);
    await speak({ id: 'r', kind: 'reply' }, 'Hello.');
    await speak({ id: 'a', kind: 'notice' }, 'Sorry, one moment.');
    playTones(lone.call, '1');
    lone.hearAll();
    await turn();
    assert.deepEqual(lone.control.did, []);
    await speak({ id: 'n', kind: 'notice' }, 'We record this call.');
    assert.deepEqual(lone.control.did, ['startRecording dual']);
    await speak({ id: 'm', kind: 'notice' }, 'And another.');
    assert.equal(lone.control.did.length, 1, 'once');
  });

  it('what the carrier refuses is told, and the call goes on', async () => {
    settings = { ...settings, record: 'start', transcribe: 'start' };
    lone.control.refuses.set('startRecording', 'recording is off for this account');
    await begin();
    await turn();
    assert.deepEqual(errors.length, 1);
    assert.match(errors[0] ?? '', /recording is off for this account/);
    assert.equal(lone.control.did.at(-1), 'startTranscription en-US');
    assert.equal(lone.call.state, 'live');
  });

  it('nothing is kept of a call that ended before it began', () => {
    settings = { ...settings, record: 'start' };
    new Automatic(lone.call, { nodeId: 'in' } as never, () => settings);
    lone.call.end('canceled');
    assert.deepEqual(lone.control.did, []);
  });
});
