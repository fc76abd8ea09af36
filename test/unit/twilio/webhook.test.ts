import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'mocha';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks';
import { checkUpgrade, checkWebhook, readParams } from '../../../nodes/twilio/webhook';
import { signForm, signGet, signJson, signUpgrade } from '../../../simulators/twilio';
import type { FormFields, UpgradeSignature, WebhookSignature } from '../../../simulators/twilio';

const TOKEN = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
const FORM = { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' };

function post(url: string, fields: FormFields, signature: string | undefined) {
  const pairs = Object.entries(fields).flatMap(([name, value]) => [value].flat().map((each) => [name, each]));
  const rawBody = Buffer.from(new URLSearchParams(pairs).toString());
  return { method: 'POST', url, rawBody, headers: { ...FORM, 'x-twilio-signature': signature } };
}

describe("Twilio's signatures", () => {
  const fields = { CallSid: 'CA01', From: '+12025550111', To: '+12025550122' };

  it('are the ones of the worked example in the contract', () => {
    const url = 'https://agent.example.net/voice?flow=7';
    assert.equal(checkWebhook(TOKEN, post(url, fields, 'yAM0piWBIxbJZ41P4TPUsc+tpv8=')), 'right');
    const stream = 'wss://agent.example.net/twilio/media/4f1c';
    for (const signature of ['sw0pxLMMd7FOEpT0j0VOz0W8piE=', 'isRFjUhE7xzrzbAwHDAi0YC+cCU=']) {
      assert.equal(checkUpgrade(TOKEN, { url: stream, headers: { 'x-twilio-signature': signature } }), 'right');
    }
  });

  it('are accepted in every form of the URL that is signed', () => {
    const urls = [
      'https://a.example/v',
      'http://127.0.0.1:1880/v?x=1',
      'https://user:pw@a.example:8443/v',
      "https://a.example/v?q=it's%20a",
    ];
    for (const url of urls) {
      for (const variant of ['as-twilio', 'as-given', 'with-port', 'without-port'] as WebhookSignature[]) {
        assert.equal(
          checkWebhook(TOKEN, post(url, fields, signForm(TOKEN, url, fields, variant))),
          'right',
          `${url} ${variant}`,
        );
        const get = {
          method: 'GET',
          url,
          rawBody: Buffer.alloc(0),
          headers: { 'x-twilio-signature': signGet(TOKEN, url, variant) },
        };
        assert.equal(checkWebhook(TOKEN, get), 'right', `GET ${url} ${variant}`);
      }
    }
    const withoutUser = getExpectedTwilioSignature(TOKEN, 'https://a.example/v', fields);
    assert.equal(checkWebhook(TOKEN, post('https://user:pw@a.example/v', fields, withoutUser)), 'right');
    for (const variant of ['plain', 'slash', 'port', 'port-slash'] as UpgradeSignature[]) {
      for (const url of ['wss://a.example/m/1', 'ws://127.0.0.1:1880/m/1', 'wss://a.example:8443/m/1']) {
        const headers = { 'x-twilio-signature': signUpgrade(TOKEN, url, variant) };
        assert.equal(checkUpgrade(TOKEN, { url, headers }), 'right', `${url} ${variant}`);
      }
    }
  });

  it('cover repeated and empty fields', () => {
    const odd = { b: ['2', '1', '2'], a: '', B: 'x', ä: 'ö' };
    const url = 'https://a.example/v';
    assert.equal(checkWebhook(TOKEN, post(url, odd, getExpectedTwilioSignature(TOKEN, url, odd))), 'right');
  });

  it('of JSON cover the URL and the hash of the body', () => {
    const body = '{"CallSid":"CA01","n":5}';
    const { url, signature } = signJson(TOKEN, 'https://a.example/v', body);
    const request = {
      method: 'POST',
      url,
      rawBody: Buffer.from(body),
      headers: { 'content-type': 'application/json', 'x-twilio-signature': signature },
    };
    assert.equal(checkWebhook(TOKEN, request), 'right');
    assert.deepEqual(readParams(request), { CallSid: 'CA01', n: '5' });
    assert.equal(checkWebhook(TOKEN, { ...request, rawBody: Buffer.from(body + ' ') }), 'wrong');
    const empty = createHash('sha256').update('{}').digest('hex');
    const emptyUrl = `https://a.example/v?bodySHA256=${empty}`;
    const headers = { 'x-twilio-signature': getExpectedTwilioSignature(TOKEN, emptyUrl, {}) };
    assert.equal(checkWebhook(TOKEN, { method: 'POST', url: emptyUrl, rawBody: Buffer.alloc(0), headers }), 'right');
  });

  it('that are missing, wrong, or for something else are told apart', () => {
    const url = 'https://a.example/v';
    assert.equal(checkWebhook(TOKEN, post(url, fields, undefined)), 'missing');
    assert.equal(checkWebhook(TOKEN, post(url, fields, signForm(TOKEN, url, fields, 'wrong'))), 'wrong');
    const right = signForm(TOKEN, url, fields);
    assert.equal(checkWebhook(TOKEN, post(url, { ...fields, From: '+1' }, right)), 'wrong');
    assert.equal(checkWebhook(TOKEN, post('https://a.example/w', fields, right)), 'wrong');
    assert.equal(checkWebhook('other', post(url, fields, right)), 'wrong');
    assert.equal(checkUpgrade(TOKEN, { url: 'wss://a.example/m/1', headers: {} }), 'missing');
    assert.equal(
      checkUpgrade(TOKEN, {
        url: 'wss://a.example/m/2',
        headers: { 'x-twilio-signature': signUpgrade(TOKEN, 'wss://a.example/m/1') },
      }),
      'wrong',
    );
    assert.equal(
      checkUpgrade(TOKEN, {
        url: 'wss://a.example/m/1',
        headers: { 'x-twilio-signature': signUpgrade(TOKEN, 'wss://a.example:8443/m/1') },
      }),
      'wrong',
    );
  });

  it('do not let through a body that they do not cover', () => {
    const url = 'https://a.example/v';
    const rawBody = Buffer.from('{"CallSid":"CA66"}');
    const headers = { 'content-type': 'application/json', 'x-twilio-signature': signGet(TOKEN, url) };
    assert.equal(checkWebhook(TOKEN, { method: 'POST', url, rawBody, headers }), 'wrong');
  });

  it('read parameters of GET, and of the form before the query', () => {
    const get = {
      method: 'GET',
      url: 'https://a.example/v?CallSid=CA01&From=%2B1+2',
      rawBody: Buffer.from('CallSid=CA02'),
      headers: FORM,
    };
    assert.deepEqual(readParams(get), { CallSid: 'CA01', From: '+1 2' });
    const form = post('https://a.example/v?flow=7&CallSid=CA00', { CallSid: ['CA01', 'CA09'] }, '');
    assert.deepEqual(readParams(form), { flow: '7', CallSid: 'CA01' });
  });
});
