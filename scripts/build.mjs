/**
 * `npm run build`: the package as Node-RED loads it, in dist/.
 *
 * - tsc compiles the runtime and the simulators to CommonJS, file by file, never bundled (a bundle per node would give
 *   each node its own registry of calls);
 * - each node's editor script is bundled by esbuild into its HTML, beside the edit dialog's template and the shared style;
 * - labels (with the shared ones of nodes/call merged in), help and icons are put where Node-RED looks for them.
 *
 * The build fails rather than ship a node without help, a label that nobody wrote, or an icon that stands twice.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const require = createRequire(import.meta.url);
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const shared = join(root, 'nodes', 'call');
const language = 'en-US';
/** What is wrong, in words; the build goes on to find all of it, and fails at the end. */
const problems = [];
/** Every file that belongs in dist; what else lies there is left over from an earlier build. */
const wanted = new Set([join(dist, '.tsbuildinfo')]);

const read = (file) => readFileSync(file, 'utf8');
const local = (file) => relative(root, file).split(sep).join('/');
const directories = (dir) =>
  existsSync(dir) ? readdirSync(dir).filter((x) => statSync(join(dir, x)).isDirectory()) : [];
const files = (dir) =>
  existsSync(dir)
    ? readdirSync(dir, { recursive: true })
        .map((x) => join(dir, x))
        .filter((x) => statSync(x).isFile())
    : [];

/** Writes only what has changed, so that a watching Node-RED is not restarted for nothing. */
function write(file, content) {
  wanted.add(file);
  if (existsSync(file) && read(file) === content) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** The runtime: one .js in dist for each .ts in nodes/ and simulators/. */
function compile() {
  for (const dir of ['nodes', 'simulators']) {
    for (const file of files(join(root, dir))) {
      if (!file.endsWith('.ts') || file.endsWith('.editor.ts') || file.endsWith('.d.ts')) continue;
      wanted.add(join(dist, relative(root, file)).replace(/\.ts$/, '.js'));
    }
  }
  // An incremental compiler believes that what it once wrote is still there.
  const info = join(dist, '.tsbuildinfo');
  if (existsSync(info) && [...wanted].some((file) => !existsSync(file))) rmSync(info);
  const tsc = require.resolve('typescript/bin/tsc');
  const options = [
    '-p',
    'tsconfig.json',
    '--incremental',
    '--tsBuildInfoFile',
    info,
    '--noEmitOnError',
    '--pretty',
    'false',
  ];
  return new Promise((done, failed) => {
    spawn(process.execPath, [tsc, ...options], { cwd: root, stdio: 'inherit' })
      .on('error', failed)
      .on('exit', (code) => done(code === 0));
  });
}

/** The node sets of package.json: [{ name, folder, source }]. */
function nodeSets() {
  const manifest = JSON.parse(read(join(root, 'package.json')));
  return Object.entries(manifest['node-red'].nodes).map(([name, file]) => {
    const match = /^dist\/nodes\/([\w-]+)\/([\w-]+)\.js$/.exec(file);
    if (!match || match[2] !== name)
      throw new Error(`package.json: "${name}" should be dist/nodes/<folder>/${name}.js`);
    return { name, folder: match[1], source: join(root, 'nodes', match[1]) };
  });
}

/** All keys of a catalogue, with dots. */
function keysOf(catalogue, prefix = '') {
  return Object.entries(catalogue).flatMap(([key, value]) =>
    typeof value === 'object' ? keysOf(value, `${prefix}${key}.`) : [prefix + key],
  );
}

/** A set's labels, and under the name of its file each of the shared ones (`RED._` is bound to the set). */
function catalogueOf(set, lang) {
  const catalogue = JSON.parse(read(join(set.source, 'locales', lang, `${set.name}.json`)));
  const dir = join(shared, 'locales', lang);
  for (const file of existsSync(dir) ? readdirSync(dir) : []) {
    const key = basename(file, '.json');
    if (!file.endsWith('.json') || existsSync(join(shared, `${key}.html`))) continue;
    if (key in catalogue) problems.push(`${set.name}.json: "${key}" is the name of the shared labels`);
    catalogue[key] = JSON.parse(read(join(dir, file)));
  }
  return catalogue;
}

/** The keys that a template and an editor script use: every `data-i18n`, every string that begins with a catalogue's name. */
function usedKeys(template, script, roots) {
  const used = [];
  for (const [, attribute] of template.matchAll(/data-i18n="([^"]*)"/g)) {
    for (const part of attribute.split(';')) used.push(part.replace(/^\[[\w-]+\]/, ''));
  }
  const pattern = new RegExp(`['"\`]((?:${roots.join('|')})\\.[\\w-]+(?:\\.[\\w-]+)*)['"\`]`, 'g');
  for (const [, key] of script.matchAll(pattern)) used.push(key);
  return used.filter((key) => !key.includes(':'));
}

/** The runtime's status texts: a key that is no label would be shown as it is. */
function runtimeKeys(set, roots) {
  const pattern = new RegExp(`['"\`]((?:${roots.join('|')})\\.status(?:\\.[\\w-]+)+)['"\`]`, 'g');
  return [...files(shared), ...files(set.source)]
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.editor.ts'))
    .flatMap((file) => [...read(file).matchAll(pattern)].map(([, key]) => key));
}

function buildEditor(set) {
  const target = join(dist, 'nodes', set.folder);
  const script = join(set.source, `${set.name}.editor.ts`);
  const templateFile = join(set.source, `${set.name}.html`);
  for (const file of [script, templateFile, join(set.source, `${set.name}.ts`)]) {
    if (!existsSync(file)) problems.push(`${local(file)} is missing`);
  }
  if (!existsSync(script) || !existsSync(templateFile)) return;

  const { outputFiles } = buildSync({
    // As text, not as a file: esbuild would take a file of a CommonJS package for CommonJS, and wrap it as such.
    stdin: { contents: read(script), resolveDir: set.source, sourcefile: `${set.name}.editor.ts`, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
    absWorkingDir: root,
    tsconfig: join(root, 'tsconfig.editor.json'),
  });
  const bundle = outputFiles[0].text.replace(/<\/(script|style)/gi, '<\\/$1');
  const template = read(templateFile).trim();
  if (!template.includes(`data-template-name="${set.name}"`))
    problems.push(`${local(templateFile)}: no data-template-name`);
  const style = read(join(shared, 'dialog.css')).trim();
  write(
    join(target, `${set.name}.html`),
    `<script type="text/javascript">\n${bundle}</script>\n\n<style>\n${style}\n</style>\n\n${template}\n`,
  );

  const languages = directories(join(set.source, 'locales'));
  if (!languages.includes(language)) problems.push(`${set.name}: no labels and no help in ${language}`);
  for (const lang of languages) {
    const from = join(set.source, 'locales', lang);
    const to = join(target, 'locales', lang);
    if (existsSync(join(from, `${set.name}.json`))) {
      write(join(to, `${set.name}.json`), `${JSON.stringify(catalogueOf(set, lang), null, 2)}\n`);
    } else if (lang === language) problems.push(`${local(join(from, `${set.name}.json`))} is missing`);
    if (existsSync(join(from, `${set.name}.html`))) {
      const help = read(join(from, `${set.name}.html`));
      if (!help.includes(`data-help-name="${set.name}"`)) problems.push(`${set.name}.html: no data-help-name`);
      for (const line of help.split('\n').filter((x) => x.startsWith(':'))) {
        // The editor's Markdown takes nothing else for a property: another colon, and the list ends in the middle.
        if (!/^: [^:]+ \([^:()]+\) : [^:]+$/.test(line))
          problems.push(`${set.name}.html: not ": name (type) : text": ${line}`);
      }
      write(join(to, `${set.name}.html`), help);
    } else if (lang === language) problems.push(`${local(join(from, `${set.name}.html`))} (help) is missing`);
  }

  const labels = join(set.source, 'locales', language, `${set.name}.json`);
  if (!existsSync(labels)) return;
  const catalogue = catalogueOf(set, language);
  const known = new Set(keysOf(catalogue));
  const roots = Object.keys(catalogue);
  const used = [...usedKeys(template, bundle, roots), ...runtimeKeys(set, roots)];
  for (const key of new Set(used)) {
    if (!known.has(key)) problems.push(`${set.name}: no label "${key}" in ${local(labels)} or nodes/call/locales`);
  }
  const icon = /\bicon: "([^"]+\.(?:svg|png))"/.exec(bundle)?.[1];
  if (icon && !existsSync(join(root, 'icons', set.folder, icon)))
    problems.push(`icons/${set.folder}/${icon} is missing`);
}

/** Icons lie beside the compiled node, the only place where Node-RED looks; their names are unique in the pack. */
function copyIcons() {
  const seen = new Map();
  for (const folder of directories(join(root, 'icons'))) {
    for (const file of readdirSync(join(root, 'icons', folder))) {
      const name = file.replace(/\.\w+$/, '');
      if (seen.has(name))
        problems.push(`two icons are called "${name}": in icons/${seen.get(name)} and icons/${folder}`);
      seen.set(name, folder);
      write(join(dist, 'nodes', folder, 'icons', file), read(join(root, 'icons', folder, file)));
    }
  }
}

/** What an earlier build left behind would be packed and loaded. */
function sweep() {
  for (const file of files(dist)) if (!wanted.has(file)) rmSync(file);
  const prune = (dir) => {
    for (const name of directories(dir)) prune(join(dir, name));
    if (dir !== dist && readdirSync(dir).length === 0) rmSync(dir, { recursive: true });
  };
  if (existsSync(dist)) prune(dist);
}

const compiled = compile();
for (const set of nodeSets()) buildEditor(set);
copyIcons();
if (!(await compiled)) problems.push('the TypeScript compiler found errors');
sweep();
for (const problem of problems) console.error(`build: ${problem}`);
process.exitCode = problems.length ? 1 : 0;
