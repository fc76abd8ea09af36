import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type { CallReport, CallerStep } from '../../simulators/twilio';
import type { Fault } from '../../simulators/faults';
import { example } from '../support/example';
import { catchAll } from '../support/flows';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';
import { withElevenLabs } from '../support/voices';

const GREETING = 'Hello, this is Acme. How can I help you?';
const PROVIDERS = ['deepgram', 'openai', 'cartesia', 'elevenlabs'] as const;
type Provider = (typeof PROVIDERS)[number];

/** The faults of the table, as the simulators know them. */
const FAULTS: Record<string, Fault> = {
  refused: { kind: 'refuse' },
  '401': { kind: 'status', status: 401 },
  billing: { kind: 'status', status: 402 },
  '429': { kind: 'status', status: 429 },
  '500': { kind: 'status', status: 500 },
  'stall before': { kind: 'stall-before-first-byte' },
  'stall after': { kind: 'stall-after-first-byte' },
  closes: { kind: 'close-mid-stream' },
  garbage: { kind: 'garbage' },
  'wrong JSON': { kind: 'wrong-json' },
};

/** Never more silence than this, ms (CALLS, section 4), and what the phone's 20 ms clock and a busy machine add. */
const SILENCE_MS = 6_000;
const MARGIN_MS = 400;

/** A patient caller: waits longer than a stalled provider is put up with, so that it is the node that ends the silence. */
const PATIENCE_MS = 4_500;

const SCRIPT: CallerStep[] = [
  { waitForSilence: PATIENCE_MS, timeoutMs: 25_000 },
  { say: 'First question' },
  { waitForSilence: PATIENCE_MS, timeoutMs: 25_000 },
  { say: 'Second question' },
  { waitForSilence: PATIENCE_MS, timeoutMs: 25_000 },
  { hangUp: true },
];

/** Example 01 as a tab of its own, with keys and a path of its own, so that a fault strikes this call alone. */
function tab(stage: Stage, name: string): FlowNode[] {
  const rename = (id: string): string => `${id}-${name}`;
  const spoken = name.startsWith('elevenlabs') ? withElevenLabs(example('01')) : example('01');
  const flow = catchAll(stage.prepare(spoken), 'errors').map((node): FlowNode => {
    const copy: FlowNode = { ...node, id: rename(node.id) };
    if (node.z) copy.z = rename(node.z);
    if (node.wires) copy.wires = node.wires.map((to) => to.map(rename));
    if (typeof node.account === 'string') copy.account = rename(node.account);
    if (node.type === 'twilio-in') copy.path = `/twilio/${name}`;
    if (node.type === 'test-sink') copy.name = `errors-${name}`;
    if (node.type.endsWith('-account') && node.type !== 'twilio-account') copy.credentials = { apiKey: `key-${name}` };
    return copy;
  });
  return flow;
}

/**
 * The longest silence that the agent let happen, ms: from the last sound of either side to the next of the agent. (How long
 * the caller takes to ask is the caller's affair.)
 */
function longestSilence(report: CallReport): number {
  const sounds = [
    ...report.heard.map(({ atMs, heardMs }) => ({ from: atMs, to: atMs + heardMs, agent: true })),
    ...report.said.map(({ startedAt, endedAt }) => ({ from: startedAt, to: endedAt, agent: false })),
  ].sort((a, b) => a.from - b.from);
  let longest = 0;
  let soundUntil = 0;
  for (const { from, to, agent } of sounds) {
    if (agent) longest = Math.max(longest, from - soundUntil);
    soundUntil = Math.max(soundUntil, to);
  }
  return sounds.length === 0 ? Infinity : longest;
}

describe('provider x fault', () => {
  let stage: Stage;
  const cells = PROVIDERS.flatMap((provider) =>
    Object.keys(FAULTS).map((fault) => ({ provider, fault, name: `${provider}-${fault.replace(/\s/g, '')}` })),
  );
  const keys = [...cells.map(({ name }) => name), 'control'].map((name) => `key-${name}`);

  before(async () => {
    stage = await Stage.set({
      deepgram: { apiKey: keys },
      openai: { apiKey: keys, firstTokenMs: 80, tokenMs: 10 },
      cartesia: { apiKey: keys, firstAudioMs: 60 },
      elevenlabs: { apiKey: keys, firstAudioMs: 60 },
    });
    await stage.deploy([...cells.flatMap(({ name }) => tab(stage, name)), ...tab(stage, 'control')]);
  });
  after(() => stage.strike());

  const simulator = (provider: Provider): { faults: { add(fault: Fault): void; clear(): void } } =>
    stage.world[provider];

  /** All cells at once, each in a call of its own, and beside them a call that nothing happens to. */
  async function strike(times: Fault['times']): Promise<{ reports: CallReport[]; control: CallReport }> {
    stage.nodeRed.forget();
    for (const { provider, fault, name } of cells) {
      const spec = FAULTS[fault];
      if (spec) simulator(provider).faults.add({ ...spec, times, matchKey: `key-${name}` });
    }
    const [control, ...reports] = await Promise.all([
      stage.call(SCRIPT, { path: '/twilio/control' }),
      ...cells.map(({ name }) => stage.call(SCRIPT, { path: `/twilio/${name}` })),
    ]);
    for (const provider of PROVIDERS) simulator(provider).faults.clear();
    assert.ok(control);
    return { reports, control };
  }

  function print(title: string, reports: CallReport[]): void {
    const columns = Object.keys(FAULTS);
    const lines = PROVIDERS.map((provider) => {
      const row = columns.map((fault) => {
        const report = reports[cells.findIndex((cell) => cell.provider === provider && cell.fault === fault)];
        if (!report) return '?';
        const silence = longestSilence(report);
        const voice = report.heard.some(({ source }) => source === 'carrier') ? ' carrier' : '';
        const sorry = /sorry/i.test(report.heardText) && !voice ? ' sorry' : '';
        return `${Number.isFinite(silence) ? (silence / 1000).toFixed(1) : 'mute'}${sorry}${voice}`.padEnd(13);
      });
      return `    ${provider.padEnd(11)}${row.join('')}`;
    });
    console.log(`    ${title}: longest silence in s, and who said sorry`);
    console.log([`    ${''.padEnd(11)}${columns.map((name) => name.padEnd(13)).join('')}`, ...lines].join('\n'));
  }

  function controlNoticedNothing(control: CallReport): void {
    wentWell(control);
    heard(control, GREETING, 'You said: First question.', 'You said: Second question.');
  }

  it('a fault that lasts: the call goes on and the caller hears words, never more than 6 s of silence', async () => {
    const { reports, control } = await strike('always');
    print('lasting', reports);
    controlNoticedNothing(control);
    const wrong: string[] = [];
    for (const [i, { provider, fault, name }] of cells.entries()) {
      const report = reports[i];
      if (!report) continue;
      const silence = longestSilence(report);
      if (report.failure !== undefined) wrong.push(`${name}: ${report.failure}; heard "${report.heardText}"`);
      else if (silence > SILENCE_MS + MARGIN_MS)
        wrong.push(`${name}: ${silence} ms of silence; heard "${report.heardText}"`);
      if (report.endedBy !== 'caller') wrong.push(`${name}: the call was ended by ${report.endedBy ?? 'nobody'}`);
      const errors = stage.nodeRed.received(`errors-${name}`);
      const told = errors.find(
        (msg) => msg.provider === provider && (msg.call as { id?: string })?.id === report.callId,
      );
      if (!told || typeof told.cause !== 'string')
        wrong.push(`${name}: Catch was not told of ${fault}: ${JSON.stringify(errors.map(({ payload }) => payload))}`);
    }
    assert.deepEqual(wrong, []);
    await stage.nothingIsLeft();
  }).timeout(120_000);

  it('a fault that strikes once: the second question is answered as if nothing had been', async () => {
    const { reports, control } = await strike(1);
    print('once', reports);
    controlNoticedNothing(control);
    const wrong: string[] = [];
    for (const [i, { provider, fault, name }] of cells.entries()) {
      const report = reports[i];
      if (!report) continue;
      const silence = longestSilence(report);
      if (report.failure !== undefined) wrong.push(`${name}: ${report.failure}; heard "${report.heardText}"`);
      else if (silence > SILENCE_MS + MARGIN_MS) wrong.push(`${name}: ${silence} ms of silence`);
      // A wrong key and a bill that is not paid are not tried again: then the apology is what can be had.
      const final = provider === 'deepgram' && (fault === '401' || fault === 'billing');
      if (final ? !/sorry/i.test(report.heardText) : !plain(report.heardText).endsWith('you said second question'))
        wrong.push(`${name}: heard "${report.heardText}"`);
    }
    assert.deepEqual(wrong, []);
    await stage.nothingIsLeft();
  }).timeout(120_000);
});
