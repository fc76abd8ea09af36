/** Calls in worker threads, and nodes that run only in the main runtime: messages go there and come back. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { CallerScript } from '../../simulators/phone';
import { CARRIER } from '../support/carriers';
import { change, example, the } from '../support/example';
import { insert } from '../support/flows';
import { heart, until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { heard, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello.';
const LISTEN = { waitForSilence: 500 };
const ASK: CallerScript = [LISTEN, { say: 'One two three' }, { waitFor: 'one two three' }, LISTEN, { hangUp: true }];

/** A node of the palette that is not known to run in workers: it does what its `code` says. */
const FOREIGN = `module.exports = (RED) => {
  RED.nodes.registerType('test-foreign', function (config) {
    RED.nodes.createNode(this, config);
    const work = new Function('msg', 'send', 'done', 'node', config.code);
    this.on('input', (msg, send, done) => work.call(this, msg, send, done, this));
  });
};`;

describe('calls in worker threads, and nodes of the main runtime', () => {
  const nodesDir = mkdtempSync(join(tmpdir(), 'voice-agent-nodes-'));
  let stage: Stage;
  let base: FlowNode[];
  let z: string;

  before(async () => {
    mkdirSync(nodesDir, { recursive: true });
    writeFileSync(join(nodesDir, 'test-foreign.js'), FOREIGN);
    writeFileSync(
      join(nodesDir, 'test-foreign.html'),
      `<script type="text/javascript">RED.nodes.registerType('test-foreign',{category:'test',defaults:{},inputs:1,outputs:1});</script>`,
    );
    const file = { module: 'localfilesystem', config: { flushInterval: 0 } };
    stage = await Stage.set(
      {},
      { nodesDir, contextStorage: { default: 'memory', memory: { module: 'memory' }, file } },
    );
    base = change(stage.prepare(example('01')), 'llm-agent', { greeting: GREETING });
    z = the(base, 'llm-agent').z ?? '';
  });
  after(async () => {
    await stage.strike();
    rmSync(nodesDir, { recursive: true });
  });
  beforeEach(() => stage.nodeRed.forget());
  afterEach(async function () {
    // One story that goes wrong is enough.
    if (this.currentTest?.state === 'failed') for (const call of stage.world[CARRIER].calls.values()) call.hangUp();
    await stage.nothingIsLeft();
  });

  const foreign = (code: string): Partial<FlowNode> => ({ type: 'test-foreign', code });
  const node = (id: string, more: Partial<FlowNode>): FlowNode => ({
    id,
    type: '',
    z,
    name: '',
    x: 100,
    y: 700,
    wires: [[]],
    ...more,
  });
  const wired = (flow: readonly FlowNode[], from: string, to: string): FlowNode[] =>
    flow.map((one) => (one.id === from ? { ...one, wires: [[...(one.wires?.[0] ?? []), to]] } : one));
  /** Presses an inject node's button, with fields of its own for the message. */
  const inject = async (id: string, fields: Record<string, unknown>): Promise<void> => {
    const props = Object.entries(fields).map(([p, v]) => ({ p, v, vt: 'str' }));
    const response = await fetch(`${stage.nodeRed.url}/inject/${id}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ __user_inject_props__: props }),
    });
    assert.equal(response.status, 200);
  };
  const received = (sink: string): Record<string, unknown>[] => stage.nodeRed.received(sink);

  it('carry the conversation through them, to the word: transcripts, replies and audio', async () => {
    let flow = insert(base, 'deepgram-stt', { type: 'test-sink', name: 'transcripts' });
    flow = insert(flow, 'llm-agent', { type: 'test-slow-close' });
    flow = insert(flow, 'cartesia-tts', { type: 'test-sink', name: 'audio' });
    await stage.deploy(flow);
    const report = await stage.call(ASK);
    wentWell(report);
    heard(report, GREETING, 'You said: One two three.');
    const audio = received('audio').filter(({ topic }) => topic === 'audio');
    assert.ok(audio.length > 5);
    assert.ok(
      audio.every(({ payload }) => Buffer.isBuffer(payload)),
      'frames are Buffers',
    );
    const turns = received('transcripts').filter(({ topic }) => topic === 'transcript');
    assert.deepEqual(
      turns.map(({ payload }) => payload),
      ['One two three'],
    );
  });

  it('get answers of those that lose msg.call back to their own worker', async () => {
    // The call is kept by a Function node in the worker, and put back by another: they must be in one thread.
    const before = { id: 'before', type: 'function', func: 'flow.set(msg._msgid, msg.call); return msg;', outputs: 1 };
    const after = { ...before, id: 'after', func: 'msg.call = flow.get(msg._msgid); return msg;' };
    const lose = `setTimeout(() => { send({ _msgid: msg._msgid, topic: 'note', payload: msg.call.id }); done(); }, 100);`;
    let flow = insert(base, 'llm-agent', { ...before, wires: [['lose']] }, 2);
    flow = [
      ...flow,
      node('lose', { ...foreign(lose), wires: [['after']] }),
      node('after', { ...after, wires: [['kept']] }),
      node('kept', { type: 'test-sink', name: 'kept' }),
    ];
    await stage.deploy(flow);
    const reports = await Promise.all([stage.call(ASK), stage.call(ASK)]);
    for (const report of reports) wentWell(report);
    const kept = received('kept');
    assert.ok(kept.length >= 2);
    for (const { call, payload } of kept) assert.equal((call as { id: string } | undefined)?.id, payload);
    assert.equal(new Set(kept.map(({ payload }) => payload)).size, 2, 'of both calls');
  });

  it('are hung up by an inject on another tab', async () => {
    const tab: FlowNode = { id: 'desk', type: 'tab', label: 'desk', disabled: false, info: '', env: [] };
    await stage.deploy([
      ...base,
      tab,
      { ...node('inject', { type: 'inject', props: [], wires: [['hangup']] }), z: 'desk' },
      { ...node('hangup', { type: 'call-control', action: 'hang-up', when: 'now', wires: [['done']] }), z: 'desk' },
      { ...node('done', { type: 'test-sink', name: 'done' }), z: 'desk' },
    ]);
    const call = stage.ring([{ waitFor: 'never said', timeoutMs: 20_000 }]);
    await until('it lives', () => heart().registry.everywhere()[0]?.state === 'live');
    const callId = heart().registry.everywhere()[0]?.info.id ?? '';
    await inject('inject', { callId });
    const { payload, call: told } = await stage.nodeRed.message('done', () => true);
    assert.deepEqual(payload, { action: 'hang-up' });
    assert.equal((told as { id: string }).id, callId);
    assert.equal((await call.ended).endedBy, 'application');
  });

  it('tell Catch what cannot go there, and go on', async () => {
    const spoil = {
      type: 'function',
      func: 'if (msg.topic === "transcript") msg.later = () => 1; return msg;',
      outputs: 1,
    };
    let flow = insert(base, 'deepgram-stt', { ...spoil, wires: [['sink', 'va01agent0000001']] });
    flow = [
      ...flow,
      node('sink', { type: 'test-sink', name: 'sink', wires: [[]] }),
      node('catch', { type: 'catch', scope: null, uncaught: false, wires: [['strip']] }),
      node('strip', { type: 'function', func: 'delete msg.later; return msg;', outputs: 1, wires: [['errors']] }),
      node('errors', { type: 'test-sink', name: 'errors' }),
    ];
    await stage.deploy(flow);
    const report = await stage.call(ASK);
    wentWell(report);
    heard(report, GREETING, 'You said: One two three.');
    const [error, ...more] = received('errors');
    assert.match((error?.error as Error).message, /msg\.later is a function and cannot go to this node/);
    assert.equal((error?.error as { source: { id: string } }).source.id, 'sink');
    assert.ok((error?.call as { id: string }).id);
    assert.deepEqual(more, []);
  });

  it('tell Catch what cannot come from there: an open request', async () => {
    await stage.deploy([
      ...base,
      node('http', { type: 'http in', url: '/hang-up', method: 'get', wires: [['name']] }),
      node('name', {
        type: 'function',
        func: 'msg.callId = msg.payload.call; return msg;',
        outputs: 1,
        wires: [['control', 'answer']],
      }),
      node('control', { type: 'call-control', action: 'hang-up', when: 'now', wires: [[]] }),
      node('answer', { type: 'http response', statusCode: '202', headers: {} }),
      node('catch', { type: 'catch', scope: null, uncaught: false, wires: [['errors']] }),
      node('errors', { type: 'test-sink', name: 'errors' }),
    ]);
    const call = stage.ring([{ waitFor: 'hello' }, LISTEN, { hangUp: true }]);
    await until('it lives', () => heart().registry.everywhere()[0]?.state === 'live');
    const callId = heart().registry.everywhere()[0]?.info.id ?? '';
    const response = await fetch(`${stage.nodeRed.url}/hang-up?call=${callId}`);
    assert.equal(response.status, 202);
    const { error } = await stage.nodeRed.message('errors', () => true);
    assert.match((error as Error).message, /msg\.re[qs].* cannot go to the worker thread in which this call runs/);
    wentWell(await call.ended);
  });

  it('pass through a subflow with one of them inside', async () => {
    const inside = (id: string, more: Partial<FlowNode>): FlowNode => ({ ...node(id, more), z: 'template' });
    const through: FlowNode = { id: 'through', type: 'subflow:template', z, name: '', env: [], x: 1, y: 1 };
    const flow = insert(base, 'deepgram-stt', through);
    await stage.deploy([
      ...flow,
      {
        id: 'template',
        type: 'subflow',
        name: 'look up',
        info: '',
        env: [],
        in: [{ x: 1, y: 1, wires: [{ id: 'mark' }] }],
        out: [{ x: 1, y: 1, wires: [{ id: 'unmark', port: 0 }] }],
      },
      inside('mark', {
        type: 'function',
        func: 'msg.marked = env.get("NR_SUBFLOW_ID"); return msg;',
        outputs: 1,
        wires: [['shout']],
      }),
      inside('shout', {
        ...foreign(`if (msg.topic === 'transcript') msg.payload = msg.payload.toUpperCase(); send(msg); done();`),
        wires: [['unmark']],
      }),
      inside('unmark', {
        type: 'function',
        func: 'if (msg.topic === "transcript") msg.payload += " " + msg.marked; return msg;',
        outputs: 1,
        wires: [[]],
      }),
    ]);
    const report = await stage.call(ASK);
    wentWell(report);
    heard(report, GREETING, 'You said: ONE TWO THREE. through');
  });

  it('share a context store that is on disk with the main runtime, and with each other', async () => {
    const count = `if (msg.topic !== 'call.started') return msg;
flow.set('count', (flow.get('count', 'file') || 0) + 1, 'file');
flow.set('alone', (flow.get('alone') || 0) + 1);
flow.get('opening', 'file', (err, opening) => { msg.count = [flow.get('count', 'file'), flow.get('alone'), opening]; node.send(msg); });`;
    const see = `send({ ...msg, seen: this.context().flow.get('count', 'file') }); done();`;
    const flow = insert(base, 'twilio-in', { type: 'function', func: count, outputs: 1 });
    await stage.deploy([
      ...wired(flow, 'inserted-twilio-in', 'see'),
      node('open', { type: 'inject', props: [], wires: [['set']] }),
      node('set', { ...foreign(`this.context().flow.set('opening', msg.hours, 'file'); done();`), wires: [[]] }),
      node('see', { ...foreign(see), wires: [['counts']] }),
      node('counts', { type: 'test-sink', name: 'counts' }),
    ]);
    await inject('open', { hours: '9 to 5' });
    const one = stage.call(ASK);
    await stage.nodeRed.message('counts', ({ topic }) => topic === 'call.started');
    for (const report of [await stage.call(ASK), await one]) wentWell(report);
    const counts = received('counts').filter(({ topic }) => topic === 'call.started');
    // One call in each of the two workers: alone in its memory, and together on disk.
    assert.deepEqual(counts.map(({ count }) => count).sort(), [
      [1, 1, '9 to 5'],
      [2, 1, '9 to 5'],
    ]);
    assert.deepEqual(counts.map(({ seen }) => seen).sort(), [1, 2]);
  });

  it('get an answer that was under way while the main runtime was deployed', async () => {
    const slow = `if (msg.topic !== 'transcript') { send(msg); return done(); }
globalThis.voiceTestAsked?.();
globalThis.voiceTestAnswer = () => { send(msg); done(); };`;
    const flow = [...insert(base, 'deepgram-stt', foreign(slow)), node('slow', { type: 'test-slow-close' })];
    await stage.deploy(flow);
    const globals = globalThis as { voiceTestAsked?: () => void; voiceTestAnswer?: () => void };
    const asked = new Promise<void>((resolve) => (globals.voiceTestAsked = resolve));
    const call = stage.ring(ASK);
    await asked;
    const answer = globals.voiceTestAnswer;
    // The call goes on in the worker in which it began: the flow is another now.
    const deployed = stage.deploy(change(flow, 'llm-agent', { greeting: 'Welcome.' }));
    // The node has been stopped, and its successor is not there before the slowest has closed.
    await until('the nodes are stopped', () => !heart().gate.isOpen);
    answer?.();
    await deployed;
    const report = await call.ended;
    wentWell(report);
    heard(report, GREETING, 'You said: One two three.');
  });

  it('hear of it if a Deploy took one of them away', async () => {
    const rest = [
      ...base,
      node('catch', { type: 'catch', scope: null, uncaught: false, wires: [['errors']] }),
      node('errors', { type: 'test-sink', name: 'errors' }),
    ];
    const doomed = { ...foreign('send(msg); done();'), id: 'doomed' };
    await stage.deploy(insert(rest, 'llm-agent', doomed, 2));
    const call = stage.ring(ASK);
    await once(call, 'word');
    await stage.deploy(rest);
    wentWell(await call.ended);
    const [lost] = received('errors');
    assert.match((lost?.error as Error).message, /The node doomed is not deployed in the main runtime/);
    assert.equal((lost?.error as { source: { id: string } }).source.id, 'doomed');
    assert.equal(lost?.topic, 'turn');
  });

  it('hear of an error of one of them by the Catch of the main runtime', async () => {
    const fail = `send(msg); if (msg.topic === 'transcript') done(new Error('no table')); else done();`;
    const sorry = `return { call: msg.call, topic: 'note', payload: 'Sorry: ' + msg.error.message };`;
    const flow = insert(base, 'deepgram-stt', foreign(fail));
    await stage.deploy([
      ...flow.filter(({ type }) => type !== 'catch'),
      node('catch', { type: 'catch', scope: null, uncaught: false, wires: [['sorry']] }),
      node('sorry', { type: 'function', func: sorry, outputs: 1, wires: [['va01tts000000001']] }),
    ]);
    const report = await stage.call([
      LISTEN,
      { say: 'One two three' },
      { waitFor: 'no table' },
      LISTEN,
      { hangUp: true },
    ]);
    wentWell(report);
    assert.match(report.heardText, /Sorry: Error: no table/);
  });

  it('are told once that one of them has done its work', async () => {
    const later = `setTimeout(() => { send(msg); done(); }, 50);`;
    const flow = insert(base, 'llm-agent', { ...foreign(later), id: 'work' }, 2);
    await stage.deploy([
      ...flow,
      node('complete', { type: 'complete', scope: ['work'], uncaught: false, wires: [['count']] }),
      node('count', {
        type: 'function',
        func: 'msg.seen = flow.get("seen") || 0; flow.set("seen", msg.seen + 1); return msg;',
        outputs: 1,
        wires: [['completed']],
      }),
      node('completed', { type: 'test-sink', name: 'completed' }),
    ]);
    wentWell(await stage.call(ASK));
    const ids = received('completed').map(({ _msgid }) => _msgid);
    assert.ok(ids.length > 0);
    assert.equal(new Set(ids).size, ids.length);
  });
});
