/** Whatever puts an end to a reply closes its request at the model's server: seen there, as the client's doing. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { slotOf } from '../../nodes/call/lifecycle';
import { until } from '../unit/call/utterance';
import { AgentStage } from './agent-stage';

let stage: AgentStage;

/** The model has begun to write, and the caller to hear it. */
async function speaking(): Promise<string> {
  stage.simulator.replies.push({ match: 'everything', reply: 'word '.repeat(2_000), tokenMs: 20 });
  stage.send('transcript', 'Tell me everything');
  await until('a piece', () => stage.spoken.length === 1);
  const [{ id } = { id: '' }] = stage.spoken;
  stage.beginToHear(id, 'word');
  return id;
}

/** The model has been asked, and has written nothing yet. */
async function thinking(topic = 'transcript'): Promise<void> {
  stage.simulator.replies.push({ match: 'everything$', reply: 'never', firstTokenMs: 60_000 });
  stage.send(topic, 'Tell me everything');
  await stage.asked(1);
}

const ENDS: [what: string, begin: () => Promise<unknown>, end: () => unknown][] = [
  ['the caller interrupts', () => speaking(), () => stage.send('transcript.partial', 'stop it')],
  ['the flow interrupts a reply that is heard', () => speaking(), () => stage.send('interrupt', {})],
  ['the flow interrupts a reply by its id', () => speaking(), () => stage.send('interrupt', { utterances: [stage.spoken[0]?.id] })], // prettier-ignore
  ['the flow interrupts before anything is written', () => thinking(), () => stage.send('interrupt', {})],
  ['the call ends while the model thinks', () => thinking(), () => stage.call.end('caller-hangup')],
  ['the call ends while the reply is heard', () => speaking(), () => stage.call.end('caller-hangup')],
  ['the caller goes on before anything is heard', () => thinking(), () => stage.send('transcript', 'of it')],
  ['the words that were probably final were not', () => thinking('transcript.eager'), () => stage.send('transcript.resumed', '')], // prettier-ignore
  ['the words that were final are others', () => thinking('transcript.eager'), () => stage.send('transcript', 'Hello')],
  ['the flow interrupts a speculation', () => thinking('transcript.eager'), () => stage.send('interrupt', {})],
  ['a speculation is overtaken by new settings', () => thinking('transcript.eager'), () => stage.send('agent.set', { instructions: 'B' })], // prettier-ignore
  ['a speculation is overtaken by a reset', () => thinking('transcript.eager'), () => stage.send('agent.reset', '')],
  ['the call ends while it speculates', () => thinking('transcript.eager'), () => stage.call.end('caller-hangup')],
  ['a Deploy removes the agent while the model thinks', () => thinking(), () => slotOf('agent')?.dispose()],
  ['a Deploy removes the agent while the reply is heard', () => speaking(), () => slotOf('agent')?.dispose()],
  ['the caller is put through while the model thinks', () => thinking(), () => stage.leave()],
  ['the caller is put through while the reply is heard', () => speaking(), () => stage.leave()],
  ['the caller is put through while it speculates', () => thinking('transcript.eager'), () => stage.leave()],
];

describe('The request to the model is closed', () => {
  beforeEach(async () => {
    stage = new AgentStage();
    await stage.set();
  });
  afterEach(() => stage.strike());

  for (const api of ['responses', 'chat']) {
    for (const [what, begin, end] of ENDS) {
      it(`${api}: when ${what}`, async () => {
        await stage.load({ api, chunking: 'stream' });
        await begin();
        const [request] = stage.requests;
        assert.ok(request);
        assert.equal(request.api, api);
        assert.equal(request.finishedAt, undefined, 'the model is at work');
        end();
        await until('the request is aborted', () => request.aborted);
        assert.ok(request.textSent.length < 'word '.length * 2_000, 'in its midst');
        assert.deepEqual(
          stage.caught.map(({ error }) => error.message),
          [],
          'and nobody is told of an error',
        );
      });
    }
  }

  it('once for a reply: one that was written to its end keeps its connection', async () => {
    await stage.load();
    stage.send('transcript', 'Hello');
    const { id } = await stage.said(0);
    stage.beginToHear(id, 'You');
    const [request] = stage.requests;
    await until('the answer is over', () => request?.finishedAt !== undefined);
    stage.send('interrupt', {});
    await until('a turn', () => stage.turns.length === 1);
    assert.equal(request?.aborted, false);
    assert.equal(stage.turns[0]?.agent.heard, 'You');
  });
});

describe('An interrupt of the flow', () => {
  beforeEach(async () => {
    stage = new AgentStage();
    await stage.set();
  });
  afterEach(() => stage.strike());

  it('without ids gives up all that is active: what is heard, what waits to be heard, of anybody', async () => {
    await stage.load();
    stage.send('agent.say', 'First.');
    stage.send('agent.say', 'Second.');
    stage.open('foreign', 'Third.');
    const first = await stage.said(0);
    const second = await stage.said(1);
    stage.beginToHear(first.id, 'First.');
    stage.send('interrupt', { reason: 'operator' });
    await until('it is passed', () => stage.of('interrupt').length === 1);
    for (const id of [first.id, second.id, 'foreign']) assert.equal(stage.call.playback.record(id)?.reason, 'operator');
    assert.equal(stage.call.playback.busy, false);
  });

  it('leaves what is protected: a greeting goes on, and what waited behind it is answered', async () => {
    await stage.load({ greeting: 'This call is recorded.', greetingInterruptible: false });
    stage.send('call.started', {});
    const greeting = await stage.said(0);
    stage.beginToHear(greeting.id, 'This');
    stage.send('transcript', 'Hello');
    stage.send('interrupt', {});
    await stage.settled();
    assert.equal(stage.call.playback.record(greeting.id)?.state, 'open');
    assert.equal(stage.requests.length, 0);
    stage.hearOut(greeting.id);
    assert.equal((await stage.said(1)).text, 'You said: Hello.');
  });

  it('leaves a protected answer that is still being made', async () => {
    await stage.load();
    stage.simulator.replies.push({ match: 'law', reply: 'The law says so.', firstTokenMs: 100 });
    stage.send('agent.respond', { text: 'the law', interruptible: false });
    await stage.asked(1);
    stage.send('interrupt', {});
    const reply = await stage.said(0);
    assert.deepEqual([reply.text, reply.interruptible], ['The law says so.', false]);
    assert.equal(stage.requests[0]?.aborted, false);
  });

  it("gives no turn up that waits: the caller's words are answered at once, in the stead of what was cut", async () => {
    await stage.load({ bargeIn: 'never' });
    stage.send('agent.say', 'A long story.');
    const story = await stage.said(0);
    stage.beginToHear(story.id, 'A');
    stage.send('transcript', 'How late is it');
    stage.send('agent.respond', 'Say goodbye');
    await stage.settled();
    assert.equal(stage.requests.length, 0);
    stage.send('interrupt', {});
    const answer = await stage.said(1);
    assert.equal(answer.text, 'You said: How late is it.');
    assert.deepEqual(stage.texts(0), ['A —', 'How late is it']);
    stage.hearOut(answer.id);
    assert.equal((await stage.said(2)).text, 'You said: Say goodbye.');
  });
});
