import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { connect, dial, escapeXml, hangup, sayThenNext } from '../../../nodes/twilio/twiml';
import { parseTwiml } from '../../../simulators/twilio/twiml';

describe('TwiML', () => {
  it('is what Twilio takes, whatever stands in it', () => {
    const nasty = `Tom & "Jerry" <b>'s\u0000\u0007\n\ud800 end`;
    assert.equal(escapeXml(nasty), 'Tom &amp; &quot;Jerry&quot; &lt;b&gt;&apos;s  end');
    const url = 'https://a.example/v/next/CA01?a=1&b=2';
    for (const xml of [
      connect({ next: url, media: 'wss://a.example/v/media/1', streamStatus: url }),
      sayThenNext(nasty, url),
      hangup(nasty),
      ...['+14155550177', 'sip:desk&co@pbx.example.net'].map((to) => dial({ to, callerId: '+14155550142', timeout: 20, timeLimit: 600, next: url, legStatus: url })), // prettier-ignore
    ]) {
      assert.deepEqual(parseTwiml(xml).problems, []);
    }
    assert.ok(hangup('&'.repeat(5_000)).length < 4_000);
    assert.doesNotMatch(hangup('  '), /Say/);
  });

  it('says 3,000 characters, and leaves the rest out: Twilio takes 4,000 in all', () => {
    const said = (text: string): string => /<Say>(.*)<\/Say>/.exec(hangup(text))?.[1] ?? '';
    assert.equal(said('x'.repeat(3_000)).length, 3_000);
    assert.equal(said('x'.repeat(3_001)), 'x'.repeat(3_000));
    // What must be escaped counts as it is sent, and is never cut in two.
    assert.equal(said('&'.repeat(600)), '&amp;'.repeat(600));
    assert.match(said('&'.repeat(601)), /^(&amp;){500,600}$/);
  });
});
