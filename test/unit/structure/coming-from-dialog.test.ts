import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { describe, it } from 'mocha';
import { anchorsOf, NODE, nodeTypes, rowsOf, spansOf, wrongIn } from './doc-names';
import { filesBelow, read, root } from './imports';

/** Dialog's names, each with what it is, below the class, the interface or the page that they belong to. */
interface DialogApi {
  /** Of Dialog's repository: where the names were read. */
  commit: string;
  /** The last commit whose README has the troubleshooting page. */
  troubleshootingCommit: string;
  owners: Record<string, Record<string, string>>;
  troubleshooting: Record<string, string[]>;
}

const DOC = 'docs/COMING-FROM-DIALOG.md';
const doc = read(DOC);
const rows = rowsOf(doc);
const [, inReadme = ''] = /^## Coming from Dialog$([\s\S]*?)^## /m.exec(read('README.md')) ?? [];
const NOT_YET = /^## Not there yet$([\s\S]*?)^## /m;

const api = JSON.parse(read('test/unit/structure/dialog-api.json')) as DialogApi;
const owners = Object.entries(api.owners);
const names = new Set(owners.flatMap(([owner, own]) => [owner, ...Object.keys(own)]));

/** The kind that the first word of a cell names, in the singular. */
const kindOf = (cell: string): string => (/^\w+/.exec(cell)?.[0] ?? '').replace(/^(?!class$)(\w+?)s$/, '$1');
const sorted = (pairs: string[][]): string[] => pairs.map((pair) => pair.join(': ')).sort();

describe('the names of Dialog', () => {
  it('are those of a commit, all of them', () => {
    assert.match(`${api.commit} ${api.troubleshootingCommit}`, /^[0-9a-f]{40} [0-9a-f]{40}$/);
    assert.ok(doc.includes(api.commit.slice(0, 7)), 'the page says which');
    assert.equal(owners.length, 27);
    assert.equal(owners.reduce((sum, [, own]) => sum + Object.keys(own).length, 0), 255); // prettier-ignore
  });

  for (const [owner, own] of owners) {
    it(`stand in the left column, each once and as what it is: ${owner}`, () => {
      const left = rows
        .filter(({ heading }) => heading.split(' of ')[0] === owner)
        .flatMap(({ cells: [cell = ''] }) => spansOf(cell).map((name) => [name, kindOf(cell)]));
      assert.deepEqual(sorted(left), sorted(Object.entries(own)));
    });
  }

  for (const [heading, entries] of Object.entries(api.troubleshooting)) {
    it(`of its troubleshooting page stand there, with what is seen and what to do: ${heading}`, () => {
      const own = rows.filter((row) => row.heading === heading);
      assert.deepEqual(
        own.map(({ cells: [left = ''] }) => left.replaceAll('`', '')),
        entries,
      );
      for (const { cells, line } of own) assert.ok(cells.length === 3 && cells.every((cell) => cell.trim()), line);
    });
  }

  it('have an answer each, and nothing else stands in the column', () => {
    const headings = new Set([...owners.map(([owner]) => owner), ...Object.keys(api.troubleshooting)]);
    for (const { heading, cells, line } of rows) {
      assert.ok(cells[1]?.trim(), line);
      assert.ok(heading === 'Where things go' || headings.has(heading.split(' of ')[0] ?? ''), line);
    }
  });
});

describe('what stands for them here', () => {
  it('is there: nodes, topics, labels of the dialogs and fields', () => {
    const wrong: string[] = [];
    let section = '';
    let near: string[] = [];
    for (const { heading, cells, line } of rows.filter((row) => row.heading !== 'Where things go')) {
      const right = cells.slice(1).join(' | ');
      // The first row of a section says which nodes the section is about.
      if (heading !== section) near = spansOf(right).filter((span) => nodeTypes.has(span));
      section = heading;
      wrong.push(...wrongIn(right, near, names).map((words) => `${words} in: ${line}`));
    }
    assert.deepEqual(wrong, []);
  });

  it('is there in the text above the tables, too', () => {
    const [text = ''] = doc.replace(NOT_YET, '## ').split('\n## Name by name');
    const prose = text.replace(/```[\s\S]*?```|\*words like this\*|`words[-.]like[-.]this`/g, '');
    const plain = prose.replace(/\*(Import|Examples|Deploy)\*/g, '');
    assert.deepEqual(wrongIn(plain, ['llm-agent', 'call-control'], names), []);
  });

  it('is missing where it is said not to be there yet', () => {
    const [, section = ''] = NOT_YET.exec(doc) ?? [];
    const missing = spansOf(section).filter((span) => NODE.test(span));
    assert.deepEqual(missing, ['agent-tool']);
    for (const node of missing) assert.ok(!nodeTypes.has(node), `${node} is there now: say so`);
  });

  it('is there where Dialog has a thread for each call', () => {
    assert.ok(filesBelow('nodes', '.ts').some((file) => /new Worker\(/.test(read(file))));
    assert.doesNotMatch(doc, /\| not yet \|/);
  });

  for (const [file, text] of [
    [DOC, doc],
    ['README.md', inReadme],
  ] as const) {
    it(`leads to files, headings and examples that are there: ${file}`, () => {
      const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
      for (const target of links.filter((each) => each !== 'https://github.com/faranalytics/dialog')) {
        const [path = '', anchor] = target.split('#');
        const to = path === '' ? file : join(dirname(file), path);
        assert.ok(existsSync(join(root, to)), `${target} is not there`);
        if (anchor !== undefined) assert.ok(anchorsOf(read(to)).includes(anchor), `${target}: no such heading`);
      }
      const numbers = new Set([...text.matchAll(/\bexample (\d\d)\b/gi)].map(([, number = '']) => number));
      const examples = filesBelow('examples', '.json');
      assert.ok(links.length > 0 && numbers.size > 0);
      for (const number of numbers) {
        assert.ok(examples.some((each) => each.startsWith(`examples/${number} `)), `example ${number} is not there`); // prettier-ignore
      }
    });
  }

  it('is in the README, in short, with the way to the page', () => {
    const short = rowsOf(inReadme);
    assert.equal(short.length, 10);
    assert.ok(inReadme.includes(`](${DOC})`));
    for (const { cells, line } of short) {
      const [left = '', right = ''] = cells;
      const unknown = spansOf(left).filter((span) => span !== '.env' && !names.has(span.replace(/\(\)$/, '')));
      assert.deepEqual(unknown, [], line);
      assert.deepEqual(wrongIn(right, ['deepgram-stt', 'cartesia-tts'], names), [], line);
    }
  });

  it('would be found out: a node, topic, label, field, variable or name that is not there', () => {
    const text = 'a `call-tool`, `call.begun`, *Prompt* of `llm-agent`, `msg.speaker`, `${MY_KEY}`, `hangUpNow`';
    assert.deepEqual(wrongIn(`${text}; right: *Model*, \`reply\``, [], names), [
      'no label "Prompt"',
      'no node "call-tool"',
      'no topic "call.begun"',
      'no field "msg.speaker"',
      'no variable "${MY_KEY}"',
      'nowhere "hangUpNow"',
    ]);
    assert.deepEqual(wrongIn('*Greeting* of `twilio-in`', [], names), ['no label "Greeting"']);
  });
});
