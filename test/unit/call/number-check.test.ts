import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { checkNumber, isAllowable, normaliseNumber } from '../../../nodes/call/dial/number-check';
import type { Refusal } from '../../../nodes/call/dial/number-check';

const NONE: readonly string[] = [];
const WORLD = ['+1', '+2', '+3', '+4', '+5', '+6', '+7', '+8', '+9'];

const dialled = (raw: string, allowed = WORLD, fixed = NONE): string => {
  const verdict = checkNumber(raw, { allowed, fixed });
  assert.ok(verdict.right, `${raw}: ${verdict.right ? '' : verdict.words}`);
  return verdict.number;
};
const refused = (refusal: Refusal, raw: string, allowed = WORLD, fixed = NONE): string => {
  const verdict = checkNumber(raw, { allowed, fixed });
  assert.ok(!verdict.right, `${raw} was not refused`);
  assert.equal(verdict.refusal, refusal, `${raw}: ${verdict.words}`);
  return verdict.words;
};

describe('the check of a number', () => {
  it('takes it as people write it, and dials it as the carrier wants it', () => {
    for (const raw of [
      '+442079460321',
      ' +44 20 7946 0321 ',
      '+44 (0)20 7946-0321',
      '+44.20.7946.0321',
      '+44\u00a020\u202f7946\u20110321',
      '\u202a+44 20 7946 0321\u202c',
      '+44/20/79460321',
    ]) {
      assert.equal(dialled(raw), '+442079460321', JSON.stringify(raw));
    }
  });

  it('refuses what is not in international form, or no number at all', () => {
    for (const raw of ['020 7946 0321', '00442079460321', '+0442079460321', '+44 20 CALL NOW', '442079460321', '++442079460321', '+44;+19005550142', 'tel:+442079460321', '+442079460321x5', '+44207946032112345']) refused('form', raw); // prettier-ignore
    for (const raw of ['', '   ', ' - ']) refused('missing', raw);
    // In North America there are ten digits, and an area code does not begin with 0 or 1.
    for (const raw of ['+1415555014', '+141555501423', '+11155550142', '+14151550142']) refused('form', raw);
    refused('form', `+${'1'.repeat(10_000)}`);
    refused('form', '+４４２０７９４６０３２１');
  });

  it('knows the shortest and the longest number', () => {
    assert.equal(dialled('+2901234'), '+2901234');
    refused('emergency', '+290123');
    assert.equal(dialled('+491511234567890'), '+491511234567890');
    refused('form', '+4915112345678901');
  });

  it('never dials emergency numbers or short codes, in whatever guise', () => {
    for (const raw of ['112', '911', '999', '1 1 2', '+112', '+911', '+44 999', '+44 112', '+1 911', '+1-9-1-1', '+49 110', '+61 000', '(0)112', '118', '110', '12345', '9 1 1']) refused('emergency', raw); // prettier-ignore
    for (const raw of ['+1 911 555 0142', '+1 415 911 0142', '+1 411 555 0142', '+44 999 123456', '+44 1121 23456', '+49 110 123456', '+49 112 0000', '+353 999 12345', '+6599912345']) refused('emergency', raw); // prettier-ignore
    // Also where they stand in the node, or among the prefixes.
    refused('emergency', '911', ['+1911', '+1'], ['911']);
    refused('emergency', '+19115550142', ['+1911'], ['+19115550142']);
    // Delhi is 11, Paris is 1.
    assert.equal(dialled('+911126102233'), '+911126102233');
    assert.equal(dialled('+33112345678'), '+33112345678');
  });

  it('dials only what begins as the ops person allowed', () => {
    assert.equal(dialled('+442079460321', ['+4420', '+49']), '+442079460321');
    assert.match(refused('not-allowed', '+33123456789', ['+44', '+49']), /\+3312\.\.\. are not among/);
    refused('not-allowed', '+442079460321', ['+4421']);
    // One that looks alike from afar.
    refused('not-allowed', '+14155550142', ['+4']);
  });

  it('with nothing allowed, dials only the number that stands in the node', () => {
    assert.equal(dialled('+442079460321', [], ['+44 20 7946 0321']), '+442079460321');
    assert.match(refused('not-allowed', '+442079460322', [], ['+442079460321']), /only numbers that stand in the node/);
    refused('not-allowed', '+4420794603210', [], ['+442079460321']);
    refused('not-allowed', '+442079460321', []);
  });

  it('dials a premium number only where its range is allowed by name', () => {
    assert.match(refused('premium', '+19005550142'), /unless \+1900 is among/);
    refused('premium', '+19005550142', ['+1', '+190']);
    assert.equal(dialled('+19005550142', ['+1900']), '+19005550142');
    assert.equal(dialled('+19005550142', ['+1', '+1900555']), '+19005550142');
    // That it stands in the node does not say that its price is known.
    refused('premium', '+19005550142', [], ['+19005550142']);
    for (const raw of ['+14159765555', '+449012345678', '+447012345678', '+4990012345678', '+33899123456', '+39899123456', '+34803123456', '+61190012345', '+97912345678', '+870123456789', '+8816123456789', '+882161234567']) refused('premium', raw); // prettier-ignore
    assert.match(refused('premium', '+14159765555'), /\+1415976/);
    assert.equal(dialled('+14159765555', ['+1415976']), '+14159765555');
    // A mobile in Britain is none.
    assert.equal(dialled('+447912345678'), '+447912345678');
  });

  it('says why without telling the number to the log', () => {
    for (const [refusal, raw, allowed] of [
      ['not-allowed', '+442079460321', ['+1']],
      ['premium', '+19005550142', ['+1']],
      ['emergency', '+19115550142', ['+1']],
    ] as const) {
      assert.ok(!refused(refusal, raw, [...allowed]).includes(raw));
    }
  });

  it('dials SIP addresses of allowed hosts, and no tricks within them', () => {
    const pbx = ['sip:pbx.example.com'];
    assert.equal(dialled('sip:sales@pbx.example.com', pbx), 'sip:sales@pbx.example.com');
    assert.equal(dialled('SIPS:Sales@PBX.example.com:5061', pbx), 'sips:Sales@pbx.example.com:5061');
    assert.equal(dialled('sip:201@pbx.example.com', pbx), 'sip:201@pbx.example.com');
    assert.equal(
      dialled('sip:desk@other.example.com', [], ['sip:desk@other.example.com']),
      'sip:desk@other.example.com',
    );
    refused('not-allowed', 'sip:sales@evil.example.com', pbx);
    refused('not-allowed', 'sip:sales@pbx.example.com.evil.net', pbx);
    refused('not-allowed', 'sip:sales@evilpbx.example.com', pbx);
    refused('not-allowed', 'sip:sales@pbx.example.com', WORLD);
    for (const raw of ['sip:pbx.example.com', 'sip:@pbx.example.com', 'sip:a@b@pbx.example.com', 'sip:a@pbx.example.com;transport=udp', 'sip:a@pbx.example.com?X=1', 'sip:%39%31%31@pbx.example.com', 'sip:a b@pbx.example.com', 'sip:a@pbx.example.com\r\nX: y']) refused('form', raw, pbx); // prettier-ignore
    refused('emergency', 'sip:911@pbx.example.com', pbx);
    refused('emergency', 'sip:+1-1-2@pbx.example.com', pbx);
    // Behind a trunk the costs are the same.
    refused('premium', 'sip:+19005550142@pbx.example.com', pbx);
    refused('premium', 'sip:01119005550142@pbx.example.com', pbx);
    refused('emergency', 'sip:+19115550142@pbx.example.com', pbx);
    assert.equal(dialled('sip:+442079460321@pbx.example.com', pbx), 'sip:+442079460321@pbx.example.com');
  });

  it('knows what may stand in an allow-list', () => {
    for (const entry of ['+1', '+4420', 'sip:pbx.example.com', 'sip:@pbx.example.com', 'sips:*@pbx.example.com']) {
      assert.ok(isAllowable(entry), entry);
    }
    for (const entry of ['', '+', '1', '+0', '44', '*', 'sip:', 'sip:a@b', 'pbx.example.com', '+1234567890123456']) {
      assert.ok(!isAllowable(entry), entry);
    }
    assert.equal(normaliseNumber('+1 (415) 555-0142'), '+14155550142');
    assert.equal(normaliseNumber('anonymous'), undefined);
  });
});
