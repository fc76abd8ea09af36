import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { dialHistory } from '../../nodes/call/dial/history';
import { registry } from '../../nodes/call/heart';
import { PhoneCompany, signForm } from '../../simulators/twilio';
import type { Call, WebhookSignature } from '../../simulators/twilio';
import { until } from '../support/runtime';
import { FakeRed } from './twilio-red';
import type { Config, Message } from './twilio-red';

const TO = '+442079460321';

describe('a call that twilio-dial places', function () {
  this.timeout(20_000);
  let red: FakeRed;
  let company: PhoneCompany;
  let url: string;

  beforeEach(async () => {
    dialHistory.clear();
    red = await new FakeRed().start();
    company = await new PhoneCompany().start();
    url = `http://127.0.0.1:${red.port}`;
  });
  afterEach(async () => {
    await red.stop();
    await company.stop();
    for (const call of registry.all()) call.end('shutdown');
  });

  const flow = (dial: Partial<Config> = {}, into: Partial<Config> = {}, account: object = {}): Config[] => [
    {
      id: 'account',
      type: 'twilio-account',
      publicUrl: url,
      baseUrl: company.url,
      credentials: { accountSid: company.accountSid, authToken: company.authToken, ...account },
    },
    { id: 'in', type: 'twilio-in', account: 'account', wires: [['watch'], ['log']], ...into },
    { id: 'watch', type: 'watch' },
    { id: 'log', type: 'watch' },
    { id: 'dial', type: 'twilio-dial', account: 'account', enter: 'in', from: '+14155550142', allowed: '+44', wires: [['placed']], ...dial }, // prettier-ignore
    { id: 'placed', type: 'watch' },
  ];
  const order = (msg: object = {}): void => red.node('dial')?.receive({ topic: 'order', payload: TO, ...msg });
  const dial = async (msg: object = {}): Promise<Call> => {
    const next = company.nextCall();
    order(msg);
    return next;
  };
  const log = (): Message[] => red.node('log')?.received ?? [];
  const story = (): unknown[] => log().map(({ topic, payload }) => topic === 'call.status' ? (payload as { status: string }).status : topic); // prettier-ignore
  const told = (topic: string): Record<string, unknown>[] => log().filter((msg) => msg.topic === topic).map(({ payload }) => payload as Record<string, unknown>); // prettier-ignore
  const placed = (): Message[] => red.node('placed')?.received ?? [];
  const reason = (): unknown => told('call.ended')[0]?.reason;
  const over = (): Promise<void> => until('it is over', () => log().some(({ topic }) => topic === 'call.ended'));
  const errors = (): string[] => red.errors.map(({ err }) => err.message);
  const form = (): Record<string, string | string[]> => company.rest.log.findLast(({ path }) => path.endsWith('/Calls.json'))?.form ?? {}; // prettier-ignore
  const nothingLeft = async (): Promise<void> => {
    await until('nothing is open', () => Object.values(company.open).every((count) => count === 0));
    // We hear of the end from the company, a moment after it has closed all.
    await until('the call is over here', () => registry.all().length === 0);
  };
  /** A webhook of this call that the simulator would not send. */
  const post = async (to: string, fields: Record<string, string>, sign: WebhookSignature = 'as-twilio') => {
    const signature = signForm(company.authToken, to, fields, sign) ?? '';
    const headers = { 'x-twilio-signature': signature };
    return fetch(to, { method: 'POST', body: new URLSearchParams(fields), headers });
  };

  it('asks Twilio for all that the call needs, and the options cannot undo it', async () => {
    await red.deploy(
      flow(
        {
          detection: 'detect',
          ringTimeout: 45,
          options: '{"CallReason":"reminder","MachineDetectionTimeout":20,"Url":"https://elsewhere.example.com/","Twiml":"<Response/>","TimeLimit":30,"AsyncAmd":false}', // prettier-ignore
          headers: '{"x-team":"voice"}',
          parameters: '{"campaign":"reminder"}',
        },
        { maxDuration: 10, parameters: '{"shop":"north"}' },
      ),
    );
    const call = await dial({ parameters: { customer: 7 } });
    await until('it is placed', () => placed().length === 1);
    const { Url, StatusCallback, AsyncAmdStatusCallback, ...body } = form();
    for (const [name, value] of Object.entries({
      answered: Url,
      status: StatusCallback,
      amd: AsyncAmdStatusCallback,
    })) {
      assert.match(String(value), new RegExp(`^${url}/twilio/voice/${name}/dial-[0-9a-f-]{36}$`));
    }
    assert.deepEqual(body, {
      CallReason: 'reminder',
      MachineDetectionTimeout: '20',
      To: TO,
      From: '+14155550142',
      Method: 'POST',
      StatusCallbackMethod: 'POST',
      StatusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
      Timeout: '45',
      TimeLimit: '660',
      MachineDetection: 'Enable',
      AsyncAmd: 'true',
      AsyncAmdStatusCallbackMethod: 'POST',
    });
    const { id, direction, parameters } = placed()[0]?.call as Record<string, unknown>;
    assert.deepEqual({ id, direction, parameters }, { id: call.callId, direction: 'outbound', parameters: { shop: 'north', campaign: 'reminder', customer: '7' } }); // prettier-ignore
    assert.deepEqual(call.report().findings, []);
    call.hangUp();
    await call.ended;
    await nothingLeft();
  });

  it('always has a time limit, within what Twilio gives every account', async () => {
    for (const [minutes, seconds] of [
      [0.01, '61'],
      [30, '1860'],
      [239, '14400'],
      [1_440, '14400'],
    ] as const) {
      await red.deploy(flow({}, { maxDuration: minutes }));
      const call = await dial();
      assert.equal(form().TimeLimit, seconds);
      await until('it has a name', () => registry.get(call.callId) !== undefined);
      await registry.get(call.callId)?.hangUp('canceled');
    }
  });

  it('asks for detection as far as what follows needs it', async () => {
    for (const [settings, mode] of [
      [{}, undefined],
      [{ answerWait: 2 }, 'Enable'],
      [{ onMachine: 'hang-up' }, 'Enable'],
      [{ onMachine: 'message', machineMessage: 'Call us.' }, 'DetectMessageEnd'],
      [{ detection: 'detect_beep' }, 'DetectMessageEnd'],
      [{ detection: 'detect', onMachine: 'message', machineMessage: 'Call us.' }, 'DetectMessageEnd'],
    ] as const) {
      await red.deploy(flow(settings));
      const call = await dial();
      assert.equal(form().MachineDetection, mode, JSON.stringify(settings));
      assert.equal(form().AsyncAmd, mode && 'true', 'never in the way of the call');
      call.hangUp();
      await call.ended;
    }
  });

  it('is answered, and who answers is heard and told', async () => {
    await red.deploy(flow({ detection: 'detect' }));
    company.setLine(TO, { detectionMs: 300, script: [{ say: 'who is there' }, { pause: 500 }, { hangUp: true }] });
    const call = await dial();
    await over();
    assert.deepEqual(story(), ['ringing', 'answered', 'call.started', 'call.answered-by', 'call.ended']);
    assert.equal(reason(), 'caller-hangup');
    const [found] = told('call.answered-by');
    assert.deepEqual([found?.by, found?.state], ['human', 'detected']);
    const raw = (told('call.started')[0] as { raw: { webhook: Record<string, string> } }).raw.webhook;
    assert.deepEqual([raw.CallSid, raw.Direction, raw.CallStatus], [call.callSid, 'outbound-api', 'in-progress']);
    assert.ok(log().every((msg) => (msg.call as { id: string }).id === call.callSid));
    assert.deepEqual((await call.ended).findings, []);
    assert.deepEqual(errors(), []);
    await nothingLeft();
  });

  it('that nobody answers is told apart, and gives its line back', async () => {
    for (const [outcome, status, end] of [
      ['busy', 'busy', 'busy'],
      ['no-answer', 'no-answer', 'no-answer'],
      ['failed', 'failed', 'carrier-failed'],
    ] as const) {
      await red.deploy(flow({}, { maxCalls: 1 }));
      company.setLine(TO, { outcome, ringMs: 20 });
      const call = await dial();
      await over();
      assert.deepEqual(story(), outcome === 'failed' ? [status, 'call.ended'] : ['ringing', status, 'call.ended']);
      assert.equal(reason(), end);
      assert.equal(registry.all().length, 0);
      await call.ended;
    }
    assert.deepEqual(errors(), []);
  });

  it('is reported twice and in any order, and told once and in order', async () => {
    await red.deploy(flow({ detection: 'detect' }));
    company.setLine(TO, {
      script: [{ pause: 400 }, { hangUp: true }],
      call: { callbacks: { duplicate: true, outOfOrder: true } },
    });
    const call = await dial();
    await call.ended;
    await over();
    const once_ = story().filter((each) => each !== 'ringing');
    assert.deepEqual(once_.filter((each) => each !== 'call.answered-by'), ['answered', 'call.started', 'call.ended']); // prettier-ignore
    assert.ok(told('call.answered-by').length <= 1);
    assert.deepEqual(errors(), []);
    await nothingLeft();
  });

  it('is known by its webhooks though the answer to the dial was lost', async () => {
    await red.deploy(flow());
    company.faults.add({ kind: 'stall-before-first-byte', when: 'message', matchText: 'POST .*/Calls.json' });
    company.setLine(TO, { script: [{ pause: 300 }, { hangUp: true }] });
    const call = await dial();
    await until('it is placed', () => placed().length === 1);
    assert.equal((placed()[0]?.call as { id: string }).id, call.callId);
    await over();
    assert.equal(reason(), 'caller-hangup');
    assert.deepEqual((await call.ended).findings, []);
    assert.deepEqual(errors(), []);
    company.faults.clear();
  });

  it('that failed here but was made after all is hung up: whoever answers would hear nothing', async () => {
    await red.deploy(flow());
    company.faults.add({ kind: 'refuse', when: 'message', matchText: 'POST .*/Calls.json' });
    // The first report is late: by then the dial has failed here.
    company.setLine(TO, { ringMs: 400, call: { network: { delayMs: 200 } } });
    const call = await dial();
    await over();
    assert.deepEqual(story(), ['failed', 'call.ended']);
    assert.match(errors()[0] ?? '', /twilio: the REST API could not be reached/);
    const report = await call.ended;
    assert.equal(report.endedBy, 'application');
    assert.equal(report.streams.length, 0);
    await nothingLeft();
    assert.equal(placed().length, 0);
  });

  it('is dialled once, whatever the answer: a second try might ring twice', async () => {
    await red.deploy(flow());
    for (const fault of [
      { kind: 'status', status: 503 },
      { kind: 'status', status: 429 },
      { kind: 'refuse' },
      { kind: 'garbage' },
      { kind: 'wrong-json' },
    ] as const) {
      red.errors.length = 0;
      company.faults.add({ ...fault, when: 'connect', times: 'always', matchText: 'POST .*/Calls.json' });
      const struck = company.faults.struck;
      order();
      await until('Catch is told', () => red.errors.length === 1);
      assert.equal(company.faults.struck, struck + 1);
      assert.match(errors()[0] ?? '', /^twilio: /);
      assert.equal(registry.all().length, 0);
      company.faults.clear();
    }
    assert.equal(company.calls.size, 0);
  });

  it('that Twilio does not take is told in plain words', async () => {
    await red.deploy(flow());
    for (const [code, words] of [
      [21215, /Geo Permissions/],
      [21219, /trial account/],
      [21210, /none of this account/],
    ] as const) {
      red.errors.length = 0;
      company.rest.failNext(1, 400, code, /Calls/);
      order();
      await until('Catch is told', () => red.errors.length === 1);
      assert.match(errors()[0] ?? '', words);
      assert.match(errors()[0] ?? '', new RegExp(`\\(${code}\\)`));
      assert.equal((red.errors[0]?.err as Error & { code?: string }).code, String(code));
    }
  });

  it('given up before Twilio has named it is hung up as soon as it has', async () => {
    await company.stop();
    company = await new PhoneCompany({ network: { delayMs: 150 } }).start();
    await red.deploy(flow());
    company.setLine(TO, { ringMs: 15_000 });
    const next = company.nextCall();
    order();
    const [call] = registry.all();
    assert.equal(registry.all().length, 1, 'the line is taken at once');
    const gone = call?.hangUp('canceled');
    const report = await (await next).ended;
    await gone;
    assert.deepEqual([report.status, report.endedBy], ['canceled', 'application']);
    await until('Catch is told', () => red.errors.length === 1);
    assert.match(errors()[0] ?? '', /given up before it was placed/);
    assert.equal(placed().length, 0);
    assert.equal(reason(), 'canceled');
    await nothingLeft();
  });

  it('is hung up when the flows are stopped while it rings', async () => {
    await red.deploy(flow());
    company.setLine(TO, { ringMs: 15_000 });
    const call = await dial();
    await until('it rings', () => story().includes('ringing'));
    await red.deploy([]);
    const report = await call.ended;
    assert.deepEqual([report.status, report.heardText], ['canceled', '']);
    await nothingLeft();
  });

  it('survives a Deploy while it rings, and is answered in the gap of another', async () => {
    await red.deploy(flow());
    company.setLine(TO, { ringMs: 300, script: [{ pause: 400 }, { hangUp: true }] });
    const call = await dial();
    await until('it rings', () => story().includes('ringing'));
    await red.deploy(flow(), () => once(call, 'answered').then(() => undefined));
    await over();
    assert.equal(reason(), 'caller-hangup');
    assert.deepEqual(story().filter((each) => each === 'call.started').length, 1); // prettier-ignore
    assert.deepEqual((await call.ended).findings, []);
    await nothingLeft();
  });

  it('whose stream breaks is connected again', async () => {
    await red.deploy(flow());
    company.setLine(TO, { call: { dropStreamAfterMs: 200, afterDrop: 'call-goes-on' } });
    const call = await dial();
    await until('it has a second stream', () => call.report().streams.length === 2);
    await until('it is live', () => registry.get(call.callId)?.carrier.connected === true);
    assert.equal(story().filter((each) => each === 'call.started').length, 1);
    call.hangUp();
    await call.ended;
    await nothingLeft();
  });

  it('whose stream never comes is given up 10 s after the answer, and not while it rings', async () => {
    await red.deploy(flow());
    company.setLine(TO, { ringMs: 1_000, call: { refuseStream: true } });
    const call = await dial();
    await once(call, 'answered');
    const answeredAt = performance.now();
    await until('it is over', () => story().includes('call.ended'), 15_000);
    assert.ok(performance.now() - answeredAt > 9_500);
    assert.deepEqual(story(), ['ringing', 'answered', 'call.ended']);
    assert.equal(reason(), 'stream-failed');
    await call.ended;
    await nothingLeft();
  });

  it('is not answered, or found to be a machine, by whoever knows its address', async () => {
    await red.deploy(flow({ detection: 'detect', onMachine: 'hang-up' }));
    company.setLine(TO, { ringMs: 15_000 });
    const call = await dial();
    await until('it rings', () => story().includes('ringing'));
    const { Url, AsyncAmdStatusCallback, StatusCallback } = form();
    const fields = { CallSid: call.callSid, CallStatus: 'in-progress', AnsweredBy: 'machine_start' };
    for (const where of [Url, AsyncAmdStatusCallback, StatusCallback]) {
      assert.equal((await post(String(where), fields, 'wrong')).status, 403);
      assert.equal((await post(String(where), fields, 'missing')).status, 400);
    }
    assert.deepEqual(story(), ['ringing']);
    // Rightly signed, but of a dial that nobody knows: there is nothing to talk to.
    const answer = await post(`${url}/twilio/voice/answered/dial-${'0'.repeat(8)}-0000-4000-8000-000000000000`, fields);
    assert.match(await answer.text(), /<Hangup\/>/);
    call.hangUp();
    await call.ended;
  });

  it('hangs up on a machine, found before the stream or after it', async () => {
    for (const detectionMs of [1, 500]) {
      await red.deploy(flow({ onMachine: 'hang-up' }));
      company.setLine(TO, { machine: { greeting: 'please leave a message' }, detectionMs });
      const call = await dial();
      await over();
      const report = await call.ended;
      assert.equal(report.endedBy, 'application');
      assert.deepEqual([reason(), told('call.answered-by')[0]?.by], ['agent-hangup', 'machine']);
      await nothingLeft();
    }
  });

  it('leaves its message after the beep: the flow’s voice is given the words then, and not before', async () => {
    await red.deploy(flow({ onMachine: 'message', machineMessage: 'Your {{call.parameters.what}} is ready.' }));
    company.setLine(TO, { machine: { greeting: 'please leave a message' } });
    const call = await dial({ parameters: { what: 'bicycle' } });
    const reply = await red.sent('in', 0, ({ topic }) => topic === 'reply');
    assert.equal(reply.payload, 'Your bicycle is ready.');
    assert.notEqual(call.report().messageLeft, undefined, 'it has beeped');
    await until('the flow knows', () => told('call.answered-by').length > 0);
    assert.deepEqual(told('call.answered-by').map(({ by, state }) => [by, state]), [['machine', 'beep']]); // prettier-ignore
    call.hangUp();
    await call.ended;
    await nothingLeft();
  });

  it('needs an account with its SID, and a node to enter, of the same account', async () => {
    for (const [dialNode, account, words] of [
      [{ enter: '' }, {}, /Choose the node that the answered call enters/],
      [{ account: '' }, {}, /Choose an account/],
      [{}, { accountSid: '' }, /no Account SID/],
      [{ onMachine: 'message' }, {}, /Enter the message/],
    ] as const) {
      red.errors.length = 0;
      await red.deploy(flow(dialNode, {}, account));
      order();
      await until('Catch is told', () => red.errors.length > 0);
      assert.match(errors().join(), words);
    }
    red.errors.length = 0;
    const other = { ...flow()[0], id: 'other', type: 'twilio-account' };
    await red.deploy([...flow({ account: 'other' }), other]);
    order();
    assert.match(errors()[0] ?? '', /different accounts/);
    await red.deploy(flow({ enter: 'nobody' }));
    order();
    assert.match(errors()[1] ?? '', /twilio-in that the answered call enters is missing/);
    assert.equal(company.calls.size, 0);
    assert.equal(dialHistory.size, 0, 'nothing of this counts as a call');
  });
});
