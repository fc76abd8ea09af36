import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Tokens } from '../../../nodes/twilio/tokens';
import { connect, escapeXml, hangup, sayThenNext } from '../../../nodes/twilio/twiml';
import { parseTwiml } from '../../../simulators/twilio/twiml';

describe('tokens', () => {
  it('open one socket of one call, once', () => {
    const tokens = new Tokens();
    const token = tokens.issue('CA01');
    assert.match(token, /^[0-9a-f]{32}$/);
    assert.equal(tokens.consume(token.replace(/./g, '0')), undefined);
    assert.equal(tokens.consume(token), 'CA01');
    assert.equal(tokens.consume(token), undefined);
    assert.equal(tokens.size, 0);
  });

  it('are worth nothing after 15 s, nor after the call, and do not pile up', () => {
    let now = 0;
    const tokens = new Tokens(() => now);
    const late = tokens.issue('CA01');
    now = 15_001;
    assert.equal(tokens.consume(late), undefined);
    const ended = tokens.issue('CA02');
    tokens.revoke('CA02');
    assert.equal(tokens.consume(ended), undefined);
    for (let i = 0; i < 100; i++) tokens.issue('CA03');
    assert.equal(tokens.size, 8);
    now += 20_000;
    tokens.issue('CA04');
    assert.equal(tokens.size, 1);
  });
});

describe('TwiML', () => {
  it('is what Twilio takes, whatever stands in it', () => {
    const nasty = `Tom & "Jerry" <b>'s\u0000\u0007\n\ud800 end`;
    assert.equal(escapeXml(nasty), 'Tom &amp; &quot;Jerry&quot; &lt;b&gt;&apos;s  end');
    const url = 'https://a.example/v/next/CA01?a=1&b=2';
    for (const xml of [
      connect({ next: url, media: 'wss://a.example/v/media/1', streamStatus: url }),
      sayThenNext(nasty, url),
      hangup(nasty),
    ]) {
      assert.deepEqual(parseTwiml(xml).problems, []);
    }
    assert.ok(hangup('&'.repeat(5_000)).length < 4_000);
    assert.doesNotMatch(hangup('  '), /Say/);
  });
});
