/** Between two nodes of ours messages go straight; whoever wants to see them on their way sees them all the same. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type * as Lifecycle from '../../nodes/call/lifecycle';
import { IN } from '../support/carriers';
import { example, the } from '../support/example';
import { catchAll, sinkAt } from '../support/flows';
import { onlyIn } from '../support/run-in';
import { PACKAGE_ROOT, until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { heard, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';
const ANSWER = 'You said: Do you hear me.';
const ASK = [{ waitForSilence: 500 }, { say: 'Do you hear me' }, { waitForSilence: 700 }, { hangUp: true }] as const;
const ROW = [IN, 'deepgram-stt', 'llm-agent', 'cartesia-tts'];

describe('wires from one of the nodes to the next', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());
  beforeEach(() => stage.nodeRed.forget());
  afterEach(() => stage.nothingIsLeft());

  /** Counts what these nodes send by Node-RED on their first outputs. */
  function countSends(flow: readonly FlowNode[]): Map<string, number> {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the very module instance that the nodes use
    const { slotOf } = require(`${PACKAGE_ROOT}/dist/nodes/call/lifecycle.js`) as typeof Lifecycle;
    const counts = new Map<string, number>();
    for (const type of ROW) {
      counts.set(type, 0);
      const node = slotOf(the(flow, type).id)?.instance?.node;
      assert.ok(node, type);
      const send = node.send.bind(node);
      node.send = (msg?: unknown): void => {
        if (!Array.isArray(msg)) counts.set(type, (counts.get(type) ?? 0) + 1);
        send(msg as never);
      };
    }
    return counts;
  }

  onlyIn('runtime', 'who sees a message', () => {
    it('a row of five: nothing passes through Node-RED, and every word arrives once and in order', async () => {
      const flow = stage.prepare(example('01'));
      await stage.deploy(flow);
      const counts = countSends(flow);
      const report = await stage.call([...ASK]);
      wentWell(report);
      heard(report, GREETING, ANSWER);
      assert.deepEqual([...counts.values()], [0, 0, 0, 0]);
    });

    it('a fork goes by Node-RED, for it makes the copies; the wires behind it do not', async () => {
      const flow = sinkAt(stage.prepare(example('01')), 'deepgram-stt', 0, 'aside');
      await stage.deploy(flow);
      const counts = countSends(flow);
      const report = await stage.call([...ASK]);
      wentWell(report);
      heard(report, GREETING, ANSWER);
      assert.ok((counts.get('deepgram-stt') ?? 0) > 0);
      assert.deepEqual([counts.get(IN), counts.get('llm-agent'), counts.get('cartesia-tts')], [0, 0, 0]);
      assert.ok(stage.nodeRed.received('aside').some(({ topic }) => topic === 'transcript'));
    });

    it('a hook that comes in mid-call sees each message from then on, and when it goes nothing is lost', async () => {
      const flow = stage.prepare(example('01'));
      await stage.deploy(flow);
      const seen: [string, unknown][] = [];
      const ring = stage.ring([...ASK]);
      const stt = the(flow, 'deepgram-stt').id;
      const out = the(flow, 'cartesia-tts').wires?.[0]?.[0];
      await until('the caller hears the greeting', () => ring.report().heardText.split(' ').length > 2);
      stage.nodeRed.hooks.add('onReceive.test', ({ destination, msg }) => {
        seen.push([destination.id, msg.topic]);
      });
      await until('it sees both voices', () => {
        const audio = seen.filter(([, topic]) => topic === 'audio').map(([id]) => id);
        return audio.includes(stt) && (out === undefined || audio.includes(out));
      });
      stage.nodeRed.hooks.remove('onReceive.test');
      const count = seen.length;
      const report = await ring.ended;
      wentWell(report);
      heard(report, GREETING, ANSWER);
      assert.equal(seen.length, count);
    });
  });

  it('what a flow made itself, without topic, goes straight from call-control to a voice: it is read there as from any wire', async () => {
    const prepared = catchAll(stage.prepare(example('01')));
    const [start, voice] = [the(prepared, IN), the(prepared, 'cartesia-tts')];
    const func = `return msg.topic === 'playback.started' ? { call: msg.call, payload: { action: 'private-on' }, utterance: 'mine' } : null;`;
    const code = { outputs: 1, timeout: 0, noerr: 0, initialize: '', finalize: '', libs: [] };
    await stage.deploy([
      ...prepared.map((node) => (node === start ? { ...node, wires: [node.wires?.[0] ?? [], ['make']] } : node)),
      { id: 'make', type: 'function', z: start.z, func, ...code, x: 1, y: 1, wires: [['act']] },
      { id: 'act', type: 'call-control', z: start.z, version: 1, action: 'message', when: 'now', allowed: '', x: 1, y: 1, wires: [[voice.id]] }, // prettier-ignore
    ]);
    const report = await stage.call([...ASK]);
    wentWell(report);
    heard(report, GREETING, ANSWER);
    assert.deepEqual(
      stage.nodeRed.received('errors').map(({ error }) => (error as { message: string }).message),
      [],
    );
  });

  it('a Complete node is told of each message that its node has dealt with', async () => {
    const prepared = stage.prepare(example('01'));
    const agent = the(prepared, 'llm-agent');
    const complete = { id: 'done-with', type: 'complete', z: agent.z, name: '', scope: [agent.id], uncaught: false };
    const sink = { id: 'done', type: 'test-sink', z: agent.z, name: 'done', x: 500, y: 600, wires: [[]] };
    await stage.deploy([...prepared, { ...complete, x: 300, y: 600, wires: [[sink.id]] }, sink] as FlowNode[]);
    const report = await stage.call([...ASK]);
    wentWell(report);
    heard(report, GREETING, ANSWER);
    await stage.nodeRed.message('done', ({ topic }) => topic === 'call.ended');
    const topics = stage.nodeRed.received('done').map(({ topic }) => topic);
    for (const topic of ['call.started', 'transcript', 'call.ended']) assert.ok(topics.includes(topic), topic);
  });
});
