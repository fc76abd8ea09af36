import { catalogue, checks, choiceField, isVariable, jsonField, openFaulty, TOPICS } from './dialog.editor';

interface Properties {
  version: number;
  name: string;
  action: string;
  on: string;
  when: string;
  goodbye: string;
  to: string;
  allowed: string;
  perHour: number;
  callerId: string;
  ringTimeout: number;
  timeLimit: number;
  afterwards: string;
  recordingChannels: string;
  recordingTrack: string;
  recordingTrim: boolean;
  recordingCallback: string;
  file: string;
  createDir: boolean;
  remove: boolean;
  transcriptionEngine: string;
  transcriptionModel: string;
  transcriptionLanguage: string;
  transcriptionTrack: string;
  digits: string;
  values: string;
}

/** What people put between them does no harm. */
const DIGITS = /^(?=.*[0-9A-Dw*#])([\s-]*[0-9A-Dw*#]){1,64}[\s-]*$/i;
const text = catalogue('call-control');
const check = checks('call-control');

RED.nodes.registerType<Properties>('call-control', {
  category: 'voice agent',
  color: '#E9B0B4',
  inputs: 1,
  outputs: 1,
  icon: 'voice-call-control.svg',
  defaults: {
    version: { value: 1 },
    name: { value: '' },
    action: {
      value: 'hang-up',
      label: text('call-control.label.action'),
      validate: check.choice([
        ...['hang-up', 'transfer', 'recording-start', 'recording-pause', 'recording-resume', 'recording-stop'],
        ...['recording-delete', 'recording-fetch', 'transcription-start', 'transcription-stop', 'private-on'],
        ...['private-off', 'digits', 'set-values', 'message'],
      ]),
    },
    on: {
      value: '',
      label: text('call-control.label.on'),
      validate: check.matching(TOPICS, 'call-control.invalid.on'),
    },
    when: { value: 'finished', label: text('call-control.label.when'), validate: check.choice(['finished', 'now']) },
    goodbye: { value: '' },
    to: { value: '', label: text('call-control.label.to'), validate: check.callable() },
    allowed: { value: '', label: text('call-control.label.allowed'), validate: check.prefixes() },
    perHour: {
      value: 10,
      label: text('call-control.label.perHour'),
      validate: check.number(1, 1000, { required: true, integer: true }),
    },
    callerId: { value: '', label: text('call-control.label.callerId'), validate: check.callable() },
    ringTimeout: {
      value: 30,
      label: text('call-control.label.ringTimeout'),
      validate: check.number(5, 600, { required: true }),
    },
    timeLimit: {
      value: 240,
      label: text('call-control.label.timeLimit'),
      validate: check.number(0.5, 240, { required: true }),
    },
    afterwards: {
      value: 'end',
      label: text('call-control.label.afterwards'),
      validate: check.choice(['end', 'back']),
    },
    recordingChannels: {
      value: 'dual',
      label: text('call-control.label.recordingChannels'),
      validate: check.choice(['dual', 'mono']),
    },
    recordingTrack: {
      value: 'both',
      label: text('call-control.label.recordingTrack'),
      validate: check.choice(['both', 'inbound', 'outbound']),
    },
    recordingTrim: { value: false },
    recordingCallback: {
      value: '',
      label: text('call-control.label.recordingCallback'),
      validate: check.url(['https', 'http']),
    },
    file: { value: '' },
    createDir: { value: false },
    remove: { value: false },
    transcriptionEngine: { value: '' },
    transcriptionModel: { value: '' },
    transcriptionLanguage: { value: '' },
    transcriptionTrack: {
      value: 'both',
      label: text('call-control.label.transcriptionTrack'),
      validate: check.choice(['both', 'inbound', 'outbound']),
    },
    digits: {
      value: '',
      label: text('call-control.label.digits'),
      validate: check.matching(DIGITS, 'call-control.invalid.digits'),
    },
    values: { value: '{}', label: text('call-control.label.values'), validate: check.headers() },
  },
  paletteLabel() {
    return this._('call-control.label.node');
  },
  label() {
    return this.name || this._(`call-control.action.${isVariable(this.action) ? 'message' : this.action}`);
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('call-control.input.order');
  },
  outputLabels() {
    return this._('call-control.output.result');
  },
  oneditprepare() {
    const own = (group: string, values: string[]): { value: string; label: string }[] =>
      values.map((value) => ({ value, label: this._(`call-control.${group}.${value}`) }));
    const shared = (group: string, values: string[]): { value: string; label: string }[] =>
      values.map((value) => ({ value, label: this._(`common.automatic.${group}.${value}`) }));
    const action = choiceField(
      this,
      'action',
      own('action', [
        ...['hang-up', 'transfer', 'recording-start', 'recording-pause', 'recording-resume', 'recording-stop'],
        ...['recording-delete', 'recording-fetch', 'transcription-start', 'transcription-stop', 'private-on'],
        ...['private-off', 'digits', 'set-values', 'message'],
      ]),
    );
    const when = choiceField(this, 'when', own('when', ['finished', 'now']));
    choiceField(this, 'afterwards', own('afterwards', ['end', 'back']));
    choiceField(this, 'recordingChannels', shared('channels', ['dual', 'mono']));
    for (const property of ['recordingTrack', 'transcriptionTrack']) {
      choiceField(this, property, shared('track', ['both', 'inbound', 'outbound']));
    }
    jsonField(this, 'values');
    const show = (): void => {
      const chosen = String(action.typedInput('value'));
      // What a variable or a message says is known only when the flow runs.
      const open = chosen === 'message' || isVariable(chosen);
      $('.voice-agent-dialog [data-actions]').each(function () {
        const of = ($(this).attr('data-actions') ?? '').split(' ');
        $(this).toggle(of.includes(chosen) || (open && !of.includes('message')));
      });
      if (String(when.typedInput('value')) === 'finished') $('.voice-agent-now').hide();
    };
    action.on('change', show);
    when.on('change', show);
    show();
    openFaulty();
  },
});
