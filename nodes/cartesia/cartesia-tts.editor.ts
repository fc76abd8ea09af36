import { catalogue, checks, jsonField, openFaulty } from '../call/dialog.editor';

interface Properties {
  version: number;
  name: string;
  account: string;
  voice: string;
  model: string;
  language: string;
  speed: string;
  apiVersion: string;
  concurrency: number;
  options: string;
  headers: string;
}

const text = catalogue('cartesia-tts');
const check = checks('cartesia-tts');

RED.nodes.registerType<Properties>('cartesia-tts', {
  category: 'voice agent',
  color: '#F0D9A8',
  inputs: 1,
  outputs: 1,
  icon: 'voice-speak.svg',
  defaults: {
    version: { value: 1 },
    name: { value: '' },
    account: { value: '', type: 'cartesia-account', required: true, label: text('common.label.account') },
    voice: {
      value: '5c42302c-194b-4d0c-ba1a-8cb485c84ab9',
      label: text('cartesia-tts.label.voice'),
      validate: check.required(),
    },
    model: { value: 'sonic-3.5', label: text('common.label.model'), validate: check.required() },
    language: { value: 'en', label: text('common.label.language'), validate: check.required() },
    speed: { value: '', label: text('cartesia-tts.label.speed'), validate: check.number(0.6, 1.5) },
    apiVersion: { value: '2026-03-01', label: text('cartesia-tts.label.apiVersion'), validate: check.required() },
    concurrency: {
      value: 15,
      label: text('cartesia-tts.label.concurrency'),
      validate: check.number(1, 10000, { required: true, integer: true }),
    },
    options: { value: '{}', label: text('common.label.options'), validate: check.json() },
    headers: { value: '{}', label: text('common.label.headers'), validate: check.headers() },
  },
  paletteLabel() {
    return this._('cartesia-tts.label.node');
  },
  label() {
    return this.name || this._('cartesia-tts.label.node');
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('cartesia-tts.input.text');
  },
  outputLabels() {
    return this._('cartesia-tts.output.audio');
  },
  oneditprepare() {
    jsonField(this, 'options');
    jsonField(this, 'headers');
    openFaulty();
  },
});
