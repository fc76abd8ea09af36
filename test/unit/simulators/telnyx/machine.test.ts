import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { TelnyxCompany, type AnsweringMachine, type Call } from '../../../../simulators/telnyx';
import { Application, type Json } from './application';

describe('who has answered, as Telnyx finds out', function () {
  this.timeout(15_000);

  let phone: TelnyxCompany;
  let app: Application;

  beforeEach(async () => {
    phone = await new TelnyxCompany().start();
    app = await new Application(phone).start();
  });

  afterEach(async () => {
    await phone.stop();
    await app.stop();
    assert.deepEqual(phone.open, { calls: 0, sockets: 0, requests: 0 });
  });

  const dial = async (machine: AnsweringMachine | undefined, mode: string, more: Json = {}): Promise<Call> => {
    phone.setLine('+14155550188', { ...(machine ? { machine } : {}), detectionMs: 150, ringMs: 10 });
    const next = phone.nextCall();
    await app.request('POST', '/calls', {
      ...{ connection_id: phone.connectionId, to: '+14155550188', from: '+14155550142', webhook_url: app.webhookUrl },
      ...{ ...app.stream, answering_machine_detection: mode, ...more },
    });
    return next;
  };

  const found = (): [string, unknown][] =>
    app.received
      .filter((each) => each.type.startsWith('call.machine'))
      .map((each) => [each.type.replace('call.machine.', ''), each.payload['result']]);

  const greeting = 'you have reached Ada';

  it('hears a machine greet and beep, and what is said after that is its message', async () => {
    const call = await dial({ greeting, recordsMs: 1_500 }, 'detect_beep');
    const agent = await app.agent();
    await app.event('call.machine.greeting.ended');
    agent.say('please call back');
    const report = await call.ended;
    assert.deepEqual(found(), [
      ['detection.ended', 'machine'],
      ['greeting.ended', 'beep_detected'],
    ]);
    assert.equal(report.said[0]?.text, greeting);
    assert.equal(report.messageLeft, 'please call back');
    assert.deepEqual([report.endedBy, report.hangupCause], ['caller', 'normal_clearing']);
    const [first] = app.received.filter((each) => each.type === 'call.machine.detection.ended');
    assert.deepEqual([first?.payload['from'], first?.payload['to']], ['+14155550142', '+14155550188']);
  });

  it('tells of a machine without a beep as its mode does', async () => {
    for (const [mode, events] of [
      ['detect', [['detection.ended', 'machine']]],
      ['detect_beep', [['detection.ended', 'machine']]],
      [
        'greeting_end',
        [
          ['detection.ended', 'machine'],
          ['greeting.ended', 'ended'],
        ],
      ],
      [
        'detect_words',
        [
          ['detection.ended', 'machine'],
          ['greeting.ended', 'ended'],
        ],
      ],
      [
        'premium',
        [
          ['premium.detection.ended', 'machine'],
          ['premium.greeting.ended', 'no_beep_detected'],
        ],
      ],
    ] as const) {
      const config = { answering_machine_detection_config: { greeting_silence_duration_millis: 100 } };
      const call = await dial({ greeting: 'not at home', beep: false, recordsMs: 400 }, mode, config);
      await call.ended;
      assert.deepEqual(found(), events, mode);
      app.received.length = 0;
    }
  });

  it('gives up on a greeting without an end', async () => {
    const config = { answering_machine_detection_config: { greeting_total_analysis_time_millis: 100 } };
    const call = await dial({ greeting: 'la la la la la la la la' }, 'greeting_end', config);
    await app.event('call.machine.greeting.ended');
    assert.deepEqual(found(), [
      ['detection.ended', 'machine'],
      ['greeting.ended', 'not_sure'],
    ]);
    call.hangUp();
    await call.ended;
  });

  it('finds a person, in the words of its mode, and is not sure when its time is up', async () => {
    for (const [mode, more, event] of [
      ['detect', {}, ['detection.ended', 'human']],
      ['premium', {}, ['premium.detection.ended', 'human_residence']],
      [
        'detect',
        { answering_machine_detection_config: { total_analysis_time_millis: 50 } },
        ['detection.ended', 'not_sure'],
      ],
    ] as const) {
      const call = await dial(undefined, mode, more);
      await app.until(() => found().length > 0);
      call.hangUp();
      await call.ended;
      assert.deepEqual(found(), [event]);
      app.received.length = 0;
    }
  });

  it('tells nothing of a call that is over', async () => {
    const call = await dial({ greeting }, 'greeting_end');
    await app.event('call.answered');
    call.hangUp();
    await call.ended;
    assert.deepEqual(found(), []);
  });
});
