import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { filesBelow, read } from './imports';

const readme = read('README.md');
const examples = filesBelow('examples', '.json');

describe('the README', () => {
  it('lists every example, and no other', () => {
    const listed = [...readme.matchAll(/^\| (\d\d [^|]+) \|/gm)].map((found) => `examples/${found[1]}.json`);
    assert.deepEqual(listed, examples);
  });

  it('names every node', () => {
    const manifest = JSON.parse(read('package.json')) as { 'node-red': { nodes: Record<string, string> } };
    const nodes = Object.keys(manifest['node-red'].nodes);
    const [, table = ''] = /^## The nodes$([\s\S]*?)^## /m.exec(readme) ?? [];
    assert.ok(nodes.length >= 15);
    assert.deepEqual(
      nodes.filter((node) => !table.includes(`\`${node}\``)),
      [],
    );
  });

  it('names every environment variable that the examples take', () => {
    const variables = new Set(examples.flatMap((file) => read(file).match(/(?<=\$\{)[A-Z_]+(?=\})/g) ?? []));
    assert.ok(variables.size >= 6);
    assert.deepEqual(
      [...variables].filter((name) => !readme.includes(`\`${name}\``)),
      [],
    );
  });
});
