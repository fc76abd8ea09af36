import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { filesBelow, read } from './imports';
import { INNER, LIMITS } from './limits';

const helps = filesBelow('nodes', '.html').filter((file) => file.includes('/locales/en-US/'));

/** The section "Limits" of a node's help, on one line. */
function limitsOf(node: string): string {
  const file = helps.find((one) => one.endsWith(`/${node}.html`));
  assert.ok(file, `${node} has no help`);
  const [, section = ''] = /^### Limits$([\s\S]*?)(^###|<\/script>)/m.exec(read(file)) ?? [];
  return section.replace(/\s+/g, ' ');
}

function sources(folder: string): string[] {
  return filesBelow(`nodes/${folder}`, '.ts').map(read);
}

describe('every limit', () => {
  for (const { at, help, nodes, test } of LIMITS) {
    const [folder, constant, value] = at;
    it(`${constant} of ${folder} (${help}): is told in the help of ${nodes.join(', ')}, and tested at its edge`, () => {
      const values = sources(folder).flatMap((text) =>
        [...text.matchAll(new RegExp(`const ${constant} = (.+);`, 'g'))].map((found) => found[1]),
      );
      assert.ok(
        values.includes(value),
        `is ${values.join(', ')}, not ${value}: tell users of it in the help, and move the edge in its test`,
      );
      for (const node of nodes) assert.ok(limitsOf(node).includes(help), `${node}: "${help}"`);
      const [testFile, title] = test;
      assert.ok(
        [...read(testFile).matchAll(/\bit\(\s*(["'`])([\s\S]*?)\1,/g)].some((one) => one[2]?.includes(title)),
        `${testFile}: "${title}"`,
      );
    });
  }

  it('that is named as one stands in the table, or among those that no user meets', () => {
    const known = new Set([...LIMITS.map(({ at }) => at[1]), ...INNER]);
    const named = filesBelow('nodes', '.ts').flatMap((file) =>
      [...read(file).matchAll(/const (MAX_[A-Z_]+) =/g)].map((found) => found[1] ?? ''),
    );
    assert.ok(named.length > 40);
    assert.deepEqual(
      named.filter((name) => !known.has(name)),
      [],
      'add it to LIMITS in test/unit/structure/limits.ts, with its words in the help and a test at its edge',
    );
  });

  it('of every node that holds one has a section in its help', () => {
    const nodes = helps
      .map((file) => file.split('/').at(-1)?.replace('.html', '') ?? '')
      .filter((node) => !node.endsWith('-account'));
    assert.ok(nodes.length >= 9);
    for (const node of nodes) assert.notEqual(limitsOf(node), '', node);
  });
});
