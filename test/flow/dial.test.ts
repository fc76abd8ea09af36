/** Example 08: an agent rings people, by either carrier. Whoever answers talks to it; whoever does not costs no line. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { CallerScript, LineBehaviour, PhoneCall } from '../../simulators/phone';
import type { CallReport } from '../../simulators/phone/report';
import { byCarrier, CARRIER, DIAL, fromTelnyx, IN } from '../support/carriers';
import { change, example } from '../support/example';
import { catchAll, sinkAt } from '../support/flows';
import { onlyIn } from '../support/run-in';
import { heart, PACKAGE_ROOT, until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { plain, Stage } from '../support/stage';
import type { CallReport as TelnyxReport } from '../../simulators/telnyx';
import type { CallReport as TwilioReport } from '../../simulators/twilio';
import type { World } from '../../simulators/world';
import type * as History from '../../nodes/call/dial/history';

const GREETING = 'Hello, this is Acme. Your bicycle is ready. When would you like to fetch it?';
const MINE = '+442079460321';
const LONG = Array.from({ length: 40 }, (_, i) => `word${i + 1}`).join(' ');

type Told = Record<string, unknown> & {
  topic: string;
  payload: Record<string, unknown>;
  call: Record<string, unknown>;
};

describe('an agent rings someone (example 08)', () => {
  let stage: Stage;
  let flows: FlowNode[];
  before(async () => {
    stage = await Stage.set();
    const prepared = sinkAt(catchAll(stage.prepare(fromTelnyx(example('08')))), IN, 1, 'events');
    flows = [
      ...sinkAt(prepared, DIAL, 0, 'placed'),
      // What an http-in or a spreadsheet would do: any message, by POST.
      { id: 'order-in', type: 'http in', z: 'va08tab000000001', url: '/order', method: 'post', upload: false, x: 1, y: 1, wires: [['order', 'order-ok']] }, // prettier-ignore
      { id: 'order-ok', type: 'http response', z: 'va08tab000000001', statusCode: '200', headers: {}, x: 1, y: 1, wires: [] }, // prettier-ignore
      { id: 'order', type: 'function', z: 'va08tab000000001', func: 'return Object.assign({ order: "kept" }, msg.payload);', outputs: 1, timeout: 0, noerr: 0, initialize: '', finalize: '', libs: [], x: 1, y: 1, wires: [['va08dial00000001']] }, // prettier-ignore
    ];
  });
  after(() => stage.strike());
  beforeEach(async () => {
    stage.world.openai.requests.length = 0;
    stage.world.openai.replies.length = 0;
    phones().setLine(MINE, {});
    stage.nodeRed.forget();
    history().clear();
    await stage.deploy(flows);
  });
  afterEach(async () => {
    stage.world[CARRIER].faults.clear();
    await stage.nothingIsLeft();
    assert.equal(heart().registry.count().opened, heart().registry.count().ended);
  });

  const phones = (): World['twilio'] | World['telnyx'] => stage.world[CARRIER];
  const history = (): History.DialHistory =>
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the very module instance that the nodes use
    (require(`${PACKAGE_ROOT}/dist/nodes/call/dial/history.js`) as typeof History).dialHistory;
  /** A message to the dial node. */
  const order = async (msg: object = {}): Promise<void> => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ payload: 'now', ...msg });
    assert.equal((await fetch(`${stage.nodeRed.url}/order`, { method: 'POST', headers, body })).status, 200);
  };
  /** The node in which nothing is fixed, but what may be dialled. */
  const open = (more: object = {}): FlowNode[] => change(flows, DIAL, { to: '', allowed: '+44, +1', ...more });
  const ring = async (msg: object = {}, line: LineBehaviour = {}): Promise<PhoneCall> => {
    // Long enough for the news that it rings: a carrier that is slower with it than the called person tells it for nothing.
    phones().setLine(MINE, { ringMs: 500, ...line });
    const [call] = await Promise.all([phones().nextCall(), order(msg)]);
    return call;
  };
  const events = (): Told[] => stage.nodeRed.received('events') as Told[];
  const topics = (): string[] => events().map(({ topic }) => topic);
  const statuses = (): unknown[] => events().filter(({ topic }) => topic === 'call.status').map(({ payload }) => payload.status); // prettier-ignore
  const over = async (): Promise<unknown> => {
    const end = await stage.nodeRed.message('events', ({ topic }) => topic === 'call.ended');
    return (end.payload as { reason: string }).reason;
  };
  const errors = (): string[] => stage.nodeRed.received('errors').map(({ error }) => (error as Error).message);
  const wentWell = (report: CallReport): void => {
    assert.equal(report.failure, undefined, `${report.failure ?? ''} - heard: "${report.heardText}"`);
    assert.deepEqual(report.findings, []);
    assert.deepEqual(errors(), []);
  };
  const TALK: CallerScript = [
    { waitForSilence: 500 },
    { say: 'Can I come on Sunday' },
    { waitForSilence: 500 },
    { say: 'Then on Tuesday' },
    { waitForSilence: 500 },
    { hangUp: true },
  ];

  it('who answers is greeted, asks, is answered, and the flow knows each step', async () => {
    stage.world.openai.replies.push(
      { match: 'sunday', reply: 'We are closed on Sunday.' },
      { match: 'tuesday', reply: 'Until Tuesday, then.' },
    );
    const call = await ring({ parameters: { customer: 'c-17', bikes: 2 } }, { script: TALK });
    const report = await call.ended;
    wentWell(report);
    assert.equal(plain(report.heardText), plain(`${GREETING} We are closed on Sunday. Until Tuesday, then.`));
    assert.equal(await over(), 'caller-hangup');
    assert.deepEqual(topics().slice(0, 4), ['call.status', 'call.status', 'call.started', 'playback.started']);
    assert.deepEqual(statuses(), ['ringing', 'answered']);
    assert.equal(topics().filter((topic) => topic === 'call.ended').length, 1);
    const [placed] = stage.nodeRed.received('placed') as Told[];
    assert.equal(placed?.order, 'kept', 'the message goes on as it came');
    for (const { call: told } of [placed, ...events()] as Told[]) {
      const { id, carrier, direction, from, to, parameters } = told;
      assert.deepEqual({ id, carrier, direction, from, to, parameters }, { id: call.callId, carrier: CARRIER, direction: 'outbound', from: '+14155550142', to: MINE, parameters: { customer: 'c-17', bikes: '2' } }); // prettier-ignore
    }
    byCarrier('how a dial is answered', {
      twilio: () => assert.equal((report as TwilioReport).twiml.length, 1),
      telnyx: () => assert.deepEqual((report as TelnyxReport).commands, [], 'the stream came with the dial'),
    })();
    const conversation = (stage.world.openai.requests.at(-1)?.messages ?? []).filter(({ role }) => role === 'user' || role === 'assistant'); // prettier-ignore
    assert.deepEqual(
      conversation.map(({ role, text }) => [role, plain(text)]),
      [
        ['assistant', plain(GREETING)],
        ['user', 'can i come on sunday'],
        ['assistant', 'we are closed on sunday'],
        ['user', 'then on tuesday'],
      ],
    );
  });

  it('who is busy, absent, unknown or does not want to: told so, and the line is free again', async () => {
    const dial = change(flows, DIAL, { ringTimeout: 5 });
    await stage.deploy(change(dial, IN, { maxCalls: 1 }));
    const ways = [
      [{ outcome: 'busy' }, 'busy', 'busy'],
      [{ outcome: 'no-answer' }, 'no-answer', 'no-answer'],
      [{ outcome: 'failed' }, 'failed', 'carrier-failed'],
    ] as const;
    for (const [line, status, reason] of ways) {
      stage.nodeRed.forget();
      const report = await (await ring({}, line)).ended;
      assert.equal(await over(), reason);
      const rang = status !== 'failed' || byCarrier('a number that nobody has', { twilio: false, telnyx: true });
      assert.deepEqual(statuses(), rang ? ['ringing', status] : [status]);
      assert.deepEqual(topics().at(-1), 'call.ended');
      assert.deepEqual(topics().length, rang ? 3 : 2);
      const end = events().at(-1);
      assert.equal(end?.call.id, report.callId);
      assert.equal(heart().registry.everywhere().length, 0);
      assert.deepEqual(errors(), []);
    }
    // Whoever lets it ring does so for 5 s, as set, and no longer.
    stage.nodeRed.forget();
    await (
      await ring({}, { ringMs: 60_000 })
    ).ended;
    assert.equal(await over(), 'no-answer');
    assert.deepEqual(statuses(), ['ringing', 'no-answer']);
  }).timeout(40_000);

  it('a machine is found out while the agent greets it: what it would hear is cut off', async () => {
    const greeting = `Hello. ${LONG}`;
    await stage.deploy(change(change(flows, DIAL, { detection: 'detect_beep' }), 'llm-agent', { greeting }));
    const call = await ring({}, { answeredBy: 'machine', detectionMs: 1_500 });
    const cut = await stage.nodeRed.message('events', ({ topic }) => topic === 'playback.interrupted');
    assert.equal((cut.payload as { reason: string }).reason, 'machine');
    await stage.nodeRed.message('events', ({ topic, payload }) => topic === 'call.answered-by' && (payload as { state: string }).state === 'beep'); // prettier-ignore
    call.hangUp();
    const report = await call.ended;
    const words = plain(report.heardText).split(' ');
    assert.ok(words.length > 1 && words.length < 14, report.heardText);
    const found = events().filter(({ topic }) => topic === 'call.answered-by');
    assert.deepEqual(
      found.map(({ payload: { by, state } }) => [by, state]),
      byCarrier('a machine and its beep', {
        twilio: [['machine', 'beep']],
        telnyx: [['machine', 'detected'], ['machine', 'beep']], // prettier-ignore
      }),
    );
    assert.ok(topics().indexOf('call.started') < topics().indexOf('call.answered-by'));
    assert.deepEqual(report.findings, []);
    assert.deepEqual(errors(), []);
  });

  it('a machine is found out before the stream has begun: the flow is told first', async () => {
    await stage.deploy(change(flows, DIAL, { detection: 'detect' }));
    const line = { answeredBy: 'machine', detectionMs: 1, call: { network: { delayMs: 40 } } };
    const call = await ring({}, line);
    await stage.nodeRed.message('events', ({ topic }) => topic === 'call.started');
    assert.ok(topics().indexOf('call.answered-by') < topics().indexOf('call.started'), topics().join());
    call.hangUp();
    await call.ended;
  });

  it('a person is told from a machine, and hears all of the greeting', async () => {
    const detection = byCarrier('a machine and its beep', { twilio: 'detect_beep', telnyx: 'premium' });
    await stage.deploy(change(flows, DIAL, { detection }));
    const line = { answeredBy: 'human', detectionMs: 800, script: [{ waitForSilence: 500 }, { hangUp: true }] as CallerScript }; // prettier-ignore
    const report = await (await ring({}, line)).ended;
    wentWell(report);
    assert.equal(plain(report.heardText), plain(GREETING));
    await over();
    const found = events().filter(({ topic }) => topic === 'call.answered-by');
    assert.deepEqual(found.map(({ payload: { by } }) => by), ['human']); // prettier-ignore
  });

  it('a machine gets the message after its beep, whole and nothing else, and the call is over', async () => {
    const machineMessage = 'Hello, your bicycle {{call.parameters.number}} is ready at Acme.';
    await stage.deploy(change(flows, DIAL, { onMachine: 'message', machineMessage }));
    const machine = { greeting: 'you have reached Ada please leave a message' };
    const report = await (await ring({ parameters: { number: 17 } }, { machine })).ended;
    wentWell(report);
    assert.equal(plain(report.messageLeft ?? ''), 'hello your bicycle 17 is ready at acme');
    assert.deepEqual([await over(), report.endedBy], ['agent-hangup', 'application']);
  });

  it('a person gets no message: they talk', async () => {
    await stage.deploy(change(flows, DIAL, { onMachine: 'message', machineMessage: 'Call us back.' }));
    stage.world.openai.replies.push({ match: 'sunday', reply: 'We are closed.' }, { match: 'tuesday', reply: 'Good.' });
    const report = await (await ring({}, { detectionMs: 300, script: TALK })).ended;
    wentWell(report);
    assert.equal(plain(report.heardText), plain(`${GREETING} We are closed. Good.`));
    await over();
  });

  it('the greeting waits for the result where that is wanted, and not for longer', async () => {
    await stage.deploy(change(flows, DIAL, { answerWait: 2 }));
    const script: CallerScript = [{ waitForSilence: 500 }, { hangUp: true }];
    for (const [detectionMs, from, to] of [
      [1_000, 1_000, 1_900],
      [3_400, 2_000, 2_900],
    ] as const) {
      const report = await (await ring({}, { answeredBy: 'human', detectionMs, script })).ended;
      wentWell(report);
      assert.equal(plain(report.heardText), plain(GREETING));
      const at = report.heard[0]?.atMs ?? NaN;
      assert.ok(at >= from - 60 && at < to, `the first word after ${at} ms`);
      await over();
      stage.nodeRed.forget();
    }
  });

  it('a machine is hung up on where that is wanted: it has heard little, and nothing is left on it', async () => {
    await stage.deploy(change(flows, DIAL, { onMachine: 'hang-up', answerWait: 5 }));
    const machine = { greeting: 'you have reached Ada please leave a message' };
    const report = await (await ring({}, { machine, detectionMs: 500 })).ended;
    assert.deepEqual([report.heardText, report.messageLeft ?? '', report.endedBy], ['', '', 'application']);
    assert.equal(await over(), 'agent-hangup');
    assert.deepEqual(errors(), []);
  });

  it('numbers that nobody allowed are refused in words, and nothing is dialled', async () => {
    await stage.deploy(open());
    const dialled = phones().calls.size;
    const wrong: [unknown, RegExp][] = [
      ['112', /emergency/],
      ['+44 999', /emergency/],
      ['+1 911', /emergency/],
      ['+1 911 555 0142', /emergency/],
      ['+1 900 555 0142', /premium.*\+1900/],
      ['+49 30 1234567', /\+4930.*not among the allowed prefixes/],
      ['020 7946 0321', /international form/],
      ['sip:boss@pbx.example.com', /host pbx\.example\.com/],
      [1732301369000, /international form/],
      ['', /no number to dial/],
      [{ number: MINE }, /no number to dial/],
    ];
    for (const [payload, words] of wrong) {
      stage.nodeRed.forget();
      await order({ payload });
      const caught = await stage.nodeRed.message('errors', () => true);
      const { message } = caught.error as Error;
      assert.match(message, words);
      assert.match(message, new RegExp(`${DIAL}: `));
      assert.ok(typeof payload !== 'string' || payload.length < 9 || !message.includes(payload.replace(/ /g, '')), message); // prettier-ignore
    }
    assert.equal(phones().calls.size, dialled);
    assert.equal(stage.nodeRed.received('placed').length, 0);
    assert.equal(heart().registry.everywhere().length, 0);
  });

  it('with nothing allowed, only the number in the node is dialled, whatever a message says', async () => {
    await stage.deploy(change(flows, DIAL, { to: '' }));
    await order({ to: MINE });
    const caught = await stage.nodeRed.message('errors', () => true);
    assert.match((caught.error as Error).message, /only numbers that stand in the node/);
    await stage.deploy(flows);
    const call = await ring({ to: '+19005550142' });
    assert.equal(call.to, MINE);
    call.hangUp();
    await call.ended;
  });

  it('the 11th call of the hour to one number is refused, and a Deploy does not begin the hour anew', async () => {
    const dialled = phones().calls.size;
    phones().setLine(MINE, { outcome: 'busy', ringMs: 1 });
    for (let n = 1; n <= 10; n++) {
      if (n === 6) await stage.deploy(flows);
      await order();
      await until(`call ${n} is over`, () => topics().filter((topic) => topic === 'call.ended').length === n);
    }
    await stage.deploy(flows);
    await order();
    await stage.nodeRed.message('errors', () => true);
    assert.match(errors()[0] ?? '', /dialled 10 times within the last hour/);
    assert.equal(phones().calls.size, dialled + 10);
  }).timeout(40_000);

  it('five at once with three lines: three ring, two are refused, and lines come free', async () => {
    await stage.deploy(open());
    const numbers = Array.from({ length: 5 }, (_, i) => `+44 20 7946 000${i}`);
    for (const number of numbers) phones().setLine(number.replace(/ /g, ''), { ringMs: 3_000 });
    await Promise.all(numbers.map((to) => order({ to })));
    await until('two are refused', () => errors().length === 2);
    for (const message of errors()) assert.match(message, /all 3 lines .* are taken/);
    await until('three are placed', () => stage.nodeRed.received('placed').length === 3);
    for (const call of heart().registry.everywhere()) void call.hangUp('canceled');
    await until('all lines are free', () => heart().registry.everywhere().length === 0);
    const call = await ring({ to: MINE });
    call.hangUp();
    await call.ended;
  });

  onlyIn('runtime', 'Deploy in mid-call', () => {
    it('a Deploy while it rings drops nothing: who answers then talks to the changed agent', async () => {
      const call = await ring({}, { ringMs: 1_500, script: [{ waitForSilence: 500 }, { hangUp: true }] });
      await stage.nodeRed.message('events', ({ topic }) => topic === 'call.status');
      await stage.deploy(change(flows, 'llm-agent', { greeting: 'Good evening.' }));
      const report = await call.ended;
      wentWell(report);
      assert.equal(plain(report.heardText), 'good evening');
      assert.equal(await over(), 'caller-hangup');
    });
  });

  it('it answers in the very midst of a Deploy: nothing is lost', async () => {
    const slow: FlowNode = { id: 'slow', type: 'test-slow-close', z: 'va08tab000000001', x: 1, y: 1, wires: [[]] };
    await stage.deploy([...flows, slow]);
    const call = await ring({}, { ringMs: 400, script: [{ waitForSilence: 700 }, { hangUp: true }] });
    await stage.nodeRed.message('events', ({ topic }) => topic === 'call.status');
    await Promise.all([stage.deploy([...flows, slow]), once(call, 'answered')]);
    const report = await call.ended;
    wentWell(report);
    assert.equal(plain(report.heardText), plain(GREETING));
    await over();
    assert.deepEqual(statuses(), ['ringing', 'answered']);
  });

  it('given up while it rings, it stops ringing', async () => {
    const call = await ring({}, { ringMs: 20_000 });
    await stage.nodeRed.message('events', ({ topic }) => topic === 'call.status');
    // Nobody listens to a phone that rings, or pays for it.
    assert.deepEqual(Object.entries(stage.world.open).filter(([, count]) => count > 0), [[`${CARRIER} calls`, 1]]); // prettier-ignore
    await heart().registry.carried(call.callId)?.hangUp('canceled');
    const report = await call.ended;
    assert.deepEqual([report.status, report.endedBy], ['canceled', 'application']); // prettier-ignore
    assert.equal(await over(), 'canceled');
    assert.deepEqual(statuses(), ['ringing', 'canceled']);
    assert.deepEqual(errors(), []);
  });

  onlyIn('runtime', 'Deploy in mid-call', () => {
    it('the node that it enters is taken away while it rings: it stops ringing', async () => {
      const call = await ring({}, { ringMs: 20_000 });
      await stage.nodeRed.message('events', ({ topic }) => topic === 'call.status');
      await stage.deploy(flows.filter(({ type }) => type !== IN));
      const report = await call.ended;
      assert.deepEqual([report.status, report.heardText], ['canceled', '']);
      // And what would dial says what is missing.
      await order();
      await stage.nodeRed.message('errors', () => true);
      assert.match(errors()[0] ?? '', new RegExp(`${IN} that the answered call enters is missing`));
    });
  });

  it('the carrier does not take the dial: Catch is told why, and the line is free', async () => {
    const words = byCarrier('how a dial is refused', {
      twilio: async () => {
        stage.world.twilio.rest.failNext(1, 400, 21215, /Calls/);
        await order();
        return /twilio: the REST API answered 400: .*\(21215\).*Geo Permissions/;
      },
      telnyx: async () => {
        await stage.deploy(change(flows, DIAL, { connectionId: '1' }));
        await order();
        return /telnyx: the API answered 422: .*connection_id/;
      },
    });
    const expected = await words();
    assert.equal(await over(), 'carrier-failed');
    await until('Catch is told', () => errors().length === 1);
    assert.match(errors()[0] ?? '', expected);
    assert.deepEqual(topics(), ['call.status', 'call.ended']);
    assert.deepEqual(statuses(), ['failed']);
    assert.equal(stage.nodeRed.received('placed').length, 0);
  });

  it('just so where webhooks come twice, late and from far away', async () => {
    const script: CallerScript = [{ waitForSilence: 600 }, { hangUp: true }];
    const network = { delayMs: 30, jitterMs: 10 };
    const late = { 'call.initiated': 900, 'call.answered': 1_200 };
    const call = byCarrier<object>('what the webhook answers', {
      twilio: { network, callbacks: { duplicate: true, outOfOrder: true } },
      telnyx: { network, webhooks: { duplicate: true, late }, framesOutOfOrder: true },
    });
    const report = await (await ring({}, { script, call })).ended;
    wentWell(report);
    assert.equal(plain(report.heardText), plain(GREETING));
    await over();
    assert.equal(statuses().filter((status) => status === 'answered').length, 1);
    assert.equal(statuses().at(-1), 'answered', 'nobody is told that it rings when it has been answered');
  });
});
