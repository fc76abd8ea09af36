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
import { setPriority } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
/** Flow tests play calls in real time and wait nine tenths of it: so many processes share two cores without being late. */
const SIDE_BY_SIDE = 12;
/** How many places of these a file takes that loads the machine, is strict about time, or counts what the process holds; else one. */
const PLACES = { 'abuse.test.ts': 2, 'faults.test.ts': 4, 'far-away.test.ts': 4, 'many-calls.test.ts': 5 };

/** What measures time in seconds goes before what only waits for them: the machine is full while others start. */
const STRICT = ['faults.test.ts', 'far-away.test.ts'];
const NICE = 5;

/** What takes minutes, or many places, begins early: the end is not to be waited for one of them. */
const LONG = [
  'many-calls.test.ts',
  'editor.test.ts',
  'openai',
  'deepgram',
  'call-control.test.ts',
  'switch.test.ts',
  'composite.test.ts',
  'deploy.test.ts',
  'dial.test.ts',
  'two-agents.test.ts',
  'examples.test.ts',
  'logs.test.ts',
  'agent-say.test.ts',
  'faults.test.ts',
  'workers.test.ts',
];

/** Stories of one provider, which neither another Node-RED nor another carrier can change: once, on Node-RED 5. */
const ONCE = [
  'elevenlabs.test.ts', // a TTS, and its socket
  'openai-stt.test.ts', // an STT, and its socket
  'flux.test.ts', // an STT's other protocol
  'switch.test.ts', // from one STT or TTS to another
  'telnyx.test.ts', // what only Telnyx does, on its own carrier
];
/** Stories of what stands between a call's two ends: once more at another carrier they would tell nothing new. */
const AT_ANY_CARRIER = [
  'agent.test.ts',
  'agent-say.test.ts',
  'composite.test.ts', // what a recording's report is at Telnyx: in call-control.test.ts
  'conversation.test.ts', // at Telnyx too, in telnyx.test.ts
  'deploy.test.ts', // likewise
  'examples.test.ts',
  'logs.test.ts',
  'many-calls.test.ts', // what is left of them in memory is not the carrier's
  'straight.test.ts',
  'two-agents.test.ts',
  'wiring.test.ts',
];
/** Stories of sockets, memory, limits and a model's answers, in which Node-RED has no part. */
const ON_ANY_NODE_RED = [
  'abuse.test.ts', // what our own code refuses
  'agent.test.ts',
  'agent-say.test.ts',
  'call-control.test.ts',
  'composite.test.ts', // what outlives a restart of Node-RED: on 4.1 too, in examples.test.ts
  'dial.test.ts',
  'far-away.test.ts',
  'faults.test.ts',
  'hang-up.test.ts',
  'limits.test.ts',
  'many-calls.test.ts',
  'ring-list.test.ts',
  'logs.test.ts',
  'two-agents.test.ts',
];
/** Stories that worker threads alone can tell: in their own layer, and once more on 4.1, whose runtime has to start in a thread, too. */
const OF_WORKERS = ['worker-runtime.test.ts', 'workers.test.ts', 'workers-foreign.test.ts'];
const flow = { dir: 'flow', apart: true, limit: 30 };

/**
 * `env`: the Node-RED that flow tests start, the carrier that their calls come by, and where these run; `without`: files that run in another layer,
 * `only`: those that make up this one;
 * `apart`: each file in a process of its own; `places`: of how many places each takes, where it computes more than it waits;
 * `limit`: minutes a process may take.
 */
const layers = [
  { name: 'unit', dir: 'unit', limit: 5 },
  { name: 'node', dir: 'node', apart: true, limit: 10 },
  {
    name: 'flow',
    title: 'flow, on Node-RED 5',
    ...flow,
    without: OF_WORKERS,
    env: { NODE_RED_PACKAGE: 'node-red', CARRIER: 'twilio' },
  },
  {
    name: 'flow-workers',
    title: 'flow, on Node-RED 5, in worker threads',
    ...flow,
    env: { NODE_RED_PACKAGE: 'node-red', CARRIER: 'twilio', RUN_IN: 'workers' },
  },
  {
    name: 'flow-telnyx',
    title: 'flow, on Node-RED 5, at Telnyx',
    ...flow,
    without: [...ONCE, ...AT_ANY_CARRIER, ...OF_WORKERS],
    env: { NODE_RED_PACKAGE: 'node-red', CARRIER: 'telnyx' },
  },
  {
    name: 'flow-4',
    title: 'flow, on Node-RED 4.1',
    ...flow,
    without: [...ONCE, ...ON_ANY_NODE_RED, ...OF_WORKERS],
    env: { NODE_RED_PACKAGE: 'node-red-4', CARRIER: 'twilio' },
  },
  {
    name: 'flow-4-workers',
    title: 'flow, on Node-RED 4.1, in worker threads',
    ...flow,
    only: OF_WORKERS,
    env: { NODE_RED_PACKAGE: 'node-red-4', CARRIER: 'twilio', RUN_IN: 'workers' },
  },
  { name: 'editor', dir: 'editor', apart: true, places: 2, limit: 15 },
  { name: 'packaging', dir: 'packaging', apart: true, places: 2, limit: 20 },
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

function testFiles({ dir, only, without = [] }) {
  const base = join(root, 'test', dir);
  const all = existsSync(base) ? readdirSync(base, { recursive: true }).map((x) => join(base, x)) : [];
  const tests = all.filter((x) => x.endsWith('.test.ts')).sort();
  // What is named together with its layer runs there, wherever it runs otherwise.
  if (chosenFiles.length && chosenLayers.length === 1) return tests.filter((x) => chosenFiles.includes(x));
  const own = tests.filter((x) => !without.includes(basename(x)) && (only?.includes(basename(x)) ?? true));
  return chosenFiles.length ? own.filter((x) => chosenFiles.includes(x)) : own;
}

/** Unit tests: a process for each folder. */
function groupByFolder(files) {
  const folders = new Map();
  for (const file of files) folders.set(dirname(file), [...(folders.get(dirname(file)) ?? []), file]);
  return [...folders.values()];
}

/** One mocha process; resolves to its numbers and what it printed, for several run side by side. */
function run(job) {
  const result = join(root, '.tmp', `mocha-${process.pid}-${job.number}.json`);
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
  const startedAt = Date.now();
  return new Promise((done) => {
    const child = spawn(
      process.execPath,
      ['--expose-gc', mocha, ...mochaArgs, '--reporter', reporter, ...options, ...job.files],
      {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...job.layer.env },
      },
    );
    if (child.pid && !STRICT.includes(basename(job.files[0]))) setPriority(child.pid, NICE);
    const printed = [];
    child.stdout.on('data', (chunk) => printed.push(chunk));
    child.stderr.on('data', (chunk) => printed.push(chunk));
    const timer = setTimeout(() => {
      printed.push(Buffer.from(`No end after ${job.layer.limit} minutes: stopped.\n`));
      child.kill('SIGKILL');
    }, job.layer.limit * 60_000);
    child.on('error', (error) => printed.push(Buffer.from(`${error}\n`)));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const numbers = existsSync(result)
        ? JSON.parse(readFileSync(result, 'utf8'))
        : { passes: 0, failures: 0, pending: 0, failed: [] };
      rmSync(result, { force: true });
      if (code !== 0 && numbers.failures === 0) {
        const end = `The process ended with ${signal ?? `code ${code}`}: counted as one failure.`;
        printed.push(Buffer.from(`${end}\n`));
        numbers.failures = 1;
        numbers.failed.push(end);
      }
      const seconds = ((Date.now() - startedAt) / 1000).toFixed(0);
      console.log(`\n=== ${job.title} (${seconds} s)\n${Buffer.concat(printed).toString().trimEnd()}`);
      done(numbers);
    });
  });
}

mkdirSync(join(root, '.tmp'), { recursive: true });
const startedAt = Date.now();
const jobs = [];
const totals = new Map();
for (const layer of layers) {
  if (chosenLayers.length && !chosenLayers.includes(layer.name)) continue;
  const files = testFiles(layer);
  if (!files.length) continue;
  const title = layer.title ?? layer.name;
  totals.set(title, { passes: 0, failures: 0, pending: 0 });
  for (const group of layer.apart ? files.map((x) => [x]) : groupByFolder(files)) {
    const paths = group.map((x) => relative(root, x));
    const name = layer.apart ? paths[0] : dirname(paths[0]);
    jobs.push({ number: jobs.length, layer, layerTitle: title, title: `${title}: ${name}`, files: paths });
  }
}

// What needs more of the machine comes first, and what takes long.
const places = (job) => PLACES[basename(job.files[0])] ?? job.layer.places ?? 1;
const isLong = (job) => LONG.includes(basename(job.files[0])) || LONG.includes(basename(dirname(job.files[0])));
const urgency = (job) => places(job) + (isLong(job) ? 2 : 0);
const queue = jobs.sort((a, b) => urgency(b) - urgency(a));
let free = SIDE_BY_SIDE;
/** What failed is told once more at the end, where it is seen: of each so many characters. */
const TOLD_AGAIN = 3_000;
const failures = [];

/** Starts what there is room for, and again whenever a place becomes free; resolves when all have ended. */
async function work() {
  const running = new Set();
  while (queue.length || running.size) {
    const next = queue.findIndex((job) => places(job) <= free);
    if (next < 0) await Promise.race(running);
    else {
      const [job] = queue.splice(next, 1);
      free -= places(job);
      const done = run(job).then((numbers) => {
        const total = totals.get(job.layerTitle);
        for (const key of Object.keys(total)) total[key] += numbers[key];
        for (const text of numbers.failed)
          failures.push(`${job.title}: ${text.length > TOLD_AGAIN ? `${text.slice(0, TOLD_AGAIN)} ...` : text}`);
        free += places(job);
        running.delete(done);
      });
      running.add(done);
    }
  }
}
await work();

const all = [...totals.values()];
const passed = all.reduce((sum, { passes }) => sum + passes, 0);
const failed = all.reduce((sum, { failures }) => sum + failures, 0);
if (failures.length) console.log(`\n=== failed\n${failures.join('\n\n')}`);
console.log(`\n=== summary, ${((Date.now() - startedAt) / 60_000).toFixed(1)} minutes`);
for (const [title, { passes, failures, pending }] of totals) {
  console.log(`${title}: ${passes} passed, ${failures} failed, ${pending} skipped`);
}
if (passed + failed === 0) console.error('No test was found.');
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
console.log(`${passed} passed, ${failed} failed`);
