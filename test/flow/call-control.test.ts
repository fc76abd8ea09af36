/** Examples 09 and 10, and what else a flow has the phone company do with a call, from its own row or from another tab. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { hearWords } from '../../simulators/audio';
import type { CallerScript, LineBehaviour, PhoneCall } from '../../simulators/phone';
import { readWav } from '../../simulators/phone';
import { KEYS } from '../../simulators/keys';
import type { CallReport } from '../../simulators/phone/report';
import type * as History from '../../nodes/call/dial/history';
import { byCarrier, CARRIER, IN } from '../support/carriers';
import { change, example } from '../support/example';
import { catchAll, sinkAt } from '../support/flows';
import { NodeRedProcess } from '../support/node-red-process';
import { byPlace } from '../support/run-in';
import { heart, makeUserDir, NODE_RED, PACKAGE_ROOT, until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { heard, plain, Stage, wentWell } from '../support/stage';

const requireHere = createRequire(__filename);
const GREETING = 'Hello, this is Acme. How can I help you?';
const COLLEAGUE = KEYS.COLLEAGUE_NUMBER;
const PATH = '/twilio/control';
const THROUGH = 'I put you through.';
const BACK = 'They are not there. What else can I do?';
const SORRY = 'That does not work right now. Shall I take a message?';
const BYE = 'Goodbye, and thank you very much for your call.';

/** The other tab: what it makes of a request, and where the outcome goes. */
const READ = byPlace('answer to a request', {
  runtime: 'return Object.assign(msg, msg.payload);',
  workers: 'return [msg.payload, msg];',
});
const ANSWER = byPlace<Pick<FlowNode, 'type'> & Record<string, unknown>>('answer to a request', {
  runtime: { type: 'http response', statusCode: '', headers: {} },
  workers: { type: 'test-sink', name: 'outcomes' },
});

type Told = Record<string, unknown> & {
  topic: string;
  payload: Record<string, unknown>;
  call: Record<string, unknown>;
};

/** What the carrier has recorded of a call and not deleted. */
async function recordingsOf(stage: Stage, callId: string): Promise<number> {
  const { twilio, telnyx } = stage.world;
  return byCarrier('where recordings are', {
    twilio: () => Promise.resolve(twilio.calls.get(callId)?.recordings.list.length ?? 0),
    telnyx: async () => {
      const query = new URLSearchParams({ 'filter[call_control_id]': callId });
      const answer = await fetch(`${telnyx.url}/recordings?${query}`, { headers: { authorization: `Bearer ${telnyx.apiKey}` } }); // prettier-ignore
      return ((await answer.json()) as { data: unknown[] }).data.length;
    },
  })();
}

/** Resolves when the carrier has no recording of a call any more. */
async function deleted(stage: Stage, callId: string): Promise<void> {
  const end = performance.now() + 5_000;
  while ((await recordingsOf(stage, callId)) > 0) {
    assert.ok(performance.now() < end, 'it is still at the carrier');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The words on both channels of a recording: the caller's and the agent's. */
function wordsOf(file: Buffer): { caller: string; agent: string } {
  const [caller = Buffer.alloc(0), agent = Buffer.alloc(0)] = readWav(file);
  return { caller: plain(hearWords(caller)), agent: plain(hearWords(agent)) };
}

describe('call control', () => {
  let stage: Stage;
  let flows: FlowNode[];
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'recordings-'));
    process.env.RECORDINGS_FOLDER = `${folder}/`;
    stage = await Stage.set();
    const row = sinkAt(catchAll(stage.prepare(example('09'))), IN, 1, 'events');
    const sunk = sinkAt(sinkAt(row, 'llm-agent', 2, 'turns'), 'deepgram-stt', 0, 'heard');
    // On another tab, which knows of a call its id only.
    const z = 'another-tab';
    flows = [
      ...sinkAt(sunk, 'call-control', 0, 'done'),
      { id: z, type: 'tab', label: 'another', disabled: false, info: '', env: [] },
      { id: 'ask', type: 'http in', z, url: '/ask', method: 'post', upload: false, x: 1, y: 1, wires: [['read']] },
      { id: 'read', type: 'function', z, func: READ, outputs: 2, timeout: 0, noerr: 0, initialize: '', finalize: '', libs: [], x: 1, y: 1, wires: [['act'], ['taken']] }, // prettier-ignore
      { id: 'act', type: 'call-control', z, version: 1, action: 'message', when: 'now', allowed: '+44, +1', x: 1, y: 1, wires: [['answer']] }, // prettier-ignore
      { id: 'refuse', type: 'catch', z, scope: ['act'], uncaught: false, x: 1, y: 1, wires: [['words']] },
      { id: 'words', type: 'function', z, func: 'msg.payload = { error: msg.error.message, code: msg.error.code }; msg.statusCode = 409; return msg;', outputs: 1, timeout: 0, noerr: 0, initialize: '', finalize: '', libs: [], x: 1, y: 1, wires: [['answer']] }, // prettier-ignore
      { ...ANSWER, id: 'answer', z, x: 1, y: 1, wires: [] },
      { id: 'taken', type: 'http response', z, statusCode: '202', headers: {}, x: 1, y: 1, wires: [] },
    ];
  });
  after(async () => {
    await stage.strike();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    const { openai } = stage.world;
    openai.requests.length = 0;
    openai.replies.splice(
      0,
      Infinity,
      { matchInstructions: 'is back with you', reply: BACK },
      { matchInstructions: 'could not be put through', reply: SORRY },
      { match: 'human', reply: THROUGH },
      { match: 'goodbye', reply: BYE },
    );
    stage.world[CARRIER].setLine(COLLEAGUE, {});
    stage.nodeRed.forget();
    history().clear();
    await stage.deploy(flows);
  });
  afterEach(async function () {
    // One story that goes wrong is enough.
    if (this.currentTest?.state === 'failed') for (const call of stage.world[CARRIER].calls.values()) call.hangUp();
    await stage.nothingIsLeft();
    assert.equal(heart().registry.count().opened, heart().registry.count().ended);
  });

  const history = (): History.DialHistory => (requireHere(`${PACKAGE_ROOT}/dist/nodes/call/dial/history.js`) as typeof History).dialHistory; // prettier-ignore
  const ring = (script: CallerScript = [], line: LineBehaviour = {}): PhoneCall => {
    stage.world[CARRIER].setLine(COLLEAGUE, line);
    return stage.ring(script, { path: PATH });
  };
  const events = (): Told[] => stage.nodeRed.received('events') as Told[];
  const told = (topic: string): Promise<Told> => stage.nodeRed.message('events', (msg) => msg.topic === topic) as Promise<Told>; // prettier-ignore
  const story = (): string[] => events().map(({ topic }) => topic).filter((topic) => topic.startsWith('call.')); // prettier-ignore
  const over = async (): Promise<unknown> => (await told('call.ended')).payload.reason;
  const errors = (): string[] => stage.nodeRed.received('errors').map(({ error }) => (error as Error).message);
  let requests = 0;
  /** A request to the other tab: what comes of it. */
  const outcome = async (action: string, more: object): Promise<unknown> => {
    const callId = events().find(({ topic }) => topic === 'call.started')?.call.id;
    const headers = { 'content-type': 'application/json' };
    const request = ++requests;
    const body = JSON.stringify({ callId, action, request, ...more });
    const answer = await fetch(`${stage.nodeRed.url}/ask`, { method: 'POST', headers, body });
    const isJson = answer.headers.get('content-type')?.includes('json') ?? false;
    return byPlace<() => Promise<unknown>>('answer to a request', {
      runtime: async () => (isJson ? ((await answer.json()) as unknown) : Buffer.from(await answer.arrayBuffer())),
      workers: async () => (await stage.nodeRed.message('outcomes', (msg) => msg.request === request)).payload,
    })();
  };
  const ask = async (action: string, more: object = {}): Promise<Record<string, unknown>> =>
    (await outcome(action, more)) as Record<string, unknown>;
  /** The other tab fetches a recording, by its report. */
  const audioOf = async (payload: object): Promise<Buffer> => {
    const audio = await outcome('recording-fetch', { payload });
    assert.ok(Buffer.isBuffer(audio), JSON.stringify(audio));
    return audio;
  };
  /** A caller who has been greeted and listens. */
  const greeted = async (line: LineBehaviour = {}): Promise<PhoneCall> => {
    const call = ring([], line);
    await call.heard((_, text) => plain(text).endsWith('how can i help you'));
    return call;
  };
  const dialled = (report: CallReport): unknown[] => report.dials.map(({ to, status }) => [to, status]);
  const lastRequest = (): string => JSON.stringify(stage.world.openai.requests.at(-1));

  const HUMAN: CallerScript = [{ waitForSilence: 500 }, { say: 'Can I talk to a human' }];
  const LEAVE: CallerScript = [{ waitForSilence: 500 }, { say: 'Then goodbye' }];

  describe('a caller who asks for a human (example 09)', () => {
    const ways = [
      ['busy', { outcome: 'busy' }, 'the line was busy'],
      ['no-answer', { outcome: 'no-answer', ringMs: 400 }, 'nobody answered'],
      ['failed', { outcome: 'failed' }, 'the connection could not be made'],
    ] as const;
    for (const [reason, line, words] of ways) {
      it(`${reason}: is back with the agent, which knows why; and hears its goodbye in full`, async () => {
        const report = await ring([...HUMAN, { waitFor: 'what else can I do' }, ...LEAVE], line).ended;
        wentWell(report);
        heard(report, GREETING, THROUGH, BACK, BYE);
        assert.equal(await over(), 'agent-hangup');
        assert.deepEqual(story(), ['call.started', 'call.away', 'call.resumed', 'call.ended']);
        const [away, resumed] = events().filter(({ topic }) => /away|resumed/.test(topic));
        assert.deepEqual([away?.payload, resumed?.payload], [{ to: COLLEAGUE }, { reason, to: COLLEAGUE }]);
        assert.ok(stage.world.openai.requests.some(({ instructions }) => instructions.includes(words)));
        assert.match(lastRequest(), /talk to a human/, 'the history goes on');
        assert.deepEqual([dialled(report), errors()], [[[COLLEAGUE, reason]], []]);
      });
    }

    it('has talked, and the colleague hangs up: is back with the agent, as it is set', async () => {
      const report = await ring([...HUMAN, { waitFor: 'what else can I do' }, { hangUp: true }], { says: 'Front desk', talkMs: 900 }).ended; // prettier-ignore
      wentWell(report);
      heard(report, GREETING, THROUGH, 'Front desk', BACK);
      assert.equal(await over(), 'caller-hangup');
      assert.deepEqual((await told('call.resumed')).payload, { reason: 'completed', to: COLLEAGUE });
      assert.ok(stage.world.openai.requests.some(({ instructions }) => instructions.includes('they have talked')));
    });

    it('has talked, and the colleague hangs up: the call is over, where that is set', async () => {
      await stage.deploy(change(flows, 'call-control', { afterwards: 'end' }));
      const report = await ring(HUMAN, { says: 'Front desk', talkMs: 600 }).ended;
      wentWell(report);
      heard(report, GREETING, THROUGH, 'Front desk');
      assert.equal(await over(), 'transferred');
      assert.deepEqual(story(), ['call.started', 'call.away', 'call.ended']);
    });

    it('hangs up before anybody answers: nobody is rung any more', async () => {
      const call = ring(HUMAN, { ringMs: 15_000 });
      await told('call.away');
      await until('it rings', () => call.report().dials.length === 1);
      call.hangUp();
      const report = await call.ended;
      assert.equal(await over(), 'caller-hangup');
      assert.deepEqual([dialled(report), errors()], [[[COLLEAGUE, 'canceled']], []]);
    });

    it('is hung up on while away, and not put through a second time', async () => {
      const call = ring(HUMAN, { says: 'Front desk', talkMs: 15_000 });
      await call.heard((_, text) => plain(text).endsWith('front desk'));
      const second = await ask('transfer', { to: '+442079460321' });
      assert.match(
        String(second.error),
        /call-control: the caller is being put through, or talks to somebody, already/,
      );
      assert.deepEqual(await ask('hang-up'), { action: 'hang-up' });
      const report = await call.ended;
      assert.deepEqual([report.endedBy, await over(), report.dials.length], ['application', 'agent-hangup', 1]);
    });

    it('a Deploy in the midst of it drops nothing', async () => {
      const call = ring([...HUMAN, { waitFor: 'what else can I do' }, ...LEAVE], { outcome: 'busy', ringMs: 700 });
      await told('call.away');
      await stage.deploy(flows);
      const report = await call.ended;
      wentWell(report);
      heard(report, GREETING, THROUGH, BACK, BYE);
      assert.equal(await over(), 'agent-hangup');
      assert.deepEqual(story(), ['call.started', 'call.away', 'call.resumed', 'call.ended']);
      assert.deepEqual(errors(), []);
    });

    it('cannot be put through (the colleague was rung too often): is told so, and the talk goes on', async () => {
      for (let i = 0; i < 10; i++) history().take(COLLEAGUE, 10);
      const report = await ring([...HUMAN, { waitFor: 'take a message' }, ...LEAVE]).ended;
      wentWell(report);
      heard(report, GREETING, THROUGH, SORRY, BYE);
      assert.deepEqual(report.dials, []);
      assert.match(errors()[0] ?? '', /this number was dialled 10 times within the last hour/);
    });
  });

  describe('from another tab, by the id of the call', () => {
    it('hangs it up', async () => {
      const call = await greeted();
      assert.deepEqual(await ask('hang-up'), { action: 'hang-up' });
      const report = await call.ended;
      assert.deepEqual([report.endedBy, await over(), report.findings], ['application', 'agent-hangup', []]);
      assert.match(String((await ask('hang-up')).error), /the call has ended already: nothing was done/);
    });

    it('dials nothing that is not allowed, and says why', async () => {
      const call = await greeted();
      for (const [to, words] of [
        ['+19005550100', /premium-rate/],
        ['911', /emergency/],
        ['+4930123456', /not among the allowed/],
      ] as const) {
        assert.match(String((await ask('transfer', { to })).error), words);
      }
      for (let i = 0; i < 10; i++) history().take('+442079460999', 10);
      assert.match(String((await ask('transfer', { to: '+44 20 7946 0999' })).error), /dialled 10 times/);
      call.hangUp();
      assert.deepEqual((await call.ended).dials, []);
    });

    it('sets values, which stand in msg.call.parameters from then on', async () => {
      const call = await greeted();
      const { parameters } = await ask('set-values', { values: { customer: 'c-17', bikes: 2 } });
      assert.deepEqual(parameters, { customer: 'c-17', bikes: '2' });
      call.hangUp();
      await call.ended;
      assert.deepEqual((await told('call.ended')).call.parameters, { customer: 'c-17', bikes: '2' });
    });

    it('sends digits, which whoever is on the line hears as tones', async () => {
      const call = await greeted();
      assert.deepEqual(await ask('digits', { digits: '1w#' }), { action: 'digits', digits: '1w#' });
      await until('the tones are heard', () => call.report().heardTones === '1#');
      call.hangUp();
      assert.deepEqual((await call.ended).findings, []);
    });

    it('records, pauses and goes on: what was said meanwhile is not on the recording', async () => {
      const call = await greeted();
      const { recordingId } = await ask('recording-start');
      await call.perform({ say: 'one apple' });
      await ask('recording-pause');
      await call.perform({ say: 'two secrets' });
      await ask('recording-resume');
      await call.perform({ say: 'three pears' });
      assert.equal((await ask('recording-stop')).action, 'recording-stop');
      const report = (await stage.nodeRed.message('events', (msg) => msg.topic === 'call.recording' && (msg.payload as Told).status === 'completed')) as Told; // prettier-ignore
      if (recordingId !== '') assert.equal(report.payload.recordingId, recordingId);
      const words = wordsOf(await audioOf(report.payload)).caller;
      assert.ok(words.includes('one apple') && words.includes('three pears') && !words.includes('secrets'), words);
      assert.equal(await recordingsOf(stage, call.callId), 1);
      assert.equal((await ask('recording-delete', { payload: report.payload })).action, 'recording-delete');
      assert.equal(await recordingsOf(stage, call.callId), 0);
      call.hangUp();
      assert.deepEqual((await call.ended).findings, []);
    });

    it('has the carrier transcribe both sides, until that is stopped', async () => {
      const call = await greeted();
      const finals = (): string =>
        events()
          .filter(({ topic, payload }) => topic === 'call.transcription' && payload.status === 'final')
          .map(({ payload }) => plain(String(payload.text)))
          .join(' ');
      assert.equal((await ask('transcription-start')).action, 'transcription-start');
      await call.perform({ say: 'Do you open on Sunday' });
      // The caller's words, and the agent's that repeat them.
      await until('either side is transcribed', () => finals().split('do you open on sunday').length === 3, 5_000);
      assert.equal((await ask('transcription-stop')).action, 'transcription-stop');
      await call.perform({ say: 'one more thing' });
      await stage.nodeRed.message('heard', (msg) => msg.topic === 'transcript' && plain(String(msg.payload)).includes('one more thing')); // prettier-ignore
      assert.match(String((await ask('transcription-stop')).error), /not being transcribed/);
      assert.doesNotMatch(finals(), /one more/);
      call.hangUp();
      assert.deepEqual((await call.ended).findings, []);
    });

    it('deletes what is being recorded, as soon as the carrier has it', async () => {
      const call = await greeted();
      await ask('recording-start');
      await call.perform({ say: 'better not' });
      assert.equal((await ask('recording-delete')).action, 'recording-delete');
      await stage.nodeRed.message('events', ({ topic, payload }) => topic === 'call.recording' && (payload as Told).status === 'deleted'); // prettier-ignore
      assert.equal(await recordingsOf(stage, call.callId), 0);
      call.hangUp();
      await call.ended;
    });

    it('keeps private what is said and keyed in: in no message, turn, log or recording', async () => {
      const { log } = requireHere(requireHere.resolve('@node-red/util', { paths: [requireHere.resolve(NODE_RED)] })) as { log: { addHandler(handler: object): void; removeHandler(handler: object): void } }; // prettier-ignore
      const lines: string[] = [];
      const handler = { emit: (_type: string, line: unknown) => lines.push(JSON.stringify(line)) };
      log.addHandler(handler);
      try {
        const call = await greeted();
        await ask('recording-start');
        await call.perform({ say: 'hello there' });
        await stage.nodeRed.message('turns', ({ payload }) => JSON.stringify(payload).includes('hello there'));
        assert.deepEqual(await ask('private-on').then(({ action, recording }) => [action, recording]), ['private-on', 'paused']); // prettier-ignore
        await call.perform({ say: 'my code is tangerine' });
        await call.perform({ press: '0#0*' });
        await until('the keys have come', () => events().filter(({ topic }) => topic === 'call.dtmf').length === 4);
        await stage.nodeRed.message('heard', ({ topic, payload }) => topic === 'transcript' && String(payload).includes('private')); // prettier-ignore
        await ask('private-off');
        await ask('recording-stop');
        const { payload } = (await stage.nodeRed.message('events', (msg) => msg.topic === 'call.recording' && (msg.payload as Told).status === 'completed')) as Told; // prettier-ignore
        const audio = await audioOf(payload);
        call.hangUp();
        await call.ended;
        await stage.nodeRed.message('turns', ({ topic }) => topic === 'conversation');
        assert.deepEqual(events().filter(({ topic }) => topic === 'call.dtmf').map((msg) => msg.payload), Array.from({ length: 4 }, () => '[private]')); // prettier-ignore
        assert.match(wordsOf(audio).caller, /^hello there$/);
        const isAudio = (msg: Record<string, unknown>): boolean => msg.topic === 'audio';
        const seen = ['events', 'turns', 'heard', 'done', 'errors'].flatMap((sink) => stage.nodeRed.received(sink).filter((msg) => !isAudio(msg))); // prettier-ignore
        const written = [...lines, JSON.stringify(seen), JSON.stringify(stage.world.openai.requests)].join('\n');
        assert.ok(written.includes('hello there') && lines.some((line) => line.includes('call.offered')));
        // Keys that no id and no time is made of.
        for (const secret of [/.{0,80}tangerine/i, /.{0,80}0#0\*/, /.{0,80}"payload":"[0#*]"/, /.{0,80}my code/i])
          assert.equal(secret.exec(written)?.[0], undefined);
      } finally {
        log.removeHandler(handler);
      }
    });
  });

  describe('a call that is recorded (example 10)', () => {
    const NOTICE = 'This call is recorded, so that we can do better.';
    const files = (): string[] => readdirSync(folder).filter((name) => !name.startsWith('.'));
    afterEach(() => {
      for (const name of readdirSync(folder)) rmSync(join(folder, name));
    });

    it('is recorded when the notice has been heard; after it the recording lies in the folder, and not at the carrier', async () => {
      await stage.deploy(sinkAt(catchAll(stage.prepare(example('10'))), 'call-control', 0, 'kept'));
      const call = stage.ring([{ waitForSilence: 500 }, { say: 'Do you open on Sunday' }, { waitForSilence: 500 }, { hangUp: true }], { path: '/twilio/recorded' }); // prettier-ignore
      const report = await call.ended;
      wentWell(report);
      heard(report, NOTICE, GREETING, 'You said: Do you open on Sunday.');
      const kept = await stage.nodeRed.message('kept', ({ recording }) => recording !== undefined);
      const { file, deleted } = kept.payload as { file: string; deleted: boolean };
      assert.deepEqual([files().map((name) => join(folder, name)), deleted], [[file], true]);
      const words = wordsOf(readFileSync(file));
      assert.equal(words.caller, 'do you open on sunday');
      assert.ok(words.agent.includes(plain(GREETING)) && !words.agent.includes('better'), words.agent);
      assert.equal(await recordingsOf(stage, report.callId), 0);
      assert.deepEqual(errors(), []);
    });

    it('stays at the carrier as long as nobody has said where to keep it', async () => {
      delete process.env.RECORDINGS_FOLDER;
      try {
        await stage.deploy(sinkAt(catchAll(stage.prepare(example('10'))), 'call-control', 0, 'kept'));
      } finally {
        process.env.RECORDINGS_FOLDER = `${folder}/`;
      }
      const call = stage.ring([{ waitFor: 'How can I help you' }, { pause: 300 }, { hangUp: true }], { path: '/twilio/recorded' }); // prettier-ignore
      const report = await call.ended;
      const passed = (await stage.nodeRed.message('kept', (msg) => msg.topic === 'call.recording' && (msg.payload as Told).status === 'completed')) as Told; // prettier-ignore
      assert.equal(passed.recording, undefined);
      assert.deepEqual([await recordingsOf(stage, report.callId), files()], [1, []]);
    });

    it('is kept also where Node-RED is started anew between its end and the report', async () => {
      const userDir = makeUserDir();
      const nodeRedDir = join(PACKAGE_ROOT, 'node_modules', NODE_RED);
      let nodeRed = await NodeRedProcess.start(nodeRedDir, userDir);
      const port = Number(new URL(nodeRed.url).port);
      try {
        const flow = stage.prepare(example('10')).map((node) => (node.type.endsWith('-account') && 'publicUrl' in node ? { ...node, publicUrl: nodeRed.url } : node)); // prettier-ignore
        const body = JSON.stringify(flow);
        await fetch(`${nodeRed.url}/flows`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
        // The answer comes before they run.
        await until('the flows run', () => nodeRed.log.split('Started flows').length === 3, 10_000);
        const late = byCarrier('where recordings are', {
          twilio: { recordingReadyAfterMs: 10_000 },
          telnyx: { webhooks: { late: { 'call.recording.saved': 10_000 } } },
        });
        const webhookUrl = `${nodeRed.url}/${CARRIER}/recorded`;
        const call = stage.world[CARRIER].ring({ webhookUrl, script: [{ waitForSilence: 500 }, { say: 'Do you open on Sunday' }, { waitForSilence: 500 }, { hangUp: true }], ...late }); // prettier-ignore
        const over = await until('the call is over', () => call.report().endedBy !== undefined, 20_000).then(() => call.report()); // prettier-ignore
        wentWell(over);
        await nodeRed.stop('SIGKILL');
        assert.deepEqual(files(), []);
        nodeRed = await NodeRedProcess.start(nodeRedDir, userDir, flow, {}, port);
        await until('the recording is kept', () => files().length === 1, 30_000);
        assert.equal(wordsOf(readFileSync(join(folder, files()[0] ?? ''))).caller, 'do you open on sunday');
        await call.ended;
        await deleted(stage, over.callId);
      } finally {
        await nodeRed.stop();
        rmSync(userDir, { recursive: true, force: true });
      }
    }).timeout(90_000);
  });
});
