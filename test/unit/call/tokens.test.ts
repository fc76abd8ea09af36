import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Tokens } from '../../../nodes/call/carrier/tokens';

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

  it('hold for longer where somebody has to answer the phone first, and shorter ones are forgotten meanwhile', () => {
    let now = 0;
    const tokens = new Tokens(() => now);
    const long = tokens.issue('v3:1', 50_000);
    tokens.issue('v3:2');
    now = 15_001;
    tokens.issue('v3:3');
    assert.equal(tokens.size, 2);
    now = 50_000;
    assert.equal(tokens.peek(long), 'v3:1');
    assert.equal(tokens.consume(long), 'v3:1');
  });
});
