import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ProviderError } from '../../../nodes/call/errors';
import type { TwilioAccount } from '../../../nodes/twilio/account';
import { isOver, TwilioRest } from '../../../nodes/twilio/rest';
import { PhoneCompany } from '../../../simulators/twilio';

const account = (more: Partial<TwilioAccount>): TwilioAccount => ({ id: 'a', name: '', publicUrl: 'https://a.example', baseUrl: '', accountSid: '', authToken: '', apiKeySid: '', apiKeySecret: '', ...more }); // prettier-ignore

describe("Twilio's REST API", () => {
  let company: PhoneCompany;

  beforeEach(async () => {
    company = await new PhoneCompany({ apiKeySid: 'SK1', apiKeySecret: 'secret' }).start();
  });
  afterEach(() => company.stop());

  it('is used with the auth token, or with a key; the account may be the one of the webhook', async () => {
    const { accountSid, authToken, url: baseUrl } = company;
    const caller = company.ring({ webhookUrl: 'http://127.0.0.1:1/' });
    for (const login of [
      { accountSid, authToken },
      { authToken },
      { authToken: 'x', apiKeySid: 'SK1', apiKeySecret: 'secret' },
    ]) {
      const rest = new TwilioRest(() => account({ baseUrl, ...login }));
      assert.match(await rest.callStatus(accountSid, caller.callSid), /ringing|in-progress/);
    }
    const rest = new TwilioRest(() => account({ baseUrl, accountSid, authToken }));
    await rest.updateCall(accountSid, caller.callSid, { Status: 'completed' });
    await assert.rejects(rest.updateCall(accountSid, caller.callSid, { Status: 'completed' }), isOver);
  });

  it('fails in words: wrong key, rate limit, nobody there', async () => {
    const { accountSid, authToken, url: baseUrl } = company;
    const fails = async (rest: TwilioRest, cause: string, words: RegExp): Promise<void> => {
      await assert.rejects(rest.callStatus(accountSid, 'CA1'), (err) => {
        assert.ok(err instanceof ProviderError);
        assert.equal(err.cause, cause);
        assert.match(err.message, words);
        assert.ok(!err.message.includes(authToken));
        return true;
      });
    };
    await fails(
      new TwilioRest(() => account({ baseUrl, authToken: 'wrong' })),
      'authentication',
      /401: Authenticate \(20003\).*check the key/,
    );
    company.rest.failNext(1, 429, 20429);
    await fails(new TwilioRest(() => account({ baseUrl, authToken })), 'rate-limit', /429/);
    await fails(
      new TwilioRest(() => account({ baseUrl: 'http://127.0.0.1:1', authToken })),
      'refused',
      /ECONNREFUSED|could not be reached/,
    );
  });

  it('takes no other answer to an update than the call', async () => {
    const { accountSid, authToken, url: baseUrl } = company;
    const caller = company.ring({ webhookUrl: 'http://127.0.0.1:1/' });
    const rest = new TwilioRest(() => account({ baseUrl, accountSid, authToken }));
    const update = (timeoutMs?: number): Promise<void> =>
      rest.updateCall(accountSid, caller.callSid, { Status: 'completed' }, timeoutMs);
    for (const kind of ['garbage', 'wrong-json'] as const) {
      company.faults.add({ kind, when: 'connect' });
      await assert.rejects(update(), (err) => err instanceof ProviderError && err.cause === 'protocol');
      assert.equal(caller.isOver, false);
    }
    company.faults.add({ kind: 'stall-after-first-byte', when: 'connect' });
    await assert.rejects(update(50), /timeout|did not answer within 0.05 s/);
    await update();
    assert.equal(caller.isOver, true);
  });

  it('that does not answer is given up after 5 s, and aborted with its call', async () => {
    const requests: http.IncomingMessage[] = [];
    const silent = http.createServer((req) => requests.push(req)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const rest = new TwilioRest(() =>
      account({ baseUrl: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` }),
    );
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const late = rest.callStatus('AC1', 'CA1');
      mock.timers.tick(5_000);
      await assert.rejects(late, /did not answer within 5 s/);
    } finally {
      mock.timers.reset();
    }
    const abort = new AbortController();
    const asked = once(silent, 'request');
    const aborted = rest.callStatus('AC1', 'CA1', abort.signal);
    await asked;
    abort.abort();
    await assert.rejects(aborted);
    silent.closeAllConnections();
    silent.close();
  });
});
