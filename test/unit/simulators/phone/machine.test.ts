import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { LineBehaviour, PhoneCall } from '../../../../simulators/phone';
import { TelnyxCompany } from '../../../../simulators/telnyx';
import { PhoneCompany } from '../../../../simulators/twilio';
import { Application as TelnyxApplication } from '../telnyx/application';
import { api } from '../twilio/api';
import { Application as TwilioApplication } from '../twilio/application';

interface Agent {
  say(text: string): void;
  heard(text: string): Promise<void>;
}

/** An application that rings a machine by way of a carrier. */
interface Side {
  dial(line: LineBehaviour): Promise<{ call: PhoneCall; agent: Agent }>;
  stop(): Promise<void>;
}

const TO = '+14155550177';

async function twilio(): Promise<Side> {
  const phone = await new PhoneCompany().start();
  const app = await new TwilioApplication().start();
  app.answers.set('/voice', () => app.stream());
  return {
    dial: async (line) => {
      phone.setLine(TO, line);
      const coming = new Promise<Agent>((resolve) => {
        app.onAgent = (agent) => agent.start().then(() => resolve(agent));
      });
      const [, body] = await api(phone, '/Calls', { To: TO, From: '+14155550142', Url: app.url('/voice') });
      const call = phone.calls.get(String(body['sid']));
      assert.ok(call);
      return { call, agent: await coming };
    },
    stop: async () => {
      await phone.stop();
      await app.stop();
    },
  };
}

async function telnyx(): Promise<Side> {
  const phone = await new TelnyxCompany().start();
  const app = await new TelnyxApplication(phone).start();
  return {
    dial: async (line) => {
      phone.setLine(TO, line);
      const next = phone.nextCall();
      const about = { connection_id: phone.connectionId, to: TO, from: '+14155550142', webhook_url: app.webhookUrl };
      await app.request('POST', '/calls', { ...about, ...app.stream });
      const call = await next;
      const agent = await app.agent();
      await agent.start();
      return { call, agent };
    },
    stop: async () => {
      await phone.stop();
      await app.stop();
    },
  };
}

describe('an answering machine on the line', function () {
  this.timeout(15_000);

  for (const [name, make] of Object.entries({ twilio, telnyx })) {
    it(`greets, beeps, and records what is said after it: ${name}`, async () => {
      const side = await make();
      try {
        const { call, agent } = await side.dial({ machine: { greeting: 'please leave a message' }, ringMs: 10 });
        const beeped = new Promise((resolve) => call.once('beeped', resolve));
        await new Promise((resolve) => call.once('said', resolve));
        assert.equal(call.report().messageLeft, undefined);
        agent.say('early');
        await beeped;
        agent.say('your table is ready');
        await call.heard((_, text) => text.endsWith('ready'));
        await agent.heard('please leave a message');
        call.hangUp();
        const report = await call.ended;
        assert.equal(report.messageLeft, 'your table is ready');
        assert.equal(report.heardText, 'early your table is ready');
      } finally {
        await side.stop();
      }
    });
  }

  it('hangs up when it has recorded long enough, and may have no beep', async () => {
    const side = await twilio();
    try {
      const full = await side.dial({ machine: { greeting: 'hello', recordsMs: 200 }, ringMs: 10 });
      const report = await full.call.ended;
      assert.deepEqual([report.endedBy, report.messageLeft], ['caller', '']);
      const silent = await side.dial({ machine: { greeting: 'hello', beep: false, recordsMs: 50 }, ringMs: 10 });
      assert.equal((await silent.call.ended).messageLeft, undefined);
    } finally {
      await side.stop();
    }
  });
});
