import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { TwimlError } from '../../../../simulators/twilio/twiml';
import { parseTwiml } from '../../../../simulators/twilio/twiml';
import { XmlError, parseXml } from '../../../../simulators/twilio/xml';

describe('TwiML', () => {
  it('is read with entities, CDATA, comments and both kinds of quotes', () => {
    const { verbs, problems } = parseTwiml(
      `<?xml version="1.0" encoding="UTF-8"?>\n<!-- hi --><Response>
        <Say voice='alice'>Tom &amp; Jerry &#x41;&lt;<![CDATA[<b>]]></Say><Hangup/></Response>\n`,
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(
      verbs.map((verb) => [verb.name, verb.text]),
      [
        ['Say', 'Tom & Jerry A<<b>'],
        ['Hangup', ''],
      ],
    );
  });

  for (const [what, text] of Object.entries({
    'an unescaped ampersand': '<Response><Say>Tom & Jerry</Say></Response>',
    'an unescaped ampersand in an attribute': '<Response><Redirect method="a&b"/></Response>',
    'an element that is not closed': '<Response><Say>hi</Response>',
    'an attribute without quotes': '<Response><Pause length=1/></Response>',
    'an attribute given twice': '<Response><Pause length="1" length="2"/></Response>',
    'text after the root': '<Response/>hello',
    'nothing at all': '',
    'space before the declaration': ' <?xml version="1.0"?><Response/>',
    'an entity of HTML': '<Response><Say>a&nbsp;b</Say></Response>',
  })) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => parseXml(text), XmlError);
      assert.throws(
        () => parseTwiml(text),
        (error: TwimlError) => error.code === 12100,
      );
    });
  }

  it('needs the root element Response', () => {
    assert.throws(
      () => parseTwiml('<response/>'),
      (error: TwimlError) => error.code === 12102,
    );
  });

  it('does without what it does not know, and says so', () => {
    const { verbs, problems } = parseTwiml(
      '<Response><Speak>hi</Speak><Pause lenght="3"/><Connect><Stream url="wss://a/b"><Param/></Stream></Connect></Response>',
    );
    assert.deepEqual(
      verbs.map((verb) => verb.name),
      ['Pause', 'Connect'],
    );
    assert.deepEqual(
      problems.map((problem) => problem.code),
      [12200, 12200, 12200],
    );
    assert.match(problems[1]?.message ?? '', /"lenght" is not allowed in <Pause>/);
  });
});
