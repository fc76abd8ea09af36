/** Dialog's setSTT and setTTS, drawn: Switch nodes that lead the caller to another ear, and the words to another voice. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { CallReport } from '../../simulators/phone/report';
import type { CallerScript } from '../../simulators/twilio';
import { change, example, the } from '../support/example';
import { catchAll, insert, random } from '../support/flows';
import { until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Ann at Acme. How can I help you?';
const PATH = '/twilio/other-agent';
const words = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${name}${i + 10}`).join(' ');
const LONG = words('word', 40);

/** Sends on to the wires of a node a copy for a sink. */
function tapped(flows: readonly FlowNode[], id: string, output: number, name: string): FlowNode[] {
  const z = flows.find((node) => node.id === id)?.z ?? '';
  return [
    ...flows.map((node) =>
      node.id === id && node.wires
        ? { ...node, wires: node.wires.map((to, i) => (i === output ? [...to, `sink-${name}`] : to)) }
        : node,
    ),
    { id: `sink-${name}`, type: 'test-sink', z, name, x: 900, y: 500, wires: [[]] },
  ];
}

/** Puts a Function node before another. */
function inFrontOf(flows: readonly FlowNode[], id: string, func: string): FlowNode[] {
  const z = flows.find((node) => node.id === id)?.z ?? '';
  const inserted = `before-${id}-${flows.length}`;
  return [
    ...flows.map((node) =>
      node.wires ? { ...node, wires: node.wires.map((to) => to.map((one) => (one === id ? inserted : one))) } : node,
    ),
    { id: inserted, type: 'function', z, name: '', func, outputs: 1, x: 300, y: 500, wires: [[id]] },
  ];
}

/**
 * The flow with a Function node before one of the Switch nodes, which says on each message who is to have it: the other one where
 * `call.other` is true. The choice rides on the message, as `msg[field]`: frames come in bursts, so that many have passed the
 * Function node before the Switch node sees the first of them, and a choice that was kept in the context would be read for that too.
 */
function chosen(flows: readonly FlowNode[], name: string, field: string, decide: string): FlowNode[] {
  const id = flows.find((node) => node.name === name)?.id ?? '';
  const read = flows.map((node) => (node.id === id ? { ...node, property: field, propertyType: 'msg' } : node));
  const func = `const calls = context.get('calls') || {};
const call = (calls[msg.call.id] ??= { other: false, voice: false, words: 0 });
${decide}
context.set('calls', calls);
msg.${field} = call.other;
return msg;`;
  return inFrontOf(read, id, func);
}

/** Who listens from the pause behind the caller's nth word on (counted in the call): `{ 5: true }` is the other ear from the sixth. */
const afterWords = (flows: readonly FlowNode[], sides: Record<number, boolean>): FlowNode[] =>
  chosen(
    flows,
    'which ear?',
    'otherEar',
    `if (msg.topic === 'audio') {
  const voice = msg.payload[80] !== 255;
  if (call.voice && !voice) call.other = ${JSON.stringify(sides)}[++call.words] ?? call.other;
  call.voice = voice;
}`,
  );

/** Changes voices at each piece of a reply that is named. */
const atPieces = (flows: readonly FlowNode[], ...seqs: number[]): FlowNode[] =>
  chosen(
    flows,
    'which voice?',
    'otherVoice',
    `if (msg.topic === 'reply' && msg.utterance.kind === 'reply' && ${JSON.stringify(seqs)}.includes(msg.utterance.seq)) {
  call.other = !call.other;
}`,
  );

/** Node-RED is busy for 120 ms in the midst of each of the caller's words: the word's end and the pause behind it come in one burst. */
function busyAtWords(flows: readonly FlowNode[]): FlowNode[] {
  const func = `let frames = context.get('frames') || 0;
frames = msg.topic === 'audio' && msg.payload[80] !== 255 ? frames + 1 : 0;
context.set('frames', frames);
if (frames === 5) for (const until = Date.now() + 120; Date.now() < until; );
return msg;`;
  return inFrontOf(flows, the(flows, 'twilio-in').wires?.[0]?.[0] ?? '', func);
}

describe('example 06: speak to the other agent', function () {
  this.timeout(60_000);
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());
  beforeEach(() => {
    const { openai, deepgram, cartesia, elevenlabs } = stage.world;
    openai.requests.length = openai.replies.length = openai.sessions.length = 0;
    deepgram.connections.length = 0;
    elevenlabs.contexts.length = elevenlabs.connections.length = 0;
    deepgram.faults.clear();
    cartesia.faults.clear();
    elevenlabs.faults.clear();
    delete openai.transcription.slow;
    stage.nodeRed.forget();
  });
  afterEach(() => stage.nothingIsLeft());

  /** The example as shipped, with sinks beside it. */
  const flow = (config: { flux?: boolean; gate?: boolean; stream?: boolean } = {}): FlowNode[] => {
    let flows = stage.prepare(example('06'));
    if (config.flux) flows = change(flows, 'deepgram-stt', { model: 'flux-general-en' });
    if (config.gate) flows = change(flows, 'openai-stt', { model: 'gpt-realtime-whisper' });
    if (config.stream) flows = change(flows, 'llm-agent', { chunking: 'stream' });
    const agent = the(flows, 'llm-agent').id;
    flows = tapped(flows, the(flows, 'function').id, 0, 'ears');
    flows = tapped(flows, agent, 0, 'agent');
    flows = tapped(flows, agent, 2, 'turns');
    return catchAll(flows);
  };
  const call = (script: CallerScript): Promise<CallReport> => stage.call(script, { path: PATH });
  const told = (): string[] =>
    (stage.world.openai.requests.at(-1)?.messages ?? [])
      .filter(({ role }) => role === 'user' || role === 'assistant')
      .map(({ role, text }) => `${role}: ${plain(text)}`);
  const transcripts = (): string[] =>
    stage.nodeRed
      .received('ears')
      .filter(({ topic }) => topic === 'transcript')
      .map(({ payload }) => plain(String(payload)));
  /** The text of some pieces of the reply, as the agent sent them. */
  const pieces = (from: number, to: number): string =>
    (stage.nodeRed.received('agent') as { topic: string; payload: string; utterance?: { kind: string; seq: number } }[])
      .filter(({ topic, utterance: u }) => topic === 'reply' && u?.kind === 'reply' && u.seq >= from && u.seq < to)
      .map(({ payload }) => payload)
      .join('');
  const noErrors = (): void => assert.deepEqual(stage.nodeRed.received('errors'), []);
  /** What must hold of every call: events once, each utterance closed once, `call.ended` behind the last words. */
  const inOrder = async (): Promise<void> => {
    await stage.nodeRed.message('agent', ({ topic }) => topic === 'call.ended', 3_000);
    const msgs = stage.nodeRed.received('agent') as { topic: string; _msgid: string; utterance?: { id: string } }[];
    const ended = msgs.filter(({ topic }) => topic === 'call.ended');
    assert.equal(ended.length, 1, 'call.ended once');
    assert.equal(msgs.at(-1)?.topic, 'call.ended', 'and last');
    assert.equal(msgs.filter(({ topic }) => topic === 'call.started').length, 1);
    const closed = msgs
      .filter(({ topic }) => topic === 'playback.finished' || topic === 'playback.interrupted')
      .map(({ utterance }) => utterance?.id);
    assert.equal(new Set(closed).size, closed.length, 'each utterance is closed once');
    const ears = stage.nodeRed.received('ears').map(({ topic }) => topic);
    assert.equal(ears.at(-1), 'call.ended', 'no word of the caller behind the end');
    const begun = ears.filter((topic) => topic === 'speech.started').length;
    assert.equal(ears.filter((topic) => topic === 'speech.stopped').length, begun, 'speech that started has stopped');
  };

  it('as shipped: another ear and another voice from the words "other agent" on, and back again', async () => {
    await stage.deploy(flow());
    const { openai, deepgram } = stage.world;
    openai.replies.push(
      { match: 'sunday', reply: 'Yes, from ten to four.' },
      { match: 'other agent', matchInstructions: 'Bob', reply: 'Bob here. What is it?' },
      { match: 'other agent', matchInstructions: 'Ann', reply: 'It is Ann again.' },
      { match: 'tell me', matchInstructions: 'Bob', reply: LONG },
      { match: 'stop', matchInstructions: 'Bob', reply: 'I stopped.' },
    );
    const report = await call([
      { waitForSilence: 500 },
      { say: 'Do you open on Sunday' },
      { waitForSilence: 500 },
      { say: 'Give me the other agent' },
      { waitForSilence: 500 },
      { say: 'Tell me everything' },
      { interruptAfterWords: 8, say: 'Stop it' },
      { waitForSilence: 500 },
      { say: 'The other agent please' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    const text = plain(report.heardText);
    assert.ok(text.startsWith(plain(`${GREETING} Yes, from ten to four. Bob here. What is it? word10`)), text);
    assert.ok(text.endsWith(plain('I stopped. It is Ann again.')), text);
    const cut = text.split(' ').filter((word) => word.startsWith('word'));
    assert.deepEqual(cut, LONG.split(' ').slice(0, cut.length));
    assert.ok(cut.length >= 8 && cut.length < 22, `${cut.length} words of the cut reply were heard`);
    const history = told();
    assert.deepEqual(
      history.filter((_, i) => i !== 6),
      [
        `assistant: ${plain(GREETING)}`,
        'user: do you open on sunday',
        'assistant: yes from ten to four',
        'user: give me the other agent',
        'assistant: bob here what is it',
        'user: tell me everything',
        'user: stop it',
        'assistant: i stopped',
        'user: the other agent please',
      ],
    );
    const kept = history[6]?.split(' ').filter((word) => word.startsWith('word')) ?? [];
    assert.deepEqual(kept, cut.slice(0, kept.length));
    assert.ok(cut.length - kept.length <= 1, `heard ${cut.length}, kept ${kept.length}`);
    // Who listened to what, and who said what.
    assert.deepEqual(
      openai.sessions.flatMap(({ transcripts: all }) => all),
      ['Tell me everything', 'Stop it', 'The other agent please'],
    );
    assert.ok(deepgram.connections.length >= 2);
    const spoken = stage.world.elevenlabs.contexts
      .map(({ transcript }) => plain(transcript))
      .filter((said) => said !== '');
    assert.ok(spoken.some((said) => said.startsWith('bob here')) && spoken.every((said) => !/ann again/.test(said)));
    await inOrder();
    noErrors();
  });

  /** The other ear from the third word of the call on, and the first again from the eighth. */
  const thereAndBack = async (flows: FlowNode[]): Promise<void> => {
    await stage.deploy(flows);
    stage.world.openai.replies.push({ match: 'ten$', reply: 'Ten it is.' });
    const report = await call([
      { waitForSilence: 500 },
      { say: 'Hello Ann' },
      { waitForSilence: 900 },
      { say: 'one two three four five six seven eight nine ten' },
      { waitFor: 'Ten it is' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    assert.deepEqual(transcripts(), ['hello ann', 'one two three four five', 'six seven eight nine ten']);
    await inOrder();
    noErrors();
  };

  for (const [name, config] of Object.entries({
    'from Nova to server VAD': {},
    'from Flux to the energy gate': { flux: true, gate: true },
  })) {
    it(`the ear changes between two words of the caller, ${name}: each word once, in order, one answer`, async () => {
      await stage.deploy(afterWords(flow(config), { 5: true }));
      stage.world.openai.replies.push({ match: 'ten$', reply: 'Ten it is.' });
      const report = await call([
        { waitForSilence: 500 },
        { say: 'one two three four five six seven eight nine ten' },
        { waitFor: 'Ten it is' },
        { waitForSilence: 500 },
        { hangUp: true },
      ]);
      wentWell(report);
      assert.deepEqual(transcripts(), ['one two three four five', 'six seven eight nine ten']);
      assert.equal(told().filter((line) => line.startsWith('user')).join(' ').replaceAll('user: ', ''), 'one two three four five six seven eight nine ten'); // prettier-ignore
      await inOrder();
      noErrors();
    });

    it(`the ear changes back between two words of the caller, ${name.replace(/from (.*) to (.*)/, 'from $2 to $1')}`, () =>
      thereAndBack(afterWords(flow(config), { 2: true, 7: false })));
  }

  it('the ear changes back between two words that come in bursts: no frame of a word goes the way of the next', () =>
    thereAndBack(busyAtWords(afterWords(flow(), { 2: true, 7: false }))));

  it('the ear that had to finish is slow: what the other one understood waits for it', async () => {
    await stage.deploy(afterWords(flow(), { 2: true, 7: false }));
    const { openai } = stage.world;
    openai.transcription.slow = 'three';
    openai.transcription.slowMs = 1_600;
    const report = await call([
      { waitForSilence: 500 },
      { say: 'Hello Ann' },
      { waitForSilence: 900 },
      { say: 'one two three four five six seven' },
      { pause: 2_500 },
      { hangUp: true },
    ]);
    assert.equal(report.failure, undefined);
    assert.deepEqual(transcripts(), ['hello ann', 'one two three four five', 'six seven']);
    await inOrder();
    noErrors();
  });

  it('the voice changes between two words of a reply, and back: one utterance, each word once and in order', async () => {
    // Behind one of them stands one node more: its audio is on its way for longer.
    const flows = insert(flow({ stream: true }), 'cartesia-tts', { type: 'test-sink', name: 'behind' });
    await stage.deploy(atPieces(flows, 7, 15, 16));
    const reply = words('piece', 24);
    stage.world.openai.replies.push({ match: 'again', reply: 'Yes.' }, { match: 'count', reply, tokenMs: 30 });
    const report = await call([
      { waitForSilence: 500 },
      { say: 'Please count' },
      { waitForSilence: 600 },
      { say: 'And again' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    heard(report, GREETING, reply, 'Yes.');
    assert.deepEqual(told().slice(-3), ['user: please count', `assistant: ${reply}`, 'user: and again']);
    // But for the clip of the apology, which is made with a voice's first words: in each worker thread.
    const spoken = stage.world.elevenlabs.contexts
      .map(({ transcript }) => transcript)
      .filter((text) => !text.startsWith('Sorry'));
    assert.equal(
      plain(spoken.join(' ')),
      plain(`${pieces(7, 15)} ${pieces(16, 99)} Yes.`),
      'ElevenLabs said what was sent its way',
    );
    await inOrder();
    noErrors();
  });

  it('the caller interrupts behind the change of voice: both fall silent, and history holds the words heard', async () => {
    await stage.deploy(atPieces(flow({ stream: true }), 4, 12));
    const { openai, cartesia } = stage.world;
    openai.replies.push({ match: 'tell me', reply: LONG }, { match: 'stop', reply: 'I stopped.' });
    const report = await call([
      { waitForSilence: 500 },
      { say: 'Tell me everything' },
      { interruptAfterWords: 8, say: 'Stop it' },
      { waitForSilence: 600 },
      { hangUp: true },
    ]);
    wentWell(report);
    const text = plain(report.heardText);
    assert.ok(text.endsWith(' i stopped'), text);
    const cut = text.split(' ').filter((word) => word.startsWith('word'));
    assert.deepEqual(cut, LONG.split(' ').slice(0, cut.length));
    assert.ok(cut.length >= 8 && cut.length < 22, text);
    const line = told().find((one) => one.includes('word10')) ?? '';
    const kept = line.split(' ').filter((word) => word.startsWith('word'));
    assert.deepEqual(kept, cut.slice(0, kept.length));
    assert.ok(cut.length - kept.length <= 1, `heard ${cut.length}, kept ${kept.length}`);
    assert.equal(cartesia.open.contexts ?? 0, 0);
    await inOrder();
    noErrors();
  });

  it('the voice that took over in mid-reply fails: what the first one said is heard out, then the carrier apologises', async () => {
    // The last words of the first one pass seven foreign nodes while the other one, of whose voice there is no clip, has failed already.
    const flows = [1, 2, 3, 4, 5, 6, 7].reduce(
      (row, i) => insert(row, 'cartesia-tts', { id: `behind-${i}`, func: 'return msg;', outputs: 1 }),
      change(flow({ stream: true }), 'elevenlabs-tts', { voice: 'never-heard' }),
    );
    await stage.deploy(atPieces(flows, 6));
    const { openai, elevenlabs } = stage.world;
    openai.replies.push({ match: 'count', reply: words('piece', 12) }, { match: 'there', reply: 'Yes.' });
    elevenlabs.faults.add({ kind: 'status', status: 402, matchText: 'piece', times: 'always', when: 'message' });
    const report = await call([
      { waitForSilence: 500 },
      { say: 'Please count' },
      { waitForSilence: 1500 },
      { hangUp: true },
    ]);
    heard(report, GREETING, pieces(0, 6), 'We are sorry, there is a technical problem. Please hold the line.');
    await inOrder();
  });

  it('events to both sides, and all wires joined again: everything happens once', async () => {
    const flows = flow();
    const [ears, voices] = ['which ear?', 'which voice?'].map((name) => flows.find((node) => node.name === name)) as [
      FlowNode,
      FlowNode,
    ];
    const isTalk = (node: FlowNode, topic: string): FlowNode[] => [
      { ...node, id: `talk-${node.id}`, wires: node.wires ?? [] },
      {
        ...{
          id: node.id,
          type: 'switch',
          z: node.z ?? '',
          name: '',
          property: 'topic',
          propertyType: 'msg',
          x: 1,
          y: 1,
        },
        ...{ rules: [{ t: 'eq', v: topic, vt: 'str' }, { t: 'else' }], checkall: 'false', repair: false, outputs: 2 },
        wires: [[`talk-${node.id}`], (node.wires ?? []).flat()],
      },
    ];
    const forked = flows.flatMap((node) =>
      node === ears ? isTalk(ears, 'audio') : node === voices ? isTalk(voices, 'reply') : [node],
    );
    await stage.deploy(forked);
    const { openai } = stage.world;
    openai.replies.push(
      { match: 'other agent', reply: 'Bob here.' },
      { match: 'tell me', reply: LONG },
      { match: 'stop', reply: 'I stopped.' },
    );
    const report = await call([
      { waitForSilence: 500 },
      { say: 'Give me the other agent' },
      { waitForSilence: 500 },
      { say: 'Tell me everything' },
      { interruptAfterWords: 8, say: 'Stop it' },
      { waitForSilence: 500 },
      { say: 'Good bye' },
      { hangUp: true },
    ]);
    wentWell(report);
    const text = plain(report.heardText);
    assert.ok(text.startsWith(plain(`${GREETING} Bob here. word10`)) && text.includes('i stopped'), text);
    await stage.nodeRed.message('turns', ({ topic }) => topic === 'conversation', 3_000);
    assert.deepEqual(transcripts(), ['give me the other agent', 'tell me everything', 'stop it', 'good bye']);
    assert.equal(told().filter((line) => line.includes('bob here')).length, 1);
    const conversation = stage.nodeRed.received('turns').filter(({ topic }) => topic === 'conversation');
    assert.equal(conversation.length, 1);
    assert.match(JSON.stringify(conversation[0]?.payload), /Good bye/i, 'the last words too');
    noErrors();
  });

  it('twenty changes of both while two people talk: no word is lost, doubled or out of order', async () => {
    const flows = flow({ stream: true });
    const z = the(flows, 'llm-agent').z ?? '';
    // What is sent on names the call: so it is done where the call is.
    const read = `return [{ call: { id: msg.req.query.call } }, msg];`;
    const func = `const others = flow.get('otherAgent') || {}; for (const { id } of [msg.call]) others[id] = !others[id];
flow.set('otherAgent', others);`;
    await stage.deploy([
      ...flows,
      { id: 'door', type: 'http in', z, url: '/change', method: 'get', x: 1, y: 1, wires: [['read']] },
      { id: 'read', type: 'function', z, func: read, outputs: 2, x: 1, y: 1, wires: [['change'], ['answer']] },
      { id: 'change', type: 'function', z, func, outputs: 1, x: 1, y: 1, wires: [[]] },
      { id: 'answer', type: 'http response', z, statusCode: '', headers: {}, x: 1, y: 1, wires: [] },
    ]);
    const said = ['alpha', 'bravo', 'charlie', 'delta', 'echo'].map((name) => words(name, 8));
    const replies = ['red', 'green', 'blue', 'white', 'black'].map((name) => words(name, 14));
    stage.world.openai.replies.push(
      ...['alpha', 'bravo', 'charlie', 'delta', 'echo'].map((name, i) => ({
        match: `${name}17`,
        reply: replies[i] ?? '',
        // So long that the caller has said all: an answer to half of it would be cut.
        ...{ firstTokenMs: 2_200, tokenMs: 80 },
      })),
      // Half a question.
      { match: '.', reply: 'Too soon.', firstTokenMs: 2_200 },
    );
    const script = said.flatMap((text) => [{ say: text }, { waitForSilence: 900, timeoutMs: 20_000 }]);
    const ring = stage.ring([{ waitForSilence: 500 }, ...script, { hangUp: true }], { path: PATH });
    await until('the caller is greeted', () => stage.nodeRed.received('agent').length > 0);
    const id = (stage.nodeRed.received('agent')[0]?.call as { id: string }).id;
    const next = random(20);
    let changes = 0;
    let over = false;
    const changing = (async () => {
      while (!over && changes < 24) {
        await new Promise((resolve) => setTimeout(resolve, 300 + next() * 1_400));
        if (over) break;
        await fetch(`${stage.nodeRed.url}/change?call=${encodeURIComponent(id)}`);
        changes++;
      }
    })();
    const report = await ring.ended;
    over = true;
    await changing;
    wentWell(report);
    assert.ok(changes >= 20, `${changes} changes`);
    heard(report, GREETING, ...replies);
    // A word under the knife is heard in part by either ear: it may stand on both sides, and never nowhere.
    const understood = transcripts().join(' ').split(' ');
    assert.deepEqual(
      understood.filter((word, i) => word !== understood[i - 1]),
      said.join(' ').split(' '),
    );
    assert.ok(understood.length - said.join(' ').split(' ').length <= changes);
    const users = told().filter((line) => line.startsWith('user')).length;
    assert.equal(users, said.length, told().join('\n'));
    await inOrder();
    noErrors();
  }).timeout(120_000);
});
