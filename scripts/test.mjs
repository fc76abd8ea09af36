/**
 * `npm test`: all layers of tests, each mocha run in a process of its own (one Node-RED runtime fits in a process).
 *
 * `npm test -- unit node` runs these layers only; `npm test -- flow test/flow/x.test.ts` these files of a layer;
 * `npm test -- flow --grep "barge"` passes what begins with a dash, and all that follows, to mocha.
 *
 * The last line is "N passed, N failed": a run that ends without a result, or finds no test, counts as failed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const result = join(root, '.tmp', `mocha-${process.pid}.json`);

/** `package`: the Node-RED that flow tests start; `apart`: each file in a process of its own; `limit`: minutes a process may take. */
const layers = [
  { name: 'unit', dir: 'unit', limit: 5 },
  { name: 'node', dir: 'node', limit: 10 },
  { name: 'flow', title: 'flow, on Node-RED 5', dir: 'flow', package: 'node-red', apart: true, limit: 30 },
  { name: 'flow-4', title: 'flow, on Node-RED 4.1', dir: 'flow', package: 'node-red-4', apart: true, limit: 30 },
  { name: 'editor', dir: 'editor', apart: true, limit: 15 },
  { name: 'packaging', dir: 'packaging', apart: true, limit: 20 },
];

const major = Number(process.versions.node.split('.')[0]);
if (major < 22) {
  console.error(
    `The tests need Node.js 22.9 or later; this is ${process.version}. "npm ci" brings one, unless install scripts are off.`,
  );
  process.exit(1);
}

const args = process.argv.slice(2);
const firstOption = args.findIndex((x) => x.startsWith('-'));
const words = firstOption < 0 ? args : args.slice(0, firstOption);
const options = firstOption < 0 ? [] : args.slice(firstOption);
const chosenFiles = words.filter((x) => x.endsWith('.ts')).map((x) => resolve(x));
const chosenLayers = words.filter((x) => !x.endsWith('.ts'));
for (const name of chosenLayers) {
  if (layers.some((x) => x.name === name)) continue;
  console.error(`There is no layer "${name}": ${layers.map((x) => x.name).join(', ')}`);
  process.exit(1);
}

function testFiles(dir) {
  const base = join(root, 'test', dir);
  const all = existsSync(base) ? readdirSync(base, { recursive: true }).map((x) => join(base, x)) : [];
  const tests = all.filter((x) => x.endsWith('.test.ts')).sort();
  return chosenFiles.length ? tests.filter((x) => chosenFiles.includes(x)) : tests;
}

/** One mocha process; resolves to its numbers. */
function run(layer, files) {
  rmSync(result, { force: true });
  const mochaArgs = [
    '--require',
    'tsx/cjs',
    '--forbid-only',
    '--exit',
    '--timeout',
    '20000',
    '--reporter-option',
    `output=${result}`,
  ];
  const reporter = join(root, 'scripts', 'mocha-reporter.cjs');
  return new Promise((done) => {
    const child = spawn(
      process.execPath,
      ['--expose-gc', mocha, ...mochaArgs, '--reporter', reporter, ...options, ...files],
      {
        cwd: root,
        stdio: 'inherit',
        env: { ...process.env, ...(layer.package && { NODE_RED_PACKAGE: layer.package }) },
      },
    );
    const timer = setTimeout(() => {
      console.error(`No end after ${layer.limit} minutes: stopped.`);
      child.kill('SIGKILL');
    }, layer.limit * 60_000);
    child.on('error', (error) => console.error(String(error)));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const numbers = existsSync(result)
        ? JSON.parse(readFileSync(result, 'utf8'))
        : { passes: 0, failures: 0, pending: 0 };
      if (code !== 0 && numbers.failures === 0) {
        console.error(`The process ended with ${signal ?? `code ${code}`}: counted as one failure.`);
        numbers.failures = 1;
      }
      done(numbers);
    });
  });
}

mkdirSync(join(root, '.tmp'), { recursive: true });
const summary = [];
const total = { passes: 0, failures: 0, pending: 0 };
for (const layer of layers) {
  if (chosenLayers.length && !chosenLayers.includes(layer.name)) continue;
  const files = testFiles(layer.dir);
  if (!files.length && (chosenFiles.length || !chosenLayers.length)) continue;
  const title = layer.title ?? layer.name;
  console.log(`\n=== ${title}: ${files.length} file(s)`);
  const startedAt = Date.now();
  const numbers = { passes: 0, failures: 0, pending: 0 };
  for (const group of layer.apart ? files.map((x) => [x]) : files.length ? [files] : []) {
    const one = await run(
      layer,
      group.map((x) => relative(root, x)),
    );
    for (const key of Object.keys(numbers)) numbers[key] += one[key];
  }
  for (const key of Object.keys(total)) total[key] += numbers[key];
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(0);
  summary.push(
    `${title}: ${numbers.passes} passed, ${numbers.failures} failed, ${numbers.pending} skipped, ${seconds} s`,
  );
}
rmSync(result, { force: true });
console.log(`\n=== summary\n${summary.join('\n')}`);
if (total.passes + total.failures === 0) console.error('No test was found.');
process.exitCode = total.failures > 0 || total.passes === 0 ? 1 : 0;
console.log(`${total.passes} passed, ${total.failures} failed`);
