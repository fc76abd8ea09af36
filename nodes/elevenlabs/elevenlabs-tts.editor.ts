import { catalogue, checks, choiceField, jsonField, openFaulty } from '../call/dialog.editor';

interface Properties {
  version: number;
  name: string;
  account: string;
  voice: string;
  model: string;
  language: string;
  stability: string;
  similarity: string;
  style: string;
  speed: string;
  speakerBoost: string;
  concurrency: number;
  options: string;
  headers: string;
}

const text = catalogue('elevenlabs-tts');
const check = checks('elevenlabs-tts');

RED.nodes.registerType<Properties>('elevenlabs-tts', {
  category: 'voice agent',
  color: '#F0D9A8',
  inputs: 1,
  outputs: 1,
  icon: 'voice-speak-bars.svg',
  defaults: {
    version: { value: 1 },
    name: { value: '' },
    account: { value: '', type: 'elevenlabs-account', required: true, label: text('common.label.account') },
    voice: {
      value: 'JBFqnCBsd6RMkjVDRZzb',
      label: text('elevenlabs-tts.label.voice'),
      validate: check.required(),
    },
    model: { value: 'eleven_flash_v2_5', label: text('common.label.model'), validate: check.required() },
    language: { value: 'en', label: text('common.label.language') },
    stability: { value: '', label: text('elevenlabs-tts.label.stability'), validate: check.number(0, 1) },
    similarity: { value: '', label: text('elevenlabs-tts.label.similarity'), validate: check.number(0, 1) },
    style: { value: '', label: text('elevenlabs-tts.label.style'), validate: check.number(0, 1) },
    speed: { value: '', label: text('elevenlabs-tts.label.speed'), validate: check.number(0.7, 1.2) },
    speakerBoost: {
      value: 'voice',
      label: text('elevenlabs-tts.label.speakerBoost'),
      validate: check.choice(['voice', 'on', 'off']),
    },
    concurrency: {
      value: 10,
      label: text('elevenlabs-tts.label.concurrency'),
      validate: check.number(1, 10000, { required: true, integer: true }),
    },
    options: { value: '{}', label: text('common.label.options'), validate: check.json() },
    headers: { value: '{}', label: text('common.label.headers'), validate: check.headers() },
  },
  paletteLabel() {
    return this._('elevenlabs-tts.label.node');
  },
  label() {
    return this.name || this._('elevenlabs-tts.label.node');
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('elevenlabs-tts.input.text');
  },
  outputLabels() {
    return this._('elevenlabs-tts.output.audio');
  },
  oneditprepare() {
    choiceField(
      this,
      'speakerBoost',
      ['voice', 'on', 'off'].map((value) => ({ value, label: this._(`elevenlabs-tts.speakerBoost.${value}`) })),
    );
    jsonField(this, 'options');
    jsonField(this, 'headers');
    openFaulty();
  },
});
