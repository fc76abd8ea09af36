/** Who answers a call that we dial: a person, who waits for our first word, or a machine, which does not listen. */
import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Call } from '../../../nodes/call/call';
import type { Carrier } from '../../../nodes/call/carrier';
import type { CarrierControl } from '../../../nodes/call/carrier/control';
import { AnswerPolicy, readAnswerSettings } from '../../../nodes/call/dial/answer';
import type { AnsweredBy } from '../../../nodes/call/dial/answer';
import type { VoiceMessage } from '../../../nodes/call/message';

const SECOND_OF_AUDIO = Buffer.alloc(8_000, 0x22);

/** A call that has been dialled, the agent's greeting in it, and what became of both. */
class Dialled {
  readonly played: number[] = [];
  readonly sent: VoiceMessage[] = [];
  readonly warnings: string[] = [];
  readonly interrupted: string[] = [];
  ended: string | undefined;
  readonly call: Call;
  private marks: string[] = [];

  constructor(config: Record<string, unknown>, detects = true) {
    const carrier: Carrier = {
      name: 'test',
      connected: true,
      control: {} as CarrierControl,
      play: (audio, mark) => {
        this.played.push(audio.length);
        if (mark !== undefined) this.marks.push(mark);
      },
      mark: (name) => void this.marks.push(name),
      clear: () => (this.marks = []),
      hangUp: () => Promise.resolve(),
      say: () => Promise.resolve(),
      dispose: () => undefined,
    };
    const info = { id: 'CA1', carrier: 'test', direction: 'outbound', from: '+1', to: '+2', startedAt: 0 } as const;
    const media = { encoding: 'mulaw', sampleRate: 8000 } as const;
    const limits = { maxDurationMs: 1e9, silenceMs: 1e9, goodbye: '' };
    const parameters = { name: 'Mia' };
    this.call = new Call({ ...info, parameters, media }, carrier, 'in', () => limits, (_call, why) => (this.ended = why)); // prettier-ignore
    this.call.tap(({ topic, payload }) => {
      if (topic === 'playback.interrupted') this.interrupted.push(String((payload as { reason: unknown }).reason));
    });
    new AnswerPolicy(
      this.call,
      {
        nodeId: 'in',
        send: (_output, msg) => this.sent.push(msg),
        message: (topic, payload, more = {}) => ({ ...more, topic, payload, call: this.call.info }),
        report: (error) => assert.fail(error),
        warn: (words) => this.warnings.push(words),
      },
      readAnswerSettings(config, detects),
    );
  }

  /** The phone is picked up, and the agent greets. */
  answered(): void {
    this.call.streamOpened();
    this.call.emit('call.started', {});
    this.greet();
  }

  greet(interruptible = true, id = 'hello'): boolean {
    const info = { id, by: 'agent', kind: 'greeting', seq: 0, done: true, interruptible } as const;
    return this.call.playback.addAudio(info, SECOND_OF_AUDIO, [], 'agent');
  }

  found(by: AnsweredBy['by'], state: AnsweredBy['state'] = 'detected'): void {
    this.call.emit('call.answered-by', { by, state, raw: {} });
  }

  /** What was sent is heard to its end. */
  heard(): void {
    for (const mark of this.marks.splice(0)) this.call.playback.echo(mark);
  }
}

/** What is sent behind an event has been sent. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the answer to a call that we dial', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
  afterEach(() => mock.timers.reset());

  it('with nothing set is greeted at once', () => {
    const dialled = new Dialled({}, false);
    dialled.answered();
    assert.ok(dialled.played.length > 0);
  });

  it('the greeting waits for the finding, and goes on when it is a person', () => {
    const dialled = new Dialled({ answerWait: 3 });
    dialled.answered();
    assert.deepEqual(dialled.played, []);
    dialled.found('human');
    assert.ok(dialled.played.length > 0);
  });

  it('the greeting waits no longer than it was told, though nobody finds out', () => {
    const dialled = new Dialled({ answerWait: 3 });
    dialled.answered();
    mock.timers.tick(2_999);
    assert.deepEqual(dialled.played, []);
    mock.timers.tick(1);
    assert.ok(dialled.played.length > 0);
  });

  it('a person who was found before the stream was open is greeted at once', () => {
    const dialled = new Dialled({ answerWait: 3 });
    dialled.found('human');
    dialled.answered();
    assert.ok(dialled.played.length > 0);
  });

  it("a machine's finding cuts off what is being said to it; the agent may go on", () => {
    const dialled = new Dialled({});
    dialled.answered();
    dialled.found('machine');
    assert.deepEqual(dialled.interrupted, ['machine']);
    assert.ok(dialled.greet(true, 'next'));
    dialled.found('machine', 'beep');
    assert.deepEqual(dialled.interrupted, ['machine'], 'once');
  });

  it('a machine is hung up on, where that is set', async () => {
    const dialled = new Dialled({ onMachine: 'hang-up' });
    dialled.answered();
    dialled.found('machine');
    await settled();
    assert.equal(dialled.ended, 'agent-hangup');
  });

  it('the message is left after the beep, by nobody else is a word said, and then the call ends', async () => {
    const dialled = new Dialled({ onMachine: 'message', machineMessage: 'Hello {{call.parameters.name}}.' });
    dialled.answered();
    dialled.found('machine');
    assert.deepEqual(dialled.interrupted, ['machine']);
    assert.equal(dialled.greet(false, 'the agent answers the greeting'), false);
    await settled();
    assert.equal(dialled.sent.length, 0);
    dialled.found('machine', 'beep');
    await settled();
    const [message] = dialled.sent;
    assert.deepEqual([message?.topic, message?.payload], ['reply', 'Hello Mia.']);
    const utterance = message?.utterance;
    assert.ok(utterance);
    assert.equal(utterance.interruptible, false);
    dialled.call.playback.addAudio(utterance, SECOND_OF_AUDIO, [], 'tts');
    await settled();
    assert.equal(dialled.ended, undefined, 'it is heard in full');
    dialled.heard();
    await settled();
    assert.equal(dialled.ended, 'agent-hangup');
    assert.deepEqual(dialled.warnings, []);
  });

  it('a machine that only tells the end of its greeting gets the message, too; once', async () => {
    const dialled = new Dialled({ onMachine: 'message', machineMessage: 'Call us.' });
    dialled.answered();
    dialled.found('machine', 'greeting-ended');
    dialled.found('machine', 'beep');
    await settled();
    assert.equal(dialled.sent.length, 1);
  });

  it('where no beep comes the message is left after half a minute', async () => {
    const dialled = new Dialled({ onMachine: 'message', machineMessage: 'Call us.' });
    dialled.answered();
    dialled.found('machine');
    mock.timers.tick(29_999);
    await settled();
    assert.equal(dialled.sent.length, 0);
    mock.timers.tick(1);
    await settled();
    assert.equal(dialled.sent.length, 1);
  });

  it('a message that cannot be spoken is told, and the call ends', async () => {
    const dialled = new Dialled({ onMachine: 'message', machineMessage: 'Call us.' });
    dialled.answered();
    dialled.found('machine', 'beep');
    await settled();
    dialled.call.playback.fail(dialled.sent[0]?.utterance?.id ?? '', 'tts-failed');
    await settled();
    assert.equal(dialled.ended, 'agent-hangup');
    assert.match(dialled.warnings.join(), /incomplete \(tts-failed\)/);
  });

  it('a person gets no message, and goes on talking with the agent', async () => {
    const dialled = new Dialled({ onMachine: 'message', machineMessage: 'Call us.' });
    dialled.answered();
    dialled.found('human');
    await settled();
    assert.deepEqual([dialled.sent, dialled.ended, dialled.interrupted], [[], undefined, []]);
  });

  it('asks the carrier for what it needs, and no more', () => {
    const detect = (config: Record<string, unknown>, on = false): string => readAnswerSettings(config, on).detect;
    assert.equal(detect({}), 'off');
    assert.equal(detect({}, true), 'who');
    assert.equal(detect({ answerWait: 2 }), 'who');
    assert.equal(detect({ onMachine: 'hang-up' }), 'who');
    assert.equal(detect({ onMachine: 'message', machineMessage: 'Call us.' }), 'greeting-end');
    assert.throws(() => detect({ onMachine: 'message' }), /Enter the message/);
    assert.throws(() => detect({ answerWait: 31 }), /answerWait/);
  });
});
