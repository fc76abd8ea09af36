import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { describe, it } from 'mocha';
import { filesBelow, read, root } from './imports';

const PROVIDERS = ['twilio', 'telnyx', 'deepgram', 'openai', 'cartesia', 'elevenlabs'];

/**
 * The files that the tables of a text name in their first column: a path, a name in the folder of the last path, or an ending
 * (`.html`) in place of the last one's.
 */
function filesNamed(text: string): string[] {
  const named: string[] = [];
  let last = '';
  for (const [, cell = ''] of text.matchAll(/^\| (`[^|]+) \|/gm)) {
    for (const [, word = ''] of cell.matchAll(/`([^`]+)`/g)) {
      if (word.startsWith('.')) named.push(last.replace(/\.[^/]*$/, '') + word);
      else named.push((last = word.includes('/') || cell.startsWith(`\`${word}`) ? word : join(dirname(last), word)));
    }
  }
  return named;
}

function linesOf(provider: string): number {
  return filesBelow(`nodes/${provider}`, '.ts').reduce((sum, file) => sum + read(file).split('\n').length, 0);
}

describe('CONTRIBUTING, "Add a provider"', () => {
  const [, section = ''] = /^## Add a provider$([\s\S]*?)^## /m.exec(read('CONTRIBUTING.md')) ?? [];
  const named = filesNamed(section);

  it('walks through the smallest provider that there is', () => {
    const [smallest] = [...PROVIDERS].sort((a, b) => linesOf(a) - linesOf(b));
    assert.equal(smallest, 'deepgram', 'another folder has become smaller: walk through that one');
    assert.match(section, /the smallest one, Deepgram's/);
  });

  it('names each of its files, and no other', () => {
    const folders = ['nodes/deepgram', 'simulators/deepgram', 'icons/deepgram', 'test/unit/deepgram'];
    const own = (file: string): boolean => folders.some((folder) => file.startsWith(`${folder}/`));
    assert.deepEqual(named.filter(own).sort(), folders.flatMap((folder) => filesBelow(folder)).sort());
    assert.equal(new Set(named).size, named.length, 'each once');
  });

  it('names its tests and the files where it is entered: they exist and know it', () => {
    const others = named.filter((file) => !/^(nodes|simulators|icons|test\/unit)\/deepgram\//.test(file));
    assert.ok(others.length >= 10, others.join());
    for (const file of others) {
      assert.ok(existsSync(join(root, file)), `${file} is not there`);
      assert.match(read(file), /deepgram/i, file);
    }
  });

  it('is right in that nothing else of the nodes and simulators has to know of it', () => {
    const entered = new Set(named);
    for (const top of ['nodes', 'simulators']) {
      for (const file of filesBelow(top, '.ts')) {
        if (file.includes('/deepgram/') || file.startsWith('simulators/demo/') || entered.has(file)) continue;
        // A phone company's own transcription may run on an engine of that name.
        if (/^simulators\/\w+\/transcriptions?\.ts$/.test(file)) continue;
        // A word in a comment is no dependency.
        const code = read(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
        assert.doesNotMatch(code, /deepgram/i, file);
      }
    }
  });

  it('would be found out: a file more or less is seen', () => {
    const text = '| `nodes/a/b.ts`, `.html`, `c.ts` | x |\n| `README.md`, `CHANGELOG.md` | y |\nno `table.ts`\n';
    assert.deepEqual(filesNamed(text), ['nodes/a/b.ts', 'nodes/a/b.html', 'nodes/a/c.ts', 'README.md', 'CHANGELOG.md']);
  });
});
