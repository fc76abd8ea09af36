import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { CallInfo } from '../../../nodes/call/message';
import { Reports } from '../../../nodes/call/carrier/reports';

const HOUR_MS = 3_600_000;

describe('reports of recordings and transcriptions', () => {
  const realNow = Date.now;
  let now: number;
  let secrets: string[];
  let limits: { reportsMs: number; maxReports: number };
  let reports: Reports;
  let calls = 0;

  /** As a process does that begins anew. */
  const start = (): Reports => new Reports(() => secrets, () => limits); // prettier-ignore

  const ring = (parameters: Record<string, string> = { shop: 'north' }): CallInfo => ({
    ...{ id: `CA${++calls}`, carrier: 'twilio', direction: 'inbound', from: '+15550001', to: '+15550002' },
    ...{ startedAt: 1_700_000_000_000, parameters, media: { encoding: 'mulaw', sampleRate: 8000 } },
  });

  beforeEach(() => {
    now = realNow();
    Date.now = () => now;
    secrets = ['a secret'];
    limits = { reportsMs: 24 * HOUR_MS, maxReports: 10_000 };
    reports = start();
  });
  afterEach(() => {
    Date.now = realNow;
  });

  it('are known by their token, with the call as it is now', () => {
    const call = ring();
    const token = reports.expect('recording', call);
    assert.match(token, /^[\w-]+$/, 'fit for a path');
    call.endedAt = now;
    call.parameters.customer = 'Ada';
    const found = reports.find(token);
    assert.deepEqual(found, { kind: 'recording', call, doomed: false });
    assert.notEqual(found?.call, call, 'a copy');
  });

  it('are understood after a restart, with what was known of the call when they were ordered', () => {
    const call = ring();
    const token = reports.expect('transcription', call);
    call.parameters.customer = 'Ada';
    assert.deepEqual(start().find(token), {
      ...{ kind: 'transcription', doomed: false },
      call: { ...call, parameters: { shop: 'north' } },
    });
  });

  it('may be old: 24 h and no more, after a restart too', () => {
    const token = reports.expect('recording', ring());
    now += 24 * HOUR_MS;
    assert.ok(reports.find(token));
    assert.ok(start().find(token));
    now += 1;
    assert.equal(reports.find(token), undefined);
    assert.equal(start().find(token), undefined);
  });

  it('10,000 are awaited; of more the oldest is not, and the rest are', () => {
    const tokens = Array.from({ length: 10_001 }, () => reports.expect('recording', ring()));
    assert.equal(reports.size, 10_000);
    assert.equal(reports.find(tokens[0] ?? ''), undefined);
    assert.ok(reports.find(tokens[1] ?? ''));
    assert.ok(reports.find(tokens[10_000] ?? ''));
  });

  it('what is too old makes room by itself', () => {
    limits.maxReports = 2;
    const [first, second] = [reports.expect('recording', ring()), reports.expect('recording', ring())];
    now += 24 * HOUR_MS + 1;
    const third = reports.expect('recording', ring());
    assert.equal(reports.size, 1);
    assert.deepEqual([first, second, third].map((token) => reports.find(token) !== undefined), [false, false, true]); // prettier-ignore
  });

  it('of which a byte was changed, or that another account sealed, are none of ours', () => {
    const token = reports.expect('recording', ring());
    for (let i = 0; i < token.length; i += 7) {
      const changed = `${token.slice(0, i)}${token[i] === 'A' ? 'B' : 'A'}${token.slice(i + 1)}`;
      assert.equal(reports.find(changed), undefined, `at ${i}`);
    }
    for (const nonsense of ['', 'x', token.slice(0, -4), '../../etc/passwd']) {
      assert.equal(reports.find(nonsense), undefined, nonsense);
    }
    secrets = ['another secret'];
    assert.equal(reports.find(token), undefined);
  });

  it('are understood after the secret was changed, as long as the old one is known', () => {
    const token = reports.expect('recording', ring());
    secrets = ['a new secret', 'a secret'];
    assert.ok(reports.find(token));
  });

  it('cannot be forged where the account has no secret', () => {
    secrets = [''];
    const forged = reports.expect('recording', ring());
    assert.equal(start().find(forged), undefined);
  });

  it('tell nothing of the call to whoever reads the URL', () => {
    const token = reports.expect('recording', ring({ customer: 'Ada Lovelace' }));
    assert.doesNotMatch(Buffer.from(token, 'base64url').toString('latin1'), /Ada|1555/);
  });

  it('of a call about which 1,200 bytes are known bring its parameters after a restart; of one more they do not', () => {
    const parametersOf = (length: number): Record<string, string> | undefined =>
      start().find(reports.expect('recording', ring({ note: 'x'.repeat(length) })))?.call.parameters;
    let [fits, not] = [1, 1_200];
    while (not - fits > 1) {
      const middle = Math.floor((fits + not) / 2);
      if (parametersOf(middle)?.note === undefined) not = middle;
      else fits = middle;
    }
    assert.deepEqual(parametersOf(not), {}, 'the call is known all the same');
    const longest = reports.expect('recording', ring({ note: 'x'.repeat(fits) }));
    // Nonce and tag stand before what is sealed.
    assert.ok(Math.abs(Buffer.from(longest, 'base64url').length - 12 - 16 - 1_200) <= 2);
  });

  it('that come twice are known again among 10,000', () => {
    for (let i = 0; i < 10_000; i++) assert.equal(reports.isNew(`RE${i}`, 'completed'), true);
    assert.equal(reports.isNew('RE0', 'completed'), false);
    reports.isNew('RE10000', 'completed');
    assert.equal(reports.isNew('RE0', 'completed'), true);
  });

  it('come twice, and are new once for each status', () => {
    assert.equal(reports.isNew('RE1', 'in-progress'), true);
    assert.equal(reports.isNew('RE1', 'completed'), true);
    assert.equal(reports.isNew('RE1', 'completed'), false);
    assert.equal(reports.isNew('RE2', 'completed'), true);
  });

  it('of a recording that is to be deleted say so; those of its transcription and of other calls do not', () => {
    const [call, other] = [ring(), ring()];
    const doomed = reports.expect('recording', call);
    const text = reports.expect('transcription', call);
    const another = reports.expect('recording', other);
    reports.doom(call.id);
    assert.deepEqual([doomed, text, another].map((token) => reports.find(token)?.doomed), [true, false, false]); // prettier-ignore
  });
});
