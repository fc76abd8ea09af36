import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ProviderError } from '../../../nodes/call/errors';
import { CarrierVoice } from '../../../nodes/telnyx/carrier-voice';
import { hasEnded, isOver, TelnyxRest } from '../../../nodes/telnyx/rest';
import { TelnyxCompany } from '../../../simulators/telnyx';

describe("Telnyx's API", () => {
  let company: TelnyxCompany;
  let rest: TelnyxRest;

  beforeEach(async () => {
    company = await new TelnyxCompany().start();
    rest = withKey(company.apiKey);
  });
  afterEach(() => company.stop());

  const withKey = (apiKey: string, baseUrl = company.url): TelnyxRest =>
    new TelnyxRest(() => ({ account: { baseUrl, apiKey }, headers: { 'x-team': 'voice' } }));
  const fails = async (work: Promise<unknown>, cause: string, words: RegExp): Promise<void> => {
    await assert.rejects(work, (err) => {
      assert.ok(err instanceof ProviderError);
      assert.equal(err.cause, cause);
      assert.match(err.message, words);
      assert.ok(!err.message.includes(company.apiKey));
      return true;
    });
  };

  it('carries out commands, and knows whether a call goes on', async () => {
    const caller = company.ring({ webhookUrl: 'http://127.0.0.1:1/' });
    assert.equal(await rest.isAlive(caller.callId), true);
    await rest.command(caller.callId, 'answer');
    assert.equal(caller.isAnswered, true);
    await rest.command(caller.callId, 'hangup');
    assert.equal(await rest.isAlive(caller.callId), false);
    await assert.rejects(rest.command(caller.callId, 'hangup'), (err) => hasEnded(err) && isOver(err));
    await assert.rejects(rest.command('v3:nobody', 'hangup'), (err) => !hasEnded(err) && isOver(err));
    assert.equal(await rest.isAlive('v3:nobody'), false);
  });

  it('fails in words: wrong key, forbidden, wrong field, nobody there', async () => {
    const caller = company.ring({ webhookUrl: 'http://127.0.0.1:1/' });
    await fails(withKey('wrong').command(caller.callId, 'answer'), 'authentication', /401: Authentication failed: .*\(10009\) - check the key/); // prettier-ignore
    await fails(rest.command(caller.callId, 'reject', { cause: 'BORED' }), 'bad-request', /422: .*\(10032\)/);
    await fails(rest.command('v3:nobody', 'answer'), 'bad-request', /404: Resource not found/);
    await fails(withKey('x', 'http://127.0.0.1:1').isAlive('v3:x'), 'refused', /could not be reached/);
    assert.equal(company.rest.log.length, 3, 'what can only fail again is not tried again');
  });

  it('that fails for a moment is asked again under the same command_id, and carries it out once', async () => {
    const caller = company.ring({ webhookUrl: 'http://127.0.0.1:1/' });
    company.faults.add({ kind: 'refuse', when: 'message', matchText: '/actions/answer' });
    company.faults.add({ kind: 'status', status: 429, matchText: '/actions/answer', after: 0 });
    await rest.command(caller.callId, 'answer');
    const { commands } = caller.report();
    assert.equal(new Set(commands.map(({ body }) => body.command_id)).size, 1);
    assert.ok(commands.length >= 1 && commands.filter(({ ignored }) => !ignored).length === 1);
  });

  it('that answers with no result, or not at all, is asked again in time: three tries in 5 s', async () => {
    for (const kind of ['garbage', 'wrong-json', 'stall-before-first-byte', 'stall-after-first-byte'] as const) {
      const caller = company.ring({ webhookUrl: 'http://127.0.0.1:1/' });
      company.faults.add({ kind, when: 'connect', times: 2, matchText: '/actions/answer' });
      await rest.command(caller.callId, 'answer');
      assert.equal(caller.isAnswered, true, kind);
      assert.deepEqual(company.faults.pending, [], kind);
    }
    const caller = company.ring({ webhookUrl: 'http://127.0.0.1:1/' });
    company.faults.add({ kind: 'garbage', when: 'connect', times: 3 });
    await fails(rest.command(caller.callId, 'answer'), 'protocol', /answered answer with something that is no result/);
    assert.equal(caller.isAnswered, false);
  });

  it('that fails three times is given up', async () => {
    const caller = company.ring({ webhookUrl: 'http://127.0.0.1:1/' });
    company.faults.add({ kind: 'status', status: 503, times: 'always' });
    await fails(rest.command(caller.callId, 'answer'), 'unavailable', /503/);
    assert.equal(company.faults.struck, 3);
  });

  it('that does not answer is given up after 5 s, and aborted with its call', async () => {
    const silent = http.createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const mute = withKey('x', `http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const late = mute.isAlive('v3:x');
      mock.timers.tick(5_000);
      await assert.rejects(late, /did not answer within 5 s/);
    } finally {
      mock.timers.reset();
    }
    const abort = new AbortController();
    const asked = once(silent, 'request');
    const aborted = mute.command('v3:x', 'answer', {}, abort.signal);
    await asked;
    let again = false;
    silent.once('request', () => (again = true));
    abort.abort();
    await assert.rejects(aborted);
    assert.equal(again, false);
    silent.closeAllConnections();
    silent.close();
  });
});

describe("Telnyx's own voice", () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
  afterEach(() => mock.timers.reset());
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('has said a text when its end is told, each its own', async () => {
    const voice = new CarrierVoice();
    const said: string[] = [];
    const say = (text: string): void => void voice.say(() => Promise.resolve(), 1_000).then(() => said.push(text));
    say('one');
    say('two');
    assert.equal(voice.speaking, true);
    voice.onEnded();
    await turn();
    assert.deepEqual(said, ['one']);
    voice.onEnded();
    await turn();
    assert.deepEqual(said, ['one', 'two']);
    assert.equal(voice.speaking, false);
  });

  it('is not waited for longer than the words can take, or than one may', async () => {
    for (const [atMostMs, ms] of [
      [undefined, 4_000],
      [2_000, 2_000],
    ] as const) {
      const voice = new CarrierVoice();
      let said = false;
      void voice.say(() => Promise.resolve(), 1_000, atMostMs).then(() => (said = true));
      await turn();
      mock.timers.tick(ms - 1);
      await turn();
      assert.equal(said, false);
      mock.timers.tick(1);
      await turn();
      assert.equal(said, true);
      assert.equal(voice.speaking, false);
    }
  });

  it('that cannot speak says so, and is waited for no more', async () => {
    const voice = new CarrierVoice();
    await assert.rejects(
      voice.say(() => Promise.reject(new Error('no voice')), 1_000),
      /no voice/,
    );
    assert.equal(voice.speaking, false);
    let said = false;
    void voice.say(() => Promise.resolve(), 1_000).then(() => (said = true));
    voice.onEnded();
    await turn();
    assert.equal(said, true);
  });
});
