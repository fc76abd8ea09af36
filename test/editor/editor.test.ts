/** The nodes in the real editor: Node-RED (5, or NODE_RED_PACKAGE) in a process of its own, with this checkout in its user directory, and Chromium. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Browser, type Locator, type Page, chromium } from 'playwright-core';
import { NodeRedProcess } from '../support/node-red-process';

type FlowNode = Record<string, unknown> & { id: string; type: string };

/** The part of the editor's global that the tests look at. */
interface Editor {
  nodes: {
    getType(type: string): object | null;
    getNodeHelp(type: string): string;
    node(id: string): { validationErrors?: string[]; changed?: boolean; valid?: boolean } | null;
    dirty(state?: boolean): boolean;
    filterNodes(filter: { type: string }): { id: string }[];
    createCompleteNodeSet(): FlowNode[];
  };
  editor: { edit(node: object): void };
  actions: { invoke(name: string): void };
}
declare const RED: Editor;

const root = resolve(__dirname, '..', '..');
const userDir = join(root, '.tmp', 'editor');
const { name: packageName } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { name: string };

/** The types that stand in the palette, with what their dialog must say, and those of the accounts. */
const palette = [
  { type: 'twilio-in', label: 'Webhook path' },
  { type: 'telnyx-in', label: 'Own voice' },
  { type: 'twilio-dial', label: 'Greeting waits' },
  { type: 'telnyx-dial', label: 'Application ID' },
  { type: 'deepgram-stt', label: 'Key terms' },
  { type: 'openai-stt', label: 'Decided by' },
  { type: 'llm-agent', label: 'The caller may interrupt the greeting' },
  { type: 'agent-say', label: 'The caller may interrupt it' },
  { type: 'cartesia-tts', label: 'Contexts' },
  { type: 'elevenlabs-tts', label: 'Speaker boost' },
  { type: 'call-control', label: 'when the agent has finished speaking' },
  { type: 'twilio-out', label: "If the agent's voice fails" },
  { type: 'telnyx-out', label: "If the agent's voice fails" },
];
const accounts = [
  { type: 'twilio-account', node: 'twilio-in', label: 'Public URL' },
  { type: 'telnyx-account', node: 'telnyx-in', label: 'Public key' },
  { type: 'deepgram-account', node: 'deepgram-stt', label: 'API key' },
  { type: 'openai-account', node: 'llm-agent', label: 'API key' },
  { type: 'openai-account', node: 'openai-stt', label: 'API key' },
  { type: 'cartesia-account', node: 'cartesia-tts', label: 'API key' },
  { type: 'elevenlabs-account', node: 'elevenlabs-tts', label: 'API key' },
];

/** A flow with no property at its default: numbers, texts, and variables of the environment. */
const savedFlow: FlowNode[] = [
  { id: 'tab', type: 'tab', label: 'Voice', disabled: false, info: '', env: [] },
  {
    ...{ id: 'account-twilio', type: 'twilio-account', version: 1, name: 'Phone' },
    ...{ publicUrl: '${PUBLIC_URL}', baseUrl: 'http://127.0.0.1:9' },
  },
  {
    ...{ id: 'account-telnyx', type: 'telnyx-account', version: 1, name: 'Phone 2' },
    ...{ publicUrl: 'https://voice.example.com/red', baseUrl: '${TELNYX_URL}' },
  },
  { id: 'account-deepgram', type: 'deepgram-account', version: 1, name: 'Ears', baseUrl: '${DEEPGRAM_URL}' },
  { id: 'account-openai', type: 'openai-account', version: 1, name: 'Mind', baseUrl: 'http://127.0.0.1:9/v1' },
  { id: 'account-cartesia', type: 'cartesia-account', version: 1, name: 'Mouth', baseUrl: 'ws://127.0.0.1:9' },
  { id: 'account-elevenlabs', type: 'elevenlabs-account', version: 1, name: 'Voice', baseUrl: '${ELEVENLABS_URL}' },
  {
    ...{ id: 'in', type: 'twilio-in', z: 'tab', version: 1, name: 'calls', account: 'account-twilio', path: '/v/1' },
    ...{ parameters: '{"shop":"north"}', maxCalls: '${LINES}', busy: 'forward', busyText: 'Busy.' },
    ...{ forwardTo: '+15551234567', maxDuration: '15', idleTimeout: 60, goodbye: 'Bye.', x: 100, y: 80 },
    ...{ record: 'notice', transcribe: '${TRANSCRIBE}', notice: 'This call is recorded.', recordingChannels: 'mono' },
    ...{ recordingTrack: 'inbound', recordingTrim: true, recordingCallback: 'https://voice.example.com/recorded' },
    ...{ transcriptionEngine: 'deepgram', transcriptionModel: 'nova-3', transcriptionLanguage: 'en-GB' },
    ...{ transcriptionTrack: 'outbound', reportHours: '48', maxReports: '${REPORTS}' },
    ...{ runIn: 'workers', workers: 3, callsPerWorker: '${CALLS_EACH}', workerMemory: '128', oldCalls: 1.5 },
    ...{ workerNodes: 'csv, file in', workerApology: 'Trouble.', wires: [['stt'], []] },
  },
  {
    ...{ id: 'in-telnyx', type: 'telnyx-in', z: 'tab', version: 1, name: '', account: 'account-telnyx', path: '/v/2' },
    ...{ parameters: '${PARAMETERS}', maxCalls: 5, busy: 'reject', busyText: 'Busy.', forwardTo: '' },
    ...{ maxDuration: '15', idleTimeout: '${IDLE}', goodbye: '', voice: 'Telnyx.KokoroTTS.af', language: 'en-GB' },
    ...{ record: '${RECORD}', transcribe: 'start', notice: '', recordingChannels: '${CHANNELS}', recordingTrim: true },
    ...{ recordingTrack: 'outbound', recordingCallback: '${REPORTS_URL}', transcriptionEngine: '${ENGINE}' },
    ...{ transcriptionModel: 'nova-3', transcriptionLanguage: 'de', transcriptionTrack: 'inbound' },
    ...{ reportHours: 1.5, maxReports: 500, runIn: '${RUN_IN}', workers: '', callsPerWorker: '1' },
    ...{ workerMemory: '${MEGABYTES}', oldCalls: 5, workerNodes: '', workerApology: '${SORRY}' },
    ...{ options: '{"send_silence_when_idle":true}', headers: '${HEADERS}', x: 100, y: 140, wires: [['stt'], []] },
  },
  {
    ...{ id: 'dial', type: 'twilio-dial', z: 'tab', version: 1, name: '', account: 'account-twilio', enter: 'in' },
    ...{ to: '+442079460321', from: '+15551234567', allowed: '+44, +1212', perHour: '3', ringTimeout: '${RING}' },
    ...{ detection: 'detect_beep', answerWait: 2, onMachine: 'message', machineMessage: 'Call us back.' },
    ...{ parameters: '{"campaign":"spring"}', options: '{"CallReason":"reminder"}', headers: '${HEADERS}' },
    ...{ x: 100, y: 220, wires: [[]] },
  },
  {
    ...{ id: 'dial-telnyx', type: 'telnyx-dial', z: 'tab', version: 1, name: '', account: 'account-telnyx' },
    ...{ enter: 'in-telnyx', connectionId: '${APPLICATION}', to: '', from: '+15551234567', allowed: '+44, +1212' },
    ...{ perHour: '3', ringTimeout: 20, detection: 'greeting_end', parameters: '{"campaign":"spring"}' },
    ...{ answerWait: '2.5', onMachine: 'message', machineMessage: 'Please call us back.' },
    ...{ options: '{"from_display_name":"Acme"}', headers: '${HEADERS}', x: 100, y: 200, wires: [[]] },
  },
  {
    ...{ id: 'stt', type: 'deepgram-stt', z: 'tab', version: 1, name: '', account: 'account-deepgram' },
    ...{
      model: 'flux-general-en',
      language: '',
      endpointing: 250,
      utteranceEndMs: '1200',
      keyterms: 'Acme\nrebooking',
    },
    ...{ smartFormat: false, eotThreshold: '0.8', eagerEotThreshold: '0.5', eotTimeoutMs: '4000' },
    ...{ options: '{"mip_opt_out":true}', headers: '${HEADERS}', x: 270, y: 80, wires: [['agent']] },
  },
  {
    ...{ id: 'stt-openai', type: 'openai-stt', z: 'tab', version: 1, name: '', account: 'account-openai' },
    ...{ model: '${STT_MODEL}', language: 'en, es', prompt: 'A bicycle shop.', keywords: 'Acme\nShimano' },
    ...{ noiseReduction: 'none', turnDetection: 'semantic', vadThreshold: '0.6', prefixPaddingMs: '200' },
    ...{ silenceDurationMs: '400', eagerness: 'low', gateLevel: '-35', gateMaxSeconds: 10, options: '{}' },
    ...{ headers: '{}', x: 270, y: 140, wires: [['agent']] },
  },
  {
    ...{ id: 'agent', type: 'llm-agent', z: 'tab', version: 1, name: '', account: 'account-openai', api: 'chat' },
    ...{ model: '${MODEL}', instructions: 'Two lines\nfor {{call.from}}.', greeting: '', greetingInterruptible: false },
    ...{ temperature: '0.2', reasoningEffort: 'low', maxReplyTokens: 200, bargeIn: 'count', bargeInWords: '2' },
    ...{ chunking: '${CHUNKS}', turnsKept: 5, apology: 'Sorry.', timeBudget: '4.5', options: '{"top_p":0.5}' },
    ...{
      headers: '{"x-team":"voice"}',
      queueLimit: '3',
      queuePolicy: '${POLICY}',
      x: 440,
      y: 80,
      wires: [['tts'], [], []],
    },
  },
  {
    ...{ id: 'say', type: 'agent-say', z: 'tab', version: 1, name: '', text: 'Two lines\nfor {{call.from}}.' },
    ...{ when: '${WHEN}', on: 'call.dtmf, said', kind: 'notice', interruptible: false, x: 440, y: 140 },
    wires: [['tts'], []],
  },
  {
    ...{
      id: 'tts',
      type: 'cartesia-tts',
      z: 'tab',
      version: 1,
      name: '',
      account: 'account-cartesia',
      voice: '${VOICE}',
    },
    ...{ model: 'sonic-4', language: 'de', speed: '1.1', apiVersion: '2026-08-14', concurrency: 3, options: '{}' },
    ...{ headers: '{}', x: 610, y: 80, wires: [['out']] },
  },
  {
    ...{ id: 'tts-eleven', type: 'elevenlabs-tts', z: 'tab', version: 1, name: '', account: 'account-elevenlabs' },
    ...{ voice: '${VOICE}', model: 'eleven_turbo_v2_5', language: '', stability: '0.4', similarity: 0.8, style: '0.1' },
    ...{ speed: '1.1', speakerBoost: 'off', concurrency: '${CONTEXTS}', options: '{"seed":7}', headers: '{}' },
    ...{ x: 610, y: 140, wires: [['out']] },
  },
  {
    ...{ id: 'control', type: 'call-control', z: 'tab', version: 1, name: '', action: 'message', on: 'call.started' },
    ...{ when: 'now', goodbye: 'Bye.', to: '+15551234567', allowed: '+44, sip:pbx.example.com', perHour: '${TIMES}' },
    ...{ callerId: '+15557654321', ringTimeout: '20', timeLimit: 60, afterwards: 'back', recordingChannels: 'mono' },
    ...{ recordingTrack: '${TRACK}', recordingTrim: true, recordingCallback: 'https://voice.example.com/recorded' },
    ...{
      file: '${FOLDER}',
      createDir: true,
      remove: true,
      transcriptionEngine: 'deepgram',
      transcriptionModel: 'nova-3',
    },
    ...{ transcriptionLanguage: 'de', transcriptionTrack: 'inbound', digits: '1w2#', values: '{"vip":true}' },
    ...{ x: 780, y: 200, wires: [[]] },
  },
  {
    ...{ id: 'out', type: 'twilio-out', z: 'tab', version: 1, name: '', lastResort: false },
    ...{ lastResortText: 'Trouble.', x: 780, y: 80, wires: [] },
  },
  {
    ...{ id: 'out-telnyx', type: 'telnyx-out', z: 'tab', version: 1, name: '', lastResort: true },
    ...{ lastResortText: '${TROUBLE}', x: 780, y: 140, wires: [] },
  },
];

const byId = (flow: FlowNode[]): Record<string, FlowNode> => Object.fromEntries(flow.map((node) => [node.id, node]));

describe('the editor', function () {
  this.timeout(90_000);
  let instance: NodeRedProcess;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  before(async () => {
    rmSync(userDir, { recursive: true, force: true });
    const link = join(userDir, 'node_modules', packageName);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(root, link);
    instance = await NodeRedProcess.start(
      join(root, 'node_modules', process.env.NODE_RED_PACKAGE ?? 'node-red'),
      userDir,
    );
    const { default: sparticuz } = await import('@sparticuz/chromium');
    browser = await chromium.launch({ executablePath: await sparticuz.executablePath(), args: sparticuz.args });
    page = await browser.newPage({ viewport: { width: 1500, height: 900 }, locale: 'en-US' });
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(`${message.text()} (${message.location().url})`);
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    // The editor asks for the catalogue of nodes and for news; a test has no network.
    await page.route(
      (url) => !url.href.startsWith(instance.url),
      (route) => route.fulfill({ status: 200, contentType: 'application/json', body: '{"modules":[]}' }),
    );
    page.setDefaultTimeout(30_000);
    await open();
  });
  after(async () => {
    await browser.close();
    await instance.stop();
  });
  afterEach(() => {
    assert.deepEqual(complaints.splice(0), [], 'errors on the console');
  });

  /** Loads the editor, until its palette holds all of ours. */
  async function open(): Promise<void> {
    await page.goto(instance.url);
    await page.waitForFunction(
      (types) => typeof RED !== 'undefined' && types.every((type) => RED.nodes.getType(type)),
      palette.map(({ type }) => type),
    );
    await page.locator('#red-ui-loading-progress').waitFor({ state: 'hidden' });
  }

  const dialog = (): Locator => page.locator('.red-ui-tray .voice-agent-dialog').last();

  /**
   * Waits until no dialog moves: each has slid out and is gone, or the topmost has slid in. Node-RED raises the stack of
   * dialogs to 13 when one has come to rest, and lowers it before it moves any.
   */
  async function atRest(): Promise<void> {
    await page.waitForFunction(() => {
      const stack = document.querySelector<HTMLElement>('#red-ui-editor-stack');
      const shade = document.querySelector<HTMLElement>('#red-ui-header-shade');
      const open = stack?.querySelector('.red-ui-tray') != null;
      return open ? stack.style.zIndex === '13' : shade?.offsetParent === null;
    });
  }

  /** Opens as a double click does, whose two clicks a busy machine may take for two single ones. */
  async function openDialog(id: string): Promise<void> {
    await atRest();
    await page.evaluate((wanted) => {
      const node = RED.nodes.node(wanted);
      if (node) RED.editor.edit(node);
    }, id);
    await dialog().waitFor();
    await atRest();
  }

  /** Closes the topmost dialog by one of its buttons. */
  async function done(button = '#node-dialog-ok'): Promise<void> {
    await page.locator(button).click();
    await page.locator(button).waitFor({ state: 'detached' });
    await atRest();
  }

  /** From the node's dialog to that of its account. */
  async function openAccount(button: string): Promise<void> {
    await page.locator(button).click();
    await page.locator('#node-config-input-name').waitFor();
    await atRest();
  }

  /** Chooses from the list of a property, by words of the option. */
  async function choose(property: string, words: string): Promise<void> {
    await page
      .locator(`#node-input-${property} + .red-ui-typedInput-container .red-ui-typedInput-option-trigger`)
      .click();
    const menu = page.locator('.red-ui-typedInput-options:visible');
    // It unrolls, and on a busy machine a pointer meets an option on its way: told, it is chosen wherever it is.
    await menu.locator('a', { hasText: words }).dispatchEvent('click');
    await menu.waitFor({ state: 'hidden' });
  }

  async function deploy(): Promise<void> {
    const answered = page.waitForResponse(
      (response) => response.request().method() === 'POST' && /\/flows$/.test(response.url()),
    );
    await page.locator('#red-ui-header-button-deploy').click();
    const confirm = page.locator(
      '.ui-dialog button:has-text("deploy"), .red-ui-notification button:has-text("deploy")',
    );
    await Promise.race([
      answered,
      confirm
        .first()
        .click({ timeout: 5000 })
        .catch(() => undefined),
    ]);
    assert.ok((await answered).ok());
    await page.waitForFunction(() => !RED.nodes.dirty());
  }

  /** Waits until the editor has taken over what was deployed from outside. */
  async function load(flow: FlowNode[]): Promise<void> {
    const response = await fetch(`${instance.url}/flows`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(flow),
    });
    assert.ok(response.ok);
    await open();
  }

  /** All that a dialog shows is text, and not the key of a text that is missing. */
  async function checkTexts(): Promise<void> {
    const texts = await dialog().evaluate((element) =>
      [element, ...element.querySelectorAll('*')].flatMap((each) => [
        ...[...each.childNodes].filter((child) => child.nodeType === 3).map((child) => child.textContent ?? ''),
        each.getAttribute('placeholder') ?? '',
        each.getAttribute('title') ?? '',
      ]),
    );
    const raw = texts.filter((text) => /@dialog-red|^\s*(common|[a-z]+-[a-z]+)\.[\w.-]+\s*$/.test(text));
    assert.deepEqual(raw, []);
    assert.ok(texts.some((text) => /\w/.test(text)));
  }

  /** Opens all folded sections. */
  async function unfold(): Promise<void> {
    await dialog().evaluate((element) => {
      for (const details of element.querySelectorAll('details')) details.open = true;
    });
  }

  it('shows the nodes in a category of their own, with their labels', async () => {
    const category = page.locator('#red-ui-palette-container-voice_agent');
    await category.waitFor();
    assert.match(await category.locator('.red-ui-palette-header').innerText(), /voice agent/i);
    const shown = await category
      .locator('.red-ui-palette-node')
      .evaluateAll((elements) => elements.map((element) => element.getAttribute('data-palette-type')));
    assert.deepEqual(shown.sort(), palette.map(({ type }) => type).sort());
    const labels = await category.locator('.red-ui-palette-label').allInnerTexts();
    assert.deepEqual(
      labels.map((label) => label.replace(/\s+/g, ' ').trim()).sort(),
      palette.map(({ type }) => type.replace('-', ' ')).sort(),
    );
  });

  it('lets every node be dragged from the palette, and opens every dialog with its texts', async () => {
    const chart = page.locator('#red-ui-workspace-chart');
    for (const [index, { type, label }] of palette.entries()) {
      await page
        .locator(`.red-ui-palette-node[data-palette-type="${type}"]`)
        .dragTo(chart, { targetPosition: { x: 200 + 250 * (index % 2), y: 100 + 70 * Math.floor(index / 2) } });
      const id = await page.evaluate((wanted) => RED.nodes.filterNodes({ type: wanted })[0]?.id, type);
      assert.ok(id, type);
      await openDialog(id);
      await unfold();
      assert.match(await dialog().innerText(), new RegExp(label), type);
      await checkTexts();
      await done('#node-dialog-cancel');
    }
  });

  it('shows the help of every node, as its author meant it', async () => {
    for (const { type } of [...palette, ...accounts]) {
      const help = await page.evaluate((wanted) => {
        const box = document.createElement('div');
        box.innerHTML = RED.nodes.getNodeHelp(wanted);
        const properties = [...box.querySelectorAll('dl.message-properties dt')].map((each) => each.textContent ?? '');
        return {
          text: box.innerText,
          headings: [...box.querySelectorAll('h3')].map((each) => each.innerText),
          properties,
        };
      }, type);
      assert.ok(help.headings.includes('Details'), type);
      if (!type.endsWith('-in'))
        assert.ok(help.headings.includes(type.endsWith('account') ? 'Properties' : 'Inputs'), type);
      assert.ok(help.properties.length > 1, `${type}: properties`);
      assert.doesNotMatch(help.text, /^\s*:|\s:\s*$|###|\*\w/m, type);
    }
  });

  it('makes the accounts from the nodes that use them', async () => {
    for (const { type, node: user, label } of accounts) {
      const id = await page.evaluate((wanted) => RED.nodes.filterNodes({ type: wanted })[0]?.id, user);
      assert.ok(id);
      await openDialog(id);
      await openAccount('#node-input-btn-account-add');
      await unfold();
      assert.match(await dialog().innerText(), new RegExp(label), type);
      await checkTexts();
      await page.locator('#node-config-input-name').fill(`my ${type}`);
      if (type === 'twilio-account') {
        await page.locator('#node-config-input-publicUrl').fill('not a url');
        await page.locator('#node-config-input-publicUrl').dispatchEvent('change');
        await page.locator('#node-config-input-publicUrl.input-error').waitFor();
        await page.locator('#node-config-input-publicUrl').fill('https://voice.example.com');
        await page.locator('#node-config-input-accountSid').fill('AC1');
        await page.locator('#node-config-input-authToken').fill('${TWILIO_AUTH_TOKEN}');
      } else if (type === 'telnyx-account') {
        await page.locator('#node-config-input-publicUrl').fill('https://voice.example.com');
        await page.locator('#node-config-input-apiKey').fill('${TELNYX_API_KEY}');
        await page.locator('#node-config-input-publicKey').fill('${TELNYX_PUBLIC_KEY}');
      } else {
        await page.locator('#node-config-input-apiKey').fill('${KEY}');
      }
      await done('#node-config-dialog-ok');
      await done();
      const errors = await page.evaluate((wanted) => RED.nodes.node(wanted)?.validationErrors, id);
      assert.deepEqual(errors, [], user);
    }
  });

  it('says what is wrong with a value, and takes a variable of the environment for any', async () => {
    const wrong: Record<string, Record<string, [value: string, message: RegExp]>> = {
      'twilio-in': {
        path: ['voice', /Webhook path: must begin with \//],
        maxCalls: ['many', /Lines: not a number/],
        maxDuration: ['0', /Longest call: not from 1 to 1440/],
        reportHours: ['0', /Await reports: not from 0.01 to 720/],
      },
      'telnyx-in': {
        path: ['/a b', /Webhook path: must begin with \//],
        idleTimeout: ['5', /End after: not from 10 to 3600/],
        maxReports: ['1.5', /Reports at most: not a whole number/],
      },
      'deepgram-stt': {
        model: ['', /Model: missing/],
        endpointing: ['1.5', /Pause: not a whole number/],
      },
      'openai-stt': {
        silenceDurationMs: ['50', /Pause: not from 100 to 5000/],
        vadThreshold: ['2', /Sensitivity: not from 0 to 1/],
      },
      'llm-agent': {
        timeBudget: ['soon', /Answer within: not a number/],
        temperature: ['3', /Temperature: not from 0 to 2/],
        queueLimit: ['900', /Waiting: not from 1 to 100/],
      },
      'cartesia-tts': { voice: ['', /Voice: missing/], speed: ['9', /Speed: not from 0.6 to 1.5/] },
      'agent-say': { on: ['transcript, audio', /Speak on: topics with commas between, and never audio/] },
      'call-control': { on: ['transcript, audio', /Act on: topics with commas between, and never audio/] },
      'elevenlabs-tts': { stability: ['2', /Stability: not from 0 to 1/], speed: ['9', /Speed: not from 0.7 to 1.2/] },
    };
    for (const [type, properties] of Object.entries(wrong)) {
      const id = await page.evaluate((wanted) => RED.nodes.filterNodes({ type: wanted })[0]?.id, type);
      assert.ok(id);
      await openDialog(id);
      await unfold();
      const before = new Map<string, string>();
      for (const [property, [value]] of Object.entries(properties)) {
        const field = page.locator(`#node-input-${property}`);
        before.set(property, await field.inputValue());
        await field.fill(value);
        await field.dispatchEvent('change');
        await page.locator(`#node-input-${property}.input-error`).waitFor();
      }
      await done();
      const errors = (await page.evaluate((wanted) => RED.nodes.node(wanted)?.validationErrors, id)) ?? [];
      for (const [, message] of Object.values(properties))
        assert.ok(
          errors.some((error) => message.test(error)),
          `${message}: ${errors.join()}`,
        );
      assert.equal(errors.length, Object.keys(properties).length, errors.join());

      await openDialog(id);
      await unfold();
      for (const property of before.keys()) await page.locator(`#node-input-${property}`).fill('${SOME_VARIABLE}');
      await done();
      assert.deepEqual(await page.evaluate((wanted) => RED.nodes.node(wanted)?.validationErrors, id), []);

      await openDialog(id);
      await unfold();
      for (const [property, value] of before) await page.locator(`#node-input-${property}`).fill(value);
      await done();
    }
  });

  it('shows the fields that belong to the model and to the choices made', async () => {
    const stt = await page.evaluate(() => RED.nodes.filterNodes({ type: 'deepgram-stt' })[0]?.id);
    const agent = await page.evaluate(() => RED.nodes.filterNodes({ type: 'llm-agent' })[0]?.id);
    assert.ok(stt && agent);
    await openDialog(stt);
    assert.equal(await page.locator('#node-input-endpointing').isVisible(), true);
    assert.equal(await page.locator('#node-input-eotThreshold').isVisible(), false);
    await page.locator('#node-input-model').fill('flux-general-en');
    assert.equal(await page.locator('#node-input-endpointing').isVisible(), false);
    assert.equal(await page.locator('#node-input-eotThreshold').isVisible(), true);
    await done('#node-dialog-cancel');

    const control = await page.evaluate(() => RED.nodes.filterNodes({ type: 'call-control' })[0]?.id);
    assert.ok(control);
    await openDialog(control);
    // When the agent has finished it has said goodbye itself.
    for (const id of ['goodbye', 'to', 'file', 'digits']) {
      assert.equal(await page.locator(`#node-input-${id}`).isVisible(), false, id);
    }
    await choose('action', 'put the caller through');
    assert.equal(await page.locator('#node-input-to').isVisible(), true);
    assert.equal(await page.locator('#node-input-file').isVisible(), false);
    await done('#node-dialog-cancel');

    await openDialog(agent);
    assert.equal(await page.locator('#node-input-bargeInWords').isVisible(), false);
    await choose('bargeIn', 'after a number of words');
    assert.equal(await page.locator('#node-input-bargeInWords').isVisible(), true);
    await done();
    const saved = await page.evaluate((id) => RED.nodes.createCompleteNodeSet().find((each) => each.id === id), agent);
    assert.equal(saved?.['bargeIn'], 'count');
  });

  it('asks a say node for a text where it speaks at the start of a call, when no message brings one', async () => {
    const say = await page.evaluate(() => RED.nodes.filterNodes({ type: 'agent-say' })[0]?.id);
    assert.ok(say);
    await openDialog(say);
    await page.locator('#node-input-text').fill('');
    await page.locator('#node-input-text').dispatchEvent('change');
    assert.equal(await page.locator('#node-input-text.input-error').count(), 0);
    assert.equal(await page.locator('#node-input-on').isVisible(), true);
    await choose('when', 'at the start of every call');
    await page.locator('#node-input-text.input-error').waitFor();
    assert.equal(await page.locator('#node-input-on').isVisible(), false);
    assert.match(await dialog().innerText(), /It needs no wire into it/);
    await done();
    const errors = await page.evaluate((id) => RED.nodes.node(id)?.validationErrors, say);
    assert.match(
      errors?.join() ?? '',
      /^Text: missing, and at the start of a call there is no message that brings one$/,
    );

    await openDialog(say);
    await page.locator('#node-input-text').fill('Hello');
    await done();
    assert.deepEqual(await page.evaluate((id) => RED.nodes.node(id)?.validationErrors, say), []);
  });

  it('shows the fields of openai-stt that belong to who decides that a turn is over', async () => {
    const stt = await page.evaluate(() => RED.nodes.filterNodes({ type: 'openai-stt' })[0]?.id);
    assert.ok(stt);
    await openDialog(stt);
    const shown = async (): Promise<boolean[]> =>
      Promise.all(
        ['silenceDurationMs', 'vadThreshold', 'gateLevel'].map((name) =>
          page.locator(`#node-input-${name}`).isVisible(),
        ),
      );
    assert.deepEqual(await shown(), [true, true, false]);
    await page.locator('#node-input-model').fill('gpt-live-transcribe');
    assert.deepEqual(await shown(), [true, false, true]);
    await choose('turnDetection', 'judged by OpenAI');
    assert.deepEqual(await shown(), [false, false, false]);
    await done('#node-dialog-cancel');
  });

  it('shows of an in-node that records and transcribes what belongs to the choice made, on every carrier alike', async () => {
    for (const type of ['twilio-in', 'telnyx-in']) {
      const id = await page.evaluate((wanted) => RED.nodes.filterNodes({ type: wanted })[0]?.id, type);
      assert.ok(id);
      await openDialog(id);
      const shown = async (): Promise<boolean[]> =>
        Promise.all(
          ['notice', 'recordingChannels', 'recordingCallback', 'transcriptionEngine'].map((name) =>
            page.locator(`#node-input-${name} + .red-ui-typedInput-container, #node-input-${name}:visible`).isVisible(),
          ),
        );
      assert.deepEqual(await shown(), [false, false, false, false], type);
      await choose('record', 'from the start');
      assert.deepEqual(await shown(), [false, true, true, false], type);
      await choose('transcribe', 'after a notice');
      assert.deepEqual(await shown(), [true, true, true, true], type);
      await choose('record', 'not at all');
      assert.deepEqual(await shown(), [true, false, false, true], type);
      await done('#node-dialog-cancel');
    }
  });

  it('shows of an in-node whose calls run in worker threads what belongs to them, and says what is wrong there', async () => {
    for (const type of ['twilio-in', 'telnyx-in']) {
      const id = await page.evaluate((wanted) => RED.nodes.filterNodes({ type: wanted })[0]?.id, type);
      assert.ok(id);
      await openDialog(id);
      const wrong: Record<string, [value: string, message: RegExp]> = {
        workers: ['1.5', /Workers: not a whole number/],
        callsPerWorker: ['0', /Calls in each: not from 1 to 10000/],
        workerMemory: ['', /Memory: missing/],
        oldCalls: ['never', /Old calls: not a number/],
      };
      const fields = [...Object.keys(wrong), 'workerNodes', 'workerApology'];
      const shown = (): Promise<boolean[]> =>
        Promise.all(fields.map((name) => page.locator(`#node-input-${name}`).isVisible()));
      assert.deepEqual([...new Set(await shown())], [false], type);
      await choose('runIn', 'worker threads');
      assert.deepEqual([...new Set(await shown())], [true], type);
      await checkTexts();
      for (const [property, [value]] of Object.entries(wrong)) {
        await page.locator(`#node-input-${property}`).fill(value);
        await page.locator(`#node-input-${property}`).dispatchEvent('change');
        await page.locator(`#node-input-${property}.input-error`).waitFor();
      }
      await done();
      const errors = await page.evaluate((wanted) => RED.nodes.node(wanted)?.validationErrors ?? [], id);
      assert.equal(errors.length, Object.keys(wrong).length, errors.join());
      for (const [, message] of Object.values(wrong)) assert.ok(errors.some((error) => message.test(error)), `${message}`); // prettier-ignore

      await openDialog(id);
      for (const property of ['workers', 'callsPerWorker']) await page.locator(`#node-input-${property}`).fill('');
      await page.locator('#node-input-workerMemory').fill('256');
      await page.locator('#node-input-oldCalls').fill('60');
      await choose('runIn', 'this runtime');
      assert.deepEqual([...new Set(await shown())], [false], type);
      await done();
      assert.deepEqual(await page.evaluate((wanted) => RED.nodes.node(wanted)?.validationErrors, id), []);
    }
  });

  it('deploys what was made, with all of its properties and without its keys', async () => {
    await deploy();
    const flow = await instance.json<FlowNode[]>('/flows');
    for (const { type } of [...palette, ...accounts]) {
      const saved = flow.find((each) => each.type === type);
      assert.equal(saved?.['version'], 1, type);
    }
    const agent = flow.find((each) => each.type === 'llm-agent');
    assert.equal(agent?.['greeting'], 'Hello, how can I help you?');
    assert.match(String(agent['instructions']), /answers the phone/);
    assert.doesNotMatch(JSON.stringify(flow), /authToken|apiKey|publicKey|TWILIO_AUTH_TOKEN|TELNYX_/);
  });

  it('deploys a saved flow untouched, and loses nothing', async () => {
    await load(savedFlow);
    const before = byId(await instance.json<FlowNode[]>('/flows'));
    for (const each of savedFlow) assert.deepEqual(before[each.id], each);
    await page.evaluate(() => RED.nodes.dirty(true));
    await deploy();
    assert.deepEqual(byId(await instance.json<FlowNode[]>('/flows')), before);
  });

  it('closes every dialog with Done and nothing changed, and loses nothing', async () => {
    await load(savedFlow);
    const before = byId(await instance.json<FlowNode[]>('/flows'));
    for (const id of ['in', 'in-telnyx', 'dial-telnyx', 'stt', 'stt-openai', 'agent', 'tts', 'out', 'out-telnyx']) {
      await openDialog(id);
      if (!id.startsWith('out')) {
        await openAccount('#node-input-btn-account-edit');
        await done('#node-config-dialog-ok');
      }
      await done();
      const state = await page
        .evaluate((wanted) => RED.nodes.node(wanted), id)
        .then((found) => found?.validationErrors);
      assert.deepEqual(state, [], id);
    }
    const after = await page.evaluate(() => JSON.stringify(RED.nodes.createCompleteNodeSet()));
    for (const { credentials: _credentials, ...each } of JSON.parse(after) as FlowNode[]) {
      assert.deepEqual(each, before[each.id]);
    }
  });

  it('takes an in-node that was saved before there were worker threads: its calls run in this runtime', async () => {
    const later = ['runIn', 'workers', 'callsPerWorker', 'workerMemory', 'oldCalls', 'workerNodes', 'workerApology'];
    const saved = savedFlow.map((node) =>
      node.id === 'in' ? { ...node, ...Object.fromEntries(later.map((name) => [name, undefined])) } : node,
    );
    await load(saved);
    const state = (): Promise<{ errors: string[] | undefined; node: FlowNode | undefined }> =>
      page.evaluate(() => ({
        errors: RED.nodes.node('in')?.validationErrors,
        node: RED.nodes.createCompleteNodeSet().find(({ id }) => id === 'in'),
      }));
    const before = await state();
    assert.deepEqual(before.errors, []);
    assert.deepEqual([...new Set(later.map((name) => before.node?.[name]))], [undefined]);
    await openDialog('in');
    assert.equal(await page.locator('#node-input-oldCalls').isVisible(), false);
    await done();
    const { errors, node } = await state();
    assert.deepEqual(errors, []);
    assert.deepEqual(
      later.map((name) => node?.[name]),
      ['runtime', '', '', '256', '60', '', 'We are sorry, there is a technical problem. Please call again.'],
    );
  });

  it('says of telnyx-dial which node the call enters, and which numbers cannot be', async () => {
    await load(savedFlow);
    await openDialog('dial-telnyx');
    assert.match(await dialog().innerText(), /\/v\/2/, 'the telnyx-in, by its path');
    const wrong: Record<string, [value: string, message: RegExp]> = {
      to: ['020 7946', /Call: neither a number in international form/],
      allowed: ['+44, Germany', /Prefixes: must be such as \+49/],
      connectionId: ['', /Application ID: missing/],
      ringTimeout: ['3', /Let it ring: not from 5 to 600/],
    };
    for (const [property, [value]] of Object.entries(wrong)) {
      await page.locator(`#node-input-${property}`).fill(value);
      await page.locator(`#node-input-${property}`).dispatchEvent('change');
      await page.locator(`#node-input-${property}.input-error`).waitFor();
    }
    await done();
    const errors = await page.evaluate(() => RED.nodes.node('dial-telnyx')?.validationErrors ?? []);
    for (const [, message] of Object.values(wrong))
      assert.ok(
        errors.some((error) => message.test(error)),
        `${message}`,
      );
    assert.equal(errors.length, Object.keys(wrong).length, errors.join());
    await openDialog('dial-telnyx');
    for (const [property, value] of [
      ['to', '+44 (0)20 7946-0321'],
      ['allowed', '+44, +1 (212), sip:pbx.example.com'],
      ['connectionId', '${APPLICATION}'],
      ['ringTimeout', '${RING}'],
    ] as const) {
      await page.locator(`#node-input-${property}`).fill(value);
    }
    await done();
    assert.deepEqual(await page.evaluate(() => RED.nodes.node('dial-telnyx')?.validationErrors), []);
  });

  it('imports example 01 from the menu, and deploys it', async function () {
    const [example] = existsSync(join(root, 'examples'))
      ? readdirSync(join(root, 'examples')).filter((x) => x.startsWith('01'))
      : [];
    assert.ok(example, 'examples/01…');
    await load([{ id: 'empty', type: 'tab', label: 'Empty', disabled: false, info: '', env: [] }]);
    await page.evaluate(() => RED.actions.invoke('core:show-examples-import-dialog'));
    const box = page.locator('.ui-dialog:visible');
    await box.locator('.red-ui-treeList-label', { hasText: packageName }).first().click();
    await box
      .locator('.red-ui-treeList-label', { hasText: example.replace('.json', '') })
      .first()
      .click();
    await page.locator('#red-ui-clipboard-dialog-ok').click();
    await box.waitFor({ state: 'hidden' });
    await page.waitForFunction((type) => RED.nodes.filterNodes({ type })[0] !== undefined, 'twilio-out');
    await page.mouse.click(700, 450); // drops what hangs at the mouse, if anything does
    await deploy();
    const flow = await instance.json<FlowNode[]>('/flows');
    const shipped = JSON.parse(readFileSync(join(root, 'examples', example), 'utf8')) as FlowNode[];
    for (const { type } of shipped)
      assert.ok(
        flow.some((each) => each.type === type),
        type,
      );
  });
});
