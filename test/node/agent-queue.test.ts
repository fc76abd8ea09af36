/** Turns that wait: how many, what becomes of one too many, and that nothing of it is silent. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { until } from '../unit/call/utterance';
import { helper } from './agent-red';
import { AgentStage } from './agent-stage';

let stage: AgentStage;

const GREETING = { greeting: 'This call is recorded.', greetingInterruptible: false };
const WARN = 30;

/** Something protected is heard: what is to be answered waits. */
async function busy(config: object): Promise<void> {
  await stage.load({ ...GREETING, ...config });
  stage.send('call.started', {});
  stage.beginToHear((await stage.said(0)).id, 'This');
}

const logged = (words: RegExp): string[] =>
  helper.log().args.map(([{ level, msg }]) => (level === WARN ? String(msg) : '')).filter((msg) => words.test(msg)); // prettier-ignore
const dropped = (): string[] => stage.turns.filter((turn) => turn.dropped).map(({ user }) => user);
const answers = (): string[] => stage.spoken.slice(1).map(({ text }) => text.replace(/^You said: |\.$/g, ''));

describe('Turns that wait', () => {
  beforeEach(async () => {
    stage = new AgentStage();
    await stage.set();
  });
  afterEach(() => stage.strike());

  it('are eight; with the ninth the oldest two become one, and no word is lost', async () => {
    await busy({});
    for (let i = 1; i <= 9; i++) stage.send('agent.respond', `task ${i}`);
    await stage.playOut();
    assert.deepEqual(answers(), ['task 1 task 2', ...[3, 4, 5, 6, 7, 8, 9].map((i) => `task ${i}`)]);
    assert.deepEqual([dropped(), logged(/turn/)], [[], []]);
  });

  it('policy oldest: the oldest is dropped, and that is told: a turn, and a line in the log', async () => {
    await busy({ queueLimit: 2, queuePolicy: 'oldest' });
    for (const text of ['one', 'two', 'three']) stage.send('agent.respond', text, { ticket: text });
    await until('a turn', () => stage.turns.length === 1);
    assert.deepEqual(stage.turns[0]?.agent, { heard: '', generated: '', cut: false });
    assert.equal(stage.of('turn')[0]?.ticket, 'one', "the flow's own fields ride along");
    assert.equal(logged(/turn\.dropped/).length, 1);
    assert.ok(!logged(/./).join().includes('one '), 'words are no matter of the log');
    await stage.playOut();
    assert.deepEqual([answers(), dropped()], [['two', 'three'], ['one']]);
  });

  it('policy newest: what comes is refused; what the caller said was said all the same', async () => {
    await busy({ queueLimit: '2', queuePolicy: 'newest' });
    for (const text of ['one', 'two']) stage.send('agent.respond', text);
    stage.send('transcript', 'Hello there');
    stage.send('agent.respond', 'four');
    await stage.playOut();
    assert.deepEqual(
      [answers(), dropped()],
      [
        ['one', 'two'],
        ['Hello there', 'four'],
      ],
    );
    assert.equal(logged(/turn\.dropped/).length, 2);
    assert.ok(stage.texts(1).includes('Hello there'), 'the model knows it');
    assert.ok(!stage.texts(1).includes('four'), 'which nobody has said');
    stage.send('transcript', 'And now');
    await until('there is room again', () => stage.spoken.at(-1)?.text === 'You said: And now.');
  });

  it("what the caller says in several breaths is one turn, and takes one place: the caller's words push nobody out", async () => {
    await busy({ queueLimit: 1, queuePolicy: 'newest' });
    for (const text of ['I want', 'a table', 'for two']) stage.send('transcript', text);
    await stage.playOut();
    assert.deepEqual([answers(), dropped()], [['I want a table for two'], []]);
  });

  it('a flow sets limit and policy for a call', async () => {
    await busy({});
    stage.send('agent.set', { queueLimit: 1, queuePolicy: 'oldest' });
    for (const text of ['one', 'two']) stage.send('agent.respond', text);
    await stage.playOut();
    assert.deepEqual([answers(), dropped()], [['two'], ['one']]);
  });

  it('one that need not wait takes no place', async () => {
    await stage.load({ queueLimit: 1, queuePolicy: 'newest' });
    stage.send('agent.respond', 'one');
    stage.send('agent.respond', 'two');
    await stage.playOut();
    assert.deepEqual(dropped(), []);
    assert.deepEqual(
      stage.spoken.map(({ text }) => text),
      ['You said: one.', 'You said: two.'],
    );
  });

  it('texts of agent.say for a call that has not begun: as many, the oldest go, and that is logged', async () => {
    await stage.deploy({ queueLimit: 2, queuePolicy: 'newest' });
    stage.ring();
    for (const text of ['One.', 'Two.', 'Three.']) stage.send('agent.say', text);
    stage.call.streamOpened();
    stage.send('call.started', {});
    await stage.playOut();
    assert.deepEqual(
      stage.spoken.map(({ text }) => text),
      ['Two.', 'Three.'],
    );
    assert.equal(logged(/agent\.say/).length, 1);
    assert.ok(!logged(/./).join().includes('One.'));
  });
});

describe('A protected answer', () => {
  beforeEach(async () => {
    stage = new AgentStage();
    await stage.set();
  });
  afterEach(() => stage.strike());

  it('is heard to its end though the caller talks; what was said meanwhile is answered next', async () => {
    await stage.load();
    stage.send('agent.respond', { text: 'the terms', interruptible: false });
    const { id, interruptible } = await stage.said(0);
    assert.equal(interruptible, false);
    stage.beginToHear(id, 'You');
    stage.send('transcript.partial', 'stop');
    stage.send('transcript', 'stop it');
    await stage.playOut();
    assert.equal(stage.of('interrupt').length, 0);
    assert.deepEqual(
      stage.spoken.map(({ text }) => text),
      ['You said: the terms.', 'You said: stop it.'],
    );
    assert.deepEqual(stage.texts(1), ['the terms', 'You said: the terms.', 'stop it']);
    assert.equal(stage.spoken[1]?.interruptible, true);
  });

  it('is not begun anew by words that come while it is made, or before it is heard', async () => {
    for (const when of ['made', 'written']) {
      await stage.load();
      const { length } = stage.requests;
      const said = stage.spoken.length;
      stage.send('agent.respond', { text: 'the terms', interruptible: false });
      await stage.asked(length + 1);
      if (when === 'written') await stage.said(said);
      stage.send('transcript', 'hello');
      await stage.playOut();
      assert.equal(stage.requests[length]?.aborted, false);
      assert.deepEqual(stage.spoken.slice(said).map(({ text }) => text), ['You said: the terms.', 'You said: hello.']); // prettier-ignore
      await helper.unload();
    }
  });

  it('is given up where a flow names it, and where the caller is put through', async () => {
    await stage.load();
    for (const end of ['interrupt', 'away'] as const) {
      stage.send('agent.respond', { text: 'the terms', interruptible: false });
      const { id } = await stage.said(stage.spoken.length);
      stage.beginToHear(id, 'You');
      if (end === 'interrupt') stage.send('interrupt', { utterances: [id] });
      else stage.leave();
      assert.equal(stage.call.playback.record(id)?.state, 'interrupted');
    }
  });
});
