import { catalogue, checks, isVariable, jsonField, openFaulty } from '../call/dialog.editor';

interface Properties {
  version: number;
  name: string;
  account: string;
  model: string;
  language: string;
  endpointing: number;
  utteranceEndMs: number;
  keyterms: string;
  smartFormat: boolean;
  eotThreshold: string;
  eagerEotThreshold: string;
  eotTimeoutMs: string;
  options: string;
  headers: string;
}

const text = catalogue('deepgram-stt');
const check = checks('deepgram-stt');

RED.nodes.registerType<Properties>('deepgram-stt', {
  category: 'voice agent',
  color: '#A6D8C9',
  inputs: 1,
  outputs: 1,
  icon: 'voice-listen.svg',
  defaults: {
    version: { value: 1 },
    name: { value: '' },
    account: { value: '', type: 'deepgram-account', required: true, label: text('common.label.account') },
    model: { value: 'nova-3', label: text('common.label.model'), validate: check.required() },
    language: { value: 'en' },
    endpointing: {
      value: 300,
      label: text('deepgram-stt.label.endpointing'),
      validate: check.number(0, 10000, { integer: true }),
    },
    utteranceEndMs: {
      value: 1000,
      label: text('deepgram-stt.label.utteranceEndMs'),
      validate: check.number(1000, 5000, { integer: true }),
    },
    keyterms: { value: '' },
    smartFormat: { value: true },
    eotThreshold: {
      value: '',
      label: text('deepgram-stt.label.eotThreshold'),
      validate: check.number(0.5, 1),
    },
    eagerEotThreshold: {
      value: '',
      label: text('deepgram-stt.label.eagerEotThreshold'),
      validate: check.number(0.3, 0.9),
    },
    eotTimeoutMs: {
      value: '',
      label: text('deepgram-stt.label.eotTimeoutMs'),
      validate: check.number(500, 60000, { integer: true }),
    },
    options: { value: '{}', label: text('common.label.options'), validate: check.json() },
    headers: { value: '{}', label: text('common.label.headers'), validate: check.headers() },
  },
  paletteLabel() {
    return this._('deepgram-stt.label.node');
  },
  label() {
    return this.name || this._('deepgram-stt.label.node');
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('deepgram-stt.input.call');
  },
  outputLabels() {
    return this._('deepgram-stt.output.transcript');
  },
  oneditprepare() {
    jsonField(this, 'options');
    jsonField(this, 'headers');
    const model = $('#node-input-model');
    const show = () => {
      const value = model.val();
      const flux = typeof value === 'string' && value.startsWith('flux-');
      // What model a variable names is known only when the flow runs.
      const unknown = isVariable(value);
      $('.voice-agent-listen').toggle(unknown || !flux);
      $('.voice-agent-flux').toggle(unknown || flux);
    };
    model.on('input change', show);
    show();
    openFaulty();
  },
});
