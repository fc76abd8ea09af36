/** Texts that a flow speaks: beside an agent, and where there is none. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { Said } from '../../nodes/agent/say-session';
import type { CallerScript } from '../../simulators/phone';
import { IN } from '../support/carriers';
import { example, the } from '../support/example';
import { catchAll, intoSubflow, sinkAt } from '../support/flows';
import { until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';
const NOTICE = 'This call may be listened to by a colleague who is still learning.';

const words = (count: number): string => Array.from({ length: count }, (_, i) => `word${i + 10}`).join(' ');

describe('agent-say', () => {
  let stage: Stage;
  /** Example 01 with sinks; and its row's parts, by their ids. */
  let base: FlowNode[];
  let id: { tab: string; stt: string; agent: string; tts: string; in: string };

  before(async () => {
    stage = await Stage.set();
    base = catchAll(sinkAt(stage.prepare(example('01')), IN, 1, 'events'));
    const of = (type: string): string => the(base, type).id;
    id = { tab: of('tab'), stt: of('deepgram-stt'), agent: of('llm-agent'), tts: of('cartesia-tts'), in: of(IN) };
  });
  after(() => stage.strike());
  beforeEach(() => {
    stage.world.openai.requests.length = 0;
    stage.world.openai.replies.length = 0;
    stage.nodeRed.forget();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') {
      for (const company of [stage.world.twilio, stage.world.telnyx]) for (const call of company.calls.values()) call.hangUp(); // prettier-ignore
    }
    await stage.nothingIsLeft();
  });

  const said = (): Said[] => stage.nodeRed.received('said').map(({ payload }) => payload as Said);
  const errors = (): string[] => stage.nodeRed.received('errors').map(({ error }) => (error as Error).message);
  const over = async (): Promise<unknown> => ((await stage.nodeRed.message('events', ({ topic }) => topic === 'call.ended')).payload as { reason: string }).reason; // prettier-ignore
  /** A node on the flow's tab. */
  const node = (more: Partial<FlowNode> & { id: string; type: string }): FlowNode => ({ z: id.tab, x: 500, y: 500, wires: [[]], ...more }); // prettier-ignore
  /** Ids that are no word of a setting: in a subflow Node-RED puts other ids in the place of whatever reads like one. */
  const say = (name: string, text: string, more: Partial<FlowNode> = {}): FlowNode => node({ id: `say-${name}`, type: 'agent-say', version: 1, name: '', text, when: 'message', on: '', kind: 'prompt', interruptible: true, wires: [[id.tts], ['sink-said']], ...more }); // prettier-ignore
  const atStart = (text: string, more: Partial<FlowNode> = {}): FlowNode => say('start', text, { when: 'start', ...more }); // prettier-ignore
  /** Sends on what the caller says by its words; what fits none goes nowhere. */
  const menu = (...doors: [pattern: string, to: string][]): FlowNode =>
    node({
      ...{ id: 'menu', type: 'switch', property: 'payload', propertyType: 'msg', checkall: 'false', repair: false },
      ...{ outputs: doors.length, rules: doors.map(([v]) => ({ t: 'regex', v, vt: 'str', case: true })) },
      wires: doors.map(([, to]) => [to]),
    });
  const sink = (): FlowNode => node({ id: 'sink-said', type: 'test-sink', name: 'said' });
  const withAgent = (...nodes: FlowNode[]): FlowNode[] => [...base, ...nodes, sink()];
  /** No agent: what the STT hears goes to these nodes alone. */
  const alone = (nodes: FlowNode[], heardBy: string[], keysTo: string[] = []): FlowNode[] => [
    ...base
      .filter(({ type }) => type !== 'llm-agent')
      .map((one) => {
        if (one.id === id.stt) return { ...one, wires: [heardBy] };
        if (one.id === id.in) return { ...one, wires: [one.wires?.[0] ?? [], [...(one.wires?.[1] ?? []), ...keysTo]] };
        return one;
      }),
    ...nodes,
    sink(),
  ];

  describe('with an agent', () => {
    const OVER: CallerScript = [{ interruptAfterWords: 3, say: 'Do you open on Sunday' }, { waitForSilence: 900 }, { hangUp: true }]; // prettier-ignore
    const ways: [where: string, drawn: (flow: FlowNode[]) => FlowNode[]][] = [
      ['on the tab', (flow) => flow],
      ['in a subflow', (flow) => intoSubflow(flow)],
    ];
    for (const [where, drawn] of ways) {
      it(`a legal notice at the start, without a wire (${where}): heard in full though the caller talks, then the greeting, then the answer`, async () => {
        await stage.deploy(drawn(withAgent(atStart(NOTICE, { kind: 'notice', interruptible: false }))));
        const call = stage.ring(OVER);
        const told = await stage.nodeRed.message('said', ({ topic }) => topic === 'said');
        assert.ok(plain(call.report().heardText).startsWith(plain(NOTICE)), 'when the last word was heard');
        const report = await call.ended;
        wentWell(report);
        heard(report, NOTICE, GREETING, 'You said: Do you open on Sunday.');
        const { heardMs, utteranceId, ...rest } = told.payload as Said;
        assert.deepEqual(rest, { text: NOTICE, heard: NOTICE, cut: false });
        assert.ok(heardMs > 1_000 && utteranceId !== '');
        assert.deepEqual([said().length, errors(), stage.world.openai.requests.length], [1, [], 1]);
      });
    }

    it('a recording that waits for a notice begins when this one has been heard', async () => {
      const notice = atStart(NOTICE, { kind: 'notice', interruptible: false });
      await stage.deploy(withAgent(notice).map((one) => (one.id === id.in ? { ...one, record: 'notice', notice: '' } : one))); // prettier-ignore
      const reports = (): unknown[] => stage.nodeRed.received('events').filter(({ topic }) => topic === 'call.recording'); // prettier-ignore
      const call = stage.ring([{ waitForSilence: 900 }, { hangUp: true }]);
      await call.heard((_, text) => plain(text).endsWith('colleague who is'));
      assert.deepEqual(reports(), [], 'not before');
      const report = await call.ended;
      wentWell(report);
      heard(report, NOTICE, GREETING);
      const { payload } = await stage.nodeRed.message('events', (msg) => msg.topic === 'call.recording' && (msg.payload as { status?: unknown }).status === 'completed'); // prettier-ignore
      const recordedMs = (payload as { durationMs: number }).durationMs;
      const { durationMs } = (await stage.nodeRed.message('events', ({ topic }) => topic === 'call.ended')).payload as { durationMs: number }; // prettier-ignore
      const heardMs = said()[0]?.heardMs ?? NaN;
      // Carriers tell whole seconds.
      assert.ok(recordedMs > 0 && durationMs - recordedMs > heardMs - 1_000, `${recordedMs} of ${durationMs} ms, after ${heardMs}`); // prettier-ignore
      assert.deepEqual(errors(), []);
    });

    it('not on the calls of another tab', async () => {
      const other: FlowNode = { id: 'other-tab', type: 'tab', label: 'other', disabled: false, info: '', env: [] };
      await stage.deploy(withAgent(other, atStart(NOTICE, { z: other.id })));
      const report = await stage.call([{ waitForSilence: 500 }, { hangUp: true }]);
      wentWell(report);
      heard(report, GREETING);
      assert.deepEqual(said(), []);
    });

    it('a line while the model thinks, and then its answer', async () => {
      stage.world.openai.replies.push({ match: 'sunday', reply: 'Yes, from ten.', firstTokenMs: 2_000 });
      const flow = withAgent(say('hold', 'One moment please.', { kind: 'filler', on: 'transcript' })).map((one) =>
        one.id === id.stt ? { ...one, wires: [[id.agent, 'say-hold']] } : one,
      );
      await stage.deploy(flow);
      const call = stage.ring([{ waitForSilence: 400 }, { say: 'Do you open on Sunday' }, { waitFor: 'from ten' }, { pause: 300 }, { hangUp: true }]); // prettier-ignore
      await stage.nodeRed.message('said', ({ topic }) => topic === 'said');
      assert.ok(!plain(call.report().heardText).includes('from ten'), 'while it thinks');
      const report = await call.ended;
      wentWell(report);
      heard(report, GREETING, 'One moment please.', 'Yes, from ten.');
      assert.equal(stage.world.openai.requests.length, 1, 'it is no reason to think again');
      assert.deepEqual(errors(), []);
    });

    it('a text that may be interrupted: the caller’s words stop it, and are answered', async () => {
      await stage.deploy(withAgent(atStart(words(40))));
      const report = await stage.call([{ interruptAfterWords: 4, say: 'Do you open on Sunday' }, { waitForSilence: 900 }, { hangUp: true }]); // prettier-ignore
      wentWell(report);
      const text = plain(report.heardText);
      assert.ok(text.endsWith(plain('You said: Do you open on Sunday.')), text);
      const [{ cut, reason, heard: part = '' } = {}] = said();
      assert.deepEqual([cut, reason], [true, 'caller']);
      const count = part.split(' ').length;
      assert.ok(count >= 4 && count < 30 && text.startsWith(plain(part)), `${part} | ${text}`);
    });
  });

  describe('without an agent', () => {
    const WELCOME = 'Welcome. Say sales, or opening hours.';
    const SALES = 'Sales is closed today.';
    const HOURS = `Our hours are ${words(40)}`;
    const telephoneMenu = (): FlowNode[] =>
      alone([atStart(WELCOME), menu(['sales', 'say-sales'], ['hours', 'say-hours']), say('sales', SALES), say('hours', HOURS)], ['menu']); // prettier-ignore

    it('STT, a switch on words and two of them are a telephone menu, and the caller can interrupt the long text', async () => {
      await stage.deploy(telephoneMenu());
      const report = await stage.call([
        { waitForSilence: 400 },
        { say: 'Opening hours please' },
        { waitForWords: 6 },
        { say: 'Let me talk to sales' },
        { waitFor: 'closed today' },
        { pause: 300 },
        { hangUp: true },
      ]);
      wentWell(report);
      const text = plain(report.heardText);
      assert.ok(text.startsWith(plain(`${WELCOME} Our hours are word10`)) && text.endsWith(plain(SALES)), text);
      assert.ok(!text.includes('word40'), text);
      assert.deepEqual(said().map(({ cut, reason }) => [cut, reason]), [[false, undefined], [true, 'caller'], [false, undefined]]); // prettier-ignore
      const [, hours] = said();
      assert.ok(text.includes(plain(hours?.heard ?? '?')) && plain(hours?.heard ?? '').startsWith('our hours are'));
      assert.deepEqual(errors(), []);
    });

    it('a cough interrupts nothing', async () => {
      await stage.deploy(
        alone([atStart(words(12)), menu(['sales', 'say-sales']), say('sales', SALES)], ['say-start', 'menu']),
      );
      const report = await stage.call([{ waitForWords: 3 }, { cough: 400 }, { waitFor: 'word21' }, { pause: 300 }, { hangUp: true }]); // prettier-ignore
      wentWell(report);
      heard(report, words(12));
    });

    it('keys trigger a text', async () => {
      const key = say('key', 'You pressed {{payload}}.', { on: 'call.dtmf' });
      await stage.deploy(alone([atStart('Press a key.'), key], [], ['say-key']));
      const report = await stage.call([{ waitForSilence: 300 }, { press: '5' }, { waitForSilence: 500 }, { hangUp: true }]); // prettier-ignore
      wentWell(report);
      heard(report, 'Press a key.', 'You pressed 5.');
    });

    it('hangs up when the goodbye has been heard', async () => {
      const BYE = 'Goodbye, and thank you very much for your call.';
      const control = node({ id: 'control', type: 'call-control', version: 1, action: 'hang-up', on: '', when: 'now' });
      await stage.deploy(
        alone(
          [
            atStart('Who is there?'),
            menu(['bye', 'say-bye']),
            say('bye', BYE, { on: 'transcript', wires: [[id.tts], ['control', 'sink-said']] }),
            control,
          ],
          ['menu'],
        ),
      );
      const report = await stage.call([{ waitForSilence: 400 }, { say: 'Nobody, bye' }]);
      assert.deepEqual([report.findings, report.endedBy, await over()], [[], 'application', 'agent-hangup']);
      heard(report, 'Who is there?', BYE);
      assert.deepEqual(errors(), []);
    });

    it('two Deploys in mid-sentence: every word is heard once, and told once', async () => {
      const flow = alone([atStart(words(14)), menu(['sales', 'say-sales']), say('sales', SALES)], ['menu']);
      await stage.deploy(flow);
      const call = stage.ring([{ waitFor: 'word23' }, { pause: 300 }, { say: 'sales' }, { waitFor: 'closed today' }, { pause: 300 }, { hangUp: true }]); // prettier-ignore
      await call.heard((_, text) => plain(text).endsWith('word12'));
      await stage.deploy(flow);
      await call.heard((_, text) => plain(text).endsWith('word16'));
      await stage.deploy(flow);
      const report = await call.ended;
      wentWell(report);
      heard(report, words(14), SALES);
      assert.deepEqual(said().map(({ cut, text }) => [cut, text]), [[false, words(14)], [false, SALES]]); // prettier-ignore
      assert.deepEqual(errors(), []);
    });

    it('an interrupt that names nothing stops what may be stopped, one that names it a notice too; and the TTS gets to know', async () => {
      const func = `if (msg.topic === 'playback.started') flow.set('speaking', msg.utterance.id);
        if (msg.topic !== 'call.dtmf') return;
        const utterances = msg.payload === '2' ? [flow.get('speaking')] : undefined;
        return { topic: 'interrupt', payload: { utterances, reason: 'operator' }, call: msg.call };`;
      const operator = node({ id: 'operator', type: 'function', func, outputs: 1, timeout: 0, noerr: 0, initialize: '', finalize: '', libs: [], wires: [['say-start', 'say-notice']] }); // prettier-ignore
      const notice = say('notice', words(60), { on: 'said', interruptible: false });
      const start = atStart(words(60), { wires: [[id.tts], ['sink-said', 'say-notice']] });
      await stage.deploy(sinkAt(alone([start, notice, operator], [], ['operator']), 'cartesia-tts', 0, 'spoken'));
      const call = stage.ring([{ waitForWords: 4 }, { press: '1' }, { pause: 600 }, { waitForWords: 4 }, { press: '1' }, { waitForWords: 3 }, { press: '2' }, { pause: 600 }, { hangUp: true }]); // prettier-ignore
      const report = await call.ended;
      wentWell(report);
      assert.deepEqual(said().map(({ cut, reason }) => [cut, reason]), [[true, 'operator'], [true, 'operator']]); // prettier-ignore
      const orders = stage.nodeRed.received('spoken').filter(({ topic }) => topic === 'interrupt');
      assert.equal(orders.length, 3, 'each once, though it came by both nodes');
      const [first, second] = said().map(({ heard: part }) => plain(part).split(' ').length);
      assert.ok(first !== undefined && first >= 4 && first < 30, `${first}`);
      assert.ok(second !== undefined && second >= 7 && second < 40, `${second}`);
      assert.ok(plain(report.heardText).split(' ').length <= first + second + 2, report.heardText);
      assert.deepEqual(errors(), []);
    });

    it('the caller hangs up in the midst of it: what was heard is told', async () => {
      await stage.deploy(alone([atStart(words(40))], []));
      const report = await stage.call([{ waitForWords: 5 }, { hangUp: true }]);
      wentWell(report);
      assert.equal(await over(), 'caller-hangup');
      await until('it is told', () => said().length === 1);
      const [{ cut, reason, heard: part = '', text } = {}] = said();
      assert.deepEqual([cut, reason, text], [true, 'call-ended', words(40)]);
      const [told, really] = [plain(part).split(' '), plain(report.heardText).split(' ')];
      assert.ok(Math.abs(told.length - really.length) <= 1, `${part} | ${report.heardText}`);
      assert.deepEqual(told.slice(0, 4), really.slice(0, 4));
    });
  });
});
