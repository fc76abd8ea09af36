import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { NodeAPI } from 'node-red';
import agentSay from '../../nodes/agent/agent-say';
import type { Said } from '../../nodes/agent/say-session';
import type { Call } from '../../nodes/call/call';
import { registry } from '../../nodes/call/heart';
import { copyCall, nextMessageId } from '../../nodes/call/message';
import type { VoiceMessage } from '../../nodes/call/message';
import { registerVoiceNode } from '../../nodes/call/node';
import { Session } from '../../nodes/call/session';
import { gone } from '../../nodes/call/loop-turns';
import { LoneCarrier } from '../unit/call/lone-call';
import { FakeRed } from './twilio-red';
import type { Config } from './twilio-red';

class NoSession extends Session<object> {
  receive(): 'pass' {
    return 'pass';
  }
  protected release(): void {}
}

/** Longer than any message of these flows is on its way. */
const ARRIVED = 8;

describe('agent-say', () => {
  let red: FakeRed;
  let call: Call;
  let carrier: LoneCarrier;
  let flow: Config[];
  let calls = 0;

  beforeEach(() => {
    red = new FakeRed();
    const util = { evaluateNodeProperty: (name: string) => (name === 'SHOP' ? 'Acme' : '') };
    const api = { ...red.api(), util } as unknown as NodeAPI;
    agentSay(api);
    registerVoiceNode<object>(api, {
      type: 'fake-in',
      settings: () => ({}),
      session: (one, slot) => new NoSession(one, slot),
    });
  });
  afterEach(async () => {
    for (const one of registry.all()) one.end('shutdown');
    await red.deploy([]);
  });

  /** `in` and `say` stand on one tab, `far` on another; what comes of `say` is kept by `speech` and `said`. */
  const deploy = (config: Partial<Config> = {}, more: Config[] = []): Promise<void> => {
    flow = [
      { id: 'in', type: 'fake-in', z: 'tab' },
      { id: 'far', type: 'fake-in', z: 'far-tab' },
      { id: 'say', type: 'agent-say', z: 'tab', wires: [['speech'], ['said']], ...config },
      { id: 'speech', type: 'watch' },
      { id: 'said', type: 'watch' },
      ...more,
    ];
    return red.deploy(flow);
  };
  const ring = (ownerId = 'in'): Call => {
    const info = { id: `CA-say-${++calls}`, carrier: 'fake', direction: 'inbound', from: '+15550001111', to: '+15552223333', startedAt: 0, parameters: { name: 'Ada' }, media: { encoding: 'mulaw', sampleRate: 8000 } } as const; // prettier-ignore
    carrier = new LoneCarrier();
    call = registry.open({ ...info, parameters: { ...info.parameters } }, carrier, ownerId, () => ({ maxDurationMs: 1e9, silenceMs: 1e9, goodbye: '' })); // prettier-ignore
    return call;
  };
  /** A call that has started. */
  const talk = (ownerId?: string): Call => {
    const one = ring(ownerId);
    one.streamOpened();
    one.emit('call.started', { raw: { line: 7 } });
    return one;
  };
  const message = (topic: string, payload: unknown, more: object = {}): VoiceMessage => ({ _msgid: nextMessageId(), topic, payload, call: copyCall(call.info), ...more }); // prettier-ignore
  const send = (topic: string, payload: unknown, more: object = {}, to = 'say'): void => red.node(to)?.receive(message(topic, payload, more)); // prettier-ignore
  const received = (id: string): VoiceMessage[] => (red.node(id)?.received ?? []) as unknown as VoiceMessage[];
  const arrived = (): Promise<void> => gone(ARRIVED);
  const topics = (): string[] => received('speech').map(({ topic }) => topic);
  const replies = (): VoiceMessage[] => received('speech').filter(({ topic }) => topic === 'reply');
  const texts = (): unknown[] => replies().map(({ payload }) => payload);
  const said = (): Said[] => received('said').map(({ payload }) => payload as Said);
  const errors = (): string[] => red.errors.map(({ err }) => err.message);
  const open = (): string[] => call.playback.open.map(({ id }) => id);
  /** As TTS and phone would: audio of what is to be spoken next, of which the first word has been heard, or all. */
  const hear = (how: 'begun' | 'all'): void => {
    const [id = ''] = open();
    const all = how === 'all';
    const utterance = { id, by: 'agent', kind: 'prompt', seq: 0, done: all, interruptible: true } as const;
    call.playback.addAudio(utterance, Buffer.alloc(all ? 1_600 : 16_000, 0xff), [{ text: 'One', startMs: 0, endMs: 100 }, ...(all ? [] : [{ text: 'moment', startMs: 1_000, endMs: 1_500 }])], 'tts'); // prettier-ignore
    for (const mark of all ? carrier.marks.splice(0) : carrier.marks.splice(0, 1)) call.playback.echo(mark);
  };

  describe('when a message comes', () => {
    const cells: [what: string, topic: string, payload: unknown, more: object, passes: boolean, speaks: boolean][] = [
      ["the caller's words", 'transcript', 'Hello', {}, false, true],
      ['the end of a turn without words', 'transcript', ' ', {}, true, false],
      ["the caller's words so far", 'transcript.partial', 'Hel', {}, true, false],
      ["a text of the flow's", 'weather', 'It rains', {}, false, true],
      ['a text without topic', '', 'It rains', {}, false, true],
      ["the caller's audio", 'audio', Buffer.alloc(160), { event: { seq: 5, atMs: 0 } }, false, false],
      ["the agent's audio", 'audio', Buffer.alloc(160), { utterance: { id: 'x', by: 'agent', seq: 0 } }, true, false],
      ["the agent's reply", 'reply', 'Yes', { utterance: { id: 'x', by: 'agent', seq: 0 } }, true, false],
      ['a reply under another topic', 'mine', 'Yes', { utterance: { id: 'x', by: 'agent', seq: 0 } }, true, false],
      ['a report of what was heard', 'playback.finished', { heardText: 'Yes' }, {}, true, false],
      ['a key', 'call.dtmf', '5', {}, true, false],
      ['the end of the call', 'call.ended', { reason: 'x' }, {}, true, false],
      ['an interruption', 'interrupt', { reason: 'flow' }, {}, true, false],
      ['a pause', 'reply.pause', { utterances: ['x'] }, {}, true, false],
      ['what is for an agent', 'agent.say', 'Bye', {}, true, false],
      ['a turn', 'turn', {}, {}, true, false],
    ];
    for (const [what, topic, payload, more, passes, speaks] of cells) {
      it(`${what}: ${passes ? 'passes' : 'is taken'}, ${speaks ? 'and' : 'and nothing'} is spoken`, async () => {
        await deploy();
        talk();
        const sent = message(topic, payload, more);
        red.node('say')?.receive(structuredClone(sent));
        await arrived();
        assert.deepEqual(texts(), [...(topic === 'reply' ? ['Yes'] : []), ...(speaks ? [payload] : [])]);
        const others = received('speech').filter((msg) => msg.topic !== 'reply' || topic === 'reply');
        assert.deepEqual(others.map((msg) => [msg._msgid, msg.topic, msg.payload]), passes ? [[sent._msgid, topic, Buffer.isBuffer(payload) ? new Uint8Array(payload) : payload]] : []); // prettier-ignore
        assert.equal(open().length, speaks ? 1 : 0);
        assert.deepEqual(errors(), []);
      });
    }

    it('speaks the text of the node, with what call, environment and message bring', async () => {
      await deploy({
        text: '{{env.SHOP}} to {{call.parameters.name}}: {{customer.name}} said {{payload}}{{nothing}}.',
      });
      talk();
      send('transcript', 'hello {{call.to}}', { customer: { name: 'Bob' }, timing: { speechEndedAt: 5, transcriptAt: 9 } }); // prettier-ignore
      await arrived();
      const [reply] = replies();
      assert.equal(reply?.payload, 'Acme to Ada: Bob said hello {{call.to}}.');
      const { id, ...utterance } = reply.utterance ?? { id: '' };
      assert.deepEqual(utterance, { by: 'agent', kind: 'prompt', seq: 0, done: true, interruptible: true });
      assert.deepEqual([open(), reply.customer, reply.timing], [[id], { name: 'Bob' }, { speechEndedAt: 5, transcriptAt: 9 }]); // prettier-ignore
    });

    it("reads no template in a message's own text, and says what kind it is of", async () => {
      await deploy({ kind: 'filler', interruptible: 'false' });
      talk();
      send('answer', ' {{env.SHOP}} ');
      await arrived();
      const [{ payload, utterance } = message('', '')] = replies();
      assert.deepEqual([payload, utterance?.kind, utterance?.interruptible], ['{{env.SHOP}}', 'filler', false]);
      assert.equal(call.playback.open[0]?.interruptible, false);
    });

    it('on topics: an event is acted on and passed, before the words; what is not named passes', async () => {
      await deploy({ on: 'call.dtmf, transcript,weather', text: 'Key {{payload}}' });
      talk();
      for (const [topic, payload] of [['transcript.partial', 'a'], ['news', 'b'], ['call.dtmf', '5'], ['weather', 'c'], ['transcript', 'd']] as const) send(topic, payload); // prettier-ignore
      await arrived();
      assert.deepEqual(topics(), ['transcript.partial', 'news', 'call.dtmf', 'reply', 'reply', 'reply']);
      assert.deepEqual(texts(), ['Key 5', 'Key c', 'Key d']);
    });

    it('says so in words where there is nothing to say; an event goes on all the same', async () => {
      await deploy({ on: 'call.started, weather' });
      talk();
      send('call.started', { raw: {} });
      for (const payload of [{ rain: true }, '  ', 7, undefined]) send('weather', payload);
      await arrived();
      assert.deepEqual(topics(), ['call.started']);
      assert.equal(errors().length, 5);
      for (const words of errors()) assert.match(words, /^agent-say: there is nothing to say\. The node has no text/);
      await deploy({ text: '{{customer.name}}' });
      send('weather', 'It rains');
      await arrived();
      assert.match(errors()[5] ?? '', /What the text names is empty in this message/);
      assert.deepEqual([open(), said()], [[], []]);
    });

    it('a message that names no call is told to Catch', async () => {
      await deploy();
      red.node('say')?.receive({ topic: 'weather', payload: 'It rains' });
      assert.match(errors()[0] ?? '', /msg\.call/);
    });

    it('a branch that joins again, or a ring, makes it speak once', async () => {
      await deploy({ text: 'Hello', wires: [['speech', 'say'], ['said']] });
      talk();
      const words = message('transcript', 'hi');
      for (let i = 0; i < 2; i++) red.node('say')?.receive(structuredClone(words));
      await arrived();
      assert.equal(new Set(replies().map(({ utterance }) => utterance?.id)).size, 1);
      assert.ok(replies().length <= 2, 'once around');
      assert.equal(open().length, 1);
    });

    it('a text has 30,000 characters at most', async () => {
      await deploy();
      talk();
      send('book', 'x'.repeat(30_000));
      send('book', `${'x'.repeat(30_000)}y`);
      await arrived();
      assert.deepEqual(texts(), ['x'.repeat(30_000), 'x'.repeat(30_000)]);
      assert.match(red.warnings.join('|'), /^utterance\.too-long [^|]* characters=30000 what=/);
    });
  });

  describe('tells what was heard', () => {
    it('once, when it has been heard, with what the flow put on the message', async () => {
      await deploy({ text: 'One moment, {{payload}}' });
      talk();
      send('weather', 'please', { customer: 7 });
      await arrived();
      assert.deepEqual(said(), [], 'not before');
      const utteranceId = open()[0] ?? '';
      hear('all');
      await arrived();
      assert.deepEqual(said(), [{ text: 'One moment, please', heard: 'One moment, please', heardMs: 200, cut: false, utteranceId }]); // prettier-ignore
      const [{ topic, customer, call: told } = message('', '')] = received('said');
      assert.deepEqual([topic, customer, told], ['said', 7, copyCall(call.info)]);
      call.end('caller-hangup');
      await arrived();
      assert.equal(said().length, 1);
    });

    it('each text of several, in the order in which they are over', async () => {
      await deploy();
      talk();
      for (const text of ['a', 'b', 'c']) send('weather', text);
      await arrived();
      const [first = '', second = ''] = open();
      call.playback.interrupt([second], 'flow');
      hear('all');
      call.end('caller-hangup');
      await arrived();
      assert.deepEqual(said().map(({ text, cut, reason, heard }) => [text, cut, reason, heard]), [
        ['b', true, 'flow', ''],
        ['a', false, undefined, 'a'],
        ['c', true, 'call-ended', ''],
      ]); // prettier-ignore
      assert.equal(said()[1]?.utteranceId, first);
    });

    it('at once while the caller is with somebody else, and after the end of the call', async () => {
      await deploy({ text: 'One moment' });
      talk();
      call.leave('+442079460321');
      send('weather', 'x');
      await arrived();
      call.end('caller-hangup');
      send('weather', 'y');
      await arrived();
      assert.deepEqual(said().map(({ cut, reason, heard }) => [cut, reason, heard]), [[true, 'away', ''], [true, 'call-ended', '']]); // prettier-ignore
      assert.deepEqual([texts(), errors()], [[], []]);
    });

    it('also of a text that is one too many: a hundred wait', async () => {
      await deploy();
      talk();
      for (let i = 0; i < 101; i++) send('weather', `${i}`);
      await arrived();
      assert.deepEqual(said().map(({ text, reason }) => [text, reason]), [['100', 'timeout']]); // prettier-ignore
      assert.deepEqual([open().length, replies().length], [100, 100]);
    });

    it('so that another may speak; but no ring of them runs on when nobody hears it', async () => {
      await deploy({ text: 'Hold the line', wires: [['speech'], ['said', 'say']] });
      talk();
      send('weather', 'x');
      hear('all');
      await arrived();
      assert.equal(texts().length, 2, 'again and again, while the caller hears it');
      call.leave('+442079460321');
      await gone(50);
      assert.deepEqual(said().map(({ reason }) => reason), [undefined, 'away']); // prettier-ignore
      assert.equal(topics().filter((topic) => topic === 'said').length, 1, 'what does not make it speak passes');
    });
  });

  describe('interrupted, where the call has no agent', () => {
    const begun = async (config: Partial<Config> = {}, more: Config[] = []): Promise<string> => {
      await deploy(config, more);
      talk();
      send('weather', 'One moment please');
      hear('begun');
      return open()[0] ?? '';
    };
    for (const topic of ['transcript.partial', 'transcript.eager', 'transcript']) {
      it(`by words of the caller (${topic}), and all that speak hear of it`, async () => {
        const id = await begun({ on: 'weather' });
        send(topic, 'stop');
        await arrived();
        assert.deepEqual(topics(), ['reply', 'interrupt', topic]);
        assert.deepEqual(received('speech')[1]?.payload, { utterances: [id], reason: 'caller' });
        assert.deepEqual(said().map(({ cut, reason, heard }) => [cut, reason, heard]), [[true, 'caller', 'One']]); // prettier-ignore
        assert.deepEqual(open(), []);
      });
    }

    it('by words that come to another such node: a flow leads them to the one that is to answer', async () => {
      const id = await begun({}, [{ id: 'other', type: 'agent-say', z: 'tab', text: 'Hello', wires: [['speech'], []] }]); // prettier-ignore
      send('transcript', 'sales', {}, 'other');
      await arrived();
      assert.deepEqual(topics(), ['reply', 'interrupt', 'reply']);
      assert.deepEqual([call.playback.isDead(id), texts()], [true, ['One moment please', 'Hello']]);
    });

    it('not by a sound of the voice, nor by an end of turn without words', async () => {
      const id = await begun();
      send('speech.started', { atMs: 1 });
      send('transcript.partial', '…');
      send('transcript', '');
      assert.deepEqual(open(), [id]);
    });

    it('not where the caller may not interrupt it', async () => {
      const id = await begun({ interruptible: false });
      send('transcript.partial', 'stop');
      assert.deepEqual(open(), [id]);
    });

    it('not before anything of it is heard', async () => {
      await deploy();
      talk();
      send('weather', 'One moment please');
      const [id] = open();
      send('transcript.partial', 'stop');
      assert.deepEqual(open(), [id]);
    });

    it('and never what others speak', async () => {
      await begun();
      call.playback.interrupt(undefined, 'flow');
      call.playback.openUtterance({ id: 'theirs', kind: 'reply', interruptible: true }, 'tts');
      hear('begun');
      send('transcript.partial', 'stop');
      assert.deepEqual(open(), ['theirs']);
    });

    it('where it has one, that decides', async () => {
      const id = await begun();
      call.deciders.add('agent');
      send('transcript.partial', 'stop');
      assert.deepEqual(open(), [id]);
    });
  });

  describe('at the start of every call', () => {
    const NOTICE = { when: 'start', text: 'Hello {{call.parameters.name}}, line {{payload.raw.line}}.', kind: 'notice', interruptible: false }; // prettier-ignore

    it('speaks without a wire, before anybody who is told of the start', async () => {
      await deploy(NOTICE);
      ring().tap(({ topic }) => topic === 'call.started' && call.playback.openUtterance({ id: 'greeting', kind: 'greeting', interruptible: true }, 'agent')); // prettier-ignore
      call.streamOpened();
      call.emit('call.started', { raw: { line: 7 } });
      await arrived();
      assert.deepEqual(texts(), ['Hello Ada, line 7.']);
      const [first, second] = call.playback.open;
      assert.deepEqual([first?.kind, first?.interruptible, first?.text, second?.id], ['notice', false, 'Hello Ada, line 7.', 'greeting']); // prettier-ignore
    });

    it('once: not by the event on the wire, too, nor when the caller is back', async () => {
      await deploy(NOTICE);
      talk();
      await arrived();
      send('call.started', { raw: {} });
      call.leave('x');
      call.streamOpened();
      call.emit('call.resumed', { reason: 'busy' });
      send('call.resumed', { reason: 'busy' });
      await arrived();
      assert.deepEqual(topics(), ['reply', 'call.started', 'call.resumed']);
    });

    it('not on calls of another tab; but where a wire brings their start, behind it', async () => {
      await deploy(NOTICE);
      talk('far');
      await arrived();
      assert.deepEqual(topics(), []);
      assert.equal(call.sessions.size, 0, 'nothing is kept for them');
      send('call.started', { raw: { line: 8 } }, { customer: 7 });
      send('call.started', { raw: { line: 8 } });
      await arrived();
      assert.deepEqual(topics(), ['call.started', 'reply', 'call.started']);
      assert.deepEqual([texts(), replies()[0]?.customer], [['Hello Ada, line 8.'], 7]);
    });

    it('passes all else, words and texts too, but for the caller’s audio', async () => {
      await deploy(NOTICE);
      talk();
      await arrived();
      send('audio', Buffer.alloc(160), { event: { seq: 9, atMs: 1 } });
      for (const topic of ['transcript', 'weather', 'call.dtmf', 'call.ended']) send(topic, 'x');
      await arrived();
      assert.deepEqual(topics(), ['reply', 'transcript', 'weather', 'call.dtmf', 'call.ended']);
    });

    it('a Deploy between ringing and the start, and two after it, neither lose nor repeat it', async () => {
      await deploy(NOTICE);
      ring();
      await red.deploy(flow);
      call.streamOpened();
      call.emit('call.started', { raw: { line: 7 } });
      await arrived();
      assert.deepEqual(texts(), ['Hello Ada, line 7.']);
      for (let i = 0; i < 2; i++) await red.deploy(flow);
      send('call.started', { raw: { line: 7 } });
      hear('all');
      await arrived();
      assert.deepEqual([topics(), said().map(({ cut, text }) => [cut, text])], [['call.started'], [[false, 'Hello Ada, line 7.']]]); // prettier-ignore
    });

    it('a call that starts while a Deploy has stopped all nodes is spoken to when they are back', async () => {
      await deploy(NOTICE);
      ring();
      await red.deploy(flow, () => {
        call.streamOpened();
        call.emit('call.started', { raw: { line: 7 } });
        return Promise.resolve();
      });
      await arrived();
      assert.deepEqual(texts(), ['Hello Ada, line 7.']);
    });

    it('a node that a Deploy adds says nothing to calls that have started; one that it removes, nothing any more', async () => {
      await deploy({ when: 'message' }, [{ id: 'gone', type: 'agent-say', z: 'tab', when: 'start', text: 'Gone', wires: [['speech'], []] }]); // prettier-ignore
      const before = talk();
      await arrived();
      assert.deepEqual(texts(), ['Gone']);
      ring();
      await deploy(NOTICE, [{ id: 'new', type: 'agent-say', z: 'tab', when: 'start', text: 'New', wires: [['speech'], []] }]); // prettier-ignore
      call.streamOpened();
      call.emit('call.started', { raw: { line: 7 } });
      await arrived();
      // As it is set now.
      assert.deepEqual(texts(), ['Hello Ada, line 7.']);
      assert.equal(before.sessions.size, 0);
    });

    it('without a text is a red status in words, and the call goes on through it', async () => {
      await deploy({ ...NOTICE, text: ' ' });
      const [status] = red.statuses.filter(({ id }) => id === 'say');
      assert.deepEqual([status?.fill, status?.text], ['red', 'Text is missing']);
      assert.match(errors()[0] ?? '', /at the start of a call there is no message whose payload could be spoken/);
      talk();
      send('transcript', 'hello');
      await arrived();
      assert.deepEqual(topics(), ['transcript']);
    });

    it('of which nothing is left to say tells Catch, and the call has started all the same', async () => {
      await deploy({ ...NOTICE, text: '{{customer.name}}' });
      let told = 0;
      ring().tap(() => told++);
      call.streamOpened();
      call.emit('call.started', {});
      await arrived();
      assert.match(errors()[0] ?? '', /What the text names is empty/);
      assert.deepEqual([told, topics(), red.errors[0]?.msg?.call], [1, [], copyCall(call.info)]);
    });
  });

  describe('settings', () => {
    const wrong: [config: Partial<Config>, words: RegExp][] = [
      [{ when: 'later' }, /when must be one of message, start, not "later"/],
      [{ on: 'transcript, audio' }, /Speak on: audio is never acted on/],
      [{ kind: 'reply' }, /kind must be one of prompt, notice, filler, greeting/],
      [{ interruptible: 'maybe' }, /interruptible must be true or false/],
      [{ text: '${NOTICE}' }, /The environment variable NOTICE is not set: it holds the text/],
    ];
    for (const [config, words] of wrong) {
      it(`${JSON.stringify(config)} is refused in words`, async () => {
        await deploy(config);
        assert.match(errors()[0] ?? '', words);
        assert.equal(red.statuses.find(({ id }) => id === 'say')?.fill, 'red');
      });
    }

    it('topics that a hidden field holds do no harm at the start', async () => {
      await deploy({ when: 'start', text: 'Hello', on: 'audio' });
      talk();
      await arrived();
      assert.deepEqual([errors(), texts()], [[], ['Hello']]);
    });

    it('nothing is left when the call is over', async () => {
      await deploy();
      talk();
      send('weather', 'x');
      assert.equal(call.sessions.size, 1);
      const session = call.sessions.get('say');
      call.end('caller-hangup');
      session?.dispose();
      await arrived();
      assert.deepEqual(said().map(({ reason }) => reason), ['call-ended']); // prettier-ignore
      assert.equal((session as unknown as { asked: Map<string, unknown> }).asked.size, 0);
    });
  });
});
