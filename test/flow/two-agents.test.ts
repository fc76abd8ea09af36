/** Example 13: two agents hand a caller over to each other, and each knows what was said before. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { OpenAiRequest } from '../../simulators/openai';
import type { CallerScript, PhoneCall } from '../../simulators/phone';
import { CARRIER } from '../support/carriers';
import { example } from '../support/example';
import { catchAll } from '../support/flows';
import { onlyIn } from '../support/run-in';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Ann at Acme. How can I help you?';
const TO_BOB = 'One moment, I put you through to our technician.';
const TO_ANN = 'One moment, I put you back to the reception.';
const BOB = 'This is Bob. What about the chain?';
const ANN = 'Ann again. What else can I do?';
const PATH = '/twilio/two-agents';
const ANNS_VOICE = '5c42302c-194b-4d0c-ba1a-8cb485c84ab9';

const LISTEN = { waitForSilence: 500 };
const says = (say: string): CallerScript => [LISTEN, { say }];
const leaves: CallerScript = [LISTEN, { hangUp: true }];

describe('two agents hand the caller over to each other (example 13)', () => {
  let stage: Stage;
  let flows: FlowNode[];
  before(async () => {
    stage = await Stage.set();
    const shipped = catchAll(stage.prepare(example('13')));
    flows = shipped.map((node) => (node.name === 'turns' ? { ...node, type: 'test-sink', wires: [[]] } : node));
  });
  after(() => stage.strike());
  beforeEach(async () => {
    const { openai, cartesia } = stage.world;
    openai.requests.length = 0;
    cartesia.contexts.length = 0;
    openai.replies.splice(
      0,
      Infinity,
      { matchInstructions: 'Bob[^]*just been handed', reply: BOB },
      { matchInstructions: 'Ann[^]*just been handed', reply: ANN },
    );
    stage.nodeRed.forget();
    await stage.deploy(flows);
  });
  afterEach(async function () {
    // One story that goes wrong is enough.
    if (this.currentTest?.state === 'failed') for (const call of stage.world[CARRIER].calls.values()) call.hangUp();
    await stage.nothingIsLeft();
    assert.deepEqual(stage.nodeRed.received('errors').map(({ error }) => (error as Error).message), []); // prettier-ignore
  });

  const ring = (script: CallerScript): PhoneCall => stage.ring(script, { path: PATH });
  const isBobs = ({ instructions }: OpenAiRequest): boolean => instructions.includes('You are Bob');
  /** What an agent was asked last, and what it was told then. */
  const lastOf = (bob: boolean): OpenAiRequest | undefined => stage.world.openai.requests.findLast((asked) => isBobs(asked) === bob); // prettier-ignore
  const told = (request: OpenAiRequest | undefined): string[] => (request?.messages ?? []).map(({ role, text }) => `${role}: ${plain(text)}`); // prettier-ignore
  const voiceOf = (words: string): string | undefined => {
    const { contexts } = stage.world.cartesia;
    return contexts.find(({ transcript }) => plain(transcript).includes(plain(words)))?.voice;
  };

  it('the technician takes over, knowing what was said, with a voice of his own; and the reception takes back', async () => {
    const report = await ring([
      ...says('My chain is broken'),
      ...says('Can I talk to the technician'),
      { waitFor: 'What about the chain' },
      ...says('It jumps off'),
      ...says('Please give me the reception'),
      { waitFor: 'What else can I do' },
      ...leaves,
    ]).ended;
    wentWell(report);
    heard(report, GREETING, 'You said: My chain is broken.', TO_BOB, BOB, 'You said: It jumps off.', TO_ANN, ANN);
    const [bobs] = stage.world.openai.requests.filter(isBobs);
    assert.deepEqual(told(bobs), [
      'user: my chain is broken',
      'assistant: you said my chain is broken',
      'user: can i talk to the technician',
    ]);
    assert.match(bobs?.instructions ?? '', /You are Bob, the technician of Acme[^]*just been handed the phone/);
    const back = lastOf(false);
    assert.deepEqual(told(back), [
      'user: my chain is broken',
      'assistant: you said my chain is broken',
      'user: can i talk to the technician',
      'assistant: this is bob what about the chain',
      'user: it jumps off',
      'assistant: you said it jumps off',
      'user: please give me the reception',
    ]);
    assert.match(back?.instructions ?? '', /You are Ann/);
    assert.deepEqual([voiceOf(GREETING), voiceOf(TO_BOB), voiceOf(TO_ANN) === ANNS_VOICE], [ANNS_VOICE, ANNS_VOICE, false]); // prettier-ignore
    assert.equal(voiceOf(BOB), voiceOf(TO_ANN), 'Bob speaks with one voice');
    // Only who is on the phone was asked: twice Ann, twice Bob.
    assert.deepEqual(stage.world.openai.requests.map(isBobs), [false, true, true, false]);
  }).timeout(60_000);

  it('a caller who asks before the reception has answered is not answered by it, and the technician knows what was asked', async () => {
    stage.world.openai.replies.unshift({ match: 'chain is broken$', matchInstructions: 'You are Ann', reply: 'Too slow.', firstTokenMs: 2_500 }); // prettier-ignore
    const report = await ring([
      ...says('My chain is broken'),
      { pause: 900 },
      { say: 'The technician please' },
      { waitFor: 'What about the chain' },
      ...leaves,
    ]).ended;
    wentWell(report);
    heard(report, GREETING, TO_BOB, BOB);
    assert.deepEqual(told(lastOf(true)), ['user: my chain is broken', 'user: the technician please']);
    assert.equal(lastOf(false)?.aborted, true, 'nobody waits for the answer any more');
  });

  it('the sentence of handing over is heard in full, whatever the caller says meanwhile; and is answered by who takes over', async () => {
    const call = ring(says('Can I talk to the technician'));
    await call.heard((_, text) => plain(text).endsWith('one moment'));
    await call.perform({ say: 'Or no the reception please' });
    await call.heard((_, text) => plain(text).endsWith('or no the reception please'));
    await call.perform(...leaves);
    const report = await call.ended;
    wentWell(report);
    // Who is being handed over is not handed over once more, and nothing that was said is lost.
    heard(report, GREETING, TO_BOB, BOB, 'You said: Or no the reception please.');
    assert.deepEqual(stage.world.openai.requests.map(isBobs), [true, true], 'Ann has answered nothing');
  });

  it('the second agent can be interrupted, too, and remembers what was heard', async () => {
    const long = Array.from({ length: 40 }, (_, i) => `word${i + 10}`).join(' ');
    stage.world.openai.replies.push({ match: 'everything', reply: long }, { match: 'stop', reply: 'I stopped.' });
    const report = await ring([
      ...says('The technician please'),
      { waitFor: 'What about the chain' },
      ...says('Tell me everything'),
      { interruptAfterWords: 8, say: 'Stop it now' },
      { waitFor: 'I stopped' },
      ...leaves,
    ]).ended;
    wentWell(report);
    const words = plain(report.heardText);
    assert.ok(words.startsWith(plain(`${GREETING} ${TO_BOB} ${BOB} word10`)) && words.endsWith('i stopped'), words);
    assert.ok(!words.includes('word30'), words);
    const kept = told(lastOf(true)).findLast((text) => text.startsWith('assistant: word10')) ?? '';
    assert.ok(kept !== '' && !kept.includes('word30') && words.includes(kept.replace('assistant: ', '')), kept);
  });

  it('two calls at once are with different agents', async () => {
    const [bobs, anns] = await Promise.all([
      ring([
        ...says('The technician please'),
        { waitFor: 'What about the chain' },
        ...says('It is the left pedal'),
        ...leaves,
      ]).ended,
      ring([...says('When are you open'), ...says('And on Sunday'), ...says('And on Monday'), ...leaves]).ended,
    ]);
    wentWell(bobs);
    wentWell(anns);
    heard(bobs, GREETING, TO_BOB, BOB, 'You said: It is the left pedal.');
    heard(anns, GREETING, 'You said: When are you open.', 'You said: And on Sunday.', 'You said: And on Monday.');
    const known = (bob: boolean): string => JSON.stringify(stage.world.openai.requests.filter((r) => isBobs(r) === bob).map(told)); // prettier-ignore
    assert.ok(!known(true).includes('open') && !known(false).includes('pedal'), 'neither knows of the other call');
  }).timeout(60_000);

  it('a Deploy in the midst of handing over: nothing is lost, and nothing is said twice', async () => {
    const call = ring([...says('My chain is broken'), ...says('Can I talk to the technician')]);
    await call.heard((_, text) => plain(text).endsWith('one moment'));
    await stage.deploy(flows);
    await call.heard((_, text) => plain(text).endsWith('what about the chain'));
    await call.perform(...says('It jumps off'), ...leaves);
    const report = await call.ended;
    wentWell(report);
    heard(report, GREETING, 'You said: My chain is broken.', TO_BOB, BOB, 'You said: It jumps off.');
    const [bobs] = stage.world.openai.requests.filter(isBobs);
    assert.equal(told(bobs)[0], 'user: my chain is broken');
  });

  onlyIn('runtime', 'context of one runtime', () => {
    it('what was said is kept by call, and gone with it', async () => {
      const report = await ring([...says('The technician please'), { waitFor: 'What about the chain' }, ...leaves])
        .ended;
      await stage.nodeRed.message('turns', ({ topic, call }) => topic === 'conversation' && (call as { id: string }).id === report.callId); // prettier-ignore
      const context = await fetch(`${stage.nodeRed.url}/context/flow/va13tab000000001`);
      const { memory = {} } = (await context.json()) as { memory?: Record<string, { msg: string }> };
      assert.equal(memory.onThePhone?.msg, '{}');
    });
  });
});
