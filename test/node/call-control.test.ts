import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { NodeAPI } from 'node-red';
import callControl from '../../nodes/call/call-control';
import type { Call } from '../../nodes/call/call';
import type { Carrier } from '../../nodes/call/carrier';
import type { CarrierControl, RecordedAudio, RecordingStore } from '../../nodes/call/carrier/control';
import { addDesk } from '../../nodes/call/carrier/desks';
import { dialHistory } from '../../nodes/call/dial/history';
import { ProviderError } from '../../nodes/call/errors';
import { registry } from '../../nodes/call/heart';
import { copyCall } from '../../nodes/call/message';
import { registerVoiceNode } from '../../nodes/call/node';
import { Session } from '../../nodes/call/session';
import { until } from '../support/runtime';
import { FakeRed } from './twilio-red';
import type { Config, Message } from './twilio-red';

const COLLEAGUE = '+442079460321';

/** A carrier that writes down what it is asked, and does it when it is let. */
class FakeCarrier implements Carrier {
  readonly name = 'fake';
  readonly connected = false;
  readonly asked: unknown[][] = [];
  failure: Error | undefined;
  /** Set: what is asked waits for it. */
  holding: Promise<void> | undefined;
  readonly control: CarrierControl = {
    transfer: (order) => this.ask('transfer', order),
    startRecording: async (order) => (await this.ask('startRecording', order), 'RE1'),
    pauseRecording: (id) => this.ask('pauseRecording', id),
    resumeRecording: (id) => this.ask('resumeRecording', id),
    stopRecording: (id) => this.ask('stopRecording', id),
    startTranscription: async (order) => (await this.ask('startTranscription', order), 'GT1'),
    stopTranscription: (id) => this.ask('stopTranscription', id),
    sendDigits: async (digits) => (await this.ask('sendDigits', digits), true),
  };

  get commands(): unknown[] {
    return this.asked.map(([name]) => name);
  }
  hangUp(goodbye?: string): Promise<void> {
    return this.ask('hangUp', goodbye);
  }
  play(): void {}
  mark(): void {}
  clear(): void {}
  async say(): Promise<void> {}
  dispose(): void {}

  private async ask(...words: unknown[]): Promise<void> {
    this.asked.push(words);
    await this.holding;
    if (this.failure) throw this.failure;
  }
}

/** What the fake carrier has recorded. */
class FakeStore implements RecordingStore {
  readonly recordings = new Map<string, RecordedAudio>();
  readonly doomed: string[] = [];
  deletion: Error | undefined;
  awaited = 1;

  async fetchRecording({ recordingId }: Readonly<Record<string, unknown>>): Promise<RecordedAudio> {
    await Promise.resolve();
    const found = this.recordings.get(String(recordingId));
    if (!found) throw new ProviderError('fake', 'bad-request', 'there is no such recording', { code: 404 });
    return found;
  }
  async deleteRecording(recordingId: string): Promise<void> {
    await Promise.resolve();
    if (this.deletion) throw this.deletion;
    this.recordings.delete(recordingId);
  }
  doomRecordings(callId: string): Promise<number> {
    this.doomed.push(callId);
    return Promise.resolve(this.awaited);
  }
}

class NoSession extends Session<object> {
  receive(): 'pass' {
    return 'pass';
  }
  protected release(): void {}
}

describe('call-control', () => {
  let red: FakeRed;
  let carrier: FakeCarrier;
  let store: FakeStore;
  let call: Call;
  let calls = 0;

  beforeEach(async () => {
    dialHistory.clear();
    red = new FakeRed();
    carrier = new FakeCarrier();
    store = new FakeStore();
    const api: NodeAPI = red.api();
    callControl(api);
    registerVoiceNode<object>(api, {
      type: 'fake-in',
      settings: () => ({}),
      session: (one, slot) => new NoSession(one, slot),
      started: (slot) => addDesk(slot, store),
    });
    await red.deploy([{ id: 'in', type: 'fake-in' }]);
    call = open();
  });
  afterEach(async () => {
    for (const one of registry.all()) one.end('shutdown');
    await red.deploy([]);
  });

  function open(): Call {
    const id = `CA${++calls}`;
    const info = { id, carrier: 'fake', direction: 'inbound', from: '+15550001111', to: '+15552223333', startedAt: 0, parameters: { shop: 'north' }, media: { encoding: 'mulaw', sampleRate: 8000 } } as const; // prettier-ignore
    const limits = { maxDurationMs: 1e9, silenceMs: 1e9, goodbye: '' };
    const opened = registry.open({ ...info, parameters: { ...info.parameters } }, carrier, 'in', () => limits);
    opened.streamOpened();
    return opened;
  }
  const flow = (config: Partial<Config>): Config[] => [
    { id: 'in', type: 'fake-in' },
    { id: 'control', type: 'call-control', wires: [['out']], ...config },
    { id: 'out', type: 'watch' },
  ];
  const deploy = (config: Partial<Config>): Promise<void> => red.deploy(flow(config));
  const order = (msg: object): void => red.node('control')?.receive({ _msgid: 'a1', ...msg } as Message);
  const out = (): Message[] => red.node('out')?.received ?? [];
  const errors = (): string[] => red.errors.map(({ err }) => err.message);
  /** Twice a second at most: the last one is the one that stays. */
  const shows = (fill: string, text: string): Promise<void> =>
    until(`it shows ${text}`, () => {
      const last = red.statuses.findLast(({ id }) => id === 'control');
      return last?.fill === fill && last.text === text;
    });
  const arrives = (count = 1): Promise<void> => until('it arrives', () => out().length >= count);
  const fails = (count = 1): Promise<void> => until('it fails', () => red.errors.length >= count);
  /** As in the call's own stream. */
  const event = (topic: string, payload: unknown = {}, id = `v${topic}`): object => ({ _msgid: id, topic, payload, call: copyCall(call.info), event: { seq: 1, atMs: 1 } }); // prettier-ignore

  describe('of what a message names', () => {
    it('hangs up a call by msg.call, by its id as msg.call, and by msg.callId: from any tab', async () => {
      await deploy({ when: 'now', goodbye: 'Bye.' });
      const named = [(one: Call) => ({ call: copyCall(one.info) }), (one: Call) => ({ call: one.info.id }), (one: Call) => ({ callId: one.info.id })]; // prettier-ignore
      for (const [i, name] of named.entries()) {
        const one = open();
        order({ topic: 'http', customer: 7, payload: {}, ...name(one) });
        await arrives(i + 1);
        assert.equal(one.state, 'ended');
        const { payload, customer, topic, call: told } = out()[i] ?? ({} as Message);
        assert.deepEqual([payload, customer, topic], [{ action: 'hang-up' }, 7, 'http']);
        assert.equal((told as { id: string }).id, one.info.id);
        assert.ok((told as { endedAt?: number }).endedAt, 'msg.call is as the call is now');
      }
      assert.deepEqual(
        carrier.asked,
        Array.from({ length: 3 }, () => ['hangUp', 'Bye.']),
      );
      await shows('green', 'call-control.status.hang-up');
      assert.deepEqual(errors(), []);
    });

    it('refuses in words what names no call, an unknown one, or one that has ended', async () => {
      await deploy({ when: 'now' });
      const before = open();
      before.end('caller-hangup');
      order({ payload: 'x' });
      order({ callId: 'CA999' });
      order({ callId: before.info.id });
      assert.match(errors()[0] ?? '', /^call-control: the message names no call/);
      assert.match(errors()[1] ?? '', /^call-control: there is no call of this id here/);
      assert.match(errors()[2] ?? '', /^call-control: the call has ended already: nothing was done\.$/);
      assert.deepEqual([red.errors[0]?.msg?.payload, out(), carrier.asked], ['x', [], []]);
      assert.deepEqual(red.errors.map(({ err }) => (err as ProviderError).cause), ['settings', 'settings', 'settings']); // prettier-ignore
      await shows('red', 'the call has ended already');
    });

    it('says nothing when the events of an ended call come to it', async () => {
      await deploy({ when: 'now' });
      call.end('caller-hangup');
      order(event('call.ended'));
      order(event('call.status', { status: 'x' }));
      await arrives();
      assert.deepEqual([errors(), carrier.asked, out().map(({ topic }) => topic)], [[], [], ['call.status']]);
    });
  });

  describe('does what it is told', () => {
    it('records, pauses, goes on, stops, and transcribes, as the message says', async () => {
      await deploy({
        action: 'message',
        recordingChannels: 'mono',
        recordingTrim: true,
        transcriptionEngine: 'google',
      });
      const words = ['recording-start', 'recording-pause', 'recording-resume', 'recording-stop', 'transcription-start', 'transcription-stop']; // prettier-ignore
      for (const action of words) order({ callId: call.info.id, action });
      await arrives(6);
      assert.deepEqual(out().map(({ payload }) => payload), [
        ...words.slice(0, 4).map((action) => ({ action, recordingId: 'RE1' })),
        ...words.slice(4).map((action) => ({ action, transcriptionId: 'GT1' })),
      ]); // prettier-ignore
      assert.deepEqual(carrier.asked[0], ['startRecording', { channels: 'mono', track: 'both', trim: true, callbackUrl: '' }]); // prettier-ignore
      assert.deepEqual(carrier.asked[4], ['startTranscription', { engine: 'google', model: '', language: '', track: 'both' }]); // prettier-ignore
      assert.deepEqual(carrier.commands, ['startRecording', 'pauseRecording', 'resumeRecording', 'stopRecording', 'startTranscription', 'stopTranscription']); // prettier-ignore
      assert.deepEqual(errors(), []);
    });

    it('sends digits as they are written, and refuses what are none', async () => {
      await deploy({ action: 'digits' });
      for (const digits of ['1w 23-4#', 42]) order({ call: call.info.id, digits });
      await arrives(2);
      assert.deepEqual(carrier.asked, [['sendDigits', '1w234#'], ['sendDigits', '42']]); // prettier-ignore
      for (const digits of ['', '12x', 'E'.repeat(3)]) order({ call: call.info.id, digits });
      assert.match(errors()[0] ?? '', /there are no digits to send/);
      assert.match(errors()[1] ?? '', /digits are 0 to 9/);
      assert.equal(errors().length, 3);
    });

    it('sets values that from then on stand in msg.call.parameters, as texts', async () => {
      await deploy({ action: 'set-values', values: '{"customer":"c-1","vip":true}' });
      order({ call: copyCall(call.info), values: { customer: 17 } });
      await arrives();
      const parameters = { shop: 'north', customer: '17', vip: 'true' };
      assert.deepEqual(out()[0]?.payload, { action: 'set-values', parameters });
      assert.deepEqual((out()[0]?.call as Message).parameters, parameters);
      assert.deepEqual(call.info.parameters, parameters);
      order({ call: call.info.id, values: { deep: {} } });
      order({ call: call.info.id, values: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`v${i}`, i])) });
      await fails(2);
      assert.match(errors()[0] ?? '', /^call-control: msg\.values: the value of "deep" must be text/);
      assert.match(errors()[1] ?? '', /a call may have 50 values/);
    });

    it('keeps what is said private, and says so', async () => {
      await deploy({ action: 'message' });
      order({ call: call.info.id, action: 'private-on' });
      assert.equal(call.privacy.on, true, 'at once');
      await arrives();
      order({ call: call.info.id, action: 'private-off' });
      await arrives(2);
      assert.deepEqual([out()[0]?.payload, out()[1]?.payload, call.privacy.on], [{ action: 'private-on', private: true }, { action: 'private-off', private: false }, false]); // prettier-ignore
      order({ call: call.info.id, action: 'explode' });
      assert.match(errors()[0] ?? '', /msg\.action must be one of hang-up, transfer, .*, not "explode"/);
    });

    it("tells the carrier's refusal with its code, and hands Catch the message as it came", async () => {
      await deploy({ action: 'recording-start', on: 'order' });
      carrier.failure = new ProviderError('fake', 'bad-request', 'recording is not on in this account', { code: 21220, advice: ': switch it on.' }); // prettier-ignore
      order({ topic: 'order', payload: 'please', call: call.info.id });
      await fails();
      const [{ err, msg } = {}] = red.errors;
      assert.equal(err?.message, 'fake: recording is not on in this account: switch it on.');
      assert.deepEqual([(err as ProviderError).code, (err as ProviderError).call], ['21220', call.info.id]);
      assert.deepEqual(msg, { _msgid: 'a1', topic: 'order', payload: 'please', call: call.info.id });
      assert.deepEqual(out(), []);
      await shows('red', 'recording is not on in this account');
    });

    it('whoever asks a node that is set wrong is told; the call goes on through it', async () => {
      await deploy({ id: 'wrong', action: 'transfer', to: '911' });
      red.errors.length = 0;
      const wrong = red.node('wrong');
      wrong?.receive({ topic: 'please', payload: '', call: call.info.id });
      wrong?.receive(event('transcript', 'Hello') as Message);
      await arrives();
      assert.match(errors()[0] ?? '', /The number to transfer to: emergency/);
      assert.deepEqual([errors().length, out().map(({ topic }) => topic)], [1, ['transcript']]);
    });
  });

  describe('in the row', () => {
    it('acts on the topic it is to act on; all else passes, unchanged and in order, audio too', async () => {
      await deploy({ action: 'recording-start', on: 'call.started' });
      const row = ['audio', 'call.dtmf', 'transcript', 'audio', 'playback.finished'].map((topic, i) => event(topic, `p${i}`, `v${i}`)); // prettier-ignore
      for (const [i, msg] of row.entries()) order({ ...msg, event: { seq: i, atMs: i } });
      order(event('call.started', { raw: 1 }));
      await arrives(6);
      assert.deepEqual(out().map(({ topic }) => topic), ['audio', 'call.dtmf', 'transcript', 'audio', 'playback.finished', 'call.started']); // prettier-ignore
      assert.deepEqual(out().slice(0, 5).map(({ payload }) => payload), ['p0', 'p1', 'p2', 'p3', 'p4']); // prettier-ignore
      assert.deepEqual(out()[5]?.payload, { action: 'recording-start', recordingId: 'RE1' });
      assert.deepEqual(carrier.commands, ['startRecording']);
    });

    it('an event goes on as it came when the action fails: others wait for it', async () => {
      await deploy({ action: 'recording-start', on: 'call.started' });
      carrier.failure = new ProviderError('fake', 'unavailable', 'no');
      order(event('call.started', { raw: 1 }));
      await fails();
      await arrives();
      assert.deepEqual([out()[0]?.topic, out()[0]?.payload, out().length], ['call.started', { raw: 1 }, 1]);
    });

    it('audio is never acted on, and without a topic everything else is', async () => {
      await deploy({ action: 'digits', digits: '5' });
      order(event('audio', Buffer.alloc(160)));
      order(event('call.dtmf', '1'));
      await arrives(2);
      assert.deepEqual(carrier.commands, ['sendDigits']);
    });

    it('a message that forks and joins is acted on once; what a flow made of it is another order', async () => {
      await deploy({ action: 'message' });
      const twice = { ...event('call.started'), action: 'digits', digits: '1' };
      order(twice);
      order({ ...twice });
      order({ ...twice, digits: '2' });
      order({ ...twice, _msgid: 'vother' });
      await arrives(3);
      assert.deepEqual(carrier.asked.map(([, digits]) => digits), ['1', '2', '1']); // prettier-ignore
      // An id that is not ours: a flow may repeat what it likes.
      order({ call: call.info.id, action: 'digits', digits: '3' });
      order({ call: call.info.id, action: 'digits', digits: '3' });
      await arrives(5);
      assert.equal(carrier.asked.length, 5);
    });

    it('where the action comes from the message, messages of the call without one pass', async () => {
      await deploy({ action: 'message' });
      order(event('transcript', 'Hello'));
      order({ call: copyCall(call.info), topic: 'text', payload: 'speak this' });
      await arrives(2);
      order({ callId: call.info.id });
      assert.deepEqual(out().map(({ payload }) => payload), ['Hello', 'speak this']); // prettier-ignore
      assert.match(errors()[0] ?? '', /msg\.action is missing/);
    });
  });

  describe('when the agent has finished speaking', () => {
    it('hangs up then, and not before', async () => {
      await deploy({ goodbye: 'is not said' });
      call.compose('agent', true);
      order({ call: call.info.id });
      await shows('blue', 'call-control.status.working');
      assert.deepEqual(carrier.asked, []);
      call.compose('agent', false);
      await arrives();
      assert.deepEqual(carrier.asked, [['hangUp', '']]);
    });

    it('puts nobody through whose call has ended meanwhile', async () => {
      await deploy({ action: 'transfer', to: COLLEAGUE });
      call.compose('agent', true);
      order({ call: call.info.id });
      call.end('caller-hangup');
      await fails();
      assert.match(errors()[0] ?? '', /cannot be done with the call now: it has ended/);
      assert.deepEqual([carrier.asked, out()], [[], []]);
    });
  });

  describe('puts the caller through', () => {
    it('with all that the carrier needs to know', async () => {
      await deploy({ action: 'transfer', when: 'now', allowed: '+44', callerId: '+1 (555) 222-3333', ringTimeout: 20, timeLimit: 60, afterwards: 'back' }); // prettier-ignore
      order({ call: call.info.id, to: '+44 20 7946 0321' });
      await arrives();
      assert.deepEqual(out()[0]?.payload, { action: 'transfer', to: COLLEAGUE });
      assert.deepEqual(carrier.asked, [['transfer', { to: COLLEAGUE, callerId: '+15552223333', ringMs: 20_000, limitMs: 3_600_000, afterwards: 'back' }]]); // prettier-ignore
    });

    it('with a time limit always, also where nothing is set', async () => {
      await deploy({ action: 'transfer', when: 'now', to: COLLEAGUE });
      order({ call: call.info.id });
      await arrives();
      assert.deepEqual(carrier.asked, [['transfer', { to: COLLEAGUE, ringMs: 30_000, limitMs: 14_400_000, afterwards: 'end' }]]); // prettier-ignore
    });

    it('a model cannot dial what the ops person has not allowed, and is told why', async () => {
      await deploy({ action: 'transfer', when: 'now', allowed: '+44, +1, sip:pbx.example.com' });
      const wishes: [unknown, RegExp][] = [
        ['+19005550100', /premium-rate numbers are not dialled \(\+1900/],
        ['911', /emergency numbers and short codes are never dialled/],
        ['+44999', /emergency numbers and short codes are never dialled/],
        ['+4930123456', /not among the allowed prefixes/],
        ['sip:sales@elsewhere.example.com', /the host elsewhere\.example\.com is not among the allowed/],
        ['our colleague', /must be in international form/],
        [undefined, /there is no number to dial/],
        [{ number: COLLEAGUE }, /there is no number to dial/],
      ];
      for (const [to, words] of wishes) {
        red.errors.length = 0;
        order({ call: call.info.id, to });
        assert.match(errors()[0] ?? '', words);
      }
      order({ call: call.info.id, to: COLLEAGUE, callerId: 'the boss' });
      assert.match(errors()[1] ?? '', /the number to show \(msg\.callerId\)/);
      assert.deepEqual([carrier.asked, out(), dialHistory.size], [[], [], 0]);
    });

    it('the 11th time in an hour it is refused, whoever dialled before', async () => {
      await deploy({ action: 'transfer', when: 'now', to: COLLEAGUE });
      for (let i = 0; i < 10; i++) dialHistory.take(COLLEAGUE, 10);
      order({ call: call.info.id });
      await fails();
      assert.match(errors()[0] ?? '', /this number was dialled 10 times within the last hour/);
      assert.deepEqual(carrier.asked, []);
    });

    it('not while the caller is with somebody else, and that counts for nothing', async () => {
      await deploy({ action: 'transfer', when: 'now', to: COLLEAGUE });
      call.leave('+15550009999');
      order({ call: call.info.id });
      await fails();
      assert.match(errors()[0] ?? '', /the caller is being put through, or talks to somebody, already/);
      assert.deepEqual([carrier.asked, dialHistory.size], [[], 0]);
    });
  });

  describe('a Deploy', () => {
    it('in the midst of an action loses nothing: the result comes when the flows run again', async () => {
      await deploy({ action: 'transfer', when: 'now', to: COLLEAGUE });
      let letGo = (): void => undefined;
      carrier.holding = new Promise((resolve) => (letGo = resolve));
      order({ call: call.info.id, customer: 7 });
      await red.deploy(flow({ action: 'transfer', when: 'now', to: COLLEAGUE }), async () => {
        letGo();
        await new Promise((resolve) => setImmediate(resolve));
        assert.deepEqual(out(), []);
      });
      await arrives();
      assert.deepEqual([out()[0]?.payload, out()[0]?.customer], [{ action: 'transfer', to: COLLEAGUE }, 7]);
      assert.equal(carrier.asked.length, 1);
    });

    it('in the midst of one that fails: Catch hears of it from the node as it is then', async () => {
      await deploy({ action: 'recording-start' });
      let letGo = (): void => undefined;
      carrier.holding = new Promise((resolve) => (letGo = resolve));
      carrier.failure = new ProviderError('fake', 'unavailable', 'out of order');
      order({ call: call.info.id, customer: 7 });
      await red.deploy(flow({ action: 'recording-start' }), async () => {
        letGo();
        await new Promise((resolve) => setImmediate(resolve));
        assert.deepEqual(errors(), [], 'nobody would hear it now');
      });
      await fails();
      assert.match(errors()[0] ?? '', /fake: out of order/);
      assert.equal(red.errors[0]?.msg?.customer, 7);
    });
  });

  describe('a recording', () => {
    const AUDIO = Buffer.from('RIFF the sound');
    const report = (more: object = {}): object => ({ recordingId: 'RE1', status: 'completed', node: 'in', ...more });
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'recordings-'));
      store.recordings.set('RE1', { audio: AUDIO, contentType: 'audio/x-wav' });
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    it('is fetched into the message when the call is long over', async () => {
      await deploy({ action: 'recording-fetch', on: 'call.recording' });
      call.end('caller-hangup');
      order(event('call.recording', report()));
      await arrives();
      assert.deepEqual(out()[0]?.payload, AUDIO);
      const recording = { recordingId: 'RE1', contentType: 'audio/x-wav', bytes: AUDIO.length, deleted: false };
      assert.deepEqual(out()[0]?.recording, recording);
      assert.equal((out()[0]?.call as { id: string }).id, call.info.id);
      assert.equal(store.recordings.size, 1, 'it is still at the carrier');
    });

    it('is kept in a folder, each in a file of its own, and deleted at the carrier after that', async () => {
      await deploy({ action: 'recording-fetch', file: `${folder}/kept/`, createDir: true, remove: true });
      store.recordings.set('../RE2', { audio: Buffer.from('mp3'), contentType: 'audio/mpeg' });
      order({ payload: report() });
      order({ payload: report({ recordingId: '../RE2' }) });
      await arrives(2);
      assert.deepEqual(readdirSync(join(folder, 'kept')).sort(), ['RE1.wav', '___RE2.mp3']);
      assert.deepEqual(readFileSync(join(folder, 'kept', 'RE1.wav')), AUDIO);
      const { payload } = out().find((each) => (each.recording as Message).recordingId === 'RE1') ?? ({} as Message);
      assert.deepEqual(payload, { action: 'recording-fetch', recordingId: 'RE1', contentType: 'audio/x-wav', bytes: AUDIO.length, deleted: true, file: join(folder, 'kept', 'RE1.wav') }); // prettier-ignore
      assert.equal(store.recordings.size, 0);
    });

    it('is kept where msg.filename says; what was there before stands until all of it is there', async () => {
      const file = join(folder, 'the one.wav');
      writeFileSync(file, 'an older one');
      await deploy({ action: 'recording-fetch', file: '/nowhere/at/all.wav' });
      order({ payload: report(), filename: file });
      await arrives();
      assert.deepEqual([readdirSync(folder), readFileSync(file)], [['the one.wav'], AUDIO]);
    });

    it('that cannot be kept is not deleted: the folder is missing, the carrier has sent nothing, it is not there', async () => {
      await deploy({ action: 'recording-fetch', file: join(folder, 'missing', 'a.wav'), remove: true });
      order({ payload: report() });
      await fails(1);
      assert.match(errors()[0] ?? '', /^call-control: the recording could not be written to .*: the folder does not exist: make it/); // prettier-ignore
      assert.equal((red.errors[0]?.err as ProviderError).code, 'ENOENT');
      store.recordings.set('RE3', { audio: Buffer.alloc(0), contentType: 'audio/x-wav' });
      order({ payload: report({ recordingId: 'RE3' }) });
      await fails(2);
      assert.match(errors()[1] ?? '', /the recording is empty: it was left where it is/);
      order({ payload: report({ recordingId: 'RE4' }) });
      await fails(3);
      assert.match(errors()[2] ?? '', /fake: there is no such recording/);
      assert.deepEqual([...store.recordings.keys()], ['RE1', 'RE3']);
      assert.deepEqual([readdirSync(folder), out()], [[], []]);
    });

    it('that is here but could not be deleted there goes on, and Catch is told', async () => {
      await deploy({ action: 'recording-fetch', remove: true });
      store.deletion = new ProviderError('fake', 'unavailable', 'not now', { code: 503 });
      order({ payload: report() });
      await fails();
      await arrives();
      assert.deepEqual([out()[0]?.payload, (out()[0]?.recording as Message).deleted], [AUDIO, false]);
      assert.equal((red.errors[0]?.err as ProviderError).code, '503');
    });

    it('of which it is only told how it stands passes; what is no report is refused', async () => {
      await deploy({ action: 'recording-fetch' });
      for (const status of ['in-progress', 'absent', 'failed', 'deleted']) {
        order(event('call.recording', report({ status }), `v${status}`));
      }
      await arrives(4);
      assert.deepEqual(out().map(({ payload }) => (payload as Message).status), ['in-progress', 'absent', 'failed', 'deleted']); // prettier-ignore
      order({ payload: { recordingId: 'RE1' } });
      order({ payload: report({ node: 'gone' }) });
      await fails(2);
      assert.match(errors()[0] ?? '', /msg\.payload must be the report of a recording/);
      assert.match(errors()[1] ?? '', /the node that the recording came in by .* is not here any more/);
    });

    it('that a report names is deleted at once', async () => {
      await deploy({ action: 'recording-delete' });
      order(event('call.recording', report()));
      await arrives();
      assert.deepEqual([out()[0]?.payload, store.recordings.size], [{ action: 'recording-delete', recordingId: 'RE1' }, 0]); // prettier-ignore
      assert.deepEqual(store.doomed, []);
    });

    it('that is being made is stopped, and deleted as soon as the carrier has it', async () => {
      await deploy({ action: 'message' });
      order({ call: call.info.id, action: 'recording-start' });
      order({ call: call.info.id, action: 'recording-delete' });
      await until('it is started', () => call.controls.isRecording);
      order({ call: call.info.id, action: 'recording-delete' });
      await arrives(2);
      assert.ok(store.doomed.includes(call.info.id), 'doomed before it is stopped');
      assert.deepEqual(carrier.commands, ['startRecording', 'stopRecording']);
      assert.equal(store.recordings.size, 1, 'deleted when it is reported');
    });

    it('whose reports go elsewhere is deleted when it has been stopped; where there is none it is refused', async () => {
      await deploy({ action: 'message', recordingCallback: 'https://voice.example.com/recorded' });
      store.awaited = 0;
      order({ call: call.info.id, action: 'recording-delete' });
      await fails();
      assert.match(errors()[0] ?? '', /nothing of the call is being recorded/);
      order({ call: call.info.id, action: 'recording-start' });
      await arrives();
      order({ call: call.info.id, action: 'recording-delete' });
      await arrives(2);
      assert.deepEqual([out()[1]?.payload, store.recordings.size], [{ action: 'recording-delete', recordingId: 'RE1' }, 0]); // prettier-ignore
    });
  });
});
