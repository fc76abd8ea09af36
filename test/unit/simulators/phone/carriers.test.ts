import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Fault } from '../../../../simulators/faults';
import type { CallerScript, PhoneCall, SimulatedCarrier } from '../../../../simulators/phone';
import { TelnyxCompany } from '../../../../simulators/telnyx';
import { PhoneCompany } from '../../../../simulators/twilio';
import { Application as TelnyxApplication } from '../telnyx/application';
import { Application as TwilioApplication } from '../twilio/application';

/** What an application does on a stream, whichever carrier's it is. */
interface Agent {
  say(text: string): void;
  heard(text: string): Promise<void>;
}

/** A carrier, and an application that answers its calls with a stream. */
interface Side {
  carrier: SimulatedCarrier;
  webhookUrl: string;
  agent(call: PhoneCall): Promise<Agent>;
  stop(): Promise<void>;
}

async function twilio(): Promise<Side> {
  const carrier = await new PhoneCompany().start();
  const app = await new TwilioApplication().start();
  app.answers.set('/voice', () => app.stream());
  const agent = new Promise<Agent>((resolve) => {
    app.onAgent = (each) => each.start().then(() => resolve(each));
  });
  return { carrier, webhookUrl: app.url('/voice'), agent: () => agent, stop: () => app.stop() };
}

async function telnyx(): Promise<Side> {
  const carrier = await new TelnyxCompany().start();
  const app = await new TelnyxApplication(carrier).start();
  return {
    carrier,
    webhookUrl: app.webhookUrl,
    agent: async (call) => {
      await app.event('call.initiated');
      await app.command(call.callId, 'answer', app.stream);
      const agent = await app.agent();
      await agent.start();
      return agent;
    },
    stop: () => app.stop(),
  };
}

const SCRIPT: CallerScript = [
  { waitForSilence: 200 },
  { say: 'what time is it' },
  { waitFor: 'noon' },
  { press: '1' },
  { waitForSilence: 100 },
  { hangUp: true },
];

describe('the same caller on every carrier', function () {
  this.timeout(15_000);

  for (const [name, make] of Object.entries({ twilio, telnyx })) {
    it(`follows the same script and makes the same report: ${name}`, async () => {
      const side = await make();
      try {
        const { carrier, webhookUrl } = side;
        const call = carrier.ring({ webhookUrl, script: SCRIPT, from: '+12025550111', to: '+12025550122' });
        assert.equal(carrier.calls.get(call.callId), call);
        const digits: string[] = [];
        call.on('digit', (digit) => digits.push(digit));
        const agent = await side.agent(call);
        agent.say('good morning');
        await agent.heard('what time is it');
        agent.say('it is noon');
        const report = await call.ended;
        const { from, to, direction, status, endedBy, heardText, failure, findings, said, turns } = report;
        assert.deepEqual(
          { from, to, direction, status, endedBy, heardText, failure, findings, digits },
          {
            from: '+12025550111',
            to: '+12025550122',
            direction: 'inbound',
            status: 'completed',
            endedBy: 'caller',
            heardText: 'good morning it is noon',
            failure: undefined,
            findings: [],
            digits: ['1'],
          },
        );
        assert.deepEqual(
          said.map(({ text }) => text),
          ['what time is it'],
        );
        assert.ok(turns.length === 1 && (turns[0]?.latencyMs ?? NaN) >= 0);
        const [stream] = report.streams;
        assert.deepEqual([stream?.ended, stream?.closeCode], ['phone-company', 1000]);
        assert.equal(stream?.receivedBytes, 5 * 200 * 8);
      } finally {
        await side.carrier.stop();
        await side.stop();
      }
      assert.deepEqual(side.carrier.open, { calls: 0, sockets: 0, requests: 0 });
    });
  }

  for (const [name, make] of Object.entries({ twilio, telnyx })) {
    it(`has a REST API that fails on command, before it acts or after: ${name}`, async () => {
      const side = await make();
      const { carrier } = side;
      /** What an application sees of one request: status and the beginning of the body, or that there was none. */
      const ask = async (withinMs = 300): Promise<string> => {
        try {
          const response = await fetch(`${carrier.url}/anything`, { signal: AbortSignal.timeout(withinMs) });
          return `${response.status} ${(await response.text()).slice(0, 8)}`;
        } catch (err) {
          return err instanceof Error && err.name === 'TimeoutError' ? 'silence' : 'reset';
        }
      };
      try {
        const usual = await ask();
        assert.match(usual, /^4\d\d \{/);
        for (const [fault, seen] of [
          [{ kind: 'status', status: 503, body: 'down' }, '503 down'],
          [{ kind: 'garbage', when: 'connect' }, '200 {"data":'],
          [{ kind: 'wrong-json', when: 'connect' }, '200 []'],
          [{ kind: 'refuse' }, 'reset'],
          [{ kind: 'close-mid-stream', when: 'connect' }, 'reset'],
          [{ kind: 'stall-before-first-byte', when: 'connect' }, 'silence'],
          [{ kind: 'stall-after-first-byte', when: 'connect' }, 'silence'],
          [{ kind: 'stall-before-first-byte', when: 'message' }, 'silence'],
          [{ kind: 'refuse', when: 'message' }, 'reset'],
        ] satisfies [Fault, string][]) {
          carrier.faults.add({ ...fault, matchText: 'GET .*/nothing' }, { ...fault, matchText: 'GET .*/anything' });
          assert.equal(await ask(), seen, JSON.stringify(fault));
          assert.equal(await ask(), usual, 'it strikes once, and only what it is meant for');
          carrier.faults.clear();
        }
      } finally {
        await carrier.stop();
        await side.stop();
      }
    });
  }
});
