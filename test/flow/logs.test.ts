/** What the log says of a call, by level, and the debug tap: example 14. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'mocha';
import type { CallMetricsReport } from '../../nodes/call/metrics';
import type { CallerScript } from '../../simulators/phone';
import { example, change } from '../support/example';
import { catchAll, sinkAt } from '../support/flows';
import { ONE_WORKER, sharedContext } from '../support/run-in';
import { until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { heard, Stage, wentWell } from '../support/stage';
import { byCarrier, CARRIER, fromTelnyx } from '../support/carriers';

const GREETING = 'Hello, this is Acme. How can I help you?';
const FROM = '+15557654321';
const TO = '+15551230099';
/** A caller is not lost with the stream. */
const AFTER_DROP = byCarrier('broken stream', { twilio: { afterDrop: 'call-goes-on' as const }, telnyx: {} });
const LEVELS: Record<number, string> = { 10: 'fatal', 20: 'error', 30: 'warn', 40: 'info', 50: 'debug', 60: 'trace' };

/** What a logger of Node-RED's settings is given. */
interface Entry {
  level: number;
  id?: string;
  type?: string;
  msg: unknown;
}

/** A line as a logger that writes text gets it, of a node of the flow. */
interface Line {
  level: string;
  node: string;
  text: string;
  event: string;
}

const OURS = /^(twilio|telnyx|deepgram|openai|cartesia|elevenlabs|llm|agent|call)-/;

describe('the log', () => {
  let stage: Stage;
  const entries: Entry[] = [];
  /** As text at once: a handler behind this one (the debug sidebar's) makes something else of an error. */
  const handler = (): ((entry: Entry) => void) => (entry) => entries.push({ ...entry, msg: String(entry.msg) });

  before(async () => {
    const logging = { file: { level: 'trace', metrics: false, audit: false, handler } };
    stage = await Stage.set({}, { logging });
  });
  after(() => stage.strike());
  afterEach(() => {
    entries.length = 0;
    stage.world.openai.replies.length = 0;
  });

  /** Of calls: that worker threads were started is told, too, where there are any. */
  const lines = (): Line[] =>
    entries
      .filter(({ type = '', msg }) => OURS.test(type) && !String(msg).startsWith('workers.'))
      .map(({ level, id = '', msg }) => {
        const text = String(msg);
        return { level: LEVELS[level] ?? String(level), node: id, text, event: text.split(' ')[0] ?? '' };
      });
  const events = (...levels: string[]): string[] =>
    lines().flatMap(({ level, event }) => (levels.includes(level) ? [event] : []));

  it('of a call: what ops want of each at info, turns and speech at debug, each message but audio at trace', async () => {
    await stage.deploy(stage.prepare(example('01')));
    stage.world.openai.replies.push({ match: 'bicycle', reply: 'Your bicycle is blue.' });
    const call = stage.ring(
      [{ waitForSilence: 500 }, { say: 'Where is my bicycle' }, { waitForSilence: 700 }, { hangUp: true }],
      { from: FROM, to: TO },
    );
    const report = await call.ended;
    wentWell(report);
    heard(report, GREETING, 'Your bicycle is blue.');
    await stage.nothingIsLeft();

    assert.deepEqual(events('info', 'warn', 'error'), ['call.offered', 'call.started', 'call.ended']);
    const debug = events('debug');
    for (const event of [
      'call.parties',
      'webhook',
      'stream.opened',
      'stt.connected',
      'tts.done',
      'turn',
      'stream.closed',
    ]) {
      assert.ok(debug.includes(event), `${event} is not among ${debug.join()}`);
    }
    const speech = debug.filter((event) => event.startsWith('utterance.'));
    assert.deepEqual(speech, ['utterance.started', 'utterance.finished', 'utterance.started', 'utterance.finished']);
    const topics = lines().flatMap(({ level, text }) => (level === 'trace' ? [/ topic=(\S+)/.exec(text)?.[1]] : []));
    for (const topic of ['call.started', 'transcript', 'reply', 'turn', 'conversation', 'call.ended']) {
      assert.ok(topics.includes(topic), `${topic} is not among ${topics.join()}`);
    }
    assert.ok(!topics.includes('audio'));

    // Whoever reads the log knows whose line it is.
    const own = lines();
    const callId = String(/ call=(\S+)/.exec(own.find(({ event }) => event === 'call.ended')?.text ?? '')?.[1]);
    const calls = own.filter(({ event }) => event !== 'webhook');
    for (const { text, node } of calls) {
      assert.match(text, new RegExp(`^[a-z.-]+ call=${callId} node=${node}( |$)`), text);
      assert.doesNotMatch(text, /[\r\n]/);
    }
    assert.match(
      own.find(({ event }) => event === 'call.ended')?.text ?? '',
      / reason=caller-hangup durationMs=\d+ turns=1 cut=0 responseMs=\d+ responseMaxMs=\d+ errors=0 retries=0$/,
    );
    assert.match(
      own.find(({ event }) => event === 'turn')?.text ?? '',
      / cut=false .*modelMs=\d+ speechMs=\d+ responseMs=\d+ .*user="Where is my bicycle" heard="Your bicycle is blue\."$/i,
    );

    // What is personal is there for whoever wants it, at debug, and nowhere above.
    const said = (levels: string[]): string => own.filter(({ level }) => levels.includes(level)).map(({ text }) => text).join('\n'); // prettier-ignore
    const personal = [FROM.slice(1), TO.slice(1), 'bicycle', 'Acme', 'blue'];
    for (const each of personal) {
      assert.ok(!said(['info', 'warn', 'error', 'fatal']).includes(each), `${each} at info`);
      assert.ok(said(['debug', 'trace']).includes(each), `${each} at debug`);
    }
  });

  it('says at info when the caller cuts in, and how often the model was asked again at warn', async () => {
    await stage.deploy(stage.prepare(example('01')));
    const long = Array.from({ length: 40 }, (_, i) => `word${i + 1}`).join(' ');
    stage.world.openai.replies.push({ match: 'everything', reply: long }, { match: 'stop', reply: 'I stopped.' });
    stage.world.openai.faults.add({ kind: 'status', status: 500, times: 1 });
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'Tell me everything' },
      { interruptAfterWords: 8, say: 'Please stop it now' },
      { waitForSilence: 600 },
      { hangUp: true },
    ]);
    wentWell(report);
    await stage.nothingIsLeft();
    assert.deepEqual(events('warn'), ['model.retry']);
    const end = lines().find(({ event }) => event === 'call.ended')?.text ?? '';
    assert.match(end, / turns=2 cut=1 .* errors=0 retries=1$/);
    assert.match(
      lines().find(({ event }) => event === 'utterance.interrupted')?.text ?? '',
      / kind=reply heardMs=\d+ reason=caller text=/,
    );
  });

  it('names call and node in the error of a wrong key; a Catch node gets the same words as ever, and the log none', async () => {
    const flows = change(stage.prepare(example('01')), 'openai-account', { credentials: { apiKey: 'sk-wrong' } });
    const script: CallerScript = [{ waitForSilence: 500 }, { say: 'Where is my bicycle' }, { waitForSilence: 700 }, { hangUp: true }]; // prettier-ignore

    await stage.deploy(flows.filter(({ type }) => type !== 'catch'));
    wentWell(await stage.call(script, { from: FROM, to: TO }));
    await stage.nothingIsLeft();
    const agent = flows.find(({ type }) => type === 'llm-agent')?.id ?? '';
    const errors = lines().filter(({ level }) => level === 'error');
    assert.equal(errors.length, 1, errors.map(({ text }) => text).join('\n'));
    const { text, node } = errors[0] ?? { text: '', node: '' };
    const callId = String(/ call=(\S+)/.exec(lines().find(({ event }) => event === 'call.ended')?.text ?? '')?.[1]);
    assert.equal(node, agent);
    assert.match(
      text,
      new RegExp(`^error call=${callId} node=${agent} provider=openai cause=authentication code=\\S+ what="openai: `),
    );
    assert.doesNotMatch(text, /sk-wrong|bicycle|[\r\n]/);
    assert.match(lines().find(({ event }) => event === 'call.ended')?.text ?? '', / errors=1 /);

    entries.length = 0;
    stage.nodeRed.forget();
    await stage.deploy(catchAll(flows.filter(({ type }) => type !== 'catch')));
    wentWell(await stage.call(script, { from: FROM, to: TO }));
    await stage.nothingIsLeft();
    assert.deepEqual(events('error'), [], 'what a Catch node takes Node-RED does not log');
    const [caught] = stage.nodeRed.received('errors') as { error: { message: string } }[];
    assert.match(caught?.error.message ?? '', /^ProviderError: openai: [^=]*$/);
    assert.match(lines().find(({ event }) => event === 'call.ended')?.text ?? '', / errors=1 /);
    // Two calls, each to its very end.
  }).timeout(40_000);

  it('warns of what was lost and is there again: the ears, and the voice', async () => {
    await stage.deploy(sinkAt(stage.prepare(example('01')), `${CARRIER}-in`, 1, 'events'));
    stage.world.openai.replies.push({ match: 'bicycle', reply: 'Your bicycle is blue.' });
    stage.world.cartesia.faults.add({ kind: 'status', status: 500, when: 'message', times: 1 });
    const call = stage.ring([
      { waitForSilence: 500 },
      { say: 'Where is my bicycle' },
      { waitForSilence: 700 },
      { hangUp: true },
    ]);
    call.once('word', () => stage.world.deepgram.faults.add({ kind: 'close-mid-stream', times: 1 }));
    wentWell(await call.ended);
    await stage.nothingIsLeft();
    const { payload } = await stage.nodeRed.message('events', ({ topic }) => topic === 'call.ended');
    const { metrics } = payload as { metrics: CallMetricsReport };
    assert.deepEqual(events('warn').sort(), ['stt.lost', 'tts.retry']);
    assert.deepEqual(events('info'), ['call.offered', 'call.started', 'stt.reconnected', 'call.ended']);
    assert.deepEqual([metrics.sttReconnects, metrics.retries, metrics.turns], [1, 1, 1]);
    assert.deepEqual(metrics.errors, { deepgram: 1, cartesia: 1 });
  });

  it('warns of a stream that broke when there is a new one', async () => {
    await stage.deploy(stage.prepare(example('01')));
    const call = stage.ring([{ waitFor: 'How can I help you' }, { pause: 400 }, { hangUp: true }], {
      from: FROM,
      ...AFTER_DROP,
    });
    call.once('word', () => call.dropStream());
    await call.ended;
    await stage.nothingIsLeft();
    assert.deepEqual(events('warn'), ['stream.reconnected']);
    const { text } = lines().find(({ event }) => event === 'stream.reconnected') ?? { text: '' };
    assert.match(text, / call=\S+ node=\S+ lostMs=\d+ what="the media stream had broken"$/);
    assert.equal(events('debug').filter((event) => event === 'stream.opened').length, 1);
  });

  it('of a number that is dialled: by which name the call goes on, and no number at info', async () => {
    await stage.deploy(stage.prepare(fromTelnyx(example('08'))));
    const dialled = stage.world[CARRIER].nextCall();
    await fetch(`${stage.nodeRed.url}/inject/va08inject000001`, { method: 'POST' });
    const call = await dialled;
    await until('it has begun', () => events('info').includes('call.started'));
    call.hangUp();
    await call.ended;
    await stage.nothingIsLeft();
    assert.deepEqual(events('info', 'warn', 'error'), ['call.offered', 'call.named', 'call.started', 'call.ended']);
    const [offered, named, started] = lines().filter(({ level }) => level === 'info');
    const field = (line: Line | undefined, name: string): string => new RegExp(` ${name}=(\\S+)`).exec(line?.text ?? '')?.[1] ?? ''; // prettier-ignore
    assert.equal(field(offered, 'direction'), 'outbound');
    assert.equal(field(offered, 'call'), field(named, 'call'));
    assert.equal(field(named, 'as'), field(started, 'call'));
    assert.ok(lines().some(({ level, text }) => level === 'debug' && / to=\+\d+/.test(text)));
    assert.ok(lines().every(({ level, text }) => level !== 'info' || !text.includes('=+')));
  });

  it('cannot be forged by a parameter of the call', async () => {
    const forged = 'x\ncall.ended call=CA0 node=n0 reason=forged';
    const flows = change(stage.prepare(example('01')), `${CARRIER}-in`, { parameters: JSON.stringify({ forged }) });
    await stage.deploy(change(flows, 'llm-agent', { greeting: 'Hello {{call.parameters.forged}}' }));
    wentWell(await stage.call([{ waitForSilence: 500 }, { hangUp: true }]));
    await stage.nothingIsLeft();
    assert.ok(
      lines().some(({ text }) => text.includes('reason=forged')),
      'it does come into the log',
    );
    assert.deepEqual(lines().filter(({ text }) => /[\r\n\u2028\u2029]/.test(text)), []); // prettier-ignore
  });
});

describe('example 14: watch one call', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set({}, sharedContext());
  });
  after(() => stage.strike());
  afterEach(() => stage.nodeRed.forget());

  const PATH = '/twilio/watched';
  const talk = (say: string): CallerScript => [
    { waitForSilence: 500 },
    { say },
    { waitForSilence: 700 },
    { hangUp: true },
  ];
  /** In place of the debug nodes, sinks. */
  const watched = (flows: readonly FlowNode[]): FlowNode[] =>
    flows.map((node) => (node.type === 'debug' ? { ...node, type: 'test-sink', wires: [[]] } : node));
  const shown = (): { topic: string; callId: string; payload: unknown; msg: Record<string, unknown> }[] =>
    stage.nodeRed.received('one call').map((msg) => ({
      ...{ topic: String(msg.topic), payload: msg.payload, msg },
      callId: (msg.call as { id: string }).id,
    }));
  const click = async (id: string): Promise<void> => {
    const response = await fetch(`${stage.nodeRed.url}/inject/${id}`, { method: 'POST' });
    assert.equal(response.status, 200);
  };
  /** The button is pressed by Node-RED itself after each Deploy; two calls must not come before. */
  const ready = async (flows: readonly FlowNode[]): Promise<void> => {
    const watchedAt = change(watched(stage.prepare(flows)), `${CARRIER}-in`, ONE_WORKER);
    await stage.deploy(sinkAt(watchedAt, 'inject', 0, 'clicks'));
    await stage.nodeRed.message('clicks', () => true);
  };

  it('of two calls at once one is shown, whole and without the audio; what they came to is told of both', async () => {
    await ready(example('14'));
    stage.world.openai.replies.push({ match: 'red', reply: 'Red it is.' }, { match: 'green', reply: 'Green it is.' });
    const options = { path: PATH };
    const calls = [stage.ring(talk('I like red'), options), stage.ring(talk('I like green'), options)];
    for (const call of calls) wentWell(await call.ended);
    await stage.nothingIsLeft();

    const one = shown();
    const ids = new Set(one.map(({ callId }) => callId));
    assert.equal(ids.size, 1, [...ids].join());
    const topics = one.map(({ topic }) => topic);
    // The greeting's text has a shorter way.
    assert.ok(topics.slice(0, 4).includes('call.started'), topics.join());
    for (const topic of [
      'playback.started',
      'speech.started',
      'transcript',
      'reply',
      'playback.finished',
      'turn',
      'call.ended',
      'conversation',
    ]) {
      // prettier-ignore
      assert.ok(topics.includes(topic), `${topic} is not among ${topics.join()}`);
    }
    for (const topic of ['call.started', 'transcript', 'turn', 'call.ended', 'conversation']) {
      assert.equal(topics.filter((each) => each === topic).length, 1, `${topic} once, of ${topics.join()}`);
    }
    assert.ok(!topics.includes('audio'));
    assert.ok(one.every(({ payload }) => !Buffer.isBuffer(payload)));
    const pieces = one.filter(({ topic }) => topic === 'reply').map(({ payload }) => String(payload)).join(''); // prettier-ignore
    assert.ok(pieces.includes(GREETING.slice(0, 5)), 'the greeting too');

    const came = stage.nodeRed.received('what each call came to').map(({ payload }) => payload as { reason: string; durationMs: number; metrics: CallMetricsReport }); // prettier-ignore
    assert.equal(came.length, 2);
    for (const { reason, durationMs, metrics } of came) {
      const { turns, utterances, responseMs, modelMs, heardMs, callerAudioMs, tokens, speechCharacters, errors } =
        metrics;
      assert.deepEqual([reason, turns, utterances, responseMs.count, modelMs.count], ['caller-hangup', 1, 2, 1, 1]);
      assert.ok(modelMs.mean >= 60 && responseMs.mean > modelMs.mean && responseMs.mean < 5_000, JSON.stringify(metrics)); // prettier-ignore
      assert.ok(heardMs > 1_000 && heardMs < durationMs, JSON.stringify(metrics));
      assert.ok(callerAudioMs > 0.8 * heardMs && callerAudioMs <= durationMs, JSON.stringify(metrics));
      assert.ok(tokens.input > 0 && tokens.output > 0 && speechCharacters > GREETING.length, JSON.stringify(metrics));
      assert.deepEqual(errors, {});
    }
  });

  it('when the call is over, the next is shown', async () => {
    const sink = { id: 'free', type: 'test-sink', name: 'free', z: 'va14tab000000001', x: 900, y: 900, wires: [[]] };
    const flows = example('14').map((node) => (node.id === 'va14next00000001' ? { ...node, wires: [['free']] } : node));
    await ready([...flows, sink]);
    const first = (await stage.call(talk('Hello'), { path: PATH })) && shown()[0]?.callId;
    // The last words of a call are waited for.
    await stage.nodeRed.message('free', () => true);
    wentWell(await stage.call(talk('Hello again'), { path: PATH }));
    const ids = [...new Set(shown().map(({ callId }) => callId))];
    assert.equal(ids.length, 2);
    assert.equal(ids[0], first);
    await stage.nothingIsLeft();
  });

  it('the number of a caller, and a click: only calls from there, also one that is under way', async () => {
    const flows = example('14').map((node) => (node.name === 'watch this caller' ? { ...node, payload: FROM } : node));
    await ready(flows);
    await click('va14caller000001');
    await stage.nodeRed.message('clicks', ({ payload }) => payload === FROM);
    const other = stage.ring(talk('I am somebody else'), { path: PATH, from: '+15550001111' });
    const wanted = stage.ring(talk('It is me'), { path: PATH, from: FROM });
    for (const call of [other, wanted]) wentWell(await call.ended);
    await stage.nothingIsLeft();
    assert.ok(shown().length > 5);
    assert.deepEqual([...new Set(shown().map(({ msg }) => (msg.call as { from: string }).from))], [FROM]);

    stage.nodeRed.forget();
    const late = stage.ring([{ waitForSilence: 500 }, { say: 'Is anybody there' }, { waitForSilence: 700 }, { hangUp: true }], { path: PATH, from: '+15550002222' }); // prettier-ignore
    await new Promise<void>((resolve) => late.on('word', ({ text }) => text.startsWith('you') && resolve()));
    assert.deepEqual(shown(), []);
    await click('va14anybody00001');
    wentWell(await late.ended);
    await stage.nothingIsLeft();
    const topics = shown().map(({ topic }) => topic);
    assert.ok(!topics.includes('call.started') && topics.includes('call.ended'), topics.join());
  });
});
