/** Example 12: greets, records, transcribes, talks, and hands over all of a call in one message, which is written to disk. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { hearWords } from '../../simulators/audio';
import type { CallerScript, PhoneCall } from '../../simulators/phone';
import { readWav } from '../../simulators/phone';
import { byCarrier, CARRIER, IN } from '../support/carriers';
import { change, example } from '../support/example';
import { catchAll, insert } from '../support/flows';
import { NodeRedProcess } from '../support/node-red-process';
import { ONE_WORKER, onlyIn, sharedContext } from '../support/run-in';
import { makeUserDir, NODE_RED, PACKAGE_ROOT, until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';

const NOTICE = 'This call is recorded, so that we can do better.';
const GREETING = 'Hello, this is Acme. How can I help you?';
const PATH = '/twilio/whole-call';

interface Piece {
  by: string;
  text: string;
}

/** What is handed over, and written to disk. */
interface Whole {
  call: { id: string; endedAt?: number };
  reason?: string;
  conversation: { turns: number; messages: { role: string; text?: string; heard?: string }[] } | null;
  transcript: Piece[];
  recording: { status: string; file?: string; error?: string } | null;
  missing: string[];
}

/** The caller listens to notice and greeting, asks, hears the answer and hangs up. */
const asks = (question: string): CallerScript => [
  { waitFor: 'How can I help you' },
  { waitForSilence: 500 },
  { say: question },
  { waitFor: `You said ${question}` },
  { waitForSilence: 500 },
  { hangUp: true },
];

/** The example's debug nodes, by name, as sinks of the same name. */
function sunk(flows: readonly FlowNode[], ...names: string[]): FlowNode[] {
  return flows.map((node) =>
    node.type === 'debug' && names.includes(String(node.name)) ? { ...node, type: 'test-sink', wires: [[]] } : node,
  );
}

/** The constants at the top of the gathering Function node, as an ops person changes them. */
function tuned(flows: readonly FlowNode[], constants: Record<string, number>): FlowNode[] {
  return flows.map((node) => {
    if (node.name !== 'gather') return node;
    let func = String(node.func);
    for (const [name, value] of Object.entries(constants)) {
      assert.match(func, new RegExp(`const ${name} = \\d+;`), `${name} stands at its top`);
      func = func.replace(new RegExp(`const ${name} = \\d+;`), `const ${name} = ${value};`);
    }
    return { ...node, func };
  });
}

/** Something between the carrier's events and the rest of the flow: a world in which reports are late, lost or wrong. */
function amidst(flows: readonly FlowNode[], func: string): FlowNode[] {
  const plain = { outputs: 1, timeout: 0, noerr: 0, initialize: '', finalize: '', libs: [] };
  return insert(flows, IN, { type: 'function', name: 'amidst', func, ...plain }, 1);
}

/** Reports of a topic come so many ms later. */
const late = (topic: string, ms: number): string =>
  `if (msg.topic !== '${topic}') return msg; setTimeout(() => node.send(msg), ${ms});`;
/** What a Function node makes is of a world of its own, whose arrays are no arrays of ours. */
const ownCopy = (payload: unknown): Whole => JSON.parse(JSON.stringify(payload)) as Whole;
const lost = (topic: string): string => `return msg.topic === '${topic}' ? null : msg;`;

describe('all of a call in one message (example 12)', () => {
  let stage: Stage;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'whole-calls-'));
    process.env.RECORDINGS_FOLDER = `${folder}/`;
    stage = await Stage.set({}, sharedContext());
  });
  after(async () => {
    await stage.strike();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    stage.nodeRed.forget();
    stage.world.openai.requests.length = 0;
  });
  afterEach(async () => {
    for (const call of stage.world[CARRIER].calls.values()) call.hangUp();
    await stage.nothingIsLeft();
    const ids = wholes().map(({ call }) => call.id);
    assert.equal(new Set(ids).size, ids.length, 'one message for each call');
    // Without its tab, what it waited for is forgotten: the next story begins with nothing.
    await stage.deploy([]);
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
  });

  /** As shipped, but for what Telnyx's transcripts need; with sinks in place of debug nodes. */
  const flow = (constants: Record<string, number> = {}): FlowNode[] => {
    const transcriptionEngine = byCarrier('who spoke, in a transcript', { twilio: '', telnyx: 'Telnyx' });
    const at = change(catchAll(stage.prepare(example('12'))), IN, { transcriptionEngine, ...ONE_WORKER });
    return tuned(sunk(at, 'the whole call', 'came too late'), { QUIET_S: 1, ...constants });
  };
  const ring = (script: CallerScript): PhoneCall => stage.ring(script, { path: PATH });
  /** The recording's file is made so long after the call. */
  const ringWithLateRecording = (url: string, script: CallerScript, ms: number): PhoneCall => {
    const more = byCarrier('where recordings are', {
      twilio: { recordingReadyAfterMs: ms },
      telnyx: { webhooks: { late: { 'call.recording.saved': ms } } },
    });
    return stage.world[CARRIER].ring({ webhookUrl: `${url}/${CARRIER}/whole-call`, script, ...more });
  };
  const wholes = (): Whole[] => stage.nodeRed.received('the whole call').map(({ payload }) => ownCopy(payload));
  const whole = async (id: string): Promise<Whole> =>
    ownCopy((await stage.nodeRed.message('the whole call', ({ payload }) => (payload as Whole).call.id === id)).payload); // prettier-ignore
  const errors = (): string[] => stage.nodeRed.received('errors').map(({ error }) => (error as Error).message);
  const tooLate = (): unknown[] => stage.nodeRed.received('came too late').map(({ topic }) => topic);
  const files = (ending: string): string[] => readdirSync(folder).filter((name) => name.endsWith(ending));
  /** What is on the disk of one call, once it is there. */
  const onDisk = async (id: string, timeoutMs?: number): Promise<Whole> => {
    const written = (): Whole | undefined => {
      const texts = files('.json').map((name) => readFileSync(join(folder, name), 'utf8'));
      return texts.filter((text) => text.endsWith('}')).map((text) => JSON.parse(text) as Whole).find(({ call }) => call.id === id); // prettier-ignore
    };
    await until('it is written', () => written() !== undefined, timeoutMs);
    return written() as Whole;
  };
  const saidBy = ({ transcript }: Whole, who: string): string =>
    plain(transcript.filter(({ by }) => by === who).map(({ text }) => text).join(' ')); // prettier-ignore
  const talkedAbout = ({ conversation }: Whole): string[] =>
    (conversation?.messages ?? []).filter(({ role }) => role === 'user').map(({ text }) => plain(text ?? ''));
  const soundOf = ({ recording }: Whole): { caller: string; agent: string } => {
    const [caller = Buffer.alloc(0), agent = Buffer.alloc(0)] = readWav(readFileSync(join(folder, recording?.file ?? '?'))); // prettier-ignore
    return { caller: plain(hearWords(caller)), agent: plain(hearWords(agent)) };
  };

  it('a whole call: notice, greeting, talk; then one message, and on the disk the words that were said', async () => {
    await stage.deploy(flow());
    const report = await ring(asks('Do you open on Sunday')).ended;
    wentWell(report);
    heard(report, NOTICE, GREETING, 'You said: Do you open on Sunday.');
    const it = await whole(report.callId);
    assert.deepEqual([it.missing, it.reason, it.recording?.status], [[], 'caller-hangup', 'completed']);
    assert.deepEqual(talkedAbout(it), ['do you open on sunday']);
    assert.equal(saidBy(it, 'caller'), 'do you open on sunday');
    assert.ok(saidBy(it, 'agent').includes('you said do you open on sunday'), saidBy(it, 'agent'));
    assert.deepEqual(it.transcript.map(({ by }) => by), ['agent', 'caller', 'agent']); // prettier-ignore
    const [msg] = stage.nodeRed.received('the whole call');
    assert.ok(Buffer.isBuffer(msg?.audio), 'the sound is in the message');
    const written = await onDisk(report.callId);
    assert.deepEqual([written.transcript, written.missing], [it.transcript, []]);
    assert.deepEqual(talkedAbout(written), ['do you open on sunday']);
    assert.deepEqual(files('.wav'), [written.recording?.file]);
    const sound = soundOf(written);
    assert.equal(sound.caller, 'do you open on sunday');
    assert.ok(sound.agent.includes('you said do you open on sunday') && !sound.agent.includes('better'), sound.agent);
    assert.deepEqual([errors(), tooLate()], [[], []]);
  });

  it('the recording comes last, and nothing is handed over before it', async () => {
    await stage.deploy(flow());
    const call = ringWithLateRecording(stage.nodeRed.url, asks('Is my bike ready'), 2_500);
    await until('the call is over', () => call.report().endedBy !== undefined, 20_000);
    const endedAt = performance.now();
    const it = await whole(call.callId);
    assert.ok(performance.now() - endedAt > 2_000, 'it was waited for');
    assert.deepEqual([it.missing, talkedAbout(it), saidBy(it, 'caller')], [[], ['is my bike ready'], 'is my bike ready']); // prettier-ignore
    assert.equal(soundOf(await onDisk(call.callId)).caller, 'is my bike ready');
    await call.ended;
  });

  it('the transcript comes last, and all of it is in the message', async () => {
    await stage.deploy(amidst(flow({ QUIET_S: 3 }), late('call.transcription', 2_000)));
    const report = await ring(asks('Is my bike ready')).ended;
    const it = await whole(report.callId);
    assert.deepEqual([it.missing, saidBy(it, 'caller')], [[], 'is my bike ready']);
    assert.ok(saidBy(it, 'agent').endsWith('you said is my bike ready'), saidBy(it, 'agent'));
    assert.deepEqual(tooLate(), []);
  });

  it('no recording ever comes: after the time-out what there is, and a recording that comes then is not lost', async () => {
    await stage.deploy(amidst(flow({ WAIT_S: 2 }), late('call.recording', 5_000)));
    const report = await ring(asks('Is my bike ready')).ended;
    const it = await whole(report.callId);
    assert.deepEqual([it.missing, it.recording, saidBy(it, 'caller')], [['recording'], null, 'is my bike ready']);
    assert.deepEqual((await onDisk(report.callId)).missing, ['recording']);
    const { payload } = await stage.nodeRed.message('came too late', ({ payload }) => (payload as { status: string }).status === 'completed'); // prettier-ignore
    assert.notEqual((payload as { recordingId?: string }).recordingId, undefined);
    assert.deepEqual([wholes().length, files('.wav')], [1, []]);
  });

  it('the carrier could not record: that is known at once, and nothing is waited for', async () => {
    await stage.deploy(flow());
    const more = byCarrier('where recordings are', {
      twilio: { recordingAbsent: true },
      telnyx: { recordingError: 'Internal server error' },
    });
    const webhookUrl = `${stage.nodeRed.url}/${CARRIER}/whole-call`;
    const report = await stage.world[CARRIER].ring({ webhookUrl, script: asks('Is my bike ready'), ...more }).ended;
    const it = await whole(report.callId);
    assert.deepEqual([it.missing, talkedAbout(it)], [['recording'], ['is my bike ready']]);
    assert.match(it.recording?.status ?? '', /absent|failed/);
  });

  it('the sound cannot be fetched: all else is handed over, with the reason', async () => {
    await stage.deploy(amidst(flow(), `if (msg.topic === 'call.recording') msg.payload.node = 'gone'; return msg;`));
    const report = await ring(asks('Is my bike ready')).ended;
    const it = await onDisk(report.callId, 10_000);
    assert.match(it.recording?.error ?? '', /is not here any more/);
    assert.deepEqual([talkedAbout(it), files('.wav'), errors().length], [['is my bike ready'], [], 1]);
  });

  it('a Deploy between the end and the report: one message, with what was there before it', async () => {
    const flows = flow();
    await stage.deploy(flows);
    const call = ringWithLateRecording(stage.nodeRed.url, asks('Is my bike ready'), 2_500);
    await until('the call is over', () => call.report().endedBy !== undefined, 20_000);
    await stage.deploy(flows);
    const it = await whole(call.callId);
    assert.deepEqual([it.missing, talkedAbout(it), saidBy(it, 'caller')], [[], ['is my bike ready'], 'is my bike ready']); // prettier-ignore
    await call.ended;
    await onDisk(call.callId);
  });

  it('a Deploy while a report is waited for that never comes: the time-out still holds', async () => {
    const flows = amidst(flow({ WAIT_S: 2 }), lost('call.recording'));
    await stage.deploy(flows);
    const report = await ring(asks('Is my bike ready')).ended;
    await stage.deploy(flows);
    assert.deepEqual((await whole(report.callId)).missing, ['recording']);
  });

  it('two calls at once are not mixed', async () => {
    await stage.deploy(flow());
    const words = ['My chain is broken', 'Do you sell helmets'];
    const reports = await Promise.all(words.map((text) => ring(asks(text)).ended));
    for (const [i, { callId }] of reports.entries()) {
      const said = plain(words[i] ?? '');
      const it = await onDisk(callId, 10_000);
      assert.deepEqual([it.missing, talkedAbout(it), saidBy(it, 'caller')], [[], [said], said]);
      assert.equal(soundOf(it).caller, said);
    }
    assert.deepEqual([wholes().length, files('.wav').length, errors()], [2, 2, []]);
  });

  it('a caller who hangs up in the notice is not recorded, and handed over all the same', async () => {
    await stage.deploy(flow({ WAIT_S: 1 }));
    const call = ring([{ waitFor: 'recorded' }, { hangUp: true }]);
    const report = await call.ended;
    const it = await whole(report.callId);
    assert.deepEqual([it.missing, it.recording, it.reason], [['recording', 'transcript'], null, 'caller-hangup']);
    assert.deepEqual(talkedAbout(it), []);
    assert.deepEqual((await onDisk(report.callId)).missing, ['recording', 'transcript']);
    assert.equal(stage.nodeRed.received('errors').length, 0);
  });

  it('where more calls are waited for than are kept, the oldest is handed over as it is', async () => {
    await stage.deploy(amidst(flow({ MAX_CALLS: 1 }), lost('call.recording')));
    const first = await ring(asks('Is my bike ready')).ended;
    // Its last words, too, have come.
    await stage.nothingIsLeft();
    assert.deepEqual(wholes(), [], 'its recording is waited for');
    const second = ring([]);
    const it = await whole(first.callId);
    assert.deepEqual([it.missing, talkedAbout(it)], [['recording'], ['is my bike ready']]);
    second.hangUp();
    await second.ended;
    assert.equal(wholes().length, 1, 'the other is still waited for');
  });

  describe('Node-RED is started anew between the end and the report', () => {
    /** Resolves when all but the recording has come: as the sidebar shows the flow's context. */
    async function allButTheSound(nodeRed: NodeRedProcess): Promise<void> {
      const end = performance.now() + 5_000;
      for (;;) {
        const { msg = '' } = await nodeRed.json<{ msg?: string }>('/context/flow/va12tab000000001/callsNotComplete');
        if (
          msg.includes('"conversation"') &&
          plain(msg).includes('you said is my bike ready') &&
          !msg.includes('under way')
        )
          return;
        assert.ok(performance.now() < end, msg);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }

    /** A call whose recording is reported so late that Node-RED has ended and begun again; what is on the disk then. */
    async function startedAnew(
      signal: NodeJS.Signals,
      constants: Record<string, number>,
      settings: object,
    ): Promise<Whole> {
      const userDir = makeUserDir();
      const nodeRedDir = join(PACKAGE_ROOT, 'node_modules', NODE_RED);
      let nodeRed = await NodeRedProcess.start(nodeRedDir, userDir, [], { ...settings });
      const port = Number(new URL(nodeRed.url).port);
      try {
        const flows = flow(constants)
          .filter(({ type }) => type !== 'test-sink')
          .map((node) => ('publicUrl' in node ? { ...node, publicUrl: nodeRed.url } : node));
        const headers = { 'content-type': 'application/json' };
        await fetch(`${nodeRed.url}/flows`, { method: 'POST', headers, body: JSON.stringify(flows) });
        // The answer comes before they run.
        await until('the flows run', () => nodeRed.log.split('Started flows').length === 3, 10_000);
        const call = ringWithLateRecording(nodeRed.url, asks('Is my bike ready'), 12_000);
        await until('the call is over', () => call.report().endedBy !== undefined, 20_000);
        await allButTheSound(nodeRed);
        await nodeRed.stop(signal);
        assert.deepEqual(files('.json'), []);
        nodeRed = await NodeRedProcess.start(nodeRedDir, userDir, flows, { ...settings }, port);
        const it = await onDisk(call.callId, 30_000);
        await call.ended;
        return it;
      } finally {
        await nodeRed.stop();
        rmSync(userDir, { recursive: true, force: true });
      }
    }

    onlyIn('runtime', 'context of one runtime', () => {
      it('what comes then is handed over, after the time-out', async () => {
        const it = await startedAnew('SIGKILL', { WAIT_S: 2 }, {});
        assert.deepEqual([it.missing, it.recording?.status], [['conversation', 'transcript'], 'completed']);
        assert.equal(soundOf(it).caller, 'is my bike ready');
      }).timeout(90_000);
    });

    it('with a context store on the disk, what had come before is in it, too', async () => {
      const it = await startedAnew('SIGINT', {}, { contextStorage: { default: { module: 'localfilesystem' } } });
      assert.deepEqual([it.missing, talkedAbout(it), saidBy(it, 'caller')], [[], ['is my bike ready'], 'is my bike ready']); // prettier-ignore
      assert.equal(soundOf(it).caller, 'is my bike ready');
    }).timeout(90_000);
  });
});
