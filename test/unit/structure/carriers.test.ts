/** The table of differences between carriers says what is so: it and the flow tests name the same differences. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { byCarrier, CARRIER, DIFFERENCES, onlyOn } from '../../support/carriers';
import type { DifferenceName } from '../../support/carriers';

const TEST = join(__dirname, '../..');

/** Flow tests and what supports them, by name; the table itself aside. */
function sources(): { name: string; text: string }[] {
  return ['flow', 'support'].flatMap((folder) =>
    readdirSync(join(TEST, folder))
      .filter((name) => name.endsWith('.ts') && name !== 'carriers.ts')
      .map((name) => ({ name: `${folder}/${name}`, text: readFileSync(join(TEST, folder, name), 'utf8') })),
  );
}

describe('the table of differences between carriers', () => {
  it('names all that flow tests name, and nothing that none of them does', () => {
    const named = sources().flatMap(({ text }) => [
      ...[...text.matchAll(/\bonlyOn\(\s*'\w+',\s*'([^']+)'/g)].map(([, name]) => name),
      ...[...text.matchAll(/\bbyCarrier(?:<[^(]*>)?\(\s*'([^']+)'/g)].map(([, name]) => name),
    ]);
    assert.deepEqual([...new Set(named)].sort(), Object.keys(DIFFERENCES).sort());
  });

  it('is the only way to leave a story out: no flow test is skipped', () => {
    const skipping = sources().filter(({ text }) =>
      /\b(describe|it)\.skip\b|\bthis\.skip\(|\bx(it|describe)\(/.test(text),
    );
    assert.deepEqual(
      skipping.map(({ name }) => name),
      [],
    );
  });

  it('knows no difference that is not in it', () => {
    const unknown = 'the weather' as DifferenceName;
    assert.throws(() => onlyOn('twilio', unknown, () => undefined), /has no "the weather"/);
    assert.throws(() => byCarrier(unknown, { twilio: 1, telnyx: 2 }), /has no "the weather"/);
  });

  it('declares what is of this run, and that alone', () => {
    const declared: string[] = [];
    for (const carrier of ['twilio', 'telnyx'] as const) {
      onlyOn(carrier, 'signed upgrade', () => declared.push(carrier));
    }
    assert.deepEqual(declared, [CARRIER]);
    assert.equal(byCarrier('signed upgrade', { twilio: 'twilio', telnyx: 'telnyx' }), CARRIER);
  });
});
