import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { WebSocket } from 'ws';
import { dialHistory } from '../../nodes/call/dial/history';
import { registry } from '../../nodes/call/heart';
import { refused } from '../../nodes/call/refused';
import { TelnyxCompany } from '../../simulators/telnyx';
import type { Call } from '../../simulators/telnyx';
import { until } from '../support/runtime';
import { FakeRed } from './twilio-red';
import type { Config, Message } from './twilio-red';

const TO = '+442079460321';
const APPLICATION = '2301454981230001234';

describe('a call that telnyx-dial places', function () {
  this.timeout(20_000);
  let red: FakeRed;
  let company: TelnyxCompany;
  let url: string;

  beforeEach(async () => {
    dialHistory.clear();
    red = await new FakeRed().start();
    company = await new TelnyxCompany().start();
    url = `http://127.0.0.1:${red.port}`;
  });
  afterEach(async () => {
    await red.stop();
    await company.stop();
    for (const call of registry.all()) call.end('shutdown');
  });

  const flow = (dial: Partial<Config> = {}, into: Partial<Config> = {}): Config[] => [
    {
      id: 'account',
      type: 'telnyx-account',
      publicUrl: url,
      baseUrl: company.url,
      credentials: { apiKey: company.apiKey, publicKey: company.publicKey },
    },
    { id: 'in', type: 'telnyx-in', account: 'account', wires: [[], ['log']], ...into },
    { id: 'log', type: 'watch' },
    { id: 'dial', type: 'telnyx-dial', account: 'account', enter: 'in', connectionId: APPLICATION, from: '+14155550142', allowed: '+44', wires: [['placed']], ...dial }, // prettier-ignore
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
  const placed = (): Message[] => red.node('placed')?.received ?? [];
  const reason = (): unknown => (log().find(({ topic }) => topic === 'call.ended')?.payload as { reason: string }).reason; // prettier-ignore
  const over = (): Promise<void> => until('it is over', () => log().some(({ topic }) => topic === 'call.ended'));
  const errors = (): string[] => red.errors.map(({ err }) => err.message);
  const nothingLeft = async (): Promise<void> => {
    await until('nothing is open', () => Object.values(company.open).every((count) => count === 0));
    // We hear of the end from the company, a moment after it has closed all.
    await until('the call is over here', () => registry.all().length === 0);
  };
  /** A webhook that the simulator would not send. */
  const post = async (call: Call, type: string, more: object): Promise<void> => {
    const payload = { call_control_id: call.callId, direction: 'outgoing', client_state: call.clientState, ...more };
    const body = JSON.stringify({ data: { record_type: 'event', event_type: type, id: randomUUID(), payload } });
    const headers = { 'content-type': 'application/json', ...company.signingKey.headers(body, 'right') };
    await fetch(`${url}/telnyx/voice`, { method: 'POST', body, headers });
  };

  it('asks Telnyx for all that the call needs, and the options cannot undo it', async () => {
    await red.deploy(
      flow(
        {
          detection: 'premium',
          ringTimeout: 45,
          options: '{"from_display_name":"Acme","webhook_url":"https://elsewhere.example.com/","time_limit_secs":30}',
          headers: '{"x-team":"voice"}',
          parameters: '{"campaign":"reminder"}',
        },
        { maxDuration: 10, parameters: '{"shop":"north"}' },
      ),
    );
    const call = await dial({ parameters: { customer: 7 } });
    await until('it is placed', () => placed().length === 1);
    const { client_state, command_id, stream_url, ...body } = company.rest.log[0]?.body ?? {};
    assert.match(Buffer.from(String(client_state), 'base64').toString(), /^dial-[0-9a-f-]{36}$/);
    assert.match(String(command_id), /^dial-/);
    assert.match(String(stream_url), /^ws:\/\/127\.0\.0\.1:\d+\/telnyx\/voice\/media\/[0-9a-f]{32}$/);
    assert.deepEqual(body, {
      from_display_name: 'Acme',
      connection_id: APPLICATION,
      to: TO,
      from: '+14155550142',
      webhook_url: `${url}/telnyx/voice`,
      timeout_secs: 45,
      time_limit_secs: 660,
      answering_machine_detection: 'premium',
      stream_track: 'inbound_track',
      stream_codec: 'PCMU',
      stream_bidirectional_mode: 'rtp',
      stream_bidirectional_codec: 'PCMU',
      stream_bidirectional_target_legs: 'self',
    });
    const { id, direction, parameters } = placed()[0]?.call as Record<string, unknown>;
    assert.deepEqual({ id, direction, parameters }, { id: call.callId, direction: 'outbound', parameters: { shop: 'north', campaign: 'reminder', customer: '7' } }); // prettier-ignore
    assert.equal(placed()[0]?.topic, 'order');
    assert.deepEqual(call.report().findings, []);
    call.hangUp();
    await call.ended;
    await nothingLeft();
  });

  it('asks for the detection that is needed for what follows, in the way that is set if that tells enough', async () => {
    for (const [more, mode] of [
      [{}, undefined],
      [{ detection: 'detect' }, 'detect'],
      [{ detection: 'premium' }, 'premium'],
      [{ answerWait: 2 }, 'detect'],
      [{ onMachine: 'hang-up' }, 'detect'],
      [{ onMachine: 'hang-up', detection: 'premium' }, 'premium'],
      [{ onMachine: 'message', machineMessage: 'Hello' }, 'detect_beep'],
      [{ onMachine: 'message', machineMessage: 'Hello', detection: 'detect' }, 'detect_beep'],
      [{ onMachine: 'message', machineMessage: 'Hello', detection: 'greeting_end' }, 'greeting_end'],
      [{ onMachine: 'message', machineMessage: 'Hello', detection: 'premium' }, 'premium'],
    ] as const) {
      await red.deploy(flow(more));
      const call = await dial();
      const { body } = company.rest.log.findLast(({ path }) => path === '/calls') ?? {};
      assert.equal(body?.answering_machine_detection, mode);
      call.hangUp();
      await call.ended;
    }
    assert.deepEqual(errors(), []);
  });

  it('tells who has answered once for each finding, however often Telnyx says it', async () => {
    company.setLine(TO, { machine: { greeting: 'not at home', recordsMs: 300 }, detectionMs: 50, call: { webhooks: { duplicate: true } } }); // prettier-ignore
    await red.deploy(flow({ detection: 'detect_beep' }));
    await (
      await dial()
    ).ended;
    await over();
    const found = log().flatMap(({ topic, payload }) => (topic === 'call.answered-by' ? [payload as Record<string, unknown>] : [])); // prettier-ignore
    assert.deepEqual(
      found.map(({ by, state }) => [by, state]),
      [
        ['machine', 'detected'],
        ['machine', 'beep'],
      ],
    );
  });

  it('on which a machine answers is hung up, where that is wanted; on which a person does is not', async () => {
    await red.deploy(flow({ onMachine: 'hang-up' }));
    company.setLine(TO, { machine: { greeting: 'this is the mailbox of somebody else' }, detectionMs: 100 });
    const report = await (await dial()).ended;
    assert.deepEqual([report.endedBy, report.messageLeft], ['application', undefined]);
    await over();
    company.setLine(TO, { detectionMs: 50, script: [{ pause: 400 }, { hangUp: true }] });
    assert.equal((await (await dial()).ended).endedBy, 'caller');
  });

  it('always has a time limit, within what Telnyx takes', async () => {
    for (const [minutes, seconds] of [
      [0.01, 61],
      [30, 1_860],
      [239, 14_400],
      [1_440, 14_400],
    ]) {
      await red.deploy(flow({}, { maxDuration: minutes }));
      const call = await dial();
      assert.equal(company.rest.log.findLast(({ path }) => path === '/calls')?.body.time_limit_secs, seconds);
      await until('it has a name', () => registry.get(call.callId) !== undefined);
      await registry.get(call.callId)?.hangUp('canceled');
    }
  });

  it('that is declined, called off or fails is told apart', async () => {
    for (const [cause, source, status, end] of [
      ['call_rejected', 'callee', 'rejected', 'rejected'],
      ['normal_clearing', 'callee', 'rejected', 'rejected'],
      ['originator_cancel', 'caller', 'canceled', 'canceled'],
      ['no_answer', 'callee', 'no-answer', 'no-answer'],
      ['unspecified', 'unknown', 'failed', 'carrier-failed'],
      ['something_new', 'unknown', 'failed', 'carrier-failed'],
    ]) {
      await red.deploy(flow());
      company.setLine(TO, { ringMs: 15_000 });
      const call = await dial();
      await until('it rings', () => story().includes('ringing'));
      await post(call, 'call.hangup', { hangup_cause: cause, hangup_source: source });
      await over();
      assert.deepEqual(story(), ['ringing', status, 'call.ended'], cause);
      assert.equal(reason(), end);
      assert.equal(registry.all().length, 0);
      call.hangUp();
    }
    assert.deepEqual(errors(), []);
  });

  it('is known by its webhooks though the answer to the dial was lost', async () => {
    await red.deploy(flow());
    company.faults.add({ kind: 'stall-before-first-byte', when: 'message', matchText: 'POST /calls$' });
    company.setLine(TO, { script: [{ pause: 300 }, { hangUp: true }] });
    const call = await dial();
    await until('it is placed', () => placed().length === 1);
    assert.equal((placed()[0]?.call as { id: string }).id, call.callId);
    await over();
    const report = await call.ended;
    assert.deepEqual(report.findings, []);
    assert.equal(reason(), 'caller-hangup');
    assert.ok(log().every(({ call: told }) => (told as { id: string }).id === call.callId));
    assert.deepEqual(errors(), []);
    company.faults.clear();
  });

  it('that failed here but was made after all is hung up: whoever answers would hear nothing', async () => {
    await red.deploy(flow());
    company.faults.add({ kind: 'refuse', when: 'message', matchText: 'POST /calls$' });
    company.setLine(TO, { ringMs: 15_000, call: { webhooks: { late: { 'call.initiated': 300 } } } });
    const call = await dial();
    await over();
    assert.deepEqual(story(), ['failed', 'call.ended']);
    assert.match(errors()[0] ?? '', /telnyx: the REST API could not be reached/);
    assert.equal(company.open.calls, 1);
    const report = await call.ended;
    assert.deepEqual([report.status, report.endedBy], ['canceled', 'application']);
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
      // prettier-ignore
      red.errors.length = 0;
      company.faults.add({ ...fault, when: 'connect', times: 'always', matchText: 'POST /calls' });
      const struck = company.faults.struck;
      order();
      await until('Catch is told', () => red.errors.length === 1);
      assert.equal(company.faults.struck, struck + 1);
      assert.match(errors()[0] ?? '', /^telnyx: /);
      assert.equal(registry.all().length, 0);
      company.faults.clear();
    }
    assert.equal(company.calls.size, 0);
  });

  it('given up before Telnyx has named it is hung up as soon as it has', async () => {
    await company.stop();
    company = await new TelnyxCompany({ network: { delayMs: 150 } }).start();
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

  it('is told of by the nodes that are there after a Deploy, placed or not', async () => {
    await company.stop();
    company = await new TelnyxCompany({ network: { delayMs: 150 } }).start();
    await red.deploy(flow());
    const call = await dial();
    await red.deploy(flow());
    await until('it is placed', () => placed().length === 1);
    assert.equal((placed()[0]?.call as { id: string }).id, call.callId);
    call.hangUp();
    await call.ended;
    company.faults.add({ kind: 'status', status: 403, matchText: 'POST /calls' });
    const before = red.node('dial');
    order();
    await red.deploy(flow());
    await until('Catch is told', () => red.errors.length === 1);
    assert.notEqual(red.node('dial'), before);
    assert.match(errors()[0] ?? '', /403/);
    await nothingLeft();
  });

  it('has a stream by its token, once', async () => {
    await red.deploy(flow());
    const call = await dial();
    await until('it has started', () => story().includes('call.started'));
    const { token } = refused;
    await assert.rejects(once(new WebSocket(String(company.rest.log[0]?.body.stream_url)), 'open'), /403/);
    assert.equal(refused.token, token + 1);
    assert.equal(registry.get(call.callId)?.state, 'live');
    call.hangUp();
    await call.ended;
    await nothingLeft();
  });

  it('whose stream breaks is connected again', async () => {
    await red.deploy(flow());
    company.setLine(TO, { call: { dropStreamAfterMs: 200 } });
    const call = await dial();
    await until('it has a second stream', () => call.report().streams.length === 2 && call.isStreaming);
    await until('it is live', () => registry.get(call.callId)?.carrier.connected === true);
    assert.deepEqual(call.report().commands.map(({ name }) => name), ['streaming_start']); // prettier-ignore
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
    assert.match(errors()[0] ?? '', /the media stream did not come within 10 s/);
    await call.ended;
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

  it('needs an account, an application and a node to enter, of the same account', async () => {
    for (const [wrong, words] of [
      [{ account: '' }, /Choose an account/],
      [{ enter: '' }, /Choose the node that the answered call enters/],
      [{ connectionId: '' }, /ID of the Voice API application/],
      [{ allowed: 'Germany' }, /Allowed prefixes are such as/],
      [{ detection: 'always' }, /detection must be one of off, detect/],
    ] as const) {
      red.errors.length = 0;
      // By another id: a node that has worked once goes on with what it had.
      const id = randomUUID();
      await red.deploy(flow({ id, ...wrong }));
      assert.match(errors()[0] ?? '', words);
      assert.ok(red.statuses.some((status) => status.id === id && status.fill === 'red'));
      red.node(id)?.receive({ topic: '', payload: TO });
      assert.match(errors()[1] ?? '', words);
    }
    red.errors.length = 0;
    const other = { ...flow()[0], id: 'other', type: 'telnyx-account' };
    await red.deploy([...flow({ account: 'other' }), other]);
    order();
    assert.match(errors()[0] ?? '', /different accounts/);
    await red.deploy(flow({ enter: 'nobody' }));
    order();
    assert.match(errors()[1] ?? '', /telnyx-in that the answered call enters is missing/);
    await red.deploy(flow({ enter: 'log' }));
    order();
    assert.match(errors()[2] ?? '', /telnyx-in that the answered call enters is missing/);
    assert.equal(company.calls.size, 0);
    assert.equal(dialHistory.size, 0, 'nothing of this counts as a call');
  });
});
