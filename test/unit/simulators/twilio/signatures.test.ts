import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { validateRequest, validateRequestWithBody } from 'twilio/lib/webhooks/webhooks';
import {
  signForm,
  signGet,
  signJson,
  signUpgrade,
  withPort,
  withoutPort,
} from '../../../../simulators/twilio/signatures';

// The worked example of contracts/twilio.md 4.6.
const TOKEN = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
const URL_ = 'https://agent.example.net/voice?flow=7';
const FIELDS = { CallSid: 'CA01', From: '+12025550111', To: '+12025550122' };

describe('the signatures of the phone company', () => {
  it('signs the worked examples of the contract', () => {
    assert.equal(signForm(TOKEN, URL_, FIELDS), 'yAM0piWBIxbJZ41P4TPUsc+tpv8=');
    assert.equal(signUpgrade(TOKEN, 'wss://agent.example.net/twilio/media/4f1c'), 'sw0pxLMMd7FOEpT0j0VOz0W8piE=');
    assert.equal(
      signUpgrade(TOKEN, 'wss://agent.example.net/twilio/media/4f1c', 'slash'),
      'isRFjUhE7xzrzbAwHDAi0YC+cCU=',
    );
  });

  it('is accepted by the official package in every form of the port, and not when wrong', () => {
    for (const variant of ['as-twilio', 'as-given', 'with-port', 'without-port'] as const) {
      assert.ok(validateRequest(TOKEN, signForm(TOKEN, URL_, FIELDS, variant) ?? '', URL_, FIELDS), variant);
    }
    assert.ok(!validateRequest(TOKEN, signForm(TOKEN, URL_, FIELDS, 'wrong') ?? '', URL_, FIELDS));
    assert.equal(signForm(TOKEN, URL_, FIELDS, 'missing'), undefined);
    assert.ok(validateRequest(TOKEN, signGet(TOKEN, `${URL_}&CallSid=CA01`) ?? '', `${URL_}&CallSid=CA01`, {}));
  });

  it('signs a JSON body by its hash in the URL', () => {
    const body = '{"CallSid":"CA01"}';
    const { url, signature } = signJson(TOKEN, URL_, body);
    assert.match(url, /&bodySHA256=[0-9a-f]{64}$/);
    assert.ok(validateRequestWithBody(TOKEN, signature ?? '', url, body));
    assert.ok(!validateRequestWithBody(TOKEN, signature ?? '', url, `${body} `));
  });

  it('leaves the port out for https and keeps it for http, and touches nothing else', () => {
    assert.equal(
      signForm(TOKEN, 'https://a.example:8443/x', {}),
      signForm(TOKEN, 'https://a.example/x', {}, 'as-given'),
    );
    assert.equal(
      signForm(TOKEN, 'http://127.0.0.1:1880/x', {}),
      signForm(TOKEN, 'http://127.0.0.1:1880/x', {}, 'as-given'),
    );
    assert.equal(withoutPort("https://u:p@a.example:8443/x?y='1:2'"), "https://u:p@a.example/x?y='1:2'");
    assert.equal(withPort('wss://a.example/m'), 'wss://a.example:443/m');
    assert.equal(withPort('wss://[::1]:1880/m'), 'wss://[::1]:1880/m');
  });

  it('has four forms for the upgrade', () => {
    const url = 'wss://agent.example.net/m';
    const forms = (['plain', 'slash', 'port', 'port-slash'] as const).map((variant) =>
      signUpgrade(TOKEN, url, variant),
    );
    const urls = [url, `${url}/`, 'wss://agent.example.net:443/m', 'wss://agent.example.net:443/m/'];
    assert.deepEqual(
      forms,
      urls.map((each) => signForm(TOKEN, each, {}, 'as-given')),
    );
  });
});
