/** The table of differences between calls in this runtime and in worker threads says what is so: flow tests name what is in it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { byPlace, DIFFERENCES, onlyIn, RUN_IN } from '../../support/run-in';
import type { DifferenceName } from '../../support/run-in';

const TEST = join(__dirname, '../..');

describe('the table of differences between this runtime and worker threads', () => {
  it('names all that flow tests name, and nothing that none of them does', () => {
    const named = ['flow', 'support'].flatMap((folder) =>
      readdirSync(join(TEST, folder))
        .filter((name) => name.endsWith('.ts'))
        .map((name) => readFileSync(join(TEST, folder, name), 'utf8'))
        .flatMap((text) => [
          ...[...text.matchAll(/\bonlyIn\(\s*'\w+',\s*'([^']+)'/g)].map(([, name]) => name),
          ...[...text.matchAll(/\bbyPlace(?:<[^(]*>)?\(\s*'([^']+)'/g)].map(([, name]) => name),
        ]),
    );
    assert.deepEqual([...new Set(named)].sort(), Object.keys(DIFFERENCES).sort());
  });

  it('knows no difference that is not in it', () => {
    const unknown = 'the weather' as DifferenceName;
    assert.throws(() => onlyIn('workers', unknown, () => undefined), /has no "the weather"/);
    assert.throws(() => byPlace(unknown, { runtime: 1, workers: 2 }), /has no "the weather"/);
  });

  it('declares what is of this run, and that alone', () => {
    const declared: string[] = [];
    for (const place of ['runtime', 'workers'] as const)
      onlyIn(place, 'who sees a message', () => declared.push(place));
    assert.deepEqual(declared, [RUN_IN]);
    assert.equal(byPlace('who sees a message', { runtime: 'runtime', workers: 'workers' }), RUN_IN);
  });
});
