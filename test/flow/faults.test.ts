import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type * as Counters from '../../nodes/call/refused';
import type { CallerStep, PhoneCall } from '../../simulators/phone';
import type { CallReport } from '../../simulators/phone/report';
import type { Fault } from '../../simulators/faults';
import { ACCOUNT, byCarrier, CARRIER, IN, onlyOn, pathAtCarrier } from '../support/carriers';
import { change, example } from '../support/example';
import { catchAll } from '../support/flows';
import { PACKAGE_ROOT } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';
import { Standstill } from '../support/standstill';
import { withElevenLabs } from '../support/voices';

const GREETING = 'Hello, this is Acme. How can I help you?';
const PROVIDERS = ['deepgram', 'openai', 'cartesia', 'elevenlabs'] as const;
/** What of the carrier can fail: its REST API, while the TTS is down too; its media socket. */
const ROWS = [...PROVIDERS, 'rest', 'media'] as const;

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

/** What the carrier's media socket is struck by; the rest of the table has nothing that could happen there. */
const MEDIA: Record<string, (call: PhoneCall, times: Fault['times']) => void> = {
  garbage: (call, times) => inject(call, '{"event":"med', times),
  'wrong JSON': (call, times) => inject(call, '{"event":"media","media":[1]}', times),
  closes: (call, times) => {
    // In the midst of the greeting; and of each answer.
    const struck = new Set<string>();
    call.on('word', ({ text }) => {
      if (!/^(Acme\.|First|Second)$/.test(text) || struck.has(text) || (times === 1 && struck.size > 0)) return;
      struck.add(text);
      call.dropStream();
    });
  },
};

/** A frame between the carrier's own: once in the midst of the greeting, or ten times a second. */
function inject(call: PhoneCall, frame: string, times: Fault['times']): void {
  if (times === 1) return void call.once('word', () => call.inject(frame));
  let sent = 0;
  call.on('frame-sent', () => {
    if (++sent % 5 === 0) call.inject(frame);
  });
}

/** A REST API that stays down while the TTS does: on a carrier whose every word comes by it, it may be down twice. */
const REST_DOWN = byCarrier<Fault['times']>('voice without REST', { twilio: 'always', telnyx: 2 });
/** Where even that is in vain, for a wrong key is not tried again: the greeting is heard, and so there is a clip of the apology. */
const IN_VAIN = byCarrier<string[]>('voice without REST', { twilio: [], telnyx: ['401', 'billing'] });
const AFTER_DROP = byCarrier('broken stream', { twilio: { afterDrop: 'call-goes-on' as const }, telnyx: {} });

/** Never more silence than this, ms (CALLS, section 4), and what the phone's 20 ms clock and a busy machine add to all that happens. */
const SILENCE_MS = 6_000;
const MARGIN_MS = 400;
/** The call that nothing happens to hears no fault's silence: its longest, ms, is that before the greeting, while all the others ring too. */
const UNDISTURBED_MS = 4_000;

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
    if (node.type === IN) copy.path = pathAtCarrier(`/twilio/${name}`);
    if (node.type === 'test-sink') copy.name = `errors-${name}`;
    if (node.type.endsWith('-account') && node.type !== ACCOUNT) copy.credentials = { apiKey: `key-${name}` };
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

/** What a strike came to; `lateMs`: how late this machine let anything be. */
interface Outcome {
  reports: CallReport[];
  control: CallReport;
  lateMs: number;
}

describe('provider x fault', () => {
  let stage: Stage;
  let refused: typeof Counters.refused;
  const cells = ROWS.flatMap((row) =>
    Object.keys(FAULTS)
      .filter((fault) => row !== 'media' || fault in MEDIA)
      .map((fault) => ({ row, fault, name: `${row}-${fault.replace(/\s/g, '')}` })),
  );
  const keys = [...cells.map(({ name }) => name), 'control'].map((name) => `key-${name}`);

  before(async () => {
    stage = await Stage.set({
      deepgram: { apiKey: keys },
      openai: { apiKey: keys, firstTokenMs: 80, tokenMs: 10 },
      cartesia: { apiKey: keys, firstAudioMs: 60 },
      elevenlabs: { apiKey: keys, firstAudioMs: 60 },
    });
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the very counters that the nodes use
    refused = (require(`${PACKAGE_ROOT}/dist/nodes/call/refused.js`) as typeof Counters).refused;
    await stage.deploy([...cells.flatMap(({ name }) => tab(stage, name)), ...tab(stage, 'control')]);
  });
  after(() => stage.strike());

  /** Has the fault of a cell strike its call. */
  function afflict({ row, fault, name }: (typeof cells)[number], call: PhoneCall, times: Fault['times']): void {
    const spec = FAULTS[fault];
    if (!spec) return;
    const matchKey = `key-${name}`;
    if (row === 'media') return MEDIA[fault]?.(call, times);
    if (row !== 'rest') return stage.world[row].faults.add({ ...spec, times, matchKey });
    const inVain = IN_VAIN.includes(fault);
    const dumb: Fault = { kind: 'status', status: 402, times, matchKey };
    stage.world.cartesia.faults.add(inVain ? { ...dumb, when: 'message', matchText: 'you said' } : dumb);
    // All but what a carrier must be told before there is a call.
    const matchText = `${call.callId}(?!/actions/answer)`;
    stage.world[CARRIER].faults.add({
      ...spec,
      when: 'connect',
      times: times === 'always' && !inVain ? REST_DOWN : times,
      matchText,
    });
  }

  /** All cells at once, each in a call of its own, and beside them a call that nothing happens to. */
  async function strike(times: Fault['times']): Promise<Outcome> {
    stage.nodeRed.forget();
    const machine = new Standstill().start();
    const calls = cells.map((cell) => {
      const how = { path: `/twilio/${cell.name}`, ...(cell.row === 'media' && AFTER_DROP) };
      const call = stage.ring(SCRIPT, how);
      afflict(cell, call, times);
      return call;
    });
    const [control, ...reports] = await Promise.all([
      stage.call(SCRIPT, { path: '/twilio/control' }),
      ...calls.map((call) => call.ended),
    ]);
    for (const provider of [...PROVIDERS, CARRIER]) stage.world[provider].faults.clear();
    machine.stop();
    assert.ok(control);
    const lateMs = MARGIN_MS + machine.within(SILENCE_MS);
    return { reports, control, lateMs };
  }

  /** Who is to blame: whom Catch is told of. */
  function blamed({ row }: (typeof cells)[number]): string | undefined {
    // What is ignored, and what is made good at once, is told to nobody.
    if (row === 'media') return undefined;
    if (row !== 'rest') return row;
    return REST_DOWN === 'always' ? CARRIER : 'cartesia';
  }

  function print(title: string, { reports, lateMs }: Outcome): void {
    const columns = Object.keys(FAULTS);
    const lines = ROWS.map((name) => {
      const row = columns.map((fault) => {
        const report = reports[cells.findIndex((cell) => cell.row === name && cell.fault === fault)];
        if (!report) return '-'.padEnd(13);
        const silence = longestSilence(report);
        const voice = report.heard.some(({ source }) => source === 'carrier') ? ' carrier' : '';
        const sorry = /sorry/i.test(report.heardText) && !voice ? ' sorry' : '';
        return `${Number.isFinite(silence) ? (silence / 1000).toFixed(1) : 'mute'}${sorry}${voice}`.padEnd(13);
      });
      return `    ${name.padEnd(11)}${row.join('')}`;
    });
    const stood = lateMs > MARGIN_MS ? `; the machine stood still for ${lateMs - MARGIN_MS} ms` : '';
    console.log(`    ${title}: longest silence in s, and who said sorry${stood}`);
    console.log([`    ${''.padEnd(11)}${columns.map((name) => name.padEnd(13)).join('')}`, ...lines].join('\n'));
  }

  function controlNoticedNothing({ control, lateMs }: Outcome): void {
    wentWell(control);
    heard(control, GREETING, 'You said: First question.', 'You said: Second question.');
    const silence = longestSilence(control);
    assert.ok(silence < UNDISTURBED_MS + lateMs, `the call beside them heard ${silence} ms of silence`);
  }

  it('a fault that lasts: the call goes on and the caller hears words, never more than 6 s of silence', async () => {
    const before = refused.malformed;
    const outcome = await strike('always');
    const { reports, lateMs } = outcome;
    assert.ok(refused.malformed - before > 200, `${refused.malformed - before} frames were counted as malformed`);
    print('lasting', outcome);
    controlNoticedNothing(outcome);
    const wrong: string[] = [];
    for (const [i, cell] of cells.entries()) {
      const { row, fault, name } = cell;
      const report = reports[i];
      if (!report) continue;
      const silence = longestSilence(report);
      if (report.failure !== undefined) wrong.push(`${name}: ${report.failure}; heard "${report.heardText}"`);
      else if (silence > SILENCE_MS + lateMs)
        wrong.push(`${name}: ${silence} ms of silence; heard "${report.heardText}"`);
      // A socket that was never struck would prove nothing.
      if (row === 'media' && fault === 'closes' && report.streams.length !== 4)
        wrong.push(`${name}: ${report.streams.length} streams`);
      if (report.endedBy !== 'caller') wrong.push(`${name}: the call was ended by ${report.endedBy ?? 'nobody'}`);
      const provider = blamed(cell);
      if (provider === undefined) continue;
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
    const outcome = await strike(1);
    const { reports, lateMs } = outcome;
    print('once', outcome);
    controlNoticedNothing(outcome);
    const wrong: string[] = [];
    for (const [i, { row, fault, name }] of cells.entries()) {
      const report = reports[i];
      if (!report) continue;
      const silence = longestSilence(report);
      if (report.failure !== undefined) wrong.push(`${name}: ${report.failure}; heard "${report.heardText}"`);
      else if (silence > SILENCE_MS + lateMs) wrong.push(`${name}: ${silence} ms of silence`);
      // A wrong key and a bill that is not paid are not tried again: then the apology is what can be had.
      const final = row === 'deepgram' && (fault === '401' || fault === 'billing');
      if (final ? !/sorry/i.test(report.heardText) : !plain(report.heardText).endsWith('you said second question'))
        wrong.push(`${name}: heard "${report.heardText}"`);
    }
    assert.deepEqual(wrong, []);
    await stage.nothingIsLeft();
  }).timeout(120_000);
});

describe("the last resort: the carrier's own voice, while its REST API fails too", () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());
  let serial = 0;
  beforeEach(async () => {
    stage.nodeRed.forget();
    // An apology of which no clip can have been kept.
    const apology = `Nobody has ever said this${++serial}.`;
    await stage.deploy(change(catchAll(stage.prepare(example('01'))), 'llm-agent', { apology }));
    stage.world.cartesia.faults.add({ kind: 'status', status: 402, times: 'always' });
  });
  afterEach(() => stage.nothingIsLeft());

  const LAST_WORDS = /hold the line/i;
  const works = (): void => {
    for (const { faults } of [stage.world.cartesia, stage.world[CARRIER]]) faults.clear();
  };
  const ASK: CallerStep[] = [{ say: 'Are you there' }, { waitFor: 'you said are you there' }, { hangUp: true }];

  it('what was done as asked, and not answered, is said once', async () => {
    const call = stage.ring([]);
    const matchText = 'POST .*(/actions/speak|/Calls/)';
    stage.world[CARRIER].faults.add({ kind: 'stall-before-first-byte', when: 'message', matchText });
    await call.heard((_word, text) => LAST_WORDS.test(text));
    await call.perform({ pause: 3_000 });
    works();
    await call.perform(...ASK);
    const report = await call.ended;
    wentWell(report);
    assert.equal(report.heardText.split(LAST_WORDS).length, 2, report.heardText);
  });

  onlyOn('telnyx', 'voice without REST', () => {
    it('a REST API that stays down: Catch is told, and the call goes on as soon as anything works', async () => {
      const call = stage.ring([]);
      stage.world.telnyx.faults.add({ kind: 'status', status: 500, times: 'always', matchText: '/actions/speak' });
      const told = await stage.nodeRed.message('errors', ({ provider }) => provider === 'telnyx');
      assert.deepEqual([told.cause, (told.call as { id: string }).id], ['unavailable', call.callId]);
      assert.match((told.error as { message: string }).message, /telnyx: the API answered 500: .* status page/);
      works();
      await call.perform(...ASK);
      const report = await call.ended;
      wentWell(report);
      assert.equal(plain(report.heardText), 'you said are you there');
      assert.equal(report.streams.length, 1);
    });
  });
});
