/** The history holds all that the caller heard, whoever said it; but what another agent said is in that one's. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { until } from '../unit/call/utterance';
import { AgentStage } from './agent-stage';

let stage: AgentStage;

interface Entry {
  role: string;
  text?: string;
  heard?: string;
  generated?: string;
  cut?: boolean;
  kind?: string;
}

/** The whole conversation, as it is told at the end of the call. */
async function conversation(): Promise<Entry[]> {
  stage.call.end('caller-hangup');
  stage.send('call.ended', { reason: 'caller-hangup', durationMs: 1 });
  await until('the conversation', () => stage.of('conversation').length > 0);
  return (stage.of('conversation')[0]?.payload as { messages: Entry[] }).messages;
}

describe('The history of an agent holds', () => {
  beforeEach(async () => {
    stage = new AgentStage();
    await stage.set();
  });
  afterEach(() => stage.strike());

  it('what another node of the flow said, in the order in which it was heard', async () => {
    await stage.load({ greeting: 'Hello.' });
    stage.open('notice', 'This call is recorded.', { kind: 'notice', interruptible: false });
    stage.send('call.started', {});
    await stage.said(0);
    stage.hearOut('notice');
    stage.hearOut(stage.spoken[0]?.id ?? '');
    stage.send('transcript', 'Where is my order?');
    await stage.said(1);
    assert.deepEqual(stage.texts(0), ['This call is recorded.', 'Hello.', 'Where is my order?']);
    stage.hearOut(stage.spoken[1]?.id ?? '');
    assert.deepEqual((await conversation())[0], {
      ...{ role: 'assistant', heard: 'This call is recorded.', generated: 'This call is recorded.', cut: false },
      ...{ kind: 'notice', utteranceId: 'notice' },
    });
  });

  it('a hold line that was said while the model thought, before the reply', async () => {
    await stage.load();
    stage.simulator.replies.push({ match: 'order', reply: 'It is on its way.', firstTokenMs: 40 });
    stage.send('transcript', 'Where is my order?');
    stage.open('hold', 'One moment, please.');
    stage.hearOut('hold');
    await stage.playOut();
    stage.send('transcript', 'Thanks.');
    await stage.said(1);
    assert.deepEqual(stage.texts(1), ['Where is my order?', 'One moment, please.', 'It is on its way.', 'Thanks.']);
  });

  it('of it what was heard, cut where the caller interrupted it', async () => {
    await stage.load();
    stage.open('story', 'Once upon a time there was a shop.');
    stage.beginToHear('story', 'Once', 'upon');
    stage.send('transcript', 'Opening hours, please');
    await stage.said(0);
    assert.deepEqual(stage.texts(0), ['Once upon —', 'Opening hours, please']);
    const [entry] = await conversation();
    assert.deepEqual([entry?.heard, entry?.generated, entry?.cut, entry?.kind], ['Once upon', 'Once upon a time there was a shop.', true, 'prompt']); // prettier-ignore
  });

  it('nothing of what was never heard, or has no words', async () => {
    await stage.load();
    stage.open('late', 'Never heard.');
    stage.call.playback.interrupt(['late'], 'operator');
    stage.open('tones', '', { kind: 'notice' });
    stage.hearOut('tones');
    stage.send('transcript', 'Hi');
    await stage.said(0);
    assert.deepEqual(stage.texts(0), ['Hi']);
    assert.deepEqual(
      (await conversation()).map(({ role }) => role),
      ['user'],
    );
  });

  it('words of agent.say once, and the own apology once', async () => {
    await stage.load({ apology: 'Sorry.' });
    stage.simulator.faults.add({ kind: 'status', status: 401 });
    stage.send('agent.say', 'Note.');
    stage.send('transcript', 'Help');
    await stage.playOut();
    stage.send('transcript', 'Again');
    await stage.said(2);
    assert.deepEqual(stage.texts(0), ['Note.', 'Help', 'Sorry.', 'Again']);
  });

  it("nothing of what another agent of the call said: a flow hands that over, by that one's turns", async () => {
    const other = { id: 'other', z: 'tab', type: 'llm-agent', account: 'acc', api: 'responses', greeting: 'B.' };
    await stage.load({ greeting: 'A.' }, [{ ...other, wires: [['out'], [], ['told']] }, { id: 'told', z: 'tab', type: 'helper' }]); // prettier-ignore
    stage.send('call.started', {});
    stage.send('call.started', {}, {}, 'other');
    await stage.playOut();
    stage.send('transcript', 'Hi');
    await stage.said(2);
    assert.deepEqual(stage.texts(0), ['A.', 'Hi']);
  });

  it('what was being said when the flow first led the call to it', async () => {
    await stage.load();
    stage.open('menu', 'Say sales or support.');
    stage.beginToHear('menu', 'Say');
    stage.send('transcript', 'Sales');
    await stage.said(0);
    assert.deepEqual(stage.texts(0), ['Say —', 'Sales']);
  });

  it('nothing twice where a flow speaks by a text-to-speech of its own, as a foreign agent does', async () => {
    await stage.load();
    stage.send('transcript', 'Hi');
    await stage.playOut();
    stage.open('flow', 'The weather is fine.', { by: 'tts' });
    stage.hearOut('flow');
    stage.send('transcript', 'And tomorrow?');
    await stage.said(1);
    assert.deepEqual(stage.texts(1), ['Hi', 'You said: Hi.', 'The weather is fine.', 'And tomorrow?']);
  });
});
