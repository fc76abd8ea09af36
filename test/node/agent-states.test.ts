/**
 * What a flow asks of an agent, in every state of a call. In each the conversation knows of an earlier turn; when all that comes of it
 * has been heard, the caller says "Next", so that it can be seen what the model is told by then.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { registry } from '../../nodes/call/heart';
import { until } from '../unit/call/utterance';
import { AgentStage } from './agent-stage';

let stage: AgentStage;

interface State {
  config?: object;
  /** Brings the call there, from when it is offered. */
  begin?: () => Promise<unknown>;
  /** What else happens, after what the flow asked for. */
  goOn?: () => unknown;
  /** What is spoken after `agent.say` of "Note.", in order; without it, the same but for the note. */
  say: string[];
  /** What is spoken after `agent.respond` of "Answer me". */
  respond: string[];
  /** The instructions of each request after `agent.set` of B in place of A. */
  set: string[];
  /** How often the model is asked where the flow asks for nothing; by default so often. */
  requests?: number;
  /** What the model is told after `agent.reset`, up to "Next". */
  reset: string[];
}

const FIRST = 'You said: First.';
const ANSWER = 'You said: Answer me.';
const NEXT = 'You said: Next.';
const BUSY = 'They are busy.';

const live = (): void => stage.call.streamOpened();
async function greeted(): Promise<void> {
  live();
  stage.send('call.started', {});
  stage.beginToHear((await stage.said(0)).id, 'Hello.');
}
async function asked(): Promise<void> {
  live();
  stage.send('transcript', 'First');
  await stage.asked(1);
}
async function answered(): Promise<string> {
  await asked();
  return (await stage.said(0)).id;
}
async function back(): Promise<void> {
  live();
  stage.leave();
  stage.comeBack();
  await stage.asked(1);
}

const STATES: Record<string, State> = {
  'before the call has begun': {
    config: { greeting: 'Hello.' },
    goOn: () => {
      live();
      stage.send('call.started', {});
    },
    say: ['Hello.', 'Note.', NEXT],
    respond: ['Hello.', ANSWER, NEXT],
    set: ['B'],
    reset: ['Hello.', 'Next'],
  },
  'nobody speaks': {
    begin: async () => Promise.resolve(live()),
    say: ['Note.', NEXT],
    respond: [ANSWER, NEXT],
    set: ['B'],
    reset: ['Next'],
  },
  'the greeting is heard': {
    config: { greeting: 'Hello.' },
    begin: greeted,
    say: ['Hello.', 'Note.', NEXT],
    respond: ['Hello.', ANSWER, NEXT],
    set: ['B'],
    reset: ['Next'],
  },
  'a protected greeting is heard': {
    config: { greeting: 'Hello.', greetingInterruptible: false },
    begin: greeted,
    say: ['Hello.', 'Note.', NEXT],
    respond: ['Hello.', ANSWER, NEXT],
    set: ['B'],
    reset: ['Next'],
  },
  'the model is asked and has written nothing': {
    begin: asked,
    say: ['Note.', FIRST, NEXT],
    respond: [FIRST, ANSWER, NEXT],
    set: ['A', 'B'],
    reset: ['First', FIRST, 'Next'],
  },
  'a reply is written and waits to be heard': {
    begin: answered,
    say: [FIRST, 'Note.', NEXT],
    respond: [FIRST, ANSWER, NEXT],
    set: ['A', 'B'],
    reset: ['First', FIRST, 'Next'],
  },
  'a reply is heard': {
    begin: async () => stage.beginToHear(await answered(), 'You'),
    say: [FIRST, 'Note.', NEXT],
    respond: [FIRST, ANSWER, NEXT],
    set: ['A', 'B'],
    reset: ['First', FIRST, 'Next'],
  },
  "the caller's words wait behind something protected": {
    config: { greeting: 'Hello.', greetingInterruptible: false },
    begin: async () => {
      await greeted();
      stage.send('transcript', 'First');
    },
    say: ['Hello.', 'Note.', FIRST, NEXT],
    respond: ['Hello.', FIRST, ANSWER, NEXT],
    set: ['B', 'B'],
    reset: ['First', FIRST, 'Next'],
  },
  'a reply is made of words that are probably all': {
    begin: async () => {
      live();
      stage.send('transcript.eager', 'First');
      await stage.asked(1);
    },
    goOn: () => stage.send('transcript', 'First'),
    say: ['Note.', FIRST, NEXT],
    respond: ['You said: Answer me First.', NEXT],
    set: ['A', 'B', 'B'],
    requests: 2,
    reset: ['First', FIRST, 'Next'],
  },
  'the caller is with somebody else': {
    begin: async () => {
      live();
      stage.leave();
      return Promise.resolve();
    },
    goOn: () => stage.comeBack(),
    say: ['Note.', BUSY, NEXT],
    respond: [BUSY, NEXT],
    set: ['B', 'B'],
    reset: [BUSY, 'Next'],
  },
  'the caller is just back': {
    begin: back,
    say: ['Note.', BUSY, NEXT],
    respond: [BUSY, ANSWER, NEXT],
    set: ['A', 'B'],
    reset: [BUSY, 'Next'],
  },
  'the call is private': {
    begin: async () => {
      live();
      stage.call.privacy.set(true);
      return Promise.resolve();
    },
    say: ['Note.', NEXT],
    respond: [ANSWER, NEXT],
    set: ['B'],
    reset: ['Next'],
  },
};

/** All that comes of it, and then a last turn. */
async function playedOut({ goOn }: State): Promise<void> {
  await goOn?.();
  await stage.playOut();
  stage.send('transcript', 'Next');
  await until('the next answer', () => stage.spoken.at(-1)?.text === NEXT);
  assert.deepEqual(stage.caught, []);
  stage.requests.forEach(({ startedAt }, i) => {
    for (const { aborted, finishedAt } of stage.requests.slice(0, i)) {
      assert.ok(aborted || (finishedAt ?? Infinity) <= startedAt, 'one reply at a time');
    }
  });
}

const spoken = (): string[] => stage.spoken.map(({ text }) => text);
const instructions = (): string[] => stage.requests.map((request) => request.instructions.split('\n')[0] ?? '');
const known = (): string[] => stage.texts(stage.requests.length - 1);

describe('What a flow asks of an agent', () => {
  beforeEach(async () => {
    stage = new AgentStage();
    await stage.set();
    stage.simulator.replies.push(
      { match: '^First$', reply: FIRST, firstTokenMs: 40 },
      { matchInstructions: 'back with you now', reply: BUSY, firstTokenMs: 40 },
    );
  });
  afterEach(() => stage.strike());

  for (const [name, state] of Object.entries(STATES)) {
    describe(`when ${name}`, () => {
      beforeEach(async () => {
        await stage.deploy({ instructions: 'A', ...state.config });
        stage.ring();
        stage.send('agent.set', {
          history: [
            { role: 'user', text: 'Earlier' },
            { role: 'assistant', text: 'Before.' },
          ],
        });
        await state.begin?.();
      });

      it('agent.say is spoken in its place: behind what was to be spoken, before what is yet to be made', async () => {
        stage.send('agent.say', 'Note.');
        await playedOut(state);
        assert.deepEqual(spoken(), state.say);
        assert.equal(known().filter((text) => text === 'Note.').length, 1, 'and stands in the history once');
        assert.deepEqual(known().slice(0, 2), ['Earlier', 'Before.']);
      });

      it('agent.respond is answered when what is being said has been heard', async () => {
        stage.send('agent.respond', 'Answer me');
        await playedOut(state);
        assert.deepEqual(spoken(), state.respond);
      });

      it('agent.respond of instructions alone likewise', async () => {
        stage.send('agent.respond', { instructions: 'Say goodbye.' });
        await playedOut(state);
        assert.equal(stage.requests.filter((request) => request.instructions.includes('Say goodbye.')).length, 1);
      });

      it('agent.set counts from the next request on', async () => {
        stage.send('agent.set', { instructions: 'B' });
        await playedOut(state);
        assert.deepEqual(instructions(), state.set);
      });

      it('agent.reset forgets what was before the turn that is being answered', async () => {
        stage.send('agent.reset', '');
        await playedOut(state);
        assert.deepEqual(known(), state.reset);
      });

      it('a transcript without words changes nothing', async () => {
        for (const text of ['', '  ', '...']) {
          for (const topic of ['transcript.partial', 'transcript.eager', 'transcript']) stage.send(topic, text);
        }
        assert.ok(stage.requests.every(({ aborted }) => !aborted));
        await playedOut(state);
        assert.deepEqual(
          spoken(),
          state.say.filter((text) => text !== 'Note.'),
        );
        assert.ok(stage.requests.every(({ aborted }) => !aborted));
        assert.equal(stage.requests.length, state.requests ?? state.set.length);
        assert.deepEqual([stage.of('interrupt').length, stage.of('reply.pause').length], [0, 0]);
        assert.ok(stage.turns.every(({ user }) => user !== '' || name.includes('caller is')));
      });
    });
  }

  it('when the call has ended: nothing, and nobody is told of an error', async () => {
    await stage.load();
    stage.send('transcript', 'First');
    await stage.said(0);
    stage.call.end('caller-hangup');
    stage.send('call.ended', { reason: 'caller-hangup', durationMs: 1 });
    await until('the end', () => stage.of('call.ended').length === 1);
    const before = stage.got.length;
    const late = (): void => {
      stage.send('agent.set', { instructions: 'x', queuePolicy: 'oldest' });
      for (const topic of ['agent.say', 'agent.reset', 'transcript', 'transcript.eager']) stage.send(topic, 'x');
      // So many that one is too many.
      for (let i = 0; i < 10; i++) stage.send('agent.respond', 'x');
    };
    late();
    await until('its last words are over', () => registry.count().sessions === 0);
    const { dropped } = registry;
    late();
    assert.equal(registry.dropped, dropped + 15, 'counted');
    await stage.settled();
    assert.deepEqual([stage.got.slice(before), stage.requests.length, stage.caught], [[], 1, []]);
  });

  describe('and cannot be understood', () => {
    const WRONG: [topic: string, payload: unknown, words: RegExp][] = [
      ['agent.say', 7, /agent\.say: the payload must be text/],
      ['agent.respond', {}, /agent\.respond: the payload must be text/],
      ['agent.respond', { text: 7 }, /agent\.respond: the payload must be text/],
      ['agent.set', 'B', /agent\.set: the payload must be an object/],
      [
        'agent.set',
        { instruction: 'typo' },
        /"instruction" is no setting; there are history, .*queueLimit, queuePolicy/,
      ],
      ['agent.set', { history: 'x' }, /history must be a list/],
      ['agent.set', { history: [{ role: 'system', text: 'x' }] }, /each entry of history/],
      ['agent.set', { queueLimit: 0 }, /queueLimit must be a number from 1 to 100/],
      ['agent.set', { options: { stream: false } }, /stream is always true/],
      ['agent.set', { headers: { authorization: 'Bearer x' } }, /the key in the account/],
      ['transcript', { text: 'x' }, /transcript: the payload must be text/],
    ];
    for (const [topic, payload, words] of WRONG) {
      it(`${topic} of ${JSON.stringify(payload)} goes to Catch in words, and the call goes on`, async () => {
        await stage.load();
        stage.send(topic, payload);
        await until('an error', () => stage.caught.length === 1);
        assert.match(stage.caught[0]?.error.message ?? '', words);
        stage.send('transcript', 'Next');
        assert.equal((await stage.said(0)).text, NEXT);
      });
    }
  });
});
