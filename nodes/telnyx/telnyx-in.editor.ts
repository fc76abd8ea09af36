import {
  automaticFields,
  catalogue,
  checks,
  choiceField,
  fillMissing,
  jsonField,
  openFaulty,
  workerFields,
} from '../call/dialog.editor';

interface Properties {
  version: number;
  name: string;
  account: string;
  path: string;
  parameters: string;
  maxCalls: number;
  busy: string;
  busyText: string;
  forwardTo: string;
  maxDuration: number;
  idleTimeout: number;
  goodbye: string;
  record: string;
  transcribe: string;
  notice: string;
  recordingChannels: string;
  recordingTrack: string;
  recordingTrim: boolean;
  recordingCallback: string;
  transcriptionEngine: string;
  transcriptionModel: string;
  transcriptionLanguage: string;
  transcriptionTrack: string;
  reportHours: number;
  maxReports: number;
  runIn: string;
  workers: number | '';
  callsPerWorker: number | '';
  workerMemory: number;
  oldCalls: number;
  workerNodes: string;
  workerApology: string;
  voice: string;
  language: string;
  options: string;
  headers: string;
}

const text = catalogue('telnyx-in');
const check = checks('telnyx-in');

RED.nodes.registerType<Properties>('telnyx-in', {
  category: 'voice agent',
  color: '#E9B0B4',
  inputs: 0,
  outputs: 2,
  icon: 'voice-telnyx-in.svg',
  defaults: {
    version: { value: 1 },
    name: { value: '' },
    account: { value: '', type: 'telnyx-account', required: true, label: text('common.label.account') },
    path: { value: '/telnyx/voice', label: text('telnyx-in.label.path'), validate: check.path() },
    parameters: { value: '{}', label: text('telnyx-in.label.parameters'), validate: check.headers() },
    maxCalls: {
      value: 20,
      label: text('telnyx-in.label.maxCalls'),
      validate: check.number(1, 10000, { required: true, integer: true }),
    },
    busy: { value: 'say', label: text('telnyx-in.label.busy'), validate: check.choice(['say', 'reject', 'forward']) },
    busyText: { value: 'All lines are busy. Please call again later.' },
    forwardTo: { value: '', label: text('telnyx-in.label.forwardTo'), validate: check.phone() },
    maxDuration: {
      value: 30,
      label: text('telnyx-in.label.maxDuration'),
      validate: check.number(1, 1440, { required: true }),
    },
    idleTimeout: {
      value: 120,
      label: text('telnyx-in.label.idleTimeout'),
      validate: check.number(10, 3600, { required: true }),
    },
    goodbye: { value: 'Goodbye.' },
    record: {
      value: 'off',
      label: text('common.automatic.label.record'),
      validate: check.choice(['off', 'start', 'notice']),
    },
    transcribe: {
      value: 'off',
      label: text('common.automatic.label.transcribe'),
      validate: check.choice(['off', 'start', 'notice']),
    },
    notice: { value: '', label: text('common.automatic.label.notice') },
    recordingChannels: {
      value: 'dual',
      label: text('common.automatic.label.recordingChannels'),
      validate: check.choice(['dual', 'mono']),
    },
    recordingTrack: {
      value: 'both',
      label: text('common.automatic.label.recordingTrack'),
      validate: check.choice(['both', 'inbound', 'outbound']),
    },
    recordingTrim: { value: false },
    recordingCallback: {
      value: '',
      label: text('common.automatic.label.recordingCallback'),
      validate: check.url(['https', 'http']),
    },
    transcriptionEngine: { value: '' },
    transcriptionModel: { value: '' },
    transcriptionLanguage: { value: '' },
    transcriptionTrack: {
      value: 'both',
      label: text('common.automatic.label.transcriptionTrack'),
      validate: check.choice(['both', 'inbound', 'outbound']),
    },
    reportHours: {
      value: 24,
      label: text('common.automatic.label.reportHours'),
      validate: check.number(0.01, 720, { required: true }),
    },
    maxReports: {
      value: 10000,
      label: text('common.automatic.label.maxReports'),
      validate: check.number(1, 1000000, { required: true, integer: true }),
    },
    runIn: {
      value: 'runtime',
      label: text('common.workers.label.runIn'),
      validate: check.choice(['runtime', 'workers']),
    },
    workers: {
      value: '',
      label: text('common.workers.label.workers'),
      validate: check.number(1, 256, { integer: true }),
    },
    callsPerWorker: {
      value: '',
      label: text('common.workers.label.callsPerWorker'),
      validate: check.number(1, 10000, { integer: true }),
    },
    workerMemory: {
      value: 256,
      label: text('common.workers.label.memory'),
      validate: check.number(32, 16384, { required: true }),
    },
    oldCalls: {
      value: 60,
      label: text('common.workers.label.oldCalls'),
      validate: check.number(0.01, 1440, { required: true }),
    },
    workerNodes: { value: '' },
    workerApology: { value: 'We are sorry, there is a technical problem. Please call again.' },
    voice: { value: 'female' },
    language: { value: 'en-US' },
    options: { value: '{}', label: text('common.label.options'), validate: check.json() },
    headers: { value: '{}', label: text('common.label.headers'), validate: check.headers() },
  },
  paletteLabel() {
    return this._('telnyx-in.label.node');
  },
  label() {
    return this.name || this._('telnyx-in.label.node');
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  outputLabels(index) {
    return this._(index === 0 ? 'telnyx-in.output.call' : 'telnyx-in.output.events');
  },
  oneditprepare() {
    fillMissing(this);
    for (const property of ['parameters', 'options', 'headers']) jsonField(this, property);
    const busy = choiceField(this, 'busy', [
      { value: 'say', label: this._('telnyx-in.busy.say') },
      { value: 'reject', label: this._('telnyx-in.busy.reject') },
      { value: 'forward', label: this._('telnyx-in.busy.forward') },
    ]);
    const show = () => {
      const value = busy.val();
      $('.voice-agent-busy-text').toggle(value !== 'reject' && value !== 'forward');
      $('.voice-agent-busy-forward').toggle(value !== 'reject' && value !== 'say');
    };
    busy.on('change', show);
    show();
    automaticFields(this);
    workerFields(this);
    openFaulty();
  },
});
