import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { RecentKeys } from '../../../nodes/call/recent';
import { speakBody } from '../../../nodes/telnyx/carrier-voice';

describe('the limits of what is said to Telnyx, and known of it', () => {
  it('its own voice says 3,000 characters at once, and the rest is left out', () => {
    const said = (text: string): unknown => speakBody(text, { voice: 'female', language: 'en-US' }).payload;
    assert.equal(said('x'.repeat(3_000)), 'x'.repeat(3_000));
    assert.equal(said(`${'x'.repeat(3_000)}y`), 'x'.repeat(3_000));
  });

  it('an event is known again among 4,096, and no longer among 4,097', () => {
    const events = new RecentKeys(4_096);
    for (let i = 0; i < 4_096; i++) assert.equal(events.add(`event ${i}`), true);
    assert.equal(events.add('event 0'), false);
    events.add('one more');
    assert.equal(events.add('event 1'), false);
    assert.equal(events.add('event 0'), true);
  });
});
